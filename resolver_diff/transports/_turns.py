"""Whose turn it is: the queries of one exchange that have not left, by address and time.

Each address has its own row of queries in the order of their due times, so that one that is slowed, or whose
window is full, holds up nobody else; and a look at who may be asked now is a look at one number per address.
"""

import numpy as np
from numpy.typing import NDArray

from resolver_diff.transports import Queries
from resolver_diff.transports._care import NEVER, Care, unlimited
from resolver_diff.transports._slowing import Ending, Keys

Rows = NDArray[np.int64]
NONE = np.empty(0, np.int64)
SMALL = 4_096  # queries that are sorted so that equal ones keep their order
STUCK = 10_000_000  # ns; longer than the longest rest of a loop that sends
PULLED = 2  # control questions that are asked first of an address that says nothing good


class Turns:
    """The queries of one exchange: they leave when they are due and *care* allows it."""

    def __init__(self, queries: Queries, now: int) -> None:
        self.queries = queries
        self.care: Care = queries.care or unlimited(len(queries.endpoints))
        self._free = queries.care is None
        self._key = self.care.address[queries.endpoint] if len(queries) else np.empty(0, np.int64)
        count = len(self.care.qps)
        due = now + np.ceil(queries.due * 1e9).astype(np.int64)
        self._order = _sorted(self._key, due)
        self._due = np.append(due[self._order], NEVER)
        ends = np.cumsum(np.bincount(self._key, minlength=count))
        self._next = np.concatenate([[0], ends[:-1]])  # place in the order of each address's next query
        self._end = ends
        self._wake = np.where(self._next < self._end, self._due[self._next], NEVER)  # not before, each address
        self._epoch: NDArray[np.uint16] | None = None
        self._soonest = now  # no key is to be woken before
        self._turn = 0
        self.withheld = 0
        self.care.join(self, self._key, now)
        if self.care.slowing.disturbed:
            for key in np.flatnonzero(self.care.slowing.mute & (self._next < self._end)).tolist():
                self.renew(key, control=True)

    def end(self) -> None:
        """Leave the care of the others alone: this exchange is over."""
        self.care.part(self, self._end - self._next)
        self._next = self._end
        self._order = self._due = NONE  # an exchange is remembered for long

    def choose(self, most: int, now: int) -> Rows:
        """Return at most *most* queries whose turn it is; they are the caller's to send."""
        if now < self._soonest:
            return NONE
        care = self.care
        due = self._wake <= now
        room = care.in_flight < care.window
        keys = np.flatnonzero(due & room)
        if not self._free and (full := due & ~room).any():
            care.fill(full)
        if not len(keys):
            self._soonest = int(self._wake.min())
            return NONE
        if (total := care.allow_total(now)) < most:
            most = total
            if not most:
                care.fill_total()
                return NONE
        row = care.in_a_row(keys)
        keys, counts, place, rank = self._chosen(keys, most, row, now)
        self._next[keys] += counts
        care.take(keys, counts, now)
        following = np.where(self._next[keys] < self._end[keys], self._due[self._next[keys]], NEVER)
        self._wake[keys] = np.maximum(following, care.next_at(keys))
        self._soonest = int(self._wake.min())
        rows = self._order[place]
        if care.slowing.disturbed:
            self._enlist(rows, keys, counts, rank)
        if len(keys) == 1 or len(rows) <= len(keys) * row:
            return rows
        # addresses take turns; where each has as many, that is a table turned round, which costs less than to sort
        if (counts == counts[0]).all() and not int(counts[0]) % row and len(keys) * int(counts[0]) == len(rows):
            return rows.reshape(len(keys), -1, row).transpose(1, 0, 2).ravel()
        return rows[np.argsort((rank // row).astype(np.uint16), kind="stable")]

    def _chosen(self, keys: Keys, most: int, row: int, now: int) -> tuple[Keys, Keys, Rows, Rows]:
        """Return who is asked, how many times, which places of the order that are, and each one's rank at its key.

        Of those who take *row* queries in a row, so many fewer are asked at a time.
        """
        asked = max(1, most // row)
        if len(keys) > 1:
            self._turn = (self._turn + asked) % len(keys)
            keys = np.concatenate([keys[self._turn :], keys[: self._turn]])
            if self.care.slowing.disturbed:  # where not all can be asked, those who take it well
                slowed = self.care.slowing.slowed(keys)
                keys = np.concatenate([keys[~slowed], keys[slowed]])
            keys = keys[:asked]
        counts = np.minimum(self.care.allow(keys, now), self._end[keys] - self._next[keys])
        if int(counts.sum()) > most:
            share = max(1, most // len(keys))
            counts = np.minimum(counts, share - share % min(row, share))
        place, rank = _runs(self._next[keys], counts)
        ready = self._due[place] <= now
        if not ready.all():
            counts = np.bincount(np.repeat(np.arange(len(keys)), counts)[ready], minlength=len(keys))
            place, rank = place[ready], rank[ready]
        return keys, counts, place, rank

    def _enlist(self, rows: Rows, keys: Keys, counts: Keys, rank: Rows) -> None:
        if self._epoch is None:
            self._epoch = np.zeros(len(self.queries), np.uint16)
        self._epoch[rows] = self.care.slowing.enlist(keys, counts, rank)

    def hold(self, rows: Rows, now: int) -> None:
        """Note that *rows* could not leave: choose no more for their addresses, or all would leave at once later."""
        if not self._free and len(rows):
            keys = self._key[rows]
            self._wake[keys] = np.maximum(self._wake[keys], now + STUCK)

    def be_late(self, rows: Rows) -> None:
        """Note that *rows* have waited for long."""
        if not self._free and len(rows):
            self.care.release(self._key[rows])

    def age(self, rows: Rows, silent: NDArray[np.bool_], now: int) -> None:
        """Note that *rows*, in the order they left, are a timeout old, and which of them got nothing."""
        if not (self._free or self.queries.again) and len(rows):
            self.care.age(self._key[rows], silent, None if self._epoch is None else self._epoch[rows], now)

    def settle(self, rows: Rows, late: NDArray[np.bool_] | None, ending: NDArray[np.uint8] | Ending, now: int) -> None:
        """Note how *rows* ended; *late*: which were late before."""
        if self._free or not len(rows):
            return
        self.care.release(self._key[rows if late is None else rows[~late]])
        queries = self.queries
        if isinstance(ending, Ending):
            ending = np.full(len(rows), ending, np.uint8)
        epoch = None if self._epoch is None else self._epoch[rows]
        control = None if queries.control is None else queries.control[rows]
        self.care.settle(self._key[rows], ending, epoch, control, now, again=queries.again)

    def speak(self, rows: Rows, now: int) -> None:
        """Note late replies to *rows*, which had been given up."""
        if not self._free:
            self.care.speak(self._key[rows], now)

    def withhold(self, key: int, words: str) -> int:
        """See ``Waiting``; *words* say why."""
        rows = self._order[self._next[key] : self._end[key]]
        self._next[key], self._wake[key] = self._end[key], NEVER
        if len(rows):
            self.withheld += len(rows)
            self.queries.withheld.append((rows, words))
        return len(rows)

    def renew(self, key: int, *, control: bool) -> None:
        """See ``Waiting``."""
        begin, end = int(self._next[key]), int(self._end[key])
        if begin < end:
            self._wake[key] = self._due[begin]
            self._soonest = min(self._soonest, int(self._wake[key]))
        if control and self.queries.control is not None:
            rows = self._order[begin:end]
            first = np.flatnonzero(self.queries.control[rows])[:PULLED]
            self._order[begin:end] = np.concatenate([rows[first], np.delete(rows, first)])

    @property
    def left(self) -> bool:
        """Whether any query still has to wait for its turn."""
        return bool((self._next < self._end).any())

    def next_at(self, now: int) -> int:
        """Return when a query may leave, as things are *now*; ``NEVER``: none is left, or all windows are full."""
        care = self.care
        if now < self._soonest:
            return max(self._soonest, care.total_at) if self._soonest < NEVER else NEVER
        wake = int(np.where(care.in_flight < care.window, self._wake, NEVER).min(initial=NEVER))
        return max(wake, care.total_at)


def _sorted(key: Keys, due: NDArray[np.int64]) -> Rows:
    """Return the order by address, and for each address by time."""
    if len(key) <= SMALL:
        return np.lexsort((due, key))
    span = int(due.max() - due.min()).bit_length()
    if span + int(key.max()).bit_length() > 62:
        return np.lexsort((due, key))
    return np.argsort((key << span) + (due - due.min()))  # one number a query: five times as fast as two keys


def _runs(first: Rows, counts: Rows) -> tuple[Rows, Rows]:
    """Return *counts* numbers from each of *first* on, and which of its run each one is."""
    ends = np.cumsum(counts)
    rank = np.arange(int(ends[-1])) - np.repeat(ends - counts, counts)
    return np.repeat(first, counts) + rank, rank
