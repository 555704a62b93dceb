"""Ways to carry queries to a resolver; apart from the lab, the only sockets in the package.

A member is a file that defines ``TRANSPORT``. A session is opened for a run and
keeps its sockets and connections; ``exchange`` sends queries when they are due
and yields replies as they come. A timeout is the absence of a reply.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from resolver_diff.errors import Problem
from resolver_diff.transports._care import Care as Care
from resolver_diff.wire import Messages


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where queries go: an IP address and port, and what TLS and HTTP need."""

    address: str
    port: int
    hostname: str | None = None
    path: str | None = None
    ca: str | None = None
    pins: tuple[str, ...] = ()  # base64 of SHA-256 of a SubjectPublicKeyInfo (RFC 7858 4.2)
    method: str = "GET"  # or POST (RFC 8484 4.1)


class Trouble(IntEnum):
    """Why there is no message in a response."""

    NONE = 0  # there is one; or, where the message is empty, nothing came, and it is said why
    UNREACHABLE = 1  # ICMP, connection refused, no route
    TLS = 2
    HTTP = 3
    MALFORMED = 4  # octets came that are no DNS message (a TCP length that lies, a runt)
    SILENT = 5  # nothing came, and it is known what was waited for; silence without words is no response at all


@dataclass(slots=True)
class Queries:
    """What to send; one row per query."""

    number: NDArray[np.int64]  # the caller's name for the query; never used twice in one session
    endpoint: NDArray[np.int32]  # index into *endpoints*
    message: NDArray[np.int32]  # index into *messages*
    due: NDArray[np.float64]  # seconds after the call of exchange; not before
    messages: Messages  # distinct DNS messages, ID 0; the ID on the wire is the transport's business
    endpoints: Sequence[Endpoint]
    care: Care | None = None  # how hard each endpoint may be asked; None: the due times say it all
    control: NDArray[np.bool_] | None = None  # which ask for what every resolver must know
    again: bool = False  # they repeat queries that got no reply
    withheld: list[tuple[NDArray[np.int64], str]] = field(init=False)  # rows never sent, and why; by the transport
    sent: NDArray[np.int64] = field(init=False)  # written by the transport: ns since 1970; 0 = not sent yet

    def __post_init__(self) -> None:
        """Nothing has been sent yet."""
        self.withheld = []
        self.sent = np.zeros(len(self.number), np.int64)

    def __len__(self) -> int:
        return len(self.number)


@dataclass(frozen=True, slots=True)
class Responses:
    """What came back, in order of arrival; one row per message, or per trouble instead of one."""

    number: NDArray[np.int64]  # of the query it answers; may be one of an earlier exchange of the session
    reply: NDArray[np.uint8]  # how many replies to that query came before this one
    rtt: NDArray[np.int64]  # ns from query to reply, at least 0
    trouble: NDArray[np.uint8]  # a Trouble; the message is empty when it is not NONE
    messages: Messages
    echoed: NDArray[np.bool_]  # the message repeats the question; a server that could not read it leaves it out
    says: dict[int, str] = field(default_factory=dict)  # by row: the trouble in words, where more is known of it

    def __len__(self) -> int:
        return len(self.number)


class Session(Protocol):
    """An open transport."""

    @property
    def strays(self) -> int:
        """Messages that answer no query of this session: wrong ID, source, or question."""

    def exchange(self, queries: Queries, *, timeout: float) -> AsyncIterator[Responses]:
        """Send every query when it is due; yield replies until all are answered or *timeout* seconds old.

        *queries* leave later where their ``care`` says so, or not at all. Exchanges may overlap: what is yielded
        may belong to any of them. Only replies from the address asked, with the question asked, are yielded
        (RFC 5452 9.1).
        """


@dataclass(frozen=True, slots=True)
class Transport:
    """One way to carry queries."""

    open: Callable[[], AbstractAsyncContextManager[Session]]
    lack: Callable[[], Problem | None] = lambda: None  # what must be installed before it can be opened, if anything
