"""A truncated reply came over UDP, and the whole one could not be had over TCP.

Clears the loss: the resolver has an answer, which is too large for one datagram, and TCP to it
does not work. What it says is not known.

Wrong when somebody truncates the replies for some names and drops TCP, in order to block them.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.WEAKENS,
    when=(pl.col("kind") == "silence") & pl.col("tc"),
    says="the reply was truncated, and the whole one could not be had over TCP",
    decides=True,
)
