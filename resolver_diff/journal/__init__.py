"""What a run has heard so far, on disk, until it is a snapshot.

    snapshots.partial/date=.../vantage=.../
        run.json                which plan this is, and when it began
        held.json               what was held back so far, and why
        lock                    held while a run is at work here
        000003-000001.arrow     some rows of batch 3, as they came
        000003.json             counts of batch 3, and who has spoken in it
        000003.parquet          batch 3, complete and sorted: a group of rows of the snapshot,
        000003.arrow            or, where it is not one as it is, its rows

Beside ``snapshots/``, on the same file system, because readers glob that tree. A
file appears by rename, so a kill leaves it absent or complete. Resuming is the
anti-join of plan and journal. At the end each domain set becomes one Parquet file,
synced and linked into place; a link refuses to replace what is there. Most of its
groups of rows are whole batches, and are written once: their octets are copied.
"""

import contextlib
import errno
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff import snapshot
from resolver_diff.errors import OtherPlanError, Place, SnapshotError
from resolver_diff.journal import noted
from resolver_diff.journal.alike import alike, without_late
from resolver_diff.snapshot import METADATA, ORDER, Held, Run, stored
from resolver_diff.snapshot.filing import sync
from resolver_diff.tables import Observations, Purpose

if sys.platform != "win32":
    import fcntl

SCHEMA = pl.Schema({"number": pl.UInt64(), "domain_set": pl.String(), **Observations.schema})
NOTE, HELD, LOCK = "run.json", "held.json", "lock"
FINISHED = (".arrow", ".parquet")


