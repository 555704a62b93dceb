"""What a watch has seen: each cell over the rounds, what changed from one to the next, and how often it was wrong."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from resolver_diff.commands._strip import MARKS, NOT_ASKED, WRONG
from resolver_diff.commands._watching import Round
from resolver_diff.compare.shares import interval, percent
from resolver_diff.tables import Condition, Outcome, State
from resolver_diff.wording.idn import Names
from resolver_diff.wording.lines import Cut, Line, Tone, line, many, paragraph, table

CELL = ("qname", "qtype", "resolver", "transport")
ABOUT = ("operator", "country", "role")
SAID = ("state", "mechanism", "outcome", "answer")
VERDICT = ("state", "mechanism", "outcome")
CONTROLS = ("consensus", "controls_agreeing", "controls_asked")
EVIDENCE = ("evidence_for", "evidence_against")
KEPT = 60  # marks of a cell
LONGEST = 60  # characters of an answer in a line; JSON has all
SUMMARY = ("name", "type", "resolver", "wrong", "share", "by", "from", "to", "now")
CUTS = {5: Cut.TAIL, 0: Cut.MIDDLE, 2: Cut.MIDDLE}
EXPLAINED = (
    "wrong: in how many of the rounds that tell it vanished or diverged. share: the 95 % interval of how often. "
    "from, to: the first and the last of these rounds, in UTC."
)

Key = tuple[str, str, str, str]
Facts = Mapping[str, Any]


@dataclass(slots=True)
class Seen:
    """One cell over all rounds so far."""

    now: dict[str, Any]
    marks: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))
    told: int = 0  # rounds that tell
    wrong: int = 0  # of these
    by: Counter[str] = field(default_factory=Counter)  # mechanisms
    first: datetime | None = None  # time that it was wrong
    last: datetime | None = None
    changed: datetime | None = None

    def take(self, cell: dict[str, Any], when: datetime) -> None:
        """Count a round; *cell* is what was found in it."""
        state = State(cell["state"])
        self.now = cell
        self.marks.append(MARKS[state])
        self.told += state is not State.INSUFFICIENT
        if state in WRONG:
            self.wrong += 1
            self.by[str(cell["mechanism"])] += 1
            self.first, self.last = self.first or when, when


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is otherwise than in the round before, or that is wrong in the first one.

    *about* is ``cell``, ``controls`` (what they say of a name and type), or ``resolver`` (its condition). *before* is
    None where nothing is known of it.
    """

    when: datetime
    round: int
    about: str
    before: Facts | None
    after: Facts

    def facts(self) -> dict[str, Any]:
        """Return it as what JSON can hold; what was before has names that end in ``_before``."""
        told: dict[str, Any] = {"time": stamp(self.when), "round": self.round, "about": self.about}
        before = self.before or {}
        now = {name: self.after[name] for name in self.after if name not in told}
        return told | now | {f"{name}_before": before.get(name) for name in TOLD_BEFORE[self.about]}

    def alike(self) -> tuple[object, ...]:
        """Return what changes must have in common to be told in one line."""
        if self.about != "cell":
            return (self.about, id(self))
        before = [(self.before or {}).get(name) for name in VERDICT]
        return (*(self.after[name] for name in ("qname", "resolver", "transport", *VERDICT, *CONTROLS)), *before)


TOLD_BEFORE = {"cell": SAID, "controls": CONTROLS, "resolver": ("condition",)}


