"""Answers that the controls do not share: what they are, and who else gives them on that date.

Most cells agree, so the costly looks are taken at the others only.
"""

import ipaddress

import polars as pl

from resolver_diff.compare import control_names
from resolver_diff.compare.beside import beside
from resolver_diff.compare.pools import ADDRESS, NARROW, ORIGIN, PREFIX, Answers
from resolver_diff.tables import State

KEPT = ("key", "q", "r", "op", "country", "said", "domain", "kind", "misled")


def look(cells: pl.DataFrame, entries: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return the cells whose answer or CNAME the controls do not share, with ``KEPT`` and what the date shows of them.

    - *bogon*, *rewrites*, *rewritten*, *synthesised*: as in ``evidence.COLUMNS``; null: not.
    - *others_giving*, *countries_giving*, *countries_near*: likewise; null: none.
    """
    here = (pl.col("apparent") == State.DIVERGENT) & ~pl.col("shares_address") & ~pl.col("shares_prefix")
    odd = cells.filter(here).select(*KEPT)
    looks = [
        _bogons(odd, answers),
        _rewritten(odd, cells, entries),
        _given_elsewhere(odd, cells, answers),
        _synthesised(odd, cells, answers),
        _near_elsewhere(strange_systems(odd, cells, answers), cells, answers),
    ]
    for found in looks:
        odd = beside(odd, found, "key")
    return odd


def _bogons(odd: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return the keys whose answer has an address that cannot be on the public Internet."""
    found = odd.filter(pl.col("kind") == "answer").join(answers.bogons, on="said", how="semi")
    return found.select("key", bogon=pl.lit(value=True))


def _rewritten(odd: pl.DataFrame, cells: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return key, *rewrites* (the resolver answers names that cannot exist), *rewritten* (with this answer)."""
    told = odd.join(entries.filter(pl.col("canary").is_not_null()).select("r", "canary"), on="r")
    told = told.join(cells.select("key", "answer"), on="key", how="left", maintain_order="left")
    return told.select("key", rewrites=pl.lit(value=True), rewritten=control_names.told_to_canaries())


def _given_elsewhere(odd: pl.DataFrame, cells: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return per key who in other countries gives the name such an answer.

    *others_giving*: operators with an address in its prefixes; *countries_giving*: countries in which
    somebody fit, and no control, gives one of its addresses.
    """
    who = ["op", "country"]
    wanted = answers.of_rows(odd.filter(pl.col("kind") == "answer"), "key", *who, kinds=NARROW).drop("token")
    heard = (pl.col("role") != "control") & ~pl.col("unfit")
    tokens = answers.tokens(*NARROW).join(wanted.select("mark").unique(), on="mark", how="semi").select("said", "mark")
    given = cells.select(*who, "said", "kind", heard=heard).filter(pl.col("kind") == "answer").drop("kind")
    given = given.join(tokens, on="said").drop("said").unique()
    met = wanted.join(given, on="mark", suffix="_other")
    met = met.filter((pl.col("op") != pl.col("op_other")) & pl.col("country").ne_missing(pl.col("country_other")))
    near, same = pl.col("token_kind") == PREFIX, (pl.col("token_kind") == ADDRESS) & pl.col("heard")
    return met.group_by("key").agg(
        others_giving=pl.col("op_other").filter(near).n_unique(),
        countries_giving=pl.col("country_other").filter(same).drop_nulls().n_unique(),
    )


def strange_systems(odd: pl.DataFrame, cells: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return the systems of answers that lie in none of the controls': key, q, country, token."""
    strange = odd.filter(pl.col("kind") == "answer").join(cells.select("key", "shares_origin"), on="key")
    strange = strange.filter(~pl.col("shares_origin"))
    return answers.of_rows(strange, "key", "q", "country", kinds=(ORIGIN,)).select("key", "q", "country", "token")


def _near_elsewhere(systems: pl.DataFrame, cells: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return key, *countries_near*: other countries in which somebody fit is sent to the system of a strange answer."""
    heard = cells.select("q", "country", "role", "unfit", "kind", "said").join(systems, on="q", how="semi")
    heard = heard.filter((pl.col("role") != "control") & ~pl.col("unfit") & (pl.col("kind") == "answer"))
    given = answers.of_rows(heard.filter(pl.col("country").is_not_null()), "q", "country", kinds=(ORIGIN,))
    given = given.select("q", "country", "token").unique()
    world = given.group_by("q", "token").agg(everywhere=pl.len().cast(pl.Int32))
    here = given.with_columns(here=pl.lit(1, pl.Int32))
    met = systems.join(world, on=["q", "token"]).join(here, on=["q", "country", "token"], how="left")
    return met.group_by("key").agg(countries_near=(pl.col("everywhere") - pl.col("here").fill_null(0)).max())


def _synthesised(odd: pl.DataFrame, cells: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return the keys whose AAAA embeds an A of the controls or of the resolver's own (RFC 6147, RFC 6052)."""
    sixes = odd.join(cells.filter(pl.col("qtype") == "AAAA").select("key", "qname"), on="key")
    rows = answers.texts(sixes, "key", "r", "qname")
    texts = rows["text"].unique()
    inside = pl.DataFrame({"text": texts, "four": [_embedded(text) for text in texts]}, schema_overrides=FOUR)
    rows = rows.join(inside.drop_nulls(), on="text").select("key", "r", "qname", "four")
    fours = cells.select("r", "qname", "votes", "said", "qtype", "kind").join(rows, on="qname", how="semi")
    fours = fours.filter((pl.col("qtype") == "A") & (pl.col("kind") == "answer"))
    fours = answers.texts(fours, "r", "qname", "votes")
    fours = fours.select("r", "qname", "votes", four="text").unique()
    sane = sixes.join(answers.bogons, on="said", how="anti")  # a sinkhole is no address to translate
    own = rows.join(sane, on="key", how="semi").join(fours, on=["r", "qname", "four"], how="semi")
    controls = rows.join(fours.filter("votes"), on=["qname", "four"], how="semi")
    return pl.concat([own, controls]).select("key").unique().with_columns(synthesised=pl.lit(value=True))


FOUR = {"text": pl.String(), "four": pl.String()}


def _embedded(text: str) -> str | None:
    """Return the IPv4 address in the last 32 bits of an IPv6 address; null for mapped ones and the like: no DNS64's."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    bare = address.ipv4_mapped or int(address) >> 32 == 0
    return None if bare else str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
