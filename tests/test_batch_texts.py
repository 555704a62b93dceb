"""A column as its different texts and which of them stands where."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from resolver_diff.batch.texts import Texts

COLUMN = st.lists(st.sampled_from(["b.example", "a.example", "c", ""]) | st.none(), max_size=30)


@given(COLUMN)
def test_every_row_has_its_text(texts: list[str | None]) -> None:
    """Whatever repeats, and wherever, each row reads as it did; null stays null."""
    column = pl.Series(texts, dtype=pl.String)
    found = Texts.of(column)
    assert found.at(np.arange(len(column))).cast(pl.String).to_list() == texts
    assert found.each.n_unique() == len(found.each) == column.n_unique()


@given(COLUMN)
def test_ranks_are_in_the_order_of_texts(texts: list[str | None]) -> None:
    """To sort by rank is to sort by text, null first; equal texts have the same rank."""
    rank = Texts.of(pl.Series(texts, dtype=pl.String)).rank().tolist()
    key = {text: place for place, text in enumerate(sorted(set(texts), key=lambda text: (text is not None, text)))}
    assert rank == [key[text] for text in texts]
