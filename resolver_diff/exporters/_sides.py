"""A side file of each vantage as rows: the columns of its table, after *date* and *vantage*."""

from collections.abc import Callable, Iterator

import polars as pl

from resolver_diff.exporters import Given
from resolver_diff.snapshot import sides
from resolver_diff.tables import Table

WHERE = {"date": pl.Date(), "vantage": pl.String()}


def schema(kind: type[Table]) -> dict[str, pl.DataType]:
    """Return the columns."""
    return {**WHERE, **kind.schema}


def frames(kind: type[Table]) -> Callable[[Given], Iterator[pl.DataFrame]]:
    """Return what yields the rows of the table *kind*."""

    def rows(given: Given) -> Iterator[pl.DataFrame]:
        for vantage in given.vantages:
            table = sides.read(given.place(vantage), kind).frame
            if given.names is not None and "qname" in table.columns:
                table = table.filter(pl.col("qname").is_in(sorted(given.names)))
            yield table.select(pl.lit(given.date).alias("date"), pl.lit(vantage).alias("vantage"), pl.all())

    return rows
