"""The resolver gave this address, or one in its prefix, on an earlier date, when nothing was wrong.

Clears the difference: a region has its own addresses, and keeps them.

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
