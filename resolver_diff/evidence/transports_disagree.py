"""Over a connection the same address answers what it denies, or answers otherwise, over UDP.

Supports that the reply was made on the way: anybody on the path can answer a datagram, while
a connection takes a handshake with the other end. It decides nothing: a denial stands
without it, and an answer that the controls share over the connection and do not share over
UDP may be the next turn of a rotating pool.

Wrong when the two transports end at different machines of one operator: one has not noticed
yet that the name is there, or stands where the owner answers otherwise.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.EITHER,
    bearing=Bearing.SUPPORTS,
    when=((pl.col("kind") == "denial") & pl.col("stream_answers"))
    | ((pl.col("kind") == "answer") & pl.col("stream_agrees")),
    says="over a connection the same address answers, and not like this",
)
