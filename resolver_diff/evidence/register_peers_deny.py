"""Other resolvers of the same register deny it too.

Supports that a name was taken from a national register: several servers that are fed
from one list lose the same name at once.

Wrong when they share one cache or one upstream that is at fault.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.SUPPORTS,
    when=(pl.col("role") == "register") & (pl.col("kind") == "denial") & (pl.col("peers_denying") > 0),
    says="{peers_denying} of {peers_asked} other resolvers of the registers of {country} deny it too",
)
