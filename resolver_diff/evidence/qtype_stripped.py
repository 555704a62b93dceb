"""The resolver denies this qtype for nearly every name that has it.

Clears the denial: it filters the type (AAAA, most often), not the name.

Wrong when nearly every name on the list is blocked for one type only.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.RESOLVER,
    bearing=Bearing.WEAKENS,
    when=pl.col("stripped") & (pl.col("kind") == "denial"),
    says="the resolver denies this qtype for nearly every name",
    decides=True,
)
