"""What a person or a program reads: a report renders diffs, computes nothing, and writes nothing.

A member is a file that defines ``REPORT``.
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
