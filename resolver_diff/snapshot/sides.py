"""Facts beside the observations of a date: whose an address is, and what a handshake with it told.

They lie in the folder of their date and vantage in files of which the name begins with ``_``, and
are looked up once: what is judged again in a year is judged by what was known on the day.
"""

from datetime import date
from pathlib import Path
from typing import TypeVar

import polars as pl

from resolver_diff.errors import Place, SnapshotError
from resolver_diff.snapshot import SIDE, directory
from resolver_diff.tables import Certificates, Origins, Table, Tags

T = TypeVar("T", bound=Table)
KEYS: dict[type[Table], list[str]] = {
    Origins: ["address"],
    Tags: ["address"],
    Certificates: ["qname", "address"],
}


def place(folder: Path, kind: type[Table]) -> Path:
    """Return the file of the table *kind* in *folder*, the folder of a date and vantage."""
    return folder / f"{SIDE}{kind.__name__.lower()}.parquet"


def origins(folder: Path, day: date, vantage: str) -> Origins:
    """Return whose the addresses of *day* are; empty when nobody noted it. Raises SnapshotError when damaged."""
    return read(directory(folder, day, vantage), Origins)


def tags(folder: Path, day: date, vantage: str) -> Tags:
    """Return what the addresses of *day* show; empty when nobody noted it. Raises SnapshotError when damaged."""
    return read(directory(folder, day, vantage), Tags)


def certificates(folder: Path, day: date, vantage: str) -> Certificates:
    """Return what handshakes told on *day*; empty when there were none. Raises SnapshotError when damaged."""
    return read(directory(folder, day, vantage), Certificates)


def all_of(folder: Path) -> tuple[Origins, Tags, Certificates]:
    """Return the side files of *folder*, the folder of a date and vantage."""
    return read(folder, Origins), read(folder, Tags), read(folder, Certificates)


def read(folder: Path, kind: type[T]) -> T:
    """Return the table *kind* of *folder*, the folder of a date and vantage; empty when there is none."""
    file = place(folder, kind)
    if not file.exists():
        return kind.empty()
    try:
        return kind.of(pl.read_parquet(file, hive_partitioning=False))
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        hint = "move it away: what rests on it is then not judged"
        raise SnapshotError(f"damaged side file ({reason})", Place(str(file)), hint) from error


def joined(folder: Path, table: T) -> T:
    """Return *table* with what *folder* holds of other rows already: sets of one date share their side files."""
    both = pl.concat([table.frame, read(folder, type(table)).frame])
    key = KEYS[type(table)]
    return type(table)(both.unique(key, keep="first", maintain_order=True).sort(key))
