"""What the page says before any browser shows it: its words, its events, its cells, its matrix, its policy."""

import json
import re
import subprocess
import sys
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import date
from functools import cache
from hashlib import sha256
from html import unescape
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from pages import BOTH, DAYS, FIRST, LAST, ONE, file_away, known, made, report, told
from resolver_diff.commands import _paging
from resolver_diff.commands._loading import Source
from resolver_diff.page import BROWSER, cards, render, summary
from resolver_diff.page.matrix import LETTERS
from resolver_diff.page.packed import columns
from resolver_diff.page.sight import View
from resolver_diff.page.vendored import HERE, vendored

MOST = 3_000_000  # octets of a page of 60 resolvers and 2,000 names
BENCHMARKS = Path(__file__).parent / "benchmarks"


@cache
def seen() -> View:
    """Return what the page of the made-up dates shows."""
    with TemporaryDirectory() as folder:
        return _paging.view(Source(file_away(Path(folder) / "snapshots", told(DAYS))), LAST, None, known())


@cache
def drawn() -> str:
    """Return that page."""
    return render(seen())


def document(text: str) -> dict[str, Any]:
    """Return the data in a page."""
    (data,) = re.findall(r'id="data">([^<]*)<', text)
    found: dict[str, Any] = json.loads(zlib.decompress(b64decode(data)))
    return found


