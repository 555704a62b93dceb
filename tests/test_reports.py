"""Reports: what they say about diffs made by hand and about every story, and what they never let through."""

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

import stories
from resolver_diff import family, reports
from resolver_diff.diff import CELLS, Diff
from resolver_diff.reports import Report
from resolver_diff.reports.csv import harmless
from resolver_diff.reports.text import describe
from resolver_diff.tables import Anomalies, Events, Health
from resolver_diff.wording import visible
from resolver_diff.wording.lines import plain

pytestmark = stories.ONE_PROCESS

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "UPDATE_GOLDEN"  # set it to rewrite what the reports are held to, then read the difference
REPORTS = family.members(reports, "REPORT", Report)
STORIES = sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))
BEFORE, AFTER = date(2026, 2, 10), date(2026, 2, 11)
HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "=cmd|' /C calc'!A0",
    "a\r\nb,c",
    "nul\0",
    "\u202egnp.exe",
    "\x9b31m",
    "\t=1",
    "\u2028",
]

ROW = {
    "date_before": BEFORE,
    "date_after": AFTER,
    "vantage": "home",
    "domain_set": "whatsapp",
    "qname": "whatsapp.com",
    "qtype": "A",
    "resolver": "nsdi-a",
    "operator": "MSK-IX",
    "country": "RU",
    "role": "register",
    "transport": "udp",
    "change": "vanished",
    "mechanism": "nxdomain",
    "outcome_before": "answer",
    "outcome_after": "nxdomain",
    "answer_before": "157.240.205.60",
    "answer_after": None,
    "controls_agreeing": 12,
    "controls_asked": 12,
    "evidence_for": "denied_alone denial_without_soa",
    "evidence_against": None,
    "confidence": None,
    "first_seen": AFTER,
    "event": "3fa9c1",
}
EVENT = {
    "event": "3fa9c1",
    "change": "vanished",
    "mechanisms": ["nxdomain"],
    "vantage": "home",
    "country": "RU",
    "role": "register",
    "domain_set": "whatsapp",
    "qnames": ["whatsapp.com"],
    "resolvers": ["nsdi-a"],
    "cells": 2,
    "witnesses": 1,
    "denominator": 2,
    "last_good": BEFORE,
    "first_bad": AFTER,
    "says": "whatsapp.com vanished at nsdi-a between 10 and 11 February 2026: NXDOMAIN; 12 of 12 controls still answer",
}
ILL = {
    "date": AFTER,
    "vantage": "home",
    "resolver": "by-dead",
    "transport": "udp",
    "condition": "silent",
    "asked": 5000,
    "silent": 5000,
    "failed": 0,
    "control_asked": 8,
    "control_failed": 8,
    "votes": False,
    "says": "none of 5,000 questions got a reply",
}
CELL = {
    "qname": "whatsapp.com",
    "qtype": "A",
    "resolver": "nsdi-a",
    "transport": "udp",
    "state": "agrees",
    "evidence_against": [],
}


def make(
    anomalies: Iterable[dict[str, Any]] = (),
    events: Iterable[dict[str, Any]] = (),
    health: Iterable[dict[str, Any]] = (),
    cells: Iterable[dict[str, Any]] = ({},),
    *,
    before: date | None = BEFORE,
    entered: tuple[str, ...] = (),
    left: tuple[str, ...] = (),
    vantage: str = "home",
) -> Diff:
    """Return a diff; each row says only what is particular about it."""
    days = [day for day in (before, AFTER) if day]
    every = [CELL | {"date": day, "answer": f"192.0.2.{day.day}"} | cell for cell in cells for day in days]
    return Diff(
        date_before=before,
        date_after=AFTER,
        vantage=vantage,
        anomalies=Anomalies(pl.DataFrame([ROW | row for row in anomalies], schema=Anomalies.schema)),
        events=Events(pl.DataFrame([EVENT | row for row in events], schema=Events.schema)),
        health=Health(pl.DataFrame([ILL | row for row in health], schema=Health.schema)),
        cells=pl.DataFrame(every, schema=CELLS),
        entered=entered,
        left=left,
    )


def vanished() -> Diff:
    """Return two cells that vanished, and a dead resolver."""
    return make([{}, {"qtype": "AAAA", "answer_before": "2a03:2880::1"}], [{}], [{}])


