"""What stays known of the dates that were judged, for the ones after them.

Most of what is kept of a date is how each cell stood: as it was last seen, carried over the
dates on which nothing could be told. A block that begins on a night when its resolver is down
is found on the first night after it, next to the last one before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from resolver_diff.compare.pools import Answers
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
}


@dataclass(frozen=True, slots=True)
class Past:
    """What stays known of an earlier date.

    *cells*: key, r, q, kind, said, consensus, state, and

    - *was*, *was_mechanism*, *was_found*, *was_on*: how the cell stood when it could last be told, by
      what, on which evidence, and when; ``agrees`` also for an answer that was not wrong; null: it never
      could be told
    - *was_answered*: there was an answer then, and so something to lose
    - *nights*: dates in a row on which it had no answer while the controls answered
    - *luck*: how probable it is that it had none on all of these by chance; null: nothing was lost
    - *had_aa*: one of its answers that were not divergent had AA set; null: it never answered

    *answers* and *published* as in the comparison.
    """

    date: date
    cells: pl.DataFrame
    answers: Answers
    published: pl.DataFrame


def is_wrong(column: str = "state") -> pl.Expr:
    """Tell whether a state is one of those that make an anomaly."""
    return pl.col(column).is_in([str(one) for one in WRONG])


def is_part_of_more() -> pl.Expr:
    """Tell a cell that is lost only as part of its whole name: the controls never had an answer to it."""
    return (pl.col("state") == State.VANISHED) & (pl.col("consensus") != "answer")


def returns() -> pl.Expr:
    """Tell an unconvicted answer that is known from before, or from other countries: not just any other one."""
    known = pl.col("seen_before") | (pl.col("others_giving") > 0)
    return (pl.col("state") == State.INSUFFICIENT) & (pl.col("kind") == "answer") & known


def remember(day: date, cells: pl.DataFrame, answers: Answers, published: pl.DataFrame, past: Sequence[Past]) -> Past:
    """Keep what later dates will want to know; *past* is what was kept of the ones before."""
    before = past[-1].cells.select("key", *CARRIED) if past else pl.DataFrame(schema={"key": pl.UInt64(), **CARRIED})
    kept = ("key", "r", "q", "kind", "said", "consensus", "state", "mechanism")
    fresh = cells.select(
        *kept,
        "found",
        "aa",
        "unfit",
        returns=returns(),
        part=is_part_of_more(),
        lost=(pl.col("apparent") == State.VANISHED) & (pl.col("consensus") == "answer"),
        today="luck",
    )
    joined = fresh.join(before, on="key", how="left", maintain_order="left")
    joined = joined.with_columns(stands=_stands())
    told = pl.col("stands").is_not_null()
    answered = (pl.col("kind") == "answer") & (pl.col("state") != State.DIVERGENT)
    joined = joined.with_columns(
        was=pl.when(told).then("stands").otherwise("was").cast(STATE),
        was_answered=pl.when(told).then(pl.col("kind") == "answer").otherwise("was_answered"),
        was_mechanism=pl.when(told).then("mechanism").otherwise("was_mechanism"),
        was_found=pl.when(told).then("found").otherwise("was_found"),
        was_on=pl.when(told).then(pl.lit(day)).otherwise("was_on"),
        nights=pl.when("unfit")
        .then("nights")
        .when("lost")
        .then(pl.col("nights").fill_null(0) + 1)
        .otherwise(0)
        .cast(pl.UInt16),
        luck=pl.when("unfit").then("luck").otherwise("today"),
        had_aa=pl.when(answered & ~pl.col("unfit"))
        .then(pl.col("aa").fill_null(value=False) | pl.col("had_aa").fill_null(value=False))
        .otherwise("had_aa"),
    )
    stays = before.join(fresh, on="key", how="anti")  # what this date did not ask stands as it stood
    if stays.height:
        r, q = (stays["key"] & (2**32 - 1)).cast(pl.UInt32), (stays["key"] // 2**32).cast(pl.UInt32)
        joined = pl.concat([joined, stays.with_columns(r=r, q=q)], how="diagonal").sort("key")
    return Past(day, joined.select(*kept[:-1], *CARRIED), answers, published)


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


def answers_given(day: Past, cells: pl.DataFrame) -> pl.DataFrame:
    """Return the tokens that *cells* (key) gave on *day* while they were there: key, token_kind, token, agreed.

    *agreed*: as the controls did; else the answer only was not wrong.
    """
    there = (pl.col("was") == State.AGREES) & (pl.col("was_on") == day.date) & (pl.col("kind") == "answer")
    fine = day.cells.filter(there).join(cells, on="key", how="semi")
    fine = fine.with_columns(agreed=pl.col("state") == State.AGREES)
    return day.answers.of_rows(fine, "key", "agreed")
