"""How much was compared, how much could not be judged, and why."""

from dataclasses import dataclass

import polars as pl

from resolver_diff.diff import Diff
from resolver_diff.tables import Condition, State

CELL = ("qname", "qtype", "resolver", "transport")
SAID = ("outcome", "answer")


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over the cells that a diff compared: those of both dates, or of the one."""

    cells: int
    names: int
    resolvers: int
    unjudged: int  # cells that were insufficient on one of the dates
    cleared: dict[str, int]  # evidence -> cells that say something else than before, which it explains
    kept: dict[str, int]  # evidence -> cells of the later date that it kept from being judged

    @classmethod
    def of(cls, diff: Diff) -> "Tally":
        """Count the cells of *diff*."""
        after = diff.cells.filter(pl.col("date") == diff.date_after)
        if diff.date_before is None:
            pairs = after.with_columns(was="state", other=pl.lit(value=False))
        else:
            before = diff.cells.filter(pl.col("date") == diff.date_before)
            before = before.select(*CELL, was="state", said_before=pl.struct(SAID))
            pairs = after.join(before, on=CELL, how="inner")
            pairs = pairs.with_columns(other=pl.struct(SAID).ne_missing(pl.col("said_before")))
        insufficient = pl.any_horizontal(pl.col("state", "was") == State.INSUFFICIENT)
        return cls(
            cells=pairs.height,
            names=pairs["qname"].n_unique(),
            resolvers=pairs.select("resolver", "transport").n_unique(),
            unjudged=pairs.filter(insufficient).height,
            cleared=_reasons(pairs.filter("other"), State.AGREES, State.GONE),
            kept=_reasons(after, State.INSUFFICIENT),
        )


def _reasons(cells: pl.DataFrame, *states: State) -> dict[str, int]:
    """Return how many cells of these states each piece of evidence weighs against, the most first."""
    found = cells.filter(pl.col("state").is_in(states))["evidence_against"].explode(empty_as_null=False).drop_nulls()
    counts = found.value_counts(sort=False).sort("count", "evidence_against", descending=[True, False])
    return dict(counts.iter_rows())


def unwell(diff: Diff) -> pl.DataFrame:
    """Return the health rows of resolvers that are not well, the latest date first."""
    rows = diff.health.frame.filter(pl.col("condition") != Condition.WELL)
    return rows.sort("date", "resolver", "transport", descending=[True, False, False])
