"""The resolver was silent or ill.

Clears what it lost, and what it denies: what fails its own control names tells nothing about others. An answer
is no loss, and is judged as any other, unless control names were answered like names that cannot exist.

Wrong when control names are blocked as well.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.RESOLVER,
    bearing=Bearing.WEAKENS,
    when=pl.col("unfit") & (pl.col("misled") | (pl.col("kind") != "answer")),
    says="the resolver was silent or ill",
    decides=True,
)
