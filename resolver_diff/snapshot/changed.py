"""Two files of one domain set -> the cells that said something else, unjudged.

The files lie in the order of their questions, so that they are read side by side, some names at a
time, and neither is ever in memory as a whole. Nearly all questions stand at the same place in
both; what is compared is a number for each cell, next to the number of its answer. What counts of
a cell is its first reply; one that got none on either date is no change.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_, xor
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff.errors import Place, SnapshotError
from resolver_diff.tables import OUTCOME, TRANSPORT, Purpose

CELL = ("qname", "qtype", "resolver", "transport")
TURNS = ("repeat", "attempt", "reply")  # of rows of a cell
SAID = ("outcome", "answer_hash")
ROWS = 1 << 18  # of a file that are looked at in one go
Places = NDArray[np.int64]
Numbers = NDArray[np.unsignedinteger]


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
    then = pieces[0].select(*CELL, **{f"{name}_before": name for name in (*SAID, *told)})[here]
    now = pieces[1].select(**{f"{name}_after": name for name in (*SAID, *told)})[there]
    other = reduce(or_, [then[f"{name}_before"] != now[f"{name}_after"] for name in SAID])
    ends = [f"{name}_{end}" for name in told for end in ("before", "after")]
    return pl.concat([then, now], how="horizontal").filter(other).select(*CELL, *ends)


class _Reader:
    """The targets of a file, of which some are held."""

    def __init__(self, file: Path, *, answers: bool) -> None:
        self.file = file
        self.rows = pl.scan_parquet(file, hive_partitioning=False)
        turns = [name for name in TURNS if name in self.rows.collect_schema()]  # older files have no repeats
        self.columns = [*_columns(turns), pl.col("answer")] if answers else _columns(turns)
        self.size = ROWS
        self.start, self.stop = 0, 0  # the part of the file that is held
        self.end = int(self.rows.select(pl.len()).collect().item())
        self.held = self.rows.head(0).select(self.columns).collect()
        self.places = np.zeros(0, np.int64)  # in the file, of each row held

    @property
    def more(self) -> bool:
        """Whether anything comes after what is held."""
        return self.stop < self.end

    def wants(self) -> pl.LazyFrame:
        """Return what is to be held instead: some more."""
        return self.rows.slice(self.start, self.size).select(self.columns)

    def hold(self, rows: pl.DataFrame) -> None:
        """Hold what was wanted."""
        self.stop = self.start + rows.height
        self.places, self.held = np.arange(self.start, self.stop), rows
        if not rows["target"].all():  # what is asked of every resolver stands among the targets
            self.places, self.held = self.places[rows["target"].to_numpy()], rows.filter("target")
        name = _numbers(self.held, "name")
        names = self.held["qname"].gather(np.flatnonzero(name[1:] != name[:-1]) + 1)
        if not (names > names.shift()).fill_null(value=True).all():
            raise self.disorder()

    def take(self, end: str | None) -> pl.DataFrame:
        """Give away the rows whose names come before *end*; all when there is none."""
        names = self.held["qname"]
        count = len(names) if end is None else int(names.search_sorted(end))
        taken, self.held = self.held[:count], self.held[count:]
        self.start = int(self.places[count]) if count < len(names) else self.stop
        self.places = self.places[count:]
        self.size = ROWS if count or not self.more else 2 * self.size  # a name may have more rows than that
        return taken

    def disorder(self) -> SnapshotError:
        """Return the error that says why the file cannot be read side by side with another."""
        hint = "another program has written it; sort it by qname, qtype, resolver, transport, repeat, attempt, reply"
        return SnapshotError("the rows are not in the order of their questions", Place(str(self.file)), hint)


def _side_by_side(readers: Sequence[_Reader]) -> Iterator[list[pl.DataFrame]]:
    """Yield the rows about the same names in each of the files, some names at a time."""
    while any(reader.held.height or reader.more for reader in readers):
        short = [reader for reader in readers if reader.more and reader.held.height <= reader.size // 2]
        for reader, rows in zip(short, pl.collect_all([reader.wants() for reader in short]), strict=True):
            reader.hold(rows)
        # of the last name there may be more to come
        ends = [reader.held["qname"][-1] if reader.held.height else "" for reader in readers if reader.more]
        end = min(ends, default=None)
        yield [reader.take(end) for reader in readers]


def _columns(turns: Sequence[str]) -> list[pl.Expr]:
    """Return the cell as texts and as a number, and what was said."""
    texts = [pl.col(name).cast(TRANSPORT if name == "transport" else pl.String) for name in CELL]
    numbers = [text.to_physical().hash(seed) for seed, text in enumerate(texts)]
    return [
        *texts,
        (pl.col("purpose") == Purpose.TARGET).alias("target"),
        numbers[0].alias("name"),
        reduce(xor, numbers).alias("cell"),
        pl.col("reply").is_not_null().alias("heard"),
        pl.any_horizontal(pl.col(name) > 0 for name in turns).fill_null(value=False).alias("again"),
        pl.col("outcome").cast(OUTCOME),
        pl.col("answer_hash").fill_null(0),
    ]


@dataclass(frozen=True, slots=True)
class _Cells:
    """Cells: arrays by cell of their numbers and of what their first rows say; and where all replies are."""

    cell: Numbers
    row: Places  # the first one
    heard: NDArray[np.bool_]  # it is a reply, and no silence
    said: tuple[Numbers, ...]  # outcome and answer in it
    late: Places  # the other rows that are replies
    of_late: Numbers  # their cells, sorted, each once

    @classmethod
    def of(cls, reader: _Reader, rows: pl.DataFrame) -> Self:
        """Find the cells of *rows*; raise SnapshotError where the rows of a cell do not lie together."""
        cell, heard = _numbers(rows, "cell"), rows["heard"].to_numpy()
        new = np.append(True, cell[1:] != cell[:-1])[: len(cell)]
        row = np.flatnonzero(new)
        if (new & rows["again"].to_numpy()).any() and len(np.unique(cell[row])) < len(row):
            raise reader.disorder()
        late = np.flatnonzero(~new & heard)
        of_late, first = np.unique(cell[late], return_index=True)
        said = tuple(_numbers(rows, name)[row] for name in SAID)
        return cls(cell[row], row, heard[row], said, late[first], of_late)

    def pick(self, cells: Places) -> Self:
        """Return some of the cells."""
        said = tuple(column[cells] for column in self.said)
        return replace(self, cell=self.cell[cells], row=self.row[cells], heard=self.heard[cells], said=said)

    def first_replies(self, cells: Places) -> Places:
        """Return the row of the first reply of each of *cells*; -1 where none came."""
        number = self.cell[cells]
        place = np.searchsorted(self.of_late, number)
        late = np.where(np.append(self.of_late, 0)[place] == number, np.append(self.late, -1)[place], -1)
        return np.where(self.heard[cells], self.row[cells], late)


def _differing(earlier: _Cells, later: _Cells) -> tuple[Places, Places]:
    """Return the rows of the first replies to both of the cells that may differ, those with silences among them."""
    if not np.array_equal(earlier.cell, later.cell):
        here, there = _met(earlier.cell, later.cell)
        earlier, later = earlier.pick(here), later.pick(there)
    may = ~(earlier.heard & later.heard)
    for was, is_ in zip(earlier.said, later.said, strict=True):
        may |= was != is_
    cells = np.flatnonzero(may)
    first, second = earlier.first_replies(cells), later.first_replies(cells)
    both = (first >= 0) & (second >= 0)
    return first[both], second[both]


def _met(earlier: Numbers, later: Numbers) -> tuple[Places, Places]:
    """Return where each has the numbers that both have."""
    order = np.argsort(later, kind="stable")
    place = np.searchsorted(later, earlier, sorter=order)
    found = np.append(order, len(order))[place]
    here = np.flatnonzero(np.append(later, 0)[found] == earlier)
    return here, found[here]


def _numbers(rows: pl.DataFrame, column: str) -> Numbers:
    return rows[column].to_physical().to_numpy()
