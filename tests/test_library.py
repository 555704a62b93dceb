"""The library: ten functions that say what the commands say, warn instead of talking, and load when they are used."""

import asyncio
import doctest
import inspect
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, assert_type

import polars as pl
import pytest
from typer.testing import CliRunner

import resolver_diff
from rehearsed import rehearsal, standing
from resolver_diff import commands, errors, family
from resolver_diff.__main__ import Manner, application
from resolver_diff.diff import CELLS
from resolver_diff.library import tables as ours
from resolver_diff.library.taking import finished
from resolver_diff.reports.csv import ORDER, as_lines
from resolver_diff.tables import Anomalies, Courses, Coverage, Events, Health, Observations, Purpose, Spells, Table
from test_architecture import HEAVY

__all__ = ["rehearsal", "standing"]  # fixtures

SNAPSHOTS = "rehearsal/snapshots"
FUNCTIONS = [name for name in resolver_diff.__all__ if inspect.isfunction(getattr(resolver_diff, name))]
COMMANDS = {"take_snapshot": "snapshot", "differences": "diff"}  # where a stage has the command's name already


def typed(*words: str) -> str:
    """Return what a command, typed, writes on stdout."""
    said = CliRunner().invoke(application(Manner()), [*words, "--snapshots", SNAPSHOTS])
    assert said.exit_code == 0, said.stderr
    return said.stdout_bytes.decode()


