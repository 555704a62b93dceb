"""How often evidence is right: counted on labelled sets, shown beside every verdict, and never made up."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks.accuracy import calibrate, staged, world
from resolver_diff import confidence, importers
from resolver_diff.anomaly import reasons
from resolver_diff.compare.shares import interval, percent
from resolver_diff.confidence import Measured, pattern, spell_pattern, stored
from resolver_diff.importers import observations
from resolver_diff.tables import Anomalies, Events, Mechanism
from test_commands import rows, run

FOUND: dict[str, Any] = {"transport": "udp", "qname": "a.example", "country": "XA", "set": "one"}


def cells(*told: tuple[str, str, str, bool]) -> pl.DataFrame:
    """Return labelled cells: mechanism, evidence for, qname and whether it was blocked."""
    return pl.DataFrame(
        [
            FOUND
            | {"mechanism": m, "evidence_for": names, "evidence_against": None, "qname": qname, "blocked": blocked}
            for m, names, qname, blocked in told
        ],
        schema_overrides={"evidence_against": pl.String},
    )


def test_a_name_in_a_country_is_one_trial() -> None:
    """The share is that of the cells, its interval that of so many names: a hundred cells of one block prove little."""
    told = [("nxdomain", "denied_alone", "a.example", True)] * 98
    told += [("nxdomain", "", "b.example", False)] * 2
    (row,) = confidence.count(cells(*told)).frame.to_dicts()
    assert (row["pattern"], row["true"], row["false"], row["cases"]) == ("nxdomain", 98, 2, 2)
    assert row["precision"] == 0.98
    assert (row["low"], row["high"]) == interval(0.98 * 2, 2)


def test_a_pattern_is_what_decides_and_what_speaks_against() -> None:
    """Evidence that only stands beside makes no pattern of its own; what weakens does."""
    assert pattern("stub", "nobody_else common_answer") == "stub: common_answer"
    assert pattern("servfail", "policy_filter") == "servfail: policy_filter"
    assert pattern("nxdomain", "denied_alone denial_with_aa") == "nxdomain"
    assert spell_pattern(["nxdomain", "timeout"]) == "nxdomain"
    assert spell_pattern(["timeout", "servfail"]) == "servfail timeout"


def anomalies(*told: tuple[str, str, str]) -> Anomalies:
    """Return anomalies: mechanism, evidence for, event."""
    return Anomalies.of(pl.DataFrame(told, schema=["mechanism", "evidence_for", "event"], orient="row"))


def test_what_was_never_measured_says_so() -> None:
    """A known pattern has its numbers, an unknown one has words; an event has those that most of its cells have."""
    known = confidence.counted([("nxdomain", 9, 1, 10)])
    table = Measured(known, confidence.counted([]))
    given = anomalies(("nxdomain", "denied_alone", "e"), ("nxdomain", "", "e"), ("bogon", "bogon_address", "e"))
    given = Anomalies(pl.concat([given.frame, anomalies(("refused", "", "f")).frame]))
    events = Events.of(pl.DataFrame({"event": ["e", "f"]}))
    told, gathered = table.beside(given, events)
    says = "90 % (60 % to 98.2 %; 10 cases in labelled data)"
    assert told.frame["confidence"].to_list() == [0.9, 0.9, None, None]
    assert told.frame["confidence_cases"].to_list() == [10, 10, None, None]
    assert told.frame["confidence_says"].to_list() == [says, says, "never measured", "never measured"]
    assert gathered.frame["confidence_says"].to_list() == [says, "never measured"]


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100 %"), (0.9999, "99.9 %"), (0.0001, "0.01 %"), (5e-8, "<0.001 %"), (0.0, "0 %"), (0.455, "46 %")],
)
def test_nearly_all_is_not_all(share: float, text: str) -> None:
    """What is not every cell is never said to be 100 %, and what is one never 0 %."""
    assert percent(share) == text


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small world."""
    return staged.play(world.world(9, names=40, days=10), tmp_path_factory.mktemp("played") / "small")


@pytest.fixture(scope="module")
def table(small: Path) -> Path:
    """Return the table that is counted in it."""
    file = small.parent / "measured.json"
    said = run("calibrate", str(small), "--out", str(file))
    assert said.exit_code == 0, said.stderr
    assert said.stderr.startswith("small: ")
    return file


def test_a_table_is_regenerated_from_a_world(table: Path) -> None:
    """The file says which set was counted; the share and the interval of each pattern follow from its counts."""
    found = json.loads(table.read_text())
    (origin,) = found["sets"]
    assert (origin["name"], origin["first"], origin["last"]) == ("small", "2026-01-01", "2026-01-10")
    assert len(origin["sha256"]) == 64
    assert found["cells"]
    assert found["spells"]
    for row in (*found["cells"], *found["spells"]):
        assert row["true"] + row["false"] >= row["cases"] >= 1
        assert row["precision"] == pytest.approx(row["true"] / (row["true"] + row["false"]), abs=5e-5)
        assert (row["low"], row["high"]) == pytest.approx(
            interval(row["precision"] * row["cases"], row["cases"]), abs=5e-4
        )
        assert row["low"] <= row["precision"] <= row["high"]
    assert {row["precision"] < 1 for row in found["cells"]} == {True, False}, "the world has both"
    assert stored.render(stored.read(table)) == table.read_text()


