"""Of the times that a question was put, spread over the run: which one counts, and how many were like it.

What is forged now and then is forged. So of a resolver's repeats the first that is heard to
differ from the controls counts, and beside it stands how many did: 2 of 5. A control counts by
what it says most often, or one bad moment would cost its vote. Silence and failures count where
nothing else was heard. Nothing here is a verdict: what differs may be innocent.
"""

from collections.abc import Iterable

import polars as pl

from resolver_diff.compare.beside import beside
from resolver_diff.compare.pools import Answers
from resolver_diff.compare.replies import KINDS

HEARD = ("answer", "denial")
AGREES = "agrees"


def counting(
    rounds: Iterable[pl.DataFrame], questions: pl.DataFrame, controls: pl.Series, origins: pl.DataFrame
) -> pl.DataFrame:
    """Return the rows that count, one per *key*, of *rounds*, which have each key at most once.

    *controls*: r of the entries that others are compared with. Adds *repeats*: times that the question
    was put; *repeats_alike*: that it ended as the row says; *repeats_agreeing*: that it was answered
    or denied as the controls do, where the row is not.
    """
    each = list(rounds)
    if len(each) == 1:
        once, never = pl.lit(1, pl.UInt8), pl.lit(0, pl.UInt8)
        return each[0].with_columns(repeats=once, repeats_alike=once, repeats_agreeing=never)
    told = pl.concat([frame.with_columns(turn=pl.lit(turn, pl.UInt8)) for turn, frame in enumerate(each)])
    told = told.with_columns(control=pl.col("r").is_in(controls.implode()))
    told = _beside_controls(told, questions, origins)
    chosen = told.sort("key", _preference(), "turn").unique("key", keep="first", maintain_order=True)
    alike = told.join(chosen.select("key", "way"), on=["key", "way"], how="semi")
    agreeing = (pl.col("way") == AGREES).sum().cast(pl.UInt8)
    counts = told.group_by("key").agg(repeats=pl.len().cast(pl.UInt8), repeats_agreeing=agreeing)
    alike = alike.group_by("key").agg(repeats_alike=pl.len().cast(pl.UInt8))
    chosen = beside(beside(chosen, counts, "key"), alike, "key")
    chosen = chosen.with_columns(
        repeats_agreeing=pl.when(pl.col("way") != AGREES).then("repeats_agreeing").otherwise(0)
    )
    return chosen.select(*each[0].columns, "repeats", "repeats_alike", "repeats_agreeing")


def _beside_controls(told: pl.DataFrame, questions: pl.DataFrame, origins: pl.DataFrame) -> pl.DataFrame:
    """Add *usual*: what the controls say most often, answer or denial; and *way*: how this row ended, next to it."""
    heard = told.filter(pl.col("kind").is_in(HEARD))
    said = heard.filter("control").group_by("q").agg(answers=(pl.col("kind") == "answer").sum(), heard=pl.len())
    usual = pl.when(2 * pl.col("answers") >= pl.col("heard")).then(pl.lit("answer")).otherwise(pl.lit("denial"))
    told = beside(told, said.select("q", usual=usual.cast(KINDS)), "q")
    told = _sharing(told, questions, origins)
    other = (pl.col("kind") != pl.col("usual")) | ((pl.col("kind") == "answer") & ~pl.col("shares"))
    way = (
        pl.when(~pl.col("kind").is_in(HEARD))
        .then(pl.col("kind").cast(pl.String))
        .when(pl.col("usual").is_null() | pl.col("control"))
        .then(pl.lit("says ") + pl.col("kind").cast(pl.String))
        .when(other)
        .then(pl.lit("differs by ") + pl.col("kind").cast(pl.String))
        .otherwise(pl.lit(AGREES))
    )
    return told.with_columns(way=way)


def _sharing(told: pl.DataFrame, questions: pl.DataFrame, origins: pl.DataFrame) -> pl.DataFrame:
    """Add *shares*: an address, network or CNAME target is one that a control ever gave for this question."""
    answers = Answers.of(told, questions, origins)
    told = answers.label(told)
    given = answers.of_rows(told.filter((pl.col("kind") == "answer") & pl.col("control")))
    shared = answers.tokens().join(given, on="mark", how="semi").select("said", shares=True).unique()
    return beside(told, shared, "said").with_columns(pl.col("shares").fill_null(value=False)).drop("said")


def _preference() -> pl.Expr:
    """Return the place of a row among those of one key: the least one counts."""
    heard = pl.col("kind").is_in(HEARD)
    often = -pl.len().over("key", "way").cast(pl.Int32)
    return (
        pl.when(pl.col("way").str.starts_with("differs"))
        .then(-1000)
        .when(heard)
        .then(often)
        .when(pl.col("kind") == "failure")
        .then(1000)
        .otherwise(2000)
    )
