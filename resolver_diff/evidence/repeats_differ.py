"""Asked again in the same run, the resolver answered or denied as the controls do.

Supports that the reply was made on the way, or by one of several machines: a resolver that has
lost a name has lost it each time. It decides nothing: what was said once was said.

Wrong when the name came, went or moved while the run was going, or when one of the machines
behind the address has an older cache than the others.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.EITHER,
    bearing=Bearing.SUPPORTS,
    when=pl.col("repeats_agreeing") > 0,
    says="{repeats_alike} of {repeats} repeats ended so, {repeats_agreeing} as the controls say",
)
