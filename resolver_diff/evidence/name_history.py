"""An earlier answer that agreed with the controls had this address, or one in its prefix, here or at another resolver.

Clears the difference: names keep their networks, and come back to them.

Wrong when a forged address stood beside a true one in that answer.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("agreed_before"),
    says="an earlier answer that agreed with the controls had such an address",
    decides=True,
)
