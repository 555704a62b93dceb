"""The site: a folder of pages with an index and a feed, brought up to date page by page."""

import re
import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urljoin
from uuid import UUID, uuid5
from xml.etree import ElementTree

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ViewportSize
from typer.testing import CliRunner, Result

import pages
from resolver_diff import site
from resolver_diff.__main__ import Manner, application
from resolver_diff.commands import _paging, _siting
from resolver_diff.page.summary import Summary, SummedEvent
from resolver_diff.site import Listed
from resolver_diff.site.feed import feed

DAY = date(2026, 2, 10)
OWN = UUID("12345678-1234-5678-1234-567812345678")
ATOM = "{http://www.w3.org/2005/Atom}"
EVENT = SummedEvent(
    event="0123456789",
    vantage="home",
    country="RU",
    domain_set="whatsapp",
    mechanisms=("nxdomain",),
    qnames=("whatsapp.com",),
    names=1,
    resolvers=("nsdi-a",),
    witnesses=1,
    denominator=6,
    first_bad=DAY,
    reported=DAY,
    last_bad=DAY,
    first_good=None,
    says="whatsapp.com is lost at 1 of 6 resolvers in RU since 10 February 2026: NXDOMAIN",
    confidence_says="100 % (94.6 % to 100 %; 67 cases)",
)
HOSTILE = '</script><img src=x onerror="alert(1)">&amp;\x1b[2J\u202e\x00\ufffe]]>'


def on(place: int, *events: SummedEvent) -> Listed:
    """Return the page of a date with these events, each seen on it unless it is over."""
    day = DAY + timedelta(days=place)
    seen = [event if event.first_good else replace(event, last_bad=day) for event in events]
    told = Summary("1.0", DAY, day, place + 1, ("home",), "Some of it.", 13, 40, 1040, 4 * len(events), tuple(seen), 9)
    return Listed(f"report-{day}.html", told)


def entries(text: str) -> list[ElementTree.Element]:
    """Return the entries of a feed, which is held to what RFC 4287 asks for."""
    root = ElementTree.fromstring(text)
    assert root.tag == f"{ATOM}feed"
    found = root.findall(f"{ATOM}entry")
    for element in (root, *found):
        for name in ("id", "title", "updated"):
            (one,) = element.findall(f"{ATOM}{name}")
            assert one.text
        own = element.findtext(f"{ATOM}id") or ""
        assert UUID(own.removeprefix("urn:uuid:")).urn == own
        for name in ("updated", "published"):
            if (moment := element.findtext(f"{ATOM}{name}")) is not None:
                assert datetime.fromisoformat(moment).tzinfo is not None
        links = [(link.get("rel"), link.get("type")) for link in element.findall(f"{ATOM}link")]
        assert len(set(links)) == len(links)
        assert ("alternate", "text/html") in links
    (author,) = root.findall(f"{ATOM}author")
    assert author.findtext(f"{ATOM}name")
    ids = [entry.findtext(f"{ATOM}id") for entry in found]
    assert len({*ids, root.findtext(f"{ATOM}id")}) == len(ids) + 1
    return found


def entry(*told: Listed, url: str | None = None) -> dict[str, str]:
    """Return the only entry of the feed of these pages."""
    (one,) = entries(feed(told, OWN, "feed.xml", url))
    texts = {name: one.findtext(f"{ATOM}{name}") or "" for name in ("id", "title", "published", "updated", "summary")}
    (link,) = one.findall(f"{ATOM}link")
    return texts | {"link": link.get("href") or ""}


SPREAD = replace(EVENT, witnesses=3, resolvers=("nsdi-a", "nsdi-b", "isp-ru"))
OTHERWISE = replace(SPREAD, mechanisms=("blockpage", "nxdomain"))
OVER = replace(OTHERWISE, first_good=DAY + timedelta(days=3), last_bad=DAY + timedelta(days=2))


