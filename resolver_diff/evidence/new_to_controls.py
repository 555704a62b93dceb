"""On the date before, the controls denied it themselves.

Clears the denial: what is new takes its time to be seen everywhere, as resolvers remember for a while
that it was not there (RFC 2308 5). A name, or a type, that never was there did not vanish.

Wrong when a name comes back to the world and is blocked here on the very same night.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.WEAKENS,
    when=pl.col("denied_before") & (pl.col("kind") == "denial") & (pl.col("consensus") == "answer"),
    says="on the date before the controls denied it too",
    decides=True,
)
