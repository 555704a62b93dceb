"""The witnesses of a cell: what was said of one name by one resolver and by all others, on two dates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from resolver_diff import diff
from resolver_diff.confidence import Measured
from resolver_diff.config import Resolver
from resolver_diff.diff import Diff
from resolver_diff.errors import UsageError
from resolver_diff.library import weighed
from resolver_diff.library.source import Source, did_you_mean
from resolver_diff.library.weighed import Followed
from resolver_diff.snapshot import Snapshot
from resolver_diff.wording.lines import some


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What is known of one name at one resolver.

    *cells*: those of the name, at all resolvers, on the dates judged; *qtypes*: which of its questions are
    wanted; *entries*: the resolver over each transport; *snapshots*: those judged, the earlier first.
    """

    judged: Diff
    cells: pl.DataFrame
    qtypes: tuple[str, ...]
    entries: tuple[Resolver, ...]
    snapshots: tuple[Snapshot, ...]
    told: Followed


def hear(
    source: Source,
    cell: tuple[str, str],
    qtypes: Sequence[str],
    days: tuple[str | None, str],
    measured: Measured,
    *,
    whole: bool,
) -> Witnesses:
    """Return what is known of *cell*, a name and a resolver, on the later of *days* beside the earlier.

    All names are looked at on all dates, for what `events` makes of this one, if *whole*.
    Raises UsageError when the snapshots do not hold that cell.
    """
    qname, resolver = cell
    later = source.day(days[1])
    today = source.load_one(later)
    earlier = source.day(days[0], later) if days[0] else _before(source, later, today.vantage)
    entries = _entries(today, resolver)
    judged, snapshots = _judge(source, qname, today, earlier)
    cells = judged.cells.filter(pl.col("qname") == qname)
    own = cells.filter(pl.col("resolver") == resolver)
    if not own.height:
        raise _not_asked(source, today, qname, resolver)
    there = own["qtype"].unique().sort().to_list()
    missing = [qtype for qtype in qtypes if qtype not in there]
    if missing:
        raise UsageError(f"`{qname}` was not asked for {missing[0]}", hint=f"it was asked for {', '.join(there)}")
    told = weighed.follow(source, today.vantage, cell, later, measured, whole=whole)
    return Witnesses(judged, cells, tuple(qtypes or there), tuple(entries), tuple(snapshots), told)


def _not_asked(source: Source, today: Snapshot, qname: str, resolver: str) -> UsageError:
    withheld = today.observations.filter(pl.col("qname") == qname, pl.col("resolver") == resolver)["trouble"]
    hint = source.names_like(qname) or "a name must be in a domain set to be asked"
    hint = str(withheld[0]) if len(withheld) and withheld[0] else hint
    return UsageError(f"`{qname}` was not asked of {resolver} on {today.date}", hint=hint)


def _before(source: Source, later: date, vantage: str) -> date | None:
    """Return the last date before *later* that has the vantage, if there is one."""
    return max((day for day in source.dates(vantage) if day < later), default=None)


def _entries(snapshot: Snapshot, name: str) -> list[Resolver]:
    """Return the resolver called *name*, over each transport that it was asked over."""
    entries = [resolver for resolver in snapshot.resolvers if resolver.name == name]
    if not entries:
        names = sorted({resolver.name for resolver in snapshot.resolvers})
        hint = did_you_mean(name, names) or f"there are {some(names)}"
        raise UsageError(f"no resolver `{name}` was asked on {snapshot.date}", hint=hint)
    return entries


def _judge(source: Source, qname: str, today: Snapshot, earlier: date | None) -> tuple[Diff, list[Snapshot]]:
    """Return the judgement of *today*, beside *earlier* if there is one, and the snapshots, earlier first."""
    if earlier is None:
        return diff.anomalies(today), [today]
    if earlier >= today.date:
        raise UsageError(f"{earlier} is not before {today.date}", hint="--before is the earlier date")
    found = source.load(earlier)
    if today.vantage not in found:
        raise UsageError(
            f"vantage {today.vantage} has no snapshot of {earlier}", hint=f"that date has {', '.join(found)}"
        )
    past = found[today.vantage]
    return diff.diff(past, today, source.history(earlier, today.vantage, qname)), [past, today]
