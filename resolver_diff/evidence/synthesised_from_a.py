"""The IPv6 address has an IPv4 address of the same name inside.

Clears the difference: DNS64 makes an AAAA of every A for networks that have IPv6 only (RFC 6147), behind a
prefix of its own choice (RFC 6052 2.2). The IPv4 address inside is one of the controls', or the
resolver's own answer, which is judged by itself.

Wrong when whoever makes an address up takes care to do it in this way.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.WEAKENS,
    when=pl.col("synthesised"),
    says="{answer} is made of the name's IPv4 address, as DNS64 does",
    decides=True,
)
