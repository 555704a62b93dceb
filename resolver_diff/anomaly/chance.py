"""What chance explains: names that a resolver loses as it may lose any name."""

import polars as pl

from resolver_diff.anomaly.memory import Past
from resolver_diff.compare.beside import beside
from resolver_diff.compare.replies import ending
from resolver_diff.tables import Outcome, State


def weigh(cells: pl.DataFrame, chances: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Add *luck* and *expected_by_chance*: how many names would be lost like this one by chance, on this date.

    *chances* is what ``compare.chance.losses`` tells of the date. What carries a mark of intent (declared as policy,
    contradicted by a second reply) is not weighed. A cell that was lost on the dates before as well is
    that much less likely to be. Where several resolvers lose questions at random, each has as many
    chances to lose this name.
    """
    marked = pl.col("declared") | (pl.col("second_outcome") == Outcome.ANSWER).fill_null(value=False)
    wanting = cells.filter((pl.col("apparent") == State.VANISHED) & (pl.col("kind") != "denial") & ~marked)
    wanting = wanting.select("key", "r", "name", ending=ending()).join(chances, on=["r", "ending", "name"])
    wanting = wanting.join(past.cells.select("key", before="luck"), on="key", how="left")
    wanting = wanting.with_columns(luck=pl.col("luck") * pl.col("before").fill_null(1.0))
    wanting = wanting.select("key", "luck", expected_by_chance=pl.col("names") * pl.col("luck") * pl.col("sharing"))
    return beside(cells, wanting, "key")
