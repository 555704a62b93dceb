"""What a session has asked, and which of the messages that come back are replies.

Every transport keeps one ledger. An ``Asked`` is one exchange in it: when its
queries may leave, which have left, which still wait. Every query of a session
has a *serial*, counted from 0, so that a reply to an earlier exchange still
finds its query. Nothing here opens a socket or waits.
"""

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from resolver_diff.transports import Endpoint, Queries, Responses, Trouble
from resolver_diff.wire import HEADER, Messages
from resolver_diff.wire.question import heard

KEPT_REPLIES = 9  # the first to a query and eight more; beyond, a flood would fill the memory
REMEMBERED = 1 << 18  # queries of earlier exchanges that a late reply can still be told to answer
CHUNK = 16_384  # responses to a chunk
CHUNK_OCTETS = 1 << 23
CHUNK_AGE = 250_000_000  # ns that responses wait to be yielded
LINGER_LEAST, LINGER_MOST = 50_000_000, 500_000_000  # ns

Rows = NDArray[np.int64]
SECOND = 1_000_000_000


class Asked:
    """One exchange: a query waits from when it leaves until its first reply, trouble, or *timeout* ns."""

    def __init__(self, queries: Queries, endpoint: NDArray[np.int64], base: int, timeout: int) -> None:
        _check(queries)
        count = len(queries)
        self.queries = queries
        self.endpoint = endpoint  # index into the endpoints of the ledger
        self.base = base  # serial of its first query
        self.in_flight = 0
        self.replies = np.zeros(count, np.uint8)
        self.waiting = np.zeros(count, np.bool_)
        self.timeout = timeout  # ns
        due = np.ceil(queries.due * 1e9).astype(np.int64)
        self._order: Rows = np.argsort(due)
        self._due = due[self._order]
        self._begun = time.monotonic_ns()
        self._next = 0  # position in the order of the first query that has not left
        self._held: Rows = np.empty(0, np.int64)  # due, but the socket would not take them
        self._gone: Rows = np.empty(count, np.int64)  # in the order they left
        self._gone_at: Rows = np.empty(count, np.int64)
        self._left = self._expired = 0  # how many have left; how many of those were looked at for their age
        self._last_reply = self._begun
        self._longest = 0
        self._mark = np.empty(count, np.int32)

    def __len__(self) -> int:
        return len(self.queries)

    def ready(self, most: int) -> Rows:
        """Return at most *most* queries that are due, in the order of their due time; they are the caller's to send."""
        if most <= 0:
            return np.empty(0, np.int64)
        held, self._held = self._held[:most], self._held[most:]
        due = int(np.searchsorted(self._due, time.monotonic_ns() - self._begun, "right"))
        end = max(self._next, min(due, self._next + most - len(held)))
        rows = self._order[self._next : end]
        self._next = end
        return np.concatenate([held, rows]) if len(held) else rows

    def hold(self, rows: Rows) -> None:
        """Take back *rows* that could not leave now; they are the next to be ready."""
        self._held = np.concatenate([rows, self._held])

    def leave(self, rows: Rows, sent: NDArray[np.int64] | int) -> None:
        """Note that *rows* have left, at *sent* ns since 1970."""
        end = self._left + len(rows)
        self._gone[self._left : end] = rows
        self._gone_at[self._left : end] = time.monotonic_ns()
        self._left = end
        self.queries.sent[rows] = sent
        self.waiting[rows] = True
        self.in_flight += len(rows)

    def expire(self) -> Rows:
        """Stop waiting for queries older than the timeout; return those that were waiting until now."""
        aged = self._gone_at[self._expired : self._left]
        end = self._expired + int(np.searchsorted(aged, time.monotonic_ns() - self.timeout, "right"))
        rows = self._gone[self._expired : end]
        self._expired = end
        rows = rows[self.waiting[rows]]
        self._stop_waiting(rows)
        return rows

    def count(self, rows: Rows) -> NDArray[np.uint8]:
        """Count one more reply to each of *rows*; return how many came before it, at most ``KEPT_REPLIES``."""
        before = self.replies[rows]
        place = np.arange(len(rows), dtype=np.int32)
        self._mark[rows] = place
        if (self._mark[rows] != place).any():
            before = np.minimum(before + _rank(rows), KEPT_REPLIES).astype(np.uint8)
        self.replies[rows] = np.minimum(before + 1, KEPT_REPLIES)  # of equal rows the last is assigned: the largest
        return before

    def answered(self, rows: Rows, rtt: NDArray[np.int64]) -> None:
        """Stop waiting for *rows*: the first reply to each has come, *rtt* ns after it was asked."""
        if len(rows):
            self._stop_waiting(rows[self.waiting[rows]])
            self._last_reply = time.monotonic_ns()
            self._longest = max(self._longest, int(rtt.max()))

    def silence(self, rows: Rows) -> None:
        """Stop waiting for *rows*, which have left: nothing came."""
        self._stop_waiting(rows[self.waiting[rows]])

    def _stop_waiting(self, rows: Rows) -> None:
        self.waiting[rows] = False
        self.in_flight -= len(rows)

    @property
    def unsent(self) -> int:
        """How many queries have not left."""
        return len(self) - self._left

    @property
    def finished(self) -> bool:
        """Whether all have left, none waits, and second replies have had their time.

        They get as long after the last first reply as the slowest first reply took, between
        50 and 500 ms, but never more than the timeout: a forged reply is the faster one.
        """
        if self.unsent or self.in_flight:
            return False
        linger = min(max(self._longest, LINGER_LEAST), LINGER_MOST, self.timeout)
        return self._left == 0 or time.monotonic_ns() - self._last_reply >= linger

    @property
    def rest(self) -> float:
        """Seconds until the next query becomes due, at least 0; infinite when none is left."""
        if self._next == len(self):
            return float("inf")
        return max(0.0, (int(self._due[self._next]) + self._begun - time.monotonic_ns()) / SECOND)


