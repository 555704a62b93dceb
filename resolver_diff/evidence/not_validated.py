"""The zone is signed, this resolver validates, and this reply is not validated.

Supports that the reply is not what the zone says: the controls' answers have AD set, so the name is signed, and
a denial of a signed name, or another answer, has to be proven and would have AD set as well (RFC 4035
3.2.3, 5.4). The resolver sets AD on the names that the controls validate, and on no others. It decides nothing.

Wrong when the name was deleted tonight from a zone that leaves out unsigned delegations (RFC 5155 6), whose
denials prove nothing, when a region is served through an alias in a zone without signatures, or when the
resolver is several machines of which one does not validate.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.evidence._given import NEAR

EVIDENCE = Evidence(
    claim=Claim.EITHER,
    bearing=Bearing.SUPPORTS,
    when=pl.col("controls_validate")
    & pl.col("validates")
    & ~pl.col("ad")
    & pl.col("kind").is_in(["answer", "denial"])
    & ~NEAR,
    says="the controls validate the name, as this resolver does others, and this reply is without AD",
)
