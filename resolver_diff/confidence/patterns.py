"""The table of what was counted."""

import polars as pl

from resolver_diff.tables import Column, Table


class Patterns(Table):
    """What was counted on labelled data; one row per pattern of evidence."""

    pattern = Column(pl.String(), "How it differs, and on what that rests: mechanism, then names of evidence, sorted.")
    true = Column(pl.UInt32(), "Cells (or spells) of that pattern that were blocked.")
    false = Column(pl.UInt32(), "Those that were not.")
    cases = Column(pl.UInt32(), "Names in a country of a labelled set that these are of: what counts as a trial.")
    precision = Column(pl.Float64(), "The share that was blocked.")
    low = Column(pl.Float64(), "The lower bound of its 95 % interval (Wilson), by the number of cases.")
    high = Column(pl.Float64(), "The upper bound.")
