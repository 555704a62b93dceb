"""What a session has asked, and which of the messages that come back are replies.

Every transport keeps one ledger. An ``Asked`` is one exchange in it: when its
queries may leave, which have left, which still wait. Every query of a session
has a *serial*, counted from 0, so that a reply to an earlier exchange still
finds its query. Nothing here opens a socket or waits.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from resolver_diff.transports import Endpoint, Queries, Responses, Trouble
from resolver_diff.transports._care import LOOK, NEVER
from resolver_diff.transports._slowing import Ending
from resolver_diff.transports._turns import Turns
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
LATE_LEAST, LATE_MOST = 100_000_000, SECOND  # ns; replies that take longer come one by one
RCODE = 3  # octet of the header that has it, in its lower half
ENDINGS = np.zeros(16, np.uint8)  # by RCODE: what is neither of these two is a reply like any other
ENDINGS[2], ENDINGS[5] = Ending.SERVFAIL, Ending.REFUSED


class Asked:
    """One exchange: a query waits from when it leaves until its first reply, trouble, or *timeout* ns."""

    def __init__(
        self, queries: Queries, endpoint: NDArray[np.int64], base: int, timeout: int, clock: Callable[[], int]
    ) -> None:
        _check(queries)
        count = len(queries)
        self.queries = queries
        self.endpoint = endpoint  # index into the endpoints of the ledger
        self.message = queries.message.astype(np.int64)  # as an index it is used for each reply
        self.base = base  # serial of its first query
        self.in_flight = 0
        self.replies = np.zeros(count, np.uint8)
        self.waiting = np.zeros(count, np.bool_)
        self.timeout = timeout  # ns
        self.over = False  # whether its exchange has ended
        self._clock = clock
        self._turns = Turns(queries, clock())
        self._held: Rows = np.empty(0, np.int64)  # their turn, but the socket would not take them
        self._gone: Rows = np.empty(count, np.int64)  # in the order they left
        self._gone_at: Rows = np.empty(count, np.int64)
        self._left = self._expired = 0  # how many have left; how many of those were looked at for their age
        self._aged = self._late = 0  # how many were looked at whether they are late, and how many are and wait
        self._is_late = np.zeros(count, np.bool_)
        self._last_reply = clock()
        self._longest = 0
        self._mark = np.empty(count, np.int32)

    def __len__(self) -> int:
        return len(self.queries)

    def ready(self, most: int) -> Rows:
        """Return at most *most* queries whose turn it is, each address's by due time; they are the caller's to send."""
        if most <= 0:
            return np.empty(0, np.int64)
        held, self._held = self._held[:most], self._held[most:]
        if len(held) == most:
            return held
        rows = self._turns.choose(most - len(held), self._clock())
        return np.concatenate([held, rows]) if len(held) else rows

    def hold(self, rows: Rows) -> None:
        """Take back *rows* that could not leave now; they are the next to be ready."""
        self._held = np.concatenate([rows, self._held])
        self._turns.hold(rows, self._clock())

    def leave(self, rows: Rows, sent: NDArray[np.int64] | int) -> None:
        """Note that *rows* have left, at *sent* ns since 1970."""
        end = self._left + len(rows)
        self._gone[self._left : end] = rows
        self._gone_at[self._left : end] = self._clock()
        self._left = end
        self.queries.sent[rows] = sent
        self.waiting[rows] = True
        self.in_flight += len(rows)

    def expire(self) -> Rows:
        """Stop waiting for queries older than the timeout; return those that were waiting until now."""
        now = self._clock()
        self._turns.care.look(now)
        self._age(now)
        if self._expired == self._left or self._gone_at[self._expired] > now - self.timeout:
            return np.empty(0, np.int64)
        aged = self._gone_at[self._expired : self._left]
        end = self._expired + int(np.searchsorted(aged, now - self.timeout, "right"))
        rows = self._gone[self._expired : end]
        self._expired = end
        silent = self.waiting[rows]
        self._turns.age(rows, silent, now)
        rows = rows[silent]
        self._stop_waiting(rows, Ending.SILENT)
        return rows

    def _age(self, now: int) -> None:
        """Find out who is late: by twice what the slowest reply took."""
        late = now - (min(max(LATE_LEAST, 2 * self._longest), LATE_MOST) if self._longest else LATE_MOST)
        if self._aged == self._left or self._gone_at[self._aged] > late:
            return
        aged = self._gone_at[self._aged : self._left]
        end = self._aged + int(np.searchsorted(aged, late, "right"))
        rows = self._gone[self._aged : end]
        self._aged = end
        rows = rows[self.waiting[rows]]
        self._is_late[rows] = True
        self._late += len(rows)
        self._turns.be_late(rows)

    @property
    def pressing(self) -> int:
        """How many of those in flight may well be answered at any moment, all together: not those that are late."""
        return self.in_flight - self._late

    def end(self) -> None:
        """Note that the exchange is over; what has not left will not."""
        if not self.over:
            self.over = True
            self._turns.end()
            self._gone = self._gone_at = np.empty(0, np.int64)  # a late reply asks for neither

    def count(self, rows: Rows) -> NDArray[np.uint8]:
        """Count one more reply to each of *rows*; return how many came before it, at most ``KEPT_REPLIES``."""
        before = self.replies[rows]
        place = np.arange(len(rows), dtype=np.int32)
        self._mark[rows] = place
        if (self._mark[rows] != place).any():
            before = np.minimum(before + _rank(rows), KEPT_REPLIES).astype(np.uint8)
        self.replies[rows] = np.minimum(before + 1, KEPT_REPLIES)  # of equal rows the last is assigned: the largest
        return before

    def answered(self, rows: Rows, rtt: NDArray[np.int64], ending: NDArray[np.uint8]) -> None:
        """Stop waiting for *rows*: the first reply to each has come, *rtt* ns after it was asked."""
        if not len(rows):
            return
        waited = self.waiting[rows]
        if not waited.all():
            self._turns.speak(rows[~waited & (ending != Ending.UNREACHABLE)], self._clock())
            rows, ending = rows[waited], ending[waited]
        self._stop_waiting(rows, ending)
        self._last_reply = self._clock()
        self._longest = max(self._longest, int(rtt.max()))

    def silence(self, rows: Rows) -> None:
        """Stop waiting for *rows*, which have left: nothing came."""
        self._stop_waiting(rows[self.waiting[rows]], Ending.SILENT)

    def _stop_waiting(self, rows: Rows, ending: NDArray[np.uint8] | Ending) -> None:
        self.waiting[rows] = False
        self.in_flight -= len(rows)
        late = self._is_late[rows] if self._late else None
        if late is not None:
            self._late -= int(np.count_nonzero(late))
        self._turns.settle(rows, late, ending, self._clock())

    @property
    def unsent(self) -> int:
        """How many queries have not left, but will."""
        return len(self) - self._left - self._turns.withheld

    @property
    def finished(self) -> bool:
        """Whether all have left, none waits, and second replies have had their time.

        They get as long after the last first reply as the slowest first reply took, between
        50 and 500 ms, but never more than the timeout: a forged reply is the faster one.
        """
        if self.unsent or self.in_flight:
            return False
        linger = min(max(self._longest, LINGER_LEAST), LINGER_MOST, self.timeout)
        return self._left == 0 or self._clock() - self._last_reply >= linger

    @property
    def rest(self) -> float:
        """Seconds until a query may leave, at least 0; infinite when none is left."""
        now = self._clock()
        at = self._turns.next_at(now)
        return max(0.0, (at - now) / SECOND) if at < NEVER else float("inf")

    @property
    def next_event(self) -> int:
        """When a query may leave, or will have waited too long, or who holds up others is looked for."""
        oldest = self._gone[self._expired : self._left]
        first = np.flatnonzero(self.waiting[oldest])[:1]
        expires = int(self._gone_at[self._expired + first[0]]) + self.timeout if len(first) else NEVER
        looks = self._clock() + LOOK if self._turns.left else NEVER
        lingers = self._clock() + LINGER_LEAST if expires == NEVER else NEVER
        return min(self._turns.next_at(self._clock()), expires, looks, lingers)


class Ledger:
    """All exchanges of a session that are remembered, and the responses that wait to be yielded."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.strays = 0
        self.oldest = 0  # smallest serial that is remembered
        self.endpoints: list[Endpoint] = []  # every one that was ever asked
        self._places: dict[Endpoint, int] = {}
        self._latest: Sequence[Endpoint] | None = None  # of the exchange that began last, and their places
        self._latest_places: Rows = np.empty(0, np.int64)
        self._asked: list[Asked] = []
        self._pending: list[Responses] = []
        self._pending_rows = self._pending_octets = 0
        self._clock = clock
        self._collected = clock()

    def begin(self, queries: Queries, timeout: float) -> Asked:
        """Open a new exchange; forget the oldest where more than ``REMEMBERED`` queries precede it."""
        base = self._asked[-1].base + len(self._asked[-1]) if self._asked else 0
        if queries.endpoints is not self._latest:  # mostly those of the batch before, and they may be thousands
            self._latest = queries.endpoints
            self._latest_places = np.array([self._place(endpoint) for endpoint in queries.endpoints], np.int64)
        places = self._latest_places
        timeout_ns = int(timeout * SECOND)
        self._asked.append(Asked(queries, places[queries.endpoint], base, timeout_ns, self._clock))
        while self._asked[0].over and base - self._asked[0].base > REMEMBERED:
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
        good, echoed = heard(asked.queries.messages, asked.message[rows], messages)
        if not good.all():
            rows, received, messages, echoed = rows[good], received[good], messages.take(good), echoed[good]
            self.strays += int(len(good) - len(rows))
        nth = asked.count(rows)
        several = bool(nth.any())
        if several:
            kept = nth < KEPT_REPLIES
            rows, received, nth, echoed = rows[kept], received[kept], nth[kept], echoed[kept]
            messages = messages.take(kept)
            self.strays += int(len(kept) - len(rows))
        if len(rows):
            rtt = np.maximum(received - asked.queries.sent[rows], 0)
            first = nth == 0 if several else slice(None)
            asked.answered(rows[first], rtt[first], endings(messages)[first])
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
            asked.answered(rows, rtt, np.full(len(rows), Ending.UNREACHABLE, np.uint8))
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
            none, no = np.zeros(len(rows), np.uint8), np.zeros(len(rows), np.bool_)
            code, words = np.full(len(rows), Trouble.SILENT, np.uint8), dict.fromkeys(range(len(rows)), says)
            empty = Messages.of([b""] * len(rows))
            self._keep(Responses(asked.queries.number[rows], none, none.astype(np.int64), code, empty, no, words))

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
        return self._clock() - self._collected >= CHUNK_AGE

    @property
    def pressing(self) -> int:
        """How many replies to queries of all exchanges may come at once."""
        return sum(asked.pressing for asked in self._asked if not asked.over)

    @property
    def going_on(self) -> set[int]:
        """The bases of the exchanges that are not over."""
        return {asked.base for asked in self._asked if not asked.over}

    def collect(self) -> Responses:
        """Return the responses that were kept since the last call, in order of arrival."""
        pending, self._pending = self._pending, []
        self._pending_rows = self._pending_octets = 0
        self._collected = self._clock()
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


def endings(messages: Messages) -> NDArray[np.uint8]:
    """Return how a query ended that each of *messages* (header and more) answers, by its RCODE (RFC 1035 4.1.1)."""
    octets: NDArray[np.uint8] = messages.octets[messages.start + RCODE]
    found: NDArray[np.uint8] = ENDINGS[octets & 0xF]
    return found


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
