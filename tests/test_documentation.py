"""The documentation: it is built without a warning, forgets nothing that the code has, and what it shows is so."""

import ast
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from html import unescape
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typer
from typer.testing import CliRunner

import resolver_diff
from reference import WORDS, every_table, meanings
from rehearsed import rehearsal, resolvers, standing
from resolver_diff import commands, config, evidence, family, rules
from resolver_diff.__main__ import INTERNAL, PIPE_CLOSED, STOPPED, Manner, application
from resolver_diff.config.model import schema
from resolver_diff.errors import ExitStatus
from resolver_diff.metrics.declared import METRICS

__all__ = ["rehearsal", "standing"]  # fixtures

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAM = typer.main.get_command(application(Manner()))
LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src", "use": "href"}
PLAYED = ("index.md", "tutorial.md")  # whose commands are typed, and whose outputs are compared


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built as it is published: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def words(page: Path) -> str:
    """Return what a person reads on a page, a space between, without its heads and menus."""
    (article,) = re.findall(r"<article.*?</article>", page.read_text(encoding="utf-8"), re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", "", article)).split())


def section(page: Path, name: str) -> str:
    """Return what stands below the heading of that anchor, up to the next heading of its level."""
    text = page.read_text(encoding="utf-8")
    found = re.search(rf'<h2 id="{re.escape(name)}">.*?(?=<h2|</article>)', text, re.DOTALL)
    assert found, f"{page.name} has no section {name}"
    return " ".join(unescape(re.sub(r"<[^>]+>", "", found.group())).split())


def blocks(page: str, kind: str) -> list[str]:
    """Return the blocks of code of that kind on a page of docs/."""
    return [text for language, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")) if language == kind]


@pytest.mark.parametrize("name", family.names(commands))
def test_every_command_has_its_options_and_examples(built: Path, name: str) -> None:
    """Whoever adds a command or an option finds it in the reference without doing more."""
    said = section(built / "reference" / "commands.html", name)
    command = PROGRAM.commands[name]  # type: ignore[attr-defined]
    for parameter in command.params:
        for typed in parameter.opts if parameter.param_type_name == "option" else [parameter.metavar]:
            assert typed in said
        assert " ".join(parameter.help.replace("`", "").split()) in said
    assert f"$ resolver-diff {name}" in said


def test_every_exit_status_is_there(built: Path) -> None:
    """The statuses that scripts rely on stand in a table, each with its meaning."""
    page = (built / "reference" / "statuses.html").read_text(encoding="utf-8")
    rows = dict(re.findall(r"<tr>\s*<td>(\d+)</td>.*?<td>([^<]+)", page, re.DOTALL))
    stopped = {STOPPED + number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    assert {*map(int, rows)} == {*map(int, ExitStatus), INTERNAL, PIPE_CLOSED, *stopped}
    assert all(meaning.strip() for meaning in rows.values())


@pytest.mark.parametrize("table", every_table(), ids=lambda table: table.__name__)
def test_every_column_is_there(built: Path, table: Any) -> None:
    """Every table has its columns, in their order, with their meaning."""
    said = section(built / "reference" / "tables.html", table.__name__)
    place = 0
    for column in table.columns:
        place = said.index(f" {column.name} ", place)
        assert " ".join(column.meaning.replace("`", "").split()) in said[place:]


@pytest.mark.parametrize("name", family.names(evidence))
def test_every_piece_of_evidence_is_there(built: Path, name: str) -> None:
    """Claim, reason, and when it is wrong: the whole docstring."""
    said = section(built / "reference" / "evidence.html", name)
    text = ast.get_docstring(ast.parse(Path(evidence.__path__[0], f"{name}.py").read_text(encoding="utf-8"))) or ""
    assert "Wrong " in said
    assert " ".join(text.replace("`", "").replace("*", "").split())[:200] in said.replace("*", "")


@pytest.mark.parametrize("name", family.names(rules))
def test_every_published_rule_is_there(built: Path, name: str) -> None:
    """Each has its source, its steps and its weakness."""
    said = section(built / "reference" / "rules.html", name)
    assert "Source: " in said
    assert "Weak" in said


@pytest.mark.parametrize(("title", "kind"), [(title, kind) for title, kind, _ in WORDS], ids=str)
def test_every_word_of_the_data_is_there(built: Path, title: str, kind: Any) -> None:
    """Every state, mechanism, condition and so on stands there with a meaning; none is left without."""
    said = section(built / "reference" / "words.html", title.lower())
    meant = meanings(kind)
    for one in kind:
        assert meant[one.name], f"{one!r} has no comment that says what it means"
        assert f" {one.value} " in said


def test_every_key_of_resolvers_yaml_is_there(built: Path) -> None:
    """Every key that the schema knows, where it belongs."""
    found = schema()
    for name, part in found["$defs"].items():
        said = section(built / "reference" / "resolvers-yaml.html", name)
        for key, about in part.get("properties", {}).items():
            assert f" {key} " in said
            assert " ".join(about.get("description", "").replace("`", "").split()) in said
    assert {*found["properties"]} <= {*words(built / "reference" / "resolvers-yaml.html").split()}


def test_every_function_and_metric_is_there(built: Path) -> None:
    """What `import resolver_diff` has, and what Prometheus is told."""
    library = (built / "reference" / "library.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in library for name in resolver_diff.__all__)
    metrics = words(built / "how-to" / "metrics.html")
    assert all(f"resolver_diff_{name} " in metrics for name in METRICS)


class Loads(HTMLParser):
    """What a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address, where the element has one that is loaded."""
        given = dict(attrs)
        if tag in LOADS and given.get("rel") not in ("canonical", "next", "prev"):
            self.found.append(given.get(LOADS[tag]) or "")


def test_no_page_loads_anything_from_elsewhere(built: Path) -> None:
    """No font, script, style or picture comes from another host: who reads tells nobody."""
    for page in built.rglob("*.html"):
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert loads.found
        assert not [address for address in loads.found if re.match(r"(\w+:)?//", address)], page
    for style in built.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(\w+:)?//", style.read_text(encoding="utf-8")), style


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_commands_that_are_shown_exist(page: Path) -> None:
    """Every command line has a command and options that exist."""
    for block in blocks(str(page.relative_to(DOCS)), "console"):
        for line in re.findall(r"^\$ (?:\w+=\S+ )*resolver-diff (.+)$", block, re.MULTILINE):
            name, *typed = line.partition("  #")[0].split()
            known = {option for each in PROGRAM.commands[name].params for option in each.opts}  # type: ignore[attr-defined]
            assert {word for word in typed if word.startswith("--")} <= known, line


def alike(shown: str, came: str) -> bool:
    """Say whether what *came* is what was *shown*, whatever stands for its ``...``, and however lines are broken.

    How many cells could not be judged is another number each time, as one of the lab's resolvers is lossy.
    """
    parts = [re.escape(" ".join(part.split())) for part in shown.split("...")]
    parts = [re.sub(r"\d+(?=\\ could\\ not\\ be)", r"\\d+", part) for part in parts]
    return re.fullmatch(r".*?".join(rf"\s*{part}\s*" for part in parts), " ".join(came.split()), re.DOTALL) is not None


def typed(page: str) -> Iterator[tuple[list[str], str]]:
    """Yield the commands of a page in their order, as words, each with the output shown."""
    for block in blocks(page, "console"):
        for line, shown in re.findall(r"^\$ resolver-diff (.+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            yield line.split(), shown


@pytest.mark.parametrize("page", PLAYED)
def test_what_the_tutorial_shows_is_what_comes(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands are typed one after the other, as by a new user, and say what is shown."""
    monkeypatch.chdir(tmp_path)
    played = 0
    with resolvers(tmp_path):
        for line, shown in typed(page):
            said = CliRunner().invoke(application(Manner()), line)
            assert said.exit_code == 0, said.stderr
            assert not shown or alike(shown, said.stdout), f"{line}\n{said.stdout}"
            played += bool(shown)
    assert played > 0
    assert page != "tutorial.md" or (tmp_path / "whatsapp.html").exists()


@pytest.mark.usefixtures("standing")
def test_the_notebook_runs_from_top_to_bottom() -> None:
    """Each block is run as a cell, and shows what is printed below it: what it prints, then what it ends with."""
    found = BLOCK.findall((DOCS / "how-to" / "notebook.md").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    compared = 0
    for (language, code), (below, shown) in zip(found, [*found[1:], ("", "")], strict=True):
        if language != "python":
            continue
        came = _run(code, names)
        if below == "text":
            assert alike(shown, came), f"{code}\n{came}"
            compared += 1
        else:
            assert came == ""
    assert compared > 10


def _run(code: str, names: dict[str, Any]) -> str:
    """Run one cell of a notebook, and return what it shows."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed = StringIO()
    with redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if isinstance(last, ast.Expr) else None
    return printed.getvalue() + ("" if value is None else f"{value!r}\n")


@pytest.mark.usefixtures("standing")
@pytest.mark.parametrize("query", [query for page in PAGES for query in blocks(str(page.relative_to(DOCS)), "sql")])
def test_queries_read_the_snapshots_as_they_lie(query: str) -> None:
    """The SQL that is shown finds something in the rehearsal."""
    found = duckdb.sql(query)
    assert found is not None
    assert found.fetchall()


@pytest.mark.usefixtures("standing")
def test_polars_reads_the_snapshots_as_they_lie() -> None:
    """The lines for polars beside the SQL find the denials at the register."""
    (code,) = blocks("how-to/duckdb.md", "python")
    assert "nsdi-a" in _run(code, {})


@pytest.mark.parametrize("page", ["tutorial.md", "how-to/transports.md"])
def test_every_config_that_is_shown_can_be_asked(page: str, tmp_path: Path) -> None:
    """A resolvers.yaml on a page is whole: it is read without a word of doubt."""
    for text in blocks(page, "yaml"):
        (tmp_path / "shown.yaml").write_text(text)
        read = config.load(tmp_path / "shown.yaml", [ROOT / "domains" / "whatsapp.txt"])
        assert len({each.operator for each in read.resolvers if each.role == "control"}) >= 2
        assert not read.warnings


def test_the_crontab_line_is_the_one_of_the_readme() -> None:
    """There is one line for cron, which a test of the README types."""
    assert BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8")) is not None
    (line,) = blocks("how-to/daily.md", "crontab")
    assert line in (ROOT / "README.md").read_text(encoding="utf-8")
