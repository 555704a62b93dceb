"""Answers new at a resolver, that no control gives and nothing settles: not known to be wrong, and not fine either."""

import polars as pl

from resolver_diff.diff import Diff
from resolver_diff.event import joined
from resolver_diff.reports import visible
from resolver_diff.tables import Outcome, State

CELL = ("vantage", "domain_set", "qname", "qtype", "resolver", "transport")
LONGEST = 60  # characters of an answer


def unsettled(found: Diff) -> list[str]:
    """Say a sentence for each name and answer of which that is so on the later date, and was not on the earlier one."""
    key = [pl.col(name).cast(pl.String) for name in CELL]
    answered = (pl.col("outcome") == Outcome.ANSWER) & (pl.col("consensus") == "answer") & (pl.col("role") != "control")
    cells = found.cells.filter(answered).with_columns(key)
    before = cells.filter(date=found.date_before, state=State.AGREES)
    after = cells.filter(date=found.date_after, state=State.INSUFFICIENT).join(before, on=CELL, how="semi")
    groups = after.group_by("qname", pl.col("answer").cast(pl.String)).agg(pl.col("resolver").unique().sort())
    return [
        f"{visible(name)} is answered with {_cut(answer)} at {joined([visible(one) for one in resolvers], 'and')}, "
        "as no control answers it"
        for name, answer, resolvers in groups.sort("qname", "answer").iter_rows()
    ]


def _cut(answer: str) -> str:
    shown = visible(answer)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}\N{HORIZONTAL ELLIPSIS}"
