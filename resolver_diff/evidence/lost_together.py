"""Several unrelated domains got no answer at this resolver only, all of them for the first time.

Clears the loss, for one night: an outage of some minutes strikes names that have nothing in common,
and nobody else in the country. That is one finding about the resolver. What is still
lost on the next date is judged by itself.

Wrong when a resolver of its own accord stops answering for several names at once; the next
date shows it.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.RESOLVER,
    bearing=Bearing.WEAKENS,
    when=pl.col("lost_together"),
    says="it was lost together with unrelated names, here only, and not on the date before",
    decides=True,
)
