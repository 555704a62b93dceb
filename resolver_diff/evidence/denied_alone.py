"""The controls still have an answer to what this resolver denies.

Supports that a name vanished here: what one resolver denies and the rest answers
is missing from that resolver, not from the DNS.

Wrong when the controls share caches that have not noticed yet that the name lapsed,
or when the owner answers only some regions.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.SUPPORTS,
    when=(pl.col("consensus") == "answer")
    & (pl.col("kind") == "denial")
    & (pl.col("controls_agreeing") == pl.col("controls_asked")),
    says="{controls_agreeing} of {controls_asked} controls still answer",
)
