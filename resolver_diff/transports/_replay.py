"""Responses from memory: no socket, no waiting, the same every time.

Time passes from event to event: a query leaves, a reply comes, a timeout is over. So a run of
hours with all its care for the resolvers takes no longer than the messages take to be made.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count

import numpy as np

from resolver_diff.transports import Endpoint, Queries, Responses, Transport, Trouble
from resolver_diff.transports._care import NEVER
from resolver_diff.transports._ledger import CHUNK, SECOND, Asked, Ledger
from resolver_diff.wire import Messages

Respond = Callable[[Endpoint, bytes], Sequence[tuple[float, bytes]]]

EPOCH = 1_770_768_000 * SECOND  # 2026-02-11, a day that is often told of


class Clock:
    """A time, ns since 1970, that passes only while everybody who goes by it waits."""

    def __init__(self, start: int = EPOCH) -> None:
        self.now = start
        self._waited_for: list[int] = []

    async def wait(self, until: int) -> None:
        """Let the others go on, and time pass; return at *until*, or when somebody else has moved time."""
        self._waited_for.append(until)
        await asyncio.sleep(0)  # whoever is at work comes to wait here, too
        self.now = max(self.now, min(self._waited_for))
        self._waited_for.remove(until)


def replaying(respond: Respond, *, start: int = EPOCH, clock: Clock | None = None) -> Transport:
    """Return a transport whose resolvers are a function.

    *respond* is given where a query goes and its octets, and returns what comes back as pairs
    of seconds and a message; nothing means silence. It may raise ConnectionRefusedError: the
    query is then unreachable. What comes later than the timeout is not heard. The first query
    leaves at *start*, ns since 1970, and every other when it is due, and may leave: that takes
    no time. Transports that are to share their time are given the same *clock*.
    """
    return Transport(open=partial(_open, respond, clock or Clock(start)))


@asynccontextmanager
async def _open(respond: Respond, clock: Clock) -> AsyncIterator["ReplaySession"]:
    yield ReplaySession(respond, clock)


class ReplaySession:
    """See ``Session``."""

    def __init__(self, respond: Respond, clock: Clock) -> None:
        self._respond = respond
        self._clock = clock
        self._ledger = Ledger(lambda: clock.now)

    @property
    def strays(self) -> int:
        """See ``Session``."""
        return self._ledger.strays

    async def exchange(self, queries: Queries, *, timeout: float) -> AsyncIterator[Responses]:
        """See ``Session``; replies come in the order of their times."""
        asked = self._ledger.begin(queries, timeout)
        coming: list[_Heard] = []
        place = count()
        try:
            while not asked.finished:
                if len(rows := asked.ready(len(queries))):
                    asked.leave(rows, self._clock.now)
                    for heard in (heard for row in rows.tolist() for heard in self._ask(queries, row, place)):
                        heapq.heappush(coming, heard)
                self._hear(asked, coming)
                asked.expire()
                if self._ledger.chunk_is_due:
                    yield self._ledger.collect()
                await self._clock.wait(min(asked.next_event, coming[0].when if coming else NEVER))
            if len(last := self._ledger.collect()):
                yield last
        finally:
            asked.end()

    def _hear(self, asked: Asked, coming: list["_Heard"]) -> None:
        """Give the ledger what has come by now, a chunk at most."""
        came: list[_Heard] = []
        while coming and coming[0].when <= self._clock.now and len(came) < CHUNK:
            heard = heapq.heappop(coming)
            if heard.trouble:
                self._ledger.trouble(asked, np.array([heard.row]), heard.trouble)
            elif heard.identifier != heard.message[:2]:
                self._ledger.strays += 1
            elif heard.when - asked.queries.sent[heard.row] <= asked.timeout:
                came.append(heard)
        if came:
            rows = np.array([heard.row for heard in came])
            when = np.array([heard.when for heard in came])
            self._ledger.reply(asked, rows, when, Messages.of(heard.message for heard in came))

    def _ask(self, queries: Queries, row: int, place: Iterator[int]) -> list["_Heard"]:
        """Return what comes back to one query."""
        identifier = int(queries.number[row] & 0xFFFF).to_bytes(2, "big")
        asked = identifier + queries.messages[int(queries.message[row])][2:]
        sent = int(queries.sent[row])
        try:
            said = self._respond(queries.endpoints[int(queries.endpoint[row])], asked)
        except ConnectionRefusedError:
            return [_Heard(sent, next(place), row, identifier, b"", Trouble.UNREACHABLE)]
        return [
            _Heard(sent + round(seconds * SECOND), next(place), row, identifier, message) for seconds, message in said
        ]


@dataclass(frozen=True, slots=True, order=True)
class _Heard:
    """One message, or trouble, on its way back; *when* in ns."""

    when: int
    place: int  # of those at the same time
    row: int
    identifier: bytes
    message: bytes
    trouble: Trouble = Trouble.NONE
