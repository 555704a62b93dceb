"""What a day's work came to, and the line that says it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from resolver_diff.alert import Alert
from resolver_diff.diff import Diff
from resolver_diff.errors import ExitStatus
from resolver_diff.event import counted, leading_first
from resolver_diff.probe import Taken
from resolver_diff.reports._layout import duration, many, some
from resolver_diff.reports._network import trouble
from resolver_diff.reports._unsettled import unsettled
from resolver_diff.series import Series
from resolver_diff.tables import Condition, Courses, State

MOST_ILL = 3  # resolvers that are named
MOST_UNTOLD = 5  # groups of what differs


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
    wrong: int  # cells
    untold: tuple[str, ...]  # what of it is in no event, or has changed since the date before: a sentence each

    def status(self, *, different: bool) -> ExitStatus:
        """Return how the command ends."""
        if self.day in self.bad or (self.taken is not None and (self.taken.silent or self.taken.missed)):
            return ExitStatus.INCOMPLETE
        return ExitStatus.DIFFERENT if different else ExitStatus.DONE

    def lines(self, told: Sequence[Alert]) -> Iterator[str]:
        """Say in a line what happened; then what is new, and what differs and is not told from chance, a line each."""
        yield self._line(len(told))
        health = self.found.health.frame.filter(pl.col("date") == self.day)
        if self.day in self.bad and (why := trouble(health)) is not None:
            yield f"- {why}"
        yield from (f"* {alert.title}. {alert.text}" for alert in told)
        yield from (f"- Not told from chance: {sentence}" for sentence in self.untold[:MOST_UNTOLD])
        if len(self.untold) > MOST_UNTOLD:
            yield f"- and {len(self.untold) - MOST_UNTOLD:,} more groups that are not told from chance"
        open_answers = unsettled(self.found) if self.found.date_before else []
        yield from (f"- Cannot be told: {sentence}" for sentence in open_answers[:MOST_UNTOLD])
        if len(open_answers) > MOST_UNTOLD:
            yield f"- and {len(open_answers) - MOST_UNTOLD:,} more such answers"

    def _line(self, told: int) -> str:
        open_now = self.events.frame["first_good"].null_count()
        cells = self.found.cells.filter(pl.col("date") == self.day)
        judged = cells.filter(pl.col("state") != State.INSUFFICIENT).height
        health = self.found.health.frame.filter(pl.col("date") == self.day, pl.col("condition") != Condition.WELL)
        ill = health["resolver"].unique().sort().to_list()
        parts = [
            self._compared(),
            f"{many(open_now, 'event')} going on, {many(told, 'alert')}",
            f"{judged:,} of {many(cells.height, 'cell')} judged",
            f"{many(len(ill), 'resolver')} not well{f' ({some(ill, MOST_ILL)})' if ill else ''}",
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
        wrong, good = many(self.wrong, "cell"), self.found.date_before
        if good is None:
            return f"{wrong} wrong, no good day before to compare with"
        lost = [f"{day} failed" for day in sorted(self.bad) if good < day < self.day]
        lost += [f"{day} was missed" for day in self.missed]
        since = f"{good}{f' ({some(lost)})' if lost else ''}"
        return f"{wrong} wrong, {len(self.found.anomalies):,} changed since {since}{self._which()}"

    def _which(self) -> str:
        """Say what befell which names."""
        rows = self.found.anomalies.frame.select("change", "qname").unique().sort("change", "qname")
        befell = [
            f"{counted(leading_first(group['qname'].to_list()), 'name')} {change}"
            for (change,), group in rows.group_by("change", maintain_order=True)
        ]
        return f": {', '.join(befell)}" if befell else ""
