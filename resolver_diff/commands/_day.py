"""One day's work, step by step: a snapshot, a comparison, a report, and what is told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from resolver_diff import alert, diff, page, probe, snapshot
from resolver_diff.alert import Alert, ledger, sending
from resolver_diff.commands import _paging, _siting
from resolver_diff.commands._beside import Beside
from resolver_diff.commands._done import Done
from resolver_diff.commands._loading import HISTORY, Source, utc_today
from resolver_diff.commands._output import talk, warn, write
from resolver_diff.commands._progress import progress
from resolver_diff.commands._taken import summary
from resolver_diff.commands._told import LEDGER
from resolver_diff.confidence import Measured
from resolver_diff.config import Config
from resolver_diff.daily import failed, last_good, missed, outlived, tidying
from resolver_diff.diff import Diff
from resolver_diff.errors import OtherPlanError, Problem, SnapshotError
from resolver_diff.journal import Journal
from resolver_diff.library import confident
from resolver_diff.library.taking import finished
from resolver_diff.page import cards
from resolver_diff.page.sight import Sight
from resolver_diff.probe import Taken
from resolver_diff.reports import csv
from resolver_diff.wording import visible
from resolver_diff.wording.lines import many


@dataclass(frozen=True, slots=True)
class Day:
    """What is to be done every day, and where."""

    config: Config
    source: Source
    vantage: str
    reports: Path
    keep: int | None
    url: str | None
    known: Measured
    beside: Beside

    def run(self) -> Done:
        """Take today's snapshot and make its report, and those that are missing."""
        today = utc_today()
        ledger.read(self.reports / LEDGER)  # what is wrong with it is better said before all the asking
        self._say_broken_off(today)
        taken = self._take(today)
        sight = self._look(today)
        late = [day for day in self._without_report(sight.series.dates) if day != today]
        for day in late:
            self._report(self._look(day))
        found, bad = self._report(sight)
        _siting.update(self.reports, self.source, self.known, self.url, since=today)
        gone = missed(sight.series.dates, found.date_before, today)
        there = snapshot.dates(self.source.folder, self.vantage)
        return Done(
            day=today,
            vantage=self.vantage,
            taken=taken,
            missed=tuple(day for day in gone if day not in there),
            damaged=tuple(day for day in gone if day in there),
            bad=bad,
            found=found,
            followed=sight.series,
            events=sight.courses,
            caught_up=tuple(late),
            wrong=len(sight.today.anomalies),
            untold=tuple(visible(card["says"]) for card in cards.untold(sight)),
        )

    def _say_broken_off(self, today: date) -> None:
        for day, place in Journal.broken_off(self.source.folder, self.vantage).items():
            if day < today:
                message = f"the run of {day} broke off, and a day that is over cannot be asked any more"
                warn([Problem(message, hint=f"what was heard stays in {place}, until you remove it")])

    def _take(self, today: date) -> Taken | None:
        """Take today's snapshot, or what is left of it to be asked; None when it is there."""
        if today in snapshot.dates(self.source.folder, self.vantage):
            return None
        try:
            taken = self._ask(today, resume=True)
        except OtherPlanError as other:
            again = "it is begun anew, as the config has changed since"
            warn([Problem(f"{one.message}: {again}", one.place) for one in other.problems])
            taken = self._ask(today, resume=False)
        talk(summary(taken))
        return taken

    def _ask(self, today: date, *, resume: bool) -> Taken:
        taking = probe.take(
            self.config,
            folder=self.source.folder,
            day=today,
            vantage=self.vantage,
            resume=resume,
            replace=not resume,
            progress=progress(),
            beside=self.beside,
        )
        return finished(taking)

    def _look(self, day: date) -> Sight:
        """Follow all dates up to *day*, and write its page; raises SnapshotError where *day* cannot be read."""
        view = _paging.view(self.source, day, None, self.known)
        write(self.reports / f"report-{day}.html", page.render(view))
        return view.sights[0]

    def _without_report(self, dates: Sequence[date]) -> list[date]:
        """Return the dates since the first that has a report which have none themselves; at most a month of them."""
        there = {day for day in dates if (self.reports / f"anomalies-{day}.csv").exists()}
        return [day for day in dates if there and day > min(there) and day not in there][-HISTORY:]

    def _report(self, sight: Sight) -> tuple[Diff, frozenset[date]]:
        """Write what changed since the last good date; return that, and the dates that failed."""
        day = sight.today.date_after
        bad = failed(sight.series.coverage.frame, [] if self._spoke(day) else [day])
        before, bad = self._before(sight, bad)
        found = sight.today if before is None else before
        write(self.reports / f"anomalies-{day}.csv", csv.REPORT.render([found]))
        return found, bad

    def _before(self, sight: Sight, bad: frozenset[date]) -> tuple[Diff | None, frozenset[date]]:
        """Return what changed since the last good date, if there is one; and all dates that failed."""
        day = sight.today.date_after
        while (good := last_good(sight.series.dates, bad, day)) is not None:
            try:
                if self._spoke(good):
                    return self._between(sight, good), bad
            except SnapshotError as error:
                warn(error.problems)
            bad |= {good}
        return None, bad

    def _between(self, sight: Sight, good: date) -> Diff:
        """Return what changed since *good*; the page has that already, unless dates between the two failed."""
        if sight.changes is not None and sight.changes.date_before == good:
            return sight.changes
        before, after = (self.source.read(day, judged=True)[0] for day in (good, sight.today.date_after))
        found = diff.diff(before, after, self.source.history(good, self.vantage))
        return confident.beside([found], self.known)[0]

    def _spoke(self, day: date) -> bool:
        return snapshot.spoke(self.source.folder, day, self.vantage)

    def tell(self, done: Done, post: sending.Post | None, *, dry_run: bool) -> list[Alert]:
        """Return what is new; send it, and write down that it was told, unless this is a *dry_run*."""
        file = self.reports / LEDGER
        before = ledger.read(file)
        found, quiet = alert.due(done.events, done.followed.coverage, done.day, before, self.vantage)
        messages = sending.messages(found, self._links(done))
        if dry_run:
            for message in messages:
                talk(f"would send: {message.title}\n  " + message.body.replace("\n", "\n  "))
            return found
        told = [one for message in messages if _sent(message, post) for one in message.alerts]
        if len(told) < len(found):  # what was not told is new tomorrow too
            quiet = replace(quiet, until=before.until)
        ledger.write(file, quiet.with_told(told, done.day))
        return found

    def _links(self, done: Done) -> dict[str, str]:
        if self.url is None:
            return {}
        page = f"{self.url.rstrip('/')}/report-{done.day}.html"
        return {event: f"{page}#event-{event}" for event in done.events.frame["event"]}

    def tidy(self, done: Done) -> None:
        """Remove the snapshots that are older than they are to be kept."""
        if self.keep is None:
            return
        dates = snapshot.dates(self.source.folder, self.vantage)
        old = outlived(dates, done.bad, done.day, self.keep)
        freed = sum(tidying.remove(self.source.folder, day, self.vantage) for day in old)
        if old:
            dated = f"{old[0]}" if len(old) == 1 else f"{old[0]} to {old[-1]}"
            talk(f"removed {many(len(old), 'date')} older than {self.keep} days ({dated}): {freed / 1e6:,.1f} MB")


def _sent(message: sending.Message, post: sending.Post | None) -> bool:
    """Send *message*, and say whether anybody took it; where nobody is to be told, that is so."""
    if post is None:
        return True
    refused = post.send(message)
    warn(Problem(f"alert not sent by way {way}: {message.title}") for way in refused)
    return len(refused) < len(post)
