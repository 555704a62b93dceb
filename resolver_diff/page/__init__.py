"""What happened up to one date, as one page that needs nothing but a browser: no network, no other file.

The page is a template (``browser/``), into which texts go as texts: jinja2 escapes all of them, and what a script
shows it takes from ``packed`` columns and writes as text too. Its Content-Security-Policy allows nothing but the
scripts and styles that stand in it, each by its hash. Nothing here reads a clock: a date makes the same page
whenever it is asked for.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import Any

import numpy as np
import polars as pl
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from resolver_diff.event import day_in_words
from resolver_diff.page import cards, panel, witnesses, words
from resolver_diff.page.matrix import CODES, LETTERS, MEANINGS
from resolver_diff.page.packed import columns, deflated, packed
from resolver_diff.page.sight import Sight, View
from resolver_diff.page.summary import MOST_EVENTS, MOST_UNTOLD, Summary, SummedEvent
from resolver_diff.page.vendored import source, vendored
from resolver_diff.wording import visible
from resolver_diff.wording.idn import PREFIX, u_labels
from resolver_diff.wording.tally import Tally

__all__ = ["Sight", "View", "render", "stylesheet"]

BROWSER = files("resolver_diff.page") / "browser"
SCRIPTS = ("start.js", "charts.js", "matrix.js", "witnesses.js", "cells.js", "links.js")
FIRST_CARDS = 12  # that are open
FIRST_ROWS = 50  # of the cells, for who has no script, and for paper
SHOWN = (
    "what", "first_seen", "domain_set", "qname", "qtype", "resolver", "transport", "operator", "country", "role",
    "state", "mechanism", "outcome", "answer", "cname", "state_before", "mechanism_before", "outcome_before",
    "answer_before", "consensus", "controls_agreeing", "controls_asked", "repeats", "repeats_alike", "event",
    "confidence_says", "says",
)  # fmt: skip


def render(view: View) -> str:
    """Return the page of *view*: one HTML document."""
    told = cards.courses(view)
    untold = {sight.vantage: cards.untold(sight) for sight in view.sights}
    differs = list(chain.from_iterable(untold.values()))
    says = words.paragraph(view, told, differs)
    script, style = _script(), _text("page.css")
    libraries = vendored()
    context = {
        "view": view,
        "says": says,
        "cards": told[: cards.MOST],
        "first_cards": FIRST_CARDS,
        "more_cards": max(0, len(told) - cards.MOST),
        "counts": {kind: sum(card["status"] == kind for card in told) for kind in cards.ORDER},
        "untold": untold,
        "any_untold": bool(differs),
        "most_untold": cards.MOST,
        "facts": [panel.facts(sight) for sight in view.sights],
        "first": [row for sight in view.sights for row in _first(sight)][:FIRST_ROWS],
        "listed": sum(sight.cells.height for sight in view.sights),
        "left_out": sum(sight.left_out for sight in view.sights),
        "tally": _tally(view),
        "any_wrong": any(sight.matrix.names.height for sight in view.sights),
        "states": [(kind, LETTERS[kind], meaning) for kind, meaning in MEANINGS.items() if kind in _seen(view)],
        "summary": Markup(_summary(view, told, [card["says"] for card in differs], says).element()),  # noqa: S704
        "data": packed(_document(view)),
        "libraries": [(each, deflated(each.text)) for each in libraries],
        "style": Markup(style),  # noqa: S704
        "script": Markup(script),  # noqa: S704
        "policy": _policy([script], [style]),
    }
    return _environment().get_template("page.html.jinja").render(context)


def stylesheet() -> str:
    """Return how pages look, for what stands beside them and shall look the same."""
    return _text("page.css")


def _text(name: str) -> str:
    return (BROWSER / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    """Return what turns the template into the page; a name it lacks is an error, and every text is escaped."""
    made = Environment(
        autoescape=True, loader=FunctionLoader(_text), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {"visible": visible, "day": day_in_words, "count": "{:,}".format, "readable": u_labels}
    return made


@cache
def _script() -> str:
    """Return all of our scripts as one, in a scope of its own."""
    parts = "\n".join(map(_text, SCRIPTS))
    return f'(() => {{\n"use strict";\n{parts}\n}})();'


def _policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """Return the Content-Security-Policy: what stands in the page, by its hash, and nothing from anywhere else."""
    libraries = vendored()
    allowed = [*scripts, *(each.text for each in libraries if each.file.endswith(".js"))]
    dressed = [*styles, *(each.text for each in libraries if each.file.endswith(".css"))]
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(source, allowed))}",
            f"style-src {' '.join(map(source, dressed))}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _seen(view: View) -> set[str]:
    """Return what the letters of the matrix stand for, of those that are in it."""
    codes = {code for sight in view.sights for code in np.unique(sight.matrix.codes)}
    return {kind for kind, code in CODES.items() if code in codes}


def _tally(view: View) -> dict[str, int]:
    tallies = [Tally.of(sight.today) for sight in view.sights]
    return {
        "cells": sum(each.cells for each in tallies),
        "unjudged": sum(each.unjudged for each in tallies),
        "names": max((each.names for each in tallies), default=0),
        "resolvers": max((each.resolvers for each in tallies), default=0),
        "wrong": sum(len(sight.today.anomalies) for sight in view.sights),
    }


def _summary(view: View, told: list[dict[str, Any]], untold: list[str], says: str) -> Summary:
    tally = _tally(view)
    return Summary(
        resolver_diff=view.version,
        since=view.since,
        date=view.date,
        dates=max((len(sight.matrix.dates) for sight in view.sights), default=0),
        vantages=tuple(sight.vantage for sight in view.sights),
        says=says,
        resolvers=tally["resolvers"],
        names=tally["names"],
        cells=tally["cells"],
        wrong=tally["wrong"],
        events=tuple(SummedEvent.of(card["row"]) for card in told[:MOST_EVENTS]),
        unjudged=tally["unjudged"],
        untold=tuple(untold[:MOST_UNTOLD]),
        more_untold=max(0, len(untold) - MOST_UNTOLD),
    )


def _document(view: View) -> dict[str, Any]:
    """Return what scripts show, by vantage."""
    sights = [_sight(sight) for sight in view.sights]
    evidence = {name for sight in view.sights for name in _evidence(sight)}
    extended: dict[str, str] = {}
    for sight in view.sights:
        extended |= witnesses.extended(sight.said)
    names = {name for sight in view.sights for name in sight.cells["qname"] if PREFIX in name}
    return {
        "date": view.date,
        "kinds": list(LETTERS),
        "letters": list(LETTERS.values()),
        "meanings": MEANINGS,
        "sights": sights,
        "evidence": witnesses.meanings(evidence),
        "extended": extended,
        "readable": {visible(name): readable for name in sorted(names) if (readable := u_labels(name))},
    }


def _evidence(sight: Sight) -> set[str]:
    listed = sight.cells.select("evidence_for", "evidence_against")
    return {name for column in listed.iter_columns() for each in column.drop_nulls() for name in each}


def _sight(sight: Sight) -> dict[str, Any]:
    matrix = sight.matrix
    cells = sight.cells
    spoken = cells.select(SHOWN).hstack(witnesses.sentences(cells).select("speaks_for", "speaks_against"))
    return {
        "vantage": visible(sight.vantage),
        "before": sight.changes.date_before if sight.changes else None,
        "dates": matrix.dates,
        "names": columns(matrix.names),
        "entries": columns(_entries(sight)),
        "codes": [_codes(each) for each in matrix.codes],
        "asked": matrix.asked,
        "cells": columns(spoken),
        "replies": witnesses.replies(sight.said, cells),
        "controls": witnesses.controls(sight.today.cells, cells),
        "others": witnesses.others(sight.today.cells, cells),
    }


def _entries(sight: Sight) -> pl.DataFrame:
    """Return the columns of the matrix, with how each resolver was on the page's date."""
    health = sight.today.health.frame.select("resolver", pl.col("transport").cast(pl.String), "condition", "says")
    entries = sight.matrix.entries.select(
        "resolver", pl.col("transport").cast(pl.String), "operator", "country", "role"
    )
    return entries.join(health, on=["resolver", "transport"], how="left", maintain_order="left")


def _codes(day: np.ndarray) -> str:
    """Return the codes of one date, name after name, as digits."""
    return (day.astype(np.uint8) + ord("0")).tobytes().decode("ascii")


def _first(sight: Sight) -> list[dict[str, Any]]:
    rows = sight.cells.head(FIRST_ROWS).select(
        "what", "qname", "qtype", "resolver", "transport", "outcome", "mechanism", "says"
    )
    return [row | {"vantage": sight.vantage} for row in rows.iter_rows(named=True)]
