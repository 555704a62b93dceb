"""Our own judgement, as alerts and cells: the one place at which the benchmark asks it."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from resolver_diff import diff, snapshot
from resolver_diff.tables import Change, State

ALERTS = {
    "domain": pl.String,
    "country": pl.String,
    "start": pl.Date,
    "end": pl.Date,  # the first date without; null: it goes on
    "raised": pl.Date,  # the date from which on it could be known; null: as start
    "mechanism": pl.String,
}
CELLS = {
    "date": pl.Date,
    "qname": pl.Categorical,
    "qtype": pl.Categorical,
    "resolver": pl.Categorical,
    "flagged": pl.Boolean,
}
WRONG = (State.VANISHED, State.DIVERGENT)
BEGINS = (Change.VANISHED, Change.DIVERGED)
ENDS = (Change.REAPPEARED, Change.CONVERGED)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: *alerts* with the columns of ``ALERTS``, *cells* with those of ``CELLS``.

    Cells are those that are flagged, and those of which it cannot be told (null); all others are fine.
    """

    alerts: pl.DataFrame
    cells: pl.DataFrame


def ours(folder: Path) -> Found:
    """Judge the snapshots in *folder*, which has one vantage: each two consecutive dates, without any other."""
    following = _Following()
    cells = [pl.DataFrame(schema=CELLS)]
    before: snapshot.Snapshot | None = None
    for day in snapshot.dates(folder):
        (today,) = snapshot.load(folder, day, judged=True)
        found = diff.anomalies(today) if before is None else diff.diff(before, today)
        following.take(found.anomalies.frame, day)
        told = pl.when(pl.col("state") != State.INSUFFICIENT).then(pl.col("state").is_in(WRONG))
        judged = found.cells.filter(pl.col("date") == day, pl.col("role") != "control").with_columns(flagged=told)
        odd = judged.filter(pl.col("flagged").fill_null(value=True))
        cells.append(odd.select(pl.col(name).cast(dtype) for name, dtype in CELLS.items()))
        before = today
    return Found(following.alerts(), pl.concat(cells))


@dataclass
class _Following:
    """Which cells of a domain and country are wrong, and since when any of them is."""

    wrong: dict[tuple[str, str], set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))
    open: dict[tuple[str, str], tuple[date, str]] = field(default_factory=dict)
    rows: list[tuple[str, str, date, date | None, None, str]] = field(default_factory=list)

    def take(self, anomalies: pl.DataFrame, day: date) -> None:
        """Open an alert with the first cell that goes wrong on *day*; close it with the last that comes back."""
        for row in anomalies.iter_rows(named=True):
            pair, cell = (row["qname"], row["country"]), (row["qtype"], row["resolver"], row["transport"])
            if row["change"] in BEGINS:
                self.wrong[pair].add(cell)
                self.open.setdefault(pair, (day, row["mechanism"]))
            elif row["change"] in ENDS:
                self.wrong[pair].discard(cell)
                if not self.wrong[pair] and pair in self.open:
                    start, mechanism = self.open.pop(pair)
                    self.rows.append((*pair, start, day, None, mechanism))

    def alerts(self) -> pl.DataFrame:
        """Return the alerts, those that go on with a null for their end."""
        going_on = [(*pair, start, None, None, mechanism) for pair, (start, mechanism) in self.open.items()]
        return pl.DataFrame([*self.rows, *going_on], schema=ALERTS, orient="row").sort("domain", "country", "start")
