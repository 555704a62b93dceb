"""The same foreign CNAME target is given for two or more unrelated names.

Convicts: walled gardens and notices are reached by an alias that replaces the name. A
target is a name somebody chose, and hardly shared by chance, so two unrelated names are
enough.

Wrong when two owners steer a region to one shared host name (a shop or page builder) that
no control is shown.
"""

import polars as pl

from resolver_diff.compare.pools import UNRELATED_TARGET
from resolver_diff.evidence import Bearing, Claim, Evidence

EVIDENCE = Evidence(
    claim=Claim.DIVERGENT,
    bearing=Bearing.SUPPORTS,
    when=pl.col("target_domains") >= UNRELATED_TARGET,
    says="the same CNAME target, {cname}, is given for {target_domains} unrelated names",
    decides=True,
)
