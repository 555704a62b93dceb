"""The answer's TTL is more than twice what any control gives, which this resolver does not do otherwise.

Supports that the answer was made up: a cache can only count down from the TTL that the zone gave (RFC 1035
3.2.1), and who forges does not know it. It decides nothing, as TTLs are anybody's to choose.

Wrong when the resolver holds answers longer than it is told, for some names only, when the owner serves its
regions with other TTLs, or when all controls asked at the end of a cache's time.
"""

import polars as pl

from resolver_diff.compare.hints import RAISED
from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.evidence._given import NEAR

ENOUGH = 3  # operators of controls; fewer may all have old copies

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=(pl.col("ttl") > RAISED * pl.col("controls_ttl"))
    & (pl.col("kind") == "answer")
    & (pl.col("controls_timed") >= ENOUGH)
    & ~pl.col("raises_ttl")
    & ~NEAR,
    says="the TTL, {ttl} s, is more than twice what any control gives",
)
