"""Replies -> the columns of Observations that a message decides.

Messages that differ in ID and TTLs alone are read once; the header is read as
columns, and so are the TTLs.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff.tables import Observations, Outcome
from resolver_diff.wire import HEADER, Messages, octet_view
from resolver_diff.wire.familiar import Familiar
from resolver_diff.wire.names import read_name
from resolver_diff.wire.normal import copy, normal
from resolver_diff.wire.question import same_question
from resolver_diff.wire.reading import NOERROR, NXDOMAIN, RCODE, Question, Reading, read

COLUMNS = (
    "outcome", "rcode", "aa", "tc", "ra", "ad", "answer", "answer_hash", "cname", "ttl", "soa", "authority",
    "ede", "ede_text", "nsid", "size",
)  # fmt: skip
CHUNK_MESSAGES = 1 << 16
CHUNK_OCTETS = 1 << 24
FEW_TTLS = 8
LARGEST_TTL = 2**31 - 1  # a TTL above it counts as zero (RFC 2181 8)

_SCHEMA = {name: Observations.schema[name] for name in COLUMNS}
_READ = ("answer", "cname", "soa", "authority", "ede", "ede_text", "nsid")  # columns that a Reading holds as they are
_OUTCOMES = pl.Series([str(outcome) for outcome in Outcome], dtype=_SCHEMA["outcome"])
_CODE = {outcome: code for code, outcome in enumerate(Outcome)}
TC = 0x0200  # in the third and fourth octet of the header
_FLAGS = {"aa": 0x0400, "tc": TC, "ra": 0x0080, "ad": 0x0020}
_BY_RCODE = {2: Outcome.SERVFAIL, NXDOMAIN: Outcome.NXDOMAIN, 5: Outcome.REFUSED}


def decode(asked: Messages, about: NDArray[np.integer], replies: Messages) -> pl.DataFrame:
    """Return one row per reply: ``replies[i]`` answers the question of ``asked[about[i]]``.

    Any octets whatever give a row; what is no DNS message has the outcome ``malformed``.
    """
    decoder = Decoder()
    return decoder.frame(decoder.read(asked, about, replies, same_question(asked, about, replies)))


@dataclass(frozen=True, slots=True)
class Decoded:
    """Replies as arrays; what they say beside header and TTL is in the decoder that read them."""

    reading: NDArray[np.int32]  # which of the decoder's readings
    flags: NDArray[np.uint16]  # third and fourth octet of the header
    ttl: NDArray[np.int64]  # the least that counts; -1 where there is none
    size: NDArray[np.int64]  # octets
    malformed: NDArray[np.bool_]  # no DNS message, or one that is cut off where its answer would be

    @classmethod
    def blank(cls, size: int) -> "Decoded":
        """Return *size* rows to be filled."""
        numbers = np.zeros(size, np.int64)
        return cls(
            np.zeros(size, np.int32), np.zeros(size, np.uint16), numbers, numbers.copy(), np.zeros(size, np.bool_)
        )

    @classmethod
    def join(cls, parts: list["Decoded"]) -> "Decoded":
        """Return the rows of all *parts*."""
        if len(parts) == 1:
            return parts[0]
        return cls(*[np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__])

    def take(self, index: NDArray[np.integer] | NDArray[np.bool_]) -> "Decoded":
        """Return the rows at *index*, or where it is true."""
        return Decoded(*[getattr(self, name)[index] for name in self.__slots__])


class _Read(NamedTuple):
    """What was found out about replies one by one."""

    reading: NDArray[np.int32]
    flags: NDArray[np.uint16]
    malformed: NDArray[np.bool_]
    masks: Messages  # see ``Normal``


class Decoder:
    """Reads replies; what was read once is not read again as long as the decoder lives."""

    def __init__(self, *, repeats: bool = True) -> None:
        """Expect many replies to each query, if it *repeats*."""
        self.octets = 0  # of the messages that are remembered: what the memory they take is measured by
        self._repeats = repeats
        self._familiar: Familiar | None = None
        self._readings: list[Reading] = []
        self._met: dict[bytes, int] = {}
        self._malformed, self._bare = bytearray(), bytearray()  # by reading: it is; it has no answer and no extension
        self._ttls, self._ttl_ends = array("q"), array("q", [0])  # their places; where those of each reading end

    def read(
        self, asked: Messages, about: NDArray[np.integer], replies: Messages, echoed: NDArray[np.bool_]
    ) -> Decoded:
        """Return a row per reply: ``replies[i]`` answers the question of ``asked[about[i]]``, and repeats it or not."""
        place: NDArray[np.int64] = about.astype(np.int64, copy=False)
        chunks = list(_chunks(replies))
        if len(chunks) == 1:
            return self._read(asked, place, replies, echoed)
        parts = [self._read(asked, place[chunk], replies.take(chunk), echoed[chunk]) for chunk in chunks]
        return Decoded.join(parts) if parts else Decoded.blank(0)

    def _read(self, asked: Messages, about: NDArray[np.int64], replies: Messages, echoed: NDArray[np.bool_]) -> Decoded:
        if not self._repeats:
            reading, flags, malformed, _ = self._read_each(asked, about, replies, echoed)
            return self._decoded(replies, reading, flags, malformed)
        if self._familiar is None or self._familiar.asked is not asked:
            self._familiar = Familiar(asked, replies)
        familiar = self._familiar
        met = familiar.met(about, replies, echoed)
        reading, flags, malformed = familiar.reading[about], familiar.flags[about], familiar.malformed[about]
        if not met.all():
            other = np.flatnonzero(~met)
            about, rest, echoed = about[other], replies.take(other), echoed[other]
            read = self._read_each(asked, about, rest, echoed)
            reading[other], flags[other], malformed[other] = read[:3]
            new = familiar.choose(about, rest, echoed)
            facts = read.reading[new], read.flags[new], read.malformed[new]
            familiar.remember(about[new], rest.take(new), read.masks.take(new), facts)
        return self._decoded(replies, reading, flags, malformed)

    def _decoded(
        self,
        replies: Messages,
        reading: NDArray[np.int32],
        flags: NDArray[np.uint16],
        malformed: NDArray[np.bool_],
    ) -> Decoded:
        ends, places = np.frombuffer(self._ttl_ends, np.int64), np.frombuffer(self._ttls or b"", np.int64)
        return Decoded(reading, flags, _least_ttl(replies, places, ends, reading), replies.length, malformed)

    def _read_each(
        self, asked: Messages, about: NDArray[np.int64], replies: Messages, echoed: NDArray[np.bool_]
    ) -> _Read:
        work = copy(replies)
        flags = octet_view(work.octets, ">u2")[work.start + 2].astype(np.uint16)
        alike, first, plain, masks = normal(work, HEADER + asked.name_length[about], echoed)
        is_leader = np.zeros(len(alike), np.bool_)
        is_leader[alike] = True
        leaders = np.flatnonzero(is_leader)
        begins, ends = first[leaders].tolist(), (work.start + work.length)[leaders].tolist()
        questions = _questions(asked, about[leaders], plain[leaders])
        read_as = np.zeros(len(alike), np.int32)
        raw = work.octets
        rows = zip(leaders.tolist(), begins, ends, questions, echoed[leaders].tolist(), strict=True)
        for row, begin, end, question, echo in rows:
            key = raw[begin:end].tobytes() if echo else b""
            index = self._met.get(key) if echo else None
            if index is None:
                index = self._remember(key, read(replies[row], question, echoed=echo))
            read_as[row] = index
        read_as = read_as[alike]
        # TC and no answer is no denial (RFC 2181 9)
        cut_off = (flags & TC != 0) & ((flags & RCODE) == NOERROR) & np.frombuffer(self._bare, np.bool_)[read_as]
        malformed = np.frombuffer(self._malformed, np.bool_)[read_as] | cut_off
        return _Read(read_as, flags, malformed, Messages(masks, work.start, work.length))

    def _remember(self, key: bytes, reading: Reading) -> int:
        index = len(self._readings)
        self._readings.append(reading)
        self._malformed.append(reading.malformed)
        self._ttls.extend(reading.ttls)
        self._ttl_ends.append(len(self._ttls))
        self._bare.append(reading.answer is None and reading.extended == 0)
        self.octets += len(key) + sum(len(text) for text in (reading.answer, reading.cname, reading.ede_text) if text)
        if key:
            self._met[key] = index
        return index

    def frame(self, decoded: Decoded, *, categories: bool = False) -> pl.DataFrame:
        """Return *decoded* as the columns of ``COLUMNS``; with *categories*, these instead of texts."""
        used = np.zeros(len(self._readings), np.bool_)
        used[decoded.reading] = True
        which = (np.cumsum(used) - 1)[decoded.reading]
        return _frame(
            decoded, [self._readings[index] for index in np.flatnonzero(used).tolist()], which, categories=categories
        )


def _chunks(replies: Messages) -> Iterator[NDArray[np.int64]]:
    """Yield the indexes of replies that are decoded together: not too many, and not too large."""
    octets = np.cumsum(replies.length)
    first = 0
    while first < len(replies):
        so_far = int(octets[first - 1]) if first else 0
        fitting = int(np.searchsorted(octets, so_far + CHUNK_OCTETS, side="right"))
        last = min(max(fitting, first + 1), first + CHUNK_MESSAGES, len(replies))
        yield np.arange(first, last)
        first = last


def _questions(asked: Messages, about: NDArray[np.integer], nameless: NDArray[np.bool_]) -> Iterator[Question]:
    """Yield the question of each query; without its name where the reading does not depend on it."""
    pairs = octet_view(asked.octets, ">u2")
    after = asked.start[about] + HEADER + asked.name_length[about]
    columns = nameless.tolist(), about.tolist(), pairs[after].tolist(), pairs[after + 2].tolist()
    for free, index, qtype, qclass in zip(*columns, strict=True):
        yield Question("" if free else _qname(asked[index]), qtype, qclass)


@lru_cache(1 << 14)
def _qname(query: bytes) -> str:
    return read_name(query, HEADER, {})[0]


def _frame(
    decoded: Decoded, readings: list[Reading], which: NDArray[np.integer], *, categories: bool = False
) -> pl.DataFrame:
    """Return the rows: the header of each reply, and that of the *readings* that *which* names for it."""
    if not len(decoded.reading):
        return pl.DataFrame(schema=_SCHEMA)
    fields = dict(zip(Reading._fields, zip(*readings, strict=True), strict=True))
    read_once = pl.DataFrame({name: pl.Series(fields[name], dtype=_SCHEMA[name]) for name in _READ}).with_columns(
        pl.Series("answer_hash", [content_hash(answer) for answer in fields["answer"]], dtype=_SCHEMA["answer_hash"])
    )
    if categories:
        texts = (text for text in read_once if text.dtype == pl.String)
        read_once = read_once.with_columns(text.cast(pl.Enum(text.drop_nulls().unique())) for text in texts)
    extended = np.array(fields["extended"], np.uint16)[which]
    answered = np.array([answer is not None for answer in fields["answer"]], np.bool_)[which]
    header = {"rcode": decoded.flags & RCODE | extended << 4}
    header |= {name: (decoded.flags & bit) != 0 for name, bit in _FLAGS.items()}
    ttl = pl.Series("ttl", np.maximum(decoded.ttl, 0).astype(np.uint32), dtype=_SCHEMA["ttl"])
    if (decoded.ttl < 0).any():
        ttl = ttl.set(pl.Series(decoded.ttl < 0), None)
    index = pl.Series(which, dtype=pl.UInt32())
    frame = pl.DataFrame([_gathered(column, index) for column in read_once]).with_columns(
        _OUTCOMES[_outcome(header["rcode"], decoded.malformed, answered)].alias("outcome"),
        *(pl.Series(name, column, dtype=_SCHEMA[name]) for name, column in header.items()),
        ttl,
        pl.Series("size", decoded.size, dtype=_SCHEMA["size"]),
    )
    if (decoded.size < HEADER).any():
        whole = pl.col("size") >= HEADER
        frame = frame.with_columns(pl.when(whole).then(pl.col(name)) for name in header)
    return frame.select(COLUMNS)


def _gathered(column: pl.Series, index: pl.Series) -> pl.Series:
    if column.null_count() == len(column):
        return pl.Series(column.name, [None], dtype=column.dtype).new_from_index(0, len(index))
    return column.gather(index)


def _outcome(
    rcode: NDArray[np.integer], malformed: NDArray[np.bool_], answered: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return the place of each row's outcome in Outcome."""
    outcome = np.full(len(rcode), _CODE[Outcome.OTHER_RCODE], np.uint8)
    for number, name in _BY_RCODE.items():
        outcome[rcode == number] = _CODE[name]
    outcome[rcode == NOERROR] = _CODE[Outcome.NODATA]
    outcome[answered] = _CODE[Outcome.ANSWER]
    outcome[malformed] = _CODE[Outcome.MALFORMED]
    return outcome


