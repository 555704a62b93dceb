"""Spells -> events over all dates: what alerts, pages and metrics tell of is the event, not each name of it."""

import polars as pl

from resolver_diff.series.telling import means
from resolver_diff.tables import Courses, Spells

SURE = ("confidence", "confidence_low", "confidence_high", "confidence_cases", "confidence_says")


def courses(spells: Spells) -> Courses:
    """Return the events that *spells* belong to, the oldest first."""
    frame = spells.frame
    if not frame.height:
        return Courses.empty()
    kinds = pl.Series("means", [means(row) for row in frame["mechanisms"]], dtype=pl.String)
    grouped = frame.with_columns(kinds).group_by("event", maintain_order=True)
    first_began = pl.col("first_bad") == pl.col("first_bad").min()
    events = grouped.agg(
        pl.col("vantage", "country", "domain_set", "means", "says").first(),
        *(pl.col(name).explode().unique().sort() for name in ("mechanisms", "resolvers", "evidence")),
        pl.col("qname").unique().sort().alias("qnames"),
        pl.col("qname").filter(pl.col("first_good").is_null()).unique().sort().alias("going_on"),
        pl.max("denominator", "last_bad", "by_chance", "elsewhere", "at_once"),
        pl.min("first_bad", "reported"),
        # as its sentence has it: seen to begin only where all that began first were
        last_good=pl.when(pl.col("last_good").filter(first_began).null_count() == 0).then(
            pl.col("last_good").filter(first_began).max()
        ),
        first_good=pl.when(pl.col("first_good").null_count() == 0).then(pl.col("first_good").max()),
    )
    events = events.join(_usual_confidence(frame), on="event", how="left", nulls_equal=True)
    return Courses.of(events.sort("first_bad", "country", "event"))


def _usual_confidence(spells: pl.DataFrame) -> pl.DataFrame:
    """Return the confidence that most spells of each event have."""
    counted = spells.group_by("event", *SURE).len().sort("event", "len", "confidence", descending=[False, True, True])
    return counted.unique("event", keep="first", maintain_order=True).drop("len")


def asked(events: pl.DataFrame, cells: pl.DataFrame) -> set[str]:
    """Return which of *events*, rows of ``Courses``, could be seen in *cells*: a witness was asked for a name of it.

    Of the others nobody learns when they end.
    """
    pairs = events.select("event", qname="qnames", resolver="resolvers").explode("qname").explode("resolver")
    there = cells.select(pl.col("qname", "resolver").cast(pl.String)).unique()
    return set(pairs.join(there, on=["qname", "resolver"], how="semi")["event"])
