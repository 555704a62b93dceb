"""The controls reach the answer through a CNAME, this resolver without one.

Supports that the answer was put in the place of the whole chain.

Wrong with resolvers that flatten chains, and where the owner steers only some regions to
a CDN.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=(pl.col("kind") == "answer") & pl.col("cname").is_null() & pl.col("controls_chain"),
    says="the controls reach it through a CNAME, this resolver does not",
)
