"""What stays known of the dates that were judged, for the ones after them.

One date after the other is looked at and let go of; what is kept does not grow with their number,
but for the addresses that a name had. Most of it is how each cell stood: as it was last seen, carried
over the dates on which nothing could be told. A block that begins on a night when its resolver is
down is found on the first night after it, next to the last one before.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from resolver_diff.compare import CONSENSUS, KINDS, Comparison
from resolver_diff.compare.pools import ADDRESS, NARROW, ORIGIN
from resolver_diff.tables import MECHANISM, STATE, State

WRONG = (State.VANISHED, State.DIVERGENT)
CARRIED = {
    "was": STATE,
    "was_answered": pl.Boolean(),
    "was_mechanism": MECHANISM,
    "was_found": pl.UInt64(),
    "was_on": pl.Date(),
    "nights": pl.UInt16(),
    "luck": pl.Float64(),
    "had_aa": pl.Boolean(),
    "was_right": pl.Boolean(),
    "run_state": STATE,
    "run_since": pl.Date(),
    "run_last": pl.Date(),
    "run_after": pl.Date(),
}
TOKENS = {"token_kind": pl.UInt8(), "token": pl.UInt64()}
FAILED = pl.DataFrame(schema={"q": pl.UInt32(), "token": pl.UInt64(), "fault": pl.UInt64()})


@dataclass(frozen=True, slots=True)
class Past:
    """What stays known of the earlier dates.

    *cells*: key, r, q, kind, consensus, state, as on the last of them (null: not asked), and

    - *was*, *was_mechanism*, *was_found*, *was_on*: how the cell stood when it could last be told, by
      what, on which evidence, and when; ``agrees`` also for an answer that was not wrong; null: it never
      could be told
    - *was_answered*: there was an answer then, and so something to lose
    - *nights*: dates in a row on which it had no answer while the controls answered
    - *luck*: how probable it is that it had none on all of these by chance; null: nothing was lost
    - *had_aa*: one of its answers that were not divergent had AA set; null: it never answered
    - *was_right*: it was not wrong when it last was wrong or answered; null: it never did either
    - *run_state*, *run_since*, *run_last*: the last state other than ``insufficient``, and the first and the
      last date of the run of dates in it; *run_after*: the last date before that run that shows another

    *published*: mark, q, token_kind, token of addresses, prefixes and systems that controls gave. *agreed*: the
    marks of addresses and prefixes in answers that agreed with the controls. *unconvicted*: key, token_kind, token of
    addresses given in answers that differ, when nothing was wrong. *failed*: q, token, fault of handshakes that did
    not go well.
    """

    cells: pl.DataFrame
    published: pl.DataFrame
    agreed: pl.DataFrame
    unconvicted: pl.DataFrame
    failed: pl.DataFrame

    @classmethod
    def nothing(cls) -> "Past":
        """Return what is known before the first date."""
        kept = {"key": pl.UInt64(), "r": pl.UInt32(), "q": pl.UInt32(), "kind": KINDS, "consensus": CONSENSUS}
        cells = pl.DataFrame(schema={**kept, "state": STATE, **CARRIED})
        marks = pl.DataFrame(schema={"mark": pl.UInt64()})
        published = pl.DataFrame(schema={"mark": pl.UInt64(), "q": pl.UInt32(), **TOKENS})
        return cls(cells, published, marks, pl.DataFrame(schema={"key": pl.UInt64(), **TOKENS}), FAILED)


def is_wrong(column: str = "state") -> pl.Expr:
    """Tell whether a state is one of those that make an anomaly."""
    return pl.col(column).is_in([str(one) for one in WRONG])


def is_part_of_more() -> pl.Expr:
    """Tell a cell that is lost only as part of its whole name: the controls never had an answer to it."""
    return (pl.col("state") == State.VANISHED) & (pl.col("consensus") != "answer")


def returns() -> pl.Expr:
    """Tell an unconvicted answer that is known from before, or from other countries: not just any other one."""
    known = pl.col("seen_before") | pl.col("agreed_before") | (pl.col("others_giving") > 0)
    return (pl.col("state") == State.INSUFFICIENT) & (pl.col("kind") == "answer") & known


def remember(comparison: Comparison, cells: pl.DataFrame, past: Past) -> Past:
    """Keep what later dates will want to know; *past* is what was kept of the ones before."""
    day, answers = comparison.date, comparison.answers
    before = past.cells.select("key", *CARRIED)
    kept = ("key", "r", "q", "kind", "consensus", "state")
    fresh = cells.select(
        *kept,
        "mechanism",
        "said",
        "found",
        "aa",
        "unfit",
        "failed_once",
        returns=returns(),
        part=is_part_of_more(),
        lost=(pl.col("apparent") == State.VANISHED) & (pl.col("consensus") == "answer"),
        today="luck",
    )
    joined = fresh.join(before, on="key", how="left", maintain_order="left")
    joined = joined.with_columns(stands=_stands()).with_columns(*_carried(day), *_run(day))
    there = joined.filter((pl.col("stands") == State.AGREES) & (pl.col("kind") == "answer"))
    stays = before.join(fresh, on="key", how="anti")  # what this date did not ask stands as it stood
    if stays.height:
        r, q = (stays["key"] & (2**32 - 1)).cast(pl.UInt32), (stays["key"] // 2**32).cast(pl.UInt32)
        joined = pl.concat([joined, stays.with_columns(r=r, q=q)], how="diagonal").sort("key")
    agreed = there.filter(pl.col("state") == State.AGREES).select("said").unique()
    agreed = agreed.join(answers.bogons, on="said", how="anti")
    # what showed another certificate once may do so again
    other = answers.of_rows(
        there.filter((pl.col("state") != State.AGREES) & ~pl.col("failed_once")), "key", kinds=(ADDRESS,)
    )
    published = comparison.published.filter(pl.col("token_kind").is_in((*NARROW, ORIGIN)))
    return Past(
        joined.select(*kept, *CARRIED),
        _both(past.published, published, "mark"),
        _both(past.agreed, answers.of_rows(agreed, kinds=NARROW)),
        _both(past.unconvicted, other),
        _both(past.failed, comparison.failed),
    )


def _both(known: pl.DataFrame, today: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Return *known* with the rows of *today* that it does not have; they are told apart *by* these columns, or all."""
    same = by or tuple(known.columns)
    new = today.select(known.columns).unique(same).join(known, on=same, how="anti")
    return pl.concat([known, new])


