"""The page in a real browser: it loads quietly, is searched, drilled into, linked to, read without script, printed."""

import json
import os
from base64 import b64encode
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, expect

import pages
from pages import BOTH, DAYS, PHONE, WIDE, Opened, opened
from resolver_diff import page

DENIED = "#grid td .s-denial"
PICTURES = Path(__file__).parent / "pictures"
ALIKE = 8.0  # of 255; another font moves lines by some pixels
SQUINT = """async text => {
    const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${text}`)).blob());
    const drawn = document.querySelector("canvas").getContext("2d");
    drawn.imageSmoothingQuality = "high";
    drawn.drawImage(picture, 0, 0, 32, 24);
    return [...drawn.getImageData(0, 0, 32, 24).data].filter((_, place) => place % 4 < 3);
}"""
PARTS = ("#happened .says", "#happened .figures", ".card", ".card dl", ".card .course", "#table", ".scroll")
LAYOUTS = {
    "wide": [(3, 55), (61, 37), (3, 94), (5, 59), (66, 30), (3, 94), (3, 94)],
    "phone": [(4, 93), (4, 93), (4, 93), (8, 85), (8, 85), (4, 93), (4, 93)],
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a date with two events and one thing that nobody can tell of."""
    return pages.made(pages.file_away(tmp_path_factory.mktemp("page") / "snapshots", pages.told(DAYS)))


def rows(found: Opened) -> list[str]:
    """Return what stands in each row of the table that is drawn, name and resolver."""
    drawn = found.page.locator("#table .tabulator-row").all()
    cells = [[row.locator(f"[tabulator-field={name}]").inner_text() for name in ("qname", "resolver")] for row in drawn]
    return [" at ".join(each) for each in cells]


def counted(found: Opened, text: str) -> None:
    """Wait until the table says that it shows so many cells."""
    expect(found.page.locator("#table .count")).to_have_text(text)


def test_loads_quietly(chromium: Browser, file: Path) -> None:
    """All parts are drawn, charts among them; nothing is complained of, and nothing asked of any network."""
    with opened(chromium, file) as found:
        found.settle()
        assert found.page.locator(".timeline svg").count() == 2
        assert found.page.locator("#overview svg").count() == 1
        assert found.page.locator(DENIED).count() == 5
        assert found.complaints == []
        assert found.requests == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_everybody_can_read_it(chromium: Browser, file: Path, size: dict[str, int], scheme: str) -> None:
    """Axe finds nothing, on a wide screen and on a phone, light and dark, with a cell open and without."""
    with opened(chromium, file, viewport=size, color_scheme=scheme) as found:
        found.settle()
        bare = Axe().run(found.page).response["violations"]
        found.page.locator(DENIED).first.click()
        expect(found.page.locator("#witnesses")).to_be_visible()
        within = Axe().run(found.page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in (*bare, *within)] == []


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_fits_its_screen(chromium: Browser, file: Path, size: dict[str, int]) -> None:
    """Nothing sticks out to the side: what is wider than the screen scrolls in a box of its own."""
    with opened(chromium, file, viewport=size) as found:
        found.settle()
        assert found.page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_table_is_searched_filtered_and_sorted(chromium: Browser, file: Path) -> None:
    """Search looks at names and resolvers, a filter at one column; a click on a heading sorts by it, both ways."""
    with opened(chromium, file) as found:
        found.cells()
        whole = found.page.locator("#table .count").inner_text()
        found.page.fill("#search", "ISP-RU")
        counted(found, f"2 of {whole}")
        assert set(rows(found)) == {"one.example at isp-ru"}
        found.page.click("text=Show all")
        counted(found, whole)
        found.page.select_option("select[data-column=what]", "still vanished")
        counted(found, f"8 of {whole}")
        assert {row.split()[-1] for row in rows(found)} == {"nsdi-a", "nsdi-b"}
        heading = found.page.locator(".tabulator-col[tabulator-field=qname] .tabulator-col-title")
        heading.click()
        ascending = rows(found)
        heading.click()
        assert [row.split()[0] for row in ascending] == sorted(row.split()[0] for row in ascending)
        assert [row.split()[0] for row in rows(found)] == sorted((row.split()[0] for row in ascending), reverse=True)
        found.page.fill("#search", "nothing like it")
        counted(found, f"0 of {whole}")
        assert found.complaints == []


def test_rows_are_drawn_anew_for_another_width_only(chromium: Browser, file: Path) -> None:
    """Coming into view is no reason: the row that a person clicks at must be there until the click ends."""
    with opened(chromium, file) as found:
        found.settle()
        row, heading = "#table .tabulator-row", ".tabulator-col[tabulator-field=said]"
        found.page.evaluate("row => { document.querySelector(row).id = 'mine'; }", row)
        for part in ("#cells", "h1", "#cells"):
            found.page.locator(part).scroll_into_view_if_needed()
            found.page.wait_for_timeout(300)
        assert found.page.locator("#mine").count() == 1
        expect(found.page.locator(heading)).to_be_visible()
        found.page.set_viewport_size({"width": 390, "height": 844})
        expect(found.page.locator(heading)).to_be_hidden()
        found.page.set_viewport_size({"width": 1280, "height": 900})
        expect(found.page.locator(heading)).to_be_visible()


def test_event_shows_its_cells(chromium: Browser, file: Path) -> None:
    """The button of an event leaves its cells in the table, and no other."""
    with opened(chromium, file) as found:
        found.page.locator(".card.going-on .show-cells, .card.new .show-cells").first.click()
        expect(found.page.locator("#table .count")).to_contain_text("of one event")
        assert {row.split()[0] for row in rows(found)} == set(BOTH)


def test_matrix_opens_its_cells(chromium: Browser, file: Path) -> None:
    """A click on a place shows what was said there before and after, the controls, and the evidence."""
    with opened(chromium, file) as found:
        found.page.locator(
            "[aria-label='one.example at isp-ru: denied (NXDOMAIN, NODATA), while the controls answer']"
        ).click()
        dialog = found.page.locator("#witnesses")
        expect(dialog.locator("#w-title")).to_have_text("one.example at isp-ru over udp")
        text = dialog.inner_text()
        for part in (
            "said that one.example does not exist, while 5 of 5 independent control operators answered",
            "2026-02-08: agrees",
            "2026-02-09: vanished by nxdomain",
            ";; status: NXDOMAIN, flags: qr",
            "one.example. A ",
            "5 of 5 control operators say answer.",
            "Evidence for a difference",
            "denied_alone: 5 of 5 controls still answer",
            "resolver-diff explain one.example isp-ru --date 2026-02-09 --qtype A",
        ):
            assert part in text
        found.page.click("#w-close")
        expect(dialog).to_be_hidden()


def test_matrix_is_walked_by_keys(chromium: Browser, file: Path) -> None:
    """Arrow keys go from place to place, Enter opens one, Escape closes it and gives the focus back."""
    with opened(chromium, file) as found:
        found.page.wait_for_selector(DENIED)
        assert found.page.locator("#grid td[tabindex='0']").count() == 1
        found.page.locator("#grid td[tabindex='0']").focus()
        label = "document.activeElement.getAttribute('aria-label')"
        start = found.page.evaluate(label)
        for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
            before = found.page.evaluate(label)
            found.page.keyboard.press(key)
            assert found.page.evaluate(label) != before
        assert found.page.evaluate(label) == start
        found.page.keyboard.press("Control+End")
        last = found.page.evaluate(label)
        found.page.keyboard.press("Enter")
        expect(found.page.locator("#witnesses")).to_be_visible()
        assert found.page.locator("#w-title").inner_text().split()[0] == last.split()[0]
        found.page.keyboard.press("Escape")
        expect(found.page.locator("#witnesses")).to_be_hidden()
        assert found.page.evaluate(label) == last


def test_matrix_slides_over_the_dates(chromium: Browser, file: Path) -> None:
    """The slider shows the states of another date, and says which."""
    with opened(chromium, file) as found:
        found.page.wait_for_selector(DENIED)
        slider = found.page.locator("#grid input[type=range]")
        slider.focus()
        found.page.keyboard.press("Home")
        assert found.page.locator("#grid output").inner_text() == "2026-01-27"
        assert found.page.locator(DENIED).count() == 0
        for _ in range(4):
            found.page.keyboard.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") == "2026-01-31"
        assert found.page.locator(DENIED).count() == 2


def test_table_opens_by_its_buttons(chromium: Browser, file: Path) -> None:
    """Every row has a button that opens the cell, so that no mouse is needed."""
    with opened(chromium, file) as found:
        found.cells()
        button = found.page.locator("#table button.open").first
        name = (button.get_attribute("aria-label") or "").split(": ")[1].split()[0]
        button.focus()
        found.page.keyboard.press("Enter")
        expect(found.page.locator("#w-title")).to_contain_text(name)


def test_link_opens_its_cell(chromium: Browser, file: Path) -> None:
    """The link of a cell opens that cell and no other; one to a cell that is not listed says so."""
    with opened(chromium, file, "#cell-home/two.example/AAAA/nsdi-b/udp") as found:
        expect(found.page.locator("#w-title")).to_have_text("two.example at nsdi-b over udp")
        first = found.page.locator("#w-body article").first
        expect(first.locator("h3")).to_have_text("AAAA: still vanished by nxdomain")
        assert first.get_attribute("data-cell") == "cell-home/two.example/AAAA/nsdi-b/udp"
    with opened(chromium, file, "#cell-home/quiet-01.test/A/nsdi-b/udp") as found:
        expect(found.page.locator("#told")).to_have_text("The cell of this link is not listed on this page.")


def test_link_goes_to_its_event(chromium: Browser, file: Path) -> None:
    """The link of an event brings it into view."""
    with opened(chromium, file) as found:
        event = found.page.locator(".card").last.get_attribute("id")
    with opened(chromium, file, f"#{event}") as found:
        found.page.wait_for_selector(DENIED)
        expect(found.page.locator(f"#{event}")).to_be_in_viewport()


def test_events_beyond_the_first_are_folded(chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of many does not bury what comes after them; a link to one opens them, and paper has them all."""
    monkeypatch.setattr(page, "FIRST_CARDS", 1)
    made = pages.made(pages.file_away(tmp_path / "snapshots", pages.told(DAYS)))
    with opened(chromium, made) as found:
        last = found.page.locator(".card").last
        expect(found.page.locator(".card").first).to_be_visible()
        expect(last).not_to_be_visible()
        expect(found.page.locator(".rest summary").first).to_have_text("1 more event")
        name = last.get_attribute("id")
        found.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        expect(last).to_be_visible()
    with opened(chromium, made, f"#{name}") as found:
        expect(found.page.locator(".card").last).to_be_visible()


def test_link_is_copied(chromium: Browser, file: Path) -> None:
    """The button copies the address of the event, and says so."""
    with opened(chromium, file, permissions=["clipboard-read", "clipboard-write"]) as found:
        event = found.page.locator(".card").first.get_attribute("id")
        found.page.locator(f"#{event} button.copy").click()
        expect(found.page.locator("#told")).to_have_text("Link copied.")
        assert found.page.evaluate("navigator.clipboard.readText()") == f"{file.as_uri()}#{event}"


def test_colors_are_switched(chromium: Browser, file: Path) -> None:
    """The button turns light to dark and back, charts too, whatever the system prefers."""
    paper = "getComputedStyle(document.body).backgroundColor"
    with opened(chromium, file) as found:
        found.settle()
        light = found.page.evaluate(paper)
        drawn = found.page.locator("#overview svg").inner_html()
        found.page.click("#theme")
        assert found.page.evaluate(paper) != light
        found.page.wait_for_function(
            "before => document.querySelector('#overview svg').innerHTML !== before", arg=drawn
        )
        found.page.click("#theme")
        assert found.page.evaluate(paper) == light
        assert found.complaints == []


def test_reads_without_script(chromium: Browser, file: Path) -> None:
    """Who has no script reads the paragraph, the events with their dates, the first cells, and what is missing."""
    with opened(chromium, file, java_script_enabled=False) as found:
        text = found.page.locator("main").inner_text()
        for part in (
            "On 9 February 2026, 34 names were asked of 13 resolvers from home",
            "one.example and 1 more name are lost at 3 of 3 resolvers in RU since 8 February 2026",
            "three.example diverged at isp-in between 8 and 9 February 2026",
            "The matrix needs JavaScript",
        ):
            assert part in text
        assert found.page.locator("#plain tbody tr").count() > 5
        assert found.page.locator("button:visible").count() == 0
        assert found.page.locator(".reach tbody tr").count() == 2 * len(DAYS)
        assert found.complaints == []


def test_prints(chromium: Browser, file: Path) -> None:
    """On paper there are the cells as a plain table and no buttons, and nothing sticks out."""
    with opened(chromium, file, viewport={"width": 794, "height": 1123}) as found:
        found.settle()
        found.page.emulate_media(media="print")
        assert found.page.locator("#plain").is_visible()
        assert found.page.locator("button:visible").count() == 0
        assert found.page.evaluate("document.documentElement.scrollWidth") <= 794
        assert found.page.pdf(format="A4").startswith(b"%PDF")


def test_several_vantages(chromium: Browser, tmp_path: Path) -> None:
    """Two vantages are one page: links and the table tell them apart, the matrix shows one and can be switched."""
    folder = pages.file_away(tmp_path / "snapshots", pages.told(DAYS))
    pages.file_away(folder, pages.told([*DAYS[:-1], {"nsdi-a": BOTH}]), vantage="away")
    with opened(chromium, pages.made(folder), "#cell-away/two.example/A/nsdi-a/udp") as found:
        expect(found.page.locator("#w-title")).to_have_text("two.example at nsdi-a over udp, from away")
        found.page.keyboard.press("Escape")
        choice = found.page.locator("#grid select")
        assert choice.locator("option").all_inner_texts() == ["away", "home"]
        assert found.page.locator(DENIED).count() == 2
        choice.select_option("1")
        assert found.page.locator(DENIED).count() == 5
        assert found.complaints == []


def test_quiet_date(chromium: Browser, tmp_path: Path) -> None:
    """Of a date on which nothing is wrong the page says so, in each of its parts, and complains of nothing."""
    with opened(chromium, pages.made(pages.file_away(tmp_path / "snapshots", pages.told([{}, {}])))) as found:
        expect(found.page.locator("#theme")).to_be_visible()
        text = found.page.locator("main").inner_text()
        assert "No event was told from chance. Since 8 February 2026, no cell changed; no cell is wrong today." in text
        assert "No event over these dates." in text
        expect(found.page.locator("#grid")).to_be_hidden()
        expect(found.page.locator("#plain")).to_have_text("None.")
        assert found.complaints == []


def boxes(found: Opened) -> dict[str, tuple[int, int]]:
    """Return where the parts of the page begin and how wide they are, in hundredths of the screen."""
    width, held = found.page.viewport_size["width"], {}  # type: ignore[index]
    for part in PARTS:
        box = found.page.locator(part).first.bounding_box()
        assert box is not None, f"{part} is not there"
        held[part] = (round(100 * box["x"] / width), round(100 * box["width"] / width))
    return held


@pytest.mark.parametrize("size", LAYOUTS)
def test_parts_stand_where_they_stood(chromium: Browser, file: Path, size: str) -> None:
    """Columns stand beside each other on a wide screen and below each other on a phone, whatever the fonts are."""
    with opened(chromium, file, viewport=WIDE if size == "wide" else PHONE) as found:
        found.settle()
        there, wanted = boxes(found), dict(zip(PARTS, LAYOUTS[size], strict=True))
        off = {part: (there[part], wanted[part]) for part in PARTS if _apart(there[part], wanted[part]) > 2}
        assert not off


def _apart(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


def tiles(chromium: Browser, picture: bytes) -> list[int]:
    """Return *picture* as the mean color of each of 32 by 24 tiles: what is left of it with half-closed eyes."""
    with chromium.new_context(offline=True) as there:
        tab = there.new_page()
        tab.set_content("<canvas width=32 height=24></canvas>")
        return list(tab.evaluate(SQUINT, b64encode(picture).decode()))


def unlike(one: list[int], other: list[int]) -> float:
    """Return how far two pictures are apart: the mean difference of their colors, of 255."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


@pytest.mark.parametrize("size", ["wide", "phone"])
def test_looks_as_it_did(chromium: Browser, file: Path, size: str) -> None:
    """The top of the page is much like the picture that was kept of it; in the other colors it is not."""
    kept = PICTURES / f"page-{size}.json"
    with opened(chromium, file, viewport=WIDE if size == "wide" else PHONE) as found:
        found.settle()
        light = tiles(chromium, found.page.screenshot(animations="disabled"))
        found.page.click("#theme")
        dark = tiles(chromium, found.page.screenshot(animations="disabled"))
    if os.environ.get("UPDATE_GOLDEN"):
        kept.write_text(json.dumps(light) + "\n")
    wanted = json.loads(kept.read_text())
    assert unlike(light, wanted) < ALIKE
    assert unlike(dark, wanted) > 5 * ALIKE