def everything() -> Diff:
    """Return a diff with every change, a long name, a finding, entrants and leavers, and innocent cells."""
    long = "a-very-long-name-that-nobody-would-type." * 3 + "example.com"
    return make(
        [
            {},
            {"qname": long, "transport": "tcp", "mechanism": "servfail", "outcome_after": "servfail"},
            {
                "change": "diverged",
                "mechanism": "bogon",
                "outcome_after": "answer",
                "answer_after": "10.10.34.35 10.10.34.36",
            },
            {"change": "reappeared", "qname": "discord.com", "outcome_before": "nxdomain", "outcome_after": "answer"},
            {"change": "converged", "qname": "signal.org", "mechanism": "stub", "outcome_after": "answer"},
            {"change": "mechanism-changed", "qname": "x.com", "outcome_before": "timeout", "confidence": 0.98765},
        ],
        [
            {"qnames": ["whatsapp.com", *(f"w{index}.example" for index in range(9))]},
            {
                "event": "77ab02",
                "change": "reappeared",
                "cells": 1,
                "says": "discord.com came back at nsdi-a",
                "qnames": ["discord.com"],
            },
        ],
        [
            {},
            {"date": BEFORE},
            {"date": BEFORE, "resolver": "by-ill", "condition": "ill", "says": None},
            {"resolver": "well", "condition": "well", "says": None},
        ],
        [
            {"evidence_against": ["shares_prefix", "own_history"]},
            {"qname": "x.com", "evidence_against": ["shares_prefix"]},
            {"qname": "same.com", "answer": "192.0.2.1", "evidence_against": ["shares_address"]},
            {"qname": "y.com", "state": "insufficient", "evidence_against": ["resolver_ill"]},
        ],
        entered=("resolver quad9-tls: new in resolvers.yaml",),
        left=tuple(f"name n{index}.example: no longer asked for" for index in range(12)),
    )


def nothing() -> Diff:
    """Return a diff of two dates that say the same."""
    return make()


def today() -> Diff:
    """Return what is wrong on one date alone."""
    return make(
        [{"date_before": None, "outcome_before": None, "answer_before": None}], [{"last_good": None}], before=None
    )


def two_vantages() -> list[Diff]:
    """Return the diffs of two vantages."""
    return [vanished(), make([{"vantage": "office"}], [{"vantage": "office"}], vantage="office")]


MADE: dict[str, Callable[[], Diff | list[Diff]]] = {
    "made-everything": everything,
    "made-nothing": nothing,
    "made-today": today,
    "made-two-vantages": two_vantages,
    "made-vanished": vanished,
}


def hold(name: str, diffs: Diff | list[Diff], report: str) -> None:
    """Hold what *report* says about *diffs* to its golden file."""
    member = REPORTS[report]
    said = member.render(diffs if isinstance(diffs, list) else [diffs])
    golden = GOLDEN / f"{name}{member.suffix}"
    if os.environ.get(UPDATE):
        golden.write_bytes(said.encode())
    assert golden.exists(), f"there is no {golden.name}: run the tests once with {UPDATE}=1, and read it"
    assert said == golden.read_bytes().decode()


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("name", MADE)
def test_reports_say_what_they_said(name: str, report: str) -> None:
    """A report about the same diffs is the same, octet by octet."""
    hold(name, MADE[name](), report)


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_reports_tell_every_story(path: Path) -> None:
    """Every story reads, in every report, as it did."""
    diff = stories.play(path)
    for report in REPORTS:
        hold(path.stem, diff, report)


def test_no_golden_file_is_left_over() -> None:
    """Every golden file belongs to a diff made here or to a story."""
    known = {*MADE, *(path.stem for path in STORIES)}
    suffixes = {report.suffix for report in REPORTS.values()}
    assert not [file.name for file in GOLDEN.iterdir() if file.stem not in known or file.suffix not in suffixes]


@pytest.mark.parametrize("report", REPORTS)
def test_order_of_rows_does_not_matter(report: str) -> None:
    """The same rows in another order make the same report."""
    diff = everything()
    shuffled = Diff(
        date_before=diff.date_before,
        date_after=diff.date_after,
        vantage=diff.vantage,
        anomalies=Anomalies(diff.anomalies.frame.reverse()),
        events=Events(diff.events.frame.reverse()),
        health=Health(diff.health.frame.reverse()),
        cells=diff.cells.reverse(),
        entered=diff.entered,
        left=diff.left,
    )
    render = REPORTS[report].render
    assert render([shuffled]) == render([diff])


def hostile() -> Diff:
    """Return a diff in which everything that can come from outside is hostile."""
    return make(
        [{"qname": text, "operator": text, "answer_after": text, "mechanism": "forged"} for text in HOSTILE],
        [{"event": f"e{index}", "says": text} for index, text in enumerate(HOSTILE)],
        [{"resolver": text, "says": text} for text in HOSTILE],
        entered=tuple(HOSTILE),
        left=tuple(HOSTILE),
    )


@pytest.mark.parametrize("report", REPORTS)
def test_nothing_unprintable_gets_out(report: str) -> None:
    """No escape sequence, control character or bidirectional override from the network reaches an output."""
    said = REPORTS[report].render([hostile()])
    assert not [char for char in said if not char.isprintable() and char not in "\r\n"]


