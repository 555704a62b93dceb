"""The controls gave this address, or one in its prefix, on an earlier date.

Clears the difference: the name moved, and this resolver has not noticed yet.

Wrong when a site moved away from an address that a block page took over.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("published_before"),
    says="the controls gave such an address before",
    decides=True,
)
