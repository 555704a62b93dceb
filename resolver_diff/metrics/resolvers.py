"""Each resolver as samples: who it is, and how it was."""

from collections.abc import Iterator, Sequence

import polars as pl

from resolver_diff.config import Resolver
from resolver_diff.diff import Diff
from resolver_diff.metrics.declared import Sample
from resolver_diff.snapshot import Run
from resolver_diff.tables import Condition

CONTROL = "control"


def entries(runs: Sequence[Run]) -> dict[tuple[str, str], Resolver]:
    """Return every resolver by name and transport, as it was in the latest of *runs* (in their order)."""
    return {(each.name, str(each.transport)): each for run in runs for each in run.resolvers}


def described(vantage: str, runs: Sequence[Run]) -> Iterator[Sample]:
    """Yield what is known of each resolver, and what was held back for its sake."""
    for (name, transport), each in sorted(entries(runs).items()):
        facts = (each.operator or "", each.country or "", each.role, each.policy)
        yield Sample("resolver_info", (vantage, name, transport, *map(str, facts)), 1)
        spared = [held for run in runs for held in run.held if (held.resolver, held.transport) == (name, transport)]
        yield Sample("resolver_withheld_questions", (vantage, name, transport), sum(held.withheld for held in spared))


def health(diff: Diff, runs: Sequence[Run]) -> Iterator[Sample]:
    """Yield how each resolver was on the later date of *diff*."""
    known = entries(runs)
    for row in diff.health.frame.filter(pl.col("date") == diff.date_after).iter_rows(named=True):
        who = (diff.vantage, row["resolver"], row["transport"])
        yield Sample("resolver_up", who, row["condition"] != Condition.SILENT)
        for condition in Condition:
            yield Sample("resolver_condition", (*who, condition), row["condition"] == condition)
        entry = known.get((row["resolver"], row["transport"]))
        if entry is not None and entry.role == CONTROL:
            yield Sample("resolver_votes", who, row["votes"])
        yield Sample("resolver_questions", who, row["asked"])
        if row["asked"]:
            yield Sample("resolver_loss_ratio", who, row["silent"] / row["asked"])
            yield Sample("resolver_failed_ratio", who, row["failed"] / row["asked"])
