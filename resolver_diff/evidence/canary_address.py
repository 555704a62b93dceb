"""The resolver gives the address that it gives to names that cannot exist.

Convicts: it denies the name, and rewrites its own denial into an advertisement.

Wrong when the address is a shared front that serves the name as well.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=pl.col("rewritten") & (pl.col("consensus") == "answer"),
    says="{answer} is what this resolver says to names that cannot exist",
    decides=True,
)
