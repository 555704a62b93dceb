r"""Anomalies as comma-separated values (RFC 4180), one line each, safe to open in a spreadsheet.

The columns are those of ``tables.Anomalies``, in that order, under a header;
lines end with CR LF (RFC 4180 2.1), the encoding is UTF-8, null is an empty
cell. A cell that a spreadsheet would take for a formula gets a ``'`` before it;
what is not printable is written out (``\x1b``), so a line is always one record.
"""

from collections.abc import Sequence

import polars as pl

from resolver_diff.diff import Diff
from resolver_diff.reports import Report
from resolver_diff.tables import Anomalies
from resolver_diff.wording import visible

FORMULA = ("=", "+", "-", "@", "\t", "\r")
SUSPECT = r"^[=+\-@]|[^ -~]"  # what Python then looks at; nearly every cell needs no look
ORDER = ("date_before", "date_after", "vantage", "qname", "qtype", "resolver", "transport", "change", "domain_set")


def harmless(text: str) -> str:
    """Return *text* as a cell that is neither a formula nor holds anything unprintable."""
    return ("'" if text.startswith(FORMULA) else "") + visible(text)


def render(diffs: Sequence[Diff]) -> str:
    """Return the anomalies of all *diffs*, sorted by date, vantage and name."""
    frames = [Anomalies.empty().frame, *(diff.anomalies.frame for diff in diffs)]
    frame = pl.concat(frames).sort(ORDER, nulls_last=False, maintain_order=True)
    return as_lines(frame, header=True)


def as_lines(frame: pl.DataFrame, *, header: bool) -> str:
    """Return the rows of *frame* as lines, numbers to four figures; the first names the columns when *header*."""
    frame = frame.with_columns(pl.col(pl.Float64).round_sig_figs(4))
    frame = frame.with_columns(pl.col(name).cast(pl.String) for name, dtype in frame.schema.items() if dtype == pl.Enum)
    return frame.with_columns(
        _harmless_column(column) for column in frame.iter_columns() if column.dtype == pl.String
    ).write_csv(
        include_header=header, line_terminator="\r\n", quote_style="necessary", null_value="", date_format="%Y-%m-%d"
    )


def _harmless_column(column: pl.Series) -> pl.Series:
    suspects = column.filter(column.str.contains(SUSPECT)).unique().drop_nulls().to_list()
    return column.replace({text: harmless(text) for text in suspects})


REPORT = Report(suffix=".csv", render=render)
