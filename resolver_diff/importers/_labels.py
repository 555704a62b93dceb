"""What was true of each cell of a labelled set: the labels that an import passes over.

Two forms are read. A *world* is a folder with observations.parquet, resolvers.csv and domains.csv, and beside them
labels.parquet (obs_id, blocked, mechanism, benign_cause); truth_benign.parquet may say which causes are neither right
nor wrong to flag. *Replies* are one Parquet file of rows with label_blocked and label_mechanism.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from resolver_diff.config.qnames import BadNameError, qname
from resolver_diff.errors import Place, UsageError
from resolver_diff.importers._panel import names

CELL = ("qname", "qtype", "resolver")
FILES = ("observations.parquet", "labels.parquet", "resolvers.csv", "domains.csv")
BENIGN = "truth_benign.parquet"
HINT = "a folder with labels.parquet beside the observations, or a Parquet file with the column label_blocked"


@dataclass(frozen=True, slots=True)
class Labels:
    """What was true of the names that were tested, at the resolvers that are no controls.

    *cells*: day (its place among *dates*), qname, qtype, resolver (as an import calls them), blocked (null: cannot be
    known), mechanism, cause (of what is honest).
    """

    dates: tuple[date, ...]
    cells: pl.DataFrame


def read(path: Path) -> Labels:
    """Read the labels of a world or of a file of replies; raises UsageError when *path* has none."""
    try:
        return world(path) if path.is_dir() else replies(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"no labelled set can be read here ({reason})", Place(str(path)), HINT) from error


def world(folder: Path) -> Labels:
    """Read a folder with a world."""
    missing = [name for name in FILES if not (folder / name).exists()]
    if missing:
        raise UsageError(f"there is no {missing[0]}", Place(str(folder)), HINT)
    resolvers, domains = pl.read_csv(folder / "resolvers.csv"), pl.read_csv(folder / "domains.csv")
    place, dates = runs(folder)
    tested = domains.filter(pl.col("role") == "test")["domain"]
    judged = resolvers.filter(pl.col("role") != "control")["resolver_id"]
    benign = folder / BENIGN
    left_open = pl.read_parquet(benign).filter("ignore")["cause"] if benign.exists() else pl.Series([], dtype=pl.String)
    cells = _cells(folder, tested, judged, left_open)
    return Labels(dates, _each_once(cells.join(place, on="run", how="left", maintain_order="left").drop("run")))


def runs(folder: Path) -> tuple[pl.DataFrame, tuple[date, ...]]:
    """Return run and day (the place of its date) of a world, and the dates."""
    seen = pl.scan_parquet(folder / "observations.parquet")
    found = seen.group_by("run").agg(date=pl.col("ts").min().dt.date()).sort("run").collect()
    place = found.select("run", day=pl.col("date").rank("dense").cast(pl.Int64) - 1)
    return place, tuple(found["date"].unique().sort())


def _cells(folder: Path, tested: pl.Series, judged: pl.Series, left_open: pl.Series) -> pl.DataFrame:
    """Return run, ``CELL`` and what is true of each tested name at each resolver that is *judged*."""
    cells = pl.scan_parquet(folder / "observations.parquet").select("obs_id", "run", "resolver_id", "domain", "qtype")
    labels = pl.scan_parquet(folder / "labels.parquet").select("obs_id", "blocked", "mechanism", "benign_cause")
    both = pl.concat([cells, labels.rename({"obs_id": "same"})], how="horizontal")
    if not both.select((pl.col("obs_id") == pl.col("same")).all()).collect().item():
        raise UsageError("the labels are not those of the observations, or not in their order", Place(str(folder)))
    kept = both.filter(pl.col("domain").is_in(tested.implode()), pl.col("resolver_id").is_in(judged.implode()))
    called = names(judged)
    return kept.select(
        "run",
        qname=pl.col("domain").cast(pl.Categorical),
        qtype=pl.col("qtype").cast(pl.Categorical),
        resolver=pl.col("resolver_id").replace_strict(called, return_dtype=pl.String).cast(pl.Categorical),
        blocked=pl.when(~pl.col("benign_cause").is_in(left_open.implode())).then("blocked"),
        mechanism=pl.col("mechanism").cast(pl.Categorical),
        cause=pl.col("benign_cause").cast(pl.Categorical),
    ).collect()


def _each_once(cells: pl.DataFrame) -> pl.DataFrame:
    """Join the runs of a day, and the transports of a resolver: a cell of which any is blocked is."""
    key = ("day", *CELL)
    if cells.height == cells.select(pl.struct(key).n_unique()).item():
        return cells
    blocked = pl.col("blocked").any(ignore_nulls=False)
    block = pl.col("mechanism", "cause").sort_by(pl.col("blocked").fill_null(value=False), descending=True).first()
    return cells.group_by(key).agg(blocked, block)


def replies(file: Path) -> Labels:
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
    return Labels(dates, cells.sort("day", *CELL))


def _spelled(text: str) -> str:
    try:
        return qname(text)
    except BadNameError:
        return text
