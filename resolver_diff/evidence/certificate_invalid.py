"""No address of the answer shows a valid certificate for the name, twice, and the controls' addresses do.

Convicts: whoever is at that address is not the site. One handshake may fail as any connection may, so another
is tried later in the run, or was tried on an earlier date, and both must have the same wrong with them.

Wrong when the site's own server there was ill for longer, or had let its certificate lapse; a portal that
a vantage has to pass shows its own certificate for every name.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.evidence._given import NEAR

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=(~pl.col("certified") | (pl.col("certified").is_null() & pl.col("failed_before")))
    & pl.col("controls_certified")
    & ~NEAR,
    says="the address twice had no valid certificate for the name, and those of the controls have",
    decides=True,
)
