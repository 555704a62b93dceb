"""DNS messages over a byte stream, each behind two octets of length (RFC 1035 4.2.2), many on one connection.

To each endpoint one connection is kept (RFC 7766); queries are pipelined on it and replies
may come in any order. Where a connection ends early, what it left unanswered is
asked again, and a query is blamed only when it was alone on it: a resolver may
answer one query per connection, and a middlebox may cut every connection on which
one name is asked.
"""

import asyncio
import errno
import os
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

from resolver_diff.errors import UsageError
from resolver_diff.transports import Endpoint, Trouble
from resolver_diff.transports._ledger import KEPT_REPLIES, Asked
from resolver_diff.transports._rounds import IDS, Rounds
from resolver_diff.wire import HEADER, Messages
from resolver_diff.wire.question import RESPONSE

LONGEST = IDS // 2  # queries on one connection; half of the IDs are soon found by chance
PIPELINE = 256  # unanswered queries on one connection
WINDOW = 4_096  # queries handed to the streams in one round
BACKLOG = 4_096  # messages that wait to be looked at before connections are paused
MOST_STRAYS = 16  # responses to nothing that was asked, before a connection is left
TRIALS = 8  # connections in a row that were good for all they were asked before a longer one is tried
NO_ROOM = (errno.EMFILE, errno.ENFILE)
LONGEST_ROUND = 20_000_000  # ns between two looks at the sockets; what is beyond is our own stall, and ages no query

Connect = Callable[[Endpoint, Callable[[], asyncio.Protocol]], Awaitable[asyncio.Transport]]


@dataclass(slots=True)
class Ask:
    """A query on its way: *since* it was due, *written* to a connection (session ns), *sent* (ns since 1970)."""

    serial: int
    octets: bytes  # the message without its ID
    since: int
    written: int = 0
    sent: int = 0
    replies: int = 0
    blamed: bool = False  # a connection ended with nothing but this query on it
    moved: bool = False  # it was asked again because a connection fell silent on another query


@dataclass(slots=True, frozen=True)
class End:
    """How an ask ended: with a message, with trouble, or in silence."""

    ask: Ask
    when: int  # ns since 1970
    trouble: Trouble | None = None
    message: bytes = b""


