"""What any octets whatever must lead to in the decoder; needs no fuzzer, so that a corpus can be replayed anywhere.

The first octet chooses what is tried, the second how; the rest is what a resolver sent.
"""

from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

import numpy as np

from resolver_diff.tables import SILENCES, Outcome
from resolver_diff.wire import HEADER, Messages, edns
from resolver_diff.wire.decode import Decoder
from resolver_diff.wire.encode import encode
from resolver_diff.wire.names import LONGEST_LABEL, LONGEST_NAME, read_name
from resolver_diff.wire.normal import FEW
from resolver_diff.wire.question import echoes, same_question
from resolver_diff.wire.reading import Question, read
from wire_messages import reference

OWN = 0x80  # in the second octet: the question is one of OURS, whatever the message says
OURS = list(
    encode(
        ["www.example.com", "odd.example", "example", r"a\000b.example", "www.example.com", "id.server"],
        ["A", "AAAA", "SOA", "TXT", "ANY", "TXT"],
    )
)
MOST = 4  # messages to a batch
OPT = 41
NOT_HELD = ("answer_hash", "size", "ttl", "aa", "tc", "ra", "ad")  # columns that reading alone does not give
FOLDED = bytes(octet + 32 if 65 <= octet <= 90 else octet for octet in range(256))


def check(octets: bytes) -> None:
    """Give *octets* to one part of the decoder; raises where a promise is broken."""
    if len(octets) >= 2:
        TARGETS[octets[0] % len(TARGETS)](octets[1], octets[2:])


def check_reading(how: int, reply: bytes) -> None:
    """One message is read as dnspython reads it, where dnspython does."""
    query = asked(how, reply)
    end = question_end(query, HEADER)
    assert end is not None
    question = Question(read_name(query, HEADER, {})[0], number(query, end - 4), number(query, end - 2))
    echoed = bool(same_question(Messages.of([query]), np.zeros(1, np.int64), Messages.of([reply]))[0])
    reading = read(reply, question, echoed=echoed)
    plain = timeless(reply)
    expected = reference(query, plain) if plain is not None else None
    if expected is None:
        return
    assert reading.malformed == (expected["outcome"] == Outcome.MALFORMED), reply.hex()
    if reading.malformed:
        return
    got = {**reading._asdict(), "rcode": reading.extended << 4 | reply[3] & 15}
    for column, value in expected.items():
        if column not in {*NOT_HELD, "outcome"}:
            assert got[column] == value, (column, got[column], value, reply.hex())


def check_batch(how: int, octets: bytes) -> None:
    """Messages read together, in any order and again, give the rows that each gives alone, and dnspython gives."""
    replies = split(octets)[:MOST] or [b""]
    queries = [asked(how, reply) for reply in replies]
    pairs = [*zip(queries, replies, strict=True), (OURS[how % len(OURS)], replies[0])]
    alone = {pair: rows(Decoder(), [pair])[0] for pair in pairs}
    many = list(islice(cycle(pairs), 3 * FEW))  # enough to be walked side by side, also where some end early
    decoder = Decoder()
    for together in (many, pairs[::-1]):
        numbered = [(query, renumbered(reply, place)) for place, (query, reply) in enumerate(together)]
        assert rows(decoder, numbered) == [alone[pair] for pair in together]
    aged = [(query, timeless(reply) or reply) for query, reply in many]
    assert [without_ttl(row) for row in rows(decoder, aged)] == [without_ttl(alone[pair]) for pair in many]
    for (query, reply), row in alone.items():
        plain = timeless(reply)
        expected = reference(query, plain) if plain is not None else None
        assert expected is None or without_ttl(row) == without_ttl(expected), reply.hex()
        assert row["outcome"] in set(Outcome)
        assert row["outcome"] not in SILENCES or row["outcome"] == Outcome.MALFORMED
        assert (row["outcome"] == Outcome.ANSWER) == (row["answer"] is not None) == (row["answer_hash"] is not None)
        for column in ("answer", "cname", "soa", "ede_text", "nsid"):
            assert row[column] is None or row[column].isprintable(), (column, row[column])


def check_echo(how: int, octets: bytes) -> None:
    """A batch of messages is compared with its questions as each message is, octet by octet."""
    replies = [bent for reply in split(octets)[:MOST] or [b""] for bent in variants(reply)]
    queries = [asked(how, reply) for reply in replies]
    got = echoes(Messages.of(queries), np.arange(len(queries)), Messages.of(replies)).tolist()
    assert got == [is_echo(query, reply) for query, reply in zip(queries, replies, strict=True)]


