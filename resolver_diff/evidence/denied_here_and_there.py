"""Somebody denies the name in a quarter of the other countries, and in this one no more than half do.

Clears a denial: what befalls a few resolvers in each of many countries has its reason in the name, as one that
answers everybody something else, or has servers that not everybody reaches; no country's list is that leaky, and
that common. It does not clear a denial that says itself to be policy, nor one that claims authority and shows no SOA.

Wrong when many countries have the name denied at few of their resolvers each.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

MANY = 12  # other countries; of fewer a quarter is one or two

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.WEAKENS,
    when=(pl.col("consensus") == "answer")
    & (pl.col("kind") == "denial")
    & (pl.col("countries_asked") >= MANY)
    & (4 * pl.col("countries_denying") >= pl.col("countries_asked"))
    & ((2 * pl.col("here_denying") <= pl.col("here_heard")) | (pl.col("here_heard") == 1))
    & ~pl.col("declared")
    & ~(pl.col("aa") & pl.col("bare")).fill_null(value=False),
    says="somebody denies it in {countries_denying} of {countries_asked} other countries",
    decides=True,
)