class Watch:
    """All cells, and what the controls say, over all rounds so far."""

    def __init__(self, *, several: bool = False) -> None:
        self.several = several  # some resolver is asked over more than one transport
        self.cells: dict[Key, Seen] = {}
        self.rounds = 0
        self.began: datetime | None = None
        self.ended: datetime | None = None
        self.silent: set[str] | None = None  # who said nothing in any round
        self._consensus: dict[tuple[str, str], Facts] = {}
        self._conditions: dict[tuple[str, str], Facts] = {}
        self._names = Names()

    def take(self, taken: Round) -> list[Change]:
        """Take in a round; return what changed, the controls first."""
        self.rounds += 1
        self.began, self.ended = self.began or taken.began, taken.began
        self.silent = {*taken.silent} & (self.silent if self.silent is not None else {*taken.silent})
        columns = [*CELL, *ABOUT, *SAID, *CONTROLS, *EVIDENCE]
        texts = pl.col([name for name in columns if name not in EVIDENCE and not name.startswith("controls_")])
        found = taken.found.cells.select(columns).with_columns(texts.cast(pl.String)).sort(CELL)
        rows = found.to_dicts()
        changes = [*self._controls(rows, taken), *self._resolvers(taken)]
        for row in rows:
            changes += self._cell(row, taken)
        there = {_key(row) for row in rows}
        for key, seen in self.cells.items():
            if key not in there:
                seen.marks.append(NOT_ASKED)
        return changes

    def _cell(self, row: dict[str, Any], taken: Round) -> Iterator[Change]:
        """Yield the cell's change, if there is one; answers may turn over, as long as the verdict is the same."""
        seen = self.cells.get(_key(row))
        before = seen.now if seen else None
        seen = self.cells.setdefault(_key(row), Seen(row))
        seen.take(row, taken.began)
        verdict = (row["state"], row["mechanism"])
        if before is None and State(row["state"]) not in WRONG:
            return
        if before is None or (before["state"], before["mechanism"]) != verdict:
            seen.changed = taken.began
            yield Change(taken.began, taken.number, "cell", before, row)

    def _controls(self, rows: list[dict[str, Any]], taken: Round) -> Iterator[Change]:
        """Yield where the controls together say something else of a name."""
        together: dict[tuple[str, str], dict[str, Any]] = {}
        for row in rows:  # a control's own vote is left out where it is judged
            question = (row["qname"], row["qtype"])
            if row["role"] != "control" or question not in together:
                together[question] = {name: row[name] for name in ("qname", "qtype", *CONTROLS)}
        for question, now in together.items():
            before = self._consensus.get(question)
            self._consensus[question] = now
            if before is not None and before["consensus"] != now["consensus"]:
                yield Change(taken.began, taken.number, "controls", before, now)

    def _resolvers(self, taken: Round) -> Iterator[Change]:
        """Yield which resolvers are in another condition, or not well in the first round."""
        for row in taken.found.health.frame.select("resolver", "transport", "condition", "says").iter_rows(named=True):
            now = {name: None if value is None else str(value) for name, value in row.items()}
            key = (str(row["resolver"]), str(row["transport"]))
            before = self._conditions.get(key)
            self._conditions[key] = now
            if (before or {"condition": Condition.WELL})["condition"] != now["condition"]:
                yield Change(taken.began, taken.number, "resolver", before, now)

    def lines(self, changes: Sequence[Change]) -> Iterator[Line]:
        """Yield a line for each change; types of one name at one resolver that changed alike share one."""
        alike: dict[tuple[object, ...], list[Change]] = {}
        for change in changes:
            alike.setdefault(change.alike(), []).append(change)
        for same in alike.values():
            yield self._line(same)

    def _line(self, changes: Sequence[Change]) -> Line:
        change = changes[0]
        after, before, when = change.after, change.before, stamp(change.when)
        over = f" over {after['transport']}" if self.several and change.about != "controls" else ""
        if change.about == "resolver":
            was = f"{before['condition']} -> " if before else ""
            says = f": {after['says']}" if after["says"] else ""
            return line(f"{when} {after['resolver']}{over}: {was}{after['condition']}{says}", Tone.FAINT)
        name = f"{self._names.name(after['qname'])} {' '.join(each.after['qtype'] for each in changes)}"
        if change.about == "controls":
            return line(f"{when} {name}: {_controls(after)}; before, {_controls(before or after)}", Tone.HEADING)
        told = [_together([each.before for each in changes]), _together([each.after for each in changes])]
        said = " -> ".join(part for part in told if part)
        earlier = State(before["state"]) if before else None
        tone = Tone.BAD if State(after["state"]) in WRONG else Tone.GOOD if earlier in WRONG else Tone.FAINT
        return line(f"{when} {name} at {after['resolver']}{over}: {said}; {_controls(after)}", tone)

    def summary(self, width: int | None) -> Iterator[Line]:
        """Yield each cell that was ever wrong, and in how many rounds; types that were alike share a line."""
        assert self.began is not None
        assert self.ended is not None
        asked = f"{many(len(self.cells), 'cell')}, {many(self.rounds, 'round')}"
        text = f"{asked}, from {stamp(self.began)} to {stamp(self.ended)}"
        yield from paragraph(text, width=width, tone=Tone.HEADING)
        alike: dict[tuple[str, ...], list[str]] = {}
        for (qname, qtype, resolver, transport), seen in sorted(self.cells.items(), key=_most_wrong_first):
            if seen.wrong:
                who = f"{resolver} ({transport})" if self.several else resolver
                alike.setdefault((qname, who, *_row(seen)), []).append(qtype)
        untold = sum(not seen.told for seen in self.cells.values())
        if untold == len(self.cells):
            yield from paragraph("in no round anything could be told", width=width, first="  ", tone=Tone.BAD)
            return
        if untold:
            yield line(f"  nothing could be told of {many(untold, 'cell')}")
        if not alike:
            yield line(f"  in none of {'the others' if untold else 'them'} a name vanished or diverged anywhere")
            return
        rows = [(qname, " ".join(types), *rest) for (qname, *rest), types in alike.items()]
        yield from table(SUMMARY, rows, tones=[Tone.PLAIN] * len(rows), width=width, cuts=CUTS)
        yield from paragraph(EXPLAINED, width=width, first="  ", rest="  ", tone=Tone.FAINT)

    def totals(self) -> Iterator[dict[str, Any]]:
        """Yield each cell as what JSON can hold: in how many rounds it was wrong."""
        for key, seen in sorted(self.cells.items()):
            low, high = interval(seen.wrong, seen.told) if seen.told else (None, None)
            yield {
                "about": "total",
                **dict(zip(CELL, key, strict=True)),
                "rounds": self.rounds,
                "rounds_telling": seen.told,
                "rounds_wrong": seen.wrong,
                "share_low": low and round(low, 4),
                "share_high": high and round(high, 4),
                "mechanisms": dict(seen.by),
                "first": seen.first and stamp(seen.first),
                "last": seen.last and stamp(seen.last),
                **{name: seen.now[name] for name in SAID},
            }


