"""A third of everything the resolver answered on the date before is now silent or fails.

Clears every loss at it: that is one finding about the resolver.

Wrong when a third of the list was blocked at once by dropping queries.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.RESOLVER,
    bearing=Bearing.WEAKENS,
    when=pl.col("wide") & pl.col("kind").is_in(["failure", "silence"]),
    says="the resolver lost a third of everything it answered",
    decides=True,
)
