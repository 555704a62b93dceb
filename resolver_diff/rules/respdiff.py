"""Flag replies that differ from those of all controls, where these are alike, in anything but the answer itself.

Source: respdiff of CZ-NIC, with its default criteria (opcode, rcode, flags, question, answertypes,
answerrrsigs), read in 2026.

In words: where the controls differ from each other in any of these, the question is unstable and left out. Else
the reply is a disagreement when it differs from theirs, named after the first of: timeout, malformed,
rcode, flags, types in the answer.

Weak, as one control that misbehaves takes a name away, and as addresses are not compared at all:
block pages are agreement. It was made to compare implementations of one's own side by side, and public resolvers
differ in AD and in how they deny; loss is disagreement. Signatures and the counts of opcodes are not in
a snapshot.
"""

import polars as pl

from resolver_diff.rules import FINE, FLAGGED, OPEN, Rule, Step

RULE = Rule(
    (
        Step("upstream_unstable", ~pl.col("others_agree").fill_null(value=False), OPEN),
        Step("timeout", pl.col("differs_timeout"), FLAGGED),
        Step("malformed", pl.col("differs_malformed"), FLAGGED),
        Step("rcode", pl.col("differs_rcode"), FLAGGED),
        Step("flags", pl.col("differs_flags"), FLAGGED),
        Step("answertypes", pl.col("differs_types"), FLAGGED),
        Step("agreement", pl.lit(value=True), FINE),
    )
)
