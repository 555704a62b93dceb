"""`resolver-diff changes`: every cell that said something else, from files of a few rows."""

import csv
import io
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from resolver_diff.__main__ import Manner, application
from resolver_diff.snapshot import directory
from resolver_diff.tables import Observations

DAYS = (date(2026, 2, 10), date(2026, 2, 11))


def put(day: date, domain_set: str, *said: tuple[str, str, str | None], vantage: str = "home") -> Path:
    """Write a snapshot file: what resolver one *said* about names, as name, outcome and answer."""
    rows = [
        {"qname": name, "qtype": "A", "resolver": "one", "transport": "udp", "purpose": "target", "attempt": 0}
        | {"reply": 0, "outcome": outcome, "answer": answer, "answer_hash": hash(answer) % 2**32}
        for name, outcome, answer in sorted(said)
    ]
    file = directory(Path("snapshots"), day, vantage) / f"{domain_set}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    Observations.of(pl.DataFrame(rows)).frame.write_parquet(file)
    return file


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a folder with two dates: of four names one is gone, one is new, one moved and one stayed."""
    monkeypatch.chdir(tmp_path)
    put(
        DAYS[0],
        "shops",
        ("gone.example", "answer", "1"),
        ("moved.example", "answer", "1"),
        ("new.example", "nodata", None),
    )
    put(
        DAYS[1],
        "shops",
        ("gone.example", "nxdomain", None),
        ("moved.example", "answer", "=2"),
        ("new.example", "answer", "3"),
    )
    put(DAYS[0], "news", ("same.example", "answer", "1"))
    put(DAYS[1], "news", ("same.example", "answer", "1"))


def run(*words: str) -> Result:
    """Type the command."""
    return CliRunner().invoke(application(Manner()), ["changes", *words])


def test_it_counts_what_changed() -> None:
    """Without options the latest date is compared with the one before it; nothing is judged."""
    said = run()
    assert said.exit_code == 0, said.stderr
    for words in (
        "3 cells said something else (3 names at 1 resolver)",
        "1 no longer answered",
        "1 answered otherwise",
    ):
        assert words in said.stdout


def test_it_lists_what_changed() -> None:
    """The CSV has a line per cell, and no formula."""
    said = run("--csv", "-")
    found = list(csv.DictReader(io.StringIO(said.stdout_bytes.decode(), newline="")))
    assert [(row["qname"], row["outcome_before"], row["outcome_after"], row["answer_after"]) for row in found] == [
        ("gone.example", "answer", "nxdomain", ""),
        ("moved.example", "answer", "answer", "'=2"),
        ("new.example", "nodata", "answer", "3"),
    ]
    assert {(row["date_before"], row["date_after"], row["vantage"], row["domain_set"]) for row in found} == {
        ("2026-02-10", "2026-02-11", "home", "shops")
    }
    said = run("--csv", "found.csv")
    assert "3 cells" in said.stdout
    assert list(csv.DictReader(io.StringIO(Path("found.csv").read_bytes().decode(), newline=""))) == found


def test_only_some_names() -> None:
    """--domains looks at the names of a file only; --exit-code tells whether there were any."""
    Path("mine.txt").write_text("moved.example\n")
    said = run("--domains", "mine.txt", "--exit-code")
    assert said.exit_code == 1
    assert "1 cell said" in said.stdout
    Path("mine.txt").write_text("same.example\n")
    said = run("--domains", "mine.txt", "--exit-code")
    assert said.exit_code == 0
    assert "No cell said something else" in said.stdout


def test_what_has_one_date_only_is_said() -> None:
    """A domain set or vantage that cannot be compared is named, and stops nothing."""
    put(DAYS[1], "added", ("x.example", "answer", "1"))
    put(DAYS[1], "shops", ("x.example", "answer", "1"), vantage="office")
    said = run()
    assert said.exit_code == 0
    assert "domain set added of vantage home has only one of the two dates" in said.stderr
    assert "domain set shops of vantage office has only one of the two dates" in said.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("2026-02-11", "2026-02-11"), "not before"),
        (("2026-02-09", "2026-02-11"), "no snapshot of 2026-02-09"),
        (("--vantage", "moon"), "moon"),
        (("--csv", "no/such/folder.csv"), "cannot write"),
    ],
)
def test_what_cannot_be_done_is_said(words: tuple[str, ...], message: str) -> None:
    """Status 2, and why."""
    said = run(*words)
    assert said.exit_code == 2
    assert message in said.stderr


def test_no_common_vantage() -> None:
    """Dates seen from different places have nothing to be compared."""
    put(date(2026, 2, 12), "shops", ("x.example", "answer", "1"), vantage="office")
    said = run("2026-02-11", "2026-02-12")
    assert said.exit_code == 2
    assert "no domain set of any vantage has both dates" in said.stderr


def test_a_damaged_file_is_named() -> None:
    """What cannot be read ends the command; a file that was there before is not replaced by half a list."""
    file = put(DAYS[1], "shops", ("x.example", "answer", "1"))
    file.write_bytes(file.read_bytes()[:-20])
    Path("found.csv").write_text("before")
    said = run("--csv", "found.csv")
    assert said.exit_code == 2
    assert str(file) in said.stderr
    assert Path("found.csv").read_text() == "before"
