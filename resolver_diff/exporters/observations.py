"""Every query sent and every reply received, with what is known of the resolver: one row each.

The columns of ``tables.Observations`` without *wire*, and without *answer_hash*, which follows from the answer and is
more than numbers in JSON hold; before them *date*, *vantage* and *domain_set*, after them *address*, *port*,
*operator*, *country*, *role*, *policy* and *tags* of the resolver. *rtt_us* stands for *rtt*, in whole microseconds.
What is asked of every resolver for its own sake (*purpose* control, canary, identity) has no domain
set, and is there once for each run. ``resolver-diff import observations`` reads it back.
"""

from collections.abc import Iterator

import polars as pl

from resolver_diff.errors import Place, SnapshotError
from resolver_diff.exporters import Exporter, Given
from resolver_diff.snapshot import METADATA, Run, files
from resolver_diff.tables import Observations, Purpose

ROWS = 1 << 17  # that are read at a time
KNOWN = ("address", "operator", "country", "role", "policy")
SAID = {name: dtype for name, dtype in Observations.schema.items() if name not in ("rtt", "wire", "answer_hash")}
SCHEMA: dict[str, pl.DataType] = {
    "date": pl.Date(),
    "vantage": pl.String(),
    "domain_set": pl.String(),
    **SAID,
    "rtt_us": pl.Int64(),
    "port": pl.UInt16(),
    **dict.fromkeys(KNOWN, pl.String()),
    "tags": pl.List(pl.String()),
}


def frames(given: Given) -> Iterator[pl.DataFrame]:
    """Yield the rows, file by file; raises SnapshotError when one cannot be read."""
    for vantage in given.vantages:
        known = _known(given, vantage)
        seen = set[str]()
        for file in files(given.place(vantage)):
            try:
                run = Run.from_json(pl.read_parquet_metadata(file)[METADATA])
                rows = pl.scan_parquet(file, hive_partitioning=False)
                wanted = _wanted(given, once=str(run.started) in seen)
                seen.add(str(run.started))
                columns = _columns(rows, given, vantage, file.stem)
                for start in range(0, rows.select(pl.len()).collect().item(), ROWS):
                    piece = rows.slice(start, ROWS).filter(wanted).select(columns).collect()
                    piece = piece.join(known, on=["resolver", "transport"], how="left", maintain_order="left")
                    yield piece.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
            except (OSError, pl.exceptions.PolarsError, ValueError, KeyError, TypeError) as error:
                reason = str(error).partition("\n")[0]
                raise SnapshotError(f"a snapshot file cannot be read ({reason})", Place(str(file))) from error


def _wanted(given: Given, *, once: bool) -> pl.Expr:
    """Return which rows of a file are written; *once*: what is asked for its own sake was, with another file."""
    target = pl.col("purpose") == Purpose.TARGET
    asked = target if given.names is None else target & pl.col("qname").is_in(sorted(given.names))
    return asked if once else asked | ~target


def _known(given: Given, vantage: str) -> pl.DataFrame:
    """Return what is known of each resolver."""
    rows = [
        {"resolver": name, "transport": over, "port": each.port, "tags": list(each.tags)}
        | {fact: None if getattr(each, fact) is None else str(getattr(each, fact)) for fact in KNOWN}
        for (name, over), each in given.resolvers(vantage).items()
    ]
    types = {name: SCHEMA[name] for name in ("resolver", "transport", "port", *KNOWN, "tags")}
    return pl.DataFrame(rows, schema=types)


def _columns(rows: pl.LazyFrame, given: Given, vantage: str, domain_set: str) -> list[pl.Expr]:
    """Return the columns that the file has, and those that its place tells."""
    there = rows.collect_schema()
    target = pl.col("purpose") == Purpose.TARGET
    said = [
        (pl.col(name) if name in there else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in SAID.items()
        if name != "repeat"
    ]
    repeat = pl.col("repeat").fill_null(0) if "repeat" in there else pl.lit(0)
    return [
        pl.lit(given.date).alias("date"),
        pl.lit(vantage).alias("vantage"),
        pl.when(target).then(pl.lit(domain_set)).alias("domain_set"),
        *said,
        repeat.cast(pl.UInt8).alias("repeat"),
        pl.col("rtt").cast(pl.Duration("us")).to_physical().alias("rtt_us"),
    ]


EXPORTER = Exporter("what was asked and said, one row for each query and reply", SCHEMA, frames)
