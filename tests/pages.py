"""Pages to look at: dates that are made up and filed, their page, and a browser that has it open."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect
from typer.testing import CliRunner, Result

import stories
from resolver_diff.__main__ import Manner, application
from resolver_diff.commands import _paging
from resolver_diff.commands._loading import Source
from resolver_diff.confidence import Measured
from resolver_diff.library import confident
from resolver_diff.snapshot import ORDER, Snapshot, filing
from resolver_diff.tables import Observations

ONE, TWO = {"one.example": "nxdomain"}, {"two.example": "nxdomain"}
BOTH = {**ONE, **TWO}
OLD = {"old.example": "nxdomain"}
BOGON = {"three.example": "127.0.0.1"}
# an event that begins and goes on, one that is over, and one cell that nobody can tell of yet
DAYS: list[dict[str, Any]] = [
    *[{}] * 3,
    *[dict.fromkeys(("nsdi-a", "nsdi-b"), OLD)] * 2,
    *[{}] * 7,
    {"nsdi-a": BOTH, "nsdi-b": BOTH},
    {"nsdi-a": BOTH, "nsdi-b": BOTH, "isp-ru": ONE, "isp-in": BOGON, "isp-br": {"*": "timeout", "canary": "timeout"}},
]
NAMES = ("one.example", "two.example", "three.example", "old.example")
FIRST, LAST = date(2026, 1, 27), date(2026, 2, 9)
expect.set_options(timeout=60_000)  # milliseconds; on a machine that is busy a page takes its time
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def told(days: Sequence[Mapping[str, Any]], **more: Any) -> list[Snapshot]:
    """Return a snapshot of each of *days*, the last of 9 February 2026."""
    story = {"history": list(days), "before": {}, "after": {}, "truth": dict.fromkeys(NAMES, "answer"), **more}
    return stories.Story("page", story).history


def file_away(folder: Path, days: Sequence[Snapshot], vantage: str = "home", domain_set: str = "story") -> Path:
    """File *days* below *folder*, as seen from *vantage*."""
    for day in days:
        rows = Observations.of(day.observations.sort(ORDER)).frame
        filing.put(folder, replace(day.runs[0], vantage=vantage), domain_set, rows, replace=False)
    return folder


def made(folder: Path, day: date = LAST, since: date | None = None) -> Path:
    """Return the file with the page of *day*, made of the snapshots in *folder*."""
    file = folder.parent / f"{day}.html"
    text = _paging.page(Source(folder), day, since, known())
    file.write_text(text, encoding="utf-8")
    return file


@cache
def known() -> Measured:
    """Return the shipped table of what was measured."""
    return confident.table(None)


def report(*words: str) -> Result:
    """Type the command."""
    return CliRunner().invoke(application(Manner()), ["report", *words])


@dataclass
class Opened:
    """A page that is open, and what the browser had to say of it."""

    page: Page
    complaints: list[str] = field(default_factory=list)  # on the console, and errors of scripts
    requests: list[str] = field(default_factory=list)  # beside that for the file itself

    def settle(self) -> None:
        """Go through the page, so that all of it is drawn, and come back to its top."""
        self.page.wait_for_function("document.querySelector('#grid table, #matrix noscript')")
        height = self.page.evaluate("document.documentElement.scrollHeight")
        for y in range(0, int(height), 600):
            self.page.evaluate("y => window.scrollTo(0, y)", y)
            self.page.wait_for_timeout(30)
        self.page.wait_for_selector("#table .tabulator-row")
        self.page.evaluate("window.scrollTo(0, 0)")
        self.page.wait_for_function(
            "[...document.querySelectorAll('.chart:not([hidden])')].every(c => c.querySelector('svg'))"
        )

    def cells(self) -> None:
        """Have the table of cells made."""
        self.page.locator("#cells").scroll_into_view_if_needed()
        self.page.wait_for_selector("#table .tabulator-row")


@contextmanager
def opened(browser: Browser, file: Path, part: str = "", **context: Any) -> Iterator[Opened]:
    """Open *file* in a context of its own, at a *part* of it; nothing but files can be reached."""
    with browser.new_context(**{"viewport": WIDE, "offline": True, **context}) as there:
        tab = there.new_page()
        found = Opened(tab)
        tab.on(
            "console", lambda said: found.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        tab.on("pageerror", lambda error: found.complaints.append(str(error)))
        tab.on("request", lambda asked: found.requests.append(asked.url))
        tab.goto(file.as_uri() + part)
        found.requests = [url for url in found.requests if not url.startswith((file.as_uri(), "data:"))]
        yield found
        assert not [url for url in found.requests if not url.startswith((file.as_uri(), "data:"))]
