"""The answer claims to be authoritative, which the resolver's earlier answers to this question did not.

Convicts: a resolver that looked the name up is no authority for it (RFC 1035 4.1.1), and does
not become one overnight. Names that are overridden in its own configuration come with AA from
several implementations.

Wrong when the operator begins to host the zone on the resolver itself, with its own view of it.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.evidence.answer_with_aa import EVIDENCE as CLAIMS_AUTHORITY

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=CLAIMS_AUTHORITY.when & ~pl.col("had_aa"),
    says="AA is set for the first time, where this resolver answered without it before",
    decides=True,
)
