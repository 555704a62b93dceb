"""Cells without an answer, on one date: who else lost the name, and whose fault it may be."""

import polars as pl

from resolver_diff.compare.beside import beside
from resolver_diff.tables import Outcome, State

UPSTREAM_EDE = (6, 7, 8, 9, 10, 11, 12, 22, 23)  # RFC 8914: DNSSEC, No Reachable Authority, Network Error
KEPT = (
    *("key", "q", "r", "op", "address", "country", "qname", "domain", "kind", "outcome", "consensus", "unfit"),
    *("aa", "tc", "soa", "ede", "declared", "second_outcome"),
)


def look(cells: pl.DataFrame) -> pl.DataFrame:
    """Return the cells that lost an answer, with ``KEPT`` and what the date shows of them.

    *upstream*, *name_denied*, *neighbours_lost*, *lapse_operators*, *lapse_countries*, *lapse_controls*: as in
    ``evidence.COLUMNS``; null: not, or none.
    """
    lost = cells.filter(pl.col("apparent") == State.VANISHED).select(KEPT)
    for found in (_upstream(lost), _name_denied(lost), _neighbours(lost, cells), _lapsing(lost, cells)):
        lost = beside(lost, found, "key")
    return lost


def _upstream(lost: pl.DataFrame) -> pl.DataFrame:
    """Return the keys whose SERVFAIL says that the name's own servers, or its signatures, are at fault."""
    codes = pl.col("ede").list.set_intersection(pl.lit(list(UPSTREAM_EDE), pl.List(pl.UInt16())))
    failed = lost.filter(pl.col("ede").is_not_null() & (pl.col("outcome") == Outcome.SERVFAIL))
    return failed.filter(codes.list.len() > 0).select("key", upstream=pl.lit(value=True))


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


def denied_from_above() -> pl.Expr:
    """Tell a denial that is passed on from a zone above the name: with that zone's SOA, and without AA."""
    above = (pl.col("soa") == ".") | pl.col("qname").cast(pl.String).str.ends_with(
        pl.concat_str(pl.lit("."), pl.col("soa").cast(pl.String))
    )
    return (pl.col("outcome") == Outcome.NXDOMAIN) & above & ~pl.col("aa").fill_null(value=False) & ~pl.col("unfit")


def _lapsing(lost: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Return, for denials that come from a zone above the name, how many say so: operators, countries, controls.

    A resolver that has looked gets such a denial with the SOA of that zone, and passes it on without AA.
    """
    honest = denied_from_above()
    wanted = lost.filter(honest)
    said = cells.filter(pl.col("outcome") == Outcome.NXDOMAIN).join(wanted, on="q", how="semi").filter(honest)
    counts = said.group_by("q").agg(
        lapse_operators=pl.col("op").n_unique(),
        lapse_countries=pl.col("country").drop_nulls().n_unique(),
        lapse_controls=(pl.col("role") == "control").sum(),
    )
    return wanted.select("key", "q").join(counts, on="q").drop("q")
