"""Dates on which none, or many fewer cells than usual, could be judged: of the vantage, of a country, of a resolver.

What cannot be judged is not fine. A date on which much of it is missing says little of what it does
not report, so that this is a finding of its own, and none about names. What is usual is taken from the dates
before, and so is how much it varies.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import inf, sqrt
from statistics import median
from typing import Any

import polars as pl

from resolver_diff.tables import Coverage, State

KEPT = 30  # dates that tell what is usual
ENOUGH = 3  # dates, before anything is usual; and a drop that lasts longer than these is the usual thing
SIGMAS = 4.0  # counts vary by their square root at the least: one in 30,000 falls by more than this by chance
MOST_NAMED = 5  # resolvers in a sentence

Group = tuple[str, str, str]  # country, resolver, transport; "" stands for all
WHOLE: Group = ("", "", "")


@dataclass(frozen=True, slots=True)
class Counts:
    """Cells of one group on one date."""

    asked: int = 0
    judged: int = 0
    unfit: int = 0  # at resolvers that were silent or ill
    undecided: int = 0  # at others, on questions that too few controls agree on


@dataclass(slots=True)
class _Known:
    usual: deque[Counts] = field(default_factory=lambda: deque(maxlen=KEPT))
    low: list[Counts] = field(default_factory=list)  # the dates in a row on which it was down
    high: list[Counts] = field(default_factory=list)  # or up

    def take(self, today: Counts) -> None:
        """Add a date on which it was not down; what is much more than usual is so when it lasts, as a drop is.

        Else the end of a long drop would count as how much it varies, and hide each drop for a month.
        """
        self.low.clear()
        if today.judged <= _bounds(self.usual)[1]:
            self.high.clear()
            self.usual.append(today)
            return
        self.high.append(today)
        if len(self.high) >= ENOUGH:
            self.usual = deque(self.high, maxlen=KEPT)
            self.high = []


class Dates:
    """What could be judged on the dates so far, oldest first."""

    def __init__(self) -> None:
        self._known: dict[Group, _Known] = {}

    def add(self, day: date, vantage: str, cells: pl.DataFrame, entries: pl.DataFrame) -> Coverage:
        """Count the judged *cells* of *day*, controls left out; return where these are many fewer than usual.

        *entries* are those of the comparison. Each group is told of, the widest first. One that is not
        asked at all any more has left, and is no drop of its own.
        """
        groups = _counted(cells, entries)
        told = []
        for group, today in sorted(groups.items(), key=lambda item: (item[0][1:] != ("", ""), item[0])):
            known = self._known.setdefault(group, _Known())
            row = _drop(known.usual, today) if today.judged or group != WHOLE else _nothing(known.usual, today)
            if row is None:
                known.take(today)
                continue
            known.high.clear()
            known.low.append(today)
            names = dict(zip(("country", "resolver", "transport"), (part or None for part in group), strict=True))
            told.append({"date": day, "vantage": vantage, **names, **row})
            if len(known.low) >= ENOUGH:
                known.usual = deque(known.low, maxlen=KEPT)
                known.low = []
        silent = _named(entries, pl.col("unfit"))
        voteless = _named(entries, (pl.col("role") == "control") & ~pl.col("votes"))
        for row in told:
            row["says"] = _sentence(row, silent, voteless)
        return Coverage.of(pl.DataFrame(told, schema_overrides=Coverage.schema) if told else Coverage.empty().frame)


def _counted(cells: pl.DataFrame, entries: pl.DataFrame) -> dict[Group, Counts]:
    """Return the counts of the vantage, of each country, and of each resolver that was asked."""
    unfit = pl.col("unfit")
    each = cells.group_by("r").agg(
        asked=pl.len(),
        judged=(pl.col("state") != State.INSUFFICIENT).sum(),
        unfit=unfit.sum(),
        undecided=(~unfit & pl.col("consensus").is_null()).sum(),
    )
    who = entries.select("r", "resolver", "role", pl.col("country", "transport").cast(pl.String))
    each = each.join(who.filter(pl.col("role") != "control"), on="r")
    counts = ("asked", "judged", "unfit", "undecided")
    whole = each.select(pl.lit("").alias("country"), *counts)
    places = each.filter(pl.col("country").is_not_null()).select("country", *counts)
    by_country = pl.concat([whole, places]).group_by("country").agg(pl.col(counts).sum())
    found: dict[Group, Counts] = {(country, "", ""): Counts(*numbers) for country, *numbers in by_country.iter_rows()}
    for row in each.iter_rows(named=True):
        group = (row["country"] or "", row["resolver"], row["transport"])
        found[group] = Counts(*(row[name] for name in counts))
    return found


def _bounds(usual: Sequence[Counts]) -> tuple[float, float]:
    """Return how few and how many cells are judged on a date that differs from the others no more than these do."""
    if len(usual) < ENOUGH:
        return -inf, inf
    judged = [each.judged for each in usual]
    spread = max(judged) - min(judged) + SIGMAS * sqrt(median(judged))
    return min(judged) - spread, max(judged) + spread


def _drop(usual: Sequence[Counts], today: Counts) -> dict[str, Any] | None:
    """Return the numbers of a date that lies below the others by more than these differ; None where it does not."""
    if today.judged >= _bounds(usual)[0]:
        return None
    judged = [each.judged for each in usual]
    more = {
        name: max(0, round(getattr(today, name) - median(getattr(each, name) for each in usual)))
        for name in ("unfit", "undecided")
    }
    fewer = max(0, round(median(each.asked for each in usual) - today.asked))
    numbers = {"judged": today.judged, "asked": today.asked, "usual": round(median(judged)), "least": min(judged)}
    return {**numbers, "dates": len(usual), "unfit": more["unfit"], "undecided": more["undecided"], "not_asked": fewer}


def _nothing(usual: Sequence[Counts], today: Counts) -> dict[str, Any]:
    """Return the numbers of a date on which nothing could be judged: that is wrong, whatever is usual."""
    return _drop(usual, today) or {
        "judged": 0,
        "asked": today.asked,
        "usual": 0,
        "least": 0,
        "dates": 0,
        "unfit": today.unfit,
        "undecided": today.undecided,
        "not_asked": 0,
    }


def _named(entries: pl.DataFrame, chosen: pl.Expr) -> list[tuple[str, str | None]]:
    """Return resolver and country of the *chosen* entries; null chooses none."""
    rows = entries.filter(chosen.fill_null(value=False)).select("resolver", pl.col("country").cast(pl.String))
    return list(rows.unique().sort("resolver").iter_rows())


def _sentence(
    row: dict[str, Any], silent: Sequence[tuple[str, str | None]], voteless: Sequence[tuple[str, str | None]]
) -> str:
    """Say what could be judged, what is usual, and what was missing."""
    where = row["resolver"] or row["country"] or "this vantage (controls left out)"
    there = [name for name, country in silent if row["country"] in (None, country)]
    if row["resolver"]:
        there = []
    return "".join(_parts(row, where, there, [name for name, _ in voteless]))


def _parts(row: dict[str, Any], where: str, silent: Sequence[str], voteless: Sequence[str]) -> Iterator[str]:
    yield f"{row['judged']:,} of {row['asked']:,} cells at {where} could be judged"
    if row["dates"]:
        yield f", usually {row['usual']:,}, and never fewer than {row['least']:,} on {row['dates']} earlier dates"
    missing = []
    if row["unfit"]:
        missing.append(f"{row['unfit']:,} at resolvers that were silent or ill{_listed(silent)}")
    if row["undecided"]:
        missing.append(f"{row['undecided']:,} on which too few controls agree{_listed(voteless, 'without a vote: ')}")
    if row["not_asked"]:
        missing.append(f"{row['not_asked']:,} that were not asked")
    rest = row["usual"] - row["judged"] - row["unfit"] - row["undecided"] - row["not_asked"]
    if rest > 0 and (not missing or rest > SIGMAS * sqrt(row["usual"])):
        missing.append(f"{rest:,} that got no reply, or one that nothing settles")
    yield f"; missing: {', '.join(missing)}"


def _listed(names: Sequence[str], before: str = "") -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return f" ({before}{', '.join(names[:MOST_NAMED])}{more})" if names else ""
