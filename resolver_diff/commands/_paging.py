"""The page of a date: all dates up to it, followed once, and what its cells rest on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

import resolver_diff
from resolver_diff import diff, series, snapshot
from resolver_diff.anomaly import Judged
from resolver_diff.commands._loading import Source
from resolver_diff.commands._output import warn
from resolver_diff.compare import Panel
from resolver_diff.confidence import Measured
from resolver_diff.config import Resolver
from resolver_diff.daily import failed
from resolver_diff.diff import Diff
from resolver_diff.errors import SnapshotError
from resolver_diff.library import confident, printable
from resolver_diff.page import render
from resolver_diff.page.listed import CELL, listed
from resolver_diff.page.matrix import Kept
from resolver_diff.page.sight import Sight, View
from resolver_diff.series import Sums, course
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Purpose, State

LOOKS_BACK = 14  # dates, the page's own among them
# two cells alike in these are told in the same words, but for the name and the answer
ALIKE = (
    "qtype", "resolver", "transport", "outcome", "state", "mechanism", "consensus", "controls_agreeing",
    "controls_asked", "state_before", "mechanism_before",
)  # fmt: skip


def page(source: Source, day: date, since: date | None, known: Measured) -> str:
    """Return the page of *day*, which looks back to *since*, or ``LOOKS_BACK`` dates; later dates are not looked at.

    Raises SnapshotError when there is no snapshot of *day*.
    """
    return render(view(source, day, since, known))


def view(source: Source, day: date, since: date | None, known: Measured) -> View:
    """Return what the page of *day* shows."""
    vantages = sorted(source.load(day, judged=True))
    there = [each for each in source.dates() if each <= day]
    first = there[-LOOKS_BACK:][0] if since is None else max(since, there[0])
    sights = [_sight(source, vantage, (first, day), known) for vantage in vantages]
    return View(resolver_diff.__version__, first, day, sights)


@dataclass(slots=True)
class Heard:
    """What is kept while dates are followed: the states of the cells, and whole the last date and a good one before."""

    kept: Kept
    before: Judged | None = None  # the last one that did not fail
    today: Judged | None = None

    def add(self, judged: Judged, _: Sums) -> None:
        """Keep what the page needs of a date."""
        self.kept.add(judged)
        if self.today is not None and not failed(self.today.coverage.frame):
            self.before = self.today
        self.today = judged


def _sight(source: Source, vantage: str, days: tuple[date, date], known: Measured) -> Sight:
    """Follow all dates of *vantage* up to the later of *days*; the page looks back to the earlier."""
    there = replace(source, vantage=vantage)
    dates = [each for each in there.dates() if each <= days[1]]
    panel = Panel.of_asked([snapshot.asked(source.folder, each, vantage) for each in dates])
    heard = Heard(Kept(panel, days[0]))
    followed = series.follow(vantage, _snapshots(there, dates), panel, heard.add)
    today, changes = _diffs(heard, days[1])
    (followed,) = confident.beside_spells([followed], known)
    found = confident.beside([today, changes] if changes else [today], known)
    today, changes = found[0], found[1] if changes else None
    cells, left_out = listed(today, changes, followed.spells)
    shown = [changes.date_before if changes else None, days[1]]
    loaded = [there.read(each, again=True)[0] if each else None for each in shown]
    assert loaded[1] is not None
    return Sight(
        vantage=vantage,
        series=followed,
        courses=course.courses(followed.spells),
        today=today,
        changes=changes,
        matrix=heard.kept.matrix(),
        cells=_told(cells, today, loaded[1], shown[0]),
        left_out=left_out,
        said=_said(loaded, cells),
        runs=loaded[1].runs,
    )


def _snapshots(source: Source, days: Sequence[date]) -> Iterator[Snapshot]:
    """Yield the snapshots of *days*; the last was read before, and what is damaged of it said."""
    for day in days:
        try:
            yield source.read(day, judged=True, again=day == days[-1])[0]
        except SnapshotError as error:  # the others are still worth following
            warn(error.problems)


def _diffs(heard: Heard, day: date) -> tuple[Diff, Diff | None]:
    """Return what is wrong on the last date, and what changed since the one before, if there is one."""
    if heard.today is None or heard.today.date != day:
        raise SnapshotError(f"the snapshot of {day} cannot be read")
    today = diff.alone(heard.today.past, heard.today)
    if heard.before is None:
        return today, None
    return today, diff.between(heard.before, heard.today.past, heard.today)


def _said(loaded: Sequence[Snapshot | None], cells: pl.DataFrame) -> pl.DataFrame:
    """Return the observations of *cells* with *day*, the place of their snapshot among those *loaded*."""
    found = []
    key = cells.select(CELL)
    for place, each in enumerate(loaded):
        if each is not None:
            rows = each.observations.filter(pl.col("purpose") == Purpose.TARGET)
            text = pl.col("transport").cast(pl.String)
            found.append(rows.with_columns(text, day=pl.lit(place)).join(key, on=CELL, how="semi"))
    return pl.concat(found)


def _told(cells: pl.DataFrame, today: Diff, loaded: Snapshot, before: date | None) -> pl.DataFrame:
    """Return *cells* with *says*: the cell as a sentence, with ``{name}`` and ``{answer}`` in place of these."""
    entries = {(each.name, str(each.transport)): each for each in loaded.resolvers}
    health = today.health.frame.select("resolver", pl.col("transport").cast(pl.String), "condition")
    conditions = {(row[0], row[1]): str(row[2]) for row in health.iter_rows()}
    known: dict[tuple[object, ...], str] = {}
    says = []
    for row in cells.iter_rows(named=True):
        key = tuple(row[name] for name in ALIKE)
        if row["state"] == State.INSUFFICIENT:  # why it cannot be told is each cell's own
            key = (*key, row["qname"])
        if key not in known:
            asked = (row["resolver"], row["transport"])
            entry = entries.get(asked)  # none: its run does not say whom it asked
            known[key] = _sentence(row, before, entry, conditions.get(asked, ""), today) if entry else ""
        says.append(known[key])
    return cells.with_columns(says=pl.Series(says, dtype=pl.String))


def _sentence(row: Mapping[str, Any], before: date | None, entry: Resolver, condition: str, today: Diff) -> str:
    """Return one cell as a sentence for all that are alike."""
    answer = "{answer}" if row["answer"] or row["cname"] else None
    then = {"date": before, "state": row["state_before"], "mechanism": row["mechanism_before"]}
    cell = {**row, "answer": answer, "cname": None, "date": today.date_after}
    was = then if before is not None and row["state_before"] is not None else None
    return printable.sentence(cell, was, entry, condition, "{name}", today.vantage)
