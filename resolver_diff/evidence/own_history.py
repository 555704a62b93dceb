"""An earlier answer that agreed with the controls had this address, or one in its prefix.

Clears the difference: names keep their networks, and regions theirs. An address that agreed with
nobody, and only was not convicted, clears nothing but itself at the resolver that gave it: a block
page may stand next to a cache.

Wrong when the earlier date was wrong already and nobody could tell.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("seen_before"),
    says="such an address was given before, when nothing was wrong",
    decides=True,
)
