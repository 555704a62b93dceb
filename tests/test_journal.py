"""The journal and the snapshot: absent or complete, never half, never overwritten by accident."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from resolver_diff import journal, snapshot
from resolver_diff.config import Resolver
from resolver_diff.errors import SnapshotError
from resolver_diff.journal import SCHEMA, Journal
from resolver_diff.snapshot import Run, stored
from resolver_diff.tables import Observations, Purpose

DAY = date(2026, 2, 11)


def rows(*numbers: int, domain_set: str | None = "shops", **facts: object) -> pl.DataFrame:
    """Return journal rows for *numbers*: an answer each, unless *facts* say otherwise."""
    said: dict[str, object] = {
        "domain_set": domain_set,
        "asked_at": datetime(2026, 2, 11, 6, tzinfo=UTC),
        "resolver": "one",
        "transport": "udp",
        "purpose": "target" if domain_set else "control",
        "qtype": "A",
        "attempt": 0,
        "reply": 0,
        "outcome": "answer",
        "answer": "198.51.100.1",
        **facts,
    }
    made = [{"number": number, "qname": f"n{number:03}.example", **said} for number in numbers]
    return pl.DataFrame(made, schema=SCHEMA)


def run(started: datetime | None = None, **counts: int) -> Run:
    """Return facts of a run."""
    return Run(
        date=DAY,
        vantage="here",
        started=started or datetime(2026, 2, 11, 6, tzinfo=UTC),
        finished=datetime(2026, 2, 11, 7, tzinfo=UTC),
        version="1",
        seed="s",
        attempts=3,
        timeout=4.0,
        resolvers=(Resolver(name="one", address="192.0.2.1", country="RU", role="register"),),
        inputs={"resolvers.yaml": "00"},
        counts=counts,
    )


NOTHING = pl.DataFrame(schema=SCHEMA)


def begin(folder: Path, *, plan: str = "p", sets: tuple[str, ...] = ("shops",), **how: Any) -> Journal:
    """Open the journal of the test's run."""
    return Journal.open(folder, DAY, "here", fingerprint=plan, domain_sets=sets, **how)


def take(folder: Path, *batches: pl.DataFrame, sets: tuple[str, ...] = ("shops",), **how: Any) -> list[Path]:
    """Take a whole snapshot of *batches*."""
    with begin(folder, sets=sets, **how) as kept:
        for index, batch in enumerate(batches):
            kept.append(index, batch)
            kept.finish(index, NOTHING)
        return kept.commit(run(kept.started), sets)


def test_a_snapshot_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """One file per domain set below date and vantage; rows, their order and the run's facts survive."""
    folder = tmp_path / "snapshots"
    files = take(folder, rows(3, 1), rows(7, domain_set="news"), rows(9, domain_set=None), sets=("shops", "news"))
    assert [str(file.relative_to(folder)) for file in files] == [
        "date=2026-02-11/vantage=here/shops.parquet",
        "date=2026-02-11/vantage=here/news.parquet",
    ]
    (loaded,) = snapshot.load(folder, DAY)
    assert loaded.observations.filter(pl.col("domain_set") == "shops")["qname"].to_list() == [
        "n001.example",
        "n003.example",
    ]
    assert loaded.resolvers[0].country == "RU"
    assert loaded.runs[0].inputs == {"resolvers.yaml": "00"}
    assert snapshot.dates(folder) == [DAY]


def test_control_rows_travel_with_every_file_and_are_read_once(tmp_path: Path) -> None:
    """A file can be judged alone; reading several files of a run does not count its control rows twice."""
    folder = tmp_path / "snapshots"
    batch = pl.concat([rows(1), rows(2, domain_set="news"), rows(9, domain_set=None)])
    files = take(folder, batch, sets=("shops", "news"))
    assert [pl.read_parquet(file).height for file in files] == [2, 2]
    (loaded,) = snapshot.load(folder, DAY)
    assert loaded.observations.filter(pl.col("purpose") == Purpose.CONTROL).height == 1
    assert loaded.observations.height == 3