def test_csv_has_no_formula() -> None:
    """No cell of the CSV begins like a formula, and every record is one line."""
    said = REPORTS["csv"].render([hostile()])
    rows = list(csv.reader(io.StringIO(said, newline="")))
    assert len(rows) == 1 + len(HOSTILE) == said.count("\r\n")
    assert {len(row) for row in rows} == {len(Anomalies.schema)}
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_csv_is_rfc_4180() -> None:
    """The CSV has the columns of Anomalies in order, CR LF line ends, ISO dates, empty cells for null."""
    said = REPORTS["csv"].render([vanished()])
    assert re.fullmatch("(?:[^\r\n]+\r\n){3}", said)
    first, *rows = csv.reader(io.StringIO(said, newline=""))
    assert first == list(Anomalies.schema)
    row = dict(zip(first, rows[0], strict=True))
    assert row["date_before"] == "2026-02-10"
    assert row["answer_after"] == ""
    assert row["controls_agreeing"] == "12"


def test_csv_of_nothing_is_a_header() -> None:
    """No anomalies, or no diffs at all, still make a CSV that programs can read."""
    header = ",".join(Anomalies.schema) + "\r\n"
    assert REPORTS["csv"].render([nothing()]) == header
    assert REPORTS["csv"].render([]) == header


@given(st.text())
def test_harmless_cells(text: str) -> None:
    """Whatever a cell holds, it becomes printable, is no formula, and stays as it is when it was harmless."""
    cell = harmless(text)
    assert cell.isprintable()
    assert not cell.startswith(("=", "+", "-", "@"))
    if text.isprintable() and not text.startswith(("=", "+", "-", "@")):
        assert cell == text


@given(st.text())
def test_visible_text(text: str) -> None:
    """What can be printed stays as it is, what cannot is written out in ASCII."""
    assert visible(text).isprintable()
    assert visible(text) == "".join(map(visible, text))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_loses_nothing(text: str) -> None:
    """A text that is unprintable is in the JSON as an escape, and reads back as it was."""
    document = json.loads(REPORTS["json"].render([make([{"qname": text}])]))
    assert document["anomalies"][0]["qname"] == text


def test_json_is_plain() -> None:
    """The JSON has dates in ISO form, lists where there are several, and null where there is nothing."""
    document = json.loads(REPORTS["json"].render([everything()]))
    assert list(document) == ["meta", "anomalies", "events", "health", "entered", "left"]
    row = next(row for row in document["anomalies"] if row["qname"] == "x.com")
    assert row["date_before"] == "2026-02-10"
    assert row["evidence_for"] == ["denied_alone", "denial_without_soa"]
    assert row["evidence_against"] == []
    assert row["confidence"] == 0.9877
    assert document["meta"]["comparisons"][0]["not_judged"] == 1
    assert "NaN" not in REPORTS["json"].render([make([{"confidence": float("nan")}])])


@pytest.mark.parametrize("diffs", [*(make() for make in MADE.values()), hostile()], ids=[*MADE, "hostile"])
def test_text_fits_in_80_columns(diffs: Diff | list[Diff]) -> None:
    """On a terminal no line of the page is longer than its 80 columns, whatever the names are."""
    said = plain(describe(diffs if isinstance(diffs, list) else [diffs], 80))
    assert not [line for line in said.splitlines() if len(line) > 80]


def test_wide_characters_take_two_columns() -> None:
    """A name in Chinese, Japanese or Korean is broken, or cut, where the terminal ends."""
    many = [f"n{index}.{'xn--fiqs8s.' * 9}example" for index in range(7)]
    says = "\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 70
    made = make([{"qname": name} for name in many], [{"event": "e", "qnames": many, "says": says}])
    lines = plain(describe([made], 80)).splitlines()
    assert sum(line.count(says[0]) for line in lines) >= len(says)
    assert max(map(cell_len, lines)) <= 80


def test_text_leaves_nothing_out_of_a_file() -> None:
    """Where no terminal limits it, a table is as wide as what it holds."""
    said = REPORTS["text"].render([everything()])
    assert "a-very-long-name-that-nobody-would-type." * 3 + "example.com" in said
    assert "…" not in said


def test_text_is_short_when_there_is_much() -> None:
    """Ten thousand anomalies are forty lines, and the rest is counted."""
    rows = [{"qname": f"n{index:05}.example"} for index in range(10_000)]
    said = REPORTS["text"].render([make(rows)])
    assert len(re.findall(r"n\d{5}\.example", said)) == 40
    assert "and 9,960 more cells; `--csv FILE` has all." in said


def test_text_merges_types() -> None:
    """Rows that differ only in the record type are one line."""
    said = REPORTS["text"].render([vanished()])
    assert len(re.findall("A AAAA +nsdi-a", said)) == 1


def test_text_has_one_line_for_a_dead_resolver() -> None:
    """A resolver that said nothing is one line, whatever was asked of it."""
    assert REPORTS["text"].render([vanished()]).count("by-dead") == 1


def test_text_says_that_nothing_changed() -> None:
    """No anomalies is said, not left out."""
    said = REPORTS["text"].render([nothing()])
    assert "1 cell compared (1 name at 1 resolver): none changed, 0 could not be judged." in said
