"""Does the address that somebody answers with have a certificate for the name? TLS handshakes, when all is asked.

A certificate that an authority has given for a name can be shown by those only whom the name's owner trusts
with it: what nothing else clears, it clears. A budget for the run, one for each network, and a pace keep it
kind; nothing beyond the handshake is sent unless that is wanted.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from resolver_diff.errors import UsageError
from resolver_diff.tables import Certificates
from resolver_diff.transports import Endpoint
from resolver_diff.verify import page
from resolver_diff.verify.handshake import Found, shake_hands

__all__ = ["Budget", "Wanted", "authorities", "check", "due"]

HTTPS, HTTP = 443, 80
TOGETHER = 100  # connections at once

Place = Callable[[str, int], tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is checked at most, and how fast."""

    total: int = 1000  # handshakes in a run, second ones and those with controls among them
    network: int = 10  # names and addresses in one /24 or /48
    rate: float = 20.0  # connections begun in a second
    apart: float = 1.0  # seconds between two connections to one network
    seconds: float = 10.0  # that a connection, a handshake or a page may take
    later: float = 60.0  # seconds from the end of the first handshakes to the second ones of those that failed

    @property
    def first(self) -> int:
        """How many names and addresses are chosen at most: a quarter of all handshakes is kept for second ones."""
        return self.total - self.total // 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be checked, and how."""

    budget: Budget = Budget()
    ca: str | None = None  # PEM file of the authorities to trust instead of the system's
    http: bool = False  # whether one GET is sent, too
    place: Place = lambda address, port: (address, port)  # where an address and port are


def authorities(file: Path | None) -> str | None:
    """Return the PEM *file* of authorities as it will be used; raises UsageError when it holds none."""
    if file is None:
        return None
    try:
        ssl.create_default_context(cafile=str(file))
    except OSError as error:
        says = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise UsageError(f"cannot read the authorities in {file}: {says}") from error
    return str(file)


def due(networks: Iterable[str], budget: Budget) -> list[float]:
    """Return when each of *networks* may be connected to, in seconds from now: at the pace, and each now and then."""
    free: dict[str, float] = {}
    times = []
    for place, network in enumerate(networks):
        at = max(place / budget.rate, free.get(network, 0.0))
        free[network] = at + budget.apart
        times.append(at)
    return times


async def check(chosen: pl.DataFrame, wanted: Wanted) -> Certificates:
    """Return what the handshakes told for *chosen* (qname, address, network), a row each.

    Where one did not go well another follows later, as far as the budget goes: a host may be ill for a moment.
    """
    shown = await _round(chosen, wanted)
    failed = _failed(chosen, shown).head(max(0, wanted.budget.total - chosen.height))
    if failed.is_empty():
        return Certificates.of(shown)
    await asyncio.sleep(wanted.budget.later)
    later = await _round(failed, replace(wanted, http=False))
    later = later.select("qname", "address", again="valid", again_why="why")
    return Certificates.of(shown.drop("again", "again_why").join(later, on=["qname", "address"], how="left"))


def _failed(chosen: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of *chosen* that showed no valid certificate, those first that showed another."""
    told = chosen.join(shown.select("qname", "address", "valid"), on=["qname", "address"], maintain_order="left")
    failed = told.filter(~pl.col("valid").fill_null(value=False))
    return failed.sort(pl.col("valid").is_null(), maintain_order=True).drop("valid")


async def _round(chosen: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """Shake hands once with each of *chosen*, at the pace; return rows of ``Certificates``, sorted."""
    gate = asyncio.Semaphore(TOGETHER)
    times = due(chosen["network"], wanted.budget)

    async def one(qname: str, address: str, at: float) -> tuple[object, ...]:
        await asyncio.sleep(at)
        async with gate:
            found, seen = await _check_one(qname, address, wanted)
        return (
            *(qname, address, found.valid, found.why, found.names, found.issuer, found.fingerprint),
            *(seen.status, seen.title, seen.body_hash),
        )

    pairs = zip(chosen["qname"], chosen["address"], times, strict=True)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(*pair)) for pair in pairs]
    rows = [task.result() for task in tasks]
    once = {name: dtype for name, dtype in Certificates.schema.items() if name not in ("again", "again_why")}
    return Certificates.of(pl.DataFrame(rows, schema=once, orient="row").sort("qname", "address")).frame


async def _check_one(qname: str, address: str, wanted: Wanted) -> tuple[Found, page.Page]:
    """Shake hands for one name; the page is asked for where it is sure whom, else in the clear, where blocks stand."""
    host, port = wanted.place(address, HTTPS)
    endpoint = Endpoint(host, port, hostname=qname, ca=wanted.ca)
    found, streams = await shake_hands(endpoint, wanted.budget.seconds)
    try:
        if not wanted.http:
            return found, page.NONE
        if streams is not None:
            return found, await page.get(qname, streams, wanted.budget.seconds)
        return found, await page.get_plainly(qname, wanted.place(address, HTTP), wanted.budget.seconds)
    finally:
        if streams is not None:
            streams[1].transport.abort()
