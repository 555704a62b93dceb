"""Text made to deceive a terminal, a spreadsheet or a page comes through the commands as harmless text."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from misbehaviours import ODD
from misbehaviours._matrix import DAY, cases, take
from resolver_diff.__main__ import Manner, application

BEFORE = date(2026, 2, 10)
TEXTS = [
    case
    for case in cases()
    if case.name.startswith(("udp-ede-", "udp-nsid-", "udp-label-", "udp-txt-", "udp-injected-"))
    or case.name
    in {
        "udp-addresses-4000",
        "udp-injected",
        "udp-cname-circle",
        "udp-alias-root",
        "udp-extended-rcode",
        "udp-ttl-negative",
        "tcp-ede-ansi",
    }
]
NAMES = [case.name for case in TEXTS]
TRICKS = (
    *("ansi", "bidi", "binary", "c1", "comma", "cname", "formula", "html", "json", "latin"),
    *("lines", "long", "newline", "nul", "space", "4000"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a day when all were honest, and one when none was."""
    folder = tmp_path_factory.mktemp("texts") / "snapshots"
    take(folder, TEXTS, day=BEFORE, honestly=True)
    take(folder, TEXTS, day=DAY)
    return folder


def said(*words: str, exit_code: int = 0) -> str:
    """Type a command and return what is on stdout."""
    done = CliRunner().invoke(application(Manner()), list(words))
    assert done.exit_code == exit_code, done.stderr
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.stdout


def unprintable(text: str) -> set[str]:
    """Return the characters of *text* that are no part of a line."""
    return {char for line in re.split("\r?\n", text) for char in line if not char.isprintable()}


def asked(snapshots: Path, *words: str) -> Iterator[str]:
    """Yield the words of a command about *snapshots*."""
    yield from (*words, "--snapshots", str(snapshots))


def test_the_snapshot_has_what_was_meant(snapshots: Path) -> None:
    """The texts are there to be shown: escapes, formulas and HTML, none of it as octets that a terminal obeys."""
    (file,) = (snapshots / f"date={DAY}").rglob("*.parquet")
    frame = pl.read_parquet(file)
    text = "\n".join(
        value for name in ("answer", "cname", "ede_text", "nsid", "soa") for value in frame[name].drop_nulls()
    )
    for meant in ("\\x1b[31m", "\\027[2J", "=cmd|'/c", "<script>", "\\xe2\\x80\\xae", "0x1b5b324a", "@SUM(1)"):
        assert meant in text
    assert unprintable(text) == set()


@pytest.mark.parametrize(
    "command", [("diff", str(BEFORE), str(DAY)), ("anomalies", str(DAY))], ids=lambda words: words[0]
)
def test_pages_have_only_what_can_be_printed(command: tuple[str, ...], snapshots: Path) -> None:
    """The page about a day full of hostile text has no control character, and names the resolvers."""
    page = said(*asked(snapshots, *command))
    assert unprintable(page) == set()
    assert "udp-injected-txt-ansi" in page


@pytest.mark.parametrize(
    "command", [("diff", str(BEFORE), str(DAY)), ("anomalies", str(DAY))], ids=lambda words: words[0]
)
def test_a_cell_of_the_csv_is_no_formula(command: tuple[str, ...], snapshots: Path) -> None:
    """No cell begins as a formula does, none has a control character, and each anomaly is one record."""
    text = said(*asked(snapshots, *command, "--csv", "-"))
    records = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {name for name in NAMES if name.startswith("udp-injected-f")} <= {record["resolver"] for record in records}
    assert text.count("\n") == len(records) + 1
    cells = [cell for record in records for cell in record.values()]
    assert [cell for cell in cells if cell.startswith(FORMULA)] == []
    assert unprintable("".join(cells)) == set()


@pytest.mark.parametrize(
    "command", [("diff", str(BEFORE), str(DAY)), ("anomalies", str(DAY))], ids=lambda words: words[0]
)
def test_the_json_is_json(command: tuple[str, ...], snapshots: Path) -> None:
    """Hostile text can be read back from the JSON, which itself has no control character."""
    text = said(*asked(snapshots, *command, "--json", "-"))
    assert unprintable(text) == set()
    answers = {row["resolver"]: row["answer_after"] for row in json.loads(text)["anomalies"]}
    assert answers["udp-injected-txt-ansi"] == '"\\027[2J\\027]0;x"'
    assert answers["udp-injected-formula"] == "=cmd|'/c\\032calc'!a1.example."


@pytest.mark.parametrize("name", [name for name in NAMES if any(trick in name for trick in TRICKS)])
def test_explain_shows_hostile_text_as_text(name: str, snapshots: Path) -> None:
    """The witnesses of a hostile answer can be shown on a terminal."""
    page = said(*asked(snapshots, "explain", ODD, name, "--date", str(DAY)))
    assert unprintable(page) == set()
    assert f"at {name} (" in page


def test_history_has_only_what_can_be_printed(snapshots: Path) -> None:
    """So has the history of the name."""
    page = said(*asked(snapshots, "history", ODD))
    assert unprintable(page) == set()
    assert "udp-injected" in page
