"""What was said to names that exist everywhere, and to names that exist nowhere: what resolvers are measured by."""

import polars as pl
import polars.selectors as cs

from resolver_diff.compare import replies
from resolver_diff.tables import Outcome, Purpose


def questions(observations: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return one row per control question and entry: r, op, role, qname, qtype, outcome, answer, tc, kind, referral.

    A name asked at the beginning and at the end is two questions; an answered one is worth
    one row with its answer, an unanswered one a row with how it ended.
    """
    question = ["r", "op", "role", "qname", "qtype"]
    rows = _queries(observations, entries, Purpose.CONTROL)
    rounds = rows.group_by(question).agg(rounds=(pl.col("attempt") == 0).sum().clip(1))
    answered = pl.col("outcome") == Outcome.ANSWER
    rows = rows.with_columns(rank=pl.when(answered).then(0).when(pl.col("reply").is_not_null()).then(1).otherwise(2))
    order = ("rank", "asked_at", "attempt")
    rows = rows.sort(*question, *order).join(rounds, on=question, how="left", maintain_order="left")
    place = pl.int_range(pl.len()).over(question)
    return rows.filter(place < pl.col("rounds")).select(*question, "outcome", "answer", "tc", "kind", "referral")


def endings(observations: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return how control questions ended: r, domain, name, ending (silence, an error RCODE, null for a reply)."""
    tested = questions(observations, entries)
    name = pl.col("qname").hash()
    return tested.select("r", domain=name, name=name, ending=replies.ending())


def counts(tested: pl.DataFrame, canary: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Return per entry how many control questions the controls' consensus answers, and how many of these it did not.

    What a resolver answers to names that cannot exist is no answer to a control name either. A control name that
    the controls deny has ceased to exist, or is not known in this network. Where they deny most of them, and do not
    answer most targets in *said* either, it is not the names that are gone but the way to the controls that somebody
    else answers on, and each counts.
    """
    tested = tested.join(canary, on="r", how="left")
    tested = tested.with_columns(good=((pl.col("outcome") == Outcome.ANSWER) & ~told_to_canaries()))
    spoke = tested.filter((pl.col("role") == "control") & (pl.col("kind") != "silence"))
    votes = spoke.group_by("qname", "qtype", "op").agg(vote=pl.col("good").any())
    consensus = votes.group_by("qname", "qtype").agg(yes=pl.col("vote").sum(), all=pl.len())
    heard = consensus.filter(pl.col("all") >= 2).with_columns(answered=2 * pl.col("yes") > pl.col("all"))
    informative = heard.filter("answered")
    if 2 * informative.height < heard.height and not _targets_answered(said, canary):
        informative = heard
    judged = tested.join(informative, on=["qname", "qtype"], how="semi")
    endings = pl.col("outcome").filter(~pl.col("good")).cast(pl.String)
    return judged.group_by("r").agg(
        control_asked=pl.len(),
        control_failed=(~pl.col("good")).sum(),
        control_ended=endings.mode().sort().first(),
        control_endings=endings.n_unique(),
        control_misled=((pl.col("outcome") == Outcome.ANSWER) & told_to_canaries()).sum(),
    )


def _targets_answered(said: pl.DataFrame, canary: pl.DataFrame) -> bool:
    """Tell whether the controls answer more than half of the targets on which they say anything."""
    spoke = said.filter((pl.col("role") == "control") & (pl.col("kind") != "silence")).select("r", "kind", "answer")
    good = (pl.col("kind") == "answer") & ~told_to_canaries()
    share = spoke.join(canary, on="r", how="left").select(good.mean()).item()
    return share is not None and float(share) > 1 / 2


def canaries(observations: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return per entry what it says to names that cannot exist.

    *canary*: a list of its answers, null where it gives none; *canary_failed*: none got a denial or an
    answer, and some a failure; *canary_nodata*: it says NODATA, and never NXDOMAIN.
    """
    rows = _queries(observations, entries, Purpose.CANARY)
    answers, failure = pl.col("outcome") == Outcome.ANSWER, pl.col("kind") == "failure"
    nodata = (pl.col("outcome") == Outcome.NODATA) & ~failure
    told = rows.group_by("r").agg(
        canary=pl.col("answer").filter(answers).drop_nulls().unique().sort(),
        canary_failed=failure.any() & (failure | (pl.col("kind") == "silence")).all(),
        canary_nodata=nodata.any() & ~(pl.col("outcome") == Outcome.NXDOMAIN).any(),
        failures=pl.col("outcome").filter(failure).cast(pl.String).unique().sort().str.join(", ").str.to_uppercase(),
    )
    return told.with_columns(canary=pl.when(pl.col("canary").list.len() > 0).then("canary"))


def told_to_canaries() -> pl.Expr:
    """Tell whether the answer is one that the resolver gives to names that cannot exist."""
    return pl.col("canary").list.contains(pl.col("answer").cast(pl.String)).fill_null(value=False)


def _queries(observations: pl.DataFrame, entries: pl.DataFrame, purpose: Purpose) -> pl.DataFrame:
    """Return one row per query of this purpose: the reply that counts, or that there was none."""
    rows = observations.filter(pl.col("purpose") == purpose, replies.was_asked())
    rows = rows.with_columns(cs.categorical().cast(pl.String))
    rows = rows.join(entries.select("r", "op", "role", "resolver", "transport"), on=["resolver", "transport"])
    rows = rows.with_columns(kind=replies.kind_of(), referral=replies.is_referral()).with_columns(rank=replies.rank())
    query = ["r", "qname", "qtype", "asked_at", "attempt"]
    return rows.sort(*query, "rank", "answer").unique(query, keep="first", maintain_order=True)
