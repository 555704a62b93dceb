"""What became of one cell over all dates, and how much of it `events` takes for a block."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from resolver_diff import compare, series, snapshot
from resolver_diff.anomaly import Judged
from resolver_diff.commands._loading import HISTORY, Source, about
from resolver_diff.commands._output import warn
from resolver_diff.compare.shares import percent
from resolver_diff.confidence import Measured
from resolver_diff.errors import SnapshotError
from resolver_diff.reports._layout import EMPTY, Cut, Line, Tone, line, paragraph, table
from resolver_diff.series import ALARM, Sums, Weighing
from resolver_diff.series.telling import course
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Spells, State

Over = tuple[str, str]  # qtype and transport
HEADER = ("from", "to", "said", "state", "weight", "chance", "elsewhere", "at once")
CUTS = {2: Cut.TAIL, 3: Cut.TAIL}
TONES = {State.VANISHED: Tone.BAD, State.DIVERGENT: Tone.BAD, State.INSUFFICIENT: Tone.FAINT}
MOST_ROWS = 40  # the latest


@dataclass(slots=True)
class Followed:
    """The cells of one name at one resolver over all dates up to one.

    *nights* by qtype and transport; *inputs*: all columns that evidence looks at, on the last date; *spells* of the
    name.
    """

    measured: Measured
    nights: dict[Over, list[tuple[dict[str, Any], Weighing | None]]] = field(default_factory=dict)
    inputs: dict[Over, dict[str, Any]] = field(default_factory=dict)
    spells: pl.DataFrame = field(default_factory=lambda: Spells.empty().frame)
    whole: bool = True  # all names were looked at, so that the weights are those of `events`


def follow(
    source: Source, vantage: str, cell: tuple[str, str], last: date, measured: Measured, *, whole: bool
) -> Followed:
    """Follow the *cell*, a name and a resolver, through the dates up to *last*; all names with it, if *whole*."""
    qname, resolver = cell
    told = Followed(measured, whole=whole)

    def heard(judged: Judged, sums: Sums) -> None:
        own = judged.cells.filter(pl.col("qname") == qname, pl.col("resolver") == resolver)
        for row in own.iter_rows(named=True):
            over = (str(row["qtype"]), str(row["transport"]))
            told.nights.setdefault(over, []).append(({"date": judged.date, **row}, sums.weighing(row["q"], row["r"])))
            if judged.date == last:
                told.inputs[over] = row

    days = [day for day in source.dates(vantage) if day <= last]
    asked = [snapshot.asked(source.folder, day, vantage) for day in days]
    panel = compare.Panel.of_asked(asked)
    found = series.follow(vantage, _days(source, vantage, days, None if whole else qname), panel, heard=heard)
    spells = measured.beside_spells(found.spells).frame
    told.spells = spells.filter(pl.col("qname") == qname)
    return told


def _days(source: Source, vantage: str, days: Sequence[date], qname: str | None) -> Iterator[Snapshot]:
    """Yield the snapshots of *days*; what cannot be read is said once, and ends nothing."""
    there = replace(source, vantage=vantage)
    said = days[-HISTORY - 2 :]  # when the cell was judged on the last two of them
    for day in days:
        try:
            found = there.read(day, judged=True, again=day in said)[0]
        except SnapshotError as error:
            warn(error.problems if day not in said else ())
            continue
        yield found if qname is None or day == days[-1] else about(found, (qname,))


def page(told: Followed, over: Over, country: str | None, width: int | None) -> Iterator[Line]:
    """Yield the dates as a table, what its numbers mean, and the events that the name has here."""
    nights = told.nights.get(over, [])
    if not nights:
        return
    weighed = told.whole and any(weighing is not None for _, weighing in nights)
    rows = _joined([_row(cell, weighing if weighed else None) for cell, weighing in nights])
    shown = rows[-MOST_ROWS:]
    columns = len(HEADER) if weighed else HEADER.index("weight")
    tones = [TONES.get(State(row[3].partition(" ")[0]), Tone.PLAIN) for row in shown]
    yield EMPTY
    yield line("All dates", Tone.HEADING)
    if len(rows) > len(shown):
        yield line(f"  (the latest {len(shown)} of {len(rows)} lines)", Tone.FAINT)
    yield from table(HEADER[:columns], [row[:columns] for row in shown], tones=tones, width=width, cuts=CUTS, indent=0)
    if not weighed:
        none = "controls, and filters that people choose, are no witnesses of a country"
        why = none if told.whole else "left out by --quick"
        yield from paragraph(f"Not weighed for `events`: {why}.", width=width, first="  ", rest="  ", tone=Tone.FAINT)
        return
    if not any(weighing and (weighing.weight or weighing.together) for _, weighing in nights):
        text = f"Nothing to weigh for `events`: no sign of a block of this name at any resolver of {country}."
        yield from paragraph(text, width=width, first="  ", rest="  ", tone=Tone.FAINT)
        return
    together = nights[-1][1].together if nights[-1][1] else 0.0
    yield from paragraph(_meaning(together, country), width=width, first="  ", rest="  ", tone=Tone.FAINT)
    yield from _spells(told.spells.filter(pl.col("country") == country), width)


def _meaning(together: float, country: str | None) -> str:
    enough = "enough" if together >= ALARM else "not enough"
    return (
        "weight: how much likelier these signs are under a block than by the best innocent explanation, as a natural "
        "logarithm, added up over dates. chance: how often cells of this resolver turn so by themselves. elsewhere: "
        "the share of other countries' resolvers that show it too. at once: the share of names that most resolvers of "
        f"{country} lost that date. All resolvers of {country} together weigh {together:.1f} for this name, after the "
        f"price of picking them; {ALARM:.1f} is told from chance: {enough}."
    )


def _spells(spells: pl.DataFrame, width: int | None) -> Iterator[Line]:
    """Yield what `events` says of the name in this country."""
    for row in spells.iter_rows(named=True):
        text = f"{row['says']}. {course(row)}; confidence {row['confidence_says']}"
        yield from paragraph(text, width=width, first="  * ", rest="    ")


def _row(cell: dict[str, Any], weighing: Weighing | None) -> tuple[str, ...]:
    """Return one date as a line; an answer that agrees may turn over, and only its outcome is shown."""
    wrong = cell["mechanism"] is not None
    said = str(cell["answer"] if wrong and cell["answer"] else cell["outcome"])
    state = str(cell["state"]) + (f" ({cell['mechanism']})" if wrong and cell["mechanism"] != cell["outcome"] else "")
    day = str(cell["date"])
    if weighing is None:
        return day, day, said, state, "", "", "", ""
    if not weighing.weight:
        return day, day, said, state, "0", "", "", ""
    shares = map(percent, (weighing.by_chance, weighing.elsewhere, weighing.at_once))
    return day, day, said, state, f"{weighing.weight:.1f}", *shares


def _joined(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Join dates in a row that are alike."""
    told: list[tuple[str, ...]] = []
    for row in rows:
        if told and told[-1][2:] == row[2:]:
            told[-1] = (told[-1][0], row[1], *row[2:])
        else:
            told.append(row)
    return told
