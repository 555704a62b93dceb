"""Spells as sentences: those of one country that began together, by the same kind of means, are one event."""

from collections.abc import Iterable, Sequence
from datetime import date
from hashlib import blake2b

from resolver_diff.event import MEANS, SHOWN, counted, day_in_words, joined, leading_first
from resolver_diff.series.extent import Row
from resolver_diff.tables import Mechanism

TOGETHER = 1  # dates between the first of one and the first of the next
OTHERWISE = ("other address", "injected")


def means(mechanisms: Iterable[str]) -> str:
    """Return the kind of means that a name was lost by; losses of single queries beside it do not make another."""
    kinds = {MEANS[Mechanism(one)] for one in mechanisms}
    for kind in ("policy", "injected", "other address", "denial"):
        if kind in kinds:
            return kind
    return "failure"


def tell(rows: list[Row]) -> list[Row]:
    """Add *event* and *says* to spells; each has the other columns of ``Spells``."""
    events: list[list[Row]] = []
    order = sorted(rows, key=_place)
    for row in order:
        last = events[-1][-1] if events else None
        if last is not None and _together(last, row):
            events[-1].append(row)
        else:
            events.append([row])
    return [{**row, "event": _name(event), "says": sentence(event)} for event in events for row in event]


def _place(row: Row) -> tuple[str, str, str, date, str]:
    return row["country"], means(row["mechanisms"]), row["domain_set"], row["first_bad"], row["qname"]


def _together(one: Row, other: Row) -> bool:
    same = one["country"] == other["country"] and means(one["mechanisms"]) == means(other["mechanisms"])
    near: int = (other["first_bad"] - one["first_bad"]).days
    return same and near <= TOGETHER and one["domain_set"] == other["domain_set"]


def _name(event: Sequence[Row]) -> str:
    first = event[0]
    parts = (first["vantage"], first["country"], means(first["mechanisms"]), first["first_bad"], first["domain_set"])
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=5).hexdigest()


def sentence(event: Sequence[Row]) -> str:
    """Say an event in one sentence."""
    names = leading_first(sorted({row["qname"] for row in event}))
    resolvers = {name for row in event for name in row["resolvers"]}
    several = len(names) > 1
    first = min(row["first_bad"] for row in event)
    ends = [row["first_good"] for row in event]
    over = all(end is not None for end in ends)
    kind = means(event[0]["mechanisms"])
    every = {Mechanism(one) for row in event for one in row["mechanisms"]}
    beside = kind in OTHERWISE and any(MEANS[one] == "denial" for one in every)
    what = "lost, or answered otherwise," if beside else "answered otherwise" if kind in OTHERWISE else "lost"
    verb = ("were" if several else "was") if over else ("are" if several else "is")
    last = max(row["last_bad"] for row in event) if over else None
    when = _when(first, last, seen=all(row["last_good"] for row in event if row["first_bad"] == first))
    of = max(len(resolvers), *(row["denominator"] for row in event))
    noun = "resolver" if of == 1 else "resolvers"
    where = f"at {len(resolvers)} of {of} {noun} in {event[0]['country']}"
    told = {kind, "denial"} if beside else {kind}
    # queries that are lost on the way beside what they are lost for are no means of their own
    shown = sorted({SHOWN.get(one, "declared policy") for one in every if MEANS[one] in told})
    return f"{counted(names, 'name')} {verb} {what} {where} {when}: {joined(shown, 'and')}"


def course(spell: Row) -> str:
    """Say when a name was last good, first bad and good again, and when there was enough to tell."""
    good = f"last good {spell['last_good']}" if spell["last_good"] else "never good"
    end = f", good again {spell['first_good']}" if spell["first_good"] else ""
    return f"{good}, first bad {spell['first_bad']}{end}; told from chance on {spell['reported']}"


def _when(first: date, last: date | None, *, seen: bool) -> str:
    """Say from when to when; a beginning that nobody has *seen* may have been before the first date there is."""
    began = day_in_words(first) if seen else f"{day_in_words(first)} or before"
    if last is None:
        return f"since {began}"
    return f"on {began}" if first == last else f"from {began} to {day_in_words(last)}"
