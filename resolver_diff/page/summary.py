"""What a page says in a few lines, as JSON near its top: for an index of many pages, which need not be read whole."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, Self

from resolver_diff.errors import UsageError
from resolver_diff.wording import visible

ID = "summary"
BEGINS = f'<script type="application/json" id="{ID}">'
ENDS = "</script>"
NEAR = 64 * 1024  # octets from the top of the file within which it begins
LONGEST = 8 * 1024 * 1024  # octets of it that are read; 200 events of the longest names there can be are less
MOST_EVENTS = 200
MOST_UNTOLD = 20
MOST_NAMES = 20  # names of one event, and resolvers of one
MARKUP = re.compile("[<>&]")


@dataclass(frozen=True, slots=True)
class SummedEvent:
    """One event, as ``tables.Courses`` has it, with the first of its names and resolvers and how many there are."""

    event: str
    vantage: str
    country: str
    domain_set: str
    mechanisms: tuple[str, ...]
    qnames: tuple[str, ...]  # the first MOST_NAMES
    names: int
    resolvers: tuple[str, ...]  # the first MOST_NAMES
    witnesses: int  # resolvers where it was seen
    denominator: int
    first_bad: date
    reported: date
    last_bad: date
    first_good: date | None  # null: it goes on
    says: str
    confidence_says: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return the event of this *row* of ``tables.Courses``."""
        shown = {each.name: row[each.name] for each in fields(cls) if each.name in row}
        qnames, resolvers = row["qnames"], row["resolvers"]
        short = {"qnames": tuple(qnames[:MOST_NAMES]), "resolvers": tuple(resolvers[:MOST_NAMES])}
        counts = {"names": len(qnames), "witnesses": len(resolvers), "mechanisms": tuple(row["mechanisms"])}
        return cls(**{**shown, **short, **counts})


@dataclass(frozen=True, slots=True)
class Summary:
    """What the page of one date says, with its events: at most MOST_EVENTS, new ones first, then those that go on."""

    resolver_diff: str  # the version that made the page
    since: date
    date: date
    dates: int  # how many dates there are from *since* to *date*
    vantages: tuple[str, ...]
    says: str
    resolvers: int
    names: int
    cells: int
    wrong: int  # cells that vanished or diverge on *date*
    events: tuple[SummedEvent, ...]
    unjudged: int | None = None  # cells that could not be judged on *date*; null: the page is older than this count
    untold: tuple[str, ...] = ()  # what differs and is in no event, a sentence each: at most MOST_UNTOLD
    more_untold: int = 0

    def element(self) -> str:
        """Return it as the element that stands in the page; nothing in it is markup."""
        document = asdict(self) | {"events": [asdict(event) for event in self.events[:MOST_EVENTS]]}
        return f"{BEGINS}{embedded(document)}{ENDS}"


def embedded(document: object) -> str:
    """Return *document* as JSON that can stand in a script element: it holds no ``<``, ``>``, ``&`` and no escape.

    All of it is ASCII, so that line separators of JavaScript and octets that are no text are escaped too.
    """
    text = json.dumps(_harmless(document), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return MARKUP.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _harmless(value: Any) -> Any:
    """Return *value* with dates as text, and everything unprintable in texts written out."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {visible(str(key)): _harmless(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_harmless(part) for part in value]
    return value


def read(file: Path) -> Summary:
    """Return the summary of the page in *file*, reading no more of it than that takes.

    Raises UsageError when *file* is no page of ours, and OSError when it cannot be read.
    """
    with file.open("rb") as stream:
        head = stream.read(NEAR)
        _, begins, rest = head.partition(BEGINS.encode())
        if begins and ENDS.encode() not in rest:
            rest += stream.read(LONGEST)
    text, ends, _ = rest.partition(ENDS.encode())
    if not (begins and ends):
        raise _no_page(file)
    try:
        return _summary(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_page(file) from error


def _no_page(file: Path) -> UsageError:
    return UsageError(f"{file} is no page of resolver_diff", hint="`resolver-diff report` makes one")


def _summary(document: Mapping[str, Any]) -> Summary:
    """Return what ``element`` wrote; what a newer version added is passed over."""
    return Summary(
        resolver_diff=str(document["resolver_diff"]),
        since=date.fromisoformat(document["since"]),
        date=date.fromisoformat(document["date"]),
        dates=int(document["dates"]),
        vantages=_texts(document["vantages"]),
        says=str(document["says"]),
        resolvers=int(document["resolvers"]),
        names=int(document["names"]),
        cells=int(document["cells"]),
        wrong=int(document["wrong"]),
        events=tuple(map(_event, document["events"])),
        unjudged=None if document.get("unjudged") is None else int(document["unjudged"]),
        untold=_texts(document.get("untold", ())),
        more_untold=int(document.get("more_untold", 0)),
    )


def _event(document: Mapping[str, Any]) -> SummedEvent:
    own = {each.name: document[each.name] for each in fields(SummedEvent)}
    days = {name: date.fromisoformat(own[name]) for name in ("first_bad", "reported", "last_bad")}
    lists = {name: _texts(own[name]) for name in ("mechanisms", "qnames", "resolvers")}
    over = {"first_good": date.fromisoformat(own["first_good"]) if own["first_good"] else None}
    return SummedEvent(**{**own, **days, **lists, **over})


def _texts(value: Sequence[Any]) -> tuple[str, ...]:
    return tuple(map(str, value))
