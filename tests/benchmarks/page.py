"""How long a large page takes in a browser: until it is first painted, and until its table is filtered.

    python3 dev.py benchmark page [cells] [file that keeps the page]

Dates are made up with ``day.py``, judged, and their page made; then the cells it lists are repeated, under other
names, until there are so many (50,000 if not said); what the controls said is not repeated. What is measured is the
real page in headless Chromium: the octets of the file; milliseconds from the start of navigation to the first
contentful paint; from the moment at which the table comes near to its first row; from a key in the search box to the
end of the filtering, the 120 ms in it that it waits for more keys; and to sort all rows by a column. Each page is
opened five times; the median is printed.
"""

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import polars as pl
from debian import need  # type: ignore[import-not-found]  # it stands beside this file
from playwright.sync_api import Page, sync_playwright

from resolver_diff.commands import _paging
from resolver_diff.commands._loading import Source
from resolver_diff.library import confident
from resolver_diff.page import render
from resolver_diff.page.sight import Sight, View

HERE = Path(__file__).parent
DAYS = ("2026-02-10", "2026-02-11", "2026-02-12")
TIMES = 5
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
TABLE = """async () => {
    const start = performance.now();
    document.querySelector('#cells').scrollIntoView();
    while (!document.querySelector('#table .tabulator-row')) await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""
FILTER = """async text => {
    const before = document.querySelector('#table .count').textContent, start = performance.now();
    const search = document.querySelector('#search');
    search.value = text;
    search.dispatchEvent(new Event('input', {bubbles: true}));
    while (document.querySelector('#table .count').textContent === before) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""
SORT = """async () => {
    const start = performance.now();
    document.querySelector('.tabulator-col[tabulator-field=qname] .tabulator-col-title').click();
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""


def repeated(sight: Sight, cells: int) -> Sight:
    """Return *sight* with its cells, and what was said in them, repeated under other names until there are so many."""
    times = -(-cells // sight.cells.height)
    first = pl.lit("")

    def named(frame: pl.DataFrame, turn: int) -> pl.DataFrame:
        prefix = pl.lit(f"n{turn}.") if turn else first
        return frame.with_columns(qname=prefix + pl.col("qname").cast(pl.String))

    more = pl.concat([named(sight.cells, turn) for turn in range(times)]).head(cells)
    kept = more.select("qname", "qtype", "resolver", "transport")
    texts = sight.said.with_columns(pl.col("transport").cast(pl.String))
    said = pl.concat([named(texts, turn) for turn in range(times)])
    return replace(sight, cells=more, said=said.join(kept, on=kept.columns, how="semi"))


def large(cells: int) -> View:
    """Return what a page of so many cells shows."""
    with TemporaryDirectory() as folder:
        for day in DAYS:
            subprocess.run(
                [sys.executable, HERE / "day.py", folder, day, "60", "2000"], check=True, capture_output=True
            )
        view = _paging.view(Source(Path(folder)), date.fromisoformat(DAYS[-1]), None, confident.table(None))
    return replace(view, sights=[repeated(view.sights[0], cells)])


def measured(page: Page, file: Path) -> dict[str, float]:
    """Open the page and return what each step took, in milliseconds."""
    page.goto(file.as_uri())
    page.wait_for_selector("#grid table")
    took = {"first paint": page.evaluate(PAINT), "table": page.evaluate(TABLE)}
    page.wait_for_timeout(300)
    took["filter"] = page.evaluate(FILTER, "n1.0")
    took["filter back"] = page.evaluate(FILTER, "")
    took["sort"] = page.evaluate(SORT)
    return took


def main() -> None:
    """Make the page, open it a few times, and print what it took."""
    need("chromium")
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with TemporaryDirectory() as folder, sync_playwright() as playing:
        file = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "page.html"
        file.write_text(render(large(cells)), encoding="utf-8")
        print(f"{cells:,} cells: {file.stat().st_size:,} octets")
        browser = playing.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        runs = []
        for _ in range(TIMES):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            runs.append(measured(page, file))
            page.close()
        for step in runs[0]:
            print(f"{step:12} {median(run[step] for run in runs):8.0f} ms")
        browser.close()


if __name__ == "__main__":
    main()
