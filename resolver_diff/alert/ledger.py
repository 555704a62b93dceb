"""The ledger of what was told, as a file that a person can read."""

import contextlib
import os
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from resolver_diff.alert import Ledger
from resolver_diff.errors import AlertError, Place

FORM = TypeAdapter(Ledger)


def read(file: Path) -> Ledger:
    """Return the ledger in *file*; an empty one where there is none. Raises AlertError when it is no ledger."""
    try:
        return FORM.validate_json(file.read_bytes())
    except FileNotFoundError:
        return Ledger()
    except (ValidationError, OSError) as error:
        first = str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else error.strerror
        hint = "without it everything that goes on is told again: restore it, or delete it and be told"
        raise AlertError(f"cannot read what was told before ({first})", Place(str(file)), hint) from None


def write(file: Path, ledger: Ledger) -> None:
    """Put *ledger* in place of what *file* has, whole or not at all; raises AlertError where it cannot be written."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with fresh.open("wb") as stream:
            stream.write(FORM.dump_json(ledger, indent=1) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise AlertError(f"cannot write what was told: {error.strerror}", Place(str(file))) from error
