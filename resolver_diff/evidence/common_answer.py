"""The same foreign address is given for three or more unrelated names.

Convicts: a block page or a sinkhole has one address for everything it replaces. Names are
related when the controls give them a common address, prefix or CNAME target, or CNAME targets
under one registrable domain, or when they lie under one themselves, so that an edge of one CDN,
however many sites it serves, counts as one. A chain that is kept while the address at its end is
replaced does not help.

Wrong when an edge in the resolver's network serves names that the controls get from
several unrelated networks.
"""

import polars as pl

from resolver_diff.compare.pools import UNRELATED_ADDRESS
from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=pl.col("stub_domains") >= UNRELATED_ADDRESS,
    says="the same address is given for {stub_domains} unrelated names",
    decides=True,
)
