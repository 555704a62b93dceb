"""The denial claims to be authoritative, where this resolver's other replies do not.

Supports that it was made up on the spot: a resolver that looked the name up is no
authority for it (RFC 1035 4.1.1), and reports what it found without AA.

Wrong when the resolver is an authority for the zone too, and has its own view of it.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

RARELY = 0.1  # of the answers that agree with the controls

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.SUPPORTS,
    when=(pl.col("kind") == "denial") & pl.col("aa") & (pl.col("aa_usual") <= RARELY),
    says="the denial has AA set, which this resolver otherwise does not set",
)
