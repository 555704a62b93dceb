"""Lines of a page: one description, shown plain or in colour.

A line is a sequence of spans, and a span has a tone, not a colour: the page
reads the same without any. Widths are columns of a terminal.
"""

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.cells import cell_len, chop_cells

from resolver_diff.reports import visible

WIDTH = 80
GAP = 2  # columns between those of a table
ELISION = ".."  # no domain name holds two dots in a row, so it cannot be taken for a part of one
NARROWEST = 8  # columns a column of a table keeps


class Tone(StrEnum):
    """What a span is; a terminal may show it as a colour."""

    PLAIN = "plain"
    HEADING = "heading"
    BAD = "bad"  # something is lost or wrong
    GOOD = "good"  # something came back
    FAINT = "faint"


@dataclass(frozen=True, slots=True)
class Span:
    """Some text of one tone."""

    text: str
    tone: Tone = Tone.PLAIN


Line = tuple[Span, ...]
EMPTY: Line = ()


def line(text: str, tone: Tone = Tone.PLAIN) -> Line:
    """Return a line of one tone; what is unprintable in *text* is made visible."""
    return (Span(visible(text), tone),)


def plain(lines: Sequence[Line]) -> str:
    """Return *lines* as text that ends with a newline."""
    return "".join("".join(span.text for span in spans).rstrip() + "\n" for spans in lines)


def paragraph(text: str, *, width: int = WIDTH, first: str = "", rest: str = "", tone: Tone = Tone.PLAIN) -> list[Line]:
    """Return *text* broken into lines; *first* and *rest* are put before the first line and the others."""
    broken = textwrap.wrap(visible(text), width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return [(Span(part, tone),) for part in broken] or [(Span(first, tone),)]


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    tones: Sequence[Tone],
    width: int = WIDTH,
    flexible: Collection[int] = (),
    indent: int = 2,
) -> list[Line]:
    """Return *rows* under *header* in at most *width* columns, one tone per row.

    What is too long in the *flexible* columns loses its middle.
    """
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(header, *shown, strict=True)]
    _shrink(widths, width - indent, flexible)
    lines: list[Line] = [(Span(_row(header, widths, indent), Tone.FAINT),)]
    lines += [(Span(_row(row, widths, indent), tone),) for row, tone in zip(shown, tones, strict=True)]
    return lines


def _row(cells: Sequence[str], widths: Sequence[int], indent: int) -> str:
    fitted = [_fit(cell, wide) for cell, wide in zip(cells, widths, strict=True)]
    return " " * indent + (" " * GAP).join(fitted).rstrip()


def _shrink(widths: list[int], width: int, flexible: Collection[int]) -> None:
    """Take columns from the widest of the *flexible* columns until the row fits."""
    excess = sum(widths) + GAP * (len(widths) - 1) - width
    while excess > 0 and (wide := max(flexible, key=lambda index: widths[index], default=None)) is not None:
        if widths[wide] <= NARROWEST:
            return
        widths[wide] -= 1
        excess -= 1


def _fit(text: str, width: int) -> str:
    """Return *text* in exactly *width* columns."""
    length = cell_len(text)
    if length > width:
        keep = width - len(ELISION)
        head = chop_cells(text, keep // 2)[0] if keep > 1 else ""
        tail = chop_cells(text[::-1], keep - keep // 2)[0][::-1]
        text = head + ELISION + tail
        length = cell_len(text)
    return text + " " * (width - length)