def _most_wrong_first(each: tuple[Key, Seen]) -> tuple[object, ...]:
    (qname, qtype, resolver, transport), seen = each
    return (-seen.wrong, qname, resolver, transport, qtype)


def _row(seen: Seen) -> tuple[str, ...]:
    """Return the columns of the summary from how often it was wrong on."""
    low, high = interval(seen.wrong, seen.told)
    several = len(seen.by) > 1
    by = ", ".join(f"{means} {count}" if several else means for means, count in seen.by.most_common())
    share = f"{percent(low)} to {percent(high)}"
    now = "cannot be told" if seen.now["state"] == State.INSUFFICIENT else seen.now["state"]
    return (f"{seen.wrong} of {seen.told}", share, by, _clock(seen.first), _clock(seen.last), now)


def _together(cells: Sequence[Facts | None]) -> str | None:
    """Say what cells of one verdict are; what was answered only where it is the same for all."""
    first = cells[0]
    if first is None:
        return None
    told = {words(cell) for cell in cells if cell is not None}
    return told.pop() if len(told) == 1 else words({**first, "answer": None})


def words(cell: Facts) -> str:
    """Say what a cell is: its state, by what, and what was said."""
    state = State(cell["state"])
    is_answer = cell["outcome"] == Outcome.ANSWER
    said = str(cell["answer"] if is_answer and cell["answer"] else cell["outcome"])
    said = said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
    if state in WRONG:
        return f"{state} by {cell['mechanism']}" + (f" ({said})" if said not in (cell["mechanism"], "answer") else "")
    name = "cannot be told" if state is State.INSUFFICIENT else str(state)
    return name if state is State.AGREES and said == "answer" else f"{name} ({said})"


def stamp(when: datetime) -> str:
    """Return a time in UTC, to the second."""
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def _clock(when: datetime | None) -> str:
    return f"{when:%H:%M:%S}" if when else "-"


def _controls(cell: Facts) -> str:
    """Say what the control operators say."""
    asked = cell["controls_asked"] or 0
    if not asked:
        return "no control has a vote"
    if cell["consensus"] is None:
        return f"no consensus of {asked} control operators"
    return f"{cell['controls_agreeing'] or 0} of {asked} control operators say {cell['consensus']}"


def _key(row: Facts) -> Key:
    return (row["qname"], row["qtype"], row["resolver"], row["transport"])
