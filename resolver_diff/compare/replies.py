"""Rows of observations -> one cell per question and entry: which of several replies counts.

One query may bring several rows: replies that contradict each other, or a silence that was
written down before a late reply came. A question may be asked several times. What counts is
the first reply that answers or denies, of the first attempt that has one: a resolver that says
SERVFAIL and then answers did answer, and so did one that refused while it was asked too fast.
"""

from collections.abc import Iterator

import polars as pl

from resolver_diff.compare.beside import beside
from resolver_diff.tables import DENIALS, FAILURES, OUTCOME, Outcome, Purpose

KINDS = pl.Enum(["answer", "denial", "failure", "silence"])
KEY = ("domain_set", "qname", "qtype", "resolver", "transport")  # the order of cells in tables
TEXTS = (*KEY[1:4], "answer", "cname", "soa")  # of replies; as categories they take a quarter of the room, or less
ASIDE = ("ad", "ttl", "rtt")  # what hints of more, and decides nothing
SAID = ("outcome", "aa", "tc", "answer", "cname", "soa", "ede")  # what is judged of a reply
LONGEST = 2**32 - 1  # microseconds
FAILED_RANK, SILENT_RANK = 1 << 18, 1 << 20  # every failure comes after every answer, every silence after every reply


def kind_of() -> pl.Expr:
    """Sort a row into answer, denial, failure, silence; a referral is a failure, it denies nothing."""
    kinds = dict.fromkeys(DENIALS, "denial") | dict.fromkeys(FAILURES, "failure") | {Outcome.ANSWER: "answer"}
    every = [kinds.get(one, "silence") for one in Outcome]
    by_outcome = pl.col("outcome").cast(OUTCOME).replace_strict(list(Outcome), every, return_dtype=KINDS)
    return pl.when(is_referral()).then(pl.lit("failure", KINDS)).otherwise(by_outcome)


def is_referral() -> pl.Expr:
    """Tell a referral (RFC 2308 2.2.1): name servers and no SOA, from somebody who does not recurse."""
    named = (pl.col("authority") > 0) & pl.col("soa").is_null() & pl.col("cname").is_null()
    return ((pl.col("outcome") == Outcome.NODATA) & named & ~pl.col("ra") & ~pl.col("aa")).fill_null(value=False)


def domain_of(name: pl.Expr) -> pl.Expr:
    """Return the last two labels of a name, near enough to its registrable domain."""
    return name.str.extract(r"([^.]+\.[^.]+)$").fill_null(name)


def was_asked() -> pl.Expr:
    """Tell rows of what was asked; a question that was withheld from a resolver in trouble says nothing of the name."""
    return pl.col("asked_at").is_not_null() | pl.col("reply").is_not_null() | pl.col("trouble").is_null()


