"""What is known about the cells without an answer: what became of them before, and what was lost with them."""

import polars as pl

from resolver_diff.anomaly.memory import Past
from resolver_diff.compare import Comparison, health
from resolver_diff.compare.beside import beside
from resolver_diff.compare.losses import denied_from_above
from resolver_diff.compare.pools import ADDRESS
from resolver_diff.compare.stubs import components

DENIED = ("nxdomain", "nodata")
FLAGS = ("upstream", "denied_before", "name_denied", "lost_together")
COUNTS = ("neighbours_lost", "nights_before", "lapse_operators", "lapse_countries", "lapse_controls", "parked_names")


def look(cells: pl.DataFrame, comparison: Comparison, past: Past) -> pl.DataFrame:
    """Add the columns of ``evidence.COLUMNS`` that are about what was lost, and what became of it before."""
    lost = comparison.lost
    for found in (_before(lost, past), _parked(lost, cells, comparison, past)):
        lost = beside(lost, found, "key")
    lost = beside(lost, _together(lost, cells, comparison), "key")
    cells = beside(cells, lost.select("key", *FLAGS, *COUNTS), "key")
    cells = cells.with_columns(pl.col(name).fill_null(value=False) for name in FLAGS)
    return cells.with_columns(pl.col(name).fill_null(0).cast(pl.UInt32) for name in COUNTS)


def _before(lost: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Return per key *nights_before*, dates in a row it was lost on, and whether the controls denied it on the last."""
    last = past.cells.join(lost, on="key", how="semi")
    return last.select("key", nights_before="nights", denied_before=pl.col("consensus").is_in(DENIED))


def _parked(lost: pl.DataFrame, cells: pl.DataFrame, comparison: Comparison, past: Past) -> pl.DataFrame:
    """Return per key *parked_names*: unrelated domains that controls send to where they send the name since today.

    Of names that the zone above denies here, and that the controls had in other networks on earlier dates: a host
    of many turns its own addresses every night.
    """
    denied = lost.filter(denied_from_above()).select("key", "q", "domain")
    addresses = pl.col("token_kind") == ADDRESS
    then = past.published.join(denied, on="q", how="semi")
    known = denied.join(then, on="q", how="semi")
    several = comparison.published.filter(pl.col("op_least") != pl.col("op_most"))
    stayed = several.join(then, on="mark", how="semi")
    today = several.filter(addresses)
    moved = known.join(today.select("q", "token"), on="q").join(stayed, on="q", how="anti")
    there = today.join(moved, on="token", how="semi").join(cells.select("q", other="domain").unique(), on="q")
    met = moved.join(there.select("token", "other").unique(), on="token").filter(pl.col("domain") != pl.col("other"))
    return met.group_by("key").agg(parked_names=pl.col("other").n_unique())


def _together(lost: pl.DataFrame, cells: pl.DataFrame, comparison: Comparison) -> pl.DataFrame:
    """Return the keys that belong to three unrelated domains or more, lost whole, here only, for the first time.

    Unrelated as in ``stubs``: the controls publish nothing common for them.
    """
    plain = ~pl.col("declared") & pl.col("second_outcome").is_null() & ~pl.col("tc").fill_null(value=False)
    new = (pl.col("nights_before") == 0) & (pl.col("neighbours_lost") == 0)
    failed = lost.filter((pl.col("kind") != "denial") & (pl.col("consensus") == "answer") & ~pl.col("unfit"))
    gone = failed.filter(plain.fill_null(value=True) & new.fill_null(value=True))
    asked = cells.select("r", "domain", "consensus").join(gone, on=["r", "domain"], how="semi")
    asked = asked.filter(pl.col("consensus") == "answer")
    asked = asked.group_by("r", "domain").agg(asked=pl.len())
    whole = gone.group_by("r", "domain").agg(lost=pl.len()).join(asked, on=["r", "domain"])
    whole = whole.filter(pl.col("lost") == pl.col("asked"))
    gone = gone.join(whole, on=["r", "domain"], how="semi")
    members = gone.select(stub="r", domain="domain").unique()
    links = gone.select("q", "domain", stub="r").join(comparison.published.select("q", link="token"), on="q")
    groups = components(members, links.select("stub", "domain", "link").unique())
    several = groups.filter(pl.col("unrelated") >= health.NAMES).select(r="stub")
    return gone.join(several, on="r", how="semi").select("key", lost_together=pl.lit(value=True))
