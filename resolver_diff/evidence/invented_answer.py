"""The controls deny the name, and this resolver answers it.

Supports that the answer does not come from the zone.

Wrong when the name is new and the controls still remember that it was not there, or when
the owner answers only some regions.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=pl.col("consensus").is_in(["nxdomain", "nodata"]),
    says="{controls_agreeing} of {controls_asked} controls deny it",
)
