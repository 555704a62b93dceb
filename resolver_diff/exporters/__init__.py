"""Snapshots for other programs, one file per form they take; facts, some thousand rows at a time.

A member is a file that defines ``EXPORTER``; the name of the file is what is typed after
``resolver-diff export``. An exporter reads, and never asks anybody.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from resolver_diff.config import Resolver
from resolver_diff.diff import Diff
from resolver_diff.snapshot import Run, Snapshot, directory


@dataclass(frozen=True, slots=True)
class Given:
    """What is exported: one date of each vantage in *folder*, of *names* only where there are any."""

    folder: Path
    date: date
    runs: Sequence[Run]  # of that date, with the resolvers as they are believed to be
    names: frozenset[str] | None
    judged: Callable[[], Iterator[tuple[Snapshot, Diff]]]  # its vantages, each judged when its turn comes

    @property
    def vantages(self) -> list[str]:
        """The vantages, sorted."""
        return sorted({run.vantage for run in self.runs})

    def place(self, vantage: str) -> Path:
        """Return the folder in which the files of *vantage* lie."""
        return directory(self.folder, self.date, vantage)

    def resolvers(self, vantage: str) -> dict[tuple[str, str], Resolver]:
        """Return who was asked, by name and transport, as it was in the latest run."""
        return {
            (each.name, str(each.transport)): each
            for run in self.runs
            if run.vantage == vantage
            for each in run.resolvers
        }


@dataclass(frozen=True, slots=True)
class Exporter:
    """One form: rows with the columns of *schema*; or, where that is null, lines of JSON that *lines* gives."""

    says: str
    schema: Mapping[str, pl.DataType] | None
    frames: Callable[[Given], Iterator[pl.DataFrame]] | None = None
    lines: Callable[[Given], Iterator[str]] | None = None
