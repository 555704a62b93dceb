"""The resolver gave this address before, when nothing was wrong, or one in its prefix, when it agreed.

Clears the difference: a region has its own addresses, and keeps them. An address that only was
not convicted then clears nothing but itself: a block page may stand next to a cache.

Wrong when the earlier date was wrong already and nobody could tell.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("seen_before"),
    says="the resolver gave such an address before",
    decides=True,
)
