"""`resolver-diff events` and `history` on files of many dates: what they say, write, and do about damage."""

import csv
import io
import json
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

import stories
from resolver_diff.__main__ import Manner, application
from resolver_diff.snapshot import ORDER, directory, filing
from resolver_diff.tables import Coverage, Observations, Spells

GONE = {"one.example": "nxdomain"}
BOTH = {**GONE, "two.example": "nxdomain"}
SILENT = {"*": "timeout", "canary": "timeout"}
DAYS: list[dict[str, Any]] = [
    *[{}] * 12,
    {"nsdi-a": GONE},
    {"nsdi-a": BOTH, "nsdi-b": BOTH, "absent": ["isp-br"]},
    {"nsdi-a": GONE, "nsdi-b": GONE},
    {"absent": ["two.example"]},
    *[{}] * 9,
    dict.fromkeys(("nsdi-a", "nsdi-b", "isp-ru"), SILENT),
]
FIRST, LAST = "2026-01-15", "2026-02-09"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file for each of the dates."""
    folder = tmp_path_factory.mktemp("kept") / "snapshots"
    told = {"history": DAYS, "before": {}, "after": {}, "truth": {"one.example": "answer", "two.example": "answer"}}
    for day in stories.Story("events", told).history:
        rows = Observations.of(day.observations.sort(ORDER)).frame
        filing.put(folder, day.runs[0], "story", rows, replace=False)
    return folder


@pytest.fixture(autouse=True)
def folder(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand beside a copy of the snapshots, which a test may damage."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(kept, tmp_path / "snapshots")
    return tmp_path / "snapshots"


def run(*words: str, command: str = "events") -> Result:
    """Type the command."""
    return CliRunner().invoke(application(Manner()), [command, *words])


def flat(text: str) -> str:
    """Return a page as one line."""
    return " ".join(text.split())


def damage(folder: Path, day: str) -> None:
    """Make the file of *day* unreadable."""
    (file,) = folder.glob(f"date={day}/vantage=home/story.parquet")
    file.write_bytes(file.read_bytes()[:100])


def keep(folder: Path, first: str, last: str) -> None:
    """Remove the dates before *first* and after *last*."""
    for day in folder.glob("date=*"):
        if not first <= day.name.removeprefix("date=") <= last:
            shutil.rmtree(day)


def test_page() -> None:
    """The page says what was lost where, how it grew and shrank, and what else was weighed."""
    said = run()
    assert said.exit_code == 0, said.stderr
    page = flat(said.stdout)
    assert f"{FIRST} to {LAST} at vantage home" in page
    assert "1 event in 26 dates: 2 names lost, or answered otherwise, in a country." in page
    assert "one.example and 1 more name were lost at 2 of 3 resolvers in RU" in page
    assert "It grew from 1 name at 1 of 3 resolvers (2026-01-27) to 2 names at 2 of 3 resolvers (2026-01-28)" in page
    assert "and shrank to 1 name at 2 of 3 resolvers (2026-01-29)." in page
    assert "told from chance: the first date with enough evidence" in page
    assert re.search(r"held against it: by chance [\d.]+ %, elsewhere 0 %, at once 0 %", page)
    assert page.count("elsewhere, the share of resolvers in other countries that show it too") == 1


def test_page_tells_who_entered_and_left() -> None:
    """Resolvers and names that only some dates have are told with the date, and are no events."""
    page = flat(run().stdout)
    for sentence in (
        "2026-01-28: 1 resolver left: isp-br (udp)",
        "2026-01-29: 1 resolver entered: isp-br (udp)",
        "2026-01-30: 1 name left: two.example",
        "2026-01-31: 1 name entered: two.example",
    ):
        assert sentence in page


def test_page_tells_where_less_than_usual_could_be_judged() -> None:
    """A country that fell silent is one line, not one for each of its names."""
    page = flat(run().stdout)
    assert f"! {LAST}: 0 of 192 cells at RU could be judged, usually 192" in page
    assert page.count("could be judged, usually") == 1


def test_csv() -> None:
    """The CSV has a line per name and country, with the columns that are documented; the page stays away."""
    said = run("--csv", "-")
    rows = list(csv.DictReader(io.StringIO(said.stdout_bytes.decode(), newline="")))
    assert list(rows[0]) == list(Spells.schema)
    assert [(row["qname"], row["country"], row["first_bad"], row["first_good"]) for row in rows] == [
        ("one.example", "RU", "2026-01-27", "2026-01-30"),
        ("two.example", "RU", "2026-01-28", "2026-01-29"),
    ]


def test_json() -> None:
    """The JSON has everything: events date by date, the names, who came and went, and what could not be judged."""
    said = json.loads(run("--json", "-").stdout)
    (event,) = said["events"]
    assert [(row["date"], row["names"], row["resolvers"], row["denominator"]) for row in event["reached"]] == [
        ("2026-01-27", 1, 1, 3),
        ("2026-01-28", 2, 2, 3),
        ("2026-01-29", 1, 2, 3),
    ]
    assert {row["event"] for row in said["spells"]} == {event["event"]}
    assert [(row["change"], row["what"]) for row in said["moves"]] == [
        ("left", "isp-br"),
        ("entered", "isp-br"),
        ("left", "two.example"),
        ("entered", "two.example"),
    ]
    assert {(row["date"], row["country"]) for row in said["coverage"]} == {(LAST, "RU")}
    assert set(said["coverage"][0]) == set(Coverage.schema)
    assert said["meta"]["vantages"] == [{"vantage": "home", "dates": 26, "first": FIRST, "last": LAST}]


def test_exit_code(folder: Path) -> None:
    """With --exit-code the status is 1 while something goes on, and 0 when all of it is over."""
    assert run("--exit-code").exit_code == 0
    keep(folder, FIRST, "2026-01-29")
    assert run("--exit-code").exit_code == 1
    assert run().exit_code == 0


def test_domains(folder: Path) -> None:
    """With --domains only the names of these sets are followed."""
    names = folder.parent / "mine.txt"
    names.write_text("\n".join(["one.example", *stories.QUIET]))
    page = run("--domains", str(names)).stdout
    assert "one.example was lost" in flat(page)
    assert "two.example" not in page
    names.write_text("quiet-01.test")
    assert "nothing that chance would not explain" in flat(run("--domains", str(names)).stdout)


def test_a_damaged_date_is_named_and_left_out(folder: Path) -> None:
    """One file that cannot be read is a warning that names it; the other dates are followed."""
    damage(folder, "2026-01-20")
    said = run()
    assert said.exit_code == 0
    assert "date=2026-01-20" in said.stderr
    assert "damaged snapshot file" in said.stderr
    assert "1 event in 25 dates" in flat(said.stdout)


def test_all_dates_damaged(folder: Path) -> None:
    """Where nothing can be read that is said, with status 2, and not shown as a mistake of ours."""
    for day in folder.glob("date=*"):
        damage(folder, day.name.removeprefix("date="))
    said = run()
    assert said.exit_code == 2
    assert "none of the snapshots in snapshots can be read" in said.stderr
    assert "Traceback" not in said.stderr


def test_no_snapshots(folder: Path) -> None:
    """An empty folder is said to be one."""
    shutil.rmtree(folder)
    said = run()
    assert said.exit_code == 2
    assert "no snapshot" in said.stderr


def test_two_vantages(folder: Path) -> None:
    """Each vantage is followed by itself; --vantage chooses one."""
    for day in folder.glob("date=*"):
        shutil.copytree(day / "vantage=home", day / "vantage=work")
    page = flat(run().stdout)
    assert "at vantage home" in page
    assert "at vantage work" in page
    only = flat(run("--vantage", "work").stdout)
    assert "at vantage home" not in only
    assert only.count("were lost at 2 of 3 resolvers in RU") == 1


def test_history_tells_who_entered_and_left(folder: Path) -> None:
    """The history of a name tells which resolvers entered and left, and on which dates it was not asked for."""
    keep(folder, "2026-01-26", "2026-02-01")
    page = flat(run("two.example", command="history").stdout)
    assert "It was not asked for on 2026-01-30." in page
    assert "2026-01-28: 1 resolver left: isp-br (udp)" in page
    assert "2026-01-29: 1 resolver entered: isp-br (udp)" in page


def test_history_of_a_name_that_came_late(folder: Path) -> None:
    """A name that was asked for later than the first date, and no more on the last, is said to be so."""
    first, last = "2026-01-26", "2026-01-30"
    keep(folder, first, last)
    for day in (first, last):
        file = directory(folder, date.fromisoformat(day), "home") / "story.parquet"
        run_of = pl.read_parquet_metadata(file)
        rows = pl.read_parquet(file, hive_partitioning=False).filter(pl.col("qname") != "one.example")
        rows.write_parquet(file, metadata=run_of)
    page = flat(run("one.example", command="history").stdout)
    assert "It is asked for since 2026-01-27; the snapshots begin on 2026-01-26." in page
    assert "It was last asked for on 2026-01-29." in page
