"""The failure says itself that the name's own servers, or its signatures, are at fault.

Clears a SERVFAIL with one of the Extended DNS Errors 6 to 12 (DNSSEC), 22 No Reachable Authority or 23
Network Error (RFC 8914 4), as long as it stands alone: no other resolver of the country lost the
name too, and it was not lost on the date before.

Wrong when somebody between the resolver and the name's servers drops what passes there, and
when a resolver that blocks makes excuses.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.WEAKENS,
    when=pl.col("upstream") & (pl.col("neighbours_lost") == 0) & (pl.col("nights_before") == 0),
    says="an Extended DNS Error blames the name's own servers or signatures",
    decides=True,
)
