"""A session on connections that are kept and shared by many queries in flight: all transports but UDP."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from resolver_diff.errors import UsageError
from resolver_diff.transports import Trouble
from resolver_diff.transports._connection import Ask, Connect, Converse, End, Pausable
from resolver_diff.transports._ledger import Asked
from resolver_diff.transports._line import Line
from resolver_diff.transports._rounds import Rounds
from resolver_diff.wire import Messages
from resolver_diff.wire.edns import padded

WINDOW = 4_096  # queries handed to the lines in one round
LONGEST_ROUND = 20_000_000  # ns between two looks at the sockets; what is beyond is our own stall, and ages no query
ANOTHER = "the message answers another question, or is no reply"


class ConnectionSession(Rounds):
    """See ``Session``."""

    _overlaps = True

    def __init__(
        self, connect: Connect, converse: Converse, *, most: int, padding: bool = False, exact: bool = False
    ) -> None:
        """Take how to *connect* and *converse*, and the *most* queries that wait on one connection.

        With *padding*, their length tells less (RFC 8467). *exact*: the connection itself says
        which query a message answers, so one that does not is malformed, and none else will come.
        """
        super().__init__()
        self.connect = connect
        self.converse = converse
        self.most = most
        self.ends: list[End] = []
        self.failure: UsageError | None = None
        self.paused: set[Pausable] = set()
        self.attempts: set[asyncio.Task[None]] = set()
        self.patience = 0  # ns
        self._padding = padding
        self._exact = exact
        self._room = max(1, os.sysconf("SC_OPEN_MAX") // 2)  # connections at once; others need open files too
        self._lines: dict[int, Line] = {}
        self._looked = time.monotonic_ns()
        self._away = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ConnectionSession"]:
        """Give the session; close its connections at the end."""
        try:
            yield self
        finally:
            self.close()
            await asyncio.gather(*self.attempts, return_exceptions=True)
            for _ in range(3):  # asyncio closes a socket in its next round, and TLS takes one of its own
                await asyncio.sleep(0)

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
        if self._open() < self._room:
            return True
        for line in self._lines.values():
            line.let_go()
        if self._open() < self._room:
            return True
        idle = next((line for line in self._lines.values() if line.is_idle), None)
        if idle is not None:
            idle.close()
        return idle is not None

    def lack_room(self, error: OSError) -> None:
        """Make do with the connections that are open, since the system allows no more."""
        self._room = self._open() - 1
        if self._room < 1:
            message = f"cannot open a connection: {os.strerror(error.errno or 0)}"
            self.failure = UsageError(message, hint="allow more open files (`ulimit -n 1024`)")

    def _open(self) -> int:
        return sum(line.connections for line in self._lines.values())

    def close(self) -> None:
        for line in self._lines.values():
            line.close()

    def _begin(self, asked: Asked) -> int:
        self.patience = asked.timeout
        self._looked = time.monotonic_ns()
        for line in self._lines.values() if len(self._ledger.going_on) == 1 else ():
            line.queue.clear()  # of an exchange that was given up
        return WINDOW

    def _send(self, asked: Asked, room: int) -> int:
        rows = asked.ready(room)
        queries = asked.queries
        now = self.now()
        for row in rows.tolist():
            place = int(asked.endpoint[row])
            if place not in self._lines:
                self._lines[place] = Line(self, self._ledger.endpoints[place])
            message = queries.messages[int(queries.message[row])]
            octets = padded(message) if self._padding else message
            self._lines[place].queue.append(Ask(asked.base + row, octets[2:], now))
        for line in self._lines.values():
            line.advance()
        return len(rows)

    def _receive(self) -> int:
        if self.failure is not None:
            raise self.failure
        looked, self._looked = self._looked, time.monotonic_ns()
        self._away += max(0, self._looked - looked - LONGEST_ROUND)
        now = self.now()
        for line in self._lines.values():
            line.age(now, self.patience)
        ends, self.ends = self.ends, []
        for connection in self.paused:
            connection.resume_reading()
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
            if end.message:
                continue
            row = np.array([end.ask.serial - asked.base])
            if end.trouble is None:
                self._ledger.silence(asked, row, end.says)
            else:
                self._ledger.trouble(asked, row, end.trouble, end.says)
        replies = [end for end in ends if end.message]
        if not replies:
            return
        rows = np.array([end.ask.serial - asked.base for end in replies])
        received = np.array([end.when for end in replies])
        self._ledger.reply(asked, rows, received, Messages.of(end.message for end in replies))
        if self._exact:
            self._ledger.trouble(asked, rows, Trouble.MALFORMED, ANOTHER)
