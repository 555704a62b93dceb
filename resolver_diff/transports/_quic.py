"""Queries over QUIC, each on a stream of its own: what DoQ and DoH3 share but for the connection itself.

There is one connection at a time to an endpoint, and it is kept. What a connection
that ended left unanswered is asked again on the next one. ``aioquic`` is an extra:
only ``_quic_link`` imports it, and that when a session is opened.
"""

import importlib.util
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from resolver_diff.errors import Problem, UsageError
from resolver_diff.transports import Endpoint, Trouble
from resolver_diff.transports._ledger import Asked
from resolver_diff.transports._quic_lane import Ask, End, Lane
from resolver_diff.transports._rounds import Rounds
from resolver_diff.wire import Messages

if TYPE_CHECKING:
    from resolver_diff.transports._quic_link import Link

WINDOW = 4_096  # queries handed to the lanes in one round
LONGEST_ROUND = 20_000_000  # ns between two looks at the sockets; what is beyond is our own stall, and ages no query


class Speech(Protocol):
    """What is said on the streams of one connection; *event* is one of ``aioquic.quic.events``."""

    alpn: str
    no_error: int  # application error codes: all is well; a query is no longer waited for
    cancelled: int
    trouble: Trouble  # what the end of a connection or of a stream means, where the peer says why

    def begin(self) -> None:
        """The handshake is done: say what comes before the first query."""

    def ask(self, message: bytes) -> int:
        """Write the query *message*, whole; return its stream."""

    def data(self, event: Any) -> None:
        """Octets came on a stream."""

    def reset(self, event: Any) -> None:
        """The peer sends no more on a stream."""

    def stopped(self, event: Any) -> None:
        """The peer reads no more of a stream."""

    def grace(self) -> None:
        """Give what is whole to the link, though the stream goes on; called now and then."""

    def name(self, code: int) -> str:
        """Return what an application error code is called, or nothing."""


Speak = Callable[["Link", Endpoint], Speech]


def lack() -> Problem | None:
    """Return what keeps this Python from asking over QUIC, if anything does."""
    if importlib.util.find_spec("aioquic") is not None:
        return None
    return Problem(
        "DNS over QUIC and over HTTP/3 need aioquic, which is not installed",
        hint="`pip install '.[quic]'` in the checkout, or `pipx inject resolver-diff aioquic`",
    )


@asynccontextmanager
async def open_session(speak: Speak) -> AsyncIterator["QuicSession"]:
    """Open a session in which *speak* makes what is said on each connection; they are closed at the end.

    Raises UsageError when aioquic is not installed.
    """
    problem = lack()
    if problem is not None:
        raise UsageError(problem.message, hint=problem.hint)
    session = QuicSession(speak)
    try:
        yield session
    finally:
        session.close()


class QuicSession(Rounds):
    """See ``Session``; one exchange at a time."""

    def __init__(self, speak: Speak) -> None:
        super().__init__()
        from resolver_diff.transports._quic_link import Link  # noqa: PLC0415  it imports aioquic
        from resolver_diff.transports._quic_trust import Trust  # noqa: PLC0415  as above

        self.link = Link
        self.trust = Trust()
        self.speak = speak
        self.ends: list[End] = []
        self.failure: UsageError | None = None
        self.paused: set[Link] = set()
        self.patience = 0  # ns
        self._most = max(1, os.sysconf("SC_OPEN_MAX") // 2)  # connections at once; others need open files too
        self._lanes: dict[int, Lane] = {}
        self._looked = time.monotonic_ns()
        self._away = 0

    def now(self) -> int:
        """Return the session's time in ns, which stands still while the process does not look at its sockets."""
        return time.monotonic_ns() - self._away

    def stray(self) -> None:
        """Count a message that answers nothing."""
        self._ledger.strays += 1

    def has_room(self) -> bool:
        """Whether one more connection may be opened now; closes an idle one where that makes room."""
        if self._open() < self._most:
            return True
        idle = next((lane for lane in self._lanes.values() if lane.is_idle), None)
        if idle is not None:
            idle.close()
        return idle is not None

    def lack_room(self, error: OSError) -> None:
        """Make do with the connections that are open, since the system allows no more."""
        self._most = self._open() - 1
        if self._most < 1:
            message = f"cannot open a UDP socket: {os.strerror(error.errno or 0)}"
            self.failure = UsageError(message, hint="allow more open files (`ulimit -n 1024`)")

    def _open(self) -> int:
        return sum((lane.link is not None) + (lane.leaving is not None) for lane in self._lanes.values())

    def close(self) -> None:
        for lane in self._lanes.values():
            lane.close()

    def _begin(self, asked: Asked) -> int:
        self.patience = asked.timeout
        self._looked = time.monotonic_ns()
        for lane in self._lanes.values() if len(self._ledger.going_on) == 1 else ():
            lane.queue.clear()  # of an exchange that was given up
        return WINDOW

    def _send(self, asked: Asked, room: int) -> int:
        rows = asked.ready(room)
        queries = asked.queries
        now = self.now()
        for row in rows.tolist():
            place = int(asked.endpoint[row])
            if place not in self._lanes:
                self._lanes[place] = Lane(self, self._ledger.endpoints[place])
            message = b"\0\0" + queries.messages[int(queries.message[row])][2:]
            self._lanes[place].queue.append(Ask(asked.base + row, message, now))
        for lane in self._lanes.values():
            lane.advance()
        return len(rows)

    def _receive(self) -> int:
        if self.failure is not None:
            raise self.failure
        looked, self._looked = self._looked, time.monotonic_ns()
        self._away += max(0, self._looked - looked - LONGEST_ROUND)
        now = self.now()
        for lane in self._lanes.values():
            lane.age(now, self.patience)
        ends, self.ends = self.ends, []
        for link in self.paused:
            link.resume()
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
        left: dict[int, int] = {}
        for end in ends:
            left.setdefault(end.ask.serial - asked.base, end.ask.sent or time.time_ns())
        rows, sent = (np.fromiter(part, np.int64, len(left)) for part in (left.keys(), left.values()))
        new = asked.queries.sent[rows] == 0
        asked.leave(rows[new], sent[new])
        for end in ends:
            if not end.message:
                row = np.array([end.ask.serial - asked.base])
                if end.trouble is None:
                    self._ledger.silence(asked, row, end.says)
                else:
                    self._ledger.trouble(asked, row, end.trouble, end.says)
        replies = [end for end in ends if end.message]
        if replies:
            rows = np.array([end.ask.serial - asked.base for end in replies])
            self._ledger.reply(asked, rows, np.array([end.when for end in replies]), _messages(replies))
            mute = asked.waiting[rows]  # a stream has one reply, and this was to another question
            if mute.any():
                self._ledger.silence(asked, np.unique(rows[mute]), "what came does not repeat the question")


def _messages(replies: list[End]) -> Messages:
    return Messages.of(end.message for end in replies)
