"""What is read: snapshots, narrowed and corrected as whoever asks wants it."""

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Self

import polars as pl

from resolver_diff import config, snapshot
from resolver_diff.config import Resolver
from resolver_diff.config.qnames import BadNameError
from resolver_diff.config.qnames import qname as normal
from resolver_diff.errors import PROGRAM, Place, Problem, SnapshotError, UsageError
from resolver_diff.library.saying import Warn, warn_caller
from resolver_diff.snapshot import Run, Snapshot
from resolver_diff.tables import KnownAnswers, Purpose

HISTORY = 30  # earlier dates that are read
LATEST, PREVIOUS, TODAY = "latest", "previous", "today"
MOST_SUGGESTIONS = 3
MOST_COMPARED = 20_000  # names that are held against a mistyped one
FACTS = ("operator", "country", "role", "policy")


def parse_day(text: str) -> date:
    """Return the date that *text* writes."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        hint = f"dates look like 2026-02-11, or are `{LATEST}`, `{PREVIOUS}` or `{TODAY}`"
        raise UsageError(f"`{text}` is not a date", hint=hint) from None


def utc_today() -> date:
    """Return today's date, as snapshots are filed: in UTC."""
    return datetime.now(UTC).date()


def did_you_mean(typed: str, known: Iterable[str]) -> str | None:
    """Return a hint that names what of *known* is nearly what was *typed*; None if nothing is."""
    spelled = {name.casefold(): name for name in islice(known, MOST_COMPARED)}
    close = difflib.get_close_matches(typed.casefold(), spelled, n=MOST_SUGGESTIONS)
    return f"do you mean {' or '.join(spelled[name] for name in close)}?" if close else None


