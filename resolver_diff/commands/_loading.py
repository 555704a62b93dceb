"""What commands read: snapshots, narrowed and corrected as the options say."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from pathlib import Path

import polars as pl
from dns import rdatatype
from dns.exception import DNSException

from resolver_diff import _names, config, snapshot
from resolver_diff.commands._output import warn
from resolver_diff.config import Config, Resolver
from resolver_diff.errors import Place, Problem, SnapshotError, UsageError
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Purpose

HISTORY = 30  # earlier dates that are read
LATEST, PREVIOUS = "latest", "previous"
FACTS = ("operator", "country", "role", "policy")


def parse_day(text: str) -> date:
    """Return the date that *text* writes."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"`{text}` is not a date", hint="dates look like 2026-02-11") from None


@dataclass(frozen=True, slots=True)
class Source:
    """Where snapshots come from, and what of them is wanted."""

    folder: Path
    vantage: str | None = None
    facts: dict[str, Resolver] | None = None  # what to believe about resolvers instead of what the snapshots say
    names: frozenset[str] | None = None  # qnames to look at; null: all

    @classmethod
    def of(
        cls,
        folder: Path,
        vantage: str | None = None,
        resolvers: Path | None = None,
        domains: Sequence[Path] | None = None,
    ) -> "Source":
        """Read what the options name; says the warnings."""
        if resolvers is None and not domains:
            return cls(folder, vantage)
        given = config.load(resolvers, domains or ())
        warn(given.warnings)
        facts = {resolver.name: resolver for resolver in given.resolvers} if resolvers else None
        names = frozenset(chain.from_iterable(domain_set.qnames for domain_set in given.domain_sets))
        return cls(folder, vantage, facts, names if domains else None)

    def day(self, text: str) -> date:
        """Return the date that *text* names: itself, the latest there is, or the one before that."""
        if text not in (LATEST, PREVIOUS):
            return parse_day(text)
        there = snapshot.dates(self.folder, self.vantage)
        wanted = 1 if text == LATEST else 2
        if len(there) < wanted:
            what = "no snapshots" if not there else f"only one date ({there[0]})"
            where = f" at vantage `{self.vantage}`" if self.vantage else ""
            hint = "take one with `resolver-diff snapshot`, or say with --snapshots where they are"
            raise SnapshotError(f"there is {what} in {self.folder}{where}, so no `{text}` one", hint=hint)
        return there[-wanted]

    def load(self, day: date) -> dict[str, Snapshot]:
        """Return the snapshots of *day* by vantage; says which files are damaged.

        Raises SnapshotError when there is none, and UsageError when they hold none of the names wanted.
        """
        found = self.read(day)
        if self.names is not None and not any(each.observations["domain_set"].count() for each in found):
            raise UsageError(f"the snapshot of {day} holds none of the names given with --domains")
        return {each.vantage: each for each in found}

    def load_one(self, day: date) -> Snapshot:
        """Return the snapshot of *day* when there is one vantage; raises UsageError when there are more."""
        found = self.load(day)
        if len(found) > 1:
            raise UsageError(f"there are {len(found)} vantages on {day}", hint=f"say --vantage {'|'.join(found)}")
        return next(iter(found.values()))

    def dates(self, vantage: str | None = None) -> list[date]:
        """Return the dates there are, oldest first."""
        return snapshot.dates(self.folder, vantage or self.vantage)

    def dates_with(self, qname: str) -> Iterator[tuple[date, str, list[str]]]:
        """Yield each date and vantage that has *qname*, oldest first, and the domain sets that hold it."""
        for day in self.dates():
            places = sorted(self.folder.glob(f"date={day}/vantage={self.vantage or '*'}"))
            for place in places:
                sets = [file.stem for file in sorted(place.glob("*.parquet")) if _holds(file, qname)]
                if sets:
                    yield day, place.name.removeprefix("vantage="), sets

    def history(self, before: date, vantage: str, qname: str | None = None) -> Iterator[Snapshot]:
        """Yield the snapshots of the dates before *before* at *vantage*, oldest first, each read when its turn comes.

        With *qname* they hold that name only, beside control, canary and identity rows.
        """
        there = replace(self, vantage=vantage)
        for day in [day for day in snapshot.dates(self.folder, vantage) if day < before][-HISTORY:]:
            try:
                found = there.read(day)[0]
                yield found if qname is None else about(found, (qname,))
            except SnapshotError as error:  # one day of long ago stops nothing
                warn(error.problems)

    def read(self, day: date, sets: Sequence[str] | None = None) -> list[Snapshot]:
        """Return the snapshots of *day*, one per vantage, only these domain *sets*; says which files are damaged."""
        found = snapshot.load(self.folder, day, self.vantage, sets)
        warn(problem for each in found for problem in each.damaged)
        return [self._corrected(each if self.names is None else about(each, self.names)) for each in found]

    def _corrected(self, given: Snapshot) -> Snapshot:
        if self.facts is None:
            return given
        runs = tuple(
            replace(run, resolvers=tuple(self._believed(resolver) for resolver in run.resolvers)) for run in given.runs
        )
        return replace(given, runs=runs)

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
        return _names.qname(text)
    except _names.BadNameError as bad:
        raise UsageError(f"`{text}` is not a domain name: {bad.message}", hint=bad.hint) from None


def _holds(file: Path, qname: str) -> bool:
    """Say whether *qname* was asked for by this file's set; a damaged file holds nothing."""
    target = (pl.col("qname") == qname) & (pl.col("purpose") == Purpose.TARGET)
    rows = pl.scan_parquet(file, hive_partitioning=False).filter(target).head(1).select("qname")
    try:
        return rows.collect().height > 0
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        warn([Problem(f"damaged snapshot file ({reason})", Place(str(file)))])
        return False


def asked(
    resolvers: Path | None,
    domains: Sequence[Path] | None,
    *,
    qtypes: Sequence[str] | None = None,
    attempts: int | None = None,
    timeout: float | None = None,
) -> Config:
    """Return what a run asks, as the options say; says the warnings."""
    given = config.load(resolvers, domains or ())
    warn(given.warnings)
    return replace(
        given,
        qtypes=tuple(map(_qtype, qtypes)) if qtypes else given.qtypes,
        attempts=attempts or given.attempts,
        timeout=timeout or given.timeout,
    )


def _qtype(text: str) -> str:
    """Return the mnemonic of the record type *text*; raises UsageError when there is none."""
    try:
        rdtype = rdatatype.from_text(text)
    except DNSException:
        raise UsageError(f"`{text}` is not a record type", hint="e.g. A, AAAA, HTTPS, TYPE65280") from None
    if rdatatype.is_metatype(rdtype):
        raise UsageError(f"`{text}` is not a type that records have, so it cannot be compared")
    return rdatatype.to_text(rdtype)
