"""Flag what Iris calls manipulated: an answer that is neither consistent with the controls nor verifiable.

Source: Pearce et al., Global Measurement of DNS Manipulation, USENIX Security 2017, as recalled and
from second-hand notes; its text was not at hand.

In words: an answer is correct when an address, an AS number, the owner of a system, or the hash of a
page or certificate is one of the controls', or when a good certificate for the name is shown at an address;
else it is manipulated. Private addresses are manipulated. Names without an answer from the controls are left out,
and so are replies without an address: it looks at answers only.

Weak on everything that is no answer: it never sees NXDOMAIN, errors, silence. Captive portals
and filters that users chose are manipulation to it. An address forged out of the same system is correct. PTR
records are not in a snapshot. Without ``_origins.parquet``, ``_tags.parquet`` and ``_certificates.parquet`` only
addresses count, and it flags most of what rotates.
"""

import polars as pl

from resolver_diff.rules import CERTIFICATES, FINE, FLAGGED, OPEN, ORIGINS, TAGS, Rule, Step

RULE = Rule(
    (
        Step("no_address", ~pl.col("answered"), OPEN),
        Step("no_controls", pl.col("controls_answered") == 0, OPEN),
        Step("same_address", pl.col("shares_address"), FINE),
        Step("private_address", pl.col("bogon") | pl.col("private"), FLAGGED),
        Step("same_asn", pl.col("shares_asn"), FINE, needs=ORIGINS),
        Step("same_organisation", pl.col("shares_organisation"), FINE, needs=ORIGINS),
        Step("same_page", pl.col("shares_page"), FINE, needs=TAGS),
        Step("same_certificate", pl.col("shares_certificate"), FINE, needs=TAGS),
        Step("certificate", pl.col("valid"), FINE, needs=CERTIFICATES),
        Step("manipulated", pl.lit(value=True), FLAGGED),
    )
)
