"""The denial carries no SOA record.

Supports that somebody other than the zone denied it: a negative answer that can be
cached has the zone's SOA in AUTHORITY (RFC 2308 2), and resolvers pass it on.

Wrong with resolvers and forwarders that strip AUTHORITY from every reply, as some
home routers do.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.SUPPORTS,
    when=(pl.col("kind") == "denial") & pl.col("bare"),
    says="the denial has no SOA: it does not say whose it is",
)
