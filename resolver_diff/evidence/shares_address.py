"""An address is one that the controls give.

Clears the difference: large sites give each asker some of their addresses.

Wrong when a block page stands at an address that the site also uses.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.tables import State

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("shares_address") & ~pl.col("second_contradicts"),
    says="the controls give one of these addresses too",
    decides=True,
    leaves=State.AGREES,
)