def test_counts_are_those_of_the_labels(table: Path, small: Path, tmp_path: Path) -> None:
    """What `anomalies` shows of the world, date by date, and what was true of it, are what the table counted."""
    for _ in importers.keep(observations.IMPORTER.read(small), tmp_path / "snapshots", "here"):
        pass
    labels = pl.read_parquet(small / "labels.parquet", columns=["blocked"])
    seen = pl.read_parquet(small / "observations.parquet", columns=["ts", "domain", "qtype", "resolver_id"])
    blocked = {
        (str(at.date()), *cell): true
        for (at, *cell), true in zip(seen.rows(), labels["blocked"], strict=True)
        if true is not None
    }
    counts = {True: 0, False: 0}
    for day in sorted({key[0] for key in blocked}):
        said = run("anomalies", day, "--snapshots", str(tmp_path / "snapshots"), "--csv", "-")
        for row in rows(said.stdout_bytes.decode()):
            if row["mechanism"] == Mechanism.NODATA:
                counts[blocked[day, row["qname"], row["qtype"], row["resolver"]]] += 1
    (row,) = (row for row in json.loads(table.read_text())["cells"] if row["pattern"] == "nodata")
    assert (row["true"], row["false"]) == (counts[True], counts[False])
    assert counts[True]


def test_replies_are_counted_too(tmp_path: Path) -> None:
    """A file of labelled replies is a labelled set; it has no certificates, and no countries."""
    says = {"control": "157.240.205.60", "isp": "10.0.0.1", "other": "157.240.205.60"}
    at = pl.datetime(2026, 1, 1, 4, time_unit="ms", time_zone="UTC")
    listed = [
        {
            "resolver_id": f"{who}{nth}",
            "domain": "a.test",
            "qtype": "A",
            "rcode": "NOERROR",
            "answers": [answer],
            "role": "control" if who == "control" else "test",
            "label_blocked": who == "isp",
            "label_mechanism": "bogon" if who == "isp" else "genuine",
        }
        for who, answer in says.items()
        for nth in range(3)
    ]
    file = tmp_path / "replies.parquet"
    pl.DataFrame(listed).with_columns(ts=at).write_parquet(file)
    said = run("calibrate", str(file))
    assert said.exit_code == 0, said.stderr
    found = json.loads(said.stdout)
    assert [(row["pattern"], row["true"], row["false"]) for row in found["cells"]] == [("bogon: bogon_address", 3, 0)]


def test_filters_are_counted_as_they_are_shown(tmp_path: Path) -> None:
    """What a filter does since today is shown, and counted; what it did from the first date on is neither."""
    says = {"began.test": ["31.13.24.5", "0.0.0.0"], "ever.test": ["0.0.0.0", "0.0.0.0"]}
    listed = [
        {
            "ts": datetime(2026, 1, day, 4, tzinfo=UTC),
            "resolver_id": who,
            "domain": name,
            "qtype": "A",
            "rcode": "NOERROR",
            "answers": [given[day - 1] if who == "filter" else "157.240.205.60"],
            "role": "test" if who == "filter" else "control",
            "policy": "family" if who == "filter" else "unfiltered",
            "label_blocked": False,
            "label_mechanism": "genuine",
        }
        for day in (1, 2)
        for name, given in says.items()
        for who in ("one", "two", "three", "filter")
    ]
    file = tmp_path / "replies.parquet"
    pl.DataFrame(listed).with_columns(pl.col("ts").cast(pl.Datetime("ms", "UTC"))).write_parquet(file)
    said = run("calibrate", str(file))
    assert said.exit_code == 0, said.stderr
    counted = [(row["pattern"], row["true"], row["false"]) for row in json.loads(said.stdout)["cells"]]
    assert counted == [("policy: bogon_address policy_filter", 0, 1)]
    for _ in importers.keep(observations.IMPORTER.read(file), tmp_path / "snapshots", "here"):
        pass
    shown = run("anomalies", "2026-01-02", "--snapshots", str(tmp_path / "snapshots"), "--csv", "-")
    assert [row["qname"] for row in rows(shown.stdout_bytes.decode())] == ["began.test"]


