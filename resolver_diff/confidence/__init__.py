"""How often cells with the same evidence were right, on labelled data: a share that was counted, or nothing.

A *pattern* is how a cell is wrong and on what that rests: its mechanism, the evidence that decides, and whatever
speaks against it. Of each pattern the cells are counted that were blocked, and those that were not, on sets of
measurements of which it is known; that share is the confidence in the next cell of the pattern. A pattern that
those sets do not have was never measured, and nothing is said of it.

The interval is Wilson's (see `compare.shares`). Cells are no independent trials: one list of names is
hundreds of cells. So a trial is a *case*, all cells of one name in one country in one labelled set; the share is
that of the cells, and its interval as wide as the number of cases has it (the effective sample size of Korn and
Graubard, Survey Methodology 24, 1998, at its most careful: as if all cells of a case were one).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from resolver_diff.anomaly import reasons
from resolver_diff.compare.shares import interval, percent
from resolver_diff.confidence.patterns import Patterns
from resolver_diff.event import MEANS
from resolver_diff.evidence import Bearing
from resolver_diff.series.telling import means
from resolver_diff.tables import Anomalies, Events, Mechanism, Spells

__all__ = [
    "COLUMNS",
    "NEVER",
    "Measured",
    "Origin",
    "count",
    "counted",
    "pattern",
    "spell_pattern",
]

NEVER = "never measured"
COLUMNS = ("confidence", "confidence_low", "confidence_high", "confidence_cases", "confidence_says")


@dataclass(frozen=True, slots=True)
class Origin:
    """A labelled set that was counted: what it is called, the hash of its files, what was counted in it."""

    name: str
    sha256: str
    first: str  # date
    last: str
    cells: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted, and on what: patterns of cells, and of spells."""

    cells: Patterns
    spells: Patterns
    origins: tuple[Origin, ...] = ()
    made: str = ""  # date
    where: str = "labelled data"  # in words

    @classmethod
    def nothing(cls) -> "Measured":
        """Return a table in which nothing was measured."""
        return cls(Patterns.empty(), Patterns.empty())

    def beside(self, anomalies: Anomalies, events: Events) -> tuple[Anomalies, Events]:
        """Return both with ``COLUMNS``; an event has those that most of its anomalies have."""
        found = _joined(anomalies.frame, _patterns(anomalies.frame), self.cells, self.where)
        counts = found.group_by("event", *COLUMNS).len().sort("event", "len", *COLUMNS, nulls_last=True)
        most = counts.group_by("event", maintain_order=True).last().drop("len")
        gathered = events.frame.drop(COLUMNS).join(most, on="event", how="left", maintain_order="left")
        return Anomalies.of(found), Events.of(gathered)

    def of(self, mechanism: str, names: Iterable[str]) -> dict[str, Any]:
        """Return ``COLUMNS`` for a cell with the evidence *names*."""
        one = pl.Series([pattern(mechanism, " ".join(names))])
        row = _joined(pl.DataFrame({"mechanism": [mechanism]}), one, self.cells, self.where)
        return row.select(COLUMNS).row(0, named=True)

    def beside_spells(self, spells: Spells) -> Spells:
        """Return *spells* with ``COLUMNS``."""
        patterns = pl.Series([spell_pattern(row) for row in spells.frame["mechanisms"]], dtype=pl.String)
        return Spells.of(_joined(spells.frame, patterns, self.spells, self.where))


def _joined(rows: pl.DataFrame, patterns: pl.Series, known: Patterns, where: str) -> pl.DataFrame:
    """Return *rows*, of these *patterns*, with what is *known* from cases *where*."""
    frame = known.frame.select(
        "pattern", confidence="precision", confidence_low="low", confidence_high="high", confidence_cases="cases"
    )
    says = pl.Series([in_words(row, where) for row in frame.iter_rows(named=True)], dtype=pl.String)
    frame = frame.with_columns(confidence_says=says)
    keyed = rows.drop(COLUMNS, strict=False).with_columns(pattern=patterns)
    joined = keyed.join(frame, on="pattern", how="left", maintain_order="left").drop("pattern")
    return joined.with_columns(pl.col("confidence_says").fill_null(NEVER))


def pattern(mechanism: str, names: str) -> str:
    """Return the pattern of a cell with the evidence *names*, a space between."""
    kept = sorted(set(names.split()) & _telling())
    return f"{mechanism}: {' '.join(kept)}" if kept else mechanism


@cache
def _telling() -> frozenset[str]:
    """Return the evidence that makes a pattern.

    What stands beside a verdict without deciding makes patterns that are too rare to be counted, and on
    sets that were held out it foretold less (ARCHITECTURE.md has the numbers).
    """
    return frozenset(name for name, one in reasons().items() if one.decides or one.bearing is Bearing.WEAKENS)


def spell_pattern(mechanisms: Sequence[str]) -> str:
    """Return the pattern of a spell: its mechanisms, without queries that were lost beside what it is lost by."""
    kind = means(mechanisms)
    return " ".join(sorted(one for one in mechanisms if MEANS[Mechanism(one)] == kind))


def _patterns(cells: pl.DataFrame) -> pl.Series:
    """Return the pattern of each of *cells*; few are different."""
    names = pl.concat_str(pl.col("evidence_for", "evidence_against").fill_null(""), separator=" ")
    parts = cells.select(mechanism=pl.col("mechanism").cast(pl.String).fill_null(""), names=names)
    known = parts.unique()
    known = known.with_columns(pattern=pl.Series([pattern(*row) for row in known.rows()], dtype=pl.String))
    return parts.join(known, on=["mechanism", "names"], how="left", maintain_order="left")["pattern"]


def count(cells: pl.DataFrame, patterns: pl.Series | None = None) -> Patterns:
    """Count labelled cells: mechanism, evidence_for and evidence_against, set, qname, country, and blocked.

    The last is not null. Of what is no cell the *patterns* are given.
    """
    counts = (
        cells.with_columns(pattern=_patterns(cells) if patterns is None else patterns)
        .group_by("pattern")
        .agg(
            true=pl.col("blocked").sum(),
            false=(~pl.col("blocked")).sum(),
            cases=pl.struct("set", "qname", "country").n_unique(),
        )
    )
    return counted(counts.rows())


def counted(counts: list[tuple[str, int, int, int]]) -> Patterns:
    """Return pattern, true, false and cases with what follows from them."""
    rows = []
    for text, true, false, cases in sorted(counts):
        share = true / (true + false)
        rows.append((text, true, false, cases, share, *interval(share * cases, cases)))
    return Patterns(pl.DataFrame(rows, schema=Patterns.schema, orient="row"))


def in_words(row: dict[str, Any], where: str) -> str:
    """Say the numbers of ``COLUMNS``: the share, its interval, and of how many cases *where*."""
    share, low, high, cases = (row[name] for name in COLUMNS[:4])
    of = f"{cases:,} {'case' if cases == 1 else 'cases'} in {where}"
    return f"{percent(share)} ({percent(low)} to {percent(high)}; {of})"
