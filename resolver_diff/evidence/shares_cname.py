"""A CNAME target is one that the controls give.

Clears the difference: the same host of the same CDN, at another edge. It does not clear an
address that cannot be on the public Internet, that is known to stand for blocked names, or that
is given for unrelated ones.

Wrong when the last step of the chain is forged, for one or two names only, and the first ones are not.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.evidence._given import MADE_UP, NEAR
from resolver_diff.tables import State

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("shares_cname") & ~NEAR & ~MADE_UP,
    says="the CNAME leads where the controls are led too",
    decides=True,
    leaves=State.AGREES,
)
