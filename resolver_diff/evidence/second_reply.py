"""A second reply to the same query contradicts the first.

Convicts: a query has one reply. Whoever sits nearer on the path answers first, and the
resolver's own reply still comes. It must have an answer where the first denies (an error before
an answer is a doubled query at a hurried resolver), or the
controls' addresses where the first has one that nobody in another country gives: a query
doubled by the network and answered twice from a rotating pool proves nothing.

Wrong when a doubled query reached two sites of one operator, one of them behind.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.tables import Outcome

EVIDENCE = Evidence(
    claim=Claim.EITHER,
    bearing=Bearing.SUPPORTS,
    when=((pl.col("kind") == "denial") & (pl.col("second_outcome") == Outcome.ANSWER).fill_null(value=False))
    | ((pl.col("kind") == "answer") & pl.col("second_shares") & (pl.col("others_giving") == 0)),
    says="a second reply to the same query contradicts the first: {second_answer}",
    decides=True,
)
