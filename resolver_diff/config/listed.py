"""Many names, sorted, each once: as text, in half the memory of a column of them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

BLOCK = 8192  # names in one text, of which all are made a column when one is wanted


class Names:
    """Names in the order they are given in; those of a domain set are sorted, each once, in A-label form."""

    def __init__(self, parts: Iterable[pl.Series]) -> None:
        self._texts: list[str] = []
        firsts, lengths = [], []
        for part in parts:  # which may be all there is of it: none is kept
            for first in range(0, len(part), BLOCK):
                block = part[first : first + BLOCK]
                self._texts.append(_together(block))
                firsts.append(block[0])
                lengths.append(len(block))
        self._firsts = pl.Series(firsts, dtype=pl.String)
        self._ends = np.cumsum(lengths, dtype=np.int64)

    @classmethod
    def of(cls, names: Iterable[str]) -> "Names":
        """Return *names*."""
        return cls([pl.Series(list(names), dtype=pl.String)])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            yield from text.split("\n")

    def to_list(self) -> list[str]:
        """Return all names."""
        return list(self)

    def texts(self) -> Iterator[str]:
        """Yield the names as text, some thousand at a time: one a line, each line with its end."""
        for text in self._texts:
            yield f"{text}\n"

    def parts(self) -> Iterator[pl.Series]:
        """Yield the names as columns, some thousand at a time."""
        for text in self._texts:
            yield _apart([text])

    def slice(self, first: int, length: int) -> pl.Series:
        """Return at most *length* names from the one whose index is *first* on; fewer where there are no more."""
        begin = int(np.searchsorted(self._ends, first, "right"))
        end = int(np.searchsorted(self._ends, first + length, "left")) + 1
        before = int(self._ends[begin - 1]) if begin else 0
        return _apart(self._texts[begin:end]).slice(first - before, length)

    def below(self, edges: Sequence[str]) -> Iterator[pl.Series]:
        """Yield the names below each of *edges*, which are sorted, that were not yielded before; then the rest."""
        done = 0
        for edge in edges:
            block = max(0, int(self._firsts.search_sorted(edge, "left")) - 1)  # the last that may have names below it
            before = int(self._ends[block - 1]) if block else 0
            end = before + (int(_apart(self._texts[block : block + 1]).search_sorted(edge, "left")) if self else 0)
            yield self.slice(done, end - done)
            done = end
        yield self.slice(done, len(self) - done)

    def edges(self, length: int) -> list[str]:
        """Return the first of every *length* names or so, but for the very first."""
        return self._firsts.gather_every(max(1, length // BLOCK)).to_list()[1:]


class Sorting:
    """Names as they come, sorted at the end, each once.

    They are sorted part by part, as memory for all would be needed several times over: *edges*, sorted, are where the
    parts begin.
    """

    def __init__(self, edges: Sequence[str] = ()) -> None:
        self._edges = pl.Series(edges, dtype=pl.String)
        self._texts: list[list[str]] = [[] for _ in range(len(edges) + 1)]
        self._lines: list[list[NDArray[np.uint32]]] = [[] for _ in range(len(edges) + 1)]
        self.repeated = 0  # how many names came again, once ``names`` was called
        self.first: tuple[int, str] | None = None  # the line of the first of them, and the name

    def add(self, found: pl.DataFrame) -> None:
        """Take in names, columns line and qname."""
        if found.is_empty():
            return
        names = found["qname"]
        if names.is_sorted():
            ends = [*names.search_sorted(self._edges, "left").to_list(), found.height]
        else:
            part = self._edges.search_sorted(names, "right").to_numpy().astype(np.uint16)
            found = found[np.argsort(part, kind="stable")]
            ends = np.cumsum(np.bincount(part, minlength=len(self._texts))).tolist()
        names, lines = found["qname"], found["line"].to_numpy()
        for place, (begin, end) in enumerate(pairwise([0, *ends])):
            if begin < end:
                self._texts[place].append(_together(names[begin:end]))
                self._lines[place].append(lines[begin:end].copy())

    def names(self) -> Names:
        """Return all names, once."""
        return Names(self._parts())

    def _parts(self) -> Iterator[pl.Series]:
        """Yield the names, sorted; let go of each part."""
        self._texts.reverse()
        self._lines.reverse()
        while self._texts:
            came = _apart(self._texts.pop())
            lines = self._lines.pop()
            names = came.sort()
            again = names.eq_missing(names.shift())
            if again.any():
                self._note(came, np.concatenate(lines), names.filter(again))
                names = names.filter(~again)
            yield names

    def _note(self, came: pl.Series, lines: NDArray[np.uint32], again: pl.Series) -> None:
        """Take note of names that came *again*, and of the first line that has one."""
        self.repeated += len(again)
        there = pl.DataFrame({"line": lines, "qname": came}).filter(came.is_in(again.unique().implode())).sort("line")
        first = there.filter(~pl.col("qname").is_first_distinct()).row(0)
        self.first = min(self.first or first, first)


def _together(names: pl.Series) -> str:
    """Return names as text, one a line; the last line has no end."""
    text: str = names.str.join("\n").item()
    return text


def _apart(texts: Sequence[str]) -> pl.Series:
    """Return the names in *texts*."""
    return pl.Series("qname", texts, dtype=pl.String).str.split("\n").explode()
