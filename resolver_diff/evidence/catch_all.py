"""The resolver answers nearly every name with one address, names that the controls deny too.

Clears everything at it: who is sent to a login page, or to a shop, is sent there whatever is asked. That is one
finding about the resolver.

Wrong when nothing but blocked names is asked, some of them lapsed, at a resolver that has one page for all.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.RESOLVER,
    bearing=Bearing.WEAKENS,
    when=pl.col("catches_all"),
    says="the resolver answers nearly every name with one address",
    decides=True,
)
