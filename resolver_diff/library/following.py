"""All dates in a folder: names followed through them, and one name at every resolver."""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from resolver_diff import compare, diff, series, snapshot
from resolver_diff.errors import SnapshotError, UsageError
from resolver_diff.library.source import HISTORY, Source, about
from resolver_diff.series import Series
from resolver_diff.snapshot import Snapshot

SERIES = ("vantage", "qtype", "resolver", "transport")


def follow(source: Source) -> list[Series]:
    """Follow each vantage through all its dates; raises SnapshotError when there is none."""
    days = source.dates()
    if not days:
        raise source.nothing()
    places = {place.name.partition("=")[2] for place in source.folder.glob("date=*/vantage=*")}
    vantages = [name for name in sorted(places) if source.vantage in (None, name) and source.dates(name)]
    followed = [_one(source, name) for name in vantages]
    readable = [each for each in followed if each.dates]
    if not readable:
        raise SnapshotError(f"none of the snapshots in {source.folder} can be read")
    return readable


def _one(source: Source, vantage: str) -> Series:
    asked = [snapshot.asked(source.folder, day, vantage) for day in source.dates(vantage)]
    return series.follow(vantage, source.all_dates(vantage), compare.Panel.of_asked(asked))


def cells(source: Source, qname: str, qtypes: Sequence[str] | None) -> pl.DataFrame:
    """Return the judged cells of *qname*, all dates and vantages.

    Raises UsageError when no snapshot holds the name.
    """
    earlier: defaultdict[str, deque[Snapshot]] = defaultdict(lambda: deque(maxlen=HISTORY))
    found = []
    for day, vantage, sets in source.dates_with(qname):
        today = replace(source, vantage=vantage).read(day, sets)[0]
        found.append(diff.anomalies(today, earlier[vantage]).cells.filter(pl.col("qname") == qname))
        earlier[vantage].append(about(today, (qname,)))
    if not found:
        if not source.dates():
            raise source.nothing()
        hint = source.names_like(qname) or "a name must be in a domain set to be asked"
        raise UsageError(f"no snapshot in {source.folder} holds `{qname}`", hint=hint)
    every = pl.concat(found)
    wanted = every.filter(pl.col("qtype").is_in([qtype.upper() for qtype in qtypes])) if qtypes else every
    if not wanted.height:
        there = ", ".join(sorted(every["qtype"].unique()))
        raise UsageError(f"`{qname}` was not asked for with that type", hint=f"it was asked for {there}")
    return wanted.unique(["date", *SERIES], maintain_order=True)  # a name of two sets is asked once for each


def dates(source: Source, cells: pl.DataFrame) -> dict[str, list[date]]:
    """Return all dates of each vantage of *cells*, with or without the name."""
    return {vantage: replace(source, vantage=vantage).dates() for vantage in cells["vantage"].unique()}