def rows(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return packed columns as rows, as the script reads them."""

    def value(column: dict[str, Any], row: int) -> object:
        if "values" in column:
            return column["values"][row]
        code = column["codes"][row]
        return None if code is None else (column.get("texts") or column["lists"])[code]

    return [{name: value(each, row) for name, each in given["columns"].items()} for row in range(given["rows"])]


def listed(text: str) -> list[dict[str, Any]]:
    """Return the cells that a page lists, of its first vantage."""
    return rows(document(text)["sights"][0]["cells"])


def test_says_what_happened(tmp_path: Path) -> None:
    """One paragraph: who was asked what, the events, what else differs, what could not be judged, who was ill."""
    file = tmp_path / "page.html"
    file.write_text(drawn(), encoding="utf-8")
    assert summary.read(file).says == (
        "On 9 February 2026, 34 names were asked of 13 resolvers from home; this page looks at the 14 dates since "
        "27 January 2026. No new event; 1 going on and 1 over before. one.example and 1 more name are lost at 3 of 3 "
        "resolvers in RU since 8 February 2026: NXDOMAIN. Since 8 February 2026, 4 cells changed; 12 cells are wrong "
        "today. 2 groups of what differs are not told from chance. The first: three.example vanished at isp-in between "
        "8 and 9 February 2026: NODATA; 5 of 5 controls still answer. 68 of 884 cells could not be judged, most "
        "of them because: the resolver was silent or ill. Not well: isp-br (silent)."
    )
    assert [event.event for event in summary.read(file).events] == [card["event"] for card in cards.courses(seen())]


def test_summary_stands_near_the_top() -> None:
    """An index finds the summary without reading the page, whatever else stands in it."""
    assert drawn().index(summary.BEGINS) < summary.NEAR


def test_events_stand_by_what_is_new() -> None:
    """An event is new on the date on which it was told, then goes on, and at last is over; each card says how it is."""
    with TemporaryDirectory() as folder:
        source = Source(file_away(Path(folder) / "snapshots", told(DAYS)))
        days = [date(2026, 2, 1), date(2026, 2, 8), LAST]
        views = [_paging.view(source, day, None, known()) for day in days]
    stand = [
        [(card["names"][0]["name"], card["status"], card["quiet"]) for card in cards.courses(view)] for view in views
    ]
    assert stand[0] == [("old.example", cards.ON, True)]
    assert stand[1] == [("one.example", cards.NEW, False), ("old.example", cards.OVER, False)]
    assert stand[2] == [("one.example", cards.ON, False), ("old.example", cards.OVER, False)]


def test_what_is_not_told_from_chance_stands_apart() -> None:
    """What differs and belongs to no event is listed beside them; what belongs to one is not told twice."""
    (sight,) = seen().sights
    assert [card["says"] for card in cards.untold(sight)] == [
        "three.example vanished at isp-in between 8 and 9 February 2026: NODATA; 5 of 5 controls still answer.",
        (
            "three.example diverged at isp-in between 8 and 9 February 2026: an address that cannot be public; "
            "none of 5 controls says so."
        ),
    ]


def test_lists_what_is_wrong_or_changed() -> None:
    """Cells that changed come first, then those still wrong, each with its event; none of a silent resolver."""
    found = [(row["what"], row["qname"], row["qtype"], row["resolver"]) for row in listed(drawn())]
    changed = [("vanished", "one.example", qtype, "isp-ru") for qtype in ("A", "AAAA")]
    changed += [("diverged", "three.example", "A", "isp-in"), ("vanished", "three.example", "AAAA", "isp-in")]
    still = {
        ("still vanished", name, qtype, who) for name in BOTH for qtype in ("A", "AAAA") for who in ("nsdi-a", "nsdi-b")
    }
    assert sorted(found[:4]) == sorted(changed)
    assert set(found[4:]) == still
    (event,) = {row["event"] for row in listed(drawn()) if row["qname"] in BOTH}
    assert event == cards.courses(seen())[0]["event"]
    assert {row["event"] for row in listed(drawn()) if row["qname"] == "three.example"} == {None}


def test_first_date_has_nothing_before_it() -> None:
    """The page of a single date lists what is wrong, and says of nothing that it changed."""
    with TemporaryDirectory() as folder:
        text = made(file_away(Path(folder) / "snapshots", told([{"nsdi-a": ONE}]))).read_text(encoding="utf-8")
    assert {(row["what"], row["state_before"]) for row in listed(text)} == {("vanished", None)}
    assert "this page looks at this date only" in text
    assert "cells changed" not in text


def test_matrix_has_every_date() -> None:
    """Each date and name has a letter per resolver; names with nothing wrong are left out, controls stand last."""
    (sight,) = seen().sights
    matrix = sight.matrix
    names, entries = matrix.names["qname"].to_list(), matrix.entries["resolver"].to_list()
    assert names == ["old.example", "one.example", "three.example", "two.example"]
    assert matrix.asked == 34
    assert (matrix.dates[0], matrix.dates[-1]) == (FIRST, LAST)
    assert matrix.entries["role"].to_list()[-5:] == ["control"] * 5
    letters = list(LETTERS.values())
    shown = {
        (name, who): "".join(letters[matrix.codes[day, names.index(name), entries.index(who)]] for day in range(14))
        for name, who in (("old.example", "nsdi-a"), ("one.example", "isp-ru"), ("three.example", "isp-in"))
    }
    assert shown == {
        ("old.example", "nsdi-a"): "···NN·········",
        ("one.example", "isp-ru"): "·············N",
        ("three.example", "isp-in"): "·············A",
    }
    assert {letters[code] for code in matrix.codes[-1, :, entries.index("isp-br")]} == {"?"}


def test_later_dates_change_nothing(tmp_path: Path) -> None:
    """The page of a date is the same whether later ones are there or not: it looks at none of them."""
    days = told(DAYS)
    before = made(file_away(tmp_path / "then" / "snapshots", days[:-1]), date(2026, 2, 8)).read_bytes()
    assert made(file_away(tmp_path / "now" / "snapshots", days), date(2026, 2, 8)).read_bytes() == before


def test_looks_back_as_far_as_asked(tmp_path: Path) -> None:
    """--since says which dates are shown; what began before is still told with when it began."""
    folder = file_away(tmp_path / "snapshots", told(DAYS))
    text = made(folder, since=date(2026, 2, 7)).read_text(encoding="utf-8")
    assert document(text)["sights"][0]["dates"] == ["2026-02-07", "2026-02-08", "2026-02-09"]
    assert "old.example" not in text


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"a": ["x", None, "x", "\u202e"], "b": [1, 2, None, 4], "c": [[1, 2], None, [], [1, 2]]}),
        pl.DataFrame({"a": [None, None]}, schema={"a": pl.String}),
        pl.DataFrame({"t": [True, False, None], "f": [0.5, None, 1.5], "d": [date(2026, 2, 9), None, None]}),
    ],
    ids=["texts", "nothing", "numbers"],
)
def test_columns_come_back(frame: pl.DataFrame) -> None:
    """Texts, numbers, dates, lists and null are read back as they were; what is unprintable is written out."""
    told = rows(json.loads(json.dumps(columns(frame))))
    for made_of, wanted in zip(told, frame.to_dicts(), strict=True):
        for name, value in wanted.items():
            shown = str(value).replace("\u202e", "\\u202e") if isinstance(value, str | date) else value
            shown = [str(one) for one in shown] or None if isinstance(shown, list) else shown
            assert made_of[name] == shown


def policy(text: str) -> str:
    """Return the Content-Security-Policy of a page."""
    (found,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    return unescape(found)


def test_policy_allows_what_is_there_and_nothing_else() -> None:
    """Nothing may be loaded, and only the scripts and styles that the page carries may run: each by its hash."""
    rules = dict(rule.split(" ", 1) for rule in policy(drawn()).split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    assert set(rules) == {"default-src", "script-src", "style-src", "img-src", "base-uri", "form-action"}
    for kind, tag in (("script-src", "script"), ("style-src", "style")):
        inline = re.findall(rf"<{tag}>(.*?)</{tag}>", drawn(), re.DOTALL)
        packed = re.findall(r'data-library="([^"]*)">([^<]*)<', drawn())
        suffix = ".js" if tag == "script" else ".css"
        inline += [zlib.decompress(b64decode(text)).decode() for name, text in packed if name.endswith(suffix)]
        hashes = {f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in inline}
        assert set(rules[kind].split()) == hashes
        assert len(hashes) == {"script": 5, "style": 2}[tag]


def test_libraries_are_what_was_published() -> None:
    """Each library has the hash that is noted, its licence beside it, and is there unchanged in the page."""
    for each in vendored():
        assert sha256((HERE / each.file).read_bytes()).hexdigest() == each.sha256
        assert "Copyright" in each.terms
        assert each.sha256 in drawn()
    there = {Path(str(file)).name for file in HERE.iterdir()}
    licences = {f"{each.package.removesuffix('-tables')}.LICENSE" for each in vendored()}
    assert there == {"files.json", *licences, *(each.file for each in vendored())}


def palettes() -> Iterator[dict[str, str]]:
    """Yield the colors by name: the light ones, and both places of the dark ones."""
    text = (BROWSER / "page.css").read_text(encoding="utf-8").partition("@media print")[0]
    light: dict[str, str] = {}
    for block in re.findall(r":root[^{]*\{([^}]*)\}", text):
        found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        if found:
            light = light or found
            yield {**light, **found}


def linear(color: str) -> NDArray[np.float64]:
    """Return *color* as linear light."""
    parts = np.array([int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colors (WCAG 2.2)."""
    low, high = sorted(float(linear(each) @ [0.2126, 0.7152, 0.0722]) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


# how protanopes and deuteranopes see linear light (Machado, Oliveira, Fernandes 2009, severity 1)
SEEN_BY = {
    "all": np.eye(3),
    "protanopes": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranopes": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
}


def test_both_dark_palettes_are_one() -> None:
    """What the system's preference gives and what the button gives are the same colors."""
    light, by_system, by_button = palettes()
    assert by_system == by_button
    assert by_system != light


@pytest.mark.parametrize("palette", list(palettes())[:2], ids=["light", "dark"])
def test_states_are_told_apart(palette: dict[str, str]) -> None:
    """Every state stands out from the page, its letter from it, and no two look alike, to the color-blind either."""
    states = ("denial", "failure", "no-reply", "other-address", "injected", "policy")
    for state in states:
        edge = palette.get(f"edge-{state}", palette[state])
        assert contrast(edge, palette["paper"]) >= 3
        assert contrast(palette[state], palette[f"on-{state}"]) >= 4.5
    for text in ("ink", "faint", "link", "hot", "good"):
        assert contrast(palette[text], palette["paper"]) >= 4.5
        assert contrast(palette[text], palette["panel"]) >= 4.5
    for eyes in SEEN_BY.values():
        for one, other in combinations(states, 2):
            apart = np.clip(eyes @ linear(palette[one]), 0, 1) - np.clip(eyes @ linear(palette[other]), 0, 1)
            assert np.abs(apart).max() > 0.05, (one, other)


def test_a_large_day_is_small(tmp_path: Path) -> None:
    """60 resolvers x 2,000 names x A and AAAA, as tests/benchmarks/day.py makes them up, are less than 3 MB."""
    folder = tmp_path / "snapshots"
    for day in ("2026-02-10", "2026-02-11"):
        made_up = [sys.executable, str(BENCHMARKS / "day.py"), str(folder), day, "60", "2000"]
        subprocess.run(made_up, check=True, capture_output=True)
    file = made(folder, date(2026, 2, 11))
    assert summary.read(file).cells == 240_000
    assert summary.read(file).wrong > 1_000
    assert file.stat().st_size < MOST


def test_command_writes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`report` writes report-DATE.html and says so on stderr; `--output -` is the page on stdout, and nothing else."""
    monkeypatch.chdir(tmp_path)
    file_away(tmp_path / "snapshots", told(DAYS[-2:]))
    done = report("2026-02-09")
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "report-2026-02-09.html is the page of 2026-02-09" in done.stderr
    written = (tmp_path / "report-2026-02-09.html").read_text(encoding="utf-8")
    done = report("2026-02-09", "--output", "-")
    assert done.stdout == written
    assert done.stdout.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("2026-02-09", "--since", "2026-02-10"), "2026-02-10 is after 2026-02-09"),
        (("2026-03-01",), "no snapshot for 2026-03-01"),
        (("tomorrow",), "`tomorrow` is not a date"),
        (("2026-02-09", "--output", "no/such/folder.html"), "cannot write no/such/folder.html"),
        (("2026-02-09", "--vantage", "nowhere"), "no snapshots of vantage `nowhere`"),
    ],
)
def test_command_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    """What cannot be done is said in a line, with status 2, and no file is left."""
    monkeypatch.chdir(tmp_path)
    file_away(tmp_path / "snapshots", told(DAYS[-2:]))
    done = report(*words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "snapshots"]
