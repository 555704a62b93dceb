"""What became of a question at others: in other countries, and at peers of the same country and role."""

import polars as pl

from resolver_diff.compare.beside import beside

WORLD = 3  # countries; fewer are not the world


def beside_countries(said: pl.DataFrame) -> pl.DataFrame:
    """Add what became of each question in other countries, one vote each, and at peers.

    *countries_asked*, *countries_lost* (most of the country's resolvers got no answer),
    *peers_asked*, *peers_lost*, *peers_denying*; *world_answers*: most of three countries or more
    answer, those not heard that answer anything. Controls, resolvers that are unfit, and
    those that somebody else answers for say nothing.
    A resolver that was asked over several transports is one: see ``_as_one``.
    """
    heard = (pl.col("role") != "control") & ~pl.col("unfit") & ~pl.col("replaced")
    told = said.select("q", "who", "country", "role", "rewriter", "kind", heard=heard)
    told = told.with_columns(
        own_lost=pl.col("heard") & (pl.col("kind") != "answer"),
        own_denied=pl.col("heard") & (pl.col("kind") == "denial"),
        counts=pl.col("heard"),
    )
    if said.select("r", "who").unique()["who"].is_duplicated().any():
        told = _as_one(told)
    honest = ~pl.col("rewriter")
    counted = told.filter("counts", pl.col("country").is_not_null())
    by_role = counted.group_by("q", "country", "role").agg(
        asked=pl.len().cast(pl.Int32),
        lost=pl.col("own_lost").sum().cast(pl.Int32),
        denied=pl.col("own_denied").sum().cast(pl.Int32),
        honest=honest.sum().cast(pl.Int32),
        answered=(honest & ~pl.col("own_lost")).sum().cast(pl.Int32),
    )
    by_country = by_role.group_by("q", "country").agg(pl.col("asked", "lost", "honest", "answered").sum())
    has = (2 * pl.col("answered") > pl.col("honest")).cast(pl.Int32)
    world = by_country.with_columns(has=has, heard=(pl.col("honest") > 0).cast(pl.Int32))
    by_country = by_country.select("q", "country", gone=(2 * pl.col("lost") > pl.col("asked")).cast(pl.Int32), here=1)
    all_lost = by_country.group_by("q").agg(all_asked=pl.len().cast(pl.Int32), all_lost=pl.col("gone").sum())
    most = (pl.col("heard").sum() >= WORLD) & (2 * pl.col("has").sum() > pl.col("heard").sum())
    found = beside(beside(told, all_lost, "q"), world.group_by("q").agg(world_answers=most), "q")
    found = beside(found, by_country, "q", "country")
    found = beside(found, by_role.drop("honest", "answered"), "q", "country", "role")
    return said.with_columns(_without_itself(found).get_columns())


def _as_one(told: pl.DataFrame) -> pl.DataFrame:
    """Let every resolver count once for a question, over however many transports it was heard.

    It lost what it answers over none of them, and denies what it denies over one.
    """
    heard = told.filter("heard").group_by("q", "who")
    one = heard.agg(pl.col("rewriter").any(), pl.col("own_lost").all(), pl.col("own_denied").any(), heard=True)
    told = beside(told.select("q", "who", "country", "role"), one, "q", "who")
    told = told.with_columns(pl.col("rewriter", "own_lost", "own_denied", "heard").fill_null(value=False))
    return told.with_columns(counts=pl.col("heard") & pl.struct("q", "who").is_first_distinct())


def _without_itself(found: pl.DataFrame) -> pl.DataFrame:
    """Take each cell's own country and its own resolver out of the counts."""
    counts = ("all_asked", "all_lost", "here", "gone", "asked", "lost", "denied")
    mine, lost, denied = (pl.col(name).cast(pl.Int32) for name in ("heard", "own_lost", "own_denied"))
    return found.with_columns(pl.col(name).fill_null(0) for name in counts).select(
        world_answers=pl.col("world_answers").fill_null(value=False),
        countries_asked=(pl.col("all_asked") - pl.col("here")).cast(pl.UInt32),
        countries_lost=(pl.col("all_lost") - pl.col("gone")).cast(pl.UInt32),
        peers_asked=(pl.col("asked") - mine).clip(0).cast(pl.UInt32),
        peers_lost=(pl.col("lost") - lost).clip(0).cast(pl.UInt32),
        peers_denying=(pl.col("denied") - denied).clip(0).cast(pl.UInt32),
    )
