"""A name's life as a strip of dates, its ruler, what of it fits, and the cells behind it as CSV and JSON."""

import json
import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from resolver_diff.commands import _runs, _strip
from resolver_diff.commands._loading import Source
from resolver_diff.library import following
from resolver_diff.tables import STATE, TRANSPORT, State
from resolver_diff.wording.lines import Tone, plain
from test_commands import rows, run, snapshots, taken

__all__ = ["snapshots", "taken"]  # fixtures

FIRST = date(2026, 2, 9)  # a Monday
LETTERS = {mark: state for state, mark in _strip.MARKS.items()}


def day(number: int) -> date:
    """Return the date so many days after the first."""
    return FIRST + timedelta(days=number)


def cells(told: dict[str, str], transport: str = "udp", qtype: str = "A") -> pl.DataFrame:
    """Return the cells of a name: by resolver a mark for each day, a space where it was not asked."""
    found = [
        (day(number), resolver, transport, qtype, LETTERS[mark])
        for resolver, marks in told.items()
        for number, mark in enumerate(marks)
        if mark != " "
    ]
    schema = pl.Schema(
        {"date": pl.Date(), "resolver": pl.String(), "transport": TRANSPORT, "qtype": pl.String(), "state": STATE}
    )
    return pl.DataFrame(found, schema=schema, orient="row")


def strip(frame: pl.DataFrame, width: int | None = 80, every: Sequence[date] = ()) -> str:
    """Return the strip as text."""
    return plain(list(_strip.page(frame, every, width)))


def flat(page: str) -> str:
    """Return a page as one line."""
    return " ".join(page.split())


def marks(page: str, resolver: str) -> str:
    """Return the marks of a row."""
    (found,) = re.findall(rf"^{resolver} .*?  (\S*)$", page, re.MULTILINE)
    return str(found)


def test_every_state_has_a_mark_of_its_own() -> None:
    """Without any colour each state can be told from the others, and the legend says which are there."""
    assert set(_strip.MARKS) == set(State)
    assert len({*_strip.MARKS.values(), _strip.NOT_ASKED, _strip.LONG_GAP, _strip.NOTHING}) == len(State) + 3
    page = strip(cells({"isp": ".VD?g"}))
    assert marks(page, "isp") == ".VD?g"
    for words in (". agrees", "V vanished", "D divergent", "? cannot be told", "g gone"):
        assert words in flat(page)
    assert "not asked" not in page


def test_who_was_ever_wrong_comes_first_and_in_colour() -> None:
    """A row where the name was wrong is above the others, says on how many dates that tell, and is red there."""
    lines = list(_strip.page(cells({"a-well": "....", "z-wrong": "?.VV"}), (), 80))
    page = plain(lines)
    assert page.index("z-wrong   A     2 of 3  ?.VV") < page.index("a-well")
    bad = [span.text for spans in lines for span in spans if span.tone is Tone.BAD]
    assert bad == ["VV"]


def test_dates_without_a_snapshot_are_gaps() -> None:
    """A few days without one are blank; many are one mark; one with a snapshot but without the question is another."""
    page = strip(cells({"isp": ".  V" + 9 * " " + "V.", "late": 13 * " " + ".."}), every=[day(0), day(1), day(3)])
    assert marks(page.replace(".- V", ".-_V"), "isp") == ".-_V~V."
    assert re.search(r"^late +A +-- -~\.\.$", page, re.MULTILINE)
    assert "blank no snapshot" in flat(page)
    assert "~ a longer time without a snapshot" in flat(page)


def test_the_ruler_has_its_dates_above_their_columns() -> None:
    """Below each date is a tick at its column: the ends, what follows a gap, and where months begin."""
    page = strip(cells({"isp": "." * 15 + 15 * " " + "V" * 40}), 100)
    lines = page.splitlines()
    at = next(line for line in lines if line.startswith("isp")).index("....")
    top = [line for line in lines if re.search(r"\d{4}-\d\d-\d\d", line)]
    found = {found.group(): found.start() - at for line in top for found in re.finditer(r"\d{4}-\d\d-\d\d", line)}
    assert found["2026-02-09"] == 0
    assert found["2026-03-11"] == 16
    assert found["2026-04-01"] == 16 + 21
    ticks = next(line for line in lines if line.startswith("resolver"))
    assert [place - at for place, mark in enumerate(ticks) if mark == "|"] == [0, 16, 37, 55]


def test_types_that_were_alike_are_one_row() -> None:
    """A resolver has one row for its types where they had the same state on all dates, else one each."""
    alike = pl.concat([cells({"isp": ".V"}), cells({"isp": ".V"}, qtype="AAAA")])
    assert "A AAAA" in strip(alike)
    apart = pl.concat([cells({"isp": ".V"}), cells({"isp": ".."}, qtype="AAAA")])
    assert len(re.findall("^isp ", strip(apart), re.MULTILINE)) == 2


