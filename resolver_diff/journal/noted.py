"""What is noted of a finished batch, so that nobody has to read it again."""

from typing import Any

import polars as pl

from resolver_diff.tables import Outcome, Purpose

ENTRY = ("resolver", "transport")
SPEAKS = pl.col("reply").is_not_null() | pl.col("tc").fill_null(value=False)


def of(rows: pl.DataFrame) -> dict[str, Any]:
    """Return what is noted of *rows*, as JSON can hold it."""
    return {
        "counts": _counts(rows),
        "domain_sets": sorted(rows["domain_set"].unique().cast(pl.String), key=lambda name: name or ""),
        "speaking": sorted(speaking(rows.lazy())),
        "troubles": _troubles(rows),
        "withheld": _withheld(rows),
    }


def speaking(rows: pl.LazyFrame) -> set[tuple[str, str]]:
    """Return name and transport of the resolvers that have sent any message, be it one that was truncated."""
    return set(rows.filter(SPEAKS).select(ENTRY).unique().select(pl.all().cast(pl.String)).collect().rows())


def _troubles(rows: pl.DataFrame) -> list[tuple[str, str, str]]:
    """Return the trouble that each resolver met most often with what it was asked: name, transport, words."""
    if rows["trouble"].null_count() == rows.height:
        return []
    met = rows.filter(pl.col("trouble").is_not_null() & pl.col("asked_at").is_not_null())
    met = met.select(pl.col(*ENTRY, "trouble").cast(pl.String))
    return met.group_by(ENTRY).agg(pl.col("trouble").mode().sort().first()).sort(ENTRY).rows()


def _withheld(rows: pl.DataFrame) -> list[tuple[str, str, int]]:
    """Return how many questions were not asked, by resolver and transport."""
    if not rows["asked_at"].null_count():
        return []
    counts = rows.filter(pl.col("asked_at").is_null()).group_by(pl.col(ENTRY).cast(pl.String)).len()
    return sorted(counts.rows())


def _counts(rows: pl.DataFrame) -> dict[str, int]:
    """Return what a finished batch holds, in numbers."""
    replied, sent = pl.col("reply").is_not_null(), pl.col("asked_at").is_not_null()
    control = pl.col("purpose") == Purpose.CONTROL
    once = not rows["attempt"].max() and not rows["reply"].max()  # then each question has one row

    def questions(which: pl.Expr) -> pl.Expr:
        return which.sum() if once else pl.col("number").filter(which).n_unique()

    counted = rows.select(
        questions=questions(pl.col("number").is_not_null()),
        queries=((pl.col("reply").fill_null(0) == 0) & sent).sum(),
        replies=replied.sum(),
        second_replies=(pl.col("reply") > 0).sum(),
        truncated=(pl.col("tc") & (pl.col("reply").fill_null(0) == 0)).sum(),
        silent=questions(sent).cast(pl.Int64) - questions(replied).cast(pl.Int64),
        withheld=(~sent).sum(),
        control_replies=(control & replied).sum(),
        control_answers=(control & (pl.col("outcome") == Outcome.ANSWER)).sum(),
    )
    return {name: int(count) for name, count in counted.row(0, named=True).items()}
