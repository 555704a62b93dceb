"""The resolver gave no record of this type to anything, and records of other types.

Clears NODATA: a resolver that strips AAAA denies it to every name, and where only one name or two are asked for it,
nothing tells that from a loss of these.

Wrong when all names that have the type and were asked for it are blocked by NODATA.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.WEAKENS,
    when=pl.col("type_untried") & (pl.col("outcome") == "nodata"),
    says="the resolver answered no question of this type",
    decides=True,
)