def test_transports_are_told_where_there_are_several() -> None:
    """A resolver that was asked over two transports has a row for each, which says which it is."""
    page = strip(pl.concat([cells({"isp": ".V"}), cells({"isp": ".."}, transport="tcp")]))
    assert re.search(r"^isp +udp +A +1 of 2 +\.V$", page, re.MULTILINE)
    assert re.search(r"^isp +tcp +A +\.\.$", page, re.MULTILINE)


def test_what_does_not_fit_is_weeks_and_says_so() -> None:
    """A year is shown by weeks; a week in which the name was wrong on some of the dates is a small letter."""
    year = "." * 7 + "..V...." + "V" * 7 + "?" * 7 + "." * 330
    page = strip(cells({"isp": year}))
    assert max(map(len, page.splitlines())) <= 80
    assert marks(page, "isp") == ".vV?" + "." * 48
    assert "A column is a week, from Monday." in flat(page)
    assert "v vanished on some of the dates" in flat(page)


def test_what_never_fits_is_the_latest() -> None:
    """Of fifteen years the latest are shown, four weeks a column, and the page says since when, and what is missing."""
    page = strip(cells({"isp": "V" + "." * (15 * 365)}))
    assert max(map(len, page.splitlines())) <= 80
    assert "A column is four weeks." in page
    shown = len(marks(page, "isp"))
    total = len(_strip.columns([day(number) for number in range(15 * 365 + 1)], 28).days)
    assert re.search(rf"fits here; {total - shown} columns before it are not shown", page)
    assert "1 of 5476" in page


def test_a_pipe_has_every_date_and_every_row() -> None:
    """Where no terminal limits the page there is a mark for each date, and a row for each resolver."""
    told = {f"isp-{number}": "." * 500 for number in range(6)}
    page = strip(cells(told), None)
    assert all(marks(page, resolver) == "." * 500 for resolver in told)
    folded = strip(cells(dict.fromkeys(told, "....")))
    assert "agrees on every date at 6 more resolvers: isp-0, isp-1, isp-2, isp-3, isp-4, isp-5" in flat(folded)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("count", [1, 2, 30, 400, 4000])
def test_no_line_is_wider_than_the_terminal(width: int, count: int) -> None:
    """However many dates there are, and however long a resolver's name is, a page fits."""
    page = strip(cells({"r" * 70: "V" * count, "isp": "." * count}), width)
    assert max(map(len, page.splitlines())) <= width
    assert "V" in page


def test_full_cuts_no_answer(snapshots: Path) -> None:
    """With --full an answer that does not fit goes on in lines of its own; without, it is cut."""
    answer = " ".join(f"2001:db8::{number}" for number in range(40))
    found = following.cells(Source.of(snapshots, None), "whatsapp.com", ["A"])
    found = found.with_columns(answer=pl.when(pl.col("resolver") == "google").then(pl.lit(answer)).otherwise("answer"))
    cut, whole = (plain(_runs.describe(found, 80, full=full)) for full in (False, True))
    assert "2001:db8::39" not in cut
    assert all(part in whole for part in answer.split())
    assert max(map(len, whole.splitlines())) <= 80


def test_history_as_csv_has_a_line_for_each_cell(snapshots: Path) -> None:
    """The CSV has every date, resolver and type, with the verdict and what was said; stdout has nothing else."""
    said = run("history", "whatsapp.com", "--qtype", "A", "--csv", "-")
    found = rows(said.stdout_bytes.decode())
    assert len(found) == 4 * 5
    of_register = {row["date"]: row for row in found if row["resolver"] == "nsdi-a"}
    assert [row["state"] for row in of_register.values()] == ["agrees", "agrees", "vanished", "vanished"]
    assert of_register["2026-02-11"]["ede"] == "15"
    assert "declared_policy" in of_register["2026-02-11"]["evidence_for"].split()
    assert of_register["2026-02-09"]["evidence_for"] == ""


def test_history_as_json_has_the_dates_too(snapshots: Path, tmp_path: Path) -> None:
    """The JSON says the same, and all dates there are; written to a file, it leaves the page on stdout."""
    said = run("history", "whatsapp.com", "--json", "found.json")
    assert "whatsapp.com at vantage home" in said.stdout
    document = json.loads((tmp_path / "found.json").read_text())
    assert document["dates"] == {"home": ["2026-02-09", "2026-02-10", "2026-02-11", "2026-02-12"]}
    assert len(document["cells"]) == 4 * 5 * 2
    (cell,) = [
        each
        for each in document["cells"]
        if (each["date"], each["resolver"], each["qtype"]) == ("2026-02-11", "nsdi-a", "A")
    ]
    assert (cell["state"], cell["mechanism"], cell["ede"]) == ("vanished", "policy", [15])