@pytest.mark.parametrize(
    ("told", "updated", "says"),
    [
        ([EVENT], 0, "told first"),
        ([EVENT, EVENT, EVENT], 0, "told first"),
        ([EVENT, SPREAD, SPREAD], 1, "spread to 3 of 6 resolvers"),
        ([EVENT, SPREAD, OTHERWISE], 2, "now by blockpage, nxdomain"),
        ([EVENT, SPREAD, OTHERWISE, OTHERWISE, OVER, OVER], 4, "over since 2026-02-13"),
        ([SPREAD, replace(SPREAD, first_good=DAY), SPREAD], 2, "goes on again"),
        ([EVENT, replace(EVENT, names=5)], 1, "spread to 5 names"),
        ([SPREAD, EVENT], 0, "told first"),
    ],
)
def test_an_entry_is_updated_by_news_only(told: list[SummedEvent], updated: int, says: str) -> None:
    """One entry for an event, from its beginning to its end, under one id; its date is that of what happened last."""
    one = entry(*(on(place, event) for place, event in enumerate(told)))
    assert one["id"] == uuid5(OWN, "home\n0123456789").urn
    assert one["published"] == "2026-02-10T00:00:00Z"
    assert one["updated"] == f"2026-02-{10 + updated}T00:00:00Z"
    assert one["summary"].rstrip(".").endswith(says)
    assert one["title"] == told[-1].says
    assert one["link"] == f"report-2026-02-{10 + len(told) - 1}.html#event-0123456789"


def test_links_lead_where_the_folder_will_be() -> None:
    """With an address links are absolute, and the feed says its own; without, they hold wherever the folder is."""
    for url in ("https://example.org/dns", "https://example.org/dns/"):
        assert entry(on(0, EVENT), url=url)["link"] == "https://example.org/dns/report-2026-02-10.html#event-0123456789"
        links = ElementTree.fromstring(feed([on(0, EVENT)], OWN, "feed.xml", url)).findall(f"{ATOM}link")
        assert {link.get("rel"): link.get("href") for link in links} == {
            "alternate": "https://example.org/dns/index.html",
            "self": "https://example.org/dns/feed.xml",
        }
    relative = entry(on(0, EVENT))["link"]
    assert urljoin("https://elsewhere.example/a/feed.xml", relative).startswith("https://elsewhere.example/a/report-")


def test_same_name_at_two_vantages_is_two_events() -> None:
    """What two vantages tell under one name of an event are two entries, each with its own id."""
    both = entries(feed([on(0, EVENT, replace(EVENT, vantage="away"))], OWN, "feed.xml", None))
    assert len(both) == 2


def test_a_feed_without_events_is_one() -> None:
    """Before anything happened there is a feed, and an index that says so."""
    assert entries(feed([], OWN, "feed.xml", None)) == []
    assert entries(feed([on(0)], OWN, "feed.xml", None)) == []
    assert "No date yet" in site.index([], "feed.xml")
    assert "Nothing new." in site.index([on(0)], "feed.xml")


def test_hostile_names_are_text() -> None:
    """Names, resolvers and sentences stay text in index and feed, and what XML does not allow is written out."""
    evil = replace(
        EVENT, qnames=(HOSTILE,), resolvers=(HOSTILE,), says=HOSTILE, country=HOSTILE, domain_set=HOSTILE,
        mechanisms=(HOSTILE,), vantage=HOSTILE, event=HOSTILE, confidence_says=HOSTILE,
    )  # fmt: skip
    told = [on(0, evil), on(1, replace(evil, witnesses=2))]
    text = feed(told, OWN, "feed.xml", None)
    assert entries(text)
    for document in (text, site.index(told, "feed.xml")):
        assert document.replace("\n", "").isprintable()
        assert "<img" not in document
        assert "</script" not in document
    (link,) = re.findall(r'href="(report-2026-02-11[^"#]*#event-[^"]*)"', text)
    assert re.fullmatch(r"[\w.#%-]+", link)


