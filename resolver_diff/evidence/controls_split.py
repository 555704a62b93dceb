"""A quarter, at least, of the controls that vote deny it as this resolver does.

Clears a denial: what some of the controls deny as well is a matter of the name's own zone, which lapses, is
new, or has servers that contradict each other.

Wrong when as many controls are redirected, or obey the same order.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.WEAKENS,
    when=(pl.col("consensus") == "answer")
    & (pl.col("kind") == "denial")
    & (4 * pl.col("controls_denying") >= pl.col("controls_voting")),
    says="{controls_denying} of {controls_voting} controls deny it too",
    decides=True,
)
