"""What the health of all resolvers together says of the network between them and us."""

import polars as pl

from resolver_diff.tables import Condition

FEWEST = 2  # resolvers: one alone says nothing of the way to the others


def trouble(health: pl.DataFrame) -> str | None:
    """Say that nobody was heard, or that somebody else was; *health* is of one date and vantage. None: neither is so.

    Services of different operators do not fall silent, or deny names that exist, all on one day; the way to them does.
    """
    if health["resolver"].n_unique() < FEWEST:
        return None
    everybody = f"all {health['resolver'].n_unique():,} resolvers"
    if (health["condition"] == Condition.SILENT).all():
        return f"Not one reply came from {everybody}: this network seems to have no way to the Internet."
    failed = (pl.col("control_asked") > 0) & (pl.col("control_failed") == pl.col("control_asked"))
    unheard = pl.col("condition") == Condition.SILENT
    if health.select((unheard | (failed & (pl.col("condition") == Condition.ILL))).all()).item():
        return (
            f"What came from {everybody} denies that names exist which do, or answers them with what is not theirs: "
            "somebody seems to answer in their place, or this network has no way to the Internet. Nothing follows "
            "about the names asked for."
        )
    return None
