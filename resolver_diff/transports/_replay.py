"""Responses from memory: no socket, no waiting, the same every time."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from resolver_diff.transports import Endpoint, Queries, Responses, Transport, Trouble
from resolver_diff.transports._ledger import CHUNK, KEPT_REPLIES, SECOND
from resolver_diff.wire import Messages
from resolver_diff.wire.question import echoes, same_question

Respond = Callable[[Endpoint, bytes], Sequence[tuple[float, bytes]]]

EPOCH = 1_770_768_000 * SECOND  # 2026-02-11, a day that is often told of


def replaying(respond: Respond, *, start: int = EPOCH) -> Transport:
    """Return a transport whose resolvers are a function.

    *respond* is given where a query goes and its octets, and returns what comes back as pairs
    of seconds and a message; nothing means silence. It may raise ConnectionRefusedError: the
    query is then unreachable. What comes later than the timeout is not heard. The first query
    leaves at *start*, ns since 1970, and every other when it is due: that takes no time.
    """
    return Transport(open=partial(_open, respond, start))


@asynccontextmanager
async def _open(respond: Respond, start: int) -> AsyncIterator["ReplaySession"]:
    yield ReplaySession(respond, start)


class ReplaySession:
    """See ``Session``."""

    def __init__(self, respond: Respond, start: int) -> None:
        self.strays = 0
        self._respond = respond
        self._clock = start

    async def exchange(self, queries: Queries, *, timeout: float) -> AsyncIterator[Responses]:
        """See ``Session``; replies come in the order of their times."""
        if not len(queries):
            return
        queries.sent[:] = self._clock + np.ceil(queries.due * SECOND).astype(np.int64)
        limit = int(timeout * SECOND)
        self._clock = int(queries.sent.max()) + limit
        said = [heard for row in range(len(queries)) for heard in self._ask(queries, row)]
        about = queries.message[np.array([heard.row for heard in said], np.int64)]
        good = echoes(queries.messages, about, Messages.of(heard.message for heard in said))
        seen = np.zeros(len(queries), np.uint8)
        kept: list[tuple[int, _Heard]] = []
        for heard, fits in sorted(zip(said, good.tolist(), strict=True), key=lambda pair: pair[0].when):
            if heard.rtt > limit:
                continue
            if not heard.trouble and (
                not fits or heard.identifier != heard.message[:2] or seen[heard.row] == KEPT_REPLIES
            ):
                self.strays += 1
                continue
            kept.append((int(seen[heard.row]), heard))
            seen[heard.row] += 1
        for begin in range(0, len(kept), CHUNK):
            yield _responses(queries, kept[begin : begin + CHUNK])

    def _ask(self, queries: Queries, row: int) -> list["_Heard"]:
        """Return what comes back to one query."""
        identifier = int(queries.number[row] & 0xFFFF).to_bytes(2, "big")
        asked = identifier + queries.messages[int(queries.message[row])][2:]
        sent = int(queries.sent[row])
        try:
            said = self._respond(queries.endpoints[int(queries.endpoint[row])], asked)
        except ConnectionRefusedError:
            return [_Heard(sent, row, 0, identifier, b"", Trouble.UNREACHABLE)]
        times = [round(seconds * SECOND) for seconds, _ in said]
        return [
            _Heard(sent + rtt, row, rtt, identifier, message) for rtt, (_, message) in zip(times, said, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Heard:
    """One message, or trouble, on its way back; times in ns."""

    when: int
    row: int
    rtt: int
    identifier: bytes
    message: bytes
    trouble: Trouble = Trouble.NONE


def _responses(queries: Queries, kept: Sequence[tuple[int, _Heard]]) -> Responses:
    rows = np.array([heard.row for _, heard in kept])
    messages = Messages.of(heard.message for _, heard in kept)
    return Responses(
        queries.number[rows],
        np.array([nth for nth, _ in kept], np.uint8),
        np.array([heard.rtt for _, heard in kept], np.int64),
        np.array([heard.trouble for _, heard in kept], np.uint8),
        messages,
        same_question(queries.messages, queries.message[rows], messages),
    )
