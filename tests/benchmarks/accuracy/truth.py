"""Labelled sets: what a detector may see, and beside it what was true.

Two forms are read. A *world* is a folder with observations.parquet, resolvers.csv, domains.csv and
ip_tags.parquet, which a detector may see, and with labels.parquet (obs_id, blocked, mechanism,
benign_cause), truth_events.parquet and truth_benign.parquet, which it may not. *Replies* are one Parquet file of
rows with label_blocked and label_mechanism beside them. ``import observations`` reads both, and passes over the truth.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from resolver_diff.config.qnames import BadNameError, qname
from resolver_diff.importers._panel import names

CELL = ("qname", "qtype", "resolver")
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
            yield day, parts[place,]


def read(path: Path) -> Truth:
    """Read a world or a file of replies."""
    return world(path) if path.is_dir() else replies(path)


def world(folder: Path) -> Truth:
    """Read a folder with a world."""
    resolvers, domains = pl.read_csv(folder / "resolvers.csv"), pl.read_csv(folder / "domains.csv")
    seen = pl.scan_parquet(folder / "observations.parquet")
    runs = seen.group_by("run").agg(date=pl.col("ts").min().dt.date()).sort("run").collect()
    dates = runs["date"].unique().sort()
    place = runs.select("run", day=pl.col("date").rank("dense").cast(pl.Int64) - 1)
    tested = domains.filter(pl.col("role") == "test")["domain"]
    cells = seen.select("obs_id", "run", "resolver_id", "domain", "qtype")
    labels = pl.scan_parquet(folder / "labels.parquet").select("obs_id", "blocked", "mechanism", "benign_cause")
    both = pl.concat([cells, labels.rename({"obs_id": "same"})], how="horizontal")
    assert both.select((pl.col("obs_id") == pl.col("same")).all()).collect().item(), "labels are not in order"
    judged = resolvers.filter(pl.col("role") != "control")["resolver_id"]
    benign = _benign(folder, place)
    left_open = benign.filter("ignore")["cause"].unique().to_list()
    kept = both.filter(pl.col("domain").is_in(tested.implode()), pl.col("resolver_id").is_in(judged.implode()))
    found = kept.select(
        "run",
        qname=pl.col("domain").cast(pl.Categorical),
        qtype=pl.col("qtype").cast(pl.Categorical),
        resolver=pl.col("resolver_id").cast(pl.Categorical),
        blocked=pl.when(~pl.col("benign_cause").is_in(left_open)).then("blocked"),
        mechanism=pl.col("mechanism").cast(pl.Categorical),
        cause=pl.col("benign_cause").cast(pl.Categorical),
    ).collect()
    networks = resolvers.filter(pl.col("role") != "control", pl.col("kind").is_in(NETWORKS))
    return Truth(
        name=folder.name,
        table=folder,
        dates=tuple(dates),
        cells=found.join(place, on="run", how="left", maintain_order="left").drop("run"),
        events=_events(folder, place),
        benign=benign.select(pl.col(name).cast(dtype) for name, dtype in BENIGN.items()),
        countries=networks.select("country", resolver="resolver_id"),
        domains=len(tested),
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
    rows = pl.read_parquet(file).filter(pl.col("role") == "test")
    called = names(pl.read_parquet(file, columns=["resolver_id"])["resolver_id"].unique())
    spelled = {text: _spelled(text) for text in rows["domain"].unique()}
    day = pl.col("ts").dt.date()
    dates = tuple(pl.read_parquet(file, columns=["ts"]).select(day.unique().sort()).to_series())
    found = rows.select(
        day=day.replace_strict({each: place for place, each in enumerate(dates)}, return_dtype=pl.Int64),
        qname=pl.col("domain").replace_strict(spelled, return_dtype=pl.String),
        qtype=pl.when(pl.col("qtype") == "ANY").then(pl.lit("A")).otherwise("qtype"),
        resolver=pl.col("resolver_id").replace_strict(called, return_dtype=pl.String),
        blocked="label_blocked",
        mechanism=pl.when("label_blocked").then(pl.col("label_mechanism")),
        cause=pl.when(~pl.col("label_blocked")).then("label_mechanism"),
    )
    cells = found.group_by("day", *CELL).agg(
        pl.col("blocked").any(ignore_nulls=False), pl.col("mechanism", "cause").drop_nulls().first()
    )
    countries = pl.DataFrame(schema={"resolver": pl.String, "country": pl.String})
    empty = pl.DataFrame(schema=EVENTS), pl.DataFrame(schema=BENIGN)
    return Truth(file.stem, file, dates, cells.sort("day", *CELL), *empty, countries, cells["qname"].n_unique())


def _spelled(text: str) -> str:
    try:
        return qname(text)
    except BadNameError:
        return text