def test_other_engines_read_the_tree(tmp_path: Path) -> None:
    """DuckDB and plain polars read all snapshots at once, with date and vantage as columns."""
    folder = tmp_path / "snapshots"
    take(folder, rows(1, 2, 3))
    tree = f"{folder}/**/*.parquet"
    query = f"select date, vantage, qname, outcome from read_parquet('{tree}', hive_partitioning=true) order by qname"
    by_duckdb = duckdb.execute(query).fetchall()
    assert by_duckdb[0] == (DAY, "here", "n001.example", "answer")
    by_polars = pl.scan_parquet(folder, hive_partitioning=True).collect()
    assert by_polars.height == len(by_duckdb) == 3
    assert by_polars.select(*Observations.schema).schema == pl.Schema(Observations.schema)


def test_a_snapshot_is_never_overwritten_by_accident(tmp_path: Path) -> None:
    """A second run refuses before anything is asked; --replace is what it takes."""
    folder = tmp_path / "snapshots"
    (file,) = take(folder, rows(1))
    before = file.read_bytes()
    with pytest.raises(SnapshotError, match="already"):
        begin(folder)
    assert file.read_bytes() == before
    take(folder, rows(1, 2), replace=True)
    assert pl.read_parquet(file).height == 2


def test_a_run_that_broke_off_can_go_on(tmp_path: Path) -> None:
    """What was settled stays settled; the batch that was complete is not asked again."""
    folder = tmp_path / "snapshots"
    with begin(folder) as kept:
        kept.append(0, rows(1, 2))
        kept.finish(0, NOTHING)
        kept.append(1, rows(5))
        started = kept.started
    with pytest.raises(SnapshotError, match="broke off"):
        begin(folder)
    with pytest.raises(SnapshotError, match="something else"):
        begin(folder, plan="another", resume=True)
    with begin(folder, resume=True) as kept:
        assert kept.finished(0)
        assert not kept.finished(1)
        assert kept.settled(1).tolist() == [5]
        assert kept.started == started
        kept.append(1, rows(6))
        kept.finish(1, NOTHING)
        (file,) = kept.commit(run(kept.started), ["shops"])
    assert pl.read_parquet(file)["qname"].to_list() == ["n001.example", "n002.example", "n005.example", "n006.example"]
    assert not (tmp_path / "snapshots.partial").exists()


def test_a_replacement_that_broke_off_goes_on_as_one(tmp_path: Path) -> None:
    """--replace, interrupted, then --resume alone: the old snapshot is replaced, as was asked for."""
    folder = tmp_path / "snapshots"
    (file,) = take(folder, rows(1))
    with begin(folder, replace=True) as kept:
        kept.append(0, rows(1, 2))
    with begin(folder, resume=True) as kept:
        kept.finish(0, NOTHING)
        kept.commit(run(kept.started), ["shops"])
    assert pl.read_parquet(file).height == 2


def test_a_run_that_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    """No folder and no lock where nothing was begun."""
    folder = tmp_path / "snapshots"
    take(folder, rows(1))
    with pytest.raises(SnapshotError, match="already"):
        begin(folder)
    assert [entry.name for entry in tmp_path.iterdir()] == ["snapshots"]


def test_the_counts_of_a_run_are_those_of_its_batches(tmp_path: Path) -> None:
    """Questions, queries, replies and silences, over all batches, those of an earlier process among them."""
    folder = tmp_path / "snapshots"
    silence = rows(3, outcome="timeout", reply=None, answer=None)
    with begin(folder) as kept:
        kept.append(0, pl.concat([rows(1, 2), silence]))
        kept.finish(0, NOTHING)
    with begin(folder, resume=True) as kept:
        kept.append(
            1, pl.concat([rows(4), rows(4, reply=1), rows(5, outcome="timeout", reply=None), rows(5, attempt=1)])
        )
        kept.finish(1, NOTHING)
        counts = kept.count()
    assert counts == {
        "questions": 5,
        "queries": 6,
        "replies": 5,
        "second_replies": 1,
        "truncated": 0,
        "silent": 1,
        "withheld": 0,
        "control_replies": 0,
        "control_answers": 0,
    }


def test_silence_gives_way_to_a_late_reply(tmp_path: Path) -> None:
    """An attempt that was written down as silence and then got its reply is one row, not two."""
    silence = rows(1, outcome="timeout", reply=None, answer=None)
    (file,) = take(tmp_path / "snapshots", pl.concat([silence, rows(1), rows(1, attempt=1)]))
    assert pl.read_parquet(file).select("attempt", "outcome").rows() == [(0, "answer"), (1, "answer")]


