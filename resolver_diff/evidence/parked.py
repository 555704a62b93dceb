"""The controls have just been sent to where they are sent for unrelated names, and the zone above denies the name here.

Clears the difference, for one night: a name that lapses is parked at one address with many others, denied by
the zone above, given back or sold, and not everybody sees each step on the same night. The denial carries
the SOA of a zone above the name and no AA, as one does that was looked up. New is an address in networks where
the name was not before: a CDN's shared addresses turn every night within its own.

Wrong when a site moves to a host of many on the very night on which it is blocked, by a denial that is made to look
like that of the zone above.
"""

import polars as pl

from resolver_diff.compare.pools import UNRELATED_ADDRESS
from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.VANISHED,
    bearing=Bearing.WEAKENS,
    when=(pl.col("parked_names") >= UNRELATED_ADDRESS) & (pl.col("nights_before") == 0),
    says="the controls are sent to a new address, that of {parked_names} other names; the zone above denies it here",
    decides=True,
)
