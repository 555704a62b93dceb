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
from resolver_diff.series import Series
from resolver_diff.series.course import asked
from resolver_diff.tables import Condition, Courses, State
from resolver_diff.wording.beside_events import gone, unsettled
from resolver_diff.wording.lines import duration, many, some
from resolver_diff.wording.network import trouble

MOST_ILL = 3  # resolvers that are named
MOST = 5  # lines of a kind


@dataclass(frozen=True, slots=True)
class Done:
    """What a day's work came to."""

    day: date
    vantage: str
    taken: Taken | None  # null: the snapshot was there already
    missed: tuple[date, ...]  # days since the last good one on which nobody asked
    damaged: tuple[date, ...]  # and those whose snapshots cannot be read
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
        yield from _first("Not told from chance", self.untold)
        if self.found.date_before is not None and self.day not in self.bad:
            yield from _first("Gone for everybody", gone(self.found))
            yield from _first("Cannot be told", unsettled(self.found))

    def _line(self, told: int) -> str:
        cells = self.found.cells.filter(pl.col("date") == self.day)
        open_now = self.events.frame.filter(pl.col("first_good").is_null())
        seen = len(asked(open_now, cells))
        unseen = f" and {open_now.height - seen:,} not asked for any more" if seen < open_now.height else ""
        judged = cells.filter(pl.col("state") != State.INSUFFICIENT).height
        health = self.found.health.frame.filter(pl.col("date") == self.day, pl.col("condition") != Condition.WELL)
        ill = health["resolver"].unique().sort().to_list()
        parts = [
            self._compared(),
            f"{many(seen, 'event')} going on{unseen}, {many(told, 'alert')}",
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
        lost += [f"{day} cannot be read" for day in self.damaged]
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


def _first(heading: str, sentences: Sequence[str]) -> Iterator[str]:
    """Yield the first of *sentences*, a line each, and how many more there are."""
    yield from (f"- {heading}: {sentence}" for sentence in sentences[:MOST])
    if len(sentences) > MOST:
        yield f"- {heading}: {len(sentences) - MOST:,} more"
