"""What changed between two dates before anybody judges it: file by file, piece by piece."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Self

import polars as pl

from resolver_diff.errors import Place, Problem, SnapshotError, UsageError
from resolver_diff.library.source import Source
from resolver_diff.library.tables import Changed
from resolver_diff.snapshot import directory
from resolver_diff.snapshot import files as snapshot_files
from resolver_diff.snapshot.changed import changed
from resolver_diff.tables import Outcome

KINDS = (
    "no longer answered",
    "answered, and not before",
    "answered otherwise",
    "as before without an answer, otherwise",
)


class Changes:
    """The cells of two dates that said something else, counted while they are read."""

    def __init__(self, source: Source, before: date, after: date) -> None:
        self.source = source
        self.dates = (before, after)
        self.kinds: Counter[str] = Counter()
        self.names: set[str] = set()
        self.resolvers: set[str] = set()
        self.pairs = self._pairs()

    @classmethod
    def of(cls, source: Source, before: str, after: str) -> Self:
        """Return those between two dates as a person names them; raises UsageError when they are in no order."""
        second = source.latest(after)
        first = source.day(before, second)
        if first >= second:
            raise UsageError(f"{first} is not before {second}", hint="the earlier date comes first")
        return cls(source, first, second)

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return self.kinds.total()

    def _pairs(self) -> list[tuple[Path, Path]]:
        """Return the files of the same vantage and domain set; says what only one date has."""
        days = [
            {(vantage, file.stem): file for vantage in self._vantages(day) for file in self._files(day, vantage)}
            for day in self.dates
        ]
        for day, files in zip(self.dates, days, strict=True):
            if not files:
                raise SnapshotError(f"there is no snapshot of {day}", Place(str(self.source.folder)))
        earlier, later = days
        for vantage, name in sorted(earlier.keys() ^ later.keys()):
            self.source.warn(
                [Problem(f"domain set {name} of vantage {vantage} has only one of the two dates and is left out")]
            )
        both = sorted(earlier.keys() & later.keys())
        if not both:
            raise UsageError("no domain set of any vantage has both dates")
        return [(earlier[each], later[each]) for each in both]

    def _vantages(self, day: date) -> list[str]:
        places = self.source.folder.glob(f"date={day}/vantage={self.source.vantage or '*'}")
        return sorted(place.name.removeprefix("vantage=") for place in places)

    def _files(self, day: date, vantage: str) -> list[Path]:
        return snapshot_files(directory(self.source.folder, day, vantage))

    def count(self) -> None:
        """Read all there is."""
        for _ in self.pieces():
            pass

    def pieces(self) -> Iterator[pl.DataFrame]:
        """Yield the cells with the columns of ``Changed``, some thousand at a time, and count them."""
        for before, after in self.pairs:
            vantage = after.parent.name.removeprefix("vantage=")
            try:
                for piece in changed(before, after, answers=True):
                    rows = piece if self.source.names is None else piece.filter(self._wanted())
                    self._note(rows)
                    yield rows.with_columns(
                        date_before=pl.lit(self.dates[0]),
                        date_after=pl.lit(self.dates[1]),
                        vantage=pl.lit(vantage),
                        domain_set=pl.lit(after.stem),
                    ).select(pl.col(name).cast(dtype) for name, dtype in Changed.schema.items())
            except (OSError, pl.exceptions.PolarsError) as error:
                reason = str(error).partition("\n")[0]
                message = f"a snapshot file cannot be read ({reason})"
                raise SnapshotError(message, Place(f"{before} or {after}")) from error

    def _wanted(self) -> pl.Expr:
        return pl.col("qname").is_in(sorted(self.source.names or ()))

    def _note(self, rows: pl.DataFrame) -> None:
        """Count what was found."""
        was, is_ = (pl.col(name) == Outcome.ANSWER for name in ("outcome_before", "outcome_after"))
        for kind, of_kind in zip(KINDS, (was & ~is_, ~was & is_, was & is_, ~was & ~is_), strict=True):
            self.kinds[kind] += int(rows.select(of_kind.sum()).item())
        self.names.update(rows["qname"].unique())
        self.resolvers.update(rows["resolver"].unique())
