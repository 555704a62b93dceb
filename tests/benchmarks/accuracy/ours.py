"""Our own judgement, as alerts and cells: the one place at which the benchmark asks it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from resolver_diff import compare, series, snapshot
from resolver_diff.anomaly import Judged
from resolver_diff.tables import Certificates, State

ALERTS = {
    "domain": pl.String,
    "country": pl.String,
    "start": pl.Date,
    "end": pl.Date,  # the first date without; null: it goes on
    "raised": pl.Date,  # the date from which on it could be known; null: as start
    "mechanism": pl.String,
}
CELLS = {
    "date": pl.Date,
    "qname": pl.Categorical,
    "qtype": pl.Categorical,
    "resolver": pl.Categorical,
    "flagged": pl.Boolean,
}
WRONG = (State.VANISHED, State.DIVERGENT)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: *alerts* with the columns of ``ALERTS``, *cells* with those of ``CELLS``.

    Cells are those that are flagged, and those of which it cannot be told (null); all others are fine.
    """

    alerts: pl.DataFrame
    cells: pl.DataFrame


def ours(folder: Path, *, certificates: bool = True) -> Found:
    """Follow the snapshots in *folder*, which has one vantage, through all dates; *certificates* may be left out."""
    days = snapshot.dates(folder)
    vantage = snapshot.load(folder, days[0], judged=True)[0].vantage
    panel = compare.Panel.of_asked([snapshot.asked(folder, day, vantage) for day in days])
    cells = [pl.DataFrame(schema=CELLS)]

    def heard(judged: Judged, _: series.Sums) -> None:
        cells.append(_odd(judged))

    def loaded() -> Iterator[snapshot.Snapshot]:
        for day in days:
            (today,) = snapshot.load(folder, day, judged=True)
            yield today if certificates else replace(today, certificates=Certificates.empty())

    found = series.follow(vantage, loaded(), panel, heard).spells.frame
    alerts = found.select(
        domain="qname",
        country="country",
        start="first_bad",
        end="first_good",
        raised="reported",
        mechanism=pl.col("mechanisms").list.join("+"),
    )
    return Found(alerts.sort("domain", "country", "start"), _settled(pl.concat(cells), found))


def _settled(odd: pl.DataFrame, spells: pl.DataFrame) -> pl.DataFrame:
    """Flag the cells that one date left open and that lie in a spell of their name, at one of its witnesses."""
    where = spells.select("qname", "first_bad", "last_bad", resolver="resolvers").explode("resolver")
    left = odd.filter(pl.col("flagged").is_null()).with_columns(pl.col("qname", "resolver").cast(pl.String))
    inside = left.join(where, on=["qname", "resolver"]).filter(pl.col("date").is_between("first_bad", "last_bad"))
    keys = ["date", "qname", "qtype", "resolver"]
    told = inside.select(keys).unique().with_columns(pl.col("qtype").cast(pl.String), settled=True)
    texts = odd.with_columns(pl.col(keys[1:]).cast(pl.String))
    both = texts.join(told, on=keys, how="left").with_columns(pl.coalesce("flagged", "settled").alias("flagged"))
    return both.select(pl.col(name).cast(dtype) for name, dtype in CELLS.items())


def _odd(judged: Judged) -> pl.DataFrame:
    """Return the cells of a date that are wrong, and those of which it cannot be told."""
    told = pl.when(pl.col("state") != State.INSUFFICIENT).then(pl.col("state").is_in(WRONG))
    cells = judged.cells.filter(pl.col("role") != "control").with_columns(flagged=told, date=pl.lit(judged.date))
    odd = cells.filter(pl.col("flagged").fill_null(value=True))
    return odd.select(pl.col(name).cast(dtype) for name, dtype in CELLS.items())
