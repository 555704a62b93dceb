"""What became of one cell over all dates, and how much of it `events` takes for a block."""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from resolver_diff.compare.shares import percent
from resolver_diff.library.weighed import Followed, Over
from resolver_diff.series import ALARM, Weighing
from resolver_diff.series.telling import course
from resolver_diff.tables import State
from resolver_diff.wording.lines import EMPTY, Cut, Line, Tone, line, paragraph, table

HEADER = ("from", "to", "said", "state", "weight", "chance", "elsewhere", "at once")
CUTS = {2: Cut.TAIL, 3: Cut.TAIL}
TONES = {State.VANISHED: Tone.BAD, State.DIVERGENT: Tone.BAD, State.INSUFFICIENT: Tone.FAINT}
MOST_ROWS = 40  # the latest


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
