"""Tables in little room: columns of few different texts as numbers, deflated; the browser inflates them itself."""

import json
import zlib
from base64 import b64encode
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl
import polars.selectors as cs

from resolver_diff.wording import visible

EFFORT = 9


def columns(frame: pl.DataFrame) -> dict[str, Any]:
    """Return *frame* by column: numbers as they are, texts as numbers into a list of the different ones.

    null is null; dates are texts; times are seconds since 1970.
    """
    plain = frame.with_columns(
        cs.categorical().cast(pl.String),
        cs.by_dtype(pl.Enum).cast(pl.String),
        cs.date().cast(pl.String),
        cs.datetime().dt.epoch("s"),
        cs.duration().dt.total_microseconds() / 1000,
    )
    return {"rows": frame.height, "columns": {each.name: _column(each) for each in plain.iter_columns()}}


def _column(given: pl.Series) -> dict[str, Any]:
    if given.dtype == pl.Boolean:
        return {"values": given.cast(pl.UInt8).to_list()}
    if given.dtype.is_numeric():
        return {"values": given.to_list()}
    if given.dtype == pl.List:
        given = pl.Series(given.name, ["\0".join(map(str, each)) if each else None for each in given.to_list()])
        texts, codes = _dictionary(given)
        return {"lists": [[visible(one) for one in text.split("\0")] for text in texts], "codes": codes}
    texts, codes = _dictionary(given.cast(pl.String))
    return {"texts": list(map(visible, texts)), "codes": codes}


def _dictionary(given: pl.Series) -> tuple[list[str], list[int | None]]:
    """Return the different texts of *given*, sorted, and for each row the place of its own."""
    if given.null_count() == given.len():
        return [], [None] * given.len()
    texts = given.drop_nulls().unique().sort()
    places = pl.DataFrame({"text": texts, "place": pl.int_range(texts.len(), eager=True)})
    codes = given.to_frame("text").join(places, on="text", how="left", maintain_order="left")["place"]
    return texts.to_list(), codes.to_list()


def packed(document: Mapping[str, Any]) -> str:
    """Return *document* as JSON, deflated (RFC 1950), in base64: no character of it can be markup."""
    return deflated(json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain))


def deflated(text: str) -> str:
    """Return *text* deflated, in base64."""
    return b64encode(zlib.compress(text.encode(), EFFORT)).decode("ascii")


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a page")