def check_options(_how: int, rdata: bytes) -> None:
    """Options of any octets give text that can be shown."""
    found = edns.read_options(rdata)
    for text in (found.ede_text, found.nsid):
        assert text is None or (text and text.isprintable() and text.encode())
    assert found.ede is None or all(0 <= code <= 0xFFFF for code in found.ede)


TARGETS: tuple[Callable[[int, bytes], None], ...] = (check_reading, check_batch, check_echo, check_options)


def rows(decoder: Decoder, pairs: list[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
    """Decode pairs of a query and a reply together."""
    queries, replies = (Messages.of(part) for part in zip(*pairs, strict=True))
    about = np.arange(len(pairs))
    return decoder.frame(decoder.read(queries, about, replies, same_question(queries, about, replies))).to_dicts()


def asked(how: int, reply: bytes) -> bytes:
    """Return a query: the one that has the question of *reply*, if it has one and *how* allows it, else one of OURS."""
    end = question_end(reply, HEADER)
    if how & OWN or end is None:
        return OURS[how % len(OURS)]
    return OURS[0][:HEADER] + reply[HEADER : end - 4].translate(FOLDED) + reply[end - 4 : end] + OURS[0][-15:]


def question_end(message: bytes, at: int) -> int | None:
    """Return where the question at *at* ends; None where its name is not one that we could have asked for."""
    begin = at
    while at < len(message) and message[at] <= LONGEST_LABEL and at - begin < LONGEST_NAME:
        if message[at] == 0:
            return at + 5 if at + 5 <= len(message) else None
        at += 1 + message[at]
    return None


def is_echo(query: bytes, reply: bytes) -> bool:
    """Say whether *reply* is a response to *query*, octet by octet."""
    if len(reply) < HEADER or not reply[2] & 0x80 or reply[2] & 0x78:
        return False
    count = number(reply, 4)
    if count == 0:
        return reply[3] & 15 in (1, 2, 4, 5)
    end = question_end(query, HEADER)
    assert end is not None
    name = slice(HEADER, end - 4)
    same_name = query[name].translate(FOLDED) == reply[name].translate(FOLDED)
    return count == 1 and len(reply) >= end and same_name and query[end - 4 : end] == reply[end - 4 : end]


def split(octets: bytes) -> list[bytes]:
    """Return the messages that lie in *octets* as on a stream; the last may be cut short."""
    found, at = list[bytes](), 0
    while at + 2 <= len(octets):
        end = at + 2 + number(octets, at)
        found.append(octets[at + 2 : end])
        at = end
    return found


def framed(*messages: bytes) -> bytes:
    """Return what ``split`` takes apart."""
    return b"".join(len(message).to_bytes(2) + message for message in messages)


def variants(reply: bytes) -> Iterator[bytes]:
    """Yield *reply* as it is, with each bit of its flags and its count of questions turned over, and cut short."""
    yield reply
    for place in (2, 3, 5):
        for bit in range(8 if len(reply) > place else 0):
            yield reply[:place] + (reply[place] ^ 1 << bit).to_bytes() + reply[place + 1 :]
    for size in range(HEADER - 1, min(len(reply), HEADER + 24)):
        yield reply[:size]


def without_ttl(row: dict[str, Any]) -> dict[str, Any]:
    """Return *row* without the one column that TTLs decide."""
    return {**row, "ttl": None}


def renumbered(reply: bytes, place: int) -> bytes:
    """Return *reply* with another ID, which must not matter."""
    return place.to_bytes(2) + reply[2:] if len(reply) >= HEADER else reply


def number(octets: bytes | bytearray, at: int) -> int:
    """Return the 16 bits at *at*."""
    return int.from_bytes(octets[at : at + 2])


def timeless(reply: bytes) -> bytes | None:
    """Return *reply* with the ID and every TTL 0, as the decoder reads it; None where it cannot be walked."""
    if len(reply) < HEADER:
        return None
    message = bytearray(reply)
    message[:2] = bytes(2)
    at = HEADER
    try:
        for _ in range(number(reply, 4)):
            at = after_name(message, at) + 4
        for _ in range(sum(number(reply, place) for place in (6, 8, 10))):
            at = after_name(message, at)
            if at + 10 > len(message):
                return None
            if number(message, at) != OPT:
                message[at + 4 : at + 8] = bytes(4)
            at += 10 + number(message, at + 8)
    except IndexError:
        return None
    return bytes(message)


def after_name(message: bytearray, at: int) -> int:
    """Return where the name at *at* ends; raises IndexError where that is not in the message."""
    while message[at]:
        if message[at] >= 0xC0:
            return at + 2
        at += 1 + message[at]
    return at + 1
