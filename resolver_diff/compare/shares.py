"""How often, and how sure that is: k of n as a share, with its interval.

The score interval of E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference",
at 95 %: near its level for few repeats, and never outside of 0 to 1. L. D. Brown, T. T. Cai and A. DasGupta (2001),
"Interval estimation for a binomial proportion", propose it for up to 40.
"""

import polars as pl

Z = 1.959964  # of the normal distribution, for 95 %


def low(k: pl.Expr, n: pl.Expr) -> pl.Expr:
    """Return the low end of the interval of *k* of *n* independent times; null where *n* is 0."""
    return _end(k, n, -1)


def high(k: pl.Expr, n: pl.Expr) -> pl.Expr:
    """Return the high end of it."""
    return _end(k, n, 1)


def _end(k: pl.Expr, n: pl.Expr, side: int) -> pl.Expr:
    k, n = k.cast(pl.Float64), pl.when(n > 0).then(n).cast(pl.Float64)
    spread = Z * (k * (n - k) / n + Z * Z / 4).sqrt()
    return ((k + Z * Z / 2 + side * spread) / (n + Z * Z)).clip(0, 1)


def interval(k: int, n: int) -> tuple[float, float]:
    """Return both ends for one *k* of *n*, which is not 0."""
    ends = pl.select(low=low(pl.lit(k), pl.lit(n)), high=high(pl.lit(k), pl.lit(n))).row(0)
    return float(ends[0]), float(ends[1])


def in_words(k: int, n: int, noun: str) -> str:
    """Say it: "2 of 5 repeats (12 % to 77 %)"."""
    ends = interval(k, n)
    return f"{k} of {n} {noun} ({ends[0]:.0%} to {ends[1]:.0%})".replace("%", " %")
