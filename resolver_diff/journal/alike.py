"""Rows of one batch from several hands, as one table in which texts are categories.

A batch has few different texts in many rows. As texts its rows would take three times the memory, and each step on the
way to a sorted file would take it again.
"""

from collections.abc import Sequence

import polars as pl

ATTEMPTS = 256  # an attempt is one octet: a query's number is its question's number times this, plus the attempt


def alike(frames: Sequence[pl.DataFrame], schema: pl.Schema) -> pl.DataFrame:
    """Return the rows of *frames* under one another; texts are categories, in the order of texts.

    *frames* have the columns of *schema*, the texts as texts or as categories.
    """
    frames = [frame for frame in frames if frame.height] or list(frames[:1])
    columns = {name: [frame.get_column(name) for frame in frames] for name in schema}
    del frames
    made = []
    for name, dtype in schema.items():
        parts = columns.pop(name)  # what is made of them takes their place
        if dtype == pl.String:
            each = pl.concat([part.unique().cast(pl.String) for part in parts]).drop_nulls().unique().sort()
            dtype = pl.Enum(each)  # noqa: PLW2901 - what its texts are kept as
        made.append(pl.concat([part.cast(dtype) for part in parts]))
    return pl.DataFrame(made)


def without_late(rows: pl.DataFrame) -> pl.DataFrame:
    """Leave out what was silence only until a late reply came."""
    heard = rows["reply"].is_not_null()
    query = rows["number"] * ATTEMPTS + rows["attempt"]
    return rows.filter(heard | ~query.is_in(query.filter(heard).implode()))
