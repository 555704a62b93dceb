"""Events -> what is new about them since it was last told: one alert an event, not one a cell, and none twice.

What was told is a ledger. An event is told of when it is found, when it spreads beyond all that was told of it, when
it is done by other means, and when it is over. Resolvers that come and go within an event are no news, or each day of
a rolling block would be an alert.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from resolver_diff.alert import words
from resolver_diff.tables import Courses, Coverage

KEPT = timedelta(days=400)  # that an event stays in the ledger when it is over


class News(StrEnum):
    """What is new."""

    NEW = "new"  # an event was found
    SPREAD = "spread"  # more names, or more resolvers, than were ever told of
    CHANGED = "changed"  # by other means than were told of
    OVER = "over"  # it has ended
    WITHDRAWN = "withdrawn"  # told of before, and not found any more in the same dates: we were wrong, or cannot tell
    COVERAGE = "coverage"  # about no event: much less than usual could be judged


@dataclass(frozen=True, slots=True)
class Told:
    """What was last told of an event."""

    event: str
    vantage: str
    country: str
    domain_set: str
    qnames: tuple[str, ...]
    resolvers: tuple[str, ...]
    mechanisms: tuple[str, ...]
    first_bad: date
    last_bad: date
    told: date  # the date that it was told of
    goes_on: bool = True
    acknowledged: bool = False  # somebody knows: only its end is news
    also: tuple[str, ...] = ()  # names that it had before; later dates can move where an event begins

    def joined(self, other: "Told") -> "Told":
        """Return what was told of both, which are one event now."""
        return replace(
            self,
            qnames=tuple(sorted({*self.qnames, *other.qnames})),
            resolvers=tuple(sorted({*self.resolvers, *other.resolvers})),
            mechanisms=tuple(sorted({*self.mechanisms, *other.mechanisms})),
            first_bad=min(self.first_bad, other.first_bad),
            last_bad=max(self.last_bad, other.last_bad),
            goes_on=self.goes_on or other.goes_on,
            acknowledged=self.acknowledged and other.acknowledged,
            also=tuple(dict.fromkeys((*self.also, *other.also, other.event))),
        )


@dataclass(frozen=True, slots=True)
class Silence:
    """What nobody wants to hear of."""

    what: str  # an event, or a domain name, which stands for those below it too
    until: date | None = None  # the last date of it; null: for good


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was told, and what is not to be."""

    until: date | None = None  # the latest date that was told of; null: none
    events: tuple[Told, ...] = ()
    silences: tuple[Silence, ...] = ()
    dropped: tuple[str, ...] = ()  # vantages whose drop in coverage was told and has not ended

    def silenced(self, day: date, names: Iterable[str]) -> bool:
        """Say whether one of *names*, of an event or a domain, is silenced on *day*."""
        silent = {one.what for one in self.silences if one.until is None or day <= one.until}
        return any(above in silent for name in names for above in _above(name))

    def with_told(self, alerts: Iterable["Alert"], day: date) -> "Ledger":
        """Return the ledger when *alerts*, which are of *day*, have been told."""
        known = {one.event: one for one in self.events}
        dropped = set(self.dropped)
        for alert in alerts:
            if alert.told is not None:
                for former in (alert.told.event, *alert.told.also):
                    known.pop(former, None)
                known[alert.told.event] = alert.told
            if alert.news is News.COVERAGE:
                dropped.add(alert.vantage)
        kept = [one for one in known.values() if one.goes_on or day - one.last_bad <= KEPT]
        events = tuple(sorted(kept, key=lambda one: (one.first_bad, one.event)))
        return replace(self, events=events, dropped=tuple(sorted(dropped)))


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to tell, in words short enough for a phone."""

    news: News
    vantage: str
    title: str
    text: str
    event: str | None = None  # null: about no event
    told: Told | None = None  # what the ledger has when it was told


def due(courses: Courses, coverage: Coverage, day: date, ledger: Ledger, vantage: str) -> tuple[list[Alert], Ledger]:
    """Return what is new at *vantage* on *day*, the newest event first, and the ledger before any of it is told.

    *courses* are its events over all dates up to *day*, and *coverage* where that date could tell much less than usual.
    """
    mine = [one for one in ledger.events if one.vantage == vantage]
    rows = courses.frame.sort("first_bad", "event", descending=True).to_dicts()
    before, left = _matched(rows, mine)
    alerts = [_drop(row, vantage) for row in _whole(coverage, day) if vantage not in ledger.dropped]
    for row in rows:
        audible = [name for name in row["qnames"] if not ledger.silenced(day, [name])]
        told = before.get(row["event"])
        names = (row["event"], *((told.event, *told.also) if told else ()))
        if audible and not ledger.silenced(day, names):
            alerts += filter(None, [_news(row, told, ledger.until, day)])
    if not _whole(coverage, day):  # a date that tells little takes nothing back
        alerts += [_withdrawn(one, day) for one in left if one.goes_on and not ledger.silenced(day, [one.event])]
        ledger = replace(ledger, dropped=tuple(name for name in ledger.dropped if name != vantage))
    until = max(day, ledger.until or day)
    return alerts, replace(ledger, until=until, events=_unsaid(ledger, rows, before))


def _unsaid(ledger: Ledger, rows: Sequence[dict[str, Any]], before: dict[str, Told]) -> tuple[Told, ...]:
    """Return what the ledger has, with the names that events have today, and those joined that are one; no news."""
    today = {(told.vantage, told.event): (event, told) for event, told in before.items()}
    joined = {(told.vantage, name) for told in before.values() for name in told.also} - set(today)
    seen = {row["event"]: row["last_bad"] for row in rows}
    found = []
    for one in ledger.events:
        if (one.vantage, one.event) in joined:
            continue
        event, told = today.get((one.vantage, one.event), (one.event, one))
        also = tuple(dict.fromkeys((*told.also, one.event))) if event != one.event else told.also
        found.append(replace(told, event=event, also=also, last_bad=max(told.last_bad, seen.get(event, told.last_bad))))
    return tuple(found)


def _above(name: str) -> list[str]:
    """Return *name* and every domain that it lies in."""
    labels = name.split(".")
    return [".".join(labels[cut:]) for cut in range(len(labels))]


def _whole(coverage: Coverage, day: date) -> list[dict[str, Any]]:
    """Return the rows about a whole vantage on *day*."""
    return [row for row in coverage.rows() if row["date"] == day and row["country"] is None and row["resolver"] is None]


def _matched(rows: Sequence[dict[str, Any]], known: Sequence[Told]) -> tuple[dict[str, Told], list[Told]]:
    """Return, by the name of each event that was told of, what was told; and what was told of none of them.

    An event has its name from where it begins and from its means. Where the first dates are gone, or a later
    one shows other means, it has another name, and is the same event as long as it shares names and dates.
    """
    by_name = {name: one for one in known for name in (one.event, *one.also)}
    found = {row["event"]: by_name[row["event"]] for row in rows if row["event"] in by_name}
    taken = {one.event for one in found.values()}
    for row in rows:
        if row["event"] in found:
            continue
        alike = [one for one in known if one.event not in taken and _same(row, one)]
        if alike:
            best = max(alike, key=lambda one: (len({*one.qnames} & {*row["qnames"]}), one.event))
            found[row["event"]] = best
            taken.add(best.event)
    for one in known:  # events that have grown together are one, and nothing is withdrawn
        into = next((row["event"] for row in rows if row["event"] in found and _same(row, one)), None)
        if one.event not in taken and one.goes_on and into is not None:
            found[into] = found[into].joined(one)
            taken.add(one.event)
    return found, [one for one in known if one.event not in taken]


def _same(row: dict[str, Any], one: Told) -> bool:
    """Say whether what was told can be of the event *row*: of one place and time, and of some of its names."""
    place = (row["country"], row["domain_set"]) == (one.country, one.domain_set)
    at_once = row["first_bad"] <= one.last_bad and one.first_bad <= row["last_bad"]
    return place and (one.goes_on or at_once) and not {*one.qnames}.isdisjoint(row["qnames"])


def _news(row: dict[str, Any], told: Told | None, until: date | None, day: date) -> Alert | None:
    """Return what is new about an event, if anything is."""
    goes_on = row["first_good"] is None
    if told is None:
        # one that was over before anybody listened is history; one that came and went since then is not
        missed = until is not None and row["reported"] > until
        news = News.NEW if goes_on else News.OVER if missed else None
    elif not goes_on:
        news = News.OVER if told.goes_on else None
    elif not told.goes_on:
        news = News.NEW
    elif told.acknowledged:
        news = None
    elif not {*row["mechanisms"]} <= {*told.mechanisms}:
        news = News.CHANGED
    elif not ({*row["qnames"]} <= {*told.qnames} and {*row["resolvers"]} <= {*told.resolvers}):
        news = News.SPREAD
    else:
        news = None
    if news is None:
        return None
    title, text = words.of_event(str(news), row, told)
    return Alert(news, row["vantage"], title, text, row["event"], _now(row, told, day))


def _now(row: dict[str, Any], told: Told | None, day: date) -> Told:
    """Return what the ledger is to have of an event: all that was ever told of it."""

    def ever(column: str, before: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted({*row[column], *before}))

    return Told(
        event=row["event"],
        vantage=row["vantage"],
        country=row["country"],
        domain_set=row["domain_set"],
        qnames=ever("qnames", told.qnames if told else ()),
        resolvers=ever("resolvers", told.resolvers if told else ()),
        mechanisms=ever("mechanisms", told.mechanisms if told else ()),
        first_bad=row["first_bad"],
        last_bad=row["last_bad"],
        told=day,
        goes_on=row["first_good"] is None,
        acknowledged=told is not None and told.acknowledged and told.goes_on,
        also=tuple(name for name in dict.fromkeys((*told.also, told.event)) if name != row["event"]) if told else (),
    )


def _withdrawn(told: Told, day: date) -> Alert:
    title, text = words.withdrawn(told.qnames, told.country, told.first_bad)
    return Alert(News.WITHDRAWN, told.vantage, title, text, told.event, replace(told, goes_on=False, told=day))


def _drop(row: dict[str, Any], vantage: str) -> Alert:
    title, text = words.drop(row)
    return Alert(News.COVERAGE, vantage, title, text)
