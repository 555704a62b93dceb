"""Who was asked, and how they were: the resolvers' health, who entered and left, coverage, the facts of the runs."""

from datetime import date
from typing import Any

import polars as pl

from resolver_diff.page import words
from resolver_diff.page.sight import Sight
from resolver_diff.series.panel import sentences
from resolver_diff.snapshot import Held, Run
from resolver_diff.tables import Condition
from resolver_diff.wording import visible
from resolver_diff.wording.lines import duration
from resolver_diff.wording.tally import widest

MEANS = {
    Condition.WELL: "fit to be judged",
    Condition.SILENT: "said nothing at all",
    Condition.ILL: "failed its own control names, or a third of everything",
    Condition.LOSSY: "silence or failures strike any name; what chance explains is not judged",
    Condition.REWRITES_NXDOMAIN: "answers names that cannot exist",
    Condition.CATCH_ALL: "answers nearly every name with one address",
    Condition.INTERCEPTED: "somebody else answers in its place, over this transport",
    Condition.STRIPS_QTYPE: "denies one record type for nearly every name",
}
MOST_MOVES = 40  # sentences
MOST_HELD = 60


def facts(sight: Sight) -> dict[str, Any]:
    """Return what the page says of the resolvers and runs of one vantage."""
    since = sight.matrix.dates[0] if sight.matrix.dates else sight.today.date_after
    moves = sentences(sight.series.moves.frame.filter(pl.col("date") >= since))
    drops = widest(sight.series.coverage.frame.filter(pl.col("date") >= since))
    return {
        "vantage": visible(sight.vantage),
        "dates": sight.series.dates,
        "before": sight.changes.date_before if sight.changes else None,
        "health": _health(sight),
        "moves": list(map(visible, moves[-MOST_MOVES:])),
        "more_moves": max(0, len(moves) - MOST_MOVES),
        "drops": [(row["date"], visible(row["says"])) for row in drops.iter_rows(named=True)],
        "unjudged": words.unjudged(sight),
        "runs": [_run(run) for run in sight.runs],
    }


def _health(sight: Sight) -> list[dict[str, Any]]:
    """Return a row per resolver and transport: those that were not well first."""
    facts = {(each.name, str(each.transport)): each for run in sight.runs for each in run.resolvers}
    rows = sight.today.health.frame.filter(pl.col("date") == sight.today.date_after)
    told = []
    for row in rows.iter_rows(named=True):
        entry = facts.get((row["resolver"], row["transport"]))
        about = {
            name: getattr(entry, name, None) or "" for name in ("operator", "country", "role", "policy", "address")
        }
        said = visible(row["says"]) if row["says"] else ""
        told.append({**about, **row, "says": said, "means": MEANS[Condition(row["condition"])]})
    return sorted(told, key=lambda row: (row["condition"] == Condition.WELL, row["resolver"], row["transport"]))


def _run(run: Run) -> dict[str, Any]:
    return {
        "started": f"{run.started:%Y-%m-%d %H:%M:%S} UTC",
        "took": duration((run.finished - run.started).total_seconds()),
        "version": run.version,
        "attempts": run.attempts,
        "timeout": f"{run.timeout:g}",
        "repeat": run.repeat,
        "late": _late(run),
        "counts": {name.replace("_", " "): count for name, count in run.counts.items() if count},
        "inputs": sorted(run.inputs.items()),
        "left_out": [
            f"{visible(each.resolver)} over {each.transport}: {visible(each.says or each.why)}" for each in run.left_out
        ],
        "held": [_held(each) for each in run.held[:MOST_HELD]],
        "more_held": max(0, len(run.held) - MOST_HELD),
    }


def _late(run: Run) -> date | None:
    """Return the date on which a run took place, where it is filed under another."""
    day = run.started.date()
    return day if day != run.date else None


def _held(held: Held) -> str:
    """Say what a run held back at one resolver."""
    who = f"{visible(held.resolver)} over {held.transport}" if held.resolver else "all together"
    slowest = f", at {held.slowest:g} queries a second at the slowest" if held.slowest is not None else ""
    withheld = f"; {held.withheld:,} questions were not asked" if held.withheld else ""
    return f"{who}: held back ({', '.join(held.why)}){slowest}{withheld}"
