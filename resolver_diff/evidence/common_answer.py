"""The same foreign address is given for three or more unrelated names.

Convicts: a block page or a sinkhole has one address for everything it replaces. Names are
related when the controls give them a common address, prefix or CNAME target, or when they
lie under one registrable domain, so that an edge of one CDN, however many sites it serves,
counts as one.

Wrong when an edge in the resolver's network serves names that the controls get from
several unrelated networks.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

UNRELATED = 3  # two may meet by chance at one hosting company

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=pl.col("stub_domains") >= UNRELATED,
    says="the same address is given for {stub_domains} unrelated names",
    decides=True,
)
