"""How observations lie in a file: at which resolution, as which types of Parquet, and in which groups of rows.

Most of a day's octets are three columns of noise: when each query left, how long its
reply took, and what was left of a TTL. A TTL is what somebody said, and is kept as it came. The
other two are measured, finer than anybody can use or any network repeats, so that they
are rounded before they are written.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from resolver_diff.snapshot import footer
from resolver_diff.tables import Observations, Purpose

RTT_BITS = 7  # significant ones: a rtt is right to 0.8 %
MOMENTS = 128  # that the times of asking in one batch are told apart by
COARSEST = 1_000_000  # us, however long a batch takes
LEVEL = 6  # of zstd; 3 takes 2 % more room and 0.06 us less of a processor a row, 9 1 % less room and as much more
QUERY = ("resolver", "transport", "qname", "qtype", "attempt", "asked_at")  # what tells two control questions apart
FEWEST = 1 << 16  # rows of a group, but for the last one
ARROW_SCHEMA = "ARROW:schema"  # where Arrow keeps the types that Parquet does not have
# polars writes many-valued durations one by one, and whole numbers by a dictionary, in half the room
STORED: dict[str, pl.DataType] = {**Observations.schema, "rtt": pl.Int64()}


def coarsened(rows: pl.DataFrame) -> pl.DataFrame:
    """Round *asked_at* (down) and *rtt* (to the nearest) of one batch to the resolution that is kept.

    Control, canary and identity questions are put several times, and are told apart by when. Where
    rounding would make two of them one, as in a run that is over in a moment, they are left as they are.
    """
    rounded = rows.with_columns(_moments(rows["asked_at"]), _significant(rows["rtt"]))
    others = pl.col("purpose") != Purpose.TARGET
    before, after = (frame.filter(others).select(QUERY).n_unique() for frame in (rows, rounded))
    if before == after:
        return rounded
    return rounded.with_columns(pl.when(others).then(rows["asked_at"]).otherwise("asked_at").alias("asked_at"))


def _moments(asked_at: pl.Series) -> pl.Series:
    """Return the times rounded down to ``MOMENTS`` of them, or more if these were longer than ``COARSEST``."""
    times = asked_at.drop_nulls().to_physical().to_numpy()
    if not len(times):
        return asked_at
    first, length = int(times.min()), int(np.ptp(times))
    step = max(1, min(COARSEST, -(-length // MOMENTS)))
    return (first + (asked_at.to_physical() - first) // step * step).cast(asked_at.dtype)


def _significant(rtt: pl.Series) -> pl.Series:
    """Return *rtt* with its first ``RTT_BITS`` bits, rounded."""
    mantissa, exponent = np.frexp(rtt.to_physical().fill_null(0).to_numpy().astype(np.float64))
    rounded = np.ldexp(np.rint(np.ldexp(mantissa, RTT_BITS)), exponent - RTT_BITS).astype(np.int64)
    return pl.select(pl.when(rtt.is_not_null()).then(pl.Series(rounded))).to_series().cast(rtt.dtype).alias(rtt.name)


def sink(frames: Iterable[pl.DataFrame], file: Path, metadata: dict[str, str]) -> None:
    """Write *frames* of ``Observations``, one after another, to *file*; never more than some of them are in memory.

    A frame becomes a group of rows if it is large enough: the times of one batch are few, those of two are more.
    """

    def source(
        _columns: list[str] | None, _predicate: pl.Expr | None, _rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        yield from _groups(frames)

    rows = register_io_source(source, schema=STORED)
    whole = {**metadata, ARROW_SCHEMA: _arrow_schema()}
    rows.sink_parquet(file, compression="zstd", compression_level=LEVEL, metadata=whole)


def _groups(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the rows of *frames* in groups, as they are stored."""
    waiting = pl.DataFrame(schema=STORED)
    for frame in frames:
        waiting = pl.concat([waiting, frame.select(pl.col(name).cast(dtype) for name, dtype in STORED.items())])
        if waiting.height >= FEWEST:
            yield waiting.rechunk()
            waiting = waiting.clear()
    if waiting.height:
        yield waiting.rechunk()


def write(rows: pl.DataFrame, file: Path) -> None:
    """Write one group of *rows*, whose texts may be categories, to *file*, to be put into a snapshot by ``join``."""
    empty = [column.name for column in rows if _is_empty(column) and column.dtype in (pl.String, pl.Binary)]
    rows = rows.with_columns(
        pl.col("rtt").to_physical(),
        *(pl.lit(None, dtype=pl.Enum([])).alias(name) for name in empty),  # written in half the time of nulls as texts
    )
    rows.select(*Observations.schema).write_parquet(file, compression="zstd", compression_level=LEVEL)


def _is_empty(column: pl.Series) -> bool:
    return column.null_count() == len(column)


def join(files: Sequence[Path], file: Path, metadata: dict[str, str]) -> None:
    """Put the groups of *files* into one snapshot *file*, without reading what is in them."""
    like = file.with_suffix(".like")
    try:
        pl.DataFrame(schema=STORED).write_parquet(like)
        footer.join(files, file, like, {**metadata, ARROW_SCHEMA: _arrow_schema()})
    finally:
        like.unlink(missing_ok=True)


@cache
def _arrow_schema() -> str:
    """Return the types of ``Observations`` as Arrow writes them down."""
    file = io.BytesIO()
    Observations.empty().frame.write_parquet(file)
    file.seek(0)
    return pl.read_parquet_metadata(file)[ARROW_SCHEMA]