def test_index_says_what_happened_by_date() -> None:
    """The latest date comes first; each says what is new, over, spread and going on; what goes on stands on top."""
    second = replace(EVENT, event="aaaaaaaaaa", says="two.example is lost", reported=DAY + timedelta(days=1))
    told = [on(0, EVENT), on(1, SPREAD, second), on(2, SPREAD, replace(second, first_good=DAY + timedelta(days=2)))]
    text = site.index(told, "feed.xml")
    goes_on, _, dates = text.partition('id="dates"')
    assert goes_on.count("report-2026-02-12.html#event-0123456789") == 1
    assert "event-aaaaaaaaaa" not in goes_on
    assert "3 of 6 resolvers, seen last on 12 February 2026" in goes_on
    days = dict(zip(("12", "11", "10"), re.findall(r"<li>(.*?)</li>", dates, re.DOTALL), strict=True))
    assert "two.example is lost." in days["12"]
    assert "1 over" in days["12"]
    assert "1 new" in days["11"]
    assert "(spread to 3 of 6 resolvers)" in days["11"]
    assert "1 going on" in days["11"]
    assert "4 of 1,040 cells wrong" in days["10"]
    assert "9 could not be judged" in days["10"]
    assert text.index("12 February 2026</a>") < text.index("11 February 2026</a>") < text.index("10 February 2026</a>")


def test_index_does_not_grow_with_events() -> None:
    """Of very many events that go on the first are shown, and how many more there are."""
    many = [replace(EVENT, event=f"{number:010}") for number in range(180)]
    text = site.index([on(0, *many)], None)
    assert text.count("<svg") == site.MOST_OPEN + 1
    assert "130 more stand on the page" in text
    assert "feed.xml" not in text


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the snapshots of the last three of the made-up dates, and of all before them."""
    return pages.file_away(tmp_path_factory.mktemp("site") / "snapshots", pages.told(pages.DAYS))


@pytest.fixture
def here(filed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand beside a copy of the snapshots."""
    shutil.copytree(filed, tmp_path / "snapshots")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(*words: str, status: int = 0) -> Result:
    """Type the command, which ends with this status."""
    done = CliRunner().invoke(application(Manner()), ["site", *words])
    assert done.exit_code == status, done.output
    return done


