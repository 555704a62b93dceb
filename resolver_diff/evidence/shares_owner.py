"""An address lies in a network whose names live in the network of the controls' addresses as well.

Clears the difference: large owners have several autonomous systems, under several names. That two are one owner's is
seen from where the controls are sent: three unrelated names, at least, and most of those in the smaller network, have
been answered from both. It clears nothing that is convicted by more than its address: what is given for
unrelated names, stands for blocked ones, comes with a new AA, or shows another certificate.

Wrong where a page for blocked names lies with a host that nearly all customers of another one use besides, or to
which they have moved.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.evidence._given import MADE_UP, NEAR, OTHER_CERTIFICATE
from resolver_diff.evidence.answer_with_new_aa import EVIDENCE as NEW_AUTHORITY
from resolver_diff.evidence.away_from_home import EVIDENCE as AWAY
from resolver_diff.tables import State

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=(pl.col("owner_domains") > 0)
    & ~pl.col("shares_origin")
    & ~pl.col("shares_organisation")
    & ~NEAR
    & ~MADE_UP
    & ~pl.col("rewritten")
    & ~OTHER_CERTIFICATE
    & ~NEW_AUTHORITY.when.fill_null(value=False)
    & ~AWAY.when.fill_null(value=False),
    says="controls answer {owner_domains} unrelated names from this network and from that of their answer here",
    decides=True,
    leaves=State.AGREES,
)
