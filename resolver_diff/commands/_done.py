"""What a day's work came to, and the line that says it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from resolver_diff.alert import Alert
from resolver_diff.diff import Diff
from resolver_diff.errors import ExitStatus
from resolver_diff.event import counted, leading_first
from resolver_diff.probe import Taken
from resolver_diff.reports._layout import duration, many, some
from resolver_diff.reports._tally import unwell
from resolver_diff.series import Series
from resolver_diff.tables import Change, Courses, State


@dataclass(frozen=True, slots=True)
class Done:
    """What a day's work came to."""

    day: date
    vantage: str
    taken: Taken | None  # null: the snapshot was there already
    missed: tuple[date, ...]  # days since the last good one on which nobody asked
    bad: frozenset[date]
    found: Diff
    followed: Series
    events: Courses
    caught_up: tuple[date, ...]  # days of which the report was missing

    def status(self, *, different: bool) -> ExitStatus:
        """Return how the command ends."""
        if self.day in self.bad or (self.taken is not None and (self.taken.silent or self.taken.missed)):
            return ExitStatus.INCOMPLETE
        return ExitStatus.DIFFERENT if different else ExitStatus.DONE

    def line(self, told: Sequence[Alert]) -> str:
        """Say in one line what happened."""
        open_now = self.events.frame["first_good"].null_count()
        cells = self.found.cells.filter(pl.col("date") == self.day)
        judged = cells.filter(pl.col("state") != State.INSUFFICIENT).height
        ill = unwell(self.found).filter(pl.col("date") == self.day)["resolver"].n_unique()
        parts = [
            self._compared(),
            f"{many(open_now, 'event')} going on, {many(len(told), 'alert')}",
            f"{judged:,} of {many(cells.height, 'cell')} judged",
            f"{many(ill, 'resolver')} not well",
        ]
        if self.taken is not None:
            took = (self.taken.run.finished - self.taken.run.started).total_seconds()
            parts.append(f"asked in {duration(took)}")
        else:
            parts.append("the snapshot was there already")
        if self.caught_up:
            parts.append(f"reports made for {some([str(one) for one in self.caught_up])} too")
        failing = " FAILED, too little could be judged:" if self.day in self.bad else ""
        return f"{self.day} at vantage {self.vantage}:{failing} {'; '.join(parts)}"

    def _compared(self) -> str:
        changed = many(len(self.found.anomalies), "cell")
        good = self.found.date_before
        if good is None:
            return f"{changed} wrong{self._which()}, no good day before to compare with"
        lost = [f"{day} failed" for day in sorted(self.bad) if good < day < self.day]
        lost += [f"{day} was missed" for day in self.missed]
        return f"{changed} changed since {good}{f' ({some(lost)})' if lost else ''}{self._which()}"

    def _which(self) -> str:
        """Say what befell which names, and what of it is in no event: one date may be too little for that."""
        rows = self.found.anomalies.frame.select("change", "qname").unique().sort("change", "qname")
        befell = [
            f"{counted(leading_first(group['qname'].to_list()), 'name')} {change}"
            for (change,), group in rows.group_by("change", maintain_order=True)
        ]
        going_on = self.events.frame.filter(pl.col("first_good").is_null())["qnames"].explode().to_list()
        bad = rows.filter(~pl.col("change").is_in([Change.REAPPEARED, Change.CONVERGED]))
        doubtful = bad.filter(~pl.col("qname").is_in(going_on))["qname"].n_unique()
        doubt = f"; {many(doubtful, 'name')} not yet told from chance" if doubtful else ""
        return f" ({', '.join(befell)}{doubt})" if befell else ""
