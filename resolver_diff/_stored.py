"""How observations lie in a file: at which resolution, as which types of Parquet, and in which groups of rows.

Most of a day's octets are three columns of noise: when each query left, how long its
reply took, and what was left of a TTL. A TTL is what somebody said, and is kept as it came. The
other two are measured, finer than anybody can use or any network repeats, so that they
are rounded before they are written.
"""

import io
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from resolver_diff.tables import Observations, Purpose

RTT_BITS = 7  # significant ones: a rtt is right to 0.8 %
MOMENTS = 128  # that the times of asking in one batch are told apart by
COARSEST = 1_000_000  # us, however long a batch takes
LEVEL = 3  # of zstd; 9 would take 3 % less room and 0.1 us more of a processor a row
FEWEST = 1 << 16  # rows of a group, but for the last one
ARROW_SCHEMA = "ARROW:schema"  # where Arrow keeps the types that Parquet does not have
# polars writes many-valued durations one by one, and whole numbers by a dictionary, in half the room
STORED: dict[str, pl.DataType] = {**Observations.schema, "rtt": pl.Int64()}


def coarsened(rows: pl.DataFrame) -> pl.DataFrame:
    """Round *asked_at* (down) and *rtt* (to the nearest) of one batch to the resolution that is kept.

    Only targets are asked often enough for the room their times take to matter.
    """
    whole = rows["rtt"].to_physical()
    mantissa, exponent = np.frexp(whole.fill_null(0).to_numpy().astype(np.float64))
    rounded = np.ldexp(np.rint(np.ldexp(mantissa, RTT_BITS)), exponent - RTT_BITS).astype(np.int64)
    rtt = pl.Series("rtt", rounded).cast(rows.schema["rtt"])
    asked, target = pl.col("asked_at").to_physical(), pl.col("purpose") == Purpose.TARGET
    first, last = rows.filter(target).select(first=asked.min(), last=asked.max()).row(0)
    if first is not None:
        step = max(1, min(COARSEST, -((first - last) // MOMENTS)))
        moment = first + (asked - first) // step * step
        moment = pl.when(target).then(moment).otherwise(asked).cast(rows.schema["asked_at"])
        rows = rows.with_columns(asked_at=moment)
    return rows.with_columns(rtt=pl.when(pl.col("rtt").is_not_null()).then(rtt))


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


@cache
def _arrow_schema() -> str:
    """Return the types of ``Observations`` as Arrow writes them down."""
    file = io.BytesIO()
    Observations.empty().frame.write_parquet(file)
    file.seek(0)
    return pl.read_parquet_metadata(file)[ARROW_SCHEMA]
