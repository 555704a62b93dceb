"""The answer has an address that cannot be on the public Internet.

Convicts: private, loopback, unspecified, documentation and other special-purpose
addresses (IANA registries for IPv4 and IPv6, RFC 6890; also inside IPv4-mapped, 6to4 and
Teredo addresses) are what sinkholes point to. Owners who publish such an address
publish it to the controls too, and then it is no difference.

Wrong when the owner answers such an address to some regions only, by mistake.
"""

import polars as pl

from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=pl.col("bogon"),
    says="{answer} cannot be on the public Internet",
    decides=True,
)
