"""Labelled sets, judged as any other: which of the cells and spells found were blocked."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from resolver_diff import anomaly, series
from resolver_diff.anomaly import Judged
from resolver_diff.compare import Panel
from resolver_diff.confidence import count, spell_pattern
from resolver_diff.confidence.patterns import Patterns
from resolver_diff.snapshot import Snapshot

CELL = ("qname", "qtype", "resolver")
FOUND = ("mechanism", "evidence_for", "evidence_against", "transport")


@dataclass
class Tally:
    """The cells and spells found in labelled sets, with what was true of them."""

    cells: list[pl.DataFrame] = field(default_factory=list)
    spells: list[pl.DataFrame] = field(default_factory=list)

    def add(self, name: str, days: Iterable[Snapshot], panel: Panel, truth: pl.DataFrame) -> None:
        """Judge the set *name*; *truth* has date, ``CELL`` and blocked (null: cannot be known)."""
        told = truth.filter(pl.col("blocked").is_not_null()).select(
            "date", pl.col(CELL).cast(pl.String), pl.col("blocked")
        )
        found: list[pl.DataFrame] = []
        followed = series.follow(name, days, panel, lambda judged, _: found.append(_wrong(judged)))
        if found:
            cells = pl.concat(found).join(told, on=["date", *CELL])
            self.cells.append(cells.with_columns(set=pl.lit(name)))
        self.spells.append(_labelled(followed.spells.frame, told).with_columns(set=pl.lit(name)))

    def count(self) -> tuple[Patterns, Patterns]:
        """Return what was counted of cells, and of spells; what a set shows twice, judged in two ways, is one."""
        cells = pl.concat(self.cells).unique(["set", "date", *CELL, *FOUND], maintain_order=True)
        spells = pl.concat(self.spells).with_columns(
            pattern=pl.col("mechanisms").map_elements(spell_pattern, return_dtype=pl.String)
        )
        spells = spells.unique(["set", "qname", "country", "first_bad", "pattern"], maintain_order=True)
        return count(cells), count(spells, spells["pattern"])


def _wrong(judged: Judged) -> pl.DataFrame:
    """Return the anomalies of a date that users see, but for controls: date, country, ``CELL`` and ``FOUND``."""
    wrong = anomaly.told(anomaly.standing(judged.cells.filter(pl.col("role") != "control"), judged.past))
    joined = [pl.col(name).list.join(" ") for name in ("evidence_for", "evidence_against")]
    texts = [pl.col(name).cast(pl.String) for name in ("country", *CELL, "mechanism", "transport")]
    return wrong.select(pl.lit(judged.date).alias("date"), *texts, *joined)


def _labelled(spells: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Return the spells with *blocked*: whether any of the cells that they span was; without those not known."""
    spells = spells.with_row_index("spell")
    where = spells.select("spell", "qname", "first_bad", "last_bad", resolver="resolvers").explode("resolver")
    inside = told.join(where, on=["qname", "resolver"])
    inside = inside.filter(pl.col("date").is_between("first_bad", "last_bad"))
    known = inside.group_by("spell").agg(pl.col("blocked").any())
    return spells.join(known, on="spell").drop("spell")


def dated(labels: pl.DataFrame, dates: tuple[date, ...]) -> pl.DataFrame:
    """Return *labels* with date in the place of day."""
    days = pl.DataFrame({"day": range(len(dates)), "date": dates}, schema={"day": pl.Int64, "date": pl.Date})
    return labels.join(days, on="day").drop("day")
