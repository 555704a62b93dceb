"""Flag what Censored Planet's Satellite v2 calls an anomaly: an error, or no tag in common with the controls.

Source: documentation and pipeline of Satellite v2 (2021 to 2025), read in 2026.

In words: names for which the controls failed, resolvers that answer no control question, and those of which
more than three quarters of the replies are errors are left out; so are silences, empty answers, and
answers from five large networks. An error RCODE is an anomaly. An address in 0/8, 10/8, 127/8, 172.16/12 or
192.168/16 is one. Of other answers, those with an address, an AS number, the name of a system, or the
hash of a page or certificate in common with the controls are none, nor are those about which too little is
known; the rest are.

Weak on whatever it leaves out: NODATA, timeouts, block pages in large clouds; and a register that denies most of a
list is thrown away as broken. Filters that a resolver's users chose, outages of a provider and
regional answers are anomalies to it. It looks at the first address for what is invalid, and a snapshot keeps
no order, so that any counts here. Its dashboard has another verdict, which leans on certificates. Without
``_origins.parquet`` and ``_tags.parquet`` only addresses count.
"""

import polars as pl

from resolver_diff.rules import FINE, FLAGGED, OPEN, ORIGINS, TAGS, Rule, Step

MOST_ERRORS = 0.75

RULE = Rule(
    (
        Step("domain_controls_failed", pl.col("controls_answered") == 0, OPEN),
        Step("not_alive", ~pl.col("alive"), OPEN),
        Step("resolver_errors", pl.col("error_share") > MOST_ERRORS, OPEN),
        Step("resolver_silent", pl.col("silent_share") > MOST_ERRORS, OPEN),
        Step("timeout", pl.col("silent"), OPEN),
        Step("dns_error", pl.col("error"), FLAGGED),
        Step("ip_empty", ~pl.col("answered"), OPEN),
        Step("ip_invalid", pl.col("private"), FLAGGED),
        Step("match_ip", pl.col("shares_address"), FINE),
        Step("match_http", pl.col("shares_page"), FINE, needs=TAGS),
        Step("match_cert", pl.col("shares_certificate"), FINE, needs=TAGS),
        Step("untagged", ~pl.col("tagged") | ~pl.col("controls_tagged"), FINE, needs=ORIGINS),
        Step("match_asnum", pl.col("shares_asn"), FINE, needs=ORIGINS),
        Step("match_asname", pl.col("shares_organisation"), FINE, needs=ORIGINS),
        Step("is_cdn", pl.col("cdn"), OPEN, needs=ORIGINS),
        Step("anomaly", pl.lit(value=True), FLAGGED),
    )
)
