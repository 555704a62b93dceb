"""What was told of events, shown and changed."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from resolver_diff.alert import Ledger, Silence, Told, ledger, sending
from resolver_diff.commands._loading import did_you_mean, parse_name
from resolver_diff.commands._output import PROGRAM, page_width, talk
from resolver_diff.commands._output import show as shown
from resolver_diff.daily.lock import alone
from resolver_diff.errors import AlertError, UsageError
from resolver_diff.event import counted, day_in_words, leading_first
from resolver_diff.wording.lines import Line, Tone, paragraph

LEDGER = ".alerts.json"  # in the reports folder, and hidden, as that may be on the web
TEST = sending.Message("resolver_diff", "A test: alerts arrive here.", "info", ())


def post() -> sending.Post | None:
    """Return the ways alerts are sent, as the environment says; None where it says none."""
    urls = os.environ.get(sending.VARIABLE, "").strip()
    return sending.Post(urls) if urls else None


def test() -> None:
    """Send a message every way; raises AlertError where it is not taken, and UsageError where there is none."""
    ways = post()
    if ways is None:
        hint = f'for example {sending.VARIABLE}="mailto://user:password@example.org"; apprise has the forms'
        raise UsageError(f"{sending.VARIABLE} in the environment names nobody to tell", hint=hint)
    if refused := ways.send(TEST):
        raise AlertError(
            f"not taken by {', '.join(refused)}", hint="is the address right, and is it reached from here?"
        )
    talk(f"sent {len(ways)} way{'' if len(ways) == 1 else 's'}")


def show(reports: Path) -> None:
    """Print the events that go on, as they were told, and what is silenced."""
    told = ledger.read(reports / LEDGER)
    lines: list[Line] = []
    width = page_width()
    for one in (one for one in told.events if one.goes_on):
        names = counted(leading_first(list(one.qnames)), "name")
        known = ", acknowledged" if one.acknowledged else ""
        text = f"{one.event}  {names} in {one.country}, from vantage {one.vantage}, since {day_in_words(one.first_bad)}"
        lines += paragraph(text + known, width=width, rest="  ", tone=Tone.FAINT if one.acknowledged else Tone.BAD)
    for silence in told.silences:
        until = f" until {day_in_words(silence.until)}" if silence.until else ""
        lines += paragraph(f"silenced: {silence.what}{until}", width=width, rest="  ", tone=Tone.FAINT)
    shown(lines or paragraph("nothing goes on that was told, and nothing is silenced", width=width))


def change(reports: Path, action: str, what: Sequence[str], until: date | None) -> None:
    """Acknowledge, silence or unsilence *what*; where there is no such thing, raises UsageError and changes nothing."""
    with alone(reports):
        told = ledger.read(reports / LEDGER)
        for one in what:
            told = _changed(told, action, one, until)
        ledger.write(reports / LEDGER, told)


def _changed(told: Ledger, action: str, what: str, until: date | None) -> Ledger:
    event = next((one for one in told.events if what in (one.event, *one.also)), None)
    if action == "acknowledge":
        if event is None or not event.goes_on:
            raise _no_event(told, what)
        known = replace(event, acknowledged=True)
        return replace(told, events=tuple(known if one == event else one for one in told.events))
    silenced = event.event if event is not None else _name(told, what)
    others = tuple(one for one in told.silences if one.what != silenced)
    if action == "unsilence":
        if len(others) == len(told.silences):
            hint = did_you_mean(what, [one.what for one in told.silences])
            raise UsageError(f"`{what}` is not silenced", hint=hint or f"`{PROGRAM} alerts` says what is")
        return replace(told, silences=others)
    return replace(told, silences=tuple(sorted((*others, Silence(silenced, until)), key=lambda one: one.what)))


def _name(told: Ledger, what: str) -> str:
    """Return *what* as a domain name; what has no dot is no name that anybody asks for, but an event mistyped."""
    if "." not in what.strip("."):
        raise _no_event(told, what)
    return parse_name(what)


def _no_event(told: Ledger, what: str) -> UsageError:
    going_on: list[Told] = [one for one in told.events if one.goes_on]
    near = did_you_mean(what, [one.event for one in going_on])
    return UsageError(f"no event that goes on is called `{what}`", hint=near or f"`{PROGRAM} alerts` has them")
