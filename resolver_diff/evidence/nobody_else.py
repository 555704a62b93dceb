"""No resolver in another country gives the name an address in the same prefix.

Supports that the answer was made up. It decides nothing: large owners give every asker an
address of its own.

Wrong with regional caches, and with small panels.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=(pl.col("kind") == "answer")
    & (pl.col("others_giving") == 0)
    & ~(pl.col("shares_address") | pl.col("shares_prefix")),
    says="no resolver in another country gives such an address",
)