class Journal:
    """The partial folder of one date and vantage; holds its lock until closed."""

    def __init__(self, folder: Path, day: date, vantage: str) -> None:
        self.folder = folder
        self.target = snapshot.directory(folder, day, vantage)
        self.partial = snapshot.directory(folder.with_name(folder.name + ".partial"), day, vantage)
        self.started = datetime.now(UTC)
        self._lock: int | None = None
        self._chunks = 0
        self._overwrite = False

    @classmethod
    def open(
        cls,
        folder: Path,
        day: date,
        vantage: str,
        *,
        fingerprint: str,
        domain_sets: Sequence[str],
        resume: bool = False,
        replace: bool = False,
    ) -> Self:
        """Begin a run of the plan called *fingerprint*, or go on with it when *resume*.

        Raises SnapshotError when the place is taken: by a finished snapshot (unless
        *replace*), by a run that broke off (unless *resume* or *replace*), by a run at
        work, or when the folder cannot be written. Nothing has been asked by then.
        """
        journal = cls(folder, day, vantage)
        with _writing(journal.partial):
            journal.partial.mkdir(parents=True, exist_ok=True)
            journal._take_lock()
        try:
            journal._begin(fingerprint, domain_sets, resume=resume, replace=replace)
        except BaseException:
            journal._tidy()
            journal.close()
            raise
        return journal

    @staticmethod
    def broken_off(folder: Path, vantage: str) -> dict[date, Path]:
        """Return the dates of *vantage* on which a run broke off, or is at work, and where what it heard lies."""
        notes = sorted(folder.with_name(folder.name + ".partial").glob(f"date=*/vantage={vantage}/{NOTE}"))
        return {date.fromisoformat(note.parts[-3].removeprefix("date=")): note.parent for note in notes}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the lock; what was written stays."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def finished(self, batch: int) -> bool:
        """Say whether every question of *batch* is settled."""
        return any(self._batch(batch, suffix).exists() for suffix in FINISHED)

    def settled(self, batch: int) -> NDArray[np.uint64]:
        """Return the numbers of the questions of *batch* that need not be asked again, sorted."""
        numbers = [pl.read_ipc(file, columns=["number"])["number"] for file in self._pieces(batch)]
        return pl.concat(numbers).unique().sort().to_numpy() if numbers else np.zeros(0, np.uint64)

    def append(self, batch: int, rows: pl.DataFrame) -> None:
        """Keep *rows* (columns of ``SCHEMA``) of questions of *batch* that are settled."""
        if rows.height:
            self._chunks += 1
            with _appearing(self.partial / f"{batch:06}-{self._chunks:06}.arrow") as unfinished:
                rows.write_ipc(unfinished, compression="lz4")

    def finish(self, batch: int, rows: pl.DataFrame, *, in_order: bool = False) -> None:
        """Make one sorted file of the pieces of *batch* and the last *rows* of it: it is complete.

        *rows* are as in ``append``, or have categories for texts, as ``alike`` makes them; *in_order* says that they
        are in the order of a snapshot already, so that they need not be sorted where there are no pieces.
        """
        pieces = self._pieces(batch)
        if pieces:
            rows = without_late(alike([*map(pl.read_ipc, pieces), rows], SCHEMA))
        if pieces or not in_order:
            rows = rows.sort("domain_set", *ORDER, nulls_last=False, maintain_order=True)
        facts = noted.of(rows)
        whole = rows.height >= stored.FEWEST and len({*facts["domain_sets"]} - {None}) <= 1
        file = self._batch(batch, ".parquet" if whole else ".arrow")
        with _appearing(file.with_suffix(".json")) as unfinished:
            unfinished.write_text(json.dumps(facts))
        with _appearing(file) as unfinished:
            if whole:
                stored.write(stored.coarsened(rows), unfinished)
            else:
                stored.coarsened(rows).cast(SCHEMA).write_ipc(unfinished, compression="lz4")
        for piece in pieces:
            piece.unlink()

    def count(self) -> dict[str, int]:
        """Return the counts of all finished batches; no two batches share a question."""
        total: Counter[str] = Counter()
        for _, facts in self._notes():
            total.update(facts["counts"])
        return dict(total)

    def note_held(self, held: Sequence[Held]) -> None:
        """Write down what was held back so far, in place of what was written before."""
        with _appearing(self.partial / HELD) as unfinished:
            unfinished.write_text(json.dumps([asdict(one) for one in held], default=str))

    def held(self) -> list[Held]:
        """Return what was held back, before a resume too, as ``note_held`` wrote it."""
        note = self.partial / HELD
        return [Held.from_facts(facts) for facts in json.loads(note.read_text())] if note.exists() else []

    def heard(self) -> pl.LazyFrame:
        """Return the rows of all finished batches."""
        scans = (pl.scan_ipc(file) if file.suffix == ".arrow" else pl.scan_parquet(file) for file in self._finished())
        types = Observations.schema.items()
        return pl.concat([rows.select(pl.col(name).cast(dtype) for name, dtype in types) for rows in scans])

    def withheld(self) -> dict[tuple[str, str], int]:
        """Return how many questions were not asked at all, by resolver and transport."""
        total: dict[tuple[str, str], int] = {}
        for _, facts in self._notes():
            for resolver, transport, count in facts["withheld"]:
                total[resolver, transport] = total.get((resolver, transport), 0) + count
        return total

    def speaking_resolvers(self) -> set[tuple[str, str]]:
        """Return names and transports of the resolvers that have sent any message, be it one that was truncated."""
        found = {(name, transport) for _, facts in self._notes() for name, transport in facts["speaking"]}
        if pieces := sorted(self.partial.glob("*-*.arrow")):
            found |= noted.speaking(pl.scan_ipc(pieces))
        return found

    def troubles(self) -> dict[tuple[str, str], str]:
        """Return what trouble there was instead of a message, in words, by resolver and transport."""
        return {(name, transport): says for _, facts in self._notes() for name, transport, says in facts["troubles"]}

    def _notes(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield each finished batch with what is noted of it."""
        for file in self._finished():
            yield file, json.loads(file.with_suffix(".json").read_text())

    def commit(self, run: Run, domain_sets: Sequence[str]) -> list[Path]:
        """Write one file per domain set, put each into place, and remove the journal.

        Raises SnapshotError when another run has put a file there since, or when a file
        cannot be written; the journal then stays, so that nothing is lost.
        """
        holds = {file: facts["domain_sets"] for file, facts in self._notes()}
        places = _places(list(holds), run.repeat)
        written = []
        with _writing(self.target):
            self.target.mkdir(parents=True, exist_ok=True)
        for name in domain_sets:
            made = self.partial / f"_{name}.parquet"
            with _appearing(made) as unfinished:
                parts = self._parts(name, _rows_of(name, places, holds))
                stored.join(parts, unfinished, {METADATA: run.to_json()})
            written.append(self._place(made, self.target / f"{name}.parquet", run))
        sync(self.target)
        for file in self.partial.glob("*"):
            if file.name != LOCK:
                file.unlink()
        self._tidy()
        return written

    def _parts(self, domain_set: str, rows: Iterator[Path | pl.DataFrame]) -> list[Path]:
        """Return *rows* of *domain_set* as files of groups of rows; those that are none yet are written."""
        parts: list[Path] = []
        for ready, some in groupby(rows, lambda each: isinstance(each, Path)):
            if ready:
                parts += [each for each in some if isinstance(each, Path)]
            else:
                parts.append(self.partial / f"_{domain_set}-{len(parts)}.part")
                stored.sink((each for each in some if isinstance(each, pl.DataFrame)), parts[-1], {})
        return parts

    def _tidy(self) -> None:
        """Remove the partial folder, and those above it, where nothing is left in them but a lock."""
        if (self.partial / NOTE).exists():
            return
        with contextlib.suppress(OSError):
            (self.partial / LOCK).unlink(missing_ok=True)
            for emptied in (self.partial, self.partial.parent, self.partial.parent.parent):
                emptied.rmdir()

    def _begin(self, fingerprint: str, domain_sets: Sequence[str], *, resume: bool, replace: bool) -> None:
        """Check that the place is free, and write down which plan this is."""
        note = self.partial / NOTE
        broke_off = note.exists()
        if broke_off and resume:
            facts = json.loads(note.read_text())
            if facts["plan"] != fingerprint:
                message = "the run that broke off asked something else (resolvers, names, qtypes or seed have changed)"
                hint = "begin anew with --replace, or restore the files as they were"
                raise OtherPlanError(message, Place(str(self.partial)), hint)
            self.started = datetime.fromisoformat(facts["started"])
            self._overwrite = facts["replace"]
            self._chunks = 1 + max((_piece_number(file) for file in self.partial.glob("*-*.arrow")), default=0)
            return
        there = [name for name in domain_sets if (self.target / f"{name}.parquet").exists()]
        if there and not replace:
            shown = ", ".join(there[:5]) + (f" and {len(there) - 5} more" if len(there) > 5 else "")
            message = f"there is a snapshot already: {shown}"
            raise SnapshotError(message, Place(str(self.target)), "take it again with --replace")
        if broke_off and not replace:
            hint = "go on with --resume, or begin anew with --replace"
            raise SnapshotError("an earlier run for this date broke off", Place(str(self.partial)), hint)
        with _writing(self.partial):
            old = ("*.arrow", "*.parquet", "*.part", "[0-9]*.json", HELD)
            for file in [file for pattern in old for file in self.partial.glob(pattern)]:
                file.unlink()
            facts = {"plan": fingerprint, "started": self.started.isoformat(), "replace": replace}
            with _appearing(note) as unfinished:
                unfinished.write_text(json.dumps(facts))
        self._overwrite = replace

    def _take_lock(self) -> None:
        """Hold the folder's lock, or say who does."""
        lock = self.partial / LOCK
        self._lock = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        if sys.platform == "win32":
            return  # it has no flock: there two runs at once are not kept apart
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._lock, 20).decode(errors="replace").strip()
            self.close()
            hint = "wait until it ends, or take this one under another --vantage or --date"
            message = f"another run is at work here (process {pid})"
            raise SnapshotError(message, Place(str(self.partial)), hint) from None
        os.ftruncate(self._lock, 0)
        os.write(self._lock, str(os.getpid()).encode())

    def _finished(self) -> list[Path]:
        found = (file for suffix in FINISHED for file in self.partial.glob(f"[0-9]*{suffix}"))
        return sorted(file for file in found if "-" not in file.stem)

    def _batch(self, batch: int, suffix: str) -> Path:
        return self.partial / f"{batch:06}{suffix}"

    def _pieces(self, batch: int) -> list[Path]:
        return sorted(self.partial.glob(f"{batch:06}-*.arrow"))

    def _place(self, made: Path, target: Path, run: Run) -> Path:
        """Put *made* at *target*; unless this run is to replace what is there, only if nothing is."""
        with _writing(target):
            if self._overwrite:
                made.replace(target)
                return target
            try:
                os.link(made, target)
            except FileExistsError:
                if not _is_of(target, run):  # a commit that was cut short has put it there itself
                    hint = "take this one again with --replace, or under another --vantage"
                    raise SnapshotError("another run was faster", Place(str(target)), hint) from None
            except OSError as error:
                if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK} or target.exists():
                    raise
                made.replace(target)  # a file system without hard links; the lock keeps our own runs apart
            return target


