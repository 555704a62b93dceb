"""The resolver is known to filter such names for those who chose it.

Weakens that something happened: a family, malware or ads filter does what it says. It
decides nothing: a name that was not filtered yesterday is news today.

Wrong when the filter's operator was made to add other names.
"""

import polars as pl

from resolver_diff.compare import FILTERS
from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.EITHER,
    bearing=Bearing.WEAKENS,
    when=pl.col("policy").is_in(FILTERS) & ~pl.col("shares_address") & ~pl.col("shares_prefix"),
    says="the resolver is a {policy} filter",
)
