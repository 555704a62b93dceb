"""All cases in one run of the real prober, into one snapshot; and what became of them."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

import misbehaviours
from misbehaviours import ALWAYS, CONTROL, GOOD, ODD, PLAIN, QTYPES, Case, Host, Row
from misbehaviours._do53 import OTHER_ADDRESS, Do53, can_send_icmp, has
from misbehaviours._quic import Quic
from misbehaviours._secure import Doh, Dot
from resolver_diff import family, probe, snapshot
from resolver_diff.config import Config, DomainSet, Names, Resolver
from resolver_diff.probe import Taken
from resolver_diff.transports import Transport

DAY = date(2026, 2, 11)
VANTAGE = "loopback"
HONEST = ("honest-1", "honest-2", "honest-3")  # controls, of three operators
SECURE: dict[str, Callable[[], Host]] = {"tls": Dot, "https": Doh, "quic": Quic, "h3": partial(Quic, alpn="h3")}
HONEST_SECURE = tuple(f"honest-{transport}" for transport in SECURE)  # those share sessions with who misbehaves
ATTEMPTS = 2
TIMEOUT = 3.0  # seconds; on loopback a thousand times what an answer takes
ROUNDS = 4  # times that what is wrong is played, each with twice the patience: a machine may be busy for long
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

    def rest(self, resolver: str, case: Case | None = None) -> pl.DataFrame:
        """Return what was recorded of all names at *resolver* but the question that *case* is about."""
        asked = (pl.col("resolver") == resolver) & pl.col("qname").is_in([ODD, CONTROL, *PLAIN])
        return self.observations.filter(asked & ~_about(case) if case else asked)

    def verdict(self, case: Case) -> "Verdict":
        """Return what became of *case*."""
        found = self.observations.filter(_about(case) & (pl.col("resolver") == case.name))
        rows = list(found.sort("attempt", "reply", nulls_last=False).iter_rows(named=True))
        named = [case.rows[min(place, len(case.rows) - 1)] for place in range(len(rows))]
        seen = [_seen(row, expected) for row, expected in zip(rows, named, strict=True)]
        rest = self.rest(case.name, case)
        return Verdict(case, seen, faults(rest, case.rest), rest.select("qname", "qtype").unique().height)

    def honest_faults(self) -> list[Row]:
        """Return what is wrong at the honest resolvers."""
        return [fault for name in (*HONEST, *HONEST_SECURE) for fault in faults(self.rest(name))]


@dataclass(frozen=True)
class Verdict:
    """What became of a case."""

    case: Case
    rows: list[Row]  # in order of attempt and reply; the columns of ALWAYS, and those that the case names
    disturbed: list[Row]  # what is wrong with the other questions to the same resolver
    beside: int  # how many these were

    @property
    def expected(self) -> list[Row]:
        """Return the rows that should be there, null for every column of ALWAYS that the case does not name."""
        return [dict.fromkeys(ALWAYS) | row for row in self.case.rows]

    @property
    def is_right(self) -> bool:
        """Whether all is as it should be."""
        return self.rows == self.expected and not self.disturbed


@dataclass(frozen=True)
class Matrix:
    """What became of all cases."""

    verdicts: dict[str, Verdict]
    runs: list[Result]
    again: tuple[str, ...] = ()  # cases that were played more than once: the machine may have stalled the first time


def settle(folder: Path, chosen: Sequence[Case], **how: Any) -> Matrix:
    """Play *chosen*; what is wrong then again, with more patience: the machine may have stalled."""
    verdicts: dict[str, Verdict] = {}
    runs: list[Result] = []
    wrong, again = [*chosen], set[str]()
    while len(runs) < ROUNDS:
        again |= {case.name for case in wrong} if runs else set()
        runs.append(take(folder / str(len(runs)), wrong, timeout=TIMEOUT * 2 ** len(runs), **how))
        verdicts |= {case.name: runs[-1].verdict(case) for case in wrong}
        wrong = [case for case in wrong if not verdicts[case.name].is_right]
        if not wrong and not runs[-1].honest_faults():
            break
    return Matrix(verdicts, runs, tuple(sorted(again)))


def _about(case: Case) -> pl.Expr:
    return (pl.col("qname") == ODD) & (pl.col("qtype") == case.qtype)


def _seen(row: Row, expected: Row) -> Row:
    return {name: row[name] for name in (*ALWAYS, *(name for name in expected if name not in ALWAYS))}


def faults(rest: pl.DataFrame, outcome: str = "answer") -> list[Row]:
    """Return the rows of honest questions that are wrong, or that say that one was never answered."""
    if outcome != "answer":
        return rest.filter(pl.col("outcome") != outcome).to_dicts()
    good = pl.col("qtype").replace_strict(GOOD)
    right = pl.col("answer").eq_missing(good) & (pl.col("reply") == 0) & (pl.col("outcome") == "answer")
    heard = rest.filter(pl.col("reply").is_not_null())
    lost = rest.group_by("qname", "qtype").agg(pl.col("reply").is_not_null().any())
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
            _run(honest.open(), loop)
            resolvers.append(Resolver(name=name, operator=name, role="control", qps=QPS, **honest.fields))
        for transport, make in SECURE.items():
            name = f"honest-{transport}"
            hosts.append(make())
            _run(hosts[-1].open(), loop)
            resolvers.append(Resolver(name=name, operator=name, qps=QPS, transport=transport, **hosts[-1].fields))
        for case in chosen:
            played = None if honestly else case
            hosts.append(case.host(played, case.address) if case.host else Do53(played, case.address, neighbour))
            _run(hosts[-1].open(), loop)
            more = {"transport": case.transport, **hosts[-1].fields}
            resolvers.append(Resolver(name=case.name, operator=case.name, qps=QPS, **more))
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
    keep_wire: bool = False,
    timeout: float = TIMEOUT,
) -> Result:
    """Ask the resolvers of *chosen* cases, and honest ones, everything; return what the snapshot says."""
    with playing(chosen, honestly=honestly) as resolvers:
        config = Config(
            resolvers=resolvers,
            domain_sets=(DomainSet("odd", "odd.txt", Names.of(sorted([ODD, *PLAIN]))),),
            control_names=(CONTROL,),
            qtypes=QTYPES,
            attempts=ATTEMPTS,
            timeout=timeout,
        )
        taken = asyncio.run(
            probe.take(config, folder=folder, day=day, vantage=VANTAGE, keep_wire=keep_wire, carriers=carriers)
        )
    (loaded,) = snapshot.load(folder, day)
    return Result(taken, loaded.observations)
