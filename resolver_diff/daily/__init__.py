"""What a command that runs every day needs beside the others: a lock, the last good day, and what to tidy up.

A day that failed is not what the next one is compared with: there most cells are missing, and what came back after it
would be news. What a day was is told from its snapshot, and from how much of it could be judged; nothing is noted
that could be wrong later.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

LEAST = 0.5  # of what can usually be judged; a day with less has failed


def failed(coverage: pl.DataFrame, silent: Sequence[date] = ()) -> frozenset[date]:
    """Return the dates that failed: nothing or less than half of the usual cells could be judged, or nobody replied.

    *coverage* has the columns of ``Coverage``, of one vantage; *silent* are the dates without any reply.
    """
    whole = pl.col("country").is_null() & pl.col("resolver").is_null()
    low = coverage.filter(whole, (pl.col("judged") == 0) | (pl.col("judged") < LEAST * pl.col("usual")))
    return frozenset([*low["date"], *silent])


def last_good(dates: Sequence[date], bad: frozenset[date], day: date) -> date | None:
    """Return the latest of *dates* before *day* that is not *bad*; None when there is none."""
    return max((one for one in dates if one < day and one not in bad), default=None)


def missed(dates: Sequence[date], good: date | None, day: date) -> list[date]:
    """Return the days between *good* and *day* that are not among *dates*: nobody asked on them."""
    if good is None:
        return []
    between = [good + timedelta(days=number) for number in range(1, (day - good).days)]
    return [one for one in between if one not in dates]


def outlived(dates: Sequence[date], bad: frozenset[date], day: date, keep: int) -> list[date]:
    """Return which of *dates* are older than *keep* days on *day*, oldest first; never the last good one."""
    good = [one for one in dates if one <= day and one not in bad]
    spared = {max(good)} if good else set(dates)
    return [one for one in sorted(dates) if (day - one).days >= keep and one not in spared]
