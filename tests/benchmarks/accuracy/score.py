"""How right a judgement was: cell by cell, and as alerts on events.

A cell that is not judged (flagged is null) counts as not flagged, and is counted beside. An alert is
right when an event of its domain and country overlaps it, two days more or less; several alerts
on one event find it once. Alerts on pairs that the truth leaves open do not count at all.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

import polars as pl

from benchmarks.accuracy.ours import ALERTS
from benchmarks.accuracy.truth import CELL, Truth

TOLERANCE = 2  # days between an alert and the event it is about
LASTING = 3  # dates in a row that make an alert of flagged cells, and without which end it
SHARE = 0.2  # of the country's resolvers, flagged
LONG, SEVERAL = 3, 2  # days and resolvers of an event that can be seen


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts of cells by what was true: blocked, mechanism, cause, cells, flagged, open (not judged)."""

    counts: pl.DataFrame

    def _sum(self, column: str, *, blocked: bool | None = None) -> int:
        rows = self.counts if blocked is None else self.counts.filter(pl.col("blocked") == blocked)
        return int(rows[column].sum())

    @property
    def recall(self) -> float | None:
        """Share of the blocked cells that is flagged."""
        return _share(self._sum("flagged", blocked=True), self._sum("cells", blocked=True))

    @property
    def false_positives(self) -> float | None:
        """Share of the honest cells that is flagged."""
        return _share(self._sum("flagged", blocked=False), self._sum("cells", blocked=False))

    @property
    def precision(self) -> float | None:
        """Share of the flagged cells that is blocked."""
        return _share(self._sum("flagged", blocked=True), self._sum("flagged"))

    @property
    def abstained(self) -> float | None:
        """Share of all cells that is not judged."""
        return _share(self._sum("open"), self._sum("cells"))

    def by(self, what: str) -> dict[str, tuple[int, int]]:
        """Return flagged cells and cells by *mechanism* (of blocked ones) or *cause* (of honest ones)."""
        rows = (
            self.counts.filter(pl.col("blocked") == (what == "mechanism"))
            .group_by(what)
            .agg(pl.col("flagged", "cells").sum())
            .sort(what)
        )
        return {str(name or "none"): (flagged, cells) for name, flagged, cells in rows.rows()}


