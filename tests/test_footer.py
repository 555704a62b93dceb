"""Files of Parquet made into one: whatever reads Parquet finds every row, typed as it should be."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from resolver_diff.snapshot import footer

TYPES = {
    "text": pl.String(),
    "other": pl.String(),
    "number": pl.UInt16(),
    "list": pl.List(pl.UInt16()),
    "truth": pl.Boolean(),
    **{f"column{number}": pl.Int64() for number in range(20)},  # more than a short list of Thrift holds
}


def rows(first: int, count: int) -> pl.DataFrame:
    """Return *count* rows, each of which says which one it is."""
    numbers = range(first, first + count)
    said = {
        "text": [f"text {number // 3}" for number in numbers],
        "other": [None] * count,
        "number": list(numbers),
        "list": [[number, 1] if number % 2 else None for number in numbers],
        "truth": [number % 3 == 0 for number in numbers],
        **{f"column{number}": [number] * count for number in range(20)},
    }
    return pl.DataFrame(said, schema=TYPES)


def as_categories(frame: pl.DataFrame) -> pl.DataFrame:
    """Return *frame* with categories in place of texts."""
    texts = (column for column in frame if column.dtype == pl.String)
    return frame.with_columns(text.cast(pl.Enum(text.drop_nulls().unique())) for text in texts)


def write(frame: pl.DataFrame, file: Path, group: int | None = None) -> Path:
    """Write *frame* to *file*."""
    frame.write_parquet(file, row_group_size=group)
    return file


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    """Return a file made of three: of one, texts are categories; one has several groups of rows."""
    parts = [
        write(rows(0, 10), tmp_path / "a"),
        write(as_categories(rows(10, 500)), tmp_path / "b"),
        write(rows(510, 90), tmp_path / "c", 40),
    ]
    like = write(pl.DataFrame(schema=TYPES), tmp_path / "like")
    schema = pl.read_parquet_metadata(like)["ARROW:schema"]
    footer.join(parts, tmp_path / "joined.parquet", like, {"about": "ü", "ARROW:schema": schema})
    return tmp_path / "joined.parquet"


def test_every_row_is_there_with_its_type(joined: Path) -> None:
    """Read by polars it has the rows of all parts, in order, and text as text; metadata is what was given."""
    assert pl.read_parquet(joined).equals(rows(0, 600))
    assert pl.read_parquet_schema(joined) == TYPES
    assert pl.read_parquet_metadata(joined)["about"] == "ü"


def test_groups_are_found_by_what_is_in_them(joined: Path) -> None:
    """The statistics of each group are still those of its rows: a filter that goes by them loses none."""
    for number in (0, 9, 10, 509, 510, 549, 550, 599):
        assert pl.scan_parquet(joined).filter(pl.col("number") == number).collect().equals(rows(number, 1))
    assert pl.scan_parquet(joined).filter(pl.col("text") == "text 170").collect().equals(rows(510, 3))


def test_other_engines_read_it(joined: Path) -> None:
    """DuckDB finds the same rows, and where each column of each group lies."""
    found = duckdb.execute(f"select count(*), sum(number), count(distinct text) from '{joined}' where truth").fetchall()
    expected = rows(0, 600).filter("truth")
    assert found == [(expected.height, expected["number"].sum(), expected["text"].n_unique())]
    groups = duckdb.execute(f"select distinct row_group_id from parquet_metadata('{joined}') order by 1").fetchall()
    assert groups == [(0,), (1,), (2,), (3,), (4,)]


def test_no_parts_make_an_empty_file(tmp_path: Path) -> None:
    """A snapshot without rows has its columns."""
    like = write(pl.DataFrame(schema=TYPES), tmp_path / "like")
    footer.join([], tmp_path / "joined.parquet", like, {})
    assert pl.read_parquet_schema(tmp_path / "joined.parquet") == TYPES
    assert duckdb.execute(f"select count(*) from '{tmp_path}/joined.parquet'").fetchall() == [(0,)]


def test_other_columns_are_refused(tmp_path: Path) -> None:
    """Groups whose columns are others, or lie otherwise on the disk, do not get under the wrong name."""
    like = write(pl.DataFrame(schema=TYPES), tmp_path / "like")
    for other in (rows(0, 2).drop("truth"), rows(0, 2).cast({"number": pl.Int64}), rows(0, 2).rename({"text": "t"})):
        part = write(other, tmp_path / "part")
        with pytest.raises(ValueError, match="columns of part"):
            footer.join([part], tmp_path / "joined.parquet", like, {})


@pytest.mark.parametrize("cut", [0, 1, 3, 100])
def test_what_is_no_parquet_is_refused(tmp_path: Path, cut: int) -> None:
    """A file that was cut short raises ValueError, and nothing else."""
    like = write(pl.DataFrame(schema=TYPES), tmp_path / "like")
    octets = write(rows(0, 5), tmp_path / "part").read_bytes()
    (tmp_path / "part").write_bytes(octets[: len(octets) - cut] if cut else b"")
    with pytest.raises(ValueError, match="part is no file of Parquet"):
        footer.join([tmp_path / "part"], tmp_path / "joined.parquet", like, {})
