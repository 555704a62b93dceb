"""Which days failed or were missed, which is the last good one, and what is removed."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from resolver_diff import snapshot
from resolver_diff.daily import failed, last_good, missed, outlived, tidying
from resolver_diff.errors import SnapshotError
from resolver_diff.tables import Coverage


def day(number: int) -> date:
    """Return a day of March 2026."""
    return date(2026, 3, number)


def test_old_snapshots_go_and_the_last_good_one_stays(tmp_path: Path) -> None:
    """Only our own files are removed; an empty folder goes with them, one with something else in it stays."""
    for number in (1, 2):
        place = snapshot.directory(tmp_path, day(number), "lab")
        place.mkdir(parents=True)
        for name in ("set.parquet", "_origins.parquet"):
            (place / name).write_bytes(b"12345")
    (snapshot.directory(tmp_path, day(2), "lab") / "notes.txt").write_text("mine")
    assert [tidying.remove(tmp_path, day(number), "lab") for number in (1, 2)] == [10, 10]
    assert [file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()] == [
        "date=2026-03-02/vantage=lab/notes.txt"
    ]


def test_what_cannot_be_removed_is_an_error(tmp_path: Path) -> None:
    """It says where."""
    place = snapshot.directory(tmp_path, day(1), "lab")
    (place / "set.parquet").mkdir(parents=True)
    with pytest.raises(SnapshotError, match="cannot remove"):
        tidying.remove(tmp_path, day(1), "lab")


def drops(*rows: tuple[int, int]) -> pl.DataFrame:
    """Return rows of coverage of a whole vantage: a day, and how much of 100 cells could be judged on it."""
    given = [{"date": day(number), "vantage": "lab", "judged": judged, "usual": 100} for number, judged in rows]
    return Coverage.of(pl.DataFrame(given, schema_overrides={"judged": pl.UInt32, "usual": pl.UInt32})).frame


def test_a_day_has_failed_below_half_of_what_is_usual() -> None:
    """A smaller drop is told, and the day still counts."""
    assert failed(drops((1, 49), (2, 50))) == {day(1)}
    assert failed(Coverage.empty().frame, [day(3)]) == {day(3)}


def test_a_day_on_which_nothing_could_be_judged_has_failed() -> None:
    """Even where too few dates tell what is usual."""
    assert failed(drops((1, 0)).with_columns(usual=pl.lit(0, pl.UInt32))) == {day(1)}


@pytest.mark.parametrize(
    ("bad", "expected"), [((), 5), ((5,), 3), ((5, 3), 2), ((2, 3, 5), None)], ids=["all", "one", "two", "none"]
)
def test_the_last_good_day_is_the_latest_that_did_not_fail(bad: Sequence[int], expected: int | None) -> None:
    """Today is none, nor is a day to come."""
    dates = [day(number) for number in (2, 3, 5, 6, 7)]
    found = last_good(dates, frozenset(day(number) for number in bad), day(6))
    assert found == (None if expected is None else day(expected))


def test_missed_days_lie_between_the_last_good_one_and_today() -> None:
    """Those that have a snapshot were not missed, good or not."""
    assert missed([day(1), day(3)], day(1), day(5)) == [day(2), day(4)]
    assert missed([day(1)], None, day(5)) == []


def test_what_outlives_its_time_is_never_the_last_good_day() -> None:
    """Not even when it is the oldest; where no day is good, none is removed."""
    dates = [day(1) + timedelta(days=number) for number in range(10)]
    assert outlived(dates, frozenset(), day(10), 7) == dates[:3]
    assert outlived(dates[:2], frozenset({dates[1]}), day(20), 7) == [dates[1]]
    assert outlived(dates[:2], frozenset(dates), day(20), 7) == []