def _least_ttl(
    replies: Messages, places: NDArray[np.int64], ends: NDArray[np.int64], reading: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return the least of each reply's TTLs that count, -1 where none does.

    *places* are those of all readings, from the end of the message; *ends* where each one's end, after a zero.
    """
    which = reading.astype(np.int64)
    wanted = np.diff(ends).take(which)
    if not (wanted == 1).all():
        return _least_of_many(replies, places, ends, which, wanted)
    at = replies.start + replies.length
    at -= places[ends[:-1].clip(max=len(places) - 1)].take(which)
    ttl: NDArray[np.int64] = octet_view(replies.octets, ">u4")[at].astype(np.int64)
    ttl[ttl > LARGEST_TTL] = 0
    return ttl


def _least_of_many(
    replies: Messages,
    places: NDArray[np.int64],
    ends: NDArray[np.int64],
    which: NDArray[np.int64],
    wanted: NDArray[np.int64],
) -> NDArray[np.int64]:
    ttl = np.full(len(which), -1, np.int64)
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return ttl
    first = ends[which[rows]]
    end = (replies.start + replies.length)[rows]
    fours = octet_view(replies.octets, ">u4")
    most, wanted = int(wanted.max()), wanted[rows]
    if most <= FEW_TTLS:  # one of each reply at a time
        least = np.full(len(rows), LARGEST_TTL, np.int64)
        for nth in range(most):
            value = fours[end - places[first + np.minimum(nth, wanted - 1)]].astype(np.int64)
            np.minimum(least, np.where(value > LARGEST_TTL, 0, value), out=least)
    else:
        begin = np.cumsum(wanted) - wanted
        at = np.repeat(end, wanted) - places[np.arange(int(wanted.sum())) + np.repeat(first - begin, wanted)]
        values = fours[at].astype(np.int64)
        values[values > LARGEST_TTL] = 0
        least = np.minimum.reduceat(values, begin)
    ttl[rows] = least
    return ttl


def content_hash(answer: str | None) -> int | None:
    """Return the content hash of an answer: the same on every machine, in every version of Python."""
    if answer is None:
        return None
    return int.from_bytes(blake2b(answer.encode(), digest_size=8).digest(), "little")