class Ledger:
    """All exchanges of a session that are remembered, and the responses that wait to be yielded."""

    def __init__(self) -> None:
        self.strays = 0
        self.oldest = 0  # smallest serial that is remembered
        self.endpoints: list[Endpoint] = []  # every one that was ever asked
        self._places: dict[Endpoint, int] = {}
        self._asked: list[Asked] = []
        self._pending: list[Responses] = []
        self._pending_rows = self._pending_octets = 0
        self._collected = time.monotonic_ns()

    def begin(self, queries: Queries, timeout: float) -> Asked:
        """Open a new exchange; forget the oldest where more than ``REMEMBERED`` queries precede it."""
        base = self._asked[-1].base + len(self._asked[-1]) if self._asked else 0
        places = np.array([self._place(endpoint) for endpoint in queries.endpoints], np.int64)
        self._asked.append(Asked(queries, places[queries.endpoint], base, int(timeout * SECOND)))
        while len(self._asked) > 1 and base - self._asked[0].base > REMEMBERED:
            del self._asked[0]
        self.oldest = self._asked[0].base
        return self._asked[-1]

    def _place(self, endpoint: Endpoint) -> int:
        place = self._places.setdefault(endpoint, len(self.endpoints))
        if place == len(self.endpoints):
            self.endpoints.append(endpoint)
        return place

    def split(self, serials: Rows) -> Iterator[tuple[Asked, Rows]]:
        """Yield each exchange that *serials* (all remembered) belong to, with the places of its own among them."""
        newest = self._asked[-1]
        if len(serials) and serials.min() >= newest.base:
            yield newest, np.arange(len(serials))
            return
        bases = np.array([asked.base for asked in self._asked])
        owner = np.searchsorted(bases, serials, "right") - 1
        for index in np.unique(owner):
            yield self._asked[index], np.flatnonzero(owner == index)

    def of(self, serial: int) -> tuple[Asked, int] | None:
        """Return the exchange and row of one *serial*, or None when it is forgotten."""
        for asked in reversed(self._asked):
            if asked.base <= serial:
                return asked, serial - asked.base
        return None

    def reply(self, asked: Asked, rows: Rows, received: NDArray[np.int64], messages: Messages) -> None:
        """Keep those of *messages* that repeat the question of their row of *rows*; the rest are strays.

        The caller has checked ID and source; *received* is ns since 1970.
        """
        good, echoed = heard(asked.queries.messages, asked.queries.message[rows], messages)
        if not good.all():
            rows, received, messages, echoed = rows[good], received[good], messages.take(good), echoed[good]
            self.strays += int(len(good) - len(rows))
        nth = asked.count(rows)
        kept = nth < KEPT_REPLIES
        if not kept.all():
            rows, received, nth, echoed = rows[kept], received[kept], nth[kept], echoed[kept]
            messages = messages.take(kept)
            self.strays += int(len(kept) - len(rows))
        if len(rows):
            rtt = np.maximum(received - asked.queries.sent[rows], 0)
            first = nth == 0
            asked.answered(rows[first], rtt[first])
            fine = np.zeros(len(rows), np.uint8)
            self._keep(Responses(asked.queries.number[rows], nth, rtt, fine, messages, echoed))

    def trouble(self, asked: Asked, rows: Rows, trouble: Trouble, says: str | None = None) -> None:
        """Note *trouble* instead of a first reply to each of *rows* (each once); those already answered keep that.

        *says* puts it into words: what was wrong with the certificate, which HTTP status came.
        """
        rows = rows[asked.replies[rows] == 0]
        if len(rows):
            nth = asked.count(rows)
            rtt = np.maximum(time.time_ns() - asked.queries.sent[rows], 0)
            asked.answered(rows, rtt)
            empty = Messages.of([b""] * len(rows))
            code = np.full(len(rows), trouble, np.uint8)
            words = dict.fromkeys(range(len(rows)), says) if says else {}
            self._keep(
                Responses(asked.queries.number[rows], nth, rtt, code, empty, np.zeros(len(rows), np.bool_), words)
            )

    def silence(self, asked: Asked, rows: Rows, says: str | None = None) -> None:
        """Wait no longer for replies to *rows* (each once), which have left; *says* tells why nothing came.

        It is no reply: one that comes late is still the first.
        """
        asked.silence(rows)
        if says and len(rows):
            none, no, empty = (
                np.zeros(len(rows), np.uint8),
                np.zeros(len(rows), np.bool_),
                Messages.of([b""] * len(rows)),
            )
            words = dict.fromkeys(range(len(rows)), says)
            self._keep(Responses(asked.queries.number[rows], none, none.astype(np.int64), none, empty, no, words))

    def _keep(self, responses: Responses) -> None:
        self._pending.append(responses)
        self._pending_rows += len(responses)
        self._pending_octets += responses.messages.octets.size

    @property
    def chunk_is_due(self) -> bool:
        """Whether there are responses that should be yielded now."""
        if not self._pending:
            return False
        if self._pending_rows >= CHUNK or self._pending_octets >= CHUNK_OCTETS:
            return True
        return time.monotonic_ns() - self._collected >= CHUNK_AGE

    def collect(self) -> Responses:
        """Return the responses that were kept since the last call, in order of arrival."""
        pending, self._pending = self._pending, []
        self._pending_rows = self._pending_octets = 0
        self._collected = time.monotonic_ns()
        return joined(pending)


