"""Other registers of the same country have no answer for it either.

Supports that a name was taken from a national register: several servers that are fed
from one list lose the same name at once.

Wrong when they share one cache or one upstream that is at fault.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.SUPPORTS,
    when=(pl.col("role") == "register") & (pl.col("peers_lost") > 0),
    says="{peers_lost} of {peers_asked} other registers of {country} do not answer it either",
)
