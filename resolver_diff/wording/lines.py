"""Lines of a page: one description, shown plain or in colour.

A line is a sequence of spans, and a span has a tone, not a colour: the page
reads the same without any. Widths are columns of a terminal; where there is
none the width is None: text is broken at 80 columns, and tables stay whole,
because nothing may be missing from what a program or a file gets.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.cells import cell_len, chop_cells

from resolver_diff.wording import visible

WIDTH = 80
GAP = 2  # columns between those of a table
ELISION = "\N{HORIZONTAL ELLIPSIS}"  # no domain name holds it, so it cannot be taken for a part of one
NARROWEST = 8  # columns a column of a table keeps
WHOLE = 10_000  # microseconds; from here on they are said in whole milliseconds
FILLING = "\0"  # stands for the second column of a wide character; no text has it that was made visible


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


def many(count: int, noun: str, plural: str | None = None) -> str:
    """Return so many of a thing: ``1 name``, ``1,234 names``."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def some(names: Sequence[str], most: int = 10) -> str:
    """Return the first of *names*, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def duration(seconds: float) -> str:
    """Return *seconds* as a person says it: ``3 h 05 min``, ``4 min 10 s``, ``12 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def milliseconds(microseconds: float) -> str:
    """Return *microseconds* as a person says them: ``8.1 ms``, ``141 ms``."""
    return f"{microseconds / 1000:,.{0 if microseconds >= WHOLE else 1}f} ms"


def line(text: str, tone: Tone = Tone.PLAIN) -> Line:
    """Return a line of one tone; what is unprintable in *text* is made visible."""
    return (Span(visible(text), tone),)


def plain(lines: Sequence[Line]) -> str:
    """Return *lines* as text that ends with a newline."""
    return "".join("".join(span.text for span in spans).rstrip() + "\n" for spans in lines)


def paragraph(
    text: str, *, width: int | None = None, first: str = "", rest: str = "", tone: Tone = Tone.PLAIN
) -> list[Line]:
    """Return *text* broken into lines; *first* and *rest* are put before the first line and the others."""
    filled = "".join(FILLING * (cell_len(char) - 1) + char for char in visible(text))
    broken = textwrap.wrap(filled, width or WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return [(Span(part.replace(FILLING, ""), tone),) for part in broken] or [(Span(first, tone),)]


class Cut(StrEnum):
    """What a cell loses where there is too little room."""

    HEAD = "head"
    MIDDLE = "middle"
    TAIL = "tail"


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    tones: Sequence[Tone],
    width: int | None = None,
    cuts: Mapping[int, Cut] | None = None,
    indent: int = 2,
) -> list[Line]:
    """Return *rows* under *header*, one tone per row; in at most *width* columns, if there is a width.

    *cuts* says which columns may lose what, those that give way first in front.
    """
    cuts = cuts or {}
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(header, *shown, strict=True)]
    if width is not None:
        _shrink(widths, width - indent, cuts)
    ways = [cuts.get(column, Cut.MIDDLE) for column in range(len(widths))]
    lines: list[Line] = [(Span(_row(header, widths, ways, indent), Tone.FAINT),)]
    lines += [(Span(_row(row, widths, ways, indent), tone),) for row, tone in zip(shown, tones, strict=True)]
    return lines


def _row(cells: Sequence[str], widths: Sequence[int], ways: Sequence[Cut], indent: int) -> str:
    fitted = [_fit(cell, wide, way) for cell, wide, way in zip(cells, widths, ways, strict=True)]
    return " " * indent + (" " * GAP).join(fitted).rstrip()


def _shrink(widths: list[int], width: int, order: Iterable[int]) -> None:
    """Take room from one column after the other, in *order*, until the row fits."""
    excess = sum(widths) + GAP * (len(widths) - 1) - width
    for column in order:
        taken = min(max(0, excess), max(0, widths[column] - NARROWEST))
        widths[column] -= taken
        excess -= taken


def _fit(text: str, width: int, cut: Cut) -> str:
    """Return *text* in exactly *width* columns."""
    length = cell_len(text)
    if length > width:
        keep = width - len(ELISION)
        tail_keep = {Cut.HEAD: keep, Cut.MIDDLE: keep - keep // 2, Cut.TAIL: 0}[cut]
        head = chop_cells(text, keep - tail_keep)[0] if keep > tail_keep else ""
        tail = chop_cells(text[::-1], tail_keep)[0][::-1] if tail_keep else ""
        text = head + ELISION + tail
        length = cell_len(text)
    return text + " " * (width - length)
