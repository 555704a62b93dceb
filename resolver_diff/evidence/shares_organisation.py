"""An address lies in a network of an organisation in whose networks addresses of the controls lie.

Clears the difference: large owners have several autonomous systems. It does not clear what is given
for unrelated names, nor what stands for blocked names, or for names that cannot exist.

Wrong as the shared system is, and where organisations of one name are not one.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.evidence._given import MADE_UP, NEAR
from resolver_diff.tables import State

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("shares_organisation") & ~pl.col("shares_origin") & ~NEAR & ~MADE_UP & ~pl.col("rewritten"),
    says="the address belongs to the same organisation as those of the controls",
    decides=True,
    leaves=State.AGREES,
)
