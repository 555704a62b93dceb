"""A folder of pages with an index and a feed, brought up to date: what `site` and `daily` keep."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from resolver_diff import site
from resolver_diff.commands import _paging
from resolver_diff.commands._loading import Source
from resolver_diff.commands._output import talk, warn, write
from resolver_diff.confidence import Measured
from resolver_diff.errors import Place, Problem, SnapshotError, UsageError
from resolver_diff.page import summary
from resolver_diff.site.feed import feed

INDEX, FEED = "index.html", "feed.xml"
PAGES = "report-????-??-??.html"
OWN = re.compile(r"<id>(urn:uuid:[0-9a-f-]{36})</id>")
NEAR = 4096  # octets from the top of a feed within which it says its own name


@dataclass(frozen=True, slots=True)
class Kept:
    """What a folder has now: the pages that were made, and how many there are in all."""

    made: tuple[Path, ...]
    pages: int
    index: Path
    feed: Path


def page_of(folder: Path, day: date) -> Path:
    """Return where the page of *day* is kept."""
    return folder / f"report-{day}.html"


def update(
    folder: Path, source: Source, known: Measured, url: str | None, *, since: date | None = None, anew: bool = False
) -> Kept:
    """Make the pages of *source* that *folder* lacks, those since a date if one is given, then its index and feed.

    With *anew* pages that are there are made again. Each file is put into place whole, the index and the feed last, so
    that a run that is stopped leaves the old ones, and the next goes on where it was. Raises UsageError when *folder*
    cannot be written, or *url* is none.
    """
    check_url(url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {error.strerror or error}") from error
    made = []
    for day in source.dates():
        file = page_of(folder, day)
        if (since is not None and day < since) or (file.exists() and not anew):
            continue
        try:
            write(file, _paging.page(source, day, None, known))
        except SnapshotError as error:  # the other dates are still worth a page
            warn(error.problems)
            continue
        made.append(file)
        talk(f"{file} is made")
    pages = list(_listed(folder))
    identity = _identity(folder / FEED, url)
    write(folder / FEED, feed(pages, identity, FEED, url))
    write(folder / INDEX, site.index(pages, FEED))
    return Kept(tuple(made), len(pages), folder / INDEX, folder / FEED)


def check_url(url: str | None) -> None:
    """Raise UsageError when *url* is no address of a folder on the web."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        fits = False
    if not fits or not url.isprintable() or " " in url:
        hint = "the folder's own address, for example https://example.org/dns/"
        raise UsageError(f"`{url}` is no address under which pages could be read", hint=hint)


def _listed(folder: Path) -> Iterator[site.Listed]:
    """Yield every page in *folder*, also of dates whose snapshots are gone; says which cannot be read."""
    for file in sorted(folder.glob(PAGES)):
        try:
            told = summary.read(file)
            if file == page_of(folder, told.date):
                yield site.Listed(file.name, told)
            else:
                warn([Problem(f"this is the page of {told.date}, and left out of the index", Place(str(file)))])
        except UsageError as error:
            warn(error.problems)
        except OSError as error:
            warn([Problem(f"a page cannot be read ({error.strerror or error})", Place(str(file)))])


def _identity(file: Path, url: str | None) -> UUID:
    """Return the feed's own name: the one it has; else one made of *url*; else a new one, which it then keeps."""
    try:
        with file.open(encoding="utf-8") as stream:
            if found := OWN.search(stream.read(NEAR)):
                return UUID(found[1])
    except (OSError, ValueError):
        pass  # there is none yet, or none of ours
    return uuid5(NAMESPACE_URL, url) if url else uuid4()
