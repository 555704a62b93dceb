"""One at a time: a lock that the system lets go of when its holder dies, however it dies."""

import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from resolver_diff.errors import Place, UsageError

if sys.platform != "win32":
    import fcntl

NAME = ".lock"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the lock of *folder*, which is made where it is missing; raises UsageError when another process does."""
    file = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}", Place(str(folder))) from error
    try:
        _take(held, file)
        yield
    finally:
        os.close(held)


def _take(held: int, file: Path) -> None:
    if sys.platform == "win32":
        return  # it has no flock: there two runs at once are not kept apart
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        who = os.read(held, 100).decode(errors="replace").strip()
        hint = "wait until it ends; the lock goes with it, however it ends"
        raise UsageError(f"another run is at work here ({who})", Place(str(file)), hint) from None
    os.ftruncate(held, 0)
    os.write(held, f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC".encode())