class StreamSession(Rounds):
    """See ``Session``; one exchange at a time."""

    def __init__(self, connect: Connect) -> None:
        super().__init__()
        self.connect = connect
        self.ends: list[End] = []
        self.failure: UsageError | None = None
        self.paused: set[asyncio.Transport] = set()
        self._most = max(1, os.sysconf("SC_OPEN_MAX") // 2)  # connections at once; others need open files too
        self._streams: dict[int, Stream] = {}
        self.patience = 0  # ns
        self._looked = time.monotonic_ns()
        self._away = 0

    def now(self) -> int:
        """Return the session's time in ns, which stands still while the process does not look at its sockets.

        Octets that came during a stall are read only after it; what is old by the wall clock may be answered.
        """
        return time.monotonic_ns() - self._away

    def stray(self) -> None:
        """Count a message that answers nothing."""
        self._ledger.strays += 1

    def has_room(self) -> bool:
        """Whether one more connection may be opened now; closes an idle one where that makes room."""
        if self._open() < self._most:
            return True
        idle = next((stream for stream in self._streams.values() if stream.is_idle), None)
        if idle is not None:
            idle.close()
        return idle is not None

    def lack_room(self, error: OSError) -> None:
        """Make do with the connections that are open, since the system allows no more."""
        self._most = self._open() - 1
        if not self._most:
            message = f"cannot open a TCP connection: {os.strerror(error.errno or 0)}"
            self.failure = UsageError(message, hint="allow more open files (`ulimit -n 1024`)")

    def _open(self) -> int:
        return sum(stream.is_open for stream in self._streams.values())

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()

    def _begin(self, asked: Asked) -> int:
        self.patience = asked.timeout
        self._looked = time.monotonic_ns()
        for stream in self._streams.values():
            stream.queue.clear()  # of an exchange that was given up
        return WINDOW

    def _send(self, asked: Asked, room: int) -> int:
        rows = asked.ready(room)
        queries = asked.queries
        now = self.now()
        for row in rows.tolist():
            place = int(asked.endpoint[row])
            if place not in self._streams:
                self._streams[place] = Stream(self, self._ledger.endpoints[place])
            self._streams[place].queue.append(
                Ask(asked.base + row, queries.messages[int(queries.message[row])][2:], now)
            )
        for stream in self._streams.values():
            stream.advance()
        return len(rows)

    def _receive(self) -> int:
        if self.failure is not None:
            raise self.failure
        looked, self._looked = self._looked, time.monotonic_ns()
        self._away += max(0, self._looked - looked - LONGEST_ROUND)
        now = self.now()
        for stream in self._streams.values():
            stream.age(now, self.patience)
        ends, self.ends = self.ends, []
        for transport in self.paused:
            transport.resume_reading()
        self.paused.clear()
        serials = np.array([end.ask.serial for end in ends], np.int64)
        known = np.flatnonzero(serials >= self._ledger.oldest)
        self._ledger.strays += len(ends) - len(known)
        if len(known):
            for asked, index in self._ledger.split(serials[known]):
                self._settle(asked, [ends[place] for place in known[index].tolist()])
        return len(ends)

    def _settle(self, asked: Asked, ends: list[End]) -> None:
        """Give the ledger the *ends* of queries of one exchange."""
        for end in ends:
            row = np.array([end.ask.serial - asked.base])
            if asked.queries.sent[row[0]] == 0:
                asked.leave(row, end.ask.sent)
            if end.trouble is None and not end.message:
                asked.silence(row)
            elif end.trouble is not None:
                self._ledger.trouble(asked, row, end.trouble)
        replies = [end for end in ends if end.message]
        if replies:
            rows = np.array([end.ask.serial - asked.base for end in replies])
            received = np.array([end.when for end in replies])
            self._ledger.reply(asked, rows, received, Messages.of(end.message for end in replies))


class Stream:
    """What is asked of one endpoint, over one connection after the other."""

    def __init__(self, session: StreamSession, endpoint: Endpoint) -> None:
        self.queue: deque[Ask] = deque()
        self._session = session
        self._endpoint = endpoint
        self._connection: Connection | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._attempted = 0  # when, session ns
        self._quota = LONGEST  # queries to a connection; less when the peer is seen to end them sooner
        self._good = 0  # connections in a row that were good for their quota
        self.spoken = False  # a whole message came, ever

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, or an attempt at one."""
        return self._connection is not None or self._attempt is not None

    @property
    def is_idle(self) -> bool:
        """Whether there is a connection on which nothing is waited for."""
        return self._connection is not None and not self._connection.open and not self.queue

    def advance(self) -> None:
        """Write what may be written; connect where there is no connection."""
        connection = self._connection
        if connection is not None and len(connection.asked) >= self._quota and not connection.open:
            self._good += 1
            if self._good >= TRIALS:
                self._good, self._quota = 0, min(2 * self._quota, LONGEST)
            self._drop()
            connection = None
        if connection is None:
            if self.queue and self._attempt is None and self._session.has_room():
                self._attempted = self._session.now()
                self._attempt = asyncio.get_running_loop().create_task(self._connect())
            return
        room = min(PIPELINE - len(connection.open), self._quota - len(connection.asked), len(self.queue))
        if room > 0:
            connection.write([self.queue.popleft() for _ in range(room)])

    def age(self, now: int, timeout: int) -> None:
        """Give up what is older than *timeout*; leave a connection on which nothing came for half of that."""
        if self._attempt is not None and now - self._attempted >= timeout:
            self._attempt.cancel()
            self._attempt = None
            self._give_up(now - timeout)
        connection = self._connection
        if connection is None:
            return
        while connection.open and (oldest := next(iter(connection.open.values()))).written <= now - timeout:
            connection.forget(oldest)
            quiet = connection.heard <= now - timeout // 2
            if quiet and connection.garbled and not oldest.moved:  # no octet of its answer could have been understood
                oldest.moved, oldest.since = True, now
                self.queue.append(oldest)
            else:
                self._session.ends.append(End(oldest, 0))
            if quiet:
                self._leave(connection, now, timeout)
                return

    def _leave(self, connection: "Connection", now: int, timeout: int) -> None:
        """Ask what waits on *connection*, which fell silent, on another one.

        Where the peer has ever spoken, a single query may have done that: the others get time anew, once.
        """
        waiting = list(connection.open.values())
        for ask in waiting:
            if self.spoken and not ask.moved:
                ask.moved, ask.since = True, now
        self.queue.extendleft(reversed(waiting))
        self._drop()
        self._give_up(now - timeout)

    def ended(self, connection: "Connection", trouble: Trouble) -> None:
        """Take note that the peer ended *connection*, or said something on it that is no DNS."""
        if connection is not self._connection:
            return
        left = list(connection.open.values())
        answered = len(connection.asked) - len(left)
        self._drop()
        if left:
            self._good = 0
            self._quota = max(1, answered)
        if len(left) == 1 and not answered:
            if left[0].blamed:
                self._session.ends.append(End(left.pop(), 0, trouble))
            else:
                left[0].blamed = True
        self.queue.extendleft(reversed(left))
        self._give_up(self._session.now() - self._session.patience)
        self.advance()

    def close(self) -> None:
        """Close the connection, or stop the attempt at one."""
        if self._attempt is not None:
            self._attempt.cancel()
            self._attempt = None
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()

    def _give_up(self, before: int) -> None:
        """End in silence what has stood in the queue since *before*: its turn will not come."""
        kept: deque[Ask] = deque()
        for ask in self.queue:
            if max(ask.since, ask.written) > before:
                kept.append(ask)
            else:
                ask.sent = ask.sent or time.time_ns()
                self._session.ends.append(End(ask, 0))
        self.queue = kept

    async def _connect(self) -> None:
        connection = Connection(self, self._session)
        try:
            await self._session.connect(self._endpoint, lambda: connection)
        except OSError as error:
            if error.errno in NO_ROOM:
                self._session.lack_room(error)
            else:
                self._refuse()
        else:
            self._connection = connection
        self._attempt = None
        self.advance()
        if connection.lost:  # before anything could be asked on it; that is held against what is asked now
            self.ended(connection, Trouble.UNREACHABLE)

    def _refuse(self) -> None:
        """End all that is asked for with trouble: there is nobody at the endpoint."""
        for ask in self.queue:
            ask.sent = time.time_ns()
            self._session.ends.append(End(ask, ask.sent, Trouble.UNREACHABLE))
        self.queue.clear()


class Connection(asyncio.Protocol):
    """One connection: frames out, frames in."""

    def __init__(self, stream: Stream, session: StreamSession) -> None:
        self.open: dict[int, Ask] = {}  # by ID, in the order they were written
        self.asked: dict[int, Ask] = {}  # by ID, answered ones too: a second reply is a fact
        self.heard = 0  # when the last whole message came, session ns
        self.lost = False
        self._strays = 0
        self._stream = stream
        self._session = session
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def write(self, asks: list[Ask]) -> None:
        """Write *asks*, each with an ID that was not used on this connection."""
        assert self._transport is not None
        frames = bytearray()
        for ask in asks:
            identifier = secrets.randbelow(IDS)
            while identifier in self.asked:
                identifier = (identifier + 1) % IDS
            ask.written, ask.sent = self._session.now(), time.time_ns()
            self.open[identifier] = self.asked[identifier] = ask
            frames += (len(ask.octets) + 2).to_bytes(2, "big") + identifier.to_bytes(2, "big") + ask.octets
        self._transport.write(bytes(frames))

    @property
    def garbled(self) -> bool:
        """Whether a message has begun that does not end; it may be none, but what a wrong length makes of others."""
        return bool(self._buffer)

    def forget(self, ask: Ask) -> None:
        """Wait for the reply to *ask*, the oldest one, no longer."""
        del self.open[next(identifier for identifier, other in self.open.items() if other is ask)]

    def abort(self) -> None:
        """Close without waiting for the peer; what was read is thrown away."""
        if self._transport is not None:
            self._session.paused.discard(self._transport)
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        now = time.time_ns()
        buffer = self._buffer
        buffer += data
        begin = 0
        while len(buffer) >= begin + 2:
            end = begin + 2 + int.from_bytes(buffer[begin : begin + 2], "big")
            if len(buffer) < end:
                break
            message = bytes(buffer[begin + 2 : end])
            begin = end
            self.heard, self._stream.spoken = self._session.now(), True
            ask = self.asked.get(int.from_bytes(message[:2], "big")) if len(message) >= HEADER else None
            if ask is None or ask.replies == KEPT_REPLIES:
                self._session.stray()
                self._strays += 1
                if ask is None and self._strays < MOST_STRAYS and len(message) >= HEADER and message[2] & RESPONSE:
                    continue  # a response to nothing that was asked here (RFC 7766 7): the next one may be
                self._stream.ended(self, Trouble.MALFORMED)  # a wrong length makes rubbish of all that follows
                return
            ask.replies += 1
            self.open.pop(int.from_bytes(message[:2], "big"), None)
            self._session.ends.append(End(ask, now, None, message))
        del buffer[:begin]
        if len(self._session.ends) > BACKLOG and self._transport is not None:
            self._transport.pause_reading()
            self._session.paused.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- how it was lost says nothing more
        """See ``asyncio.Protocol``."""
        self.lost = True
        if self._transport is not None:
            self._session.paused.discard(self._transport)
        self._stream.ended(self, Trouble.MALFORMED if self._buffer else Trouble.UNREACHABLE)
