"""How far an event reached on each date: how many names, at how many of the country's resolvers."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import polars as pl

from resolver_diff.tables import Column, Table

Row = dict[str, Any]


class Extents(Table):
    """One row per event and date on which some of it was seen."""

    event = Column(pl.String(), "The event.")
    date = Column(pl.Date(), "The date.")
    names = Column(pl.UInt32(), "Its names that showed it.")
    resolvers = Column(pl.UInt32(), "Resolvers that showed it for one of these.")
    denominator = Column(pl.UInt32(), "Resolvers of the country that could be judged on that date.")


def extents(spells: Iterable[Row]) -> Extents:
    """Return how far the events of *spells* reached.

    Each has *event*, *qname*, and *days*: date -> the resolvers that showed it, and how many there were.
    """
    names: dict[tuple[str, date], set[str]] = defaultdict(set)
    who: dict[tuple[str, date], set[str]] = defaultdict(set)
    of: dict[tuple[str, date], int] = {}
    for spell in spells:
        for day, (resolvers, all_there) in spell["days"].items():
            key = (spell["event"], day)
            names[key].add(spell["qname"])
            who[key] |= resolvers
            of[key] = all_there
    rows = [(*key, len(names[key]), len(who[key]), max(of[key], len(who[key]))) for key in sorted(names)]
    return Extents(pl.DataFrame(rows, schema=Extents.schema, orient="row"))


def growth(event: pl.DataFrame) -> str | None:
    """Say how an event, whose rows of ``Extents`` these are, grew and shrank; null where it stayed as it was."""
    rows = event.sort("date").to_dicts()
    if not rows:
        return None
    first, last = rows[0], rows[-1]
    peak = max(rows, key=lambda row: (row["names"], row["resolvers"]))
    steps = [(_size(row), row["date"]) for row in (first, peak, last)]
    grew, shrank = _extent(peak) != _extent(first), _extent(last) != _extent(peak)
    if not (grew or shrank):
        return None
    said = f"It grew from {steps[0][0]} ({steps[0][1]}) to {steps[1][0]} ({steps[1][1]})" if grew else ""
    if shrank:
        more = f"shrank to {steps[2][0]} ({steps[2][1]})"
        said = f"{said}, and {more}" if said else f"It was {steps[1][0]} at first ({steps[1][1]}), and {more}"
    return f"{said}."


def _extent(row: Row) -> Sequence[int]:
    return row["names"], row["resolvers"]


def _size(row: Row) -> str:
    names, of = row["names"], row["denominator"]
    resolvers = f"{row['resolvers']} of {of} resolver{'' if of == 1 else 's'}"
    return f"{names:,} name{'' if names == 1 else 's'} at {resolvers}"