def test_two_runs_for_the_same_place_do_not_meet(tmp_path: Path) -> None:
    """The second is told that the first is at work, and by which process."""
    folder = tmp_path / "snapshots"
    with begin(folder), pytest.raises(SnapshotError, match=f"process {os.getpid()}"):
        begin(folder, resume=True)


def test_the_slower_of_two_runs_replaces_nothing(tmp_path: Path) -> None:
    """A file that another machine put into place meanwhile stays as it is, and the journal stays too."""
    folder = tmp_path / "snapshots"
    with begin(folder) as kept:
        kept.append(0, rows(1))
        kept.finish(0, NOTHING)
        target = snapshot.directory(folder, DAY, "here") / "shops.parquet"
        target.parent.mkdir(parents=True)
        rows(1, 2).write_parquet(target)
        before = target.read_bytes()
        with pytest.raises(SnapshotError, match="faster"):
            kept.commit(run(kept.started), ["shops"])
        assert target.read_bytes() == before
        assert kept.finished(0)


def test_a_commit_that_was_cut_short_is_finished_by_resume(tmp_path: Path) -> None:
    """Files that the run itself had put into place are no obstacle."""
    folder = tmp_path / "snapshots"
    with begin(folder, sets=("shops", "news")) as kept:
        kept.append(0, pl.concat([rows(1), rows(2, domain_set="news")]))
        kept.finish(0, NOTHING)
        target = snapshot.directory(folder, DAY, "here") / "shops.parquet"
        target.parent.mkdir(parents=True)
        rows(1).select(*Observations.schema).write_parquet(
            target, metadata={"resolver_diff": run(kept.started).to_json()}
        )
    with begin(folder, sets=("shops", "news"), resume=True) as kept:
        files = kept.commit(run(kept.started), ["shops", "news"])
    assert all(file.exists() for file in files)


def test_a_damaged_file_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    """Cut, foreign or empty: each is one problem with its place, and no loss of the rest."""
    folder = tmp_path / "snapshots"
    names = ("cut", "empty", "foreign", "shops")
    batch = pl.concat([rows(index, domain_set=name) for index, name in enumerate(names)])
    files = dict(zip(names, take(folder, batch, sets=names), strict=True))
    files["cut"].write_bytes(files["cut"].read_bytes()[:-20])
    files["empty"].write_bytes(b"")
    pl.DataFrame({"x": [1]}).write_parquet(files["foreign"])
    (loaded,) = snapshot.load(folder, DAY)
    assert loaded.observations["qname"].to_list() == ["n003.example"]
    assert sorted(str(problem.place) for problem in loaded.damaged) == sorted(str(files[name]) for name in names[:3])


def test_a_file_of_a_newer_version_is_not_damaged(tmp_path: Path) -> None:
    """Its columns may mean something else: it is named, with what helps, and not read."""
    folder = tmp_path / "snapshots"
    file, other = take(folder, pl.concat([rows(1), rows(2, domain_set="news")]), sets=("shops", "news"))
    metadata = {"resolver_diff": run().to_json().replace('"schema": 1', '"schema": 99')}
    pl.read_parquet(file).write_parquet(file, metadata=metadata)
    (loaded,) = snapshot.load(folder, DAY)
    assert [(problem.message, problem.hint) for problem in loaded.damaged] == [
        ("written by a newer version, 1", "upgrade resolver_diff")
    ]
    assert loaded.observations["domain_set"].to_list() == [other.stem]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_not_damaged(tmp_path: Path) -> None:
    """Permission is the user's to give; nobody is told to take a good file away."""
    (file,) = take(tmp_path / "snapshots", rows(1))
    file.chmod(0)
    with pytest.raises(SnapshotError) as error:
        snapshot.load(tmp_path / "snapshots", DAY)
    assert "may not be read" in error.value.render()


