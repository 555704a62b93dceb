"""DNS messages as columns: encode, decode, RDATA. No socket, no clock.

Many messages lie end to end in one buffer, as in an Arrow binary column, but in
NumPy so that sockets can send from it and receive into it without a copy.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEADER = 12  # octets of a DNS header (RFC 1035 4.1.1)


@dataclass(frozen=True, slots=True)
class Messages:
    """DNS messages end to end: message i is ``octets[start[i] : start[i] + length[i]]``."""

    octets: NDArray[np.uint8]
    start: NDArray[np.int64]
    length: NDArray[np.int64]

    @classmethod
    def of(cls, messages: Iterable[bytes]) -> "Messages":
        """Lay *messages* end to end."""
        listed = list(messages)
        length = np.fromiter(map(len, listed), np.int64, len(listed))
        return cls(np.frombuffer(b"".join(listed), np.uint8), np.cumsum(length) - length, length)

    @classmethod
    def join(cls, parts: Sequence["Messages"]) -> "Messages":
        """Lay the buffers of *parts* end to end; message numbers go on from part to part."""
        shift = np.cumsum([0, *(len(part.octets) for part in parts)])
        return cls(
            np.concatenate([part.octets for part in parts]),
            np.concatenate([part.start + by for part, by in zip(parts, shift, strict=False)]),
            np.concatenate([part.length for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, index: int) -> bytes:
        start = int(self.start[index])
        return self.octets[start : start + int(self.length[index])].tobytes()

    def __iter__(self) -> Iterator[bytes]:
        return (self[index] for index in range(len(self)))

    def take(self, index: NDArray[np.integer] | NDArray[np.bool_]) -> "Messages":
        """Return the messages at *index* (or where it is true); they share the octets."""
        return Messages(self.octets, self.start[index], self.length[index])
