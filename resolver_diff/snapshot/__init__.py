"""Observations <-> snapshots/date=.../vantage=.../<domain set>.parquet.

One file per date, vantage and domain set, which any Hive-aware reader finds. A
file describes itself: the facts of its run stand in its metadata, and the
control, canary and identity rows of the run stand in it too, so that it can be
moved and judged alone. Facts only: never a verdict.
"""

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from resolver_diff.config import LeftOut, Resolver
from resolver_diff.errors import Place, Problem, SnapshotError
from resolver_diff.snapshot import sides
from resolver_diff.snapshot.sides import SIDE
from resolver_diff.tables import Certificates, KnownAnswers, Observations, Origins, Purpose

METADATA = "resolver_diff"  # the key under which a file's metadata holds the facts of its run
ORDER = ("qname", "qtype", "resolver", "transport", "repeat", "attempt", "reply", "asked_at")
SCHEMA_VERSION = 1
JUDGED = (  # the columns that a judgement looks at
    "asked_at", "resolver", "transport", "purpose", "qname", "qtype", "repeat", "attempt", "reply",
    "outcome", "aa", "tc", "ra", "ad", "ttl", "rtt", "answer", "cname", "soa", "authority", "ede", "nsid", "trouble",
)  # fmt: skip


class NewerError(ValueError):
    """A file whose columns mean what only a newer version knows."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a run held back at one resolver, and why; a resolver that is not here was asked at its full pace."""

    resolver: str  # "" stands for all together
    transport: str
    why: tuple[str, ...]  # silent, unreachable, refused, servfail: slowed for that; window, total: held to the limit
    slowed: int  # times that its pace was cut
    slowest: float | None  # queries a second; null where it was never slowed
    withheld: int  # questions that were not asked at all
    first: datetime
    last: datetime

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> "Held":
        """Read back what JSON made of it."""
        times = {name: datetime.fromisoformat(facts[name]) for name in ("first", "last")}
        return cls(**{**{each.name: facts[each.name] for each in fields(cls)}, **times, "why": tuple(facts["why"])})