def _carried(day: date) -> list[pl.Expr]:
    """Return how each cell stands, as of *day* or as it stood."""
    told = pl.col("stands").is_not_null()
    answered = (pl.col("kind") == "answer") & (pl.col("state") != State.DIVERGENT)
    nights = pl.when("lost").then(pl.col("nights").fill_null(0) + 1).otherwise(0)
    had_aa = pl.col("aa").fill_null(value=False) | pl.col("had_aa").fill_null(value=False)
    shown = is_wrong() | (pl.col("kind") == "answer")
    return [
        pl.when(told).then("stands").otherwise("was").cast(STATE).alias("was"),
        pl.when(told).then(pl.col("kind") == "answer").otherwise("was_answered").alias("was_answered"),
        pl.when(told).then("mechanism").otherwise("was_mechanism").alias("was_mechanism"),
        pl.when(told).then("found").otherwise("was_found").alias("was_found"),
        pl.when(told).then(pl.lit(day)).otherwise("was_on").alias("was_on"),
        pl.when("unfit").then("nights").otherwise(nights).cast(pl.UInt16).alias("nights"),
        pl.when("unfit").then("luck").otherwise("today").alias("luck"),
        pl.when(answered & ~pl.col("unfit")).then(had_aa).otherwise("had_aa").alias("had_aa"),
        pl.when(shown).then(~is_wrong()).otherwise("was_right").alias("was_right"),
    ]


def _run(day: date) -> list[pl.Expr]:
    """Return the run of dates in one state that *day* continues, begins or says nothing of."""
    told = pl.col("state") != State.INSUFFICIENT
    another = told & pl.col("run_state").ne_missing(pl.col("state"))
    return [
        pl.when(told).then("state").otherwise("run_state").alias("run_state"),
        pl.when(another).then(pl.lit(day)).otherwise("run_since").alias("run_since"),
        pl.when(told).then(pl.lit(day)).otherwise("run_last").alias("run_last"),
        pl.when(another).then("run_last").otherwise("run_after").alias("run_after"),
    ]


def _stands() -> pl.Expr:
    """Return how a cell stands since this date; null where the date cannot tell.

    A foreign answer that nothing convicts does not end a block: it may be the block's next page.
    """
    answers = pl.col("kind") == "answer"
    was_wrong = is_wrong("was").fill_null(value=False)
    return (
        pl.when("part")
        .then(pl.lit(State.GONE))
        .when(pl.col("state") != State.INSUFFICIENT)
        .then(pl.col("state").cast(pl.String))
        .when(answers & ~pl.col("unfit") & (pl.col("returns") | ~was_wrong))
        .then(pl.lit(State.AGREES))
        .cast(STATE)
    )
