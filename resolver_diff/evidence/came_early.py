"""The reply came in less than half the time of nearly all that this resolver answers.

Supports that somebody nearer answered in its place: what a resolver has in its cache comes after the time it
takes to get there and back, and nothing comes sooner. It decides nothing.

Wrong when the address is one of several machines and a nearer one was reached for once, or when nothing that the
resolver was asked for was in its cache but this.
"""

import polars as pl

from resolver_diff.compare.hints import OF_DATAGRAMS
from resolver_diff.evidence import Bearing, Claim, Evidence

LEAST = 5_000  # microseconds sooner; what is near already cannot be told apart

EVIDENCE = Evidence(
    claim=Claim.EITHER,
    bearing=Bearing.SUPPORTS,
    when=(2 * pl.col("rtt") < pl.col("rtt_usual"))
    & (pl.col("rtt") + LEAST < pl.col("rtt_usual"))
    & (pl.col("transport") == OF_DATAGRAMS)
    & (pl.col("kind") != "silence")
    & ~pl.col("tc").fill_null(value=False),
    says="the reply came in less than half the time of nearly all others of this resolver",
)
