"""Flag answers at whose addresses no good certificate for the name is shown.

Source: Tsai et al., CERTainty, PETS 2023.

In words: a TLS handshake with an address of the answer, for the name that was asked: a certificate for it from an
authority that browsers trust makes the answer benign, anything else makes it manipulated. The controls
have no part in it. Names for which nobody was shown a good certificate are left out: they have no web
site that could show one.

Weak with names of other services, with addresses that are down or refuse strangers, and with whatever
is no answer. Its annotation by clusters of block pages is not part of this. Without
``_certificates.parquet`` it says nothing at all.
"""

import polars as pl

from resolver_diff.rules import CERTIFICATES, FINE, FLAGGED, OPEN, Rule, Step

RULE = Rule(
    (
        Step("no_address", ~pl.col("answered"), OPEN),
        Step("certificate", pl.col("valid"), FINE, needs=CERTIFICATES),
        Step("no_tls", ~pl.col("tls"), OPEN, needs=CERTIFICATES),
        Step("no_certificate", pl.col("invalid"), FLAGGED, needs=CERTIFICATES),
    )
)