@pytest.fixture
def paged(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """Make pages that have nothing but their summary, in no time; return the dates of which one was made."""
    made: list[date] = []

    def page(_source: object, day: date, *_: object) -> str:
        made.append(day)
        return f"<!doctype html>{on((day - DAY).days, EVENT).summary.element()}"

    monkeypatch.setattr(_paging, "page", page)
    return made


def test_only_missing_pages_are_made(here: Path, paged: list[date]) -> None:
    """The first time all pages are made, then those of new dates; --anew makes all again, --since none before it."""
    later = here / "snapshots" / f"date={pages.LAST}"
    later.rename(here / "later")
    typed("--since", "2026-02-05")
    assert paged == [date(2026, 2, day) for day in (5, 6, 7, 8)]
    (here / "later").rename(later)
    done = typed("--since", "2026-02-05")
    assert paged[4:] == [pages.LAST]
    assert "5 pages, 1 of them made now" in done.stderr
    assert done.stdout == ""
    typed("--since", "2026-02-08", "--anew")
    assert paged[5:] == [date(2026, 2, 8), pages.LAST]
    assert sorted(path.name for path in (here / "reports").iterdir()) == [
        "feed.xml",
        "index.html",
        *(f"report-2026-02-{day:02}.html" for day in (5, 6, 7, 8, 9)),
    ]


@pytest.mark.usefixtures("paged")
def test_feed_keeps_its_name(here: Path) -> None:
    """The feed is the same one whenever it is made again, with another address too; one at an address is told by it."""
    typed("--since", "2026-02-08")
    first = (here / "reports" / "feed.xml").read_text()
    typed("--since", "2026-02-08")
    assert (here / "reports" / "feed.xml").read_text() == first
    own = _siting.OWN.search(first)
    typed("--since", "2026-02-08", "--url", "https://example.org/dns/")
    again = _siting.OWN.search((here / "reports" / "feed.xml").read_text())
    assert own is not None
    assert again is not None
    assert own[1] == again[1]
    for folder in ("a", "b"):
        typed(folder, "--since", "2026-02-08", "--url", "https://example.org/dns/")
    assert (here / "a" / "feed.xml").read_text() == (here / "b" / "feed.xml").read_text() != first


@pytest.mark.usefixtures("paged")
def test_what_is_no_page_of_ours_is_left_out(here: Path) -> None:
    """A file that has no summary, or that of another date, is named; pages of dates without a snapshot stay."""
    typed("--since", "2026-02-08")
    reports = here / "reports"
    (reports / "report-2026-01-01.html").write_text("<!doctype html><p>mine")
    shutil.copy(reports / "report-2026-02-08.html", reports / "report-2026-01-02.html")
    shutil.rmtree(here / "snapshots" / "date=2026-02-08")
    done = typed("--since", "2026-02-08")
    assert "report-2026-01-01.html is no page of resolver_diff" in done.stderr
    assert "this is the page of 2026-02-08" in done.stderr
    assert "2 pages, 0 of them" in done.stderr
    assert "report-2026-02-08.html" in (reports / "index.html").read_text()


def test_a_run_that_is_stopped_leaves_the_old_index(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stops it between two pages: index and feed are as they were, and the pages made so far are whole."""
    made = 0

    def page(_source: object, day: date, *_: object) -> str:
        nonlocal made
        made += 1
        if made == 3:
            raise KeyboardInterrupt
        return f"<!doctype html>{on((day - DAY).days, EVENT).summary.element()}"

    monkeypatch.setattr(_paging, "page", page)
    typed("--since", "2026-02-09")
    before = [(here / "reports" / name).read_text() for name in ("index.html", "feed.xml")]
    typed("--since", "2026-02-07", status=130)
    assert [(here / "reports" / name).read_text() for name in ("index.html", "feed.xml")] == before
    assert len(list((here / "reports").glob("report-*.html"))) == 2
    assert not list((here / "reports").glob(".*"))


@pytest.mark.parametrize(
    "url", ["example.org", "ftp://example.org", "https://", "https://a b/", "https://x/?a", "http://[/"]
)
def test_what_is_no_address_is_refused(here: Path, url: str) -> None:
    """An address that no link could begin with is an error before any page is made."""
    assert "is no address" in typed("--url", url, status=2).stderr
    assert not (here / "reports").exists()


def test_a_folder_that_cannot_be_made_is_said(here: Path) -> None:
    """A file where the folder should be is an error; so is a folder without snapshots."""
    (here / "reports").write_text("")
    assert "cannot make the folder" in typed(status=2).stderr
    assert "there are no snapshots" in typed("--snapshots", "none", status=2).stderr


def test_site_in_a_browser(here: Path, chromium: Browser) -> None:
    """The index of real pages opens without complaint or request, axe finds nothing, its link leads to the event."""
    typed("--since", "2026-02-08")
    index = here / "reports" / "index.html"
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    sizes = [ViewportSize(width=each["width"], height=each["height"]) for each in (pages.WIDE, pages.PHONE)]
    for size in sizes:
        for scheme in schemes:
            with chromium.new_context(viewport=size, color_scheme=scheme, offline=True) as context:
                tab = context.new_page()
                with tab.expect_event("load"):
                    tab.goto(index.as_uri())
                found = Axe().run(tab).response["violations"]
                assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
                assert [said.text for said in tab.console_messages()] == []
                asked = {each.url for each in tab.requests()}
                assert {url for url in asked if not url.startswith("data:")} == {index.as_uri()}
                assert not tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    with chromium.new_context(offline=True) as context:
        tab = context.new_page()
        tab.goto(index.as_uri())
        tab.locator("#going-on li a").first.click()
        tab.wait_for_url("**/report-2026-02-09.html#event-*")
        assert tab.locator(":target.card h3").inner_text().startswith("one.example")
