"""Losing this name is no more than the losses that strike any name at this resolver.

Clears silence and failures: with p the chance that one question here ends in the same
way, taken from other names, m questions of this name lost together (all of its registrable
domain's, when all were) and n names, n p^m names would be lost like this by chance; on k dates
in a row, n times the product of what each date gives. Where several resolvers lose questions
at random, that is multiplied by how many do, as each may lose a name by chance. From 0.05
on this one may be one of them. That is an expected number of false alarms per date, of all
these resolvers together; not a probability of guilt.

Wrong when losses come together: a server of the name's owner that fails for its own
reasons loses all of its questions at once.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

FALSE_ALARMS = 0.05  # per date

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.WEAKENS,
    when=pl.col("expected_by_chance") >= FALSE_ALARMS,
    says="about {expected_by_chance:.2g} names are lost like this by chance",
    decides=True,
)
