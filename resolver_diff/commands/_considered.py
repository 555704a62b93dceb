"""Each piece of evidence on a cell: what applied, with what it claims; and what did not, with what it looked at."""

import importlib
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from resolver_diff import evidence
from resolver_diff.anomaly import reasons
from resolver_diff.compare.shares import percent
from resolver_diff.event import joined
from resolver_diff.evidence import Claim
from resolver_diff.tables import State
from resolver_diff.wording.lines import EMPTY, Line, Tone, line, milliseconds, paragraph

DECIDED = "What decided"
FOR, AGAINST, NOT = "Evidence for a difference", "Evidence against a difference", "Evidence that did not apply"
LONGEST = 24  # characters of a value that are shown
MICROSECONDS, SECONDS, SHARES = ("rtt", "rtt_usual"), ("ttl", "controls_ttl"), ("aa_usual",)
ABOUT = {
    Claim.VANISHED: "About a name that got no answer, which this is not",
    Claim.DIVERGENT: "About an answer that differs, which this is not",
    Claim.EITHER: "About what differs from the controls, which this does not",
}


def page(found: Mapping[str, Any], inputs: Mapping[str, Any], width: int | None) -> Iterator[Line]:
    """Yield what decided, and all evidence on the cell *found*; *inputs* are the columns that evidence looks at."""
    if inputs:
        yield EMPTY
        yield line(DECIDED, Tone.HEADING)
        yield from paragraph(_decided(found, State(str(inputs["apparent"]))), width=width, first="  ", rest="  ")
    for heading, column in ((FOR, "evidence_for"), (AGAINST, "evidence_against")):
        names = found[column] or ()
        if names:
            yield EMPTY
            yield line(heading, Tone.HEADING)
            yield from _applied(names, found, width)
    applied = {*(found["evidence_for"] or ()), *(found["evidence_against"] or ())}
    if inputs:
        yield from _others([name for name in reasons() if name not in applied], inputs, width)


def _decided(found: Mapping[str, Any], apparent: State) -> str:
    """Say which rule settled the cell, in the order in which they are tried."""
    members = reasons()
    state = State(str(found["state"]))
    first = f"Next to the controls alone it is {apparent}."
    weakening = [name for name in found["evidence_against"] or () if name in members and members[name].decides]
    about_resolver = [name for name in weakening if members[name].claim is Claim.RESOLVER]
    leaving = about_resolver or [name for name in weakening if members[name].leaves is state]
    if leaving:
        why = "about the resolver as a whole, which wins over all" if about_resolver else "which wins over the rest"
        return f"{first} It becomes {state} by {joined(leaving, 'and')}, {why}."
    supporting = [name for name in found["evidence_for"] or () if name in members and members[name].decides]
    if supporting:
        return f"{first} That stands by {joined(supporting, 'and')}; nothing that could decide otherwise applies."
    if apparent is State.DIVERGENT:
        return f"{first} It becomes {state}, as nothing that applies convicts a different answer, or clears it."
    return f"{first} That stands, as nothing that could decide otherwise applies."


def _applied(names: Iterable[str], cell: Mapping[str, object], width: int | None) -> Iterator[Line]:
    """Yield each piece of evidence as a sentence, then what it claims and when it is wrong, as its file says."""
    members = reasons()
    for name in names:
        says = f": {members[name].sentence(cell)}" if name in members else ""
        yield from paragraph(f"{name}{says}", width=width, first="  ", rest="  ")
        if name in members:
            for part in _docstring(name):
                yield from paragraph(part, width=width, first="    ", rest="    ", tone=Tone.FAINT)


def _others(names: Sequence[str], inputs: Mapping[str, Any], width: int | None) -> Iterator[Line]:
    """Yield what did not apply: what looked at this cell with what it saw, and what is about other cells."""
    about = {
        Claim.VANISHED: inputs["apparent"] == State.VANISHED,
        Claim.DIVERGENT: inputs["apparent"] == State.DIVERGENT,
        Claim.EITHER: inputs["apparent"] in (State.VANISHED, State.DIVERGENT),
        Claim.RESOLVER: True,
    }
    yield EMPTY
    yield line(NOT, Tone.HEADING)
    for name in names:
        if about[reasons()[name].claim]:
            yield from paragraph(f"{name}: {_seen(name, inputs)}", width=width, first="  ", rest="    ")
    for claim, why in ABOUT.items():
        rest = [name for name in names if reasons()[name].claim is claim and not about[claim]]
        if rest:
            text = f"{why}: {', '.join(rest)}"
            yield from paragraph(text, width=width, first="  ", rest="    ", tone=Tone.FAINT)


def _seen(name: str, inputs: Mapping[str, Any]) -> str:
    """Return the columns that the evidence *name* looks at, with their values."""
    columns = dict.fromkeys(reasons()[name].when.meta.root_names())
    return ", ".join(f"{column} {_value(column, inputs.get(column))}" for column in columns)


def _value(column: str, value: object) -> str:
    """Return what stands in *column*, in units that people read."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and column in MICROSECONDS:
        return milliseconds(value)
    if isinstance(value, int | float) and column in SHARES:
        return percent(value)
    if column in SECONDS:
        return f"{value} s"
    text = f"{value:.2g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _docstring(module: str) -> list[str]:
    text = inspect.getdoc(importlib.import_module(f"{evidence.__name__}.{module}")) or ""
    return [" ".join(part.split()) for part in text.split("\n\n")]
