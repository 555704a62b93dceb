"""The loop that every session on sockets runs: read what came, send what is due, let others run."""

import asyncio
import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

import numpy as np
from numpy.typing import NDArray

from resolver_diff.transports import Queries, Responses
from resolver_diff.transports._ledger import Asked, Ledger

IDS = 1 << 16
SHORTEST_REST, LONGEST_REST = 0.001, 0.005  # seconds between two rounds when nothing happens


class Rounds(ABC):
    """A session (see ``Session``) but for the sockets."""

    _overlaps = False  # whether exchanges are carried at once; else one after the other

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._alone = asyncio.Lock()

    @property
    def strays(self) -> int:
        """See ``Session``."""
        return self._ledger.strays

    async def exchange(self, queries: Queries, *, timeout: float) -> AsyncIterator[Responses]:
        """See ``Session``; ends at least 50 ms after the last first reply, for second replies."""
        asked = self._ledger.begin(queries, timeout)
        try:
            async with contextlib.nullcontext() if self._overlaps else self._alone:
                async for responses in self._carry(asked):
                    yield responses
        finally:
            asked.end()

    async def _carry(self, asked: Asked) -> AsyncIterator[Responses]:
        window = self._begin(asked)
        rest = SHORTEST_REST
        while not asked.finished:
            busy = self._receive() + self._send(asked, window - self._ledger.pressing)
            asked.expire()
            if self._ledger.chunk_is_due:
                yield self._ledger.collect()
            rest = SHORTEST_REST if busy else min(2 * rest, LONGEST_REST)
            idle = self._ledger.pressing < window
            await asyncio.sleep(0 if busy else min(rest, asked.rest) if idle else rest)
        if len(last := self._ledger.collect()):
            yield last

    @abstractmethod
    def _begin(self, asked: Asked) -> int:
        """Get ready for an exchange; return how many of its queries may be in flight at once."""

    @abstractmethod
    def _receive(self) -> int:
        """Give the ledger what has come; return how much that was."""

    @abstractmethod
    def _send(self, asked: Asked, room: int) -> int:
        """Send what is due, at most *room* queries; return how many left."""

    @abstractmethod
    def close(self) -> None:
        """Close the sockets."""


def shuffled_ids() -> NDArray[np.int64]:
    """Return every ID once, in an order that nobody can guess (RFC 5452 9.2)."""
    return np.argsort(np.frombuffer(os.urandom(8 * IDS), np.uint64))
