r"""Everything a diff found as one JSON object, in a stable order.

    meta        version, and for each comparison its dates, vantage and counts
    anomalies   as in the CSV; evidence_for and evidence_against are lists
    events      gathered anomalies
    health      resolvers that were not well, or of which there is something to say
    entered     vantage -> what only the later date has
    left        vantage -> what only the earlier date has
    coverage    only where the later date could tell much less than usual: of which vantage, country or resolver

Nothing is lost: what is not printable is there as a ``\u`` escape.
"""

import json
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

import resolver_diff
from resolver_diff.diff import Diff
from resolver_diff.reports import Report
from resolver_diff.reports.csv import ORDER
from resolver_diff.tables import Anomalies, Coverage, Events, Health
from resolver_diff.wording.tally import Tally, unwell

BEYOND_ASCII = re.compile(r"[^ -~\n]")
DELETE = "\x7f"
LISTS = ("evidence_for", "evidence_against")


def render(diffs: Sequence[Diff]) -> str:
    """Return one JSON object for all *diffs*, indented, ending with a newline."""
    anomalies = pl.concat([Anomalies.empty().frame, *(diff.anomalies.frame for diff in diffs)])
    events = pl.concat([Events.empty().frame, *(diff.events.frame for diff in diffs)])
    health = pl.concat([Health.empty().frame, *map(unwell, diffs)])
    document: dict[str, Any] = {
        "meta": {"resolver_diff": resolver_diff.__version__, "comparisons": [_comparison(diff) for diff in diffs]},
        "anomalies": [_split(row) for row in plain_rows(anomalies.sort(ORDER, nulls_last=False, maintain_order=True))],
        "events": plain_rows(events.sort("vantage", "first_bad", "event")),
        "health": plain_rows(health.sort("vantage", "date", "resolver", "transport")),
        "entered": {diff.vantage: list(diff.entered) for diff in diffs if diff.entered},
        "left": {diff.vantage: list(diff.left) for diff in diffs if diff.left},
    }
    coverage = pl.concat([Coverage.empty().frame, *(diff.coverage.frame for diff in diffs)])
    if coverage.height:
        order = ("vantage", "country", "resolver", "transport")
        document["coverage"] = plain_rows(coverage.sort(order, nulls_last=False))
    return written(document)


def written(document: dict[str, Any]) -> str:
    """Return *document* as text, indented, without anything unprintable, ending with a newline."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"
    return BEYOND_ASCII.sub(lambda match: _safe(match.group()), text)


def lines(frame: pl.DataFrame) -> str:
    """Return the rows of *frame* as JSON Lines, one object each; numbers, and what is unprintable, as in the rest."""
    text = frame.with_columns(_finite(frame)).write_ndjson()
    if text.isascii() and DELETE not in text:  # nearly all is; other controls are escaped already
        return text
    return BEYOND_ASCII.sub(lambda match: _safe(match.group()), text)


def _comparison(diff: Diff) -> dict[str, object]:
    tally = Tally.of(diff)
    return {
        "date_before": diff.date_before,
        "date_after": diff.date_after,
        "vantage": diff.vantage,
        "cells": tally.cells,
        "names": tally.names,
        "resolvers": tally.resolvers,
        "changed": len(diff.anomalies),
        "not_judged": tally.unjudged,
        "cleared_by": tally.cleared,
        "not_judged_by": tally.kept,
    }


def plain_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of *frame* by column name, numbers to four figures."""
    return frame.with_columns(_finite(frame)).to_dicts()


def _finite(frame: pl.DataFrame) -> list[pl.Expr]:
    """Return the numbers of *frame* to four figures; JSON has no others than finite ones."""
    return [
        pl.when(pl.col(name).is_finite()).then(pl.col(name).round_sig_figs(4)).alias(name)
        for name, dtype in frame.schema.items()
        if dtype == pl.Float64
    ]


def _split(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: (row[name] or "").split() for name in LISTS}


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a report")


def _safe(char: str) -> str:
    """Return *char*, or its escape when it is unprintable (RFC 8259 section 7)."""
    return char if char.isprintable() else json.dumps(char)[1:-1]


REPORT = Report(suffix=".json", render=render)
