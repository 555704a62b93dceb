"""What README and ARCHITECTURE promise is there, and what is there they tell."""

import importlib
import os
import re
import signal
import subprocess
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
import typer

import resolver_diff
from resolver_diff import commands, config, evidence, family
from resolver_diff.__main__ import INTERNAL, PIPE_CLOSED, STOPPED, Manner, application
from resolver_diff.config.model import Entry
from resolver_diff.errors import ExitStatus
from resolver_diff.tables import Anomalies, Change, Observations, Origins, State

ROOT = Path(__file__).parents[1]
PACKAGE = Path(resolver_diff.__file__).parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PAGES = sorted(ROOT.glob("*.md"))
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
TYPED = re.compile(r"^\$ (?:resolver-diff|python3 dev\.py run) (.+)$", re.MULTILINE)


@pytest.mark.parametrize("name", family.names(commands))
def test_readme_has_every_command(name: str) -> None:
    """A person who reads only the README knows every command."""
    assert f"resolver-diff {name}" in README


@pytest.mark.parametrize("line", TYPED.findall(README))
def test_readme_shows_commands_that_exist(line: str) -> None:
    """Every command line in the README has a command and options that exist."""
    program = typer.main.get_command(application(Manner()))
    name, *words = line.partition("  #")[0].split()
    known = {option for parameter in program.commands[name].params for option in parameter.opts}  # type: ignore[attr-defined]
    assert {word for word in words if word.startswith("--")} <= known


def test_readme_has_every_exit_status() -> None:
    """The exit statuses, which scripts rely on, are in a table."""
    signals = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    for status in (*map(int, ExitStatus), INTERNAL, PIPE_CLOSED, *(STOPPED + number for number in signals)):
        assert re.search(rf"^\| [\d, ]*\b{status}\b[\d, ]* \|", README, re.MULTILINE)


@pytest.mark.parametrize("word", [*State, *Change], ids=str)
def test_readme_explains_every_verdict(word: str) -> None:
    """What a verdict means, and what not, is said before somebody relies on it."""
    assert f"`{word}`" in README


@pytest.mark.parametrize("name", list(Anomalies.schema))
def test_readme_has_every_column_of_the_csv(name: str) -> None:
    """Whoever reads the CSV with a program finds its columns in the README."""
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", family.names(evidence))
def test_architecture_has_every_evidence(name: str) -> None:
    """Every piece of evidence is listed where the judgement is explained, with the first line of its docstring."""
    claim = (importlib.import_module(f"{evidence.__name__}.{name}").__doc__ or "").splitlines()[0]
    assert re.search(rf"^\| `{name}` \|.*\| {re.escape(claim)} \|$", ARCHITECTURE, re.MULTILINE)


def mapped() -> set[str]:
    """Return the files in ARCHITECTURE's map; four spaces are one folder deeper, a folder ends with a slash."""
    (block,) = re.findall(r"^```\n(resolver_diff/\n.*?)^```", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    folders: list[str] = []
    files = set()
    for line in block.splitlines():
        name = line.split()[0]
        folders[(len(line) - len(line.lstrip())) // 4 :] = [name] if name.endswith("/") else []
        if not name.endswith("/"):
            files.add("".join([*folders, name]))
    return files


def test_architecture_maps_every_file() -> None:
    """The map has every file of the package, and no other; evidence has a table of its own."""
    files = {path.relative_to(ROOT) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}
    assert mapped() == {str(path) for path in files if path.parent.name != "evidence" or path.name.startswith("_")}


@pytest.fixture
def snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a folder where a snapshot of one row lies, and a side file beside it."""
    row = {"qname": "whatsapp.com", "purpose": "target", "resolver": "nsdi-a", "outcome": "nxdomain"}
    folder = tmp_path / "snapshots" / "date=2026-02-11" / "vantage=home"
    folder.mkdir(parents=True)
    Observations.of(pl.DataFrame([row])).frame.write_parquet(folder / "whatsapp.parquet")
    Origins.of(pl.DataFrame({"address": ["192.0.2.1"]})).frame.write_parquet(folder / "_origins.parquet")
    monkeypatch.chdir(tmp_path)


def test_readme_resolvers_can_be_asked(tmp_path: Path) -> None:
    """Each resolvers.yaml in the README is whole: it is read without a word of doubt. Every key there is, is named."""
    first, second = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (tmp_path / "mine.yaml").write_text(first)
    own = config.load(tmp_path / "mine.yaml", [])
    assert (len(own.resolvers), [len(each.qnames) for each in own.domain_sets], own.warnings) == (5, [3], ())
    (tmp_path / "mine.yaml").write_text(second)
    read = config.load(tmp_path / "mine.yaml", [ROOT / "domains" / "whatsapp.txt"])
    assert len({each.operator for each in read.resolvers if each.role == "control"}) == 2
    assert not read.warnings
    assert not [key for key in Entry.model_fields if f"`{key}`" not in README]


def test_readme_crontab_line_is_a_command_for_every_day(tmp_path: Path) -> None:
    """The line for cron runs `daily` where the snapshots are; what it says is mailed, its talk goes to a file."""
    (line,) = re.findall(r"^```crontab\n(?:\S+ ){5} *(.*)\n```", README, re.MULTILINE)
    assert "%" not in line  # cron would take it for the end of the line
    programs = tmp_path / ".local" / "bin"
    programs.mkdir(parents=True)
    (tmp_path / "dns").mkdir()
    program = programs / "resolver-diff"
    program.write_text('#!/bin/sh\necho "$PWD $*"\necho talk >&2\n')
    program.chmod(0o755)
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    ran = subprocess.run(["/bin/sh", "-c", line], check=True, env=environment, capture_output=True, text=True)
    assert ran.stdout.split()[:2] == [f"{tmp_path}/dns", "daily"]
    assert ran.stderr == ""
    assert (tmp_path / "dns/daily.log").read_text() == "talk\n"


@pytest.mark.usefixtures("snapshots")
def test_readme_query_works_in_duckdb() -> None:
    """The SQL in the README reads the snapshots as they lie."""
    (query,) = re.findall(r"^```sql\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    found = duckdb.sql(query)
    assert found is not None
    assert found.fetchall() == [(date(2026, 2, 11), "nsdi-a", "nxdomain", 1)]


@pytest.mark.usefixtures("snapshots")
def test_readme_query_works_in_polars(capsys: pytest.CaptureFixture[str]) -> None:
    """The polars lines in the README read the snapshots as they lie."""
    (lines,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    exec(lines, {})
    assert "nxdomain" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file of this project leads to a file that is there."""
    missing = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (ROOT / link).exists()]
    assert not missing