@dataclass(frozen=True, slots=True)
class Run:
    """The facts of one run; they travel in each file's own metadata."""

    date: date
    vantage: str
    started: datetime
    finished: datetime
    version: str
    seed: str
    attempts: int
    timeout: float
    resolvers: tuple[Resolver, ...] = field(repr=False)  # the entries as they were
    inputs: dict[str, str]  # file -> sha256
    # questions, queries, replies, silent, withheld, second_replies, truncated, control_replies, control_answers,
    # strays, names_left_out
    counts: dict[str, int]
    left_out: tuple[LeftOut, ...] = ()  # resolvers that were not asked
    repeat: int = 1  # how often each target was asked
    held: tuple[Held, ...] = ()  # what was held back, for kindness

    def to_json(self) -> str:
        """Return the facts as JSON."""
        facts = asdict(replace(self, resolvers=()))  # these are many, and would be copied one by one
        entries = [resolver.model_dump(mode="json", exclude_defaults=True) for resolver in self.resolvers]
        return json.dumps({"schema": SCHEMA_VERSION, **facts, "resolvers": entries}, default=str, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Run":
        """Read back what ``to_json`` wrote; fields that a newer version added are passed over.

        Raises ValueError, KeyError or TypeError when *text* is something else.
        """
        facts = json.loads(text)
        if facts["schema"] > SCHEMA_VERSION:
            message = f"written by a newer version, {facts['version']}"
            raise NewerError(message)
        known = set(Resolver.model_fields)
        return cls(
            date=date.fromisoformat(facts["date"]),
            vantage=facts["vantage"],
            started=datetime.fromisoformat(facts["started"]),
            finished=datetime.fromisoformat(facts["finished"]),
            resolvers=tuple(
                Resolver.model_validate({key: value for key, value in entry.items() if key in known})
                for entry in facts["resolvers"]
            ),
            left_out=tuple(
                LeftOut(**{field.name: each[field.name] for field in fields(LeftOut)})
                for each in facts.get("left_out", ())
            ),
            repeat=facts.get("repeat", 1),
            held=tuple(Held.from_facts(one) for one in facts.get("held", ())),
            **{name: facts[name] for name in ("version", "seed", "attempts", "timeout", "inputs", "counts")},
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What every resolver said on one date at one vantage.

    *observations* has the columns of ``Observations`` and ``domain_set``, which is null for
    control, canary and identity rows; these are there once per run. ``wire`` is not loaded. When
    loaded to be judged, it has the columns in ``JUDGED`` only, and texts as categories.
    """

    date: date
    vantage: str
    runs: tuple[Run, ...]
    observations: pl.DataFrame
    damaged: tuple[Problem, ...] = ()  # files that could not be read; the others were
    origins: Origins = field(default_factory=Origins.empty)
    certificates: Certificates = field(default_factory=Certificates.empty)
    known: KnownAnswers = field(
        default_factory=KnownAnswers.empty
    )  # not kept in it: what is believed when it is judged

    @property
    def resolvers(self) -> tuple[Resolver, ...]:
        """Every entry that was asked, over each of its transports, as it was in the latest run."""
        asked = {(resolver.name, resolver.transport): resolver for run in self.runs for resolver in run.resolvers}
        return tuple(asked.values())


def directory(folder: Path, day: date, vantage: str) -> Path:
    """Return where the files of *day* and *vantage* lie below *folder*."""
    return folder / f"date={day.isoformat()}" / f"vantage={vantage}"


def files(place: Path) -> list[Path]:
    """Return the files of observations in *place*, the folder of a date and vantage, sorted; no side files."""
    return [file for file in sorted(place.glob("*.parquet")) if not file.name.startswith(SIDE)]


def dates(folder: Path, vantage: str | None = None) -> list[date]:
    """Return the dates that have a snapshot in *folder*, oldest first."""
    found = set()
    for file in folder.glob(f"date=*/vantage={vantage or '*'}/[!{SIDE}]*.parquet"):
        try:
            found.add(date.fromisoformat(file.parent.parent.name.removeprefix("date=")))
        except ValueError:
            continue
    return sorted(found)


def spoke(folder: Path, day: date, vantage: str) -> bool:
    """Say whether any resolver replied at all on *day*; not where no file of it can be read."""
    for file in files(directory(folder, day, vantage)):
        with contextlib.suppress(OSError, pl.exceptions.PolarsError, ValueError, KeyError, TypeError):
            if Run.from_json(pl.read_parquet_metadata(file)[METADATA]).counts.get("replies", 1):
                return True
    return False


def load(
    folder: Path,
    day: date,
    vantage: str | None = None,
    domain_sets: Sequence[str] | None = None,
    *,
    judged: bool = False,
) -> list[Snapshot]:
    """Return the snapshots of *day*, one per vantage, sorted by its name.

    *domain_sets* restricts to these sets. What is only to be *judged* takes a third of the memory. A
    damaged file is named in ``damaged`` and the others are read. Raises SnapshotError when there is
    nothing for that date, or nothing that can be read.
    """
    places = sorted(folder.glob(f"date={day.isoformat()}/vantage={vantage or '*'}"))
    wanted = None if domain_sets is None else set(domain_sets)
    snapshots = []
    damaged: list[Problem] = []
    for place in places:
        chosen = [file for file in files(place) if wanted is None or file.stem in wanted]
        if not chosen:
            continue
        snapshot = _gather(day, place.name.removeprefix("vantage="), chosen, judged=judged)
        damaged += snapshot.damaged
        if snapshot.runs:
            snapshots.append(_with_facts(snapshot, place))
    if not snapshots:
        raise _nothing(folder, day, vantage, damaged)
    return snapshots


def runs(folder: Path, day: date, vantage: str | None = None) -> list[Run]:
    """Return the facts of the runs of *day*, each once, of the vantage where they lie; no row is read.

    Damaged files are passed over, ``load`` names them.
    """
    found: dict[tuple[str, datetime], Run] = {}
    for place in sorted(folder.glob(f"date={day.isoformat()}/vantage={vantage or '*'}")):
        for file in files(place):
            with contextlib.suppress(OSError, pl.exceptions.PolarsError, ValueError, KeyError, TypeError):
                run = Run.from_json(pl.read_parquet_metadata(file)[METADATA])
                run = replace(run, vantage=place.name.removeprefix("vantage="))
                found[run.vantage, run.started] = run
    return [found[key] for key in sorted(found)]


def asked(folder: Path, day: date, vantage: str) -> pl.DataFrame:
    """Return who was asked what as a target on *day*, each once; damaged files are passed over, ``load`` names them."""
    columns = ("purpose", "qname", "qtype", "resolver", "transport")
    schema = {name: dtype for name, dtype in _schema(judged=True).items() if name in (*columns, "domain_set")}
    found = [pl.DataFrame(schema=schema).select("domain_set", *columns)]
    for file in files(directory(folder, day, vantage)):
        rows = pl.scan_parquet(file, hive_partitioning=False).filter(pl.col("purpose") == Purpose.TARGET)
        once = rows.select(
            pl.lit(file.stem).cast(schema["domain_set"]).alias("domain_set"),
            *(pl.col(name).cast(schema[name]) for name in columns),
        ).unique()
        with contextlib.suppress(OSError, pl.exceptions.PolarsError):
            found.append(once.collect())
    return pl.concat(found)


def _gather(day: date, vantage: str, chosen: Iterable[Path], *, judged: bool) -> Snapshot:
    """Read the files *chosen*; keep the control, canary and identity rows of each run once."""
    frames: list[pl.DataFrame] = []
    runs: dict[datetime, Run] = {}
    damaged: list[Problem] = []
    for file in chosen:
        try:
            run, frame = _read(file, judged=judged)
        except (OSError, pl.exceptions.PolarsError, ValueError, KeyError, TypeError) as error:
            damaged.append(_unreadable(file, error))
            continue
        if run.started in runs:
            frame = frame.filter(pl.col("purpose") == Purpose.TARGET)
        runs[run.started] = run
        frames.append(frame)
    empty = pl.DataFrame(schema=_schema(judged=judged))
    return Snapshot(
        date=day,
        vantage=vantage,
        runs=tuple(runs[started] for started in sorted(runs)),
        observations=pl.concat([empty, *frames]),
        damaged=tuple(damaged),
    )


def _with_facts(given: Snapshot, place: Path) -> Snapshot:
    """Return *given* with what lies beside its files; what is damaged there is named, and not used."""
    try:
        return replace(given, origins=sides.read(place, Origins), certificates=sides.read(place, Certificates))
    except SnapshotError as error:
        return replace(given, damaged=(*given.damaged, *error.problems))


def _unreadable(file: Path, error: Exception) -> Problem:
    """Say why *file* cannot be read, and what that asks for."""
    reason = str(error).partition("\n")[0] or type(error).__name__
    if isinstance(error, PermissionError):
        return Problem(
            "this snapshot file may not be read", Place(str(file)), "read it as its owner, or allow it: `chmod`"
        )
    if isinstance(error, NewerError):
        return Problem(f"{error}", Place(str(file)), "upgrade resolver_diff")
    hint = "a past day cannot be asked again: restore the file from a backup, or move it away"
    return Problem(f"damaged snapshot file ({reason})", Place(str(file)), hint)


def _read(file: Path, *, judged: bool) -> tuple[Run, pl.DataFrame]:
    """Return the facts and the rows of one file; raises whatever reading it raises."""
    metadata = pl.read_parquet_metadata(file)
    run = Run.from_json(metadata[METADATA])
    there = pl.read_parquet_schema(file)
    columns = [
        (pl.col(name) if name in there else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in _schema(judged=judged).items()
        if name != "domain_set"
    ]
    rows = pl.scan_parquet(file, hive_partitioning=False).select(columns)
    domain_set = pl.lit(file.stem, dtype=_schema(judged=judged)["domain_set"])
    return run, rows.with_columns(
        domain_set=pl.when(pl.col("purpose") == Purpose.TARGET).then(domain_set), repeat=pl.col("repeat").fill_null(0)
    ).collect()


def _schema(*, judged: bool) -> dict[str, pl.DataType]:
    """Return the columns of a snapshot's observations."""
    whole = {**Observations.schema, "domain_set": pl.String()}
    del whole["wire"]
    if not judged:
        return whole
    as_text = {name: dtype for name, dtype in whole.items() if name in (*JUDGED, "domain_set")}
    return {name: pl.Categorical() if dtype == pl.String else dtype for name, dtype in as_text.items()}


def _nothing(folder: Path, day: date, vantage: str | None, damaged: list[Problem]) -> SnapshotError:
    """Return the error that says there is no snapshot for *day*, and which dates there are."""
    if damaged:
        return SnapshotError(f"no readable snapshot for {day}", problems=tuple(damaged))
    where = f" at vantage `{vantage}`" if vantage else ""
    there = [str(other) for other in dates(folder, vantage)]
    shown = there if len(there) <= 8 else [*there[:2], "...", *there[-5:]]
    hint = f"there are: {', '.join(shown)}" if there else f"take one with `resolver-diff snapshot --date {day}`"
    return SnapshotError(f"no snapshot for {day}{where} in {folder}", hint=hint)
