"""Two files of one domain set -> the cells that said something else, unjudged.

The files lie in the order of their questions, so that they are read side by side, some names at a
time, and neither is ever in memory as a whole. Nearly all questions stand at the same place in
both; what is compared is a number for each cell, next to the number of its answer. What counts of
a cell is its first reply; one that got none on either date is no change.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff.errors import Place, SnapshotError
from resolver_diff.tables import OUTCOME, TRANSPORT, Purpose

CELL = ("qname", "qtype", "resolver", "transport")
TURNS = ("repeat", "attempt", "reply")  # of rows of a cell
ROWS = 1 << 19  # of a file that are read in one go
ODD = 0x9E3779B97F4A7C15  # spreads small numbers over 64 bits
Places = NDArray[np.int64]
Numbers = NDArray[np.uint64]


def changed(before: Path, after: Path, *, answers: bool = False) -> Iterator[pl.DataFrame]:
    """Yield the cells whose first reply ended otherwise, or answered otherwise, in the order of the questions.

    Columns: ``CELL``, *outcome_before*, *outcome_after*, and with *answers* what was answered, *answer_before*
    and *answer_after*. Raises OSError or PolarsError when a file cannot be read, and SnapshotError when its
    rows are not in that order.
    """
    told = ("outcome", "answer") if answers else ("outcome",)
    readers = [_Reader(file, answers=answers) for file in (before, after)]
    with ThreadPoolExecutor(1) as other_core:  # compares while the next rows are read
        comparing: Future[pl.DataFrame] | None = None
        for pieces in _side_by_side(readers):
            following = other_core.submit(_compared, readers, pieces, told)
            if comparing is not None and (found := comparing.result()).height:
                yield found
            comparing = following
        if comparing is not None and (found := comparing.result()).height:
            yield found


def _compared(readers: Sequence["_Reader"], pieces: Sequence[pl.DataFrame], told: Sequence[str]) -> pl.DataFrame:
    """Return the cells whose first replies differ between the two *pieces*."""
    here, there = _differing(*map(_Cells.of, readers, pieces))
    then = pieces[0].select(*CELL, **{f"{name}_before": name for name in told})[here]
    now = pieces[1].select(**{f"{name}_after": name for name in told})[there]
    ends = [f"{name}_{end}" for name in told for end in ("before", "after")]
    return pl.concat([then, now], how="horizontal").select(*CELL, *ends)


class _Reader:
    """The targets of a file, of which some are held."""

    def __init__(self, file: Path, *, answers: bool) -> None:
        self.file = file
        self.rows = pl.scan_parquet(file, hive_partitioning=False)
        turns = [name for name in TURNS if name in self.rows.collect_schema()]  # older files have no repeats
        self.columns = [*_columns(turns), pl.col("answer")] if answers else _columns(turns)
        self.stop = 0  # so many rows of the file were read
        self.end = int(self.rows.select(pl.len()).collect().item())
        self.held = self.rows.head(0).select(self.columns).collect()
        self.names, self.starts = self.held["qname"], np.zeros(0, np.int64)  # that are held, and their first rows
        self._room = (np.empty(0, np.uint64), np.empty(0, np.uint64))

    @property
    def more(self) -> bool:
        """Whether anything comes after what is held."""
        return self.stop < self.end

    @property
    def short(self) -> bool:
        """Whether more is to be read before anything can be given away, or soon."""
        return self.more and (len(self.names) < 2 or self.held.height <= ROWS // 2)

    def wants(self) -> pl.LazyFrame:
        """Return what comes next, as far as it is about targets: what is asked of everybody stands among them."""
        return self.rows.slice(self.stop, ROWS).filter(pl.col("purpose") == Purpose.TARGET).select(self.columns)

    def hold(self, rows: pl.DataFrame) -> None:
        """Hold what was wanted, after what is held."""
        self.stop = min(self.stop + ROWS, self.end)
        self.held = pl.concat([self.held, rows], rechunk=False)
        number = _numbers(self.held, "name")
        self.starts = np.flatnonzero(np.append(True, number[1:] != number[:-1])[: len(number)])
        self.names = self.held["qname"].gather(self.starts)
        if not (self.names > self.names.shift()).fill_null(value=True).all():
            raise self.disorder()

    def take(self, end: str | None) -> pl.DataFrame:
        """Give away the rows whose names come before *end*; all when there is none."""
        names = len(self.names) if end is None else int(self.names.search_sorted(end))
        count = int(self.starts[names]) if names < len(self.names) else self.held.height
        taken, self.held = self.held[:count], self.held[count:]
        self.names, self.starts = self.names[names:], self.starts[names:] - count
        return taken

    def room(self, size: int) -> tuple[Numbers, Numbers]:
        """Return two arrays of *size* that hold until the next are wanted."""
        if len(self._room[0]) < size:
            self._room = (np.empty(size, np.uint64), np.empty(size, np.uint64))
        first, second = self._room
        return first[:size], second[:size]

    def disorder(self) -> SnapshotError:
        """Return the error that says why the file cannot be read side by side with another."""
        hint = "another program has written it; sort it by qname, qtype, resolver, transport, repeat, attempt, reply"
        return SnapshotError("the rows are not in the order of their questions", Place(str(self.file)), hint)


def _side_by_side(readers: Sequence[_Reader]) -> Iterator[list[pl.DataFrame]]:
    """Yield the rows about the same names in each of the files, some names at a time."""
    while any(reader.held.height or reader.more for reader in readers):
        short = [reader for reader in readers if reader.short]
        for reader, rows in zip(short, pl.collect_all([reader.wants() for reader in short]), strict=True):
            reader.hold(rows)
        # of the last name there may be more to come
        ends = [reader.names[-1] if len(reader.names) else "" for reader in readers if reader.more]
        end = min(ends, default=None)
        yield [reader.take(end) for reader in readers]


def _columns(turns: Sequence[str]) -> list[pl.Expr]:
    """Return the cell as texts and as a number, and what was said, as it is and as a number: 0 for a silence."""
    texts = [pl.col(name).cast(pl.String) for name in CELL[:-1]]
    transport, outcome = pl.col("transport").cast(TRANSPORT), pl.col("outcome").cast(OUTCOME)
    numbers = [text.hash(seed) for seed, text in enumerate(texts)]
    carried, ended = (value.to_physical().cast(pl.UInt64) * pl.lit(ODD, pl.UInt64) for value in (transport, outcome))
    said = pl.col("answer_hash").fill_null(0) ^ (ended + pl.lit(ODD, pl.UInt64))
    return [
        *texts,
        transport,
        outcome,
        numbers[0].alias("name"),
        reduce(xor, [*numbers, carried]).alias("cell"),
        pl.when(pl.col("reply").is_not_null()).then(said).otherwise(pl.lit(0, pl.UInt64)).alias("said"),
        pl.any_horizontal(pl.col(name) > 0 for name in turns).fill_null(value=False).alias("again"),
    ]


@dataclass(frozen=True, slots=True)
class _Cells:
    """Cells: arrays by cell of their numbers, their first rows, and what these say; and where all replies are."""

    cell: Numbers
    row: Places
    said: Numbers
    late: Places  # the first of the other rows of each cell that is a reply
    of_late: Numbers  # the cells of these, sorted
    said_late: Numbers

    @classmethod
    def of(cls, reader: _Reader, rows: pl.DataFrame) -> Self:
        """Find the cells of *rows*; raise SnapshotError where the rows of a cell do not lie together."""
        cell, said = _numbers(rows, "cell"), _numbers(rows, "said")
        new = np.append(True, cell[1:] != cell[:-1])[: len(cell)]
        row, late = np.flatnonzero(new), np.flatnonzero(~new)
        again = rows["again"].arg_true().to_numpy()
        if new[again].any() and len(np.unique(cell[row])) < len(row):
            raise reader.disorder()
        late = late[said[late] != 0]
        of_late, first = np.unique(cell[late], return_index=True)
        late = late[first]
        # not in new arrays: the kernel takes several times as long to give the memory as it takes to fill it
        cells, says = reader.room(len(row))
        np.take(cell, row, out=cells, mode="clip")  # raising, it would fill another array first
        np.take(said, row, out=says, mode="clip")
        return cls(cells, row, says, late, of_late, said[late])

    def first_replies(self, cells: Places) -> tuple[Places, Numbers]:
        """Return the row of the first reply of each of *cells*, and what it says: 0 where none came."""
        row, said, number = self.row[cells], self.said[cells], self.cell[cells]
        if len(self.late):
            place = np.minimum(np.searchsorted(self.of_late, number), len(self.late) - 1)
            late = (said == 0) & (self.of_late[place] == number)
            row, said = np.where(late, self.late[place], row), np.where(late, self.said_late[place], said)
        return row, said


def _differing(earlier: _Cells, later: _Cells) -> tuple[Places, Places]:
    """Return the rows of the first replies to both of the cells whose first replies differ."""
    was, is_, here, there = earlier.said, later.said, None, None
    if not np.array_equal(earlier.cell, later.cell):
        here, there = _met(earlier.cell, later.cell)
        was, is_ = was[here], is_[there]
    cells = np.flatnonzero((was != is_) | (was == 0))
    row, was = earlier.first_replies(cells if here is None else here[cells])
    other, is_ = later.first_replies(cells if there is None else there[cells])
    differ = (was != is_) & (was != 0) & (is_ != 0)
    return row[differ], other[differ]


def _met(earlier: Numbers, later: Numbers) -> tuple[Places, Places]:
    """Return where each has the numbers that both have."""
    order = np.argsort(later, kind="stable")
    place = np.searchsorted(later, earlier, sorter=order)
    found = np.append(order, len(order))[place]
    here = np.flatnonzero(np.append(later, 0)[found] == earlier)
    return here, found[here]


def _numbers(rows: pl.DataFrame, column: str) -> Numbers:
    return rows[column].to_numpy()
