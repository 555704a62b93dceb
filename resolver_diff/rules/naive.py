"""Flag whatever has no address in common with the controls.

Source: the first thing that everybody tries; published by nobody.

In words: a reply is manipulated when none of its addresses is one that a control gives. A
resolver that gives no address while the controls give some is manipulated too, and so is one that
gives an address while they give none.

Weak where names rotate, differ by region or come from caches inside of networks, which is most of
the traffic there is; loss and outages are manipulation to it. With few controls it is wrong about nearly every
popular name.
"""

import polars as pl

from resolver_diff.rules import FINE, FLAGGED, OPEN, Rule, Step

RULE = Rule(
    (
        Step("no_controls", pl.col("controls_asked") == 0, OPEN),
        Step("shared_address", pl.col("shares_address"), FINE),
        Step("nobody_answers", ~pl.col("answered") & (pl.col("controls_answered") == 0), FINE),
        Step("no_shared_address", pl.lit(value=True), FLAGGED),
    )
)