@pytest.mark.parametrize("change", ["precision", "low", "cases"])
def test_no_number_is_set_by_hand(table: Path, tmp_path: Path, change: str) -> None:
    """A table whose shares do not follow from its counts is refused, and the message says which line."""
    found = json.loads(table.read_text())
    found["cells"][0][change] += 1
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(found))
    said = run("anomalies", "--calibration", str(edited))
    assert said.exit_code == 2
    assert f"the numbers of `{found['cells'][0]['pattern']}` do not follow from its counts" in said.stderr


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sets": [], "cells": [{}], "spells": [], "made": ""}', None])
def test_what_is_no_table_is_said_to_be_none(tmp_path: Path, text: str | None) -> None:
    """A file of anything else, or none, is a mistake of the user's, with a hint."""
    file = tmp_path / "table.json"
    if text is not None:
        file.write_text(text)
    said = run("events", "--calibration", str(file))
    assert said.exit_code == 2
    assert "hint: `resolver-diff calibrate" in said.stderr


@pytest.mark.parametrize("missing", ["labels.parquet", "resolvers.csv"])
def test_a_set_without_labels_cannot_be_counted(small: Path, tmp_path: Path, missing: str) -> None:
    """A folder of which nobody says what was true is refused, and the message says what it lacks."""
    (tmp_path / "bare").mkdir()
    for file in small.iterdir():
        if file.name != missing:
            (tmp_path / "bare" / file.name).symlink_to(file)
    said = run("calibrate", str(tmp_path / "bare"))
    assert said.exit_code == 2
    assert f"there is no {missing}" in said.stderr


def test_sets_are_told_apart_by_name(small: Path, tmp_path: Path) -> None:
    """The same name twice is refused: a name in a country would count as one case of both."""
    (tmp_path / "small").symlink_to(small)
    said = run("calibrate", str(small), str(tmp_path / "small"))
    assert said.exit_code == 2
    assert "two sets are called `small`" in said.stderr


def shipped_patterns() -> Iterator[tuple[str, bool]]:
    """Yield the patterns of cells, and of spells, of the shipped table; with whether it is of a spell."""
    found = stored.shipped()
    yield from ((text, False) for text in found.cells.frame["pattern"])
    yield from ((text, True) for text in found.spells.frame["pattern"])


@pytest.mark.parametrize(("text", "spell"), [*shipped_patterns()])
def test_the_shipped_table_names_what_there_is(text: str, spell: bool) -> None:
    """Each pattern is one that a cell or spell can have today: of mechanisms and evidence that there are, in order."""
    if spell:
        assert spell_pattern(text.split()) == text
        return
    mechanism, _, names = text.partition(": ")
    assert Mechanism(mechanism)
    assert set(names.split()) <= set(reasons())
    assert pattern(mechanism, names) == text


def test_the_shipped_table_says_where_it_is_from() -> None:
    """It was made from the sets that the benchmark's own program plays, each with its hash."""
    found = stored.shipped()
    names = {origin.name for origin in found.origins}
    assert {f"world-{seed}" for seed in calibrate.SEEDS} <= names
    assert len(names) > len(calibrate.SEEDS)
    assert all(len(origin.sha256) == 64 for origin in found.origins)
    assert found.made


def test_other_sets_are_held_against_a_table(table: Path, capsys: pytest.CaptureFixture[str], small: Path) -> None:
    """The program that makes the table also says how well it foretells: of the set it was made from, exactly."""
    calibrate.main(["--check", str(small), "--table", str(table)])
    said = capsys.readouterr().out
    assert "apart:" not in said
    assert [line for line in said.splitlines() if line.startswith("never measured")] == [
        "never measured          0"
    ] * 2


def test_reports_show_how_sure_they_are(table: Path, small: Path, tmp_path: Path) -> None:
    """The page has it beside each event and in a column, and the CSV of `events` has it; an empty table knows none."""
    for _ in importers.keep(observations.IMPORTER.read(small), tmp_path / "snapshots", "here"):
        pass
    nothing = tmp_path / "nothing.json"
    nothing.write_text(stored.render(Measured.nothing()))
    folder = ("--snapshots", str(tmp_path / "snapshots"))
    page = run("anomalies", "2026-01-08", *folder, "--calibration", str(table)).stdout
    assert "    confidence 100 % (" in page
    assert " right\n" in page
    assert "?: never measured" in " ".join(page.split())
    page = run("anomalies", "2026-01-08", *folder, "--calibration", str(nothing)).stdout
    assert "    confidence never measured" in page
    assert "    confidence 1" not in page
    spells = rows(run("events", *folder, "--calibration", str(table), "--csv", "-").stdout_bytes.decode())
    assert all(row["confidence"] and row["confidence_low"] < row["confidence_high"] for row in spells)
    spells = rows(run("events", *folder, "--calibration", str(nothing), "--csv", "-").stdout_bytes.decode())
    assert {(row["confidence"], row["confidence_says"]) for row in spells} == {("", "never measured")}
    assert "  confidence " in run("events", *folder).stdout
