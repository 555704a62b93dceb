"""The answer claims to be authoritative, where this resolver's other answers do not.

Supports that the answer was made up: a resolver that looked the name up is no authority for it
(RFC 1035 4.1.1).

Wrong when the operator hosts the zone on the resolver itself, and has its own view of it, and with
resolvers that pass on AA from the name's servers to whoever asks first.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

RARELY = 0.1  # of the answers that agree with the controls

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=pl.col("aa") & (pl.col("aa_usual") <= RARELY),
    says="the answer has AA set, which this resolver otherwise does not set",
)