@dataclass(frozen=True, slots=True)
class Source:
    """Where snapshots come from, and what of them is wanted."""

    folder: Path
    vantage: str | None = None
    facts: dict[str, Resolver] | None = None  # what to believe about resolvers instead of what the snapshots say
    names: frozenset[str] | None = None  # qnames to look at; null: all
    known: KnownAnswers = field(default_factory=KnownAnswers.empty)  # what is known to stand for blocked names
    until: date | None = None  # the last date that is looked at; null: all
    warn: Warn = warn_caller  # is told of what is wrong but stops nothing

    @classmethod
    def of(
        cls,
        folder: Path,
        vantage: str | None = None,
        resolvers: Path | None = None,
        domains: Sequence[Path] | None = None,
        known_answers: Path | None = None,
    ) -> Self:
        """Read what is named; warns of what is doubtful in it."""
        plain = cls(folder, vantage, known=config.known_answers(resolvers, known_answers))
        if resolvers is None and not domains:
            return plain
        given = config.load(resolvers, [shipped_set(path) for path in domains or ()])
        plain.warn(given.warnings)
        facts = {resolver.name: resolver for resolver in given.resolvers} if resolvers else None
        names = frozenset(chain.from_iterable(domain_set.qnames for domain_set in given.domain_sets))
        return replace(plain, facts=facts, names=names if domains else None)

    def day(self, text: str, after: date | None = None) -> date:
        """Return the date that *text* names.

        `previous` is the one before *after*, or before the latest there is.
        """
        if text == TODAY:
            return utc_today()
        if text not in (LATEST, PREVIOUS):
            return parse_day(text)
        there = self.dates()
        if not there:
            raise self.nothing()
        if text == LATEST:
            return there[-1]
        earlier = [day for day in there if day < (after or there[-1])]
        if not earlier:
            where = f" at vantage `{self.vantage}`" if self.vantage else ""
            message = f"there is no snapshot before {after or there[-1]} in {self.folder}{where}"
            message += f", only one date ({there[0]})" if len(there) == 1 else ""
            raise SnapshotError(message, hint=f"`{PROGRAM} anomalies` judges one date alone")
        return earlier[-1]

    def nothing(self) -> SnapshotError:
        """Return the error that says that there is no snapshot at all."""
        hint = f"take one with `{PROGRAM} snapshot`, or say with --snapshots where they are"
        if self.vantage:
            others = sorted({place.name.partition("=")[2] for place in self.folder.glob("date=*/vantage=*")})
            if others:
                noun = "vantage is" if len(others) == 1 else "vantages are"
                hint = f"the {noun} {', '.join(others)}"
            return SnapshotError(f"there are no snapshots of vantage `{self.vantage}` in {self.folder}", hint=hint)
        return SnapshotError(f"there are no snapshots in {self.folder}", hint=hint)

    def latest(self, text: str) -> date:
        """Return the date that *text* names, like ``day``; says so when it is the latest, and not of today."""
        latest = self.day(text)
        days = (utc_today() - latest).days
        if text == LATEST and days > 0:
            ago = "yesterday" if days == 1 else f"{days:,} days ago"
            hint = f"`{PROGRAM} snapshot` takes one of today"
            self.warn([Problem(f"the latest snapshot is not of today: {latest}, {ago}", hint=hint)])
        return latest

    def load(self, day: date, *, judged: bool = False) -> dict[str, Snapshot]:
        """Return the snapshots of *day* by vantage; says which files are damaged. What is only *judged* takes less.

        Raises SnapshotError when there is none, and UsageError when they hold none of the names wanted.
        """
        found = self.read(day, judged=judged)
        if self.names is not None and not any(each.observations["domain_set"].count() for each in found):
            hint = "--domains looks at names that were asked; a snapshot asks for them"
            raise UsageError(f"the snapshot of {day} holds none of the names given with --domains", hint=hint)
        return {each.vantage: each for each in found}

    def load_one(self, day: date) -> Snapshot:
        """Return the snapshot of *day* when there is one vantage; raises UsageError when there are more."""
        found = self.load(day)
        if len(found) > 1:
            hint = f"say which: --vantage {' or --vantage '.join(found)}"
            raise UsageError(f"there are {len(found)} vantages on {day}", hint=hint)
        return next(iter(found.values()))

    def dates(self, vantage: str | None = None) -> list[date]:
        """Return the dates there are, oldest first."""
        there = snapshot.dates(self.folder, vantage or self.vantage)
        return [day for day in there if self.until is None or day <= self.until]

    def runs(self, day: date) -> list[Run]:
        """Return the facts of the runs of *day*, as ``load`` corrects them, without reading what was said."""
        return [self._corrected_run(run) for run in snapshot.runs(self.folder, day, self.vantage)]

    def names_like(self, qname: str) -> str | None:
        """Return a hint that names what is nearly *qname* on the latest date; None if nothing is."""
        places = [place for day in self.dates()[-1:] for place in self.folder.glob(f"date={day}/vantage=*")]
        near = (pl.col("qname").str.len_chars().cast(pl.Int64) - len(qname)).abs() <= 3
        alike = pl.col("qname").str.starts_with(qname[:2]) | pl.col("qname").str.ends_with(qname[-6:])
        found: set[str] = set()
        for file in chain.from_iterable(map(snapshot.files, places)):
            names = pl.scan_parquet(file, hive_partitioning=False)
            with contextlib.suppress(OSError, pl.exceptions.PolarsError):  # a damaged file is said elsewhere
                named = names.filter(near, alike, pl.col("purpose") == Purpose.TARGET).select("qname").unique()
                found.update(named.collect()["qname"])
        return did_you_mean(qname, sorted(found))

    def dates_with(self, qname: str) -> Iterator[tuple[date, str, list[str]]]:
        """Yield each date and vantage that has *qname*, oldest first, and the domain sets that hold it."""
        for day in self.dates():
            places = sorted(self.folder.glob(f"date={day}/vantage={self.vantage or '*'}"))
            for place in places:
                sets = [file.stem for file in snapshot.files(place) if self._holds(file, qname)]
                if sets:
                    yield day, place.name.removeprefix("vantage="), sets

    def history(self, before: date, vantage: str, qname: str | None = None) -> Iterator[Snapshot]:
        """Yield the snapshots of the dates before *before* at *vantage*, oldest first, each read when its turn comes.

        With *qname* they hold that name only, beside control, canary and identity rows.
        """
        there = replace(self, vantage=vantage)
        for day in [day for day in snapshot.dates(self.folder, vantage) if day < before][-HISTORY:]:
            try:
                found = there.read(day, judged=True)[0]
                yield found if qname is None else about(found, (qname,))
            except SnapshotError as error:  # one day of long ago stops nothing
                self.warn(error.problems)

    def all_dates(self, vantage: str) -> Iterator[Snapshot]:
        """Yield the snapshots of all dates at *vantage*, oldest first, each read when its turn comes."""
        there = replace(self, vantage=vantage)
        for day in self.dates(vantage):
            try:
                yield there.read(day, judged=True)[0]
            except SnapshotError as error:  # the others are still worth following
                self.warn(error.problems)

    def read(
        self, day: date, sets: Sequence[str] | None = None, *, judged: bool = False, again: bool = False
    ) -> list[Snapshot]:
        """Return the snapshots of *day*, one per vantage, only these domain *sets*.

        Says which files are damaged, unless they are read *again*.
        """
        there = self.dates()
        if not there:
            raise self.nothing()
        found = snapshot.load(self.folder, day, self.vantage, sets, judged=judged)
        self.warn(problem for each in found for problem in each.damaged if not again)
        return [self._corrected(each if self.names is None else about(each, self.names)) for each in found]

    def _holds(self, file: Path, qname: str) -> bool:
        """Say whether *qname* was asked for by this file's set; a damaged file holds nothing."""
        target = (pl.col("qname") == qname) & (pl.col("purpose") == Purpose.TARGET)
        rows = pl.scan_parquet(file, hive_partitioning=False).filter(target).head(1).select("qname")
        try:
            return rows.collect().height > 0
        except (OSError, pl.exceptions.PolarsError) as error:
            reason = str(error).partition("\n")[0]
            self.warn([Problem(f"damaged snapshot file ({reason})", Place(str(file)))])
            return False

    def _corrected(self, given: Snapshot) -> Snapshot:
        return replace(given, known=self.known, runs=tuple(map(self._corrected_run, given.runs)))

    def _corrected_run(self, run: Run) -> Run:
        if self.facts is None:
            return run
        return replace(run, resolvers=tuple(self._believed(resolver) for resolver in run.resolvers))

    def _believed(self, resolver: Resolver) -> Resolver:
        known = (self.facts or {}).get(resolver.name)
        if known is None:
            return resolver
        return resolver.model_copy(update={name: getattr(known, name) for name in FACTS})


def about(given: Snapshot, qnames: Iterable[str]) -> Snapshot:
    """Return *given* with the targets in *qnames* only, beside control, canary and identity rows."""
    wanted = (pl.col("purpose") != Purpose.TARGET) | pl.col("qname").is_in(sorted(qnames))
    return replace(given, observations=given.observations.filter(wanted))


def parse_name(text: str) -> str:
    """Return *text* as a qname: A-labels, lower case, no final dot."""
    try:
        return normal(text)
    except BadNameError as bad:
        raise UsageError(f"`{text}` is not a domain name: {bad.message}", hint=bad.hint) from None


def shipped_set(path: Path) -> Path:
    """Return *path*, or the file of the shipped domain set that is called so; raises UsageError when it is neither."""
    if path.exists() or len(path.parts) > 1 or path.suffix:
        return path
    shipped = {file.stem: file for file in sorted((config.shipped() / config.DOMAINS).glob("*.txt"))}
    if str(path) in shipped:
        return shipped[str(path)]
    sets = [name for name in shipped if name != config.CONTROL]
    hint = did_you_mean(str(path), sets) or f"the shipped sets are {', '.join(sets)}"
    raise UsageError(f"there is no file, folder or shipped domain set `{path}`", hint=hint)
