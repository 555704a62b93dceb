"""Flag what OONI's pipeline holds for blocked rather than down or fine.

Source: rules.py of the OONI data pipeline (rules version 2), read in 2026. Each of its rules gives
three hand-set shares for blocked, down and ok; flagged is where *blocked* is the largest, not judged where none is.

In words, the first that applies: an address at which somebody was shown a good certificate for the
name that day is ok; an address that cannot be public is blocked, or if a control gives it, down; so is one of which the
certificate failed and that no control gives; an address or a system in common with the controls is ok; a
failure is blocked when more than half of the controls answer, else down; any other answer is blocked (0.75 to 0.25).

Weak where answers rotate or are regional (its authors name that last rule as the likely source of
false positives), and where failures are loss. Its list of known block pages and its knowledge of the engine
that measured are not in a snapshot: these steps are left out. Without ``_origins.parquet`` and
``_certificates.parquet`` neither are the steps on systems and certificates.
"""

import polars as pl

from resolver_diff.rules import CERTIFICATES, FINE, FLAGGED, OPEN, ORIGINS, Rule, Step

FAILED = ~pl.col("answered")
SUCCESS = pl.col("controls_answered") / pl.col("controls_asked")

RULE = Rule(
    (
        Step("tls_consistent_answer", pl.col("valid"), FINE, needs=CERTIFICATES),  # 0, 0, 1
        Step("bogon_not_in_ctrl", pl.col("bogon"), FLAGGED),  # .95, .05, 0
        Step("bogon_in_ctrl", pl.col("bogon_published"), FINE),  # .1, .9, 0
        Step(
            "tls_inconsistent_not_in_ctrl", pl.col("invalid_unpublished"), FLAGGED, needs=CERTIFICATES
        ),  # .9, .05, .05
        Step("answer_matches_ctrl", pl.col("shares_address"), FINE),  # 0, 0, .9
        Step("answer_asn_matches_ctrl", pl.col("shares_asn"), FINE, needs=ORIGINS),  # .2, 0, .8
        Step("failure_no_ctrl", FAILED & (pl.col("controls_asked") == 0), OPEN),  # .5, .5, 0
        Step("failure_ctrl_also_failing", FAILED & (SUCCESS <= 0.5), FINE),  # .1, .9, 0
        Step("failure_ctrl_ok", FAILED, FLAGGED),  # .9, .1, 0
        Step("answer_unmatched", pl.lit(value=True), FLAGGED),  # .75, 0, .25
    )
)
