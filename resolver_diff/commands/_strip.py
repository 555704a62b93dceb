"""A name's life as a strip: a row for each resolver and type, a character for each date, a ruler above, a legend below.

Dates without a snapshot are blank; where they are many in a row they are one mark. What does not fit into the width is
condensed to weeks, then to four weeks, and then only the latest are shown; the caption says which.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import polars as pl
from rich.cells import cell_len

from resolver_diff.tables import State
from resolver_diff.wording.lines import EMPTY, GAP, Cut, Line, Span, Tone, line, many, paragraph, table

MARKS = {State.AGREES: ".", State.VANISHED: "V", State.DIVERGENT: "D", State.GONE: "g", State.INSUFFICIENT: "?"}
NOT_ASKED, LONG_GAP, NOTHING = "-", "~", " "
TONES = {"V": Tone.BAD, "v": Tone.BAD, "D": Tone.BAD, "d": Tone.BAD, ".": Tone.GOOD}  # the others are faint
LEGEND = {
    ".": "agrees",
    "V": "vanished",
    "v": "vanished on some of the dates",
    "D": "divergent",
    "d": "divergent on some of the dates",
    "g": "gone: the controls have no answer either",
    "?": "cannot be told",
    NOT_ASKED: "not asked",
    LONG_GAP: "a longer time without a snapshot",
    NOTHING: "no snapshot",
}
WRONG = (State.VANISHED, State.DIVERGENT)
STEPS = {1: "a day", 7: "a week, from Monday", 28: "four weeks"}  # days that a column may stand for
MOST_BLANK = 3  # columns without a snapshot in a row
LABEL_ROWS = 3
LABEL = 10  # columns of a date
ROW = ("resolver", "transport")
FEWEST_FOLDED = 4  # rows in which nothing is wrong that become one line on a terminal

Row = tuple[str, str]  # resolver and transport


@dataclass(frozen=True, slots=True)
class Columns:
    """What stands beside each other: of each column its first day, or None for a longer gap, and the days asked on."""

    step: int  # days in a column
    starts: tuple[date | None, ...]
    days: tuple[tuple[date, ...], ...]
    left_out: int = 0  # earlier columns

    def latest(self, room: int) -> "Columns":
        """Return the last of them that fit into *room*."""
        return Columns(self.step, self.starts[-room:], self.days[-room:], max(0, len(self.days) - room))


@dataclass(frozen=True, slots=True)
class Strip:
    """One row: who, which types, how often wrong, and a mark for each column."""

    who: Row
    types: str
    wrong: str
    marks: str
    steady: bool  # it agrees on all dates


def columns(days: Sequence[date], step: int) -> Columns:
    """Return what stands for *days*, in order, *step* days a column."""
    taken: dict[int, list[date]] = {}
    for day in days:
        taken.setdefault((day.toordinal() - 1) // step, []).append(day)  # ordinal 1 was a Monday
    starts: list[date | None] = []
    kept: list[tuple[date, ...]] = []
    previous: int | None = None
    for number, there in taken.items():
        blank = number - previous - 1 if previous is not None else 0
        if blank > MOST_BLANK:
            starts, kept = [*starts, None], [*kept, ()]
        else:
            starts += [date.fromordinal(before * step + 1) for before in range(number - blank, number)]
            kept += [()] * blank
        starts.append(there[0] if step == 1 else date.fromordinal(number * step + 1))
        kept.append(tuple(there))
        previous = number
    return Columns(step, tuple(starts), tuple(kept))


def fitting(days: Sequence[date], room: int | None) -> Columns:
    """Return the finest columns that fit into *room*; the latest of the coarsest, if none do."""
    found = columns(days, 1)
    for step in STEPS:
        found = columns(days, step)
        if room is None or len(found.days) <= room:
            return found
    return found.latest(room or 0)


def page(cells: pl.DataFrame, every: Sequence[date], width: int | None) -> Iterator[Line]:
    """Yield the strips of the *cells* of one name at one vantage; *every* has the dates that have a snapshot."""
    asked = cells["date"].unique().sort().to_list()
    days = sorted({*asked, *(day for day in every if asked[0] <= day <= asked[-1])})
    several = cells.select(ROW).unique()["resolver"].is_duplicated().any()
    told = _states(cells)
    labels = [_label(strip, several=several) for strip in _strips(told, columns(days, 1))]
    header = ("resolver", *(("over",) if several else ()), "type", "wrong")
    left = width and width // 2
    beside = max(cell_len(_text(each)) for each in _table(header, labels, left)) + GAP
    shown = fitting(days, width and width - beside)
    strips = list(_strips(told, shown))
    unsteady = {strip.who for strip in strips if not strip.steady}
    well = [strip for strip in strips if strip.who not in unsteady]
    folded = well if width is not None and len(well) >= FEWEST_FOLDED else []
    rows = [strip for strip in strips if strip not in folded]
    head, *body = _table(header, [_label(strip, several=several) for strip in rows], left)
    *upper, lowest = ruler(shown, width and width - beside)
    for labelled in upper:
        yield line(" " * beside + labelled, Tone.FAINT)
    yield (Span(_text(head) + " " * (beside - cell_len(_text(head))) + lowest, Tone.FAINT),)
    for label, strip in zip(body, rows, strict=True):
        yield (Span(_text(label) + " " * (beside - cell_len(_text(label)))), *_spans(strip.marks))
    yield from _fold(folded, width, several=several)
    yield from _legend(shown, {mark for strip in strips for mark in strip.marks}, width)


def _states(cells: pl.DataFrame) -> dict[tuple[str, str, str], dict[date, State]]:
    """Return the state on each date by resolver, transport and type; who was ever wrong comes first."""
    ever = cells.with_columns(ever=pl.col("state").is_in(WRONG).any().over(ROW))
    found: dict[tuple[str, str, str], dict[date, State]] = {}
    rows = ever.sort(~pl.col("ever"), "resolver", "transport", "qtype", "date")
    for resolver, transport, qtype, day, state in rows.select(*ROW, "qtype", "date", "state").iter_rows():
        found.setdefault((str(resolver), str(transport), str(qtype)), {})[day] = State(state)
    return found


def _strips(told: Mapping[tuple[str, str, str], Mapping[date, State]], shown: Columns) -> Iterator[Strip]:
    """Yield the rows; types of one resolver that were alike on all dates are one."""
    alike: dict[tuple[Row, tuple[tuple[date, State], ...]], list[str]] = {}
    for (resolver, transport, qtype), states in told.items():
        alike.setdefault(((resolver, transport), tuple(states.items())), []).append(qtype)
    for (who, states_of), types in alike.items():
        states = dict(states_of)
        tell = [state for state in states.values() if state is not State.INSUFFICIENT]
        wrong = sum(state in WRONG for state in tell)
        marks = "".join(_mark(days, states, start) for days, start in zip(shown.days, shown.starts, strict=True))
        steady = NOT_ASKED not in marks and {*states.values()} == {State.AGREES}
        yield Strip(who, " ".join(types), f"{wrong} of {len(tell)}" if wrong else "", marks, steady)


def _mark(days: Sequence[date], states: Mapping[date, State], start: date | None) -> str:
    """Return the mark of one column: what is wrong counts before the rest, and what tells before what does not."""
    if not days:
        return LONG_GAP if start is None else NOTHING
    there = [states[day] for day in days if day in states]
    if not there:
        return NOT_ASKED
    tell = [state for state in there if state is not State.INSUFFICIENT]
    wrong = [state for state in tell if state in WRONG]
    if not wrong:
        return MARKS[tell[-1]] if tell else MARKS[State.INSUFFICIENT]
    mark = MARKS[wrong[-1]]
    return mark if len(wrong) == len(tell) else mark.lower()


def ruler(shown: Columns, room: int | None) -> list[str]:
    """Return dates above their columns, in as many rows as they need, and a row of ticks under them."""
    wide = len(shown.days) + LABEL if room is None else max(room, LABEL)
    grid = [[" "] * wide for _ in range(LABEL_ROWS + 1)]
    for place in _worth_a_label(shown.starts):
        text = str(shown.starts[place])
        begin = place if place + len(text) <= wide or place < len(text) else place + 1 - len(text)
        for row in range(LABEL_ROWS):
            around = grid[row][max(0, begin - 1) : begin + len(text) + 1]
            below = [grid[lower][place] for lower in range(row + 1, LABEL_ROWS + 1)]
            if begin + len(text) <= wide and {*around, *below} == {" "}:
                grid[row][begin : begin + len(text)] = text
                for lower in range(row + 1, LABEL_ROWS + 1):
                    grid[lower][place] = "|"
                break
    rows = ["".join(row).rstrip() for row in grid]
    return [row for row in rows[:-1] if row] + rows[-1:]


def _worth_a_label(starts: Sequence[date | None]) -> Iterator[int]:
    """Yield the columns that a date is put above if there is room: the ends, after gaps, then where months begin."""
    last = len(starts) - 1
    yield from (place for place in range(last + 1) if place in (0, last) or starts[place - 1] is None)
    for place in range(1, last):
        before, here = starts[place - 1], starts[place]
        if before is not None and here is not None and before.month != here.month:
            yield place


def _label(strip: Strip, *, several: bool) -> tuple[str, ...]:
    resolver, transport = strip.who
    return (resolver, *((transport,) if several else ()), strip.types, strip.wrong)


def _table(header: Sequence[str], labels: Sequence[Sequence[str]], width: int | None) -> list[Line]:
    return table(header, labels, tones=[Tone.PLAIN] * len(labels), width=width, cuts={0: Cut.MIDDLE}, indent=0)


def _text(spans: Line) -> str:
    return "".join(span.text for span in spans)


def _spans(marks: str) -> Iterator[Span]:
    for tone, alike in groupby(marks.rstrip(), lambda mark: TONES.get(mark, Tone.FAINT)):
        yield Span("".join(alike), tone)


def _fold(folded: Sequence[Strip], width: int | None, *, several: bool) -> Iterator[Line]:
    """Yield who agreed on all dates as one paragraph."""
    if folded:
        entries = [f"{who[0]} over {who[1]}" if several else who[0] for who in (strip.who for strip in folded)]
        names = list(dict.fromkeys(entries))
        text = f"agrees on every date at {many(len(names), 'more resolver')}: {', '.join(names)}"
        yield from paragraph(text, width=width, rest="  ")


def _legend(shown: Columns, marks: set[str], width: int | None) -> Iterator[Line]:
    """Yield what the marks mean, those that are there, and what a column is."""
    told = ", ".join(f"{'blank' if mark == NOTHING else mark} {says}" for mark, says in LEGEND.items() if mark in marks)
    yield from paragraph(f"{told}. A column is {STEPS[shown.step]}.", width=width, rest="  ", tone=Tone.FAINT)
    if shown.left_out:
        since = next(start for start in shown.starts if start is not None)
        text = f"Only the time since {since} fits here; {many(shown.left_out, 'column')} before it are not shown."
        yield from paragraph(text, width=width, rest="  ", tone=Tone.FAINT)
    yield EMPTY
