"""In most other countries the name got no answer either.

Clears the difference: what is lost everywhere is not lost at this resolver. Every country
has one vote, so that one with many resolvers is not the world.

Wrong when several countries block the same name and most of the panel is from these.
"""

import polars as pl

from resolver_diff.compare import WORLD
from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.WEAKENS,
    when=(pl.col("consensus") == "answer")
    & (pl.col("countries_asked") >= WORLD)
    & (2 * pl.col("countries_lost") > pl.col("countries_asked")),
    says="{countries_lost} of {countries_asked} other countries got no answer either",
    decides=True,
)
