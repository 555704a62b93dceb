"""One connection: what a line asks on it, and what is known of how it fares."""

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from resolver_diff.transports import Endpoint, Trouble
from resolver_diff.transports._words import RefusedError, in_words
from resolver_diff.wire import HEADER, QR

if TYPE_CHECKING:
    from resolver_diff.transports._line import Line

BACKLOG = 4_096  # messages that wait to be looked at before connections are paused
CLOSED = "the peer closed the connection"


@dataclass(slots=True, eq=False)
class Ask:
    """A query on its way: *since* it was due, *written* to a connection (session ns), *sent* (ns since 1970)."""

    serial: int
    octets: bytes  # the message without its ID
    since: int
    written: int = 0
    sent: int = 0
    replies: int = 0
    place: int = 0  # how many were written on its connection before it
    stalls: int = 0  # times that a query before it timed out
    blamed: bool = False  # a connection ended with nothing but this query on it
    refusals: int = 0  # times that the peer said it had not looked at it
    mark: int = 0  # replies that had come to its line by the last refusal


@dataclass(slots=True, frozen=True)
class End:
    """How an ask ended: with a message, with trouble, or in silence; *says* tells more of the latter two."""

    ask: Ask
    when: int  # ns since 1970
    trouble: Trouble | None = None
    message: bytes = b""
    says: str | None = None


class Pausable(Protocol):
    """What can leave with the system what comes, and go on."""

    def resume_reading(self) -> None:
        """Go on."""


class Keeper(Protocol):
    """What a line needs of the session that keeps it."""

    connect: "Connect"
    converse: "Converse"
    most: int  # queries that wait on one connection
    patience: int  # ns until silence counts as such
    ends: list[End]  # what nobody has looked at yet
    paused: set[Pausable]
    attempts: set[asyncio.Task[None]]

    def now(self) -> int:
        """Return the session's time in ns."""

    def stray(self) -> None:
        """Count a message that answers nothing."""

    def has_room(self) -> bool:
        """Whether one more connection may be opened now."""

    def lack_room(self, error: OSError) -> None:
        """Take note that the system allows no more connections."""


class Connection(ABC):
    """Queries out, messages in."""

    silence: str | None = None  # what it means, in words, that nothing came since a query was written

    def __init__(self, line: "Line", session: Keeper) -> None:
        self.open: dict[int, Ask] = {}  # what waits for a reply, in the order it was written
        self.asked = 0  # queries ever written on it, but for those that the peer says it has not looked at
        self.used = False  # whether any was written
        self.furthest = -1  # place of the latest query that was answered
        self.awaited = "answer to the attempt to connect"  # what an attempt waits for, in words
        self.fault: RefusedError | None = None  # why it will not be had, while more about that is looked for
        self.lost: str | None = None  # how it ended, in words
        self.lost_by = Trouble.UNREACHABLE
        self.leaving: str | None = None  # the peer takes no more queries on it; its words
        self.lingers = False  # nothing is waited for on it, and what it still says is late
        self._line = line
        self._session = session

    @property
    def garbled(self) -> bool:
        """Whether a message has begun that does not end."""
        return False

    @abstractmethod
    def write(self, queue: deque[Ask], most: int) -> None:
        """Write at most *most* asks from the front of *queue*, fewer where the peer takes no more for now."""

    @abstractmethod
    def forget(self, ask: Ask) -> None:
        """Wait for the reply to *ask*, the oldest one, no longer."""

    @abstractmethod
    def abort(self) -> None:
        """Close without waiting for the peer; what was read is thrown away."""

    def answered(self, ask: Ask) -> None:
        """Take note that a reply to *ask* has come."""
        if not self.lingers:
            self.furthest = max(self.furthest, ask.place)
            self._line.answered()

    def is_held_up(self, ask: Ask) -> bool:
        """Whether what was written behind *ask*, which got no reply in time, may wait for it or with it."""
        return self.furthest < ask.place

    def is_dead(self, before: int) -> bool:  # noqa: ARG002  a connection of TCP says so itself
        """Whether nothing at all came for a query that was written *before*, though something should have."""
        return False

    def is_used_up(self, patience: int) -> bool:  # noqa: ARG002  streams are for some, and are not used up by all
        """Whether the peer has let no query be written for *patience* ns, and will not until others are answered."""
        return False

    def is_stale(self) -> bool:
        """Whether the peer may have given it up for being idle."""
        return False

    def linger(self) -> bool:
        """Wait for nothing any more, as what is open is asked elsewhere; whether a late reply may still come."""
        return False

    def wake(self) -> None:  # noqa: B027  most have nothing to do
        """Do what is due though nothing came; called now and then."""


class TcpConnection(Connection, asyncio.Protocol):
    """One on a transport of asyncio: TCP, or TLS over it."""

    def __init__(self, line: "Line", session: Keeper) -> None:
        super().__init__(line, session)
        self.transport: asyncio.Transport | None = None

    def abort(self) -> None:
        """See ``Connection``."""
        if self.transport is not None:
            self._session.paused.discard(self.transport)
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self.lost = in_words(exc) or CLOSED
        if isinstance(exc, ssl.SSLError):
            self.lost_by = Trouble.TLS
        if self.transport is not None:
            self._session.paused.discard(self.transport)

    def pause_when_full(self) -> None:
        """Leave with the system what comes while nobody looks at it."""
        if len(self._session.ends) > BACKLOG and self.transport is not None:
            self.transport.pause_reading()
            self._session.paused.add(self.transport)


def unfit(message: bytes) -> str | None:
    """Return why *message* can be no reply where the stream says to which query; None when it may be.

    There the ID of a query is 0, and that of its reply as well (RFC 8484 4.1, RFC 9250 4.2.1).
    """
    if len(message) < HEADER:
        return f"{len(message)} octets are no DNS message"
    if message[2] & QR and message[:2] != b"\0\0":
        return f"the reply has ID {int.from_bytes(message[:2], 'big')}, the query 0"
    return None


Connect = Callable[[Endpoint, Connection], Awaitable[None]]  # raises RefusedError or OSError
Converse = Callable[["Line", Keeper], Connection]
