"""One cell on all dates, and what was weighed of it on each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from resolver_diff import compare, series, snapshot
from resolver_diff.anomaly import Judged
from resolver_diff.confidence import Measured
from resolver_diff.errors import SnapshotError
from resolver_diff.library.source import HISTORY, Source, about
from resolver_diff.series import Sums, Weighing
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Spells

Over = tuple[str, str]  # qtype and transport


@dataclass(slots=True)
class Followed:
    """The cells of one name at one resolver over all dates up to one.

    *nights* by qtype and transport; *inputs*: all columns that evidence looks at, on the last date; *spells* of the
    name.
    """

    measured: Measured
    nights: dict[Over, list[tuple[dict[str, Any], Weighing | None]]] = field(default_factory=dict)
    inputs: dict[Over, dict[str, Any]] = field(default_factory=dict)
    spells: pl.DataFrame = field(default_factory=lambda: Spells.empty().frame)
    whole: bool = True  # all names were looked at, so that the weights are those of `events`


def follow(
    source: Source, vantage: str, cell: tuple[str, str], last: date, measured: Measured, *, whole: bool
) -> Followed:
    """Follow the *cell*, a name and a resolver, through the dates up to *last*; all names with it, if *whole*."""
    qname, resolver = cell
    told = Followed(measured, whole=whole)

    def heard(judged: Judged, sums: Sums) -> None:
        own = judged.cells.filter(pl.col("qname") == qname, pl.col("resolver") == resolver)
        for row in own.iter_rows(named=True):
            over = (str(row["qtype"]), str(row["transport"]))
            told.nights.setdefault(over, []).append(({"date": judged.date, **row}, sums.weighing(row["q"], row["r"])))
            if judged.date == last:
                told.inputs[over] = row

    days = [day for day in source.dates(vantage) if day <= last]
    asked = [snapshot.asked(source.folder, day, vantage) for day in days]
    panel = compare.Panel.of_asked(asked)
    found = series.follow(vantage, _days(source, vantage, days, None if whole else qname), panel, heard=heard)
    spells = measured.beside_spells(found.spells).frame
    told.spells = spells.filter(pl.col("qname") == qname)
    return told


def _days(source: Source, vantage: str, days: Sequence[date], qname: str | None) -> Iterator[Snapshot]:
    """Yield the snapshots of *days*; what cannot be read is said once, and ends nothing."""
    there = replace(source, vantage=vantage)
    said = days[-HISTORY - 2 :]  # when the cell was judged on the last two of them
    for day in days:
        try:
            found = there.read(day, judged=True, again=day in said)[0]
        except SnapshotError as error:
            source.warn(error.problems if day not in said else ())
            continue
        yield found if qname is None or day == days[-1] else about(found, (qname,))
