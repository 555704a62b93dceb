"""Who was asked about what, date by date: which resolvers and names entered, and which left.

Only what two dates have in common is compared, so that a name that was not asked is not lost, and one
that is new is no event. That has to be said, or a shrinking panel would look like peace.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from resolver_diff.compare import Panel
from resolver_diff.series.chance import Flags, Numbers
from resolver_diff.tables import TRANSPORT, Column, Table

ENTERED, LEFT = "entered", "left"
RESOLVER, NAME = "resolver", "name"


class Moves(Table):
    """One row per resolver or name, and date on which it entered or left; the first date's own have not entered."""

    vantage = Column(pl.String(), "Where resolver_diff ran.")
    date = Column(pl.Date(), "The first date with it, or the first one without.")
    change = Column(pl.Enum([ENTERED, LEFT]), "What it did.")
    kind = Column(pl.Enum([RESOLVER, NAME]), "What it is.")
    what = Column(pl.String(), "The entry of resolvers.yaml, or the name.")
    transport = Column(TRANSPORT, "How the resolver was asked.", nullable=True)


class Asked:
    """What was asked on each date, added one after the other."""

    def __init__(self, panel: Panel) -> None:
        self._entries = panel.entries.select("resolver", "transport").rows()
        names = panel.questions["qname"]
        self._name_of = names.rank("dense").to_numpy().astype(np.int64) - 1
        self._names = names.unique().sort().to_list()
        self._dates: list[date] = []
        self._who: list[Flags] = []
        self._about: list[Flags] = []

    def add(self, day: date, q: Numbers, r: Numbers) -> None:
        """Note the cells of *day*: numbers of their questions and entries."""
        who, about = np.zeros(len(self._entries), np.bool_), np.zeros(len(self._names), np.bool_)
        who[np.unique(r)] = True
        about[np.unique(self._name_of[q])] = True
        self._dates.append(day)
        self._who.append(who)
        self._about.append(about)

    def moves(self, vantage: str) -> Moves:
        """Return what entered and left."""
        rows: list[tuple[object, ...]] = []
        for place, day in enumerate(self._dates[1:], 1):
            for change, new, old in ((ENTERED, place, place - 1), (LEFT, place - 1, place)):
                who = np.flatnonzero(self._who[new] & ~self._who[old])
                about = np.flatnonzero(self._about[new] & ~self._about[old])
                rows += [(vantage, day, change, RESOLVER, *self._entries[r]) for r in who]
                rows += [(vantage, day, change, NAME, self._names[n], None) for n in about]
        return Moves.of(pl.DataFrame(rows, schema=Moves.schema, orient="row"))


def sentences(moves: pl.DataFrame, shown: int = 8) -> list[str]:
    """Say *moves*, which has the columns of ``Moves``: a sentence per date, what happened, and to which kind."""
    said = []
    order = ("date", "kind", "change")
    grouped = moves.sort(*order, "what", "transport").group_by(*order, maintain_order=True)
    for (day, kind, change), rows in grouped:
        each: Sequence[str] = [
            what if transport is None else f"{what} ({transport})"
            for what, transport in rows.select("what", "transport").iter_rows()
        ]
        noun = f"{len(each):,} {kind}" + ("" if len(each) == 1 else "s")
        more = f" and {len(each) - shown:,} more" if len(each) > shown else ""
        said.append(f"{day}: {noun} {change}: {', '.join(each[:shown])}{more}")
    return said