def as_categories(rows: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Return *rows* with the texts of *columns* as categories, which sort as texts do."""
    return rows.with_columns(pl.col(columns).cast(pl.Categorical))


def ending() -> pl.Expr:
    """Return how a question ended, if in a way that may be chance: silence, or a failure by its name; else null.

    A truncated reply that could not be had over TCP is a reply: it was not lost.
    """
    lost = (pl.col("kind") == "silence") & ~pl.col("tc").fill_null(value=False)
    return (
        pl.when(lost).then(pl.lit("silence")).when(pl.col("kind") == "failure").then(pl.col("outcome").cast(pl.String))
    )


def rank() -> pl.Expr:
    """Return the place of a row, which has its *kind*, among the rows of one question; the least one counts."""
    attempt, reply = pl.col("attempt").cast(pl.Int32), pl.col("reply").cast(pl.Int32).fill_null(255)
    # of replies the earliest attempt, of silences the latest
    return (
        pl.when(pl.col("kind") == "silence")
        .then(SILENT_RANK - attempt * 512 + reply)
        .when(pl.col("kind") == "failure")
        .then(FAILED_RANK + attempt * 512 + reply)
        .otherwise(attempt * 512 + reply)
    )


def cells(observations: pl.DataFrame, questions: pl.DataFrame, entries: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield one row per target question and entry of the panel, sorted by *key*: once for each time it was put.

    Adds *q*, *r*, *key* (both in one number), *kind*, *rtt* in microseconds, *referral*, *bare* (its AUTHORITY has
    no SOA), *attempts*, *silent_attempts*, and of another reply that answers or denies otherwise
    *second_outcome*, *second_answer*, *second_cname*.
    """
    asked = observations.filter(pl.col("purpose") == Purpose.TARGET, was_asked())
    columns = (
        "resolver",
        "transport",
        "qname",
        "qtype",
        "repeat",
        "attempt",
        "reply",
        "asked_at",
        "ra",
        "authority",
        *ASIDE,
        *SAID,
    )
    asked = as_categories(asked.select(*columns, listed=pl.col("domain_set")), *TEXTS, "listed")
    asked = asked.with_columns(rtt=pl.col("rtt").dt.total_microseconds().clip(0, LONGEST).cast(pl.UInt32))
    asked = asked.join(as_categories(questions, *KEY[:3]), on=["qname", "qtype"], how="inner", maintain_order="left")
    asked = asked.join(
        as_categories(entries, "resolver"), on=["resolver", "transport"], how="inner", maintain_order="left"
    )
    key = pl.col("q").cast(pl.UInt64) * 2**32 + pl.col("r")
    bare = pl.col("soa").is_null() & pl.col("authority").is_not_null()
    asked = asked.with_columns(key=key, kind=kind_of(), referral=is_referral(), bare=bare).drop("ra", "authority")
    repeat = pl.col("repeat").fill_null(0)
    last = asked.select(repeat.max()).item() or 0
    for nth in range(last + 1):
        yield _cells(asked.filter(repeat == nth) if last else asked)


def _cells(asked: pl.DataFrame) -> pl.DataFrame:
    """Return one row per question that was put once, however many attempts and replies that took."""
    alone = asked["key"].is_unique()
    silent = (pl.col("kind") == "silence").cast(pl.UInt8)
    once = asked.filter(alone).with_columns(attempts=pl.lit(1, pl.UInt8), silent_attempts=silent)
    told = (
        "key",
        "q",
        "r",
        *KEY,
        "name",
        "domain",
        "kind",
        "referral",
        "bare",
        *ASIDE,
        *SAID,
        "attempts",
        "silent_attempts",
    )
    several = asked.filter(~alone).with_columns(rank=rank()).sort("key", "rank", "asked_at", "listed", "answer")
    chosen = several.unique("key", keep="first", maintain_order=True)
    chosen = chosen.join(_tries(several), on="key", how="left", maintain_order="left")
    found = pl.concat([once.select(told), chosen.select(told)]).sort("key")
    return beside(found, _seconds(several, chosen), "key")


def _tries(several: pl.DataFrame) -> pl.DataFrame:
    """Return per question *attempts* and how many of them got no reply that can be read."""
    heard = (pl.col("kind") != "silence").any()
    tries = several.group_by("key", "listed", "attempt").agg(heard=heard)
    return tries.group_by("key").agg(
        attempts=pl.len().cast(pl.UInt8), silent_attempts=(~pl.col("heard")).sum().cast(pl.UInt8)
    )


def _seconds(several: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    """Return, where there is one, the first reply beside the one that counts that answers or denies otherwise."""
    query = ["key", "listed", "attempt"]
    said = several.filter(pl.col("kind").is_in(["answer", "denial"]) & pl.col("reply").is_not_null())
    beside = said.filter(~pl.struct(query).is_first_distinct())
    beside = beside.select("key", second_outcome="outcome", second_answer="answer", second_cname="cname")
    beside = beside.join(chosen.select("key", "outcome", "answer"), on="key", how="left", maintain_order="left")
    other = (pl.col("outcome") != pl.col("second_outcome")) | pl.col("answer").ne_missing(pl.col("second_answer"))
    return beside.filter(other).unique("key", keep="first", maintain_order=True).drop("outcome", "answer")
