"""Two replies to the same query contradict each other.

Convicts: a query has one reply. Whoever sits nearer on the path answers first, and the
resolver's own reply still comes; sometimes the resolver is faster. One must deny what the other
answers, or have an address that cannot be on the public Internet, whichever comes first; or the first
must have an address that nobody in another country gives, where the second has the controls' own. A query
doubled by the network and answered twice from a rotating pool proves nothing, nor does a failure beside an answer.

Wrong when a doubled query reached two sites of one operator, one of them behind.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.tables import Outcome

ANSWERS_THEN = (pl.col("second_outcome") == Outcome.ANSWER).fill_null(value=False)
SHARED = pl.col("shares_address") | pl.col("shares_prefix") | pl.col("shares_cname")
FOREIGN = ~SHARED & (pl.col("others_giving") == 0)

EVIDENCE = Evidence(
    claim=Claim.EITHER,
    bearing=Bearing.SUPPORTS,
    when=((pl.col("kind") == "denial") & ANSWERS_THEN)
    | ((pl.col("kind") == "answer") & pl.col("second_shares") & FOREIGN)
    | pl.col("second_contradicts"),
    says="a second reply to the same query contradicts the first: {second_outcome} {second_answer}",
    decides=True,
)
