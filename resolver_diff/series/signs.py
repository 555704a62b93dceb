"""What each cell of one date is a sign of, in one number.

A sign is how a cell differs from the controls, as one date shows it. What one date alone leaves open,
silence that may be chance, or an answer that nobody else gives, is a sign too: many dates may settle it.
"""

from typing import Any

import polars as pl

from resolver_diff.anomaly import Judged, has_any, reasons
from resolver_diff.evidence import Bearing, Claim
from resolver_diff.tables import Mechanism, State

SIGNS = (
    "fine",
    Mechanism.NXDOMAIN,
    Mechanism.NODATA,
    Mechanism.SERVFAIL,
    Mechanism.REFUSED,
    Mechanism.TIMEOUT,
    Mechanism.BOGON,
    Mechanism.STUB,
    Mechanism.BLOCKPAGE,
    Mechanism.FORGED,
    Mechanism.INJECTED,
    Mechanism.POLICY,
    "uncertified",  # convicted by its certificate alone
    "foreign",  # an answer that nothing clears and nothing convicts
)
FINE, UNKNOWN = 0, 255
UNCERTIFIED, FOREIGN = SIGNS.index("uncertified"), SIGNS.index("foreign")
DENIED = [SIGNS.index(one) for one in (Mechanism.NXDOMAIN, Mechanism.NODATA)]
LOSSES = tuple(SIGNS.index(one) for one in (Mechanism.SERVFAIL, Mechanism.REFUSED, Mechanism.TIMEOUT))
# what is likely by chance, and what an address stands for, many dates tell better than the one that says this
SETTLED_BY_TIME = frozenset({"chance_explains", "lost_together", "resolver_wide", "own_history"})


def _deciding(bearing: Bearing, *claims: Claim) -> list[str]:
    return [
        name
        for name, one in reasons().items()
        if one.decides and one.bearing is bearing and one.claim in claims and name not in SETTLED_BY_TIME
    ]


def signs(judged: Judged) -> pl.Series:
    """Return the number of each cell's sign in ``SIGNS``; ``UNKNOWN`` where the date tells nothing of it."""
    weak = has_any(*_deciding(Bearing.WEAKENS, Claim.VANISHED, Claim.EITHER, Claim.RESOLVER))
    cleared = has_any(*_deciding(Bearing.WEAKENS, Claim.DIVERGENT))
    convicting = _deciding(Bearing.SUPPORTS, Claim.DIVERGENT, Claim.EITHER)
    others = has_any(*(name for name in convicting if name != "certificate_invalid"))
    answered = pl.col("kind") == "answer"
    lost = {
        Mechanism.NXDOMAIN: pl.col("outcome") == "nxdomain",
        Mechanism.NODATA: pl.col("kind") == "denial",
        Mechanism.SERVFAIL: pl.col("outcome") == "servfail",
        Mechanism.REFUSED: pl.col("kind") == "failure",
        Mechanism.TIMEOUT: pl.col("kind") == "silence",
    }
    by_mechanism = {str(one): SIGNS.index(one) for one in SIGNS if isinstance(one, Mechanism)}
    convicted = pl.col("mechanism").cast(pl.String).replace_strict(by_mechanism, default=FINE, return_dtype=pl.UInt8)
    found: Any = pl.when(
        pl.col("unfit") | pl.col("stripped") | (pl.col("consensus") != "answer").fill_null(value=True)
    ).then(UNKNOWN)
    found = found.when(answered & (cleared | (pl.col("apparent") == State.AGREES))).then(FINE)
    found = found.when(weak).then(UNKNOWN)
    found = found.when(pl.col("state") == State.DIVERGENT)
    found = found.then(pl.when(others).then(convicted).otherwise(UNCERTIFIED))
    found = found.when(answered).then(FOREIGN)
    found = found.when(pl.col("mechanism") == Mechanism.POLICY).then(SIGNS.index(Mechanism.POLICY))
    for mechanism, when in lost.items():
        found = found.when(when).then(SIGNS.index(mechanism))
    return judged.cells.select(found.otherwise(UNKNOWN).cast(pl.UInt8).alias("sign")).to_series()
