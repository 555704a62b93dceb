"""How each resolver was on a date: is it fit to be judged, and as a control to vote?

A resolver is measured by its control names, so that one which denies most of a
list of blocked names, as a national register does, is not taken for a broken one.
Where there are too few control names, by how much of everything it lost.
"""

import polars as pl

from resolver_diff.tables import DENIALS, FAILURES, SILENCES, Condition, Health, Outcome, Purpose, State

INFORMATIVE = 3  # control questions that the controls' consensus answers; fewer say nothing about a resolver
FAILED = 1 / 2  # of them, not answered: it is ill
LOST = 1 / 3  # of everything, silent or failed: it is ill
OPPOSED = 1 / 3  # of the questions the other controls are unanimous on: it has another view, and loses its vote
NEARLY_EVERY = 9 / 10  # names denied for one qtype: that qtype is stripped
NAMES = 3  # registrable domains; what befalls fewer is about the names, not about the resolver


def profile(observations: pl.DataFrame, said: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Add to *entries* what befell its questions, its condition, and whether it votes.

    *unfit*: silent or ill. *canary*: what it answers to names that cannot exist, or null.
    """
    lost = pl.col("outcome").is_in([str(one) for one in SILENCES])
    failed = pl.col("outcome").is_in([str(one) for one in FAILURES])
    tested = control_questions(observations, entries)
    everything = pl.concat([said.select("r", "outcome"), tested.select("r", "outcome")])
    counts = everything.group_by("r").agg(
        asked=pl.len().cast(pl.UInt32), silent=lost.sum().cast(pl.UInt32), failed=failed.sum().cast(pl.UInt32)
    )
    canary = _canaries(observations, entries)
    found = entries.join(counts, on="r", how="left").join(canary, on="r", how="left")
    found = found.join(_control_counts(tested, canary), on="r", how="left")
    numbers = ("asked", "silent", "failed", "control_asked", "control_failed")
    found = found.with_columns(pl.col(name).fill_null(0).cast(pl.UInt32) for name in numbers)
    found = found.with_columns(condition=_condition())
    unfit = pl.col("condition").is_in([Condition.SILENT, Condition.ILL])
    votes = (pl.col("role") == "control") & (pl.col("condition") == Condition.WELL)
    return found.with_columns(unfit=unfit, votes=votes, says=_says()).sort("r")


def control_questions(observations: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return one row per control question and entry: r, op, role, qname, qtype, outcome, answer.

    A name asked at the beginning and at the end is two questions; an answered one is worth
    one row with its answer, an unanswered one a row with how it ended.
    """
    rows = observations.filter((pl.col("purpose") == Purpose.CONTROL) & (pl.col("reply").fill_null(0) == 0))
    rows = rows.join(entries.select("r", "op", "role", "resolver", "transport"), on=["resolver", "transport"])
    question = ["r", "op", "role", "qname", "qtype"]
    answered = pl.col("outcome") == Outcome.ANSWER
    rounds = rows.group_by(question).agg(rounds=(pl.col("attempt") == 0).sum().clip(1))
    rows = rows.with_columns(rank=pl.when(answered).then(0).when(pl.col("reply").is_not_null()).then(1).otherwise(2))
    rows = rows.sort(*question, "rank", "asked_at").join(rounds, on=question, how="left", maintain_order="left")
    place = pl.int_range(pl.len()).over(question)
    return rows.filter(place < pl.col("rounds")).select(*question, "outcome", "answer")


def _control_counts(tested: pl.DataFrame, canary: pl.DataFrame) -> pl.DataFrame:
    """Return per entry how many control questions the controls' consensus answers, and how many of these it did not.

    What a resolver answers to names that cannot exist is no answer to a control name either.
    """
    tested = tested.join(canary, on="r", how="left")
    tested = tested.with_columns(good=((pl.col("outcome") == Outcome.ANSWER) & ~told_to_canaries()))
    spoke = tested.filter((pl.col("role") == "control") & ~pl.col("outcome").is_in([str(one) for one in SILENCES]))
    votes = spoke.group_by("qname", "qtype", "op").agg(vote=pl.col("good").any())
    consensus = votes.group_by("qname", "qtype").agg(yes=pl.col("vote").sum(), all=pl.len())
    informative = consensus.filter((pl.col("all") >= 2) & (2 * pl.col("yes") > pl.col("all")))
    judged = tested.join(informative, on=["qname", "qtype"], how="semi")
    return judged.group_by("r").agg(control_asked=pl.len(), control_failed=(~pl.col("good")).sum())


def control_endings(observations: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return how control questions ended: r, domain, qname, ending (silence, an error RCODE, null for a reply)."""
    tested = control_questions(observations, entries)
    silent = pl.col("outcome").is_in([str(one) for one in SILENCES])
    failed = pl.col("outcome").is_in([str(one) for one in FAILURES])
    ending = pl.when(silent).then(pl.lit("silence")).when(failed).then(pl.col("outcome").cast(pl.String))
    return tested.select("r", "qname", ending=ending).select("r", pl.col("qname").alias("domain"), "qname", "ending")


def _canaries(observations: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return r and *canary*: a list of the answers that an entry gives to names that cannot exist."""
    rows = observations.filter((pl.col("purpose") == Purpose.CANARY) & (pl.col("outcome") == Outcome.ANSWER))
    rows = rows.join(entries.select("r", "resolver", "transport"), on=["resolver", "transport"])
    return rows.group_by("r").agg(canary=pl.col("answer").drop_nulls().unique().sort())


def told_to_canaries() -> pl.Expr:
    """Tell whether the answer is one that the resolver gives to names that cannot exist."""
    return pl.col("canary").list.contains(pl.col("answer")).fill_null(value=False)


def _condition() -> pl.Expr:
    """Say how an entry was, from its counts."""
    failing = pl.col("control_failed") >= FAILED * pl.col("control_asked")
    losing = pl.col("silent") + pl.col("failed") >= LOST * pl.col("asked")
    ill = pl.when(pl.col("control_asked") >= INFORMATIVE).then(failing).otherwise(losing)
    return (
        pl.when(pl.col("asked") == pl.col("silent"))
        .then(pl.lit(Condition.SILENT))
        .when(ill)
        .then(pl.lit(Condition.ILL))
        .when(pl.col("canary").is_not_null())
        .then(pl.lit(Condition.REWRITES_NXDOMAIN))
        .otherwise(pl.lit(Condition.WELL))
        .cast(Health.schema["condition"])
    )


def _says() -> pl.Expr:
    """Say the condition as a sentence."""
    tested = pl.col("control_asked") >= INFORMATIVE
    return (
        pl.when(pl.col("condition") == Condition.SILENT)
        .then(pl.format("none of {} questions got a reply", "asked"))
        .when((pl.col("condition") == Condition.ILL) & tested)
        .then(pl.format("{} of {} control questions got no proper answer", "control_failed", "control_asked"))
        .when(pl.col("condition") == Condition.ILL)
        .then(pl.format("{} of {} questions got no reply, {} an error", "silent", "asked", "failed"))
        .when(pl.col("canary").is_not_null())
        .then(pl.format("names that cannot exist are answered with {}", pl.col("canary").list.join(", ")))
    )


def disown(entries: pl.DataFrame, opposed: pl.DataFrame) -> pl.DataFrame:
    """Take the vote from a control that stands alone on a third of what the other controls are unanimous on."""
    found = entries.join(opposed, on="r", how="left").sort("r")
    alone = (pl.col("opposed") > OPPOSED * pl.col("unanimous")) & (pl.col("opposed") >= NAMES)
    alone = pl.col("votes") & alone.fill_null(value=False)
    sentence = pl.format("the other controls contradict it on {} of {} questions: no vote", "opposed", "unanimous")
    return found.with_columns(
        votes=pl.col("votes") & ~alone, says=pl.when(alone).then(sentence).otherwise(pl.col("says"))
    ).drop("opposed", "unanimous")


def stripped(said: pl.DataFrame) -> pl.DataFrame:
    """Return each r and qtype denied for nearly every name that has it, while other qtypes are answered there."""
    replied = pl.col("kind").is_in(["answer", "denial"])  # loss strikes any qtype
    answered = said.filter((pl.col("consensus") == "answer") & ~pl.col("unfit") & replied)
    denied = pl.col("outcome").is_in([str(one) for one in DENIALS])
    counts = answered.group_by("r", "qtype").agg(
        names=pl.len(),
        denied=denied.sum(),
        domains=pl.col("domain").n_unique(),
        answers=(pl.col("kind") == "answer").sum(),
    )
    others = counts.group_by("r").agg(all_answers=pl.col("answers").sum(), all_names=pl.col("names").sum())
    counts = counts.join(others, on="r")
    rest = pl.col("all_names") - pl.col("names")
    well = (rest > 0) & (2 * (pl.col("all_answers") - pl.col("answers")) > rest)
    nearly = (pl.col("domains") >= NAMES) & (pl.col("denied") >= NEARLY_EVERY * pl.col("names"))
    return counts.filter(well & nearly).select("r", "qtype", "denied", "names")


def conclude(entries: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Settle the condition by what judging the cells showed: lost at large, lossy, a qtype stripped."""
    by_chance = (pl.col("expected_by_chance").is_not_null()) & (pl.col("state") == State.INSUFFICIENT)
    shown = cells.group_by("r").agg(
        wide=pl.col("wide").any(),
        domains=pl.col("domain").filter(by_chance).n_unique(),
        qtypes=pl.col("qtype").filter(pl.col("stripped")).unique().sort().str.join(", "),
    )
    found = entries.join(shown, on="r", how="left").sort("r")
    well = pl.col("condition") == Condition.WELL
    wide = ~pl.col("unfit") & pl.col("wide").fill_null(value=False)
    lossy = well & (pl.col("domains") >= NAMES)
    strips = pl.col("qtypes").fill_null("") != ""
    losses = pl.format("{} of {} questions got no reply, {} an error", "silent", "asked", "failed")
    sentences = pl.concat_str(
        pl.when(wide)
        .then(pl.format("a third of what it answered before is lost: {}", losses))
        .when(lossy)
        .then(losses),
        pl.when(strips).then(pl.format("{} is denied for nearly every name that has it", "qtypes")),
        "says",
        separator="; ",
        ignore_nulls=True,
    )
    condition = (
        pl.when(wide)
        .then(pl.lit(Condition.ILL))
        .when(well & strips)
        .then(pl.lit(Condition.STRIPS_QTYPE))
        .when(lossy)
        .then(pl.lit(Condition.LOSSY))
        .otherwise("condition")
        .cast(Health.schema["condition"])
    )
    return found.with_columns(condition=condition, says=pl.when(sentences != "").then(sentences)).drop(
        "wide", "domains", "qtypes"
    )
