"""What the functions of the library are given: paths and dates as people write them in Python."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from resolver_diff.library.source import Source

FileName = str | Path
Day = date | str  # a date, or `2026-02-11`, `latest`, `previous`, `today`
Names = FileName | Sequence[FileName]


def path(given: FileName | None) -> Path | None:
    """Return *given* as a path."""
    return None if given is None else Path(given)


def paths(given: Names | None) -> list[Path] | None:
    """Return one or several as paths."""
    if given is None:
        return None
    return [Path(given)] if isinstance(given, str | Path) else [Path(each) for each in given]


def words(given: str | Sequence[str] | None) -> list[str] | None:
    """Return one or several as words."""
    if given is None:
        return None
    return [given] if isinstance(given, str) else list(given)


def text(day: Day) -> str:
    """Return *day* as a person types it."""
    return day if isinstance(day, str) else day.isoformat()


def source(
    snapshots: FileName,
    vantage: str | None,
    resolvers: FileName | None,
    domains: Names | None,
    known_answers: FileName | None = None,
) -> Source:
    """Return where snapshots come from, and what of them is wanted."""
    return Source.of(Path(snapshots), vantage, path(resolvers), paths(domains), path(known_answers))
