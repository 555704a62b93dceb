"""Which cells a page lists, and what it says of each: those that are wrong, that changed, or that may be.

A cell that agrees is counted and not listed. Neither is one that cannot be told because of its resolver, which is one
finding about the resolver; nor a filter that does as it always did.
"""

import polars as pl
import polars.selectors as cs

from resolver_diff.anomaly import reasons
from resolver_diff.diff import Diff
from resolver_diff.evidence import Bearing, Claim
from resolver_diff.tables import Outcome, Spells, State

MOST = 50_000  # cells of one vantage
CELL = ("qname", "qtype", "resolver", "transport")
FOUND = ("change", "first_seen", "confidence_says")
OPEN = "cannot be told"
LATER = {"still vanished": 1, "still divergent": 1, OPEN: 2}  # what changed comes first
STANDING = {"vanished": "still vanished", "diverged": "still divergent"}


def listed(today: Diff, changes: Diff | None, spells: Spells) -> tuple[pl.DataFrame, int]:
    """Return the cells that a page lists, a row each, and how many it leaves out because they are more than ``MOST``.

    *what* says what became of the cell; *event* is the event over all dates that it belongs to, or null. Columns that
    end in ``_before`` are of the date before, where there is one.
    """
    now = _texts(today.cells)
    standing = _texts(today.anomalies.frame).select(*CELL, *FOUND)
    found = _standing(standing, alone=changes is None)
    if changes is not None:
        changed = _texts(changes.anomalies.frame).select(*CELL, *FOUND).rename({"change": "what"})
        found = pl.concat([changed, found.join(changed, on=CELL, how="anti")])
    doubtful = now.filter(_is_doubtful()).join(found, on=CELL, how="anti").select(CELL)
    found = pl.concat([found, doubtful.with_columns(what=pl.lit(OPEN))], how="diagonal")
    rows = now.join(found, on=CELL, how="inner")
    rows = _with_before(rows, changes).join(covered(spells, today, changes), on=["qname", "resolver"], how="left")
    rank = pl.col("what").replace_strict(LATER, default=0)
    rows = rows.sort(rank, "domain_set", *CELL)
    return rows.head(MOST), max(0, rows.height - MOST)


def covered(spells: Spells, today: Diff, changes: Diff | None) -> pl.DataFrame:
    """Return qname and resolver of what events over all dates tell of the dates shown, and *event*."""
    last = today.date_after
    first = changes.date_before if changes is not None else last
    ends = pl.col("first_good").is_null() | (pl.col("first_good") >= first)
    rows = spells.frame.filter((pl.col("first_bad") <= last) & ends).select("qname", "event", resolver="resolvers")
    return rows.explode("resolver").unique(["qname", "resolver"], keep="last", maintain_order=True)


def _texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return *frame* with categories as texts, so that frames from several sources can be joined."""
    return frame.with_columns(cs.categorical().cast(pl.String), cs.by_dtype(pl.Enum).cast(pl.String))


def _standing(rows: pl.DataFrame, *, alone: bool) -> pl.DataFrame:
    """Return what is wrong with *what*: of the date alone, nobody knows whether it is new."""
    if alone:
        return rows.rename({"change": "what"})
    return rows.with_columns(pl.col("change").replace(STANDING)).rename({"change": "what"})


def _is_doubtful() -> pl.Expr:
    """Tell a cell that may have been lost: it cannot be told, and that is not the resolver's fault."""
    ill = [name for name, one in reasons().items() if one.claim is Claim.RESOLVER and one.bearing is Bearing.WEAKENS]
    whole = pl.col("evidence_against").list.eval(pl.element().is_in(ill)).list.any()
    speaks = (pl.col("outcome") != Outcome.ANSWER) | (pl.col("evidence_for").list.len() > 0)
    told = (pl.col("state") == State.INSUFFICIENT) & (pl.col("consensus").cast(pl.String) == "answer")
    return told & speaks & ~whole.fill_null(value=False)


def _with_before(rows: pl.DataFrame, changes: Diff | None) -> pl.DataFrame:
    kept = ("state", "mechanism", "outcome", "answer")
    if changes is None:
        return rows.with_columns(pl.lit(None, pl.String).alias(f"{name}_before") for name in kept)
    before = changes.cells.filter(pl.col("date") == changes.date_before)
    then = _texts(before.select(*CELL, *(pl.col(name).alias(f"{name}_before") for name in kept)))
    return rows.join(then, on=CELL, how="left", maintain_order="left")