def test_a_date_without_a_snapshot_says_which_dates_there_are(tmp_path: Path) -> None:
    """The error names the dates one could have meant."""
    take(tmp_path / "snapshots", rows(1))
    with pytest.raises(SnapshotError) as error:
        snapshot.load(tmp_path / "snapshots", date(2026, 2, 12))
    assert "2026-02-11" in error.value.render()


def test_a_killed_writer_leaves_nothing_half(tmp_path: Path) -> None:
    """Killed by SIGKILL at any moment of writing, every file there is can be read."""
    folder = tmp_path / "snapshots"
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path; import test_journal as t\n"
        "kept = t.begin(Path(sys.argv[1]))\n"
        "big = t.rows(*range(20000))\n"
        "print('ready', flush=True)\n"
        "for index in range(1000): kept.append(index, big); kept.finish(index, t.NOTHING)\n"
    )
    for moment in (0.05, 0.11, 0.23):
        command = [sys.executable, "-c", script, str(folder), str(Path(__file__).parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(moment)
            writer.kill()
        partial = folder.with_name("snapshots.partial")
        heights = [pl.read_ipc(file).height for file in partial.rglob("*.arrow")]
        assert set(heights) <= {20000}
        for file in partial.rglob("run.json"):
            json.loads(file.read_text())
            file.unlink()


def test_a_full_disk_is_an_error_with_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room: a clear error that says how to go on, and no unfinished file left behind."""

    def no_room(_: object) -> None:
        raise OSError(28, "No space left on device")

    with begin(tmp_path / "snapshots") as kept:
        monkeypatch.setattr(journal, "sync", no_room)
        with pytest.raises(SnapshotError) as error:
            kept.append(0, rows(1))
    assert "--resume" in error.value.render()
    assert not list((tmp_path / "snapshots.partial").rglob("*.unfinished"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Read-only: told before anything is asked."""
    tmp_path.chmod(0o500)
    with pytest.raises(SnapshotError, match="cannot write"):
        begin(tmp_path / "snapshots")


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two rows be enough for a group of their own."""
    monkeypatch.setattr(stored, "FEWEST", 2)


@pytest.mark.usefixtures("small_groups")
def test_a_batch_of_one_domain_set_is_written_once(tmp_path: Path) -> None:
    """It lies in the journal as Parquet; the snapshot has it in its place among batches that were kept as rows."""
    folder = tmp_path / "snapshots"
    with begin(folder, sets=("shops", "news")) as kept:
        kept.finish(0, pl.concat([rows(2, 1), rows(9, domain_set=None)]))
        kept.finish(1, rows(3))
        kept.finish(2, pl.concat([rows(4), rows(5, 6, domain_set="news")]))
        kept.finish(3, rows(8, 7, domain_set="news"))
        suffixes = [next(iter(kept.partial.glob(f"00000{batch}.[ap]*"))).suffix for batch in range(4)]
        assert suffixes == [".parquet", ".arrow", ".arrow", ".parquet"]
        assert all(kept.finished(batch) for batch in range(4))
        assert sorted(kept.heard().collect()["qname"]) == [f"n{n:03}.example" for n in range(1, 10)]
        files = kept.commit(run(kept.started), ["shops", "news"])
        assert not kept.partial.exists()
    names = [pl.read_parquet(file)["qname"].to_list() for file in files]
    assert names == [[f"n{n:03}.example" for n in shop] for shop in ((9, 1, 2, 3, 4), (9, 5, 6, 7, 8))]
    assert all(pl.read_parquet_schema(file) == Observations.schema for file in files)
    groups = duckdb.execute(f"select count(distinct row_group_id) from parquet_metadata('{files[0]}')").fetchall()
    assert groups == [(2,)]


@pytest.mark.usefixtures("small_groups")
def test_rounds_of_whole_batches_are_brought_together(tmp_path: Path) -> None:
    """Where names were asked twice, both times stand side by side, though each round was a group of its own."""
    folder = tmp_path / "snapshots"
    with begin(folder) as kept:
        kept.finish(0, rows(1, 2, repeat=0))
        kept.finish(1, rows(1, 2, repeat=1))
        (file,) = kept.commit(replace(run(kept.started), repeat=2), ["shops"])
    found = pl.read_parquet(file).select("qname", "repeat").rows()
    assert found == [(f"n{n:03}.example", repeat) for n in (1, 2) for repeat in (0, 1)]
