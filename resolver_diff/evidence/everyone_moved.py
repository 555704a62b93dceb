"""In most other countries resolvers give the same address.

Clears the difference: what most of the world answers is not made up at this resolver. The name
moved, or was parked, and the controls have not noticed yet. Every country has one vote.

Wrong when several countries are fed from one block list with one block page.
"""

import polars as pl

from resolver_diff.compare import WORLD
from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=(pl.col("countries_asked") >= WORLD) & (2 * pl.col("countries_giving") > pl.col("countries_asked")),
    says="resolvers of {countries_giving} of {countries_asked} other countries give this address too",
    decides=True,
)
