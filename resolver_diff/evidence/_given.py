"""What several pieces of evidence ask about the address that was given."""

import polars as pl

from resolver_diff.compare.pools import UNRELATED_ADDRESS

NEAR = pl.col("shares_address") | pl.col("shares_prefix")  # the controls give it, or one beside it
OTHER_CERTIFICATE = pl.col("failed_once") | ~pl.col("certified").fill_null(value=True)  # than one for the name
# it cannot be a server, stands for blocked names, was contradicted at once, or is given for unrelated names
MADE_UP = (
    pl.col("bogon") | pl.col("listed") | pl.col("second_contradicts") | (pl.col("stub_domains") >= UNRELATED_ADDRESS)
)
