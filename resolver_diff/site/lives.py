"""What became of each event from page to page: when it was told first, when it spread, changed its means, was over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from resolver_diff.page.summary import Summary, SummedEvent


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the folder: the name of its *file*, and what it says of itself."""

    file: str
    summary: Summary


@dataclass(frozen=True, slots=True)
class Stage:
    """An event as a *page* tells it, where that is other than on the page before; *says* what is other, in words."""

    page: Listed
    event: SummedEvent
    says: str
    over: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """One event through all pages."""

    stages: tuple[Stage, ...]  # the first is the page that told of it first
    seen: frozenset[date]  # dates of pages on which it was seen
    last: Listed  # the latest page that has it
    event: SummedEvent  # as that page tells it

    @property
    def key(self) -> tuple[str, str]:
        """The event's own: vantage and name of the event."""
        return self.event.vantage, self.event.event

    @property
    def address(self) -> str:
        """Where that page tells of it, from the folder on."""
        return f"{quote(self.last.file)}#event-{quote(self.event.event, safe='')}"

    def goes_on_at(self, day: date | None) -> bool:
        """Whether the page of *day* has it, and it is not over."""
        return self.last.summary.date == day and self.event.first_good is None


def lives(pages: Sequence[Listed]) -> list[Life]:
    """Return the events of *pages*, those with the latest news first."""
    stages: dict[tuple[str, str], list[Stage]] = {}
    seen: dict[tuple[str, str], set[date]] = {}
    last: dict[tuple[str, str], tuple[Listed, SummedEvent]] = {}
    for page in sorted(pages, key=lambda page: page.summary.date):
        for event in page.summary.events:
            key = event.vantage, event.event
            told = stages.setdefault(key, [])
            says = _news(told[-1].event, event) if told else "told first"
            if says is not None:
                told.append(Stage(page, event, says, over=event.first_good is not None))
            if event.last_bad == page.summary.date:
                seen.setdefault(key, set()).add(page.summary.date)
            last[key] = page, event
    found = [Life(tuple(told), frozenset(seen.get(key, ())), *last[key]) for key, told in stages.items()]
    return sorted(found, key=lambda life: (-life.stages[-1].page.summary.date.toordinal(), life.key))


def _news(before: SummedEvent, after: SummedEvent) -> str | None:
    """Say what is other of an event; null: nothing that a reader would be told of."""
    if after.first_good is not None:
        return f"over since {after.first_good}" if before.first_good is None else None
    parts = []
    if before.first_good is not None:
        parts.append("goes on again")
    if after.witnesses > before.witnesses:
        parts.append(f"spread to {after.witnesses} of {after.denominator} resolvers")
    if after.names > before.names:
        parts.append(f"spread to {after.names:,} names")
    if set(after.mechanisms) != set(before.mechanisms):
        parts.append(f"now by {', '.join(after.mechanisms)}")
    return "; ".join(parts) or None
