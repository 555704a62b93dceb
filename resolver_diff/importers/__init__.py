"""Other people's measurements, read as snapshots; one file per form they come in.

A member is a file that defines ``IMPORTER``; the name of the file is what is typed after
``resolver-diff import``. An importer reads, and never asks anybody. What it cannot read it
names, with counts, and reads the rest; it makes nothing up: what a table does not say is null.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from resolver_diff import __version__
from resolver_diff.config import Resolver
from resolver_diff.errors import Place, Problem, SnapshotError
from resolver_diff.importers._notes import Notes
from resolver_diff.snapshot import Run, filing
from resolver_diff.tables import Certificates, Origins, Tags

MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Day:
    """What was said on one date.

    *observations* has the columns of ``Observations``, texts as such or as categories, in the order of a snapshot.
    """

    date: date
    domain_set: str  # what the file of the snapshot is called
    started: datetime
    finished: datetime
    resolvers: tuple[Resolver, ...]
    observations: pl.DataFrame
    origins: Origins
    tags: Tags
    certificates: Certificates


@dataclass(frozen=True, slots=True)
class Found:
    """What a file or folder holds. Each of *days* is read when its turn comes, and no other is then in memory."""

    domain_sets: tuple[str, ...]  # what the files of the snapshots are called
    inputs: dict[str, str]  # file -> sha256
    dates: tuple[date, ...]
    days: Iterator[Day]
    missing: tuple[Problem, ...]  # of what could lie beside
    notes: Notes

    @property
    def unread(self) -> tuple[Problem, ...]:
        """What could not be read of the *days* that were."""
        return (*self.missing, *self.notes.problems)


@dataclass(frozen=True, slots=True)
class Importer:
    """One form of measurements. *read* raises UsageError when a path does not hold that form."""

    says: str
    read: Callable[[Path], Found]


def keep(found: Found, folder: Path, vantage: str, *, replace: bool = False) -> Iterator[tuple[Path, int]]:
    """Write each date of *found* as a snapshot below *folder*, and yield its file and how many rows it has.

    Raises SnapshotError, before anything is written, when one is there already and is not to be replaced.
    """
    there = [file for name in found.domain_sets for file in filing.taken(folder, found.dates, vantage, name)]
    if there and not replace:
        shown = ", ".join(map(str, there[:MOST_SHOWN])) + (", ..." if len(there) > MOST_SHOWN else "")
        hint = "replace with --replace, or import under another --vantage"
        raise SnapshotError(f"there is a snapshot already: {shown}", Place(str(folder)), hint)
    for day in found.days:
        replies = day.observations["reply"].count()
        run = Run(
            date=day.date,
            vantage=vantage,
            started=day.started,
            finished=day.finished,
            version=__version__,
            seed="",
            attempts=1,
            timeout=0.0,
            resolvers=day.resolvers,
            inputs=found.inputs,
            counts={"queries": day.observations.height, "replies": replies},
            repeat=1 + int(day.observations.select(pl.col("repeat").max()).item()),
        )
        beside = (day.origins, day.tags, day.certificates)
        yield (
            filing.put(folder, run, day.domain_set, day.observations, beside, replace=replace),
            len(day.observations),
        )
