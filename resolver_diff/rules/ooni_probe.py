"""Flag what OONI's probe calls inconsistent: no shared AS number and no shared address.

Source: web_connectivity v0.4 of OONI Probe (its analysis of DNS), read in 2026.

In words: when both the probe's and the control's lookup fail, they are consistent only if both say
that the name does not exist. Else one AS number in common is enough, or one address; all other replies
are inconsistent. Here every resolver is the probe, and all controls together are the test helper: their lookup
failed when none of them answers.

Weak, as any failure is inconsistent: loss, dead resolvers, outages. One control is one region,
so that regional answers from several systems are inconsistent. An address that is forged out of the
same system is consistent. Without ``_origins.parquet`` the step on systems does not apply.
"""

import polars as pl

from resolver_diff.rules import FINE, FLAGGED, OPEN, ORIGINS, Rule, Step
from resolver_diff.tables import Outcome

BOTH_FAIL = ~pl.col("answered") & (pl.col("controls_answered") == 0)
NXDOMAIN = str(Outcome.NXDOMAIN)

RULE = Rule(
    (
        Step("no_controls", pl.col("controls_asked") == 0, OPEN),
        Step(
            "both_nxdomain",
            BOTH_FAIL & (pl.col("outcome") == Outcome.NXDOMAIN) & (pl.col("controls_ending") == NXDOMAIN),
            FINE,
        ),
        Step("both_fail_otherwise", BOTH_FAIL, FLAGGED),
        Step("shared_asn", pl.col("shares_asn"), FINE, needs=ORIGINS),
        Step("shared_address", pl.col("shares_address"), FINE),
        Step("inconsistent", pl.lit(value=True), FLAGGED),
    )
)
