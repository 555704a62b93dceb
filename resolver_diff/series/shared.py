"""Addresses that a country's resolvers give for names that have nothing in common, whichever date they give them on.

One date shows a block page that replaces three names. A page that replaces few, and a pool that forged
addresses are drawn from, show over dates and resolvers. Names are related when the controls give both
something in common: an address, a network of any size, a CNAME target, or targets of one host.
"""

import polars as pl

from resolver_diff.anomaly import Judged
from resolver_diff.compare.pools import ADDRESS
from resolver_diff.compare.stubs import components, links

UNRELATED = 2  # names; what is weighed over dates needs less than what convicts at once
GIVEN = {"given": pl.UInt64(), "q": pl.UInt32(), "domain": pl.UInt64()}
LINKS = {"q": pl.UInt32(), "link": pl.UInt64()}


class Shared:
    """What was given in place of which names so far."""

    def __init__(self) -> None:
        self._given = pl.DataFrame(schema=GIVEN)
        self._links = pl.DataFrame(schema=LINKS)

    def keys(self, day: Judged, odd: pl.DataFrame) -> pl.Series:
        """Return the keys, of the cells *odd* of *day*, with an address that was given for unrelated names.

        *odd* has the columns of ``evidence.COLUMNS``: cells whose answer nothing clears.
        """
        comparison = day.comparison
        known = odd.filter(pl.col("country").is_not_null())
        rows = comparison.answers.of_rows(known, "key", "q", "domain", "country", kinds=(ADDRESS,))
        rows = rows.join(comparison.published, on="mark", how="anti")
        rows = rows.with_columns(given=pl.struct(pl.col("country").cast(pl.String), "token").hash())
        self._given = pl.concat([self._given, rows.select(list(GIVEN))]).unique()
        fresh = links(comparison.answers, comparison.published, rows.select("q").unique()).select(list(LINKS))
        self._links = pl.concat([self._links, fresh]).unique()
        several = self._given.group_by("given").agg(domains=pl.col("domain").n_unique())
        several = several.filter(pl.col("domains") >= UNRELATED)
        members = self._given.join(several, on="given", how="semi").with_columns(stub="given")
        tied = members.join(self._links, on="q").select("stub", "domain", "link").unique()
        groups = components(members.select("stub", "domain").unique(), tied)
        unrelated = groups.filter(pl.col("unrelated") >= UNRELATED)
        return rows.join(unrelated, left_on="given", right_on="stub", how="semi")["key"].unique()
