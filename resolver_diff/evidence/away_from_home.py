"""The name lives in one network for all the world, and this answer lies outside of it.

Convicts: every control is sent to one autonomous system or organisation, and so are at least a hundred resolvers
of three other countries or more, but for one in fifty at most. Owners that have caches in other networks, or that
have just moved, show it at more than these few.

Wrong with an old address at a resolver that forgets nothing, at the very first resolver to notice that a name
moves, and where a cache of the owner stands in one network only.
"""

import polars as pl

from resolver_diff.compare import WORLD
from resolver_diff.evidence import Bearing, Claim, Evidence

ENOUGH = 100  # resolvers in other countries that answer
FEW = 1 / 50  # of them, sent elsewhere

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=pl.col("astray")
    & (pl.col("consensus") == "answer")
    & (pl.col("home_asked") >= ENOUGH)
    & (pl.col("home_countries") >= WORLD)
    & (pl.col("home_left") <= FEW * pl.col("home_asked")),
    says="all but {home_left} of {home_asked} resolvers in other countries are sent to the network of the controls",
    decides=True,
)
