"""What ``resolver-diff export`` wrote of observations, origins and certificates -> the snapshots that they were.

It lies in one file, or in a folder: observations.parquet (.csv, .jsonl), and origins and certificates if there are any.
How the run was made (attempts, time to wait, what was held back) is not in it.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from resolver_diff.config import Resolver
from resolver_diff.errors import Place, UsageError
from resolver_diff.importers import Day, Found, _table
from resolver_diff.importers._notes import Notes
from resolver_diff.importers._panel import entry_of, set_name, sha256
from resolver_diff.snapshot import ORDER
from resolver_diff.tables import Certificates, Observations, Origins, Purpose, Table, Tags, TransportName
from resolver_diff.wire.decode import content_hash

WHERE: dict[str, pl.DataType] = {"date": pl.Date(), "vantage": pl.String()}
FACTS = ("address", "operator", "country", "role", "policy")
KNOWN: dict[str, pl.DataType] = {
    **WHERE,
    "domain_set": pl.String(),
    **{name: dtype for name, dtype in Observations.schema.items() if name not in ("rtt", "wire", "answer_hash")},
    "rtt_us": pl.Int64(),
    **dict.fromkeys(FACTS, pl.String()),
    "port": pl.UInt16(),
    "tags": pl.List(pl.String()),
}
LEAST = ("date", "resolver", "transport", "purpose", "qname", "qtype", "outcome", "asked_at")
WORDS = {name: pl.String() if dtype == pl.Enum else dtype for name, dtype in KNOWN.items()}  # as they are written


def wrote(file: Path) -> bool:
    """Say whether the columns of *file* are those of an export."""
    try:
        return {*LEAST} <= _table.columns(file)
    except (OSError, ValueError, pl.exceptions.PolarsError):
        return False  # which is told when it is read


def read(path: Path, file: Path) -> Found:
    """Read the export at *path*, of which *file* has the observations; raises UsageError when it cannot be read."""
    table = _table.table(file, WORDS, LEAST)
    try:
        held = [name for name in ("date", "vantage", "domain_set") if name in table.columns]
        sets = table.rows.select(held).unique().collect(engine="streaming")
        origins, certificates = (_side(path, kind) for kind in (Origins, Certificates))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _table.unreadable(file, error) from error
    if "vantage" in held and sets["vantage"].n_unique() > 1:
        there = ", ".join(sorted(sets["vantage"].drop_nulls().unique()))
        raise UsageError(
            f"the table is of several vantages: {there}", Place(str(file)), "export them apart, by --vantage"
        )
    asked = sets.select("date", "domain_set").drop_nulls().unique().sort("date", "domain_set")
    notes = Notes(str(file))

    def days() -> Iterator[Day]:
        for day, domain_set in asked.iter_rows():
            beside = [each.filter(pl.col("date") == day) for each in (origins, certificates)]
            yield from _day(table, day, domain_set, (Origins.of(beside[0]), Certificates.of(beside[1])), notes)

    names = tuple(map(set_name, asked["domain_set"].unique().sort()))
    return Found(names, {file.name: sha256(file)}, tuple(asked["date"].unique().sort()), days(), (), notes)


def _side(path: Path, kind: type[Table]) -> pl.DataFrame:
    """Return the rows of the table *kind* that lies in the folder *path*; none where there is none."""
    schema = {**WHERE, **kind.schema}
    file = _table.named(path, kind.__name__.lower()) if path.is_dir() else None
    if file is None:
        return pl.DataFrame(schema=schema)
    table = _table.table(file, schema, ("date",))  # what it was made into is there as long as it is
    return table.rows.collect()


def _day(
    table: _table.Table, day: date, domain_set: str, beside: tuple[Origins, Certificates], notes: Notes
) -> Iterator[Day]:
    """Yield the rows of one domain set, and what was asked of every resolver for its own sake, if any can be read."""
    own = pl.col("domain_set") == domain_set
    others = pl.col("domain_set").is_null() & (pl.col("purpose") != Purpose.TARGET)
    of_day = table.rows.filter(pl.col("date") == day)
    begun, ended = (
        of_day.select(first=pl.col("asked_at").min(), last=pl.col("asked_at").max()).collect(engine="streaming").row(0)
    )
    rows = of_day.filter(own | others).select(_columns(table.columns)).collect()
    kept = rows.drop_nulls(LEAST[1:-1])
    notes.left_out(rows.height - kept.height)
    if kept.is_empty() or begun is None:
        return
    yield Day(
        date=day,
        domain_set=set_name(domain_set),
        started=begun,
        finished=ended,
        resolvers=tuple(_resolvers(kept)),
        observations=_hashed(kept.sort(ORDER, maintain_order=True)),
        origins=beside[0],
        tags=Tags.empty(),
        certificates=beside[1],
    )


def _columns(there: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    """Return the columns that are known, null where the table has none; words that we do not know are null too.

    Texts are categories: millions of rows have few of them.
    """
    columns = []
    for name, dtype in KNOWN.items():
        held = pl.col(name).cast(dtype, strict=False) if name in there else pl.lit(None, dtype)
        columns.append((held.cast(pl.Categorical) if dtype == pl.String else held).alias(name))
    took = pl.duration(microseconds="rtt_us") if "rtt_us" in there else pl.lit(None, pl.Duration("us"))
    return [*columns, took.alias("rtt")]


def _hashed(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of ``Observations``: with *answer_hash*, and without null where none may be."""
    answers = rows.select(pl.col("answer").unique()).drop_nulls()
    hashes = [content_hash(text) for text in answers["answer"].cast(pl.String)]
    answers = answers.with_columns(answer_hash=pl.Series(hashes, dtype=pl.UInt64))
    numbers = [pl.col(name).fill_null(0) for name in ("attempt", "repeat")]
    whole = rows.with_columns(*numbers, wire=pl.lit(None, pl.Binary))
    return whole.join(answers, on="answer", how="left", maintain_order="left").select(Observations.schema.keys())


def _resolvers(rows: pl.DataFrame) -> Iterator[Resolver]:
    """Yield the entries that were asked, with what the table knows of them."""
    facts = [*FACTS, "port", "tags"]
    entries = (
        rows.group_by("resolver", "transport").agg(pl.col(facts).drop_nulls().first()).sort("resolver", "transport")
    )
    for row in entries.iter_rows(named=True):
        known: dict[str, Any] = {name: row[name] for name in facts if row[name] is not None}
        known["tags"] = tuple(row["tags"] or ())
        yield entry_of(
            **{"address": "", **known, "name": row["resolver"], "transport": TransportName(row["transport"])}
        )
