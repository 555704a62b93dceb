"""Whole snapshots put into place: what others measured, and what needs no journal because it cannot be asked again.

A file appears by a link or a rename, so that it is absent or complete; side files come first, so
that a snapshot which can be seen has them.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from resolver_diff.errors import Place, SnapshotError
from resolver_diff.snapshot import METADATA, Run, directory, sides, stored
from resolver_diff.tables import Table

ROWS = 1 << 17  # that are written at a time
FULL = (errno.ENOSPC, errno.EDQUOT)


def taken(folder: Path, days: Sequence[date], vantage: str, domain_set: str) -> list[Path]:
    """Return the files that are already where a set of these *days* would be put."""
    files = [directory(folder, day, vantage) / f"{domain_set}.parquet" for day in days]
    return [file for file in files if file.exists()]


def put(
    folder: Path, run: Run, domain_set: str, rows: pl.DataFrame, beside: Sequence[Table] = (), *, replace: bool
) -> Path:
    """Write *rows*, which have the columns of ``Observations`` and are in its order, and the tables *beside* them.

    Texts may be categories, which are made texts a part at a time.

    Returns the file. Raises SnapshotError when there is one and it is not to be replaced, or when it cannot be
    written.
    """
    target = directory(folder, run.date, run.vantage)
    file = target / f"{domain_set}.parquet"
    put_beside(target, beside)
    with _writing(file):
        target.mkdir(parents=True, exist_ok=True)
        metadata = {METADATA: run.to_json()}
        _appear(file, lambda made: stored.sink(rows.iter_slices(ROWS), made, metadata), replace=replace)
    return file


def put_beside(target: Path, tables: Sequence[Table]) -> None:
    """Write *tables* as side files of *target*, the folder of a date and vantage; rows that are there stay.

    Raises SnapshotError when one cannot be written, or cannot be read.
    """
    for table in tables:
        if len(table):
            file = sides.place(target, type(table))
            with _writing(file):
                target.mkdir(parents=True, exist_ok=True)
                _appear(file, sides.joined(target, table).frame.write_parquet)


def _appear(file: Path, write: Callable[[Path], None], *, replace: bool = True) -> None:
    """Have *file* written beside its place, and put there when it is whole."""
    made = file.with_name(f".{file.name}.{os.getpid()}.unfinished")
    try:
        write(made)
        sync(made)
        if replace:
            made.replace(file)
        else:
            _link(made, file)
        sync(file.parent)
    finally:
        made.unlink(missing_ok=True)


def _link(made: Path, file: Path) -> None:
    """Put *made* at *file* unless something is there."""
    try:
        os.link(made, file)
    except FileExistsError:
        raise SnapshotError("there is a snapshot already", Place(str(file)), "take its place with --replace") from None
    except OSError:  # a file system without hard links
        if file.exists():
            raise
        made.replace(file)


def sync(path: Path) -> None:
    """Ask the operating system to bring *path* (a file or a directory) to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while writing into an error the user can put right."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        number = error.errno if isinstance(error, OSError) else None
        reason = os.strerror(number) if number else str(error).partition("\n")[0]
        hint = "make room" if number in FULL else "choose a folder you may write with --snapshots"
        raise SnapshotError(f"cannot write: {reason}", Place(str(path)), hint) from error
