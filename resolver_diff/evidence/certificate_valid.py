"""An address of the answer shows a certificate for the name, from an authority that is trusted.

Clears the difference: who holds the key to the name is its owner, or works for the owner.

Wrong when somebody else has such a certificate: an authority was coerced or misled, or a
forged address belongs to the site itself.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.tables import State

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("certified") & ~pl.col("bogon") & ~pl.col("second_contradicts"),
    says="the address has a valid certificate for the name",
    decides=True,
    leaves=State.AGREES,
)
