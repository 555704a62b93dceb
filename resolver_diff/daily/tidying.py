"""Dates that are older than somebody wants to keep them are removed: only our own files, whole dates, oldest first."""

from datetime import date
from pathlib import Path

from resolver_diff import snapshot
from resolver_diff.errors import Place, SnapshotError


def remove(folder: Path, day: date, vantage: str) -> int:
    """Remove the snapshot of *day* and *vantage* from *folder*; return the octets it had.

    Observations go first: what is left when this is cut short is no snapshot, and is gone the next time. Files that
    are no Parquet are not ours, and stay. Raises SnapshotError where something cannot be removed.
    """
    place = snapshot.directory(folder, day, vantage)
    observed = snapshot.files(place)
    beside = [file for file in place.glob("*.parquet") if file not in observed]
    freed = 0
    try:
        for file in (*observed, *beside):
            freed += file.stat().st_size
            file.unlink()
        for emptied in (place, place.parent):
            if not any(emptied.iterdir()):
                emptied.rmdir()
    except OSError as error:
        raise SnapshotError(f"cannot remove what is not to be kept: {error.strerror}", Place(str(place))) from error
    return freed
