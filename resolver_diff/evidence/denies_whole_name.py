"""The resolver says that the name does not exist, where the controls say only that it has no such record.

Leaves open what it is: nothing was lost here, as the controls have no answer either, but NXDOMAIN
is more than they say. Where the same name's other type is denied in this way too, while the
controls answer that one, it is part of that loss.

Wrong when a name was blocked whose only record is of a type that nobody asked for.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.WEAKENS,
    when=(pl.col("consensus") == "nodata") & (pl.col("outcome") == "nxdomain") & ~pl.col("name_denied"),
    says="the controls say that it has no such record, not that the name does not exist",
    decides=True,
)
