"""A column of few different texts: each of them once, and which one stands in which row."""

import numpy as np
import polars as pl
from numpy.typing import NDArray


class Texts:
    """Texts by row; null is one of them."""

    def __init__(self, which: NDArray[np.integer], each: pl.Series) -> None:
        """Take *each* text, all of them different, and *which* of them stands in every row."""
        self.which = which
        self.each = each.cast(pl.Enum(each.drop_nulls()))

    @classmethod
    def of(cls, column: pl.Series) -> "Texts":
        """Return *column* so; runs of equal texts cost little."""
        run = column.rle_id().to_numpy()
        heads = column.gather(np.flatnonzero(np.diff(run, prepend=np.uint32(0xFFFFFFFF))))
        each = heads.drop_nulls().unique(maintain_order=True)
        if len(each) == len(heads):  # each has one run
            return cls(run, each)
        place = heads.cast(pl.Enum(each)).to_physical()
        if heads.null_count():
            each, place = each.extend_constant(None, 1), place.fill_null(len(each))
        return cls(place.to_numpy()[run], each)

    def at(self, rows: NDArray[np.integer]) -> pl.Series:
        """Return the texts of *rows*, as categories."""
        return self.each.gather(self.which[rows])

    def rank(self) -> NDArray[np.int64]:
        """Return the place of each row's text among all; null is the first."""
        order = self.each.cast(pl.String).arg_sort(nulls_last=False).to_numpy()
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        ranks: NDArray[np.int64] = rank[self.which]
        return ranks
