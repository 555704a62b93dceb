"""Texts made to deceive a page: names, answers, errors, operators; none of them ever becomes markup or a script."""

import json
import re
import zlib
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import Browser, expect

import pages
from misbehaviours._matrix import DAY, take
from pages import opened
from resolver_diff.page import summary
from test_hostile_reports import BEFORE, TEXTS

RUN = "window.hurt=1"
TRICKS = (
    f"</script><img src=x onerror={RUN}>",
    f"\"'><svg onload={RUN}>",
    f"</title></style><script>{RUN}</script>",
    f"{{{{ {RUN} }}}}{{% raw %}}${{{RUN}}}",
    "\u202egnp.exe\u2066\u200b",
    "nul\x00\x1b[31mred\x07\u2028line",
    "=cmd|'/c calc'!A1",
    "javascript:window.hurt=1",
    "&lt;b&gt; &amp; <!-- <![CDATA[ ]]>",
    "\\u003cscript\\u003e \\x3cb",
)
VANTAGE = f"<img src=x onerror={RUN}>"
SET = f"<b onclick={RUN}>set"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page in which every text that comes from outside is a trick."""
    names = {f"{trick}.example": "nxdomain" for trick in TRICKS}
    operator = f"Operator{TRICKS[0]}"
    more: dict[str, Any] = {
        "truth": dict.fromkeys(names, "answer"),
        "resolvers": {"isp-ru": {"role": "isp", "country": "RU", "operator": operator}},
    }
    days = pages.told([{}, {"nsdi-a": names, "nsdi-b": names, "isp-ru": names}], **more)
    folder = tmp_path_factory.mktemp("hostile") / "snapshots"
    tricks = pl.Series(TRICKS)
    for place, day in enumerate(days):
        rows = day.observations.with_row_index()
        trick = tricks.gather(rows["index"] % len(TRICKS)).str.replace_all(" ", "\\032", literal=True)
        texts = dict.fromkeys(("ede_text", "nsid", "soa", "trouble"), trick)
        odd = rows.drop("index").with_columns(**texts, ede=pl.lit([0, 65000], pl.List(pl.UInt16)))
        answers = pl.when(pl.col("answer").is_not_null() & (pl.col("resolver") == "isp-in")).then(pl.Series(trick))
        odd = odd.with_columns(answer=answers.otherwise("answer"), cname=answers)
        days[place] = replace(day, observations=odd)
    pages.file_away(folder, days, vantage=VANTAGE, domain_set=SET)
    return pages.made(folder, days[-1].date)


class Elements(HTMLParser):
    """Count the elements of a document, and what they are asked to do."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]


def test_no_trick_is_markup(file: Path) -> None:
    """In the document itself there is no element that is not ours, no handler, no style and nothing unprintable."""
    text = file.read_text(encoding="utf-8")
    found = Elements(text)
    assert not {"img", "svg", "iframe", "object", "base", "b"} & set(found.tags)
    assert found.handlers == []
    ours = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not [char for char in ours if not char.isprintable() and char not in "\n\t"]


def test_texts_in_the_data_are_printable(file: Path) -> None:
    """What scripts show has no control characters, and none that turn the direction of writing."""
    (data,) = re.findall(r'id="data">([^<]*)<', file.read_text(encoding="utf-8"))
    document = zlib.decompress(b64decode(data)).decode()
    assert document.isprintable()
    assert json.loads(document)["sights"][0]["cells"]["rows"] > 0
    assert "\\\\u202e" in document


def test_summary_holds_tricks_as_texts(file: Path) -> None:
    """Whoever reads the summary gets the names as they were, made visible."""
    told = summary.read(file)
    assert told.vantages == (VANTAGE,)
    assert told.events
    assert all(name.isprintable() for event in told.events for name in event.qnames)


def test_no_trick_runs(chromium: Browser, file: Path) -> None:
    """Drawn, searched and opened, cell after cell, nothing runs and nothing becomes an element; texts stay texts."""
    with opened(chromium, file) as found:
        found.settle()
        for button in found.page.locator("#table button.open").all()[:20]:
            button.click()
            expect(found.page.locator("#witnesses")).to_be_visible()
            found.page.keyboard.press("Escape")
        found.page.fill("#search", f"{TRICKS[0]}.example")
        expect(found.page.locator("#table .count")).to_have_text(re.compile("^8 of "))
        found.page.locator("#table button.open").first.click()
        assert TRICKS[0] in found.page.locator("#w-title").inner_text()
        assert "EDE text:" in found.page.locator("#w-body").inner_text()
        for trick in TRICKS:
            found.page.evaluate("hash => { location.hash = hash; }", f"#cell-{trick}/{trick}")
        assert found.page.evaluate("window.hurt") is None
        assert found.page.locator("img, iframe, object, [onerror], [onload], [onclick]").count() == 0
        assert found.page.title() == f"{found.page.locator('h1').inner_text()}: what names resolve to, and where not"
        assert found.complaints == []


def test_what_resolvers_really_said(chromium: Browser, tmp_path: Path) -> None:
    """Messages that were made to deceive, taken over sockets from those who send them, are shown as texts too."""
    folder = tmp_path / "snapshots"
    with ThreadPoolExecutor(1) as aside:  # in this thread Playwright has a loop
        aside.submit(take, folder, TEXTS, day=BEFORE, honestly=True).result()
        aside.submit(take, folder, TEXTS, day=DAY).result()
    file = pages.made(folder, DAY)
    assert Elements(file.read_text(encoding="utf-8")).handlers == []
    with opened(chromium, file) as found:
        found.settle()
        for button in found.page.locator("#table button.open").all()[:10]:
            button.click()
            found.page.keyboard.press("Escape")
        assert found.page.locator("img, iframe, [onerror], [onload]").count() == 0
        assert found.complaints == []
