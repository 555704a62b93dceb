"""Replies -> the columns of Observations that a message decides.

Messages that differ in ID and TTLs alone are read once; the header is read as
columns, and so are the TTLs.
"""

from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff.tables import Observations, Outcome
from resolver_diff.wire import HEADER, Messages, normal
from resolver_diff.wire.names import read_name
from resolver_diff.wire.question import name_lengths, same_question
from resolver_diff.wire.reading import NOERROR, NXDOMAIN, Question, Reading, read

COLUMNS = (
    "outcome", "rcode", "aa", "tc", "ra", "ad", "answer", "answer_hash", "cname", "ttl", "soa", "authority",
    "ede", "ede_text", "nsid", "size",
)  # fmt: skip
CHUNK_MESSAGES = 1 << 16
CHUNK_OCTETS = 1 << 24
LARGEST_TTL = 2**31 - 1  # a TTL above it counts as zero (RFC 2181 8)

_SCHEMA = {name: Observations.schema[name] for name in COLUMNS}
_READ = ("answer", "cname", "soa", "authority", "ede", "ede_text", "nsid")  # columns that a Reading holds as they are
_OUTCOMES = pl.Series([str(outcome) for outcome in Outcome], dtype=_SCHEMA["outcome"])
_CODE = {outcome: code for code, outcome in enumerate(Outcome)}
_BY_RCODE = {2: Outcome.SERVFAIL, NXDOMAIN: Outcome.NXDOMAIN, 5: Outcome.REFUSED}


def decode(asked: Messages, about: NDArray[np.integer], replies: Messages) -> pl.DataFrame:
    """Return one row per reply: ``replies[i]`` answers the question of ``asked[about[i]]``.

    Any octets whatever give a row; what is no DNS message has the outcome ``malformed``.
    """
    frames = [_decode_chunk(asked.take(about[chunk]), replies.take(chunk)) for chunk in _chunks(replies)]
    return pl.concat(frames) if frames else pl.DataFrame(schema=_SCHEMA)


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


def _decode_chunk(queries: Messages, replies: Messages) -> pl.DataFrame:
    """Return one row per reply; query i asked what reply i answers."""
    work = normal.copy(replies)
    names = name_lengths(queries)
    echoed = same_question(queries, work)
    rcode, flags = _header(work)
    alike = np.arange(len(replies))  # for each reply, the first that says the same
    keys, nameless = normal.keys(work, HEADER + names, echoed)
    met: dict[bytes, int] = {}
    # what the others say depends on a question that is not in them
    alike[echoed] = [met.setdefault(keys[index], index) for index in np.flatnonzero(echoed).tolist()]
    distinct, which = np.unique(alike, return_inverse=True)
    questions = _questions(queries.take(distinct), names[distinct], nameless[distinct])
    readings = [
        read(reply, question, echoed=echo)
        for reply, question, echo in zip(replies.take(distinct), questions, echoed[distinct].tolist(), strict=True)
    ]
    return _frame(replies, rcode, flags, readings, which)


def _questions(queries: Messages, names: NDArray[np.int64], nameless: NDArray[np.bool_]) -> Iterator[Question]:
    """Yield the question of each query; without its name where the reading does not depend on it."""
    pairs = normal.octet_view(queries.octets, ">u2")
    after = queries.start + HEADER + names
    columns = nameless.tolist(), pairs[after].tolist(), pairs[after + 2].tolist()
    for index, (free, qtype, qclass) in enumerate(zip(*columns, strict=True)):
        yield Question("" if free else _qname(queries[index]), qtype, qclass)


@lru_cache(1 << 14)
def _qname(query: bytes) -> str:
    return read_name(query, HEADER, {})[0]


def _header(work: Messages) -> tuple[NDArray[np.uint16], dict[str, NDArray[np.bool_]]]:
    """Return what the headers say: the RCODE without its extension, and the flags."""
    third = work.octets[work.start + 2]
    fourth = work.octets[work.start + 3]
    return (fourth & 0x0F).astype(np.uint16), {
        "aa": (third & 0x04) != 0,
        "tc": (third & 0x02) != 0,
        "ra": (fourth & 0x80) != 0,
        "ad": (fourth & 0x20) != 0,
    }


def _frame(
    replies: Messages,
    rcode: NDArray[np.uint16],
    flags: dict[str, NDArray[np.bool_]],
    readings: list[Reading],
    which: NDArray[np.integer],
) -> pl.DataFrame:
    """Return the rows: the header of each reply, and that of the *readings* that *which* names for it."""
    fields = dict(zip(Reading._fields, zip(*readings, strict=True), strict=True))
    read_once = pl.DataFrame({name: pl.Series(fields[name], dtype=_SCHEMA[name]) for name in _READ}).with_columns(
        pl.Series("answer_hash", [_hash(answer) for answer in fields["answer"]], dtype=_SCHEMA["answer_hash"])
    )
    extended = np.array(fields["extended"], np.uint16)[which]
    malformed = np.array(fields["malformed"], np.bool_)[which]
    answered = np.array([answer is not None for answer in fields["answer"]], np.bool_)[which]
    header = {"rcode": rcode | extended << 4, **flags}
    malformed |= flags["tc"] & ~answered & (header["rcode"] == NOERROR)  # cut off; that is no denial (RFC 2181 9)
    frame = read_once.select(pl.all().gather(pl.Series(which, dtype=pl.UInt32()))).with_columns(
        _OUTCOMES[_outcome(header["rcode"], malformed, answered)].alias("outcome"),
        *(pl.Series(name, column, dtype=_SCHEMA[name]) for name, column in header.items()),
        _least_ttl(replies, fields["ttls"], which),
        pl.Series("size", replies.length, dtype=_SCHEMA["size"]),
    )
    if (replies.length < HEADER).any():
        whole = pl.col("size") >= HEADER
        frame = frame.with_columns(pl.when(whole).then(pl.col(name)) for name in header)
    return frame.select(COLUMNS)


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


def _least_ttl(replies: Messages, places: tuple[tuple[int, ...], ...], which: NDArray[np.integer]) -> pl.Series:
    """Return the least of each reply's TTLs that count; *places*: of each reading, from the end."""
    count = np.fromiter(map(len, places), np.int64, len(places))
    flat = np.fromiter(chain.from_iterable(places), np.int64, int(count.sum()))
    wanted = count[which]
    has = wanted > 0
    ttl = np.zeros(len(which), np.uint32)
    if has.any():
        first = np.cumsum(wanted) - wanted
        place = np.arange(int(wanted.sum())) + np.repeat((np.cumsum(count) - count)[which] - first, wanted)
        at = np.repeat(replies.start + replies.length, wanted) - flat[place]
        values = normal.octet_view(replies.octets, ">u4")[at].astype(np.uint32)
        values[values > LARGEST_TTL] = 0
        ttl[has] = np.minimum.reduceat(values, first[has])
    return pl.Series("ttl", ttl, dtype=_SCHEMA["ttl"]).set(pl.Series(~has), None)


def _hash(answer: str | None) -> int | None:
    """Return the content hash of an answer: the same on every machine, in every version of Python."""
    if answer is None:
        return None
    return int.from_bytes(blake2b(answer.encode(), digest_size=8).digest(), "little")
