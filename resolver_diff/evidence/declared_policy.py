"""The resolver says itself that this is policy.

Convicts: Extended DNS Errors 4 Forged Answer, 15 Blocked, 16 Censored and 17 Filtered
(RFC 8914 4) are set by the operator on purpose.

Wrong when a forwarder passes on what its upstream declared, and is not the one that filters.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.EITHER,
    bearing=Bearing.SUPPORTS,
    when=pl.col("declared"),
    says="an Extended DNS Error declares it as policy",
    decides=True,
)
