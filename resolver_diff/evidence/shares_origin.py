"""An address is announced by an autonomous system that announces addresses of the controls.

Clears the difference: pools of a CDN or a cloud lie in many prefixes of one network. It does not
clear an address that is given for unrelated names, nor one of those that stand for blocked names, or
for names that cannot exist.

Wrong when the block page is hosted in the same cloud as the site, or when the pool that forged
addresses are drawn from has some of the site's own network.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.evidence._given import MADE_UP, NEAR
from resolver_diff.tables import State

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("shares_origin") & ~NEAR & ~MADE_UP & ~pl.col("rewritten"),
    says="the address lies in the same network as those of the controls",
    decides=True,
    leaves=State.AGREES,
)
