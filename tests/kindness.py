"""Resolvers from memory with a will of their own, and a time that passes only for them: runs of hours in seconds."""

import asyncio
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Self

from resolver_diff import probe
from resolver_diff.config import Config, DomainSet, Names, Resolver
from resolver_diff.probe import Taken
from resolver_diff.transports import Endpoint, Transport
from resolver_diff.transports._replay import Clock, replaying
from resolver_diff.wire import HEADER

DAY = date(2026, 2, 11)
CONTROLS = ("control.example", "steady.example", "known.example")
SERVFAIL, REFUSED = 2, 5
RTT = 0.03  # seconds
IP_PKTINFO = 8  # linux/in.h, not named by Python: the address that was asked, and from which the reply shall come

Said = Sequence[tuple[float, bytes]]
Manner = Callable[[str, float, bytes], Said]  # qname, seconds since the beginning, query


def qname_of(query: bytes) -> str:
    """Return the name a query asks for."""
    labels, place = [], HEADER
    while query[place]:
        labels.append(query[place + 1 : place + 1 + query[place]].decode())
        place += 1 + query[place]
    return ".".join(labels)


def answer(query: bytes, rcode: int = 0, after: float = RTT) -> Said:
    """Return a reply to *query*: an address, or an error."""
    end = query.index(b"\0", HEADER) + 5
    counts = b"\0\1\0\0" if rcode else b"\0\1\0\1"
    address = b"" if rcode else b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc6\x33\x64\7"
    return [(after, query[:2] + b"\x81" + bytes([0x80 | rcode]) + counts + b"\0\0\0\0" + query[HEADER:end] + address)]


def well(_qname: str, _now: float, query: bytes) -> Said:
    """Answer everything."""
    return answer(query)


def dead(_qname: str, _now: float, _query: bytes) -> Said:
    """Say nothing, ever."""
    return []


def failing(rcode: int) -> Manner:
    """Return who answers everything with an error."""
    return lambda _qname, _now, query: answer(query, rcode)


class Limiter:
    """Answers so many queries a second, saving up a second's worth; beyond, an error, or nothing."""

    def __init__(self, qps: float, rcode: int | None) -> None:
        self.qps = qps
        self.rcode = rcode
        self.saved = qps
        self.last = 0.0
        self.beyond: list[float] = []

    def __call__(self, _qname: str, now: float, query: bytes) -> Said:
        """Answer one query."""
        self.saved = min(self.qps, self.saved + (now - self.last) * self.qps)
        self.last = now
        if self.saved >= 1:
            self.saved -= 1
            return answer(query)
        self.beyond.append(now)
        return [] if self.rcode is None else answer(query, self.rcode)


class World:
    """Resolvers by name, what each was asked and when, and the snapshot that was taken of them."""

    def __init__(self, **manners: Manner) -> None:
        self.manners = manners
        self.clock = Clock()
        self._begun = self.clock.now
        self.addresses = {f"192.0.2.{place + 1}": name for place, name in enumerate(manners)}
        self.asked: dict[str, list[tuple[float, str]]] = defaultdict(list)

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return (self.clock.now - self._begun) / 1e9

    def config(
        self, names: int, *, qps: float = 20.0, resolvers: dict[str, dict[str, Any]] | None = None, **how: Any
    ) -> Config:
        """Return a config that asks all of them for so many names."""
        entries = tuple(
            Resolver(name=name, address=address, **{"qps": qps, **(resolvers or {}).get(name, {})})
            for address, name in self.addresses.items()
        )
        listed = Names.of(f"n{number}.example" for number in range(names))
        made = {"control_names": CONTROLS, "qtypes": ("A",), "attempts": 3, "timeout": 4.0, **how}
        return Config(entries, (DomainSet("list", "list.txt", listed),), **made)

    def take(self, folder: Path, config: Config, **how: Any) -> Taken:
        """Take a snapshot."""
        taking = probe.take(config, folder=folder, day=DAY, vantage="here", carriers=self.carriers(), **how)
        return asyncio.run(taking)

    def carriers(self) -> dict[str, Transport]:
        """Return the transports that ask these resolvers, all in one time."""
        return {name: replaying(self._respond, clock=self.clock) for name in ("udp", "tcp")}

    def _respond(self, endpoint: Endpoint, query: bytes) -> Said:
        name = self.addresses[endpoint.address]
        qname = qname_of(query)
        self.asked[name].append((self.seconds, qname))
        return self.manners[name](qname, self.seconds, query)

    def times(self, name: str) -> list[float]:
        """Return when a resolver was asked."""
        return [when for when, _ in self.asked[name]]


class Here:
    """One of these resolvers at a real socket, at every address of 127.0.0.0/8 on one port; a context manager."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.asked: list[float] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self._socket.bind(("0.0.0.0", 0))
        self._socket.settimeout(0.1)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._over = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        begun = time.monotonic()
        while not self._over:
            try:
                query, extra, _, peer = self._socket.recvmsg(4096, 64)
            except TimeoutError:
                continue
            now = time.monotonic() - begun
            self.asked.append(now)
            for _, reply in self.manner(qname_of(query), now, query):  # at once: a thread has no time to wait
                self._socket.sendmsg([reply], [(level, kind, data) for level, kind, data in extra], 0, peer)
