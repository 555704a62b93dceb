"""Foreign answers to several unrelated names have one and the same TTL, which is not that of their zones.

Supports that one hand made them: caches count down, each name from its own TTL, and hardly meet at one number,
while who forges takes the same one each time. Three names, at least, and many more than meet by chance, must
have a TTL below what the controls gave. It decides nothing.

Wrong when the resolver gives one TTL to all that it has from one upstream or region, or to stale answers
by a number of its own; RFC 8767 proposes 30 s, which is left out, as is 0.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.evidence._given import NEAR

NAMES = 3  # of which two may meet by chance

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=(pl.col("ttl_names") >= NAMES) & ~NEAR,
    says="foreign answers to {ttl_names} unrelated names have this very TTL, {ttl} s",
)
