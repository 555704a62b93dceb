"""The resolver was silent or ill.

Clears everything at it: what fails its own control names tells nothing about others.

Wrong when control names are blocked as well.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.RESOLVER,
    bearing=Bearing.WEAKENS,
    when=pl.col("unfit"),
    says="the resolver was silent or ill",
    decides=True,
)
