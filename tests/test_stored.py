"""How observations lie in a file: as fine as anybody needs, in as few octets as that takes, and readable by all."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import day
from resolver_diff.snapshot import stored
from resolver_diff.tables import Observations

NOON = datetime(2026, 2, 11, 12, tzinfo=UTC)


def observations(times: list[float], rtts: list[int | None], purpose: str = "target") -> pl.DataFrame:
    """Return rows asked *times* seconds after noon, answered after *rtts* us."""
    rows = {
        "asked_at": [NOON + timedelta(seconds=time) for time in times],
        "rtt": pl.Series(rtts, dtype=pl.Int64),
        "purpose": purpose,
        "qname": [f"n{place}.example" for place in range(len(times))],
        **dict.fromkeys(("resolver", "transport", "qtype", "outcome"), "udp"),
        "outcome": "answer",
        "attempt": 0,
    }
    return Observations.of(pl.DataFrame(rows)).frame


@given(st.lists(st.integers(0, 600_000_000) | st.none(), min_size=1, max_size=50))
def test_a_rtt_keeps_seven_bits(rtts: list[int | None]) -> None:
    """Below 128 us a rtt stays as it was, above it is right to 0.8 %; null stays null."""
    kept = stored.coarsened(observations([0.0] * len(rtts), rtts))["rtt"].to_physical().to_list()
    for before, after in zip(rtts, kept, strict=True):
        if before is None or before < 128:
            assert after == before
        else:
            assert abs(after - before) <= before / 128


@given(st.lists(st.floats(0, 400), min_size=2, max_size=400), st.floats(0.001, 1))
def test_times_of_targets_are_rounded_down_a_little(times: list[float], scale: float) -> None:
    """Never later than it was, never more than a second earlier nor 1/128 of what the batch took; in order."""
    rows = observations([time * scale for time in times], [None] * len(times))
    before = rows["asked_at"].to_physical().to_numpy()
    after = stored.coarsened(rows)["asked_at"].to_physical().to_numpy()
    late = before - after
    assert late.min() >= 0
    assert late.max() < max(1, min(1_000_000, np.ptp(before) / 128 + 1))
    order = np.argsort(before, kind="stable")
    assert (np.diff(after[order]) >= 0).all()


@pytest.mark.parametrize(("between", "kept"), [(0.0001, True), (200.0, False)])
def test_control_questions_stay_apart(between: float, kept: bool) -> None:
    """The same name is asked at the beginning and the end: in a run of a moment these stay two questions."""
    rows = observations([0.5, 0.5 + between], [None] * 2, purpose="control").with_columns(
        qname=pl.lit("control.example")
    )
    mixed = pl.concat([observations([0.0], [None]), rows, observations([5.0, 250.0], [None] * 2)])
    after = stored.coarsened(mixed)["asked_at"][1:3]
    assert after.n_unique() == 2
    assert after.equals(rows["asked_at"]) == kept


def test_rows_without_a_time_are_kept() -> None:
    """A query that never left has no time, and no other column suffers."""
    rows = observations([1.0, 2.0], [5, None]).with_columns(asked_at=pl.lit(None, Observations.schema["asked_at"]))
    assert stored.coarsened(rows).equals(rows)


def test_a_file_has_the_columns_of_the_table(tmp_path: Path) -> None:
    """Types that Parquet lacks are read back by whoever reads Arrow's schema, though they are stored as numbers."""
    file = tmp_path / "a.parquet"
    rows = observations([0.0, 1.0, 2.0] * 40_000, [1_000, 2_000_000, None] * 40_000)
    stored.sink([rows], file, {"about": "it"})
    assert pl.read_parquet(file).equals(rows)
    assert pl.read_parquet_schema(file) == Observations.schema
    assert pl.read_parquet_metadata(file)["about"] == "it"
    query = f"select encodings from parquet_metadata('{file}') where path_in_schema = 'rtt'"
    assert all("DICTIONARY" in encodings for (encodings,) in duckdb.execute(query).fetchall())
    assert duckdb.execute(f"select max(rtt) from '{file}'").fetchall() == [(2_000_000,)]


def test_small_batches_share_a_group_and_large_ones_do_not(tmp_path: Path) -> None:
    """No group has rows of two batches, so that its times are few, unless one is too small for a group of its own."""
    file = tmp_path / "a.parquet"
    frames = [
        observations([0.0], [1])[np.zeros(size, np.int64)] for size in (130_000, 100, 70_000, 150_000, 65_000, 10)
    ]
    stored.sink(frames, file, {})
    query = f"select distinct row_group_id, row_group_num_rows from parquet_metadata('{file}') order by 1"
    assert [count for _, count in duckdb.execute(query).fetchall()] == [130_000, 70_100, 150_000, 65_010]


def test_no_rows_are_a_file_too(tmp_path: Path) -> None:
    """A domain set nobody said anything about is an empty file with all columns."""
    stored.sink([], tmp_path / "a.parquet", {})
    assert pl.read_parquet(tmp_path / "a.parquet").equals(Observations.empty().frame)


def test_an_error_while_reading_ends_the_writing(tmp_path: Path) -> None:
    """A batch that cannot be read is an error, never a shorter file."""

    def broken() -> Iterator[pl.DataFrame]:
        yield observations([0.0], [1])
        raise OSError(5, "Input/output error")

    with pytest.raises((OSError, pl.exceptions.PolarsError)):
        stored.sink(broken(), tmp_path / "a.parquet", {})


def test_a_day_takes_five_octets_an_observation(tmp_path: Path) -> None:
    """60 resolvers, A and AAAA, a day as tests/benchmarks/day.py makes it up: one batch and a half of it."""
    (file,) = day.write(tmp_path / "snapshots", date(2026, 2, 10), day.configured(60, 1_600))
    rows = pl.scan_parquet(file).select(pl.len()).collect().item()
    assert rows > 1_600 * 60 * 2
    assert file.stat().st_size / rows < 5.8  # 5.0 where a day is whole
