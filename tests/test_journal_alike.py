"""Rows from several hands as one table."""

import polars as pl

from resolver_diff.journal import SCHEMA
from resolver_diff.journal.alike import alike, without_late


def test_rows_of_texts_and_of_categories_are_one_table_in_the_order_of_texts() -> None:
    """Whatever the categories were: texts compare as texts, null stays null, and no row is lost."""
    texts = pl.DataFrame({"number": [1, 2, 3], "qname": ["b", None, "a"]}, schema_overrides={"number": pl.UInt64})
    other = texts.with_columns(qname=pl.Series(["c", "a", "b"], dtype=pl.Enum(["c", "b", "a"])))
    schema = pl.Schema({"number": pl.UInt64(), "qname": pl.String()})
    made = alike([texts, other, other.clear()], schema)
    assert made["qname"].cast(pl.String).to_list() == ["b", None, "a", "c", "a", "b"]
    assert made.sort("qname", "number")["qname"].cast(pl.String).to_list() == [None, "a", "a", "b", "b", "c"]
    assert alike([texts.clear()], schema).height == 0


def test_silence_that_ended_is_left_out() -> None:
    """A row without a reply goes where the same query, not only the same question, has one; the others stay."""
    said = {"number": [1, 1, 2, 2, 3], "attempt": [0, 0, 0, 1, 0], "reply": [None, 0, None, 0, None]}
    rows = pl.DataFrame(said, schema={name: SCHEMA[name] for name in said})
    assert without_late(rows).rows() == [(1, 0, 0), (2, 0, None), (2, 1, 0), (3, 0, None)]
    heard = rows.filter(pl.col("reply").is_not_null())
    assert without_late(heard).equals(heard)