def _places(files: list[Path], rounds: int) -> list[list[Path]]:
    """Return the files of finished batches by the names they hold: the batches of each of *rounds* hold the same."""
    per_round = len(files) // rounds
    return [files[place::per_round] for place in range(per_round)]


def _rows_of(
    domain_set: str, places: Sequence[Sequence[Path]], holds: Mapping[Path, Sequence[str | None]]
) -> Iterator[Path | pl.DataFrame]:
    """Yield the rows of *domain_set*, and those of none, names by names; *holds* says which sets a file has rows of.

    A file that has them as they are stored, and no others, is yielded itself.
    """
    for files in places:
        having = [file for file in files if None in holds[file] or domain_set in holds[file]]
        alone = len(having) == 1 and set(holds[having[0]]) <= {None, domain_set}
        if alone and having[0].suffix == ".parquet":
            yield having[0]
        elif alone:  # a filter would copy every row
            yield pl.read_ipc(having[0], columns=list(Observations.schema))
        elif having:
            rows = pl.concat([_scan(file, domain_set, holds[file]) for file in having]).collect()
            yield rows.sort(ORDER, nulls_last=False, maintain_order=True) if len(having) > 1 else rows


def _scan(file: Path, domain_set: str, holds: Sequence[str | None]) -> pl.LazyFrame:
    """Return the rows of *domain_set*, and those of none, in one *file*."""
    if file.suffix == ".arrow":
        rows = pl.scan_ipc(file).filter(pl.col("domain_set").is_null() | (pl.col("domain_set") == domain_set))
    else:  # it holds one set
        rows = pl.scan_parquet(file)
        if domain_set not in holds:
            rows = rows.filter(pl.col("purpose") != Purpose.TARGET)
    return rows.select(pl.col(name).cast(dtype) for name, dtype in Observations.schema.items())


