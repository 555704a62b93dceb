"""The answer has an address or a CNAME target that is known to stand for blocked names.

Convicts, from the first name on: it is on the list that comes with the program, or on the user's own, each
line with its source. In whose network it lies clears nothing, as block pages stand in clouds, and forged
addresses are drawn from the networks of large sites. What most of the controls give is no hit.

Wrong when the address has got another owner since it was noted, and serves the name there.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=pl.col("listed"),
    says="{answer} is known to stand for blocked names",
    decides=True,
)
