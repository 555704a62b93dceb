"""The resolver gave this address before, when nothing was wrong.

Clears the difference, as far as one date can tell: a region has its own addresses, and keeps them. It
clears no other address: a block page may stand next to a cache.

Wrong when the earlier date was wrong already and nobody could tell.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("seen_before"),
    says="the resolver gave this address before",
    decides=True,
)
