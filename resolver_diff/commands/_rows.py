"""Rows in a file or on stdout: CSV, JSON Lines or Parquet, some thousand at a time."""

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from resolver_diff.commands._options import Form
from resolver_diff.commands._output import STDOUT, write_octets, write_parts
from resolver_diff.diff import Diff
from resolver_diff.errors import UsageError
from resolver_diff.reports.csv import ORDER, as_lines
from resolver_diff.reports.json import LISTS
from resolver_diff.reports.json import lines as json_lines
from resolver_diff.series import Series
from resolver_diff.tables import Anomalies, Spells

ENDINGS = {".csv": Form.CSV, ".jsonl": Form.JSONL, ".ndjson": Form.JSONL, ".parquet": Form.PARQUET}
LINES = 1 << 14  # that are text at a time
PIECE = 1 << 20  # octets that are read of a file at a time
MOMENT = "%Y-%m-%dT%H:%M:%S%.6fZ"


@dataclass(frozen=True, slots=True)
class Rows:
    """Frames that have the columns of *schema*, one after another."""

    schema: dict[str, pl.DataType]
    frames: Iterable[pl.DataFrame]


def wanted(output: Path | None, form: Form | None) -> tuple[Path, Form] | None:
    """Return where rows are wanted, and how; raises UsageError when that cannot be told, or would be no use."""
    if output is None and form is None:
        return None
    file = output or STDOUT
    told = form or ENDINGS.get(file.suffix.lower())
    if told is None and file != STDOUT:
        hint = f"say --format {'|'.join(Form)}, or let the name end in {', '.join(ENDINGS)}"
        raise UsageError(f"`{file}` does not say in which format rows are wanted", hint=hint)
    if file == STDOUT and told is Form.PARQUET and sys.stdout.isatty():
        raise UsageError("Parquet is nothing for a terminal", hint="name a file with --output")
    return file, told or Form.CSV


def put(where: tuple[Path, Form], rows: Rows) -> None:
    """Write *rows*, a file whole or not at all; they are never in memory together."""
    file, form = where
    if form is Form.PARQUET:
        write_octets(file, _parquet(rows))
    else:
        write_parts(file, _lines(rows, form))


def _lines(rows: Rows, form: Form) -> Iterator[str]:
    if form is Form.CSV:
        yield as_lines(_flat(pl.DataFrame(schema=rows.schema)), header=True)
    for frame in rows.frames:
        for some in frame.iter_slices(LINES):
            yield json_lines(_timed(some)) if form is Form.JSONL else as_lines(_flat(some), header=False)


def _timed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return *frame* with moments as text (RFC 3339)."""
    times = [name for name, dtype in frame.schema.items() if dtype == pl.Datetime]
    return frame.with_columns(pl.col(times).dt.strftime(MOMENT)) if times else frame


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Return *frame* with lists as texts, a space between; one that is empty is as one that is not there."""
    lists = [name for name, dtype in frame.schema.items() if dtype == pl.List]
    texts = (pl.col(name).cast(pl.List(pl.String)).list.join(" ") for name in lists)
    return _timed(frame).with_columns(pl.when(text != "").then(text) for text in texts)


def _parquet(rows: Rows) -> Iterator[bytes]:
    """Yield a file of Parquet; words of which there are few are texts, which every reader knows."""
    plain = {name: pl.String() if dtype == pl.Enum else dtype for name, dtype in rows.schema.items()}

    def source(
        _columns: list[str] | None, _predicate: pl.Expr | None, _rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        yield from (frame.select(pl.col(name).cast(dtype) for name, dtype in plain.items()) for frame in rows.frames)

    with tempfile.TemporaryDirectory() as passing:
        made = Path(passing) / "rows.parquet"
        register_io_source(source, schema=plain).sink_parquet(made, compression="zstd")
        with made.open("rb") as stream:
            while piece := stream.read(PIECE):
                yield piece


def anomalies(diffs: Sequence[Diff]) -> Rows:
    """Return the anomalies of all *diffs*, in the order of the CSV, with lists of evidence."""
    frame = pl.concat([Anomalies.empty().frame, *(diff.anomalies.frame for diff in diffs)])
    frame = frame.sort(ORDER, nulls_last=False, maintain_order=True)
    words = [pl.col(name).fill_null("").str.extract_all(r"\S+").alias(name) for name in LISTS]
    frame = frame.with_columns(words)
    return Rows(dict(frame.schema), [frame])


def spells(found: Sequence[Series]) -> Rows:
    """Return the spells of all vantages."""
    return Rows(Spells.schema, [pl.concat([Spells.empty().frame, *(each.spells.frame for each in found)])])
