"""What a batch has heard so far, as arrays by position: each time of asking, and the first reply to each question."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff.transports import Queries, Responses, Trouble
from resolver_diff.wire.decode import Decoded


class Answers:
    """The first whole reply to each question; only of what has come and is not yet a row.

    They stand in the order they came, and each position knows its place in it: to put every column of
    every reply where its question stands would be a dozen writes all over the memory for each.
    """

    def __init__(self, size: int) -> None:
        self._place = np.full(size, -1, np.int32)  # by position
        self._parts: list[tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], Decoded]] = []
        self._count = 0

    def put(
        self,
        position: NDArray[np.int64],
        attempt: int,
        sent: NDArray[np.int64],
        rtt: NDArray[np.int64],
        decoded: Decoded,
    ) -> None:
        """Keep what came to the questions at *position*, each once; *sent* and *rtt* in ns."""
        self._place[position] = np.arange(self._count, self._count + len(position), dtype=np.int32)
        self._parts.append((np.full(len(position), attempt, np.uint8), sent, rtt, decoded))
        self._count += len(position)

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which positions have a reply."""
        found: NDArray[np.bool_] = self._place >= 0
        return found

    def take(
        self, position: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], Decoded]:
        """Return attempt, time of asking, rtt and content of the replies at *position*, all there are; forget them."""
        place = self._place[position]
        self._place[position] = -1
        attempt, sent, rtt = (np.concatenate([part[column] for part in self._parts])[place] for column in range(3))
        decoded = Decoded.join([part[3] for part in self._parts]).take(place)
        self._parts, self._count = [], 0
        return attempt, sent, rtt, decoded


@dataclass(slots=True)
class Attempt:
    """One time of asking; arrays by position in the batch."""

    asked: NDArray[np.bool_]
    replies: NDArray[np.uint8]  # whole messages that have come; truncated ones do not count
    written: NDArray[np.bool_]  # its silence has become a row
    trouble: NDArray[np.uint8]
    truncated: NDArray[np.bool_]  # a reply over UDP was; it is asked for over TCP
    row: NDArray[np.int32]  # of the query in the queries of its transport
    says: dict[int, str] = field(default_factory=dict)  # its trouble in words, by position
    queries: dict[str, Queries] = field(default_factory=dict)

    def meet(self, responses: Responses, mine: NDArray[np.int64], position: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Note the trouble in the responses *mine*, which are to *position*; say which have none."""
        trouble = responses.trouble[mine]
        whole: NDArray[np.bool_] = trouble == Trouble.NONE
        self.trouble[position[~whole]] = trouble[~whole]
        told = zip(mine.tolist(), position.tolist(), strict=True)
        self.says.update((place, responses.says[row]) for row, place in told if row in responses.says)
        return whole

    def words(self, position: NDArray[np.int64]) -> pl.Series:
        """Return the trouble at each *position* in words; null where there is none."""
        told = [self.says.get(place) for place in position.tolist()] if self.says else [None] * len(position)
        return pl.Series(told, dtype=pl.String)

    @classmethod
    def of(cls, size: int) -> "Attempt":
        """Return an attempt at *size* questions, of which nothing was heard yet."""
        asked, written, truncated = (np.zeros(size, np.bool_) for _ in range(3))
        replies, trouble = (np.zeros(size, np.uint8) for _ in range(2))
        return cls(asked, replies, written, trouble, truncated, np.full(size, -1, np.int32))


def count(replies: NDArray[np.uint8], position: NDArray[np.int64], mark: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Count one more reply at each *position*; return how many came before it, at most 255; *mark* is overwritten."""
    place = np.arange(len(position), dtype=np.int32)
    mark[position] = place
    if (mark[position] == place).all():  # each is there once
        earlier = replies[position]
        replies[position] = np.minimum(earlier, np.iinfo(np.uint8).max - 1) + 1
        return earlier
    order = np.argsort(position, kind="stable")
    first = np.searchsorted(position[order], position[order])
    before = np.empty(len(position), np.int64)
    before[order] = replies[position[order]] + np.arange(len(position)) - first
    before = np.minimum(before, np.iinfo(np.uint8).max)
    replies[position[order]] = np.minimum(before[order] + 1, np.iinfo(np.uint8).max)  # the last of equal ones counts
    return before.astype(np.uint8)
