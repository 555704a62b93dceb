"""A table as a file of Parquet: what is CSV or JSON Lines is made into one first, in passing, row after row.

In CSV a list is a text with spaces between, and nothing is null; both have times as RFC 3339 writes them. Columns that
nobody asks for are left where they are.
"""

import json
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import polars as pl

from resolver_diff.errors import Place, UsageError
from resolver_diff.tables import TIME

ENDINGS = (".parquet", ".csv", ".jsonl", ".ndjson")
TRUE, FALSE = ("true", "1", "yes"), ("false", "0", "no")
KEYS_FROM = 1000  # lines, for the keys that objects have
FORMULA = r"^'([=+\-@])"  # what `export` puts before a text so that no spreadsheet takes it for a formula


@dataclass(slots=True, weakref_slot=True)
class Table:
    """A file of Parquet with its columns; *source* is what it was made of, or the same."""

    file: Path
    source: Path
    columns: Mapping[str, pl.DataType] = field(default_factory=dict)

    @property
    def rows(self) -> pl.LazyFrame:
        """All rows, to be read."""
        return pl.scan_parquet(self.file, hive_partitioning=False)


def named(folder: Path, stem: str) -> Path | None:
    """Return the table called *stem* in *folder*; None where there is none."""
    return next((file for ending in ENDINGS if (file := folder / f"{stem}{ending}").exists()), None)


def table(file: Path, known: Mapping[str, pl.DataType], least: Sequence[str]) -> Table:
    """Return the table in *file*, in which columns that are *known* have these types if it is not Parquet.

    Raises UsageError when a column of *least* is missing, or when *file* is no table.
    """
    kind = file.suffix.lower()
    try:
        if kind in (".csv", ".jsonl", ".ndjson"):
            return _made(file, _csv(file, known) if kind == ".csv" else _json(file, known), least)
        _check(pl.read_parquet_schema(file), least, file)
        return Table(file, file, pl.read_parquet_schema(file))
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise unreadable(file, error) from error


def unreadable(file: Path, error: Exception) -> UsageError:
    """Return the error that says why *file* is no table."""
    reason = str(error).partition("\n")[0]
    return UsageError(f"not a table of observations ({reason})", Place(str(file)))


def _check(there: Mapping[str, pl.DataType], least: Sequence[str], file: Path) -> None:
    if missing := [name for name in least if name not in there]:
        raise UsageError(f"the table has no column {', '.join(missing)}", Place(str(file)))


def _made(file: Path, rows: pl.LazyFrame, least: Sequence[str]) -> Table:
    """Write *rows* as Parquet, which is there as long as the table is."""
    _check(rows.collect_schema(), least, file)
    passing = tempfile.mkdtemp(prefix="resolver-diff-")
    made = Table(Path(passing) / "rows.parquet", file)
    weakref.finalize(made, shutil.rmtree, passing, ignore_errors=True)
    rows.sink_parquet(made.file, compression="zstd", compression_level=1)
    made.columns = pl.read_parquet_schema(made.file)
    return made


def _csv(file: Path, known: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Return the known columns of a CSV file; an empty cell is null."""
    rows = pl.scan_csv(file, infer_schema=False)
    there = [name for name in rows.collect_schema() if name in known]
    return rows.select(_of_text(name, known[name]) for name in there)


def _of_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return the column *name* of texts as *dtype*."""
    text = pl.col(name).str.replace(FORMULA, "$1")
    if isinstance(dtype, pl.List):
        return pl.when(text != "").then(text.str.split(" ")).cast(dtype).alias(name)
    if dtype == pl.Boolean:
        word = text.str.to_lowercase()
        return pl.when(word.is_in(TRUE)).then(True).when(word.is_in(FALSE)).then(False).alias(name)  # noqa: FBT003
    if dtype == pl.Date:
        return text.str.to_date("%Y-%m-%d").alias(name)
    return _moment(text).alias(name) if dtype == TIME else text.cast(dtype).alias(name)


def _moment(text: pl.Expr) -> pl.Expr:
    """Return the time that *text* writes (RFC 3339); UTC where it names no zone."""
    plain = text.str.replace(" ", "T", literal=True).str.replace(r"[Zz]$", "+00:00")
    zoned = pl.when(plain.str.contains(r"T.*[+-]\d\d:?\d\d$")).then(plain).otherwise(plain + "+00:00")
    return zoned.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", time_zone="UTC", strict=False)


def columns(file: Path) -> set[str]:
    """Return the columns of *file*; of JSON Lines the keys of the first of them; raises what reading it raises."""
    if file.suffix.lower() == ".csv":
        return set(pl.scan_csv(file, infer_schema=False).collect_schema())
    if file.suffix.lower() not in (".jsonl", ".ndjson"):
        return set(pl.read_parquet_schema(file))
    with file.open(encoding="utf-8") as lines:
        first = [json.loads(line) for line in islice(lines, KEYS_FROM) if line.strip()]
    if not all(isinstance(each, dict) for each in first):
        raise ValueError("its lines are no JSON objects")
    return {key for each in first for key in each}


def _json(file: Path, known: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Return the known columns of a file of JSON Lines."""
    found = columns(file)
    there = {name: dtype for name, dtype in known.items() if name in found}
    rows = pl.scan_ndjson(file, schema={name: _in_json(dtype) for name, dtype in there.items()})
    return rows.select(
        _of_text(name, dtype) if dtype in (TIME, pl.Date) else pl.col(name).cast(dtype) for name, dtype in there.items()
    )


def _in_json(dtype: pl.DataType) -> pl.DataType:
    """Return what a column of *dtype* is read as: no small numbers, which the reader does not know."""
    if isinstance(dtype, pl.List):
        return pl.List(pl.Int64()) if dtype.inner.is_integer() else dtype
    if dtype in (TIME, pl.Date):
        return pl.String()
    return pl.Int64() if dtype.is_integer() else dtype
