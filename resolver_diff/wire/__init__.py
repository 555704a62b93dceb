"""DNS messages as columns: encode, decode, RDATA. No socket, no clock.

Many messages lie end to end in one buffer, as in an Arrow binary column, but in
NumPy so that sockets can send from it and receive into it without a copy.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

HEADER = 12  # octets of a DNS header (RFC 1035 4.1.1)
TYPE_AND_CLASS = 4  # octets of a question behind its name
WORD = 8  # octets
AHEAD = -HEADER % WORD  # octets by which a message begins behind a word, for its question to begin with one
HEAD = 8  # words that hold the header and the question of nearly all messages
QR, OPCODE = 0x80, 0x78  # in the third octet of the header


def octet_view(octets: NDArray[np.uint8], dtype: str) -> NDArray[np.unsignedinteger]:
    """Return the numbers that begin at every octet; it shares the octets and may be written to as they may."""
    kind = np.dtype(dtype)
    return np.ndarray((max(0, len(octets) - kind.itemsize + 1),), kind, octets, strides=(1,))


def first_words(octets: NDArray[np.uint8], start: NDArray[np.int64], count: int) -> NDArray[np.uint64]:
    """Return the *count* words from each *start* on, a row each; so many octets must be there."""
    size = count * WORD
    rows = np.ndarray((max(0, len(octets) - size + 1),), np.dtype((np.void, size)), octets, strides=(1,))
    return rows[start].view(np.uint64).reshape(len(start), count)


def no_bit(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Say which rows of *words* are zero; changes them."""
    total = words[:, 0]
    for place in range(1, words.shape[1]):
        total |= words[:, place]
    zero: NDArray[np.bool_] = total == 0
    return zero


def same_octets(
    one: NDArray[np.uint8],
    at: NDArray[np.int64],
    other: NDArray[np.uint8],
    where: NDArray[np.int64],
    size: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Say where *size* octets (at least ``WORD``) of *one* from *at* are those of *other* from *where*."""
    ours, theirs = octet_view(one, "<u8"), octet_view(other, "<u8")
    same = np.ones(len(size), np.bool_)
    last = size - WORD  # the last word begins here, and may overlap the one before
    rows: NDArray[np.int64] | slice = slice(None)
    for begin in range(0, int(size.max(initial=0)), WORD):
        longer = size > begin
        if not longer.all():
            rows = np.flatnonzero(longer)
        offset = np.minimum(begin, last[rows])
        same[rows] &= ours[at[rows] + offset] == theirs[where[rows] + offset]
    return same


@dataclass(frozen=True)
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

    @cached_property
    def name_length(self) -> NDArray[np.int64]:
        """Octets of the name of each question, final root label included; for queries of our own making."""
        length = np.ones(len(self), np.int64)
        place = self.start + HEADER
        unended = np.arange(len(self))
        while True:
            label = self.octets[place].astype(np.int64)
            more = np.flatnonzero(label)
            if len(more) == 0:
                return length
            unended, step = unended[more], label[more] + 1
            length[unended] += step
            place = place[more] + step

    @cached_property
    def wanted(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
        """The first words of a response to each message: which bits count, and what they are; and its least length.

        It is a response of the same OPCODE, with the same question, to the letter. No length is enough where the
        question is longer than ``HEAD`` words. For queries of our own making.
        """
        size = HEADER + self.name_length + TYPE_AND_CLASS
        octets = np.concatenate([self.octets, np.zeros(HEAD * WORD, np.uint8)])
        value = first_words(octets, self.start, HEAD)
        bits = np.where(np.arange(HEAD * WORD) < size[:, np.newaxis], np.uint8(0xFF), np.uint8(0))
        bits[:, :HEADER] = [0, 0, QR | OPCODE, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0]  # not the ID, nor the other flags
        value.view(np.uint8)[:, 2] |= QR
        words = bits.view(np.uint64)
        return words, value & words, np.where(size <= HEAD * WORD, size, np.iinfo(np.int64).max)

    def take(self, index: NDArray[np.integer] | NDArray[np.bool_] | slice) -> "Messages":
        """Return the messages at *index* (or where it is true); they share the octets."""
        return Messages(self.octets, self.start[index], self.length[index])
