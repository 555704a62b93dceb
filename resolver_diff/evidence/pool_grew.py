"""In most other countries resolvers are sent to the same network, to which no control is.

Clears the difference: the owner has more addresses than the controls were given, or the name has moved, and each
country has addresses of its own in the new network. Every country has one vote. It clears no address that
is known to stand for blocked names, or that shows another certificate.

Wrong when the block pages of most countries lie with one host.
"""

import polars as pl

from resolver_diff.compare import WORLD
from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.evidence._given import OTHER_CERTIFICATE

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=(pl.col("countries_asked") >= WORLD)
    & (2 * pl.col("countries_near") > pl.col("countries_asked"))
    & ~pl.col("bogon")
    & ~pl.col("listed")
    & ~pl.col("second_contradicts").fill_null(value=False)
    & ~pl.col("rewritten")
    & ~OTHER_CERTIFICATE,
    says="resolvers of {countries_near} of {countries_asked} other countries are sent to this network too",
    decides=True,
)
