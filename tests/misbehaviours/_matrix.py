"""All cases in one run of the real prober, into one snapshot; and what became of them."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

import misbehaviours
from misbehaviours import ALWAYS, CONTROL, GOOD, ODD, PLAIN, QTYPES, Case, Host, Row
from misbehaviours._do53 import OTHER_ADDRESS, Do53, can_send_icmp, has
from resolver_diff import family, probe, snapshot
from resolver_diff.config import Config, DomainSet, Resolver
from resolver_diff.probe import Taken
from resolver_diff.transports import Transport

DAY = date(2026, 2, 11)
VANTAGE = "loopback"
HONEST = ("honest-1", "honest-2", "honest-3")  # controls, of three operators
ATTEMPTS = 2
TIMEOUT = 1.5  # seconds; on loopback a thousand times what an answer takes
QPS = 60.0


def cases() -> list[Case]:
    """Return every case of the family, file by file."""
    found = family.members(misbehaviours, "CASES", tuple)
    return [case for members in found.values() for case in members]


def missing(case: Case) -> str | None:
    """Return what this system lacks for *case*, if anything."""
    if case.needs == "raw" and not can_send_icmp():
        return "needs the right to open raw sockets"
    if case.needs == "address" and not has(OTHER_ADDRESS):
        return f"needs {OTHER_ADDRESS} on the loopback interface"
    if not has(case.address):
        return f"needs {case.address}"
    return None


@dataclass(frozen=True)
class Result:
    """What a run recorded."""

    taken: Taken
    observations: pl.DataFrame

    def rows(self, case: Case) -> list[Row]:
        """Return what was recorded of the question that *case* is about, in order of attempt and reply."""
        found = self._of(case.name, ODD, case.qtype).sort("attempt", "reply", nulls_last=False)
        return list(found.iter_rows(named=True))

    def rest(self, resolver: str, case: Case | None = None) -> pl.DataFrame:
        """Return what was recorded of all names at *resolver* but the question that *case* is about."""
        asked = (pl.col("resolver") == resolver) & pl.col("qname").is_in([ODD, CONTROL, *PLAIN])
        odd = (pl.col("qname") == ODD) & (pl.col("qtype") == case.qtype) if case else pl.lit(value=False)
        return self.observations.filter(asked & ~odd)

    def _of(self, resolver: str, qname: str, qtype: str) -> pl.DataFrame:
        wanted = (pl.col("resolver") == resolver) & (pl.col("qname") == qname) & (pl.col("qtype") == qtype)
        return self.observations.filter(wanted)


def seen(row: dict[str, Any], expected: Row) -> Row:
    """Return what of a recorded *row* is held to *expected*: the columns of ALWAYS, and those it names."""
    return {name: row[name] for name in (*ALWAYS, *(name for name in expected if name not in ALWAYS))}


def whole(expected: Row) -> Row:
    """Return *expected* with null for every column of ALWAYS that it does not name."""
    return dict.fromkeys(ALWAYS) | expected


def faults(rest: pl.DataFrame, outcome: str = "answer") -> list[Row]:
    """Return the rows of honest questions that are wrong, or that say that one was never answered."""
    good = pl.col("qtype").replace_strict(GOOD)
    right = pl.col("answer").eq_missing(good) & (pl.col("reply") == 0) & (pl.col("outcome") == "answer")
    if outcome != "answer":
        return rest.filter(pl.col("outcome") != outcome).to_dicts()
    heard = rest.filter(pl.col("reply").is_not_null())
    lost = rest.group_by("qname", "qtype").agg(pl.col("reply").is_not_null().any(), purpose=pl.col("purpose").first())
    return heard.filter(~right.fill_null(value=False)).to_dicts() + lost.filter(~pl.col("reply")).to_dicts()


@contextlib.contextmanager
def playing(chosen: Sequence[Case], *, honestly: bool = False) -> Iterator[tuple[Resolver, ...]]:
    """Play *chosen* in a thread; yield the resolvers to ask, honest ones first. *honestly*: nobody misbehaves."""
    loop = asyncio.SelectorEventLoop()
    thread = threading.Thread(target=loop.run_forever, name="hostile", daemon=True)
    hosts: list[Host] = []
    resolvers = []
    thread.start()
    try:
        neighbour = Do53()
        for name, honest in zip(HONEST, (neighbour, Do53(), Do53()), strict=True):
            hosts.append(honest)
            resolvers.append(Resolver(name=name, operator=name, role="control", qps=QPS, **honest.fields))
        for case in chosen:
            played = None if honestly else case
            hosts.append(case.host(played, case.address) if case.host else Do53(played, case.address, neighbour))
            more = {"transport": case.transport, **hosts[-1].fields}
            resolvers.append(Resolver(name=case.name, operator=case.name, qps=QPS, **more))
        for host in hosts:
            _run(host.open(), loop)
        yield tuple(resolvers)
    finally:
        for host in hosts:
            _run(host.close(), loop)
        _run(asyncio.sleep(0.05), loop)  # asyncio closes sockets in later rounds
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _run(doing: Awaitable[None], loop: asyncio.AbstractEventLoop) -> None:
    async def done() -> None:
        await doing

    asyncio.run_coroutine_threadsafe(done(), loop).result()


def take(
    folder: Path,
    chosen: Sequence[Case],
    *,
    day: date = DAY,
    honestly: bool = False,
    carriers: Mapping[str, Transport] | None = None,
) -> Result:
    """Ask the resolvers of *chosen* cases, and honest ones, everything; return what the snapshot says."""
    with playing(chosen, honestly=honestly) as resolvers:
        config = Config(
            resolvers=resolvers,
            domain_sets=(DomainSet("odd", "odd.txt", pl.Series("qname", sorted([ODD, *PLAIN]))),),
            control_names=(CONTROL,),
            qtypes=QTYPES,
            attempts=ATTEMPTS,
            timeout=TIMEOUT,
        )
        taken = asyncio.run(probe.take(config, folder=folder, day=day, vantage=VANTAGE, carriers=carriers))
    (loaded,) = snapshot.load(folder, day)
    return Result(taken, loaded.observations)
