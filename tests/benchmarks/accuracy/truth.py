"""Labelled sets: what a detector may see, and beside it what was true.

The truth of cells is read as `resolver-diff calibrate` reads it; that of events, and of what befell names, only here:
a world has truth_events.parquet and truth_benign.parquet too. ``import observations`` passes over all of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from resolver_diff.importers import _labels
from resolver_diff.importers._labels import CELL

__all__ = ["CELL", "NETWORKS", "Truth", "read", "replies", "world"]

NETWORKS = ("isp", "national", "public")  # kinds of resolvers that stand for their country
EVENTS = {
    "event": pl.String,
    "domain": pl.String,
    "country": pl.String,
    "mechanism": pl.String,
    "start": pl.Int64,  # places among the dates
    "end": pl.Int64,  # the first one after it
    "old": pl.Boolean,  # it was there before the first date
    "resolvers": pl.Int64,
    "rollout": pl.Float64,
}
BENIGN = {"scope": pl.String, "key": pl.String, "cause": pl.String, "start": pl.Int64, "end": pl.Int64}


@dataclass(frozen=True, slots=True)
class Truth:
    """What was true.

    *cells*: day (its place among *dates*), qname, qtype, resolver, blocked (null: cannot be known), mechanism,
    cause. *countries* of the resolvers that stand for one. A pair in *ignored* is neither right nor wrong.
    """

    name: str
    table: Path  # what is imported
    dates: tuple[date, ...]
    cells: pl.DataFrame
    events: pl.DataFrame
    benign: pl.DataFrame
    countries: pl.DataFrame  # resolver, country
    domains: int  # names that are tested
    ignored: frozenset[tuple[str, str]] = frozenset()
    providers: dict[str, str] = field(default_factory=dict)  # of names

    @property
    def pair_months(self) -> float:
        """How many months of 30 days all pairs of domain and country were watched for."""
        return self.domains * self.countries["country"].n_unique() * len(self.dates) / 30

    def days(self) -> Iterator[tuple[date, pl.DataFrame]]:
        """Yield the cells date by date."""
        parts = self.cells.partition_by("day", as_dict=True, include_key=False)
        for place, day in enumerate(self.dates):
            yield day, parts.get((place,), self.cells.clear().drop("day"))


def read(path: Path) -> Truth:
    """Read a world or a file of replies."""
    return world(path) if path.is_dir() else replies(path)


def world(folder: Path) -> Truth:
    """Read a folder with a world."""
    resolvers, domains = pl.read_csv(folder / "resolvers.csv"), pl.read_csv(folder / "domains.csv")
    place, _ = _labels.runs(folder)
    labels = _labels.world(folder)
    judged = resolvers.filter(pl.col("role") != "control")
    networks = judged.filter(pl.col("kind").is_in(NETWORKS))
    benign = _benign(folder, place)
    return Truth(
        name=folder.name,
        table=folder,
        dates=labels.dates,
        cells=labels.cells,
        events=_events(folder, place),
        benign=benign.select(pl.col(name).cast(dtype) for name, dtype in BENIGN.items()),
        countries=networks.select("country", resolver="resolver_id"),
        domains=len(domains.filter(pl.col("role") == "test")),
        ignored=frozenset(benign.filter("ignore").select("key", "detail").rows()),
        providers=_providers(folder),
    )


def _events(folder: Path, place: pl.DataFrame) -> pl.DataFrame:
    """Return the events by places of dates: an event ends on the day of its first run that is free of it."""
    told = pl.read_parquet(folder / "truth_events.parquet")
    days = {**dict(place.rows()), place.height: int(place.select(pl.col("day").max()).item()) + 1}
    given = told.select(
        event=pl.col("event_id"),
        domain="domain",
        country="country",
        mechanism="mechanism",
        start=pl.col("start").replace_strict(days, return_dtype=pl.Int64),
        end=pl.col("end").replace_strict(days, return_dtype=pl.Int64),
        old="preexisting",
        resolvers="n_resolvers",
        rollout="rollout",
    )
    return given.select(pl.col(name).cast(dtype) for name, dtype in EVENTS.items())


def _benign(folder: Path, place: pl.DataFrame) -> pl.DataFrame:
    told = pl.read_parquet(folder / "truth_benign.parquet")
    days = {**dict(place.rows()), place.height: int(place.select(pl.col("day").max()).item()) + 1}
    return told.with_columns(
        pl.col(name).replace_strict(days, default=0, return_dtype=pl.Int64) for name in ("start", "end")
    )


def _providers(folder: Path) -> dict[str, str]:
    """Return who hosts each name, as the scope `provider` of a cause calls it."""
    file = folder / "truth_domain_kinds.csv"
    if not file.exists():
        return {}
    return {
        name: f"provider{provider}" for name, provider in pl.read_csv(file).select("domain", "provider").iter_rows()
    }


def replies(file: Path) -> Truth:
    """Read a file of labelled replies; a cell of which any reply is blocked is."""
    found = _labels.replies(file)
    countries = pl.DataFrame(schema={"resolver": pl.String, "country": pl.String})
    empty = pl.DataFrame(schema=EVENTS), pl.DataFrame(schema=BENIGN)
    return Truth(file.stem, file, found.dates, found.cells, *empty, countries, found.cells["qname"].n_unique())
