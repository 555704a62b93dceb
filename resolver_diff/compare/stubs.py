"""Addresses and aliases that one resolver gives for names that have nothing in common."""

from collections.abc import Sequence

import polars as pl

from resolver_diff.compare.pools import (
    ADDRESS,
    CNAME,
    ORGANISATION,
    ORIGIN,
    UNRELATED_ADDRESS,
    UNRELATED_TARGET,
    Answers,
)
from resolver_diff.compare.replies import domain_of

ENOUGH = {ADDRESS: UNRELATED_ADDRESS, CNAME: UNRELATED_TARGET}  # fewer need no look at who is related


def tokens(odd: pl.DataFrame, answers: Answers, published: pl.DataFrame, *carried: str) -> pl.DataFrame:
    """Return the addresses and CNAME targets of *odd* that the controls do not give for that name."""
    rows = answers.of_rows(odd, *carried, kinds=(ADDRESS, CNAME))
    return rows.join(published, on="mark", how="anti")


def stubs(odd: pl.DataFrame, cells: pl.DataFrame, answers: Answers, published: pl.DataFrame) -> pl.DataFrame:
    """Return the tokens that one resolver gives for several unrelated names: r, token_kind, token, unrelated.

    Names are related when they lie under one registrable domain, or when the controls publish a common
    token for them, or CNAME targets of one host's domain; relations chain among the names that one
    resolver gives one token. What the accused's own operator publishes relates nothing. An address at which the
    controls have many sites themselves is a host, however many more it is given for.
    """
    rows = tokens(odd.filter(~pl.col("misled")), answers, published, "q", "r", "op", "domain")
    rows = rows.join(_hosts(cells, published), on="token", how="anti")
    stub = ["r", "token_kind", "token"]
    many = rows.group_by(stub).agg(domains=pl.col("domain").n_unique())
    enough = pl.col("domains") >= pl.col("token_kind").replace_strict(ENOUGH, return_dtype=pl.UInt32)
    many = many.filter(enough).sort(stub).with_row_index("stub")
    named = rows.join(many, on=stub).select("stub", "q", "op", "domain", "token").unique()
    tied = named.join(links(answers, published, named), on="q")
    tied = tied.filter((pl.col("op_least") != pl.col("op")) | (pl.col("op_most") != pl.col("op")))
    # strangers meet in the networks of large hosts
    tied = tied.filter(pl.col("link") != pl.col("token"), ~pl.col("token_kind").is_in((ORIGIN, ORGANISATION)))
    groups = components(named.select("stub", "domain").unique(), tied.select("stub", "domain", "link").unique())
    return many.join(groups, on="stub").select(*stub, "unrelated")


def _hosts(cells: pl.DataFrame, published: pl.DataFrame) -> pl.DataFrame:
    """Return the addresses that several operators of controls publish for names of three domains: token."""
    several = (pl.col("token_kind") == ADDRESS) & (pl.col("op_least") != pl.col("op_most"))
    given = published.filter(several).join(cells.select("q", "domain").unique(), on="q")
    sites = given.group_by("token").agg(domains=pl.col("domain").n_unique())
    return sites.filter(pl.col("domains") >= UNRELATED_ADDRESS).select("token")


def worst(marked: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the stubs of several dates as one table: for the most unrelated names on any of them."""
    return pl.concat(marked).group_by("r", "token_kind", "token").agg(pl.col("unrelated").max())


def links(answers: Answers, published: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Return what ties the questions *named* (q) to others: q, token_kind, link, and which operators publish it."""
    published = published.join(named, on="q", how="semi")
    targets = answers.by_kind[CNAME].select("token", "text").unique("token")
    hosts = published.filter(pl.col("token_kind") == CNAME).join(targets, on="token")
    hosts = hosts.with_columns(token=domain_of(pl.col("text")).hash(CNAME + 1))
    columns = ("q", "token_kind", pl.col("token").alias("link"), "op_least", "op_most")
    return pl.concat([published.select(columns), hosts.select(columns)])


def components(members: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Return per stub how many groups its domains form; *links* tie domains that publish the same.

    Each domain takes the least label among those it is tied to, until nothing changes.
    """
    labels = members.with_columns(label=pl.col("domain").rank("dense").over("stub").cast(pl.UInt32))
    links = links.filter(pl.len().over("stub", "link") > 1)  # what one domain has alone ties nothing
    while True:
        least = links.join(labels, on=["stub", "domain"]).group_by("stub", "link").agg(pl.col("label").min())
        reach = links.join(least, on=["stub", "link"]).group_by("stub", "domain").agg(reached=pl.col("label").min())
        joined = labels.join(reach, on=["stub", "domain"], how="left")
        better = pl.min_horizontal("label", "reached")
        if not joined.select((better != pl.col("label")).any()).item():
            return labels.group_by("stub").agg(unrelated=pl.col("label").n_unique().cast(pl.UInt32))
        labels = joined.with_columns(label=better).drop("reached")