def _is_of(file: Path, run: Run) -> bool:
    """Say whether *file* was written by *run*, perhaps before a resume."""
    try:
        there = Run.from_json(pl.read_parquet_metadata(file)[METADATA])
    except (OSError, pl.exceptions.PolarsError, ValueError, KeyError, TypeError):
        return False
    return replace(there, finished=run.finished, counts=run.counts, held=run.held) == run


def _piece_number(file: Path) -> int:
    return int(file.stem.partition("-")[2])


@contextlib.contextmanager
def _appearing(file: Path) -> Iterator[Path]:
    """Give a place to write *file* to; it becomes *file* when it is whole and on the disk, and goes away if not."""
    unfinished = file.with_suffix(".unfinished")
    with _writing(file):
        try:
            yield unfinished
            sync(unfinished)
            unfinished.replace(file)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while writing into an error the user can put right."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        number = error.errno if isinstance(error, OSError) else None
        reason = os.strerror(number) if number else str(error).partition("\n")[0]
        hint = {
            errno.ENOSPC: "make room and go on with --resume; what was heard so far is kept",
            errno.EDQUOT: "make room and go on with --resume; what was heard so far is kept",
            errno.EACCES: "choose a folder you may write with --snapshots",
            errno.EPERM: "choose a folder you may write with --snapshots",
            errno.EROFS: "choose a folder you may write with --snapshots",
            errno.EMFILE: "allow more open files (`ulimit -n 256`) and go on with --resume",
        }.get(number or 0)
        raise SnapshotError(f"cannot write: {reason}", Place(str(path)), hint) from error
