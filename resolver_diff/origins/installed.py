"""The database of origins that a user has installed: one Parquet file in the folder of this user's data.

It says itself where it is from, of which date, and under which licence.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import resolver_diff
from resolver_diff.errors import UsageError
from resolver_diff.origins.reading import METADATA, Database, read

NAME = "origins.parquet"


def folder() -> Path:
    """Return the folder of this user's data: as the XDG Base Directory Specification has it, or as the system does."""
    home = Path.home()
    told = os.environ.get("XDG_DATA_HOME", "")
    if Path(told).is_absolute():
        base = Path(told)
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = home / ".local" / "share"
    return base / "resolver_diff"


def file() -> Path:
    """Return where the installed database lies, or would."""
    return folder() / NAME


def load() -> Database | None:
    """Return the installed database; None when there is none. Raises UsageError when it is damaged."""
    return read(file()) if file().exists() else None


def install(database: Database, given: str, *, source: str | None, licence: str | None) -> Path:
    """Put *database*, which was read from *given*, where ``load`` finds it, in place of what is there.

    Raises UsageError when it cannot be written.
    """
    facts = {
        "source": source or database.source,
        "date": str(database.dated) if database.dated else None,
        "licence": licence,
        "format": database.format,
        "wrong": database.wrong,
        "from": given,
        "installed": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": resolver_diff.__version__,
    }
    target = file()
    made = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        database.ranges.frame.write_parquet(made, metadata={METADATA: json.dumps(facts, ensure_ascii=False)})
        made.replace(target)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        made.unlink(missing_ok=True)
    return target


def is_url(given: str) -> bool:
    """Say whether *given* is meant to be fetched."""
    return "://" in given
