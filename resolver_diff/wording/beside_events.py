"""What is new on a date, is no resolver's doing as far as is known, and still should be heard of."""

import polars as pl

from resolver_diff.diff import Diff
from resolver_diff.event import joined
from resolver_diff.tables import Outcome, State
from resolver_diff.wording import visible
from resolver_diff.wording.lines import many

QUESTION = ("vantage", "domain_set", "qname", "qtype")
CELL = (*QUESTION, "resolver", "transport")
LONGEST = 60  # characters of an answer


def unsettled(found: Diff) -> list[str]:
    """Say which answers are new at resolvers, and such that no control gives them and nothing settles what they are."""
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


def gone(found: Diff) -> list[str]:
    """Say which names the controls answered on the earlier date, and have no answer to on the later one.

    They have ceased to exist, or lapsed, or somebody denies them to all who ask from here.
    """
    if found.date_before is None:
        return []
    cells = found.cells.select(
        "date", "state", "consensus", "role", "outcome", *(pl.col(n).cast(pl.String) for n in CELL)
    )
    before = cells.filter(date=found.date_before, state=State.AGREES, consensus="answer").select(QUESTION).unique()
    after = cells.filter(date=found.date_after).join(before, on=QUESTION, how="semi")
    lost = (pl.col("state") == State.GONE) & (pl.col("role") == "control")
    resolvers = pl.struct("resolver", "transport")
    names = (
        after.filter(lost.any().over(QUESTION))
        .group_by("qname")
        .agg(
            types=pl.col("qtype").unique().sort().str.join(", "),
            lost=resolvers.filter(pl.col("state") == State.GONE).n_unique(),
            asked=resolvers.n_unique(),
            how=pl.col("outcome").filter(lost).cast(pl.String).str.to_uppercase().mode().sort().first(),
        )
    )
    return [
        f"{visible(name)} ({types}): no control has an answer any more; {how} at {lost:,} of {many(asked, 'resolver')}"
        for name, types, lost, asked, how in names.sort("qname").iter_rows()
    ]


def _cut(answer: str) -> str:
    shown = visible(answer)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}\N{HORIZONTAL ELLIPSIS}"
