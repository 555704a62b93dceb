"""What became of a question at others: in other countries, and at peers of the same country and role."""

import polars as pl

from resolver_diff._replies import beside

WORLD = 3  # countries; fewer are not the world


def beside_countries(said: pl.DataFrame) -> pl.DataFrame:
    """Add what became of each question in other countries, one vote each, and at peers.

    *countries_asked*, *countries_lost* (most of the country's resolvers got no answer),
    *peers_asked*, *peers_lost*, *peers_denying*; *world_answers*: most of three countries or more
    answer, those not heard that answer anything. Controls and resolvers that are unfit say nothing.
    """
    lost, denies = pl.col("kind") != "answer", pl.col("kind") == "denial"
    told = said.select("q", "country", "role", "kind", "unfit", "rewriter")
    heard = told.filter((pl.col("role") != "control") & ~pl.col("unfit") & pl.col("country").is_not_null())
    by_role = heard.group_by("q", "country", "role").agg(
        asked=pl.len().cast(pl.Int32),
        lost=lost.sum().cast(pl.Int32),
        denied=denies.sum().cast(pl.Int32),
        honest=(~pl.col("rewriter")).sum().cast(pl.Int32),
        answered=(~pl.col("rewriter") & ~lost).sum().cast(pl.Int32),
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


def _without_itself(found: pl.DataFrame) -> pl.DataFrame:
    """Take each cell's own country and its own row out of the counts."""
    counts = ("all_asked", "all_lost", "here", "gone", "asked", "lost", "denied")
    mine = (~pl.col("unfit") & (pl.col("role") != "control")).cast(pl.Int32)
    lost, denies = ((pl.col("kind") != "answer").cast(pl.Int32), (pl.col("kind") == "denial").cast(pl.Int32))
    return found.with_columns(pl.col(name).fill_null(0) for name in counts).select(
        world_answers=pl.col("world_answers").fill_null(value=False),
        countries_asked=(pl.col("all_asked") - pl.col("here")).cast(pl.UInt32),
        countries_lost=(pl.col("all_lost") - pl.col("gone")).cast(pl.UInt32),
        peers_asked=(pl.col("asked") - mine).clip(0).cast(pl.UInt32),
        peers_lost=(pl.col("lost") - mine * lost).clip(0).cast(pl.UInt32),
        peers_denying=(pl.col("denied") - mine * denies).clip(0).cast(pl.UInt32),
    )
