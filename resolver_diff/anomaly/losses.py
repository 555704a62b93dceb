"""What is known about the cells without an answer: who else lost it, since when, and whose fault it may be."""

import polars as pl

from resolver_diff.anomaly.memory import Past
from resolver_diff.anomaly.stubs import components
from resolver_diff.compare import Comparison, health
from resolver_diff.compare.pools import ADDRESS
from resolver_diff.compare.replies import beside
from resolver_diff.tables import Outcome, State

UPSTREAM_EDE = (6, 7, 8, 9, 10, 11, 12, 22, 23)  # RFC 8914: DNSSEC, No Reachable Authority, Network Error
DENIED = ("nxdomain", "nodata")
FLAGS = ("upstream", "denied_before", "name_denied", "lost_together")
COUNTS = ("neighbours_lost", "nights_before", "lapse_operators", "lapse_countries", "lapse_controls", "parked_names")


def look(cells: pl.DataFrame, comparison: Comparison, past: Past) -> pl.DataFrame:
    """Add the columns of ``evidence.COLUMNS`` that are about what was lost, and what became of it before."""
    lost = cells.filter(pl.col("apparent") == State.VANISHED)
    looks = [_upstream(lost), _before(lost, past), _name_denied(lost), _neighbours(lost, cells), _lapsing(lost, cells)]
    looks.append(_parked(lost, cells, comparison, past))
    for found in looks:
        lost = beside(lost, found, "key")
    lost = beside(lost, _together(lost, cells, comparison), "key")
    cells = beside(cells, lost.select("key", *FLAGS, *COUNTS), "key")
    cells = cells.with_columns(pl.col(name).fill_null(value=False) for name in FLAGS)
    return cells.with_columns(pl.col(name).fill_null(0).cast(pl.UInt32) for name in COUNTS)


def _upstream(lost: pl.DataFrame) -> pl.DataFrame:
    """Return the keys whose SERVFAIL says that the name's own servers, or its signatures, are at fault."""
    codes = pl.col("ede").list.set_intersection(pl.lit(list(UPSTREAM_EDE), pl.List(pl.UInt16())))
    failed = lost.filter(pl.col("ede").is_not_null() & (pl.col("outcome") == Outcome.SERVFAIL))
    return failed.filter(codes.list.len() > 0).select("key", upstream=pl.lit(value=True))


def _before(lost: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Return per key *nights_before*, dates in a row it was lost on, and whether the controls denied it on the last."""
    last = past.cells.join(lost, on="key", how="semi")
    return last.select("key", nights_before="nights", denied_before=pl.col("consensus").is_in(DENIED))


def _name_denied(lost: pl.DataFrame) -> pl.DataFrame:
    """Return the keys whose name is denied to another qtype by NXDOMAIN, while the controls answer that one."""
    denied = lost.filter(pl.col("outcome") == Outcome.NXDOMAIN)
    whole = denied.filter(pl.col("consensus") == "answer").select("r", "qname").unique()
    part = denied.filter(pl.col("consensus") != "answer").join(whole, on=["r", "qname"], how="semi")
    return part.select("key", name_denied=pl.lit(value=True))


def _neighbours(lost: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Return per key *neighbours_lost*: other addresses of the country, no controls, that have no answer either."""
    wanted = lost.filter(pl.col("kind") != "denial").select("key", "q", "country", "op", "address")
    heard = cells.select("q", "country", "op", "address", "kind", "unfit", "role")
    heard = heard.filter((pl.col("kind") != "answer") & ~pl.col("unfit") & (pl.col("role") != "control"))
    others = heard.join(wanted, on="q", how="semi").select("q", "country", "op", "address").unique()
    met = wanted.join(others, on=["q", "country"], suffix="_other")
    other = (pl.col("op") != pl.col("op_other")) | (pl.col("address") != pl.col("address_other"))
    return met.filter(other).group_by("key").agg(neighbours_lost=pl.len())


def _denied_from_above() -> pl.Expr:
    """Tell a denial that is passed on from a zone above the name: with that zone's SOA, and without AA."""
    above = (pl.col("soa") == ".") | pl.col("qname").cast(pl.String).str.ends_with(
        pl.concat_str(pl.lit("."), pl.col("soa").cast(pl.String))
    )
    return (pl.col("outcome") == Outcome.NXDOMAIN) & above & ~pl.col("aa").fill_null(value=False) & ~pl.col("unfit")


def _lapsing(lost: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Return, for denials that come from a zone above the name, how many say so: operators, countries, controls.

    A resolver that has looked gets such a denial with the SOA of that zone, and passes it on without AA.
    """
    honest = _denied_from_above()
    wanted = lost.filter(honest)
    said = cells.filter(pl.col("outcome") == Outcome.NXDOMAIN).join(wanted, on="q", how="semi").filter(honest)
    counts = said.group_by("q").agg(
        lapse_operators=pl.col("op").n_unique(),
        lapse_countries=pl.col("country").drop_nulls().n_unique(),
        lapse_controls=(pl.col("role") == "control").sum(),
    )
    return wanted.select("key", "q").join(counts, on="q").drop("q")


def _parked(lost: pl.DataFrame, cells: pl.DataFrame, comparison: Comparison, past: Past) -> pl.DataFrame:
    """Return per key *parked_names*: unrelated domains that controls send to where they send the name since today.

    Of names that the zone above denies here, and that the controls had in other networks on earlier dates: a host
    of many turns its own addresses every night.
    """
    denied = lost.filter(_denied_from_above()).select("key", "q", "domain")
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
