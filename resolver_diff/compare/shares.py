"""How often, and how sure that is: k of n as a share, with its interval.

The score interval of E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference",
JASA 22, at 95 %: near its level for few repeats, and never outside of 0 to 1. L. D. Brown, T. T. Cai and A. DasGupta
(2001), "Interval estimation for a binomial proportion", propose it for up to 40.
"""

from collections.abc import Callable
from math import sqrt
from typing import TypeVar

import polars as pl

Z = 1.959964  # of the normal distribution, for 95 %
LEAST = 1e-5  # shares below are said to be so
T = TypeVar("T", float, pl.Expr)


def low(k: pl.Expr, n: pl.Expr) -> pl.Expr:
    """Return the low end of the interval of *k* of *n* independent times; null where *n* is 0."""
    return _low(k.cast(pl.Float64), _some(n), pl.Expr.sqrt)


def high(k: pl.Expr, n: pl.Expr) -> pl.Expr:
    """Return the high end of it."""
    return 1 - _low(_some(n) - k.cast(pl.Float64), _some(n), pl.Expr.sqrt)


def interval(k: float, n: int) -> tuple[float, float]:
    """Return both ends for one *k* of *n*, which is not 0; exactly 0 where *k* is 0, exactly 1 where it is *n*."""
    return _low(float(k), float(n), sqrt), 1 - _low(float(n - k), float(n), sqrt)


def _some(n: pl.Expr) -> pl.Expr:
    return pl.when(n > 0).then(n).cast(pl.Float64)


def _low(k: T, n: T, root: Callable[[T], T]) -> T:
    """Return the lesser solution of Wilson's equation: their product by the greater one.

    Nothing is subtracted, so that floating point leaves the ends where they are.
    """
    return k * k / n / (k + Z * Z / 2 + Z * root(k * (n - k) / n + Z * Z / 4))


def in_words(k: int, n: int, noun: str) -> str:
    """Say it: "2 of 5 repeats (12 % to 77 %)"."""
    ends = interval(k, n)
    return f"{k} of {n} {noun} ({percent(ends[0])} to {percent(ends[1])})"


def percent(share: float) -> str:
    """Return a share as a person says it; what is some is never 0 %, and what is not all never 100 %."""
    if 0 < share < LEAST:
        return f"<{100 * LEAST:g} %"
    if share < 0.1:
        return f"{100 * share:.2g} %"
    return f"{min(100 * share, 99.9):.1f} %" if 0.9 < share < 1 else f"{100 * share:.0f} %"
