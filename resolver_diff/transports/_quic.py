"""Queries over QUIC, each on a stream of its own: what DoQ and DoH3 share but for the connection itself.

There is one connection at a time to an endpoint, and it is kept. What a connection
that ended left unanswered is asked again on the next one. ``aioquic`` is an extra:
only ``_quic_link`` imports it, and that when a session is opened.
"""

import errno
import importlib.util
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from resolver_diff.errors import Problem, UsageError
from resolver_diff.transports import Endpoint, Trouble
from resolver_diff.transports._ledger import SECOND, Asked
from resolver_diff.transports._rounds import Rounds
from resolver_diff.wire import Messages

if TYPE_CHECKING:
    from resolver_diff.transports._quic_link import Link

STREAMS = 1_024  # unanswered queries on one connection, where the peer allows as many
LONGEST = 1 << 20  # queries to a connection
WINDOW = 4_096  # queries handed to the lanes in one round
BACKLOG = 4_096  # ends that wait to be looked at before connections are paused
TRIALS = 8  # connections in a row that were good for all they were asked before a longer one is tried
SPARED = SECOND  # ns for which an endpoint that refused a connection is not bothered with another
LONGEST_ROUND = 20_000_000  # ns between two looks at the sockets; what is beyond is our own stall, and ages no query
NO_ROOM = (errno.EMFILE, errno.ENFILE)


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


@dataclass(slots=True, eq=False)
class Ask:
    """A query on its way: *since* it was due, *written* to a socket (session ns), *sent* (ns since 1970)."""

    serial: int
    message: bytes
    since: int
    written: int = 0
    sent: int = 0
    blamed: bool = False  # a connection ended with nothing but this query on it


@dataclass(slots=True, frozen=True)
class End:
    """How an ask ended: with a message, with trouble, or in silence; *says* tells more of the latter two."""

    ask: Ask
    when: int  # ns since 1970
    trouble: Trouble | None = None
    message: bytes = b""
    says: str | None = None


def lack() -> Problem | None:
    """Return what keeps this Python from asking over QUIC, if anything does."""
    if importlib.util.find_spec("aioquic") is not None:
        return None
    return Problem(
        "DNS over QUIC and over HTTP/3 need aioquic, which is not installed",
        hint="pip install 'resolver-diff[quic]'",
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
        return sum(lane.link is not None for lane in self._lanes.values())

    def close(self) -> None:
        for lane in self._lanes.values():
            lane.close()

    def _begin(self, asked: Asked) -> int:
        self.patience = asked.timeout
        self._looked = time.monotonic_ns()
        for lane in self._lanes.values():
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
            mute = np.unique(rows[asked.waiting[rows]])  # a stream has one reply, and this was to another question
            if len(mute):
                self._ledger.silence(asked, mute, "what came does not repeat the question")


def _messages(replies: list[End]) -> Messages:
    return Messages.of(end.message for end in replies)


class Lane:
    """What is asked of one endpoint, over one connection after the other."""

    def __init__(self, session: QuicSession, endpoint: Endpoint) -> None:
        self.queue: deque[Ask] = deque()
        self.link: Link | None = None
        self.endpoint = endpoint
        self.session = session
        self._quota = LONGEST  # queries to a connection; less when the peer is seen to end them sooner
        self._good = 0  # connections in a row that were good for their quota
        self._refusal: tuple[int, Trouble, str] | None = None  # since when (session ns), and why

    @property
    def is_idle(self) -> bool:
        """Whether there is a connection on which nothing is waited for."""
        return self.link is not None and self.link.ready and not self.link.open and not self.queue

    def advance(self) -> None:
        """Write what may be written; connect where there is no connection."""
        link = self.link
        if link is not None and link.ready and not link.open and self._is_spent(link):
            self.drop()
            link = None
        if link is None:
            if self.queue and not self._refuse_again() and self.session.has_room():
                self._connect()
        elif link.ready and not link.retired and self.queue:
            room = min(link.room(), self._quota - link.asked, len(self.queue))
            if room > 0:
                link.write([self.queue.popleft() for _ in range(room)])

    def _is_spent(self, link: "Link") -> bool:
        """Whether *link*, on which nothing is waited for, should not be used again."""
        if link.asked >= self._quota:
            self._good += 1
            if self._good >= TRIALS:
                self._good, self._quota = 0, min(2 * self._quota, LONGEST)
            return True
        return link.retired or (bool(self.queue) and (link.is_stale() or link.is_full()))

    def _connect(self) -> None:
        self.link = link = self.session.link(self)
        try:
            link.start()
        except OSError as error:
            self.drop()
            if error.errno in NO_ROOM:
                self.session.lack_room(error)
            else:
                self.refused(Trouble.UNREACHABLE, error.strerror or "no way leads there")

    def age(self, now: int, timeout: int) -> None:
        """Give up what is older than *timeout*; leave a connection on which nothing comes any more."""
        link = self.link
        if link is None:
            return
        if not link.ready:
            if now - link.begun >= timeout:
                says = "the handshake was not finished" if link.heard else "nothing came back to the handshake"
                self.drop()
                self._give_up(now - timeout, says)
            return
        link.wake()
        stalled = False
        while link.open and max((oldest := link.oldest()).written, oldest.since) <= now - timeout:
            stalled |= link.heard < oldest.written
            link.forget()
            self.session.ends.append(End(oldest, 0))
        if stalled:
            self.queue.extendleft(reversed(link.open.values()))
            self.drop()
            self._give_up(now - timeout)

    def ready(self) -> None:
        """Take note that the connection can be used."""
        self._refusal = None
        self.advance()

    def refused(self, trouble: Trouble, says: str) -> None:
        """End all that is asked for with *trouble*: there is no connection to be had."""
        self.drop()
        self._refusal = (self.session.now(), trouble, says)
        self._refuse_again()

    def _refuse_again(self) -> bool:
        if self._refusal is None:
            return False
        since, trouble, says = self._refusal
        if self.session.now() - since >= SPARED:
            self._refusal = None
            return False
        when = time.time_ns()
        self.session.ends += [End(ask, when, trouble, says=says) for ask in self.queue]
        self.queue.clear()
        return True

    def ended(self, link: "Link", trouble: Trouble, says: str) -> None:
        """Take note that *link* ended, and why."""
        if link is not self.link:
            return
        if not link.ready:
            self.refused(trouble, says)
            return
        left = list(link.open.values())
        answered = link.asked - len(left)
        self.drop()
        if left:
            self._good = 0
            self._quota = max(1, answered)
        if len(left) == 1 and not answered:
            self.again(left.pop(), trouble, says)
        self.queue.extendleft(reversed(left))
        self._give_up(self.session.now() - self.session.patience)
        self.advance()

    def again(self, ask: Ask, trouble: Trouble, says: str) -> None:
        """Ask once more what came to nothing by *trouble*; the second time, that is the end of it."""
        if ask.blamed:
            self.session.ends.append(End(ask, time.time_ns(), trouble, says=says))
        else:
            ask.blamed = True
            self.queue.appendleft(ask)

    def drop(self) -> None:
        """Close the connection, or stop the attempt at one."""
        link, self.link = self.link, None
        if link is not None:
            self.session.paused.discard(link)
            link.close()

    close = drop

    def _give_up(self, before: int, says: str | None = None) -> None:
        """End in silence what has stood in the queue since *before*: its turn will not come."""
        kept: deque[Ask] = deque()
        for ask in self.queue:
            if max(ask.since, ask.written) > before:
                kept.append(ask)
            else:
                self.session.ends.append(End(ask, 0, says=says))
        self.queue = kept