@dataclass(frozen=True, slots=True)
class Events:
    """How the alerts met the events."""

    events: int
    found: int
    visible: tuple[int, int]  # found, of those of three days and two resolvers, or everywhere
    alerts: int  # but for those that do not count
    right: int  # alerts
    false: int
    per_1000: float  # false alerts in 1,000 months of a domain in a country
    delay: float | None  # days, median over events that began; from the first day to when it was known
    late: float | None  # share of them that was known only after three days
    mechanisms: dict[str, tuple[int, int]]
    causes: dict[str, int]  # of false alerts

    @property
    def recall(self) -> float | None:
        """Share of the events that is found."""
        return _share(self.found, self.events)

    @property
    def precision(self) -> float | None:
        """Events found, of these and of false alerts."""
        return _share(self.found, self.found + self.false)

    @property
    def alerts_per_event(self) -> float | None:
        """Alerts that an event causes."""
        return _share(self.right, self.found)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def count(cells: pl.DataFrame, flags: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Count the cells of a date by what was true; *flags* has ``CELL`` and what each of *names* says of it.

    Returns blocked, mechanism, cause, cells, and for each name the cells flagged and open.
    """
    told = cells.with_columns(pl.col(name).cast(pl.String) for name in CELL)
    told = told.join(flags.with_columns(pl.col(name).cast(pl.String) for name in CELL), on=CELL, how="left")
    told = told.filter(pl.col("blocked").is_not_null())
    counts = [pl.col(name).sum().cast(pl.Int64).alias(f"flagged {name}") for name in names]
    counts += [pl.col(name).is_null().sum().cast(pl.Int64).alias(f"open {name}") for name in names]
    texts = [pl.col(name).cast(pl.String) for name in ("mechanism", "cause")]
    return told.group_by("blocked", *texts).agg(pl.len().cast(pl.Int64).alias("cells"), *counts)


def cells(counts: Iterable[pl.DataFrame], name: str) -> Cells:
    """Add up the counts of all dates for one of the names."""
    key = ["blocked", "mechanism", "cause"]
    columns = [pl.col("cells"), pl.col(f"flagged {name}").alias("flagged"), pl.col(f"open {name}").alias("open")]
    whole = pl.concat([each.select(pl.col(key), *columns) for each in counts])
    return Cells(whole.group_by(key).agg(pl.all().sum()).sort(key))


def flagged_pairs(flags: pl.DataFrame, name: str, truth: Truth) -> list[tuple[str, str]]:
    """Return domain and country where a fifth of the country's resolvers has a cell flagged on one date."""
    several = truth.countries.group_by("country").agg(all=pl.len())
    bad = flags.filter(pl.col(name)).select("qname", pl.col("resolver").cast(pl.String)).unique()
    counts = bad.join(truth.countries, on="resolver").group_by("qname", "country").len().join(several, on="country")
    return (
        counts.filter(pl.col("len") >= SHARE * pl.col("all")).select(pl.col("qname").cast(pl.String), "country").rows()
    )


def alerts(pairs: Mapping[int, Iterable[tuple[str, str]]], dates: Sequence[date]) -> pl.DataFrame:
    """Make alerts of the pairs that were flagged, by the place of the date among *dates*.

    It takes three dates in a row to raise one, and three without to end it.
    """
    by_pair: dict[tuple[str, str], list[int]] = defaultdict(list)
    for day in sorted(pairs):
        for pair in pairs[day]:
            by_pair[pair].append(day)
    rows = []
    for pair, days in sorted(by_pair.items()):
        for start, end, raised in _stretches(days, len(dates) - 1):
            rows.append((*pair, dates[start], None if end is None else dates[end], dates[raised], None))
    return pl.DataFrame(rows, schema=ALERTS, orient="row")


def _stretches(days: Sequence[int], last: int) -> Iterable[tuple[int, int | None, int]]:
    """Yield start, end and when it was known, of each stretch of *days* that lasts."""
    there = set(days)
    begun: int | None = None
    raised = 0
    missed = 0
    for day in range(days[0], last + 1):
        if begun is None:
            if all(day - back in there for back in range(LASTING)):
                begun, raised, missed = day - LASTING + 1, day, 0
        elif day in there:
            missed = 0
        else:
            missed += 1
            if missed == LASTING:
                yield begun, day - LASTING + 1, raised
                begun = None
    if begun is not None:
        yield begun, None, raised


def events(given: pl.DataFrame, truth: Truth) -> Events:
    """Hold alerts (columns of ``ALERTS``) against the events."""
    known: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for event in truth.events.iter_rows(named=True):
        known[event["domain"], event["country"]].append(event)
    after = len(truth.dates)
    places = {day: place for place, day in enumerate(truth.dates)}
    found: dict[str, int] = {}
    right, false = 0, list[dict[str, Any]]()
    for alert in given.iter_rows(named=True):
        pair, start = (alert["domain"], alert["country"]), places[alert["start"]]
        end = after if alert["end"] is None else places[alert["end"]]
        raised = places[alert["raised"] or alert["start"]]
        met = [e for e in known[pair] if start <= e["end"] - 1 + TOLERANCE and end >= e["start"] - TOLERANCE]
        for event in met:
            found[event["event"]] = min(found.get(event["event"], after), max(0, raised - event["start"]))
        right += bool(met)
        if not met and pair not in truth.ignored:
            false.append({**alert, "start": start, "end": end})
    rows = truth.events.to_dicts()
    seen = [e for e in rows if (e["end"] - e["start"] >= LONG and e["resolvers"] >= SEVERAL) or e["rollout"] == 1]
    fresh = [found[e["event"]] for e in rows if e["event"] in found and not e["old"]]
    kinds: dict[str, tuple[int, int]] = {}
    for event in sorted(rows, key=lambda event: str(event["mechanism"])):
        hits, all_ = kinds.get(event["mechanism"], (0, 0))
        kinds[event["mechanism"]] = (hits + (event["event"] in found), all_ + 1)
    return Events(
        events=len(rows),
        found=len(found),
        visible=(sum(e["event"] in found for e in seen), len(seen)),
        alerts=right + len(false),
        right=right,
        false=len(false),
        per_1000=1000 * len(false) / truth.pair_months if truth.pair_months else 0.0,
        delay=median(fresh) if fresh else None,
        late=_share(sum(days > LASTING for days in fresh), len(fresh)),
        mechanisms=kinds,
        causes=dict(_causes(false, truth).most_common()),
    )


def _causes(false: Sequence[Mapping[str, Any]], truth: Truth) -> Counter[str]:
    """Count false alerts by the innocent thing that befell the name at the time."""
    benign = truth.benign.to_dicts()
    counted: Counter[str] = Counter()
    for alert in false:
        about = {alert["domain"], truth.providers.get(alert["domain"])}
        met = (
            each["cause"]
            for each in benign
            if each["key"] in about and each["start"] <= alert["end"] and each["end"] >= alert["start"]
        )
        counted[next(met, "none that is known")] += 1
    return counted
