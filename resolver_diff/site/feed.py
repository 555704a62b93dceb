"""Events as an Atom feed (RFC 4287): one entry for each, updated when it begins, spreads, changes its means, is over.

An entry is told apart by a name that is made of the feed's own and the event's, so that it stays the same when the feed
is made again. Texts are texts (``type="text"``): no reader takes them for markup. What XML 1.0 does not allow at all,
control characters among it, is written out.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid5
from xml.etree import ElementTree

import resolver_diff
from resolver_diff.site.lives import Life, Listed, lives
from resolver_diff.wording import visible

ATOM = "http://www.w3.org/2005/Atom"
HTML = "text/html"
MOST = 200  # entries; those with the latest news


def feed(pages: Sequence[Listed], identity: UUID, file: str, url: str | None) -> str:
    """Return the feed of *pages*, which is to be called *file*.

    *url* is where the folder will be; without it links are relative to where the feed is.
    """
    at = f"{url.rstrip('/')}/" if url else ""
    known = lives(pages)[:MOST]
    latest = max((page.summary.date for page in pages), default=date(1970, 1, 1))
    vantages = sorted({name for page in pages for name in page.summary.vantages})
    root = ElementTree.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _text(root, "id", identity.urn)
    _text(root, "title", "Names that vanished or were answered otherwise")
    _text(root, "subtitle", f"Seen from {', '.join(vantages)}" if vantages else "Nothing seen yet")
    _text(root, "updated", _moment(latest))
    author = ElementTree.SubElement(root, "author")
    _text(author, "name", "resolver_diff")
    ElementTree.SubElement(root, "generator", {"version": resolver_diff.__version__}).text = "resolver_diff"
    ElementTree.SubElement(root, "link", {"rel": "alternate", "type": HTML, "href": f"{at}index.html"})
    if url:
        ElementTree.SubElement(root, "link", {"rel": "self", "type": "application/atom+xml", "href": at + file})
    for life in known:
        _entry(root, life, identity, at)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _entry(root: ElementTree.Element, life: Life, identity: UUID, at: str) -> None:
    event = life.event
    entry = ElementTree.SubElement(root, "entry")
    _text(entry, "id", uuid5(identity, "\n".join(life.key)).urn)
    _text(entry, "title", event.says)
    _text(entry, "published", _moment(life.stages[0].page.summary.date))
    _text(entry, "updated", _moment(life.stages[-1].page.summary.date))
    ElementTree.SubElement(entry, "link", {"rel": "alternate", "type": HTML, "href": f"{at}{life.address}"})
    for term in (event.country, event.domain_set, *event.mechanisms):
        ElementTree.SubElement(entry, "category", {"term": visible(term)})
    _text(entry, "summary", _says(life), {"type": "text"})


def _says(life: Life) -> str:
    """Return what there is to say of an event: its sentence, where, how sure, and what became of it."""
    event = life.event
    more = f" and {event.names - len(event.qnames):,} more" if event.names > len(event.qnames) else ""
    told = [
        f"{event.says}.",
        f"Names: {', '.join(event.qnames)}{more}.",
        f"Resolvers ({event.witnesses} of {event.denominator}): {', '.join(event.resolvers)}.",
        f"Seen from {event.vantage}.",
    ]
    if event.confidence_says:
        told.append(f"Confidence: {event.confidence_says}.")
    told.append(" ".join(f"{stage.page.summary.date}: {stage.says}." for stage in life.stages))
    return " ".join(told)


def _text(parent: ElementTree.Element, name: str, text: str, attributes: dict[str, str] | None = None) -> None:
    ElementTree.SubElement(parent, name, attributes or {}).text = visible(text)


def _moment(day: date) -> str:
    """Return the beginning of *day* (RFC 3339): a page is about a whole date."""
    return f"{day.isoformat()}T00:00:00Z"
