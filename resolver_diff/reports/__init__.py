"""What a person or a program reads: a report renders diffs, computes nothing, and writes nothing.

A member is a file that defines ``REPORT``. Names and answers come from the
network and may be made to deceive a terminal or a spreadsheet, so no report
lets a character through that is not printable: ``visible`` makes it so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resolver_diff.diff import Diff


@dataclass(frozen=True, slots=True)
class Report:
    """One way to say what diffs found; usually there is one diff per vantage."""

    suffix: str  # of a file that holds it, with its dot
    render: Callable[[Sequence["Diff"]], str]


def visible(text: str) -> str:
    r"""Return *text* with everything unprintable written out: ``\x1b``, ``\u202e``, ``\U000e0041``.

    That is control characters (C0, DEL, C1), bidirectional overrides and other format
    characters, line and paragraph separators, spaces other than U+0020, and surrogates.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
