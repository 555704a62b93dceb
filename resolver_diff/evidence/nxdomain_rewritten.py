"""The controls deny the name, and the resolver is one that answers names that cannot exist.

Clears the difference: the resolver rewrites denials, which is a finding about the resolver
and not about the name.

Wrong when the address is a block page as well.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.tables import State

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("rewrites") & pl.col("consensus").is_in(["nxdomain", "nodata"]),
    says="this resolver answers names that cannot exist",
    decides=True,
    leaves=State.GONE,
)