@contextmanager
def warned(capsys: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """Gather the words of what is warned of, all of it at a line of this file, and none of it on stderr."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield said
    assert {Path(each.filename) for each in caught} <= {Path(__file__)}
    assert all(isinstance(each.message, resolver_diff.ResolverDiffWarning) for each in caught)
    said += [str(each.message) for each in caught]
    assert capsys.readouterr() == ("", "")


def test_there_are_ten_functions() -> None:
    """Each is a command of that name, but two whose name is a stage's; `observations` has no command."""
    assert len(FUNCTIONS) == 10
    assert {COMMANDS.get(name, name) for name in FUNCTIONS} - {"observations"} <= {*family.names(commands)}


@pytest.mark.parametrize("name", sorted({*FUNCTIONS} - {"observations"}))
def test_parameters_are_the_options(name: str) -> None:
    """A parameter means what the option of that name means; *progress* alone is for programs only."""
    command = family.member(commands, COMMANDS.get(name, name), "command", type(lambda: None))
    given = {*inspect.signature(getattr(resolver_diff, name)).parameters}
    assert given - {"progress"} <= {*inspect.signature(command).parameters}


@pytest.mark.usefixtures("standing")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_of_each_runs(name: str) -> None:
    """What is shown in a docstring is what comes."""
    (examples,) = doctest.DocTestFinder(recurse=False).find(getattr(resolver_diff, name), name)
    assert examples.examples
    result = doctest.DocTestRunner().run(examples)
    assert not result.failed


@pytest.mark.usefixtures("standing")
def test_anomalies_are_those_of_the_command() -> None:
    """One date judged: the CSV of the command, row by row; and every frame has the columns of its table."""
    found = resolver_diff.anomalies(date(2026, 2, 11), snapshots=Path(SNAPSHOTS))
    rows = found.anomalies.sort(ORDER, nulls_last=False, maintain_order=True)
    assert as_lines(rows, header=True) == typed("anomalies", "2026-02-11", "--csv", "-")
    assert found.anomalies.height
    for frame, table in _tables(found):
        assert dict(frame.schema) == table.schema


def _tables(found: resolver_diff.Findings) -> list[tuple[pl.DataFrame, type[Table]]]:
    return [
        (found.anomalies, Anomalies),
        (found.events, Events),
        (found.cells, ours.Cells),
        (found.health, Health),
        (found.coverage, Coverage),
    ]


def test_cells_are_declared_as_they_are_judged() -> None:
    """The table that explains the columns of cells has just those that the judgement gives."""
    assert ours.Cells.schema == CELLS


@pytest.mark.usefixtures("standing")
def test_differences_are_those_of_the_command() -> None:
    """Two dates compared: the CSV of the command, row by row, and who entered and left."""
    found = resolver_diff.differences("2026-02-11", "2026-02-12", snapshots=SNAPSHOTS)
    rows = found.anomalies.sort(ORDER, nulls_last=False, maintain_order=True)
    assert as_lines(rows, header=True) == typed("diff", "2026-02-11", "2026-02-12", "--csv", "-")
    assert {*found.cells["date"]} == {date(2026, 2, 11), date(2026, 2, 12)}
    assert found.entered == found.left == {"lab": ()}


@pytest.mark.usefixtures("standing")
def test_changes_are_those_of_the_command() -> None:
    """What changed unjudged: the CSV of the command, row by row."""
    found = resolver_diff.changes("2026-02-10", "2026-02-11", snapshots=SNAPSHOTS, domains="whatsapp")
    assert as_lines(found, header=True) == typed(
        "changes", "2026-02-10", "2026-02-11", "--domains", "whatsapp", "--csv", "-"
    )
    assert dict(found.schema) == ours.Changed.schema


@pytest.mark.usefixtures("standing")
def test_events_are_those_of_the_command() -> None:
    """All dates: the CSV of the command, row by row, and each event of it once."""
    happened = resolver_diff.events(snapshots=SNAPSHOTS)
    lists = [name for name, dtype in happened.spells.schema.items() if dtype == pl.List]
    lines = as_lines(happened.spells.with_columns(pl.col(lists).list.join(" ")), header=True)
    assert lines == typed("events", "--csv", "-")
    assert {*happened.events["event"]} == {*happened.spells["event"]} == {*happened.extents["event"]}
    assert dict(happened.events.schema) == Courses.schema
    assert dict(happened.spells.schema) == Spells.schema


@pytest.mark.usefixtures("standing")
def test_judge_says_what_the_command_says() -> None:
    """A published rule on one date, and on all."""
    flagged = resolver_diff.judge("naive", "2026-02-11", snapshots=SNAPSHOTS)
    assert as_lines(flagged, header=True) == typed("judge", "2026-02-11", "--rules", "naive", "--csv", "-")
    everywhere = resolver_diff.judge("naive", None, snapshots=SNAPSHOTS)
    assert as_lines(everywhere, header=True) == typed("judge", "--rules", "naive", "--csv", "-")
    assert dict(flagged.schema) == ours.Flagged.schema


@pytest.mark.usefixtures("standing")
def test_history_says_what_the_command_says() -> None:
    """Each run of dates on the page of `history` is in the cells: resolver, first date, state."""
    life = resolver_diff.history("WhatsApp.com.", qtypes="a", snapshots=SNAPSHOTS)
    assert dict(life.schema) == ours.Cells.schema
    assert {*life["qname"]} == {"whatsapp.com"}
    assert {*life["qtype"]} == {"A"}
    cells = {(row[0], row[1]): str(row[2]) for row in life.select("resolver", "date", "state").iter_rows()}
    shown = 0
    for words in map(str.split, typed("history", "whatsapp.com", "--qtype", "A").splitlines()):
        if len(words) > 6 and words[0] in life["resolver"] and words[2].startswith("2026-"):
            shown += 1
            assert cells[words[0], date.fromisoformat(words[2])] == words[5]
    assert shown > 20


@pytest.mark.usefixtures("standing")
def test_explain_says_what_the_command_says() -> None:
    """The sentence, the evidence with its words, and the weights are those of the page."""
    cell = resolver_diff.explain("whatsapp.com", "nsdi-a", "2026-02-12", qtypes="A", snapshots=SNAPSHOTS)
    page = " ".join(typed("explain", "whatsapp.com", "nsdi-a", "--date", "2026-02-12", "--qtype", "A").split())
    assert len(cell.says) == 1
    assert cell.says[0] in page
    applied = cell.evidence.filter(applied=True)
    assert applied.height
    for name, says in applied.select("evidence", "says").iter_rows():
        assert f"{name}: {says}" in page
    weight = cell.dates["weight"].to_list()[-1]
    assert f" {weight:.1f} " in page
    assert {*cell.controls["role"]} == {"control"}
    assert cell.controls["operator"].n_unique() == cell.cells["controls_asked"].to_list()[-1]
    assert cell.replies["outcome"].to_list() == ["nxdomain", "nxdomain"]
    assert {*cell.spells["country"]} == {"RU"}


@pytest.mark.usefixtures("standing")
def test_observations_are_what_the_files_hold() -> None:
    """Each row of a target is in a file; rows of control questions, which every file has, are there once."""
    said = resolver_diff.observations("2026-02-11", snapshots=SNAPSHOTS)
    files = pl.scan_parquet(f"{SNAPSHOTS}/date=2026-02-11/**/[!_]*.parquet").filter(purpose=Purpose.TARGET)
    assert said.filter(purpose=Purpose.TARGET).height == files.select(pl.len()).collect().item()
    own = said.filter(purpose=Purpose.CONTROL)
    assert own.height == own.unique().height > 0
    assert own["domain_set"].null_count() == own.height
    assert said.columns == ["date", "vantage", "domain_set", *(each for each in Observations.schema if each != "wire")]
    everything = resolver_diff.observations(None, snapshots=SNAPSHOTS, domains="whatsapp")
    assert everything["date"].n_unique() == len([*Path(SNAPSHOTS).glob("date=*")])
    assert {*everything["domain_set"].drop_nulls()} == {"whatsapp"}


@pytest.mark.usefixtures("standing")
def test_check_says_what_the_command_says() -> None:
    """Who would be asked how much is what the page has."""
    asked = resolver_diff.check("my-resolvers.yaml", ["my-names.txt"], repeat=3)
    words = ["check", "--resolvers", "my-resolvers.yaml", "--domains", "my-names.txt", "--repeat", "3"]
    page = CliRunner().invoke(application(Manner()), words).stdout
    for resolver, questions in asked.select("resolver", "questions").iter_rows():
        assert any(line.split()[0] == resolver and str(questions) in line.split() for line in page.splitlines() if line)
    assert dict(asked.schema) == ours.Costs.schema


def test_a_snapshot_is_taken_where_a_loop_runs_already(standing: Path) -> None:
    """In a notebook an event loop runs; the call waits all the same, and the snapshot is there."""

    async def cell() -> resolver_diff.Taken:
        return resolver_diff.take_snapshot("my-resolvers.yaml", "my-names.txt", vantage="home", qtypes="A")

    taken = asyncio.run(cell())
    assert [file.name for file in taken.files] == ["my-names.parquet"]
    said = resolver_diff.observations("today").filter(purpose="target")
    assert sorted(said.select("resolver", "qname").unique().rows()) == sorted(
        (resolver, name)
        for resolver in ("quad9", "google", "nsdi-a")
        for name in ("example.com", "whatsapp.com", "youtube.com")
    )


def test_an_interrupt_in_a_notebook_lets_the_run_put_away_what_it_has() -> None:
    """Work in a thread of its own is cancelled, ends in order, and the interrupt is raised then."""
    left: list[str] = []

    async def work() -> None:
        main = threading.main_thread().ident
        assert main is not None
        threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT)).start()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            left.append("put away")
            raise

    async def cell() -> None:
        with pytest.raises(KeyboardInterrupt):
            finished(work())

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # as a notebook's kernel has it
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(cell())
    finally:
        loop.close()
        signal.signal(signal.SIGINT, before)
    assert left == ["put away"]