def joined(responses: list[Responses]) -> Responses:
    """Return *responses* as one table."""
    if not responses:
        none, no = np.empty(0, np.int64), np.empty(0, np.uint8)
        return Responses(none, no, none, no, Messages.of(()), np.empty(0, np.bool_))
    begins = np.cumsum([0, *(len(part) for part in responses)]).tolist()
    words = {
        begin + row: text for begin, part in zip(begins, responses, strict=False) for row, text in part.says.items()
    }
    return Responses(
        np.concatenate([part.number for part in responses]),
        np.concatenate([part.reply for part in responses]),
        np.concatenate([part.rtt for part in responses]),
        np.concatenate([part.trouble for part in responses]),
        Messages.join([part.messages for part in responses]),
        np.concatenate([part.echoed for part in responses]),
        words,
    )


def _check(queries: Queries) -> None:
    """Raise ValueError where *queries* could never be sent: a mistake of the caller, not of the user."""
    if not np.isfinite(queries.due).all():
        message = "a query must be due at some time"
        raise ValueError(message)
    if (queries.messages.length < HEADER).any() or (queries.messages.length > 0xFFFF).any():
        message = "a query must be a DNS message of 12 to 65535 octets"
        raise ValueError(message)


def _rank(rows: Rows) -> Rows:
    """Return for each of *rows* how many equal ones stand before it."""
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    run = np.diff(np.append(first, len(rows)))
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows)) - np.repeat(first, run)
    return rank
