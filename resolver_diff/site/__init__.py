"""Many pages as a site: an index over all dates, and a feed of events; made of what each page says of itself.

Nothing is judged here, and no snapshot is read: the summaries of the pages are all there is, so that a folder of pages
can be moved, and pages of dates whose snapshots are gone stay in it. Nothing reads a clock: the same pages give the
same index and feed.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

import resolver_diff
from resolver_diff.event import day_in_words
from resolver_diff.page import stylesheet
from resolver_diff.page.vendored import source
from resolver_diff.site.lives import Life, Listed, lives
from resolver_diff.site.strips import bars, strip
from resolver_diff.wording import visible

__all__ = ["Life", "Listed", "index", "lives"]

HERE = files("resolver_diff.site")
MOST_OPEN = 50  # events that go on
MOST_NEW = 3  # sentences about a date


def index(pages: Sequence[Listed], feed: str | None) -> str:
    """Return the index over *pages*: one HTML document, with a link to the *feed* if there is one."""
    ordered = sorted(pages, key=lambda page: page.summary.date, reverse=True)
    known = lives(ordered)
    latest = ordered[0].summary.date if ordered else None
    going_on = [life for life in known if life.goes_on_at(latest)]
    style = stylesheet() + (HERE / "site.css").read_text(encoding="utf-8")
    context = {
        "version": resolver_diff.__version__,
        "pages": ordered,
        "vantages": sorted({name for page in ordered for name in page.summary.vantages}),
        "months": _months(ordered),
        "news": {page.file: _news(page, known) for page in ordered},
        "going_on": going_on[:MOST_OPEN],
        "more_going_on": max(0, len(going_on) - MOST_OPEN),
        "strips": {life.key: Markup(strip(life, ordered)) for life in going_on[:MOST_OPEN]},  # noqa: S704
        "bars": Markup(bars(ordered)),  # noqa: S704
        "feed": feed,
        "style": Markup(style),  # noqa: S704
        "policy": f"default-src 'none'; style-src {source(style)}; img-src data:; base-uri 'none'; form-action 'none'",
    }
    return _environment().get_template("index.html.jinja").render(context)


def _news(page: Listed, known: Sequence[Life]) -> dict[str, object]:
    """Return what the page of a date has that is new: how many events, and the sentences of the first of them."""
    begun = [life.stages[0] for life in known if life.stages[0].page is page]
    later = [stage for life in known for stage in life.stages[1:] if stage.page is page]
    over = [stage for stage in later if stage.over]
    changed = [stage for stage in later if not stage.over]
    says = [stage.event.says for stage in (*begun, *over)] + [f"{each.event.says} ({each.says})" for each in changed]
    going_on = [
        event for event in page.summary.events if event.first_good is None and event.reported < page.summary.date
    ]
    summary = page.summary
    return {
        "failed": summary.cells > 0 and summary.unjudged == summary.cells,
        "untold": summary.untold[:MOST_NEW],
        "more_untold": max(0, len(summary.untold) - MOST_NEW) + summary.more_untold,
        "begun": len(begun),
        "over": len(over),
        "going_on": len(going_on),
        "says": says[:MOST_NEW],
        "more": max(0, len(says) - MOST_NEW),
    }


def _months(ordered: Sequence[Listed]) -> list[tuple[str, list[Listed]]]:
    """Return the pages by month, the latest first."""
    return [(name, list(group)) for name, group in groupby(ordered, key=lambda page: f"{page.summary.date:%B %Y}")]


@cache
def _environment() -> Environment:
    """Return what turns the template into the index; a name it lacks is an error, and every text is escaped."""
    made = Environment(
        autoescape=True,
        loader=FunctionLoader(lambda name: (HERE / name).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"visible": visible, "day": day_in_words, "count": "{:,}".format}
    return made
