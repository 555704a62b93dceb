"""An address lies in a /24 or /48 in which the controls' addresses lie.

Clears the difference: pools rotate within a network. It does not clear what is known to stand for blocked names.

Wrong when the block page stands in the same hosting network as the site.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.tables import State

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("shares_prefix") & ~pl.col("shares_address") & ~pl.col("listed") & ~pl.col("second_contradicts"),
    says="the address lies in a prefix of the controls",
    decides=True,
    leaves=State.AGREES,
)