@pytest.mark.usefixtures("standing")
def test_a_damaged_file_is_a_warning_where_it_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed; the warning names the file and stands at the caller's line, also from another thread."""
    next(Path(SNAPSHOTS).glob("date=2026-02-10/**/whatsapp.parquet")).write_bytes(b"nothing")
    with warned(capsys) as said:
        resolver_diff.differences("2026-02-10", "2026-02-11", snapshots=SNAPSHOTS)
    assert len(said) == 1
    assert "damaged snapshot file" in said[0]
    assert "date=2026-02-10/vantage=lab/whatsapp.parquet" in said[0]


@pytest.mark.usefixtures("standing")
def test_a_latest_date_of_long_ago_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks for the latest is told when that is not today."""
    with warned(capsys) as said:
        resolver_diff.observations(snapshots=SNAPSHOTS, domains="whatsapp")
    assert len(said) == 1
    assert said[0].startswith("the latest snapshot is not of today: 2026-08-22, ")


@pytest.mark.usefixtures("standing")
def test_doubts_about_a_config_are_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    """A config with one control can be asked, and judges nothing: that is said before it is."""
    Path("one.yaml").write_text("resolvers: [{name: alone, address: 127.0.0.1, operator: One, role: control}]\n")
    with warned(capsys) as said:
        resolver_diff.check("one.yaml", "my-names.txt")
    assert any(each.startswith("nothing can be judged with controls of 1 operator") for each in said)


@pytest.mark.usefixtures("standing")
def test_a_traceback_shows_every_mistake() -> None:
    """The places and hints that a command would print stand in the notes of the error."""
    Path("bad.yaml").write_text("resolvers:\n  - {name: x, address: 127.0.0.1, rol: control}\n")
    with pytest.raises(resolver_diff.ConfigError) as raised:
        resolver_diff.check("bad.yaml", "my-names.txt")
    assert raised.value.__notes__ == [raised.value.render()]
    assert "bad.yaml:2:" in raised.value.__notes__[0]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: resolver_diff.anomalies("2026-02-30"), resolver_diff.UsageError),
        (lambda: resolver_diff.anomalies("2026-01-01", snapshots=SNAPSHOTS), resolver_diff.SnapshotError),
        (lambda: resolver_diff.differences("2026-02-11", "2026-02-10", snapshots=SNAPSHOTS), resolver_diff.UsageError),
        (lambda: resolver_diff.history("nobody.example", snapshots=SNAPSHOTS), resolver_diff.UsageError),
        (lambda: resolver_diff.judge("nobody", snapshots=SNAPSHOTS), resolver_diff.UsageError),
        (lambda: resolver_diff.events(snapshots="nowhere"), resolver_diff.SnapshotError),
        (lambda: resolver_diff.observations(None, snapshots="nowhere"), resolver_diff.SnapshotError),
        (lambda: resolver_diff.take_snapshot("nowhere.yaml"), resolver_diff.ConfigError),
        (lambda: resolver_diff.take_snapshot(day=date(2999, 1, 1)), resolver_diff.UsageError),
    ],
)
@pytest.mark.usefixtures("standing")
def test_what_cannot_be_done_is_an_error_of_ours(call: Callable[[], object], error: type[Exception]) -> None:
    """The classes are those of errors.py, so that one except has them all."""
    with pytest.raises(error):
        call()
    assert issubclass(error, resolver_diff.ResolverDiffError)


def test_nothing_is_loaded_before_it_is_used() -> None:
    """`import resolver_diff` is as quick as --help needs it; its names are there all the same, and load on use."""
    code = (
        "import sys, resolver_diff; before = set(sys.modules); "
        "assert set(resolver_diff.__all__) <= set(dir(resolver_diff)); "
        f"assert not before & {HEAVY!r}, before; "
        "resolver_diff.SnapshotError; assert 'polars' not in sys.modules; "
        "resolver_diff.anomalies; assert 'polars' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_not_there_is_an_attribute_error() -> None:
    """A name that is none fails as with any module, and does not load the library."""
    with pytest.raises(AttributeError, match="no attribute `anomalie`"):
        resolver_diff.anomalie  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("name", resolver_diff.__all__)
def test_every_name_is_documented(name: str) -> None:
    """What is offered says what it is, and every function has types throughout."""
    found: Any = getattr(resolver_diff, name)
    assert inspect.getdoc(found)
    if inspect.isfunction(found):
        signature = inspect.signature(found)
        assert signature.return_annotation is not inspect.Signature.empty
        assert all(each.annotation is not inspect.Parameter.empty for each in signature.parameters.values())


@pytest.mark.usefixtures("standing")
def test_types_are_seen_through_the_lazy_import() -> None:
    """A type checker knows what each function takes and returns, though nothing is loaded yet."""
    assert_type(resolver_diff.anomalies("2026-02-11", snapshots=SNAPSHOTS, domains="whatsapp").cells, pl.DataFrame)
    assert_type(resolver_diff.check("my-resolvers.yaml", "my-names.txt"), pl.DataFrame)
    assert_type(resolver_diff.ConfigError("x").problems, tuple[errors.Problem, ...])
    with pytest.raises(TypeError):
        resolver_diff.history(1, 2)  # type: ignore[arg-type, call-arg]
