"""Unrelated resolvers of several countries, a control among them, pass on the same denial from the zone above.

Clears the difference, for one night: a name that lapses is denied by its parent zone first to those whose
cache runs out first. Such a denial carries the SOA of a zone above the name and no AA. Caches
last a day or two, so it clears nothing that was lost on the date before already.

Wrong when a control obeys a court order, and others in the same night another one about the
same name, and both make their denials look like those of the zone above.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

OPERATORS = COUNTRIES = 2

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.WEAKENS,
    when=(pl.col("lapse_operators") >= OPERATORS)
    & (pl.col("lapse_countries") >= COUNTRIES)
    & (pl.col("lapse_controls") > 0)
    & (pl.col("nights_before") == 0),
    says="{lapse_operators} operators in {lapse_countries} countries pass on a denial from the zone above",
    decides=True,
)
