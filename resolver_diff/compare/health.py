"""How each resolver was on a date: is it fit to be judged, and as a control to vote?

A resolver is measured by its control names, so that one which denies most of a
list of blocked names, as a national register does, is not taken for a broken one.
Where there are too few control names, by how much of everything it lost.
"""

import polars as pl

from resolver_diff.compare import control_names, replies
from resolver_diff.compare.beside import beside
from resolver_diff.tables import DENIALS, Condition, Health, Outcome, Purpose, State

INFORMATIVE = 3  # control questions that the controls' consensus answers; fewer say nothing about a resolver
FAILED = 1 / 2  # of them, not answered: it is ill
LOST = 1 / 3  # of everything, silent or failed: it is ill
OPPOSED = 1 / 3  # of the questions the other controls are unanimous on: it has another view, and loses its vote
NEARLY_EVERY = 9 / 10  # names denied for one qtype: that qtype is stripped
LOSSES = ("silence", "failure")
NAMES = 3  # registrable domains; what befalls fewer is about the names, not about the resolver


def profile(observations: pl.DataFrame, said: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Add to *entries* what befell its questions, its condition, and whether it votes.

    *unfit*: silent or ill; *misled*: ill, and control names get what names that cannot exist get. *canary*: what
    it answers to names that cannot exist, or null; *rewriter*: it answers them.
    """
    tested = control_names.questions(observations, entries)
    told = ("r", "kind", "outcome", "referral")
    telling = _telling(said)
    everything = pl.concat([telling.select(*told, "telling"), tested.select(*told, telling=pl.lit(value=True))])
    counts = everything.group_by("r").agg(
        asked=pl.len().cast(pl.UInt32),
        silent=(pl.col("kind") == "silence").sum().cast(pl.UInt32),
        failed=(pl.col("kind") == "failure").sum().cast(pl.UInt32),
        telling=pl.col("telling").sum().cast(pl.UInt32),
        telling_lost=(pl.col("telling") & pl.col("kind").is_in(LOSSES)).sum().cast(pl.UInt32),
        referrals=pl.col("referral").sum().cast(pl.UInt32),
        unreachable=(pl.col("outcome") == Outcome.UNREACHABLE).sum().cast(pl.UInt32),
    )
    canary = control_names.canaries(observations, entries)
    found = entries.join(counts, on="r", how="left").join(canary, on="r", how="left")
    found = found.join(control_names.counts(tested, canary, said), on="r", how="left")
    found = found.join(_trouble(observations, entries), on="r", how="left")
    numbers = (
        "asked",
        "silent",
        "failed",
        "telling",
        "telling_lost",
        "control_misled",
        "referrals",
        "unreachable",
        "control_asked",
        "control_failed",
    )
    found = found.with_columns(pl.col(name).fill_null(0).cast(pl.UInt32) for name in numbers)
    found = found.with_columns(condition=_condition(), rewriter=pl.col("canary").is_not_null())
    unfit = pl.col("condition").is_in([Condition.SILENT, Condition.ILL])
    votes = (pl.col("role") == "control") & (pl.col("condition") == Condition.WELL)
    misled = unfit & (pl.col("control_misled") > 0)
    return found.with_columns(unfit=unfit, misled=misled, votes=votes, says=_says()).sort("r")


def _telling(said: pl.DataFrame) -> pl.DataFrame:
    """Add *telling*: whether to lose the question says something about a resolver; what most of them lose does not.

    Resolvers that say nothing at all are not counted, nor are questions that fewer than three were asked.
    """
    lost = pl.col("kind").is_in(LOSSES)
    alive = said.group_by("r").agg(alive=(pl.col("kind") != "silence").any())
    heard = said.select("q", "r", "kind").join(alive.filter("alive"), on="r", how="semi")
    counts = heard.group_by("q").agg(asked=pl.len(), lost=lost.sum())
    widely = counts.filter((pl.col("asked") >= NAMES) & (2 * pl.col("lost") > pl.col("asked")))
    widely = widely.select("q", telling=pl.lit(value=False))
    return beside(said, widely, "q").with_columns(pl.col("telling").fill_null(value=True))


def _trouble(observations: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return per entry *trouble*: what most of the queries without a reply were told instead; null: they were not."""
    lost = observations.filter(pl.col("reply").is_null(), replies.was_asked())
    lost = lost.select(pl.col("resolver").cast(pl.String), "transport", pl.col("trouble").cast(pl.String)).join(
        entries, on=["resolver", "transport"]
    )
    told = lost.group_by("r", "trouble").agg(queries=pl.len())
    most = 2 * pl.col("queries") > pl.col("queries").sum().over("r")
    return told.filter(most, pl.col("trouble").is_not_null()).select("r", "trouble")


def _condition() -> pl.Expr:
    """Say how an entry was, from its counts."""
    failing = pl.col("control_failed") >= FAILED * pl.col("control_asked")
    losing = (pl.col("telling_lost") > 0) & (pl.col("telling_lost") >= LOST * pl.col("telling"))
    ill = pl.when(pl.col("control_asked") >= INFORMATIVE).then(failing).otherwise(losing)
    return (
        pl.when(pl.col("asked") == pl.col("silent"))
        .then(pl.lit(Condition.SILENT))
        .when(ill | _does_not_recurse())
        .then(pl.lit(Condition.ILL))
        .when(pl.col("canary").is_not_null() | pl.col("canary_nodata").fill_null(value=False))
        .then(pl.lit(Condition.REWRITES_NXDOMAIN))
        .otherwise(pl.lit(Condition.WELL))
        .cast(Health.schema["condition"])
    )


def _does_not_recurse() -> pl.Expr:
    """Tell a resolver that looks nothing up: what it still answers, names everybody asks for, is in its cache."""
    refers = (pl.col("referrals") > 0) & (pl.col("referrals") >= LOST * pl.col("asked"))
    return refers | pl.col("canary_failed").fill_null(value=False)


def _says() -> pl.Expr:
    """Say the condition as a sentence."""
    tested = pl.col("control_asked") >= INFORMATIVE
    failing = pl.col("control_failed") >= FAILED * pl.col("control_asked")
    ill = pl.col("condition") == Condition.ILL
    silent = pl.col("condition") == Condition.SILENT
    return (
        pl.when(silent & (pl.col("unreachable") == pl.col("asked")) & _nobody_there())
        .then(pl.format("all {} questions were refused: nothing listens at its address", "asked"))
        .when(silent)
        .then(_with_trouble(pl.format("none of {} questions got a reply", "asked")))
        .when(ill & tested & failing)
        .then(_control_failures())
        .when(ill & (pl.col("referrals") > 0) & (pl.col("referrals") >= LOST * pl.col("asked")))
        .then(pl.format("{} of {} questions got a referral: it does not look names up", "referrals", "asked"))
        .when(ill & pl.col("canary_failed"))
        .then(pl.format("names that cannot exist end in {}: it does not look names up", _failures()))
        .when(ill)
        .then(_losses())
        .when(pl.col("canary").is_not_null())
        .then(pl.format("names that cannot exist are answered with {}", pl.col("canary").list.join(", ")))
        .when(pl.col("canary_nodata"))
        .then(pl.lit("names that cannot exist end in NODATA, and not in NXDOMAIN"))
    )


def _control_failures() -> pl.Expr:
    """Say how many control questions failed, and how most of these did."""
    counts = pl.format("{} of {} control questions got no proper answer", "control_failed", "control_asked")
    some = pl.when(pl.col("control_endings") > 1).then(pl.lit("mostly ")).otherwise(pl.lit(""))
    ended = pl.col("control_ended").replace(
        {
            Outcome.ANSWER: "what names that cannot exist get",
            Outcome.TIMEOUT: "no reply",
            **{outcome: outcome.upper() for outcome in (*DENIALS, Outcome.SERVFAIL, Outcome.REFUSED)},
        }
    )
    return pl.concat_str(counts, pl.format(" ({}{})", some, ended), ignore_nulls=True)


def _nobody_there() -> pl.Expr:
    """Tell that a port is closed; the network may also have no way there."""
    return (pl.col("trouble").str.to_lowercase() == "connection refused").fill_null(value=True)


def _losses() -> pl.Expr:
    """Say what it lost."""
    return _with_trouble(pl.format("{} of {} questions got no reply, {} an error", "silent", "asked", "failed"))


def _with_trouble(sentence: pl.Expr) -> pl.Expr:
    """Add to a *sentence* about silence what most of the queries were told instead, if anything."""
    return pl.concat_str(sentence, pl.lit(": ") + pl.col("trouble"), ignore_nulls=True)


def _failures() -> pl.Expr:
    """Say what canaries ended in; a referral ends in no RCODE of its own."""
    return pl.col("failures").str.replace(Outcome.NODATA.upper(), "a referral")


def replaced(entries: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Take the vote from the entries *found* (r, *intercepted*) that somebody else answers for, and name these.

    Adds *replaced*. What they say is judged all the same, as what is heard at that address.
    """
    told = entries.join(found, on="r", how="left").sort("r")
    here = pl.col("intercepted").is_not_null()
    named = here & ~pl.col("unfit")
    return told.with_columns(
        replaced=here,
        votes=pl.col("votes") & ~here,
        condition=pl.when(named).then(pl.lit(Condition.INTERCEPTED, Health.schema["condition"])).otherwise("condition"),
        says=_joined("intercepted", "says"),
    ).drop("intercepted")


def tell(entries: pl.DataFrame, found: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add to what is said of entries the sentences *name* of *found*, which has r."""
    told = entries.join(found, on="r", how="left").sort("r")
    return told.with_columns(says=_joined("says", name)).drop(name)


def _joined(*sentences: str) -> pl.Expr:
    """Join the *sentences* there are; null when there is none."""
    text = pl.concat_str(sentences, separator="; ", ignore_nulls=True)
    return pl.when(text != "").then(text)


def disown(entries: pl.DataFrame, opposed: pl.DataFrame) -> pl.DataFrame:
    """Take the vote from a control that stands alone on a third of what the other controls are unanimous on."""
    found = entries.join(opposed, on="r", how="left").sort("r")
    alone = (pl.col("opposed") > OPPOSED * pl.col("unanimous")) & (pl.col("opposed") >= NAMES)
    alone = pl.col("votes") & alone.fill_null(value=False)
    sentence = pl.format("the other controls contradict it on {} of {} questions: no vote", "opposed", "unanimous")
    return found.with_columns(
        votes=pl.col("votes") & ~alone, says=pl.when(alone).then(sentence).otherwise(pl.col("says"))
    ).drop("opposed", "unanimous")


def doubt(entries: pl.DataFrame, unproven: pl.DataFrame, contradicted: pl.DataFrame) -> pl.DataFrame:
    """Add to what is said of controls the denials of theirs that are no votes, or that the world contradicts.

    *unproven* and *contradicted* are the cells in question, of any entries.
    """
    bare = unproven.group_by("r").agg(bare=pl.len())
    alone = contradicted.filter(pl.col("votes") & (pl.col("kind") == "denial")).group_by("r").agg(alone=pl.len())
    found = entries.join(bare, on="r", how="left").join(alone, on="r", how="left").sort("r")
    sentences = pl.concat_str(
        "says",
        pl.when(pl.col("bare") > 0).then(
            pl.format("denials that claim authority and show no SOA, and are no votes: {}", "bare")
        ),
        pl.when(pl.col("alone") > 0).then(
            pl.format("questions that it denies and most countries answer, not judged: {}", "alone")
        ),
        separator="; ",
        ignore_nulls=True,
    )
    return found.with_columns(says=pl.when(sentences != "").then(sentences)).drop("bare", "alone")


def stripped(said: pl.DataFrame) -> pl.DataFrame:
    """Return each r and qtype denied for nearly every name that has it, while other qtypes are answered there."""
    said = said.select("r", "qtype", "domain", "kind", "consensus", "unfit")
    # what got no reply tells nothing about the type
    answered = said.filter((pl.col("consensus") == "answer") & ~pl.col("unfit") & (pl.col("kind") != "silence"))
    denied = pl.col("kind") == "denial"
    counts = answered.group_by("r", "qtype").agg(
        names=pl.len(), denied=denied.sum(), answers=(pl.col("kind") == "answer").sum()
    )
    others = counts.group_by("r").agg(all_answers=pl.col("answers").sum(), all_names=pl.col("names").sum())
    counts = counts.join(others, on="r")
    rest = pl.col("all_names") - pl.col("names")
    well = (rest > 0) & (2 * (pl.col("all_answers") - pl.col("answers")) > rest)
    nearly = counts.filter(well & (pl.col("denied") >= NEARLY_EVERY * pl.col("names")))
    names = answered.join(nearly, on=["r", "qtype"], how="semi").group_by("r", "qtype")
    enough = names.agg(domains=pl.col("domain").n_unique()).filter(pl.col("domains") >= NAMES)
    return nearly.join(enough, on=["r", "qtype"]).select("r", "qtype", "denied", "names")


def beside_untried(said: pl.DataFrame, observations: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Add *type_untried*: the resolver has answered nothing of this qtype."""
    untried = _never_answered(said, observations, entries)
    qtype = untried["qtype"].cast(said.schema["qtype"])
    said = beside(said, untried.with_columns(qtype, type_untried=pl.lit(value=True)), "r", "qtype")
    return said.with_columns(pl.col("type_untried").fill_null(value=False))


def _never_answered(said: pl.DataFrame, observations: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return each r and qtype of which it answered nothing, control questions included, while it answers others."""
    answers = pl.col("outcome") == Outcome.ANSWER
    controls = observations.filter((pl.col("purpose") == Purpose.CONTROL) & answers)
    controls = controls.select(pl.col("resolver").cast(pl.String), "transport", pl.col("qtype").cast(pl.String))
    known = controls.unique().join(entries.select("r", "resolver", "transport"), on=["resolver", "transport"])
    asked = said.select("r", pl.col("qtype").cast(pl.String), "kind").unique()
    answered = asked.filter(pl.col("kind") == "answer").select("r", "qtype")
    answered = pl.concat([answered, known.select("r", "qtype")]).unique()
    able = answered.select("r").unique()
    return (
        asked.select("r", "qtype").unique().join(able, on="r", how="semi").join(answered, on=["r", "qtype"], how="anti")
    )


def conclude(entries: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Settle the condition by what judging the cells showed: lost at large, lossy, a qtype stripped."""
    by_chance = pl.col("expected_by_chance").is_not_null() & (pl.col("state") == State.INSUFFICIENT)
    shown = cells.group_by("r").agg(
        wide=pl.col("wide").any(),
        domains=pl.col("domain").filter(by_chance & ~pl.col("lost_together")).n_unique(),
        together=pl.col("domain").filter(pl.col("lost_together")).n_unique(),
        qtypes=pl.col("qtype").filter(pl.col("stripped")).unique().sort().str.join(", "),
    )
    found = entries.join(shown, on="r", how="left").sort("r")
    well = pl.col("condition") == Condition.WELL
    found = found.with_columns(
        wide=~pl.col("unfit") & pl.col("wide").fill_null(value=False),
        random=well & (pl.col("domains") >= NAMES),
        struck=well & (pl.col("together") > 0),
        strips=pl.col("qtypes").fill_null("") != "",
    )
    condition = (
        pl.when("wide")
        .then(pl.lit(Condition.ILL))
        .when(well & pl.col("strips"))
        .then(pl.lit(Condition.STRIPS_QTYPE))
        .when(pl.col("random") | pl.col("struck"))
        .then(pl.lit(Condition.LOSSY))
        .otherwise("condition")
        .cast(Health.schema["condition"])
    )
    return found.with_columns(condition=condition, says=_shown())


def _shown() -> pl.Expr:
    """Say what judging the cells showed, before what was said already; null when that is nothing."""
    losses = _losses()
    struck = "{} domains without a common network got no answer, here only and for the first time"
    sentences = pl.concat_str(
        pl.when("wide")
        .then(pl.format("a third of what it answered before is lost: {}", losses))
        .when("random")
        .then(losses),
        pl.when(pl.col("struck") & ~pl.col("wide")).then(pl.format(struck, "together")),
        pl.when("strips").then(pl.format("{} is denied for nearly every name that has it", "qtypes")),
        "says",
        separator="; ",
        ignore_nulls=True,
    )
    return pl.when(sentences != "").then(sentences)
