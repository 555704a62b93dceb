"""Whatever octets come, a row comes out: in time, and never an exception."""

import time
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import dns.rdata
import dns.rdatatype
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wire_texts
from resolver_diff.tables import Outcome
from resolver_diff.wire import Messages
from resolver_diff.wire.decode import Decoder, decode
from resolver_diff.wire.encode import encode
from resolver_diff.wire.question import echoes, same_question
from resolver_diff.wire.reading import LONGEST_CHAIN
from wire_messages import RDATA, reference, rows, sample

ASKED = encode(["www.example.com"], ["A"])
QUESTION = ASKED[0][12:-15]
OWNER = b"\xc0\x0c"
FIRST = 12 + len(QUESTION)  # offset of the first record
ADDRESS = OWNER + bytes.fromhex("000100010000003c0004c0000201")
BITS = [1 << bit for bit in range(8)] + [0xFF]


def header(
    answers: int = 0, authorities: int = 0, additionals: int = 0, questions: int = 1, flags: int = 0x8180
) -> bytes:
    """Return a header with these counts."""
    return b"".join(number.to_bytes(2) for number in (0, flags, questions, answers, authorities, additionals))


def record(owner: bytes, kind: int, rdata: bytes) -> bytes:
    """Return a record of class IN."""
    return owner + kind.to_bytes(2) + b"\0\1\0\0\0\74" + len(rdata).to_bytes(2) + rdata


def one(reply: bytes, qtype: str = "A") -> dict[str, Any]:
    """Decode one reply to the question for www.example.com."""
    asked = encode(["www.example.com"], [qtype])
    return decode(asked, np.zeros(1, np.int64), Messages.of([reply])).row(0, named=True)


@pytest.mark.parametrize("name", wire_texts.TEXTS)
def test_every_truncation_gives_a_row(name: str) -> None:
    """A message cut short is malformed, unless it says so itself and an answer is left; a whole header is kept."""
    query, reply = wire_texts.query(name), wire_texts.wire(name)
    cuts = [reply[:length] for length in range(len(reply))]
    for cut, row in zip(cuts, rows((query, cut) for cut in cuts), strict=True):
        assert row["size"] == len(cut)
        if len(cut) < 12:
            assert (row["outcome"], row["rcode"], row["tc"]) == ("malformed", None, None)
        elif cut[2] & 2:
            assert (row["outcome"] == "malformed", row["tc"]) == (row["answer"] is None and row["rcode"] == 0, True)
        else:
            assert (row["outcome"], row["answer"]) == ("malformed", None)
            assert (row["rcode"], row["aa"]) == (reply[3] & 15, bool(reply[2] & 4))


@pytest.mark.parametrize("name", wire_texts.TEXTS)
def test_every_bent_octet_gives_a_row(name: str) -> None:
    """A message with any bit, or any whole octet, turned over gives the row dnspython's reading gives, or some row."""
    query = wire_texts.query(name)
    reply = wire_texts.wire(name, timeless=True)  # a bent pointer may lead into a TTL, where we read zeros
    bent = [
        bytes([*reply[:index], reply[index] ^ mask, *reply[index + 1 :]])
        for index in range(len(reply))
        for mask in BITS
    ]
    compared = 0
    for octets, row in zip(bent, rows((query, octets) for octets in bent), strict=True):
        expected = reference(query, octets)
        if expected is not None:
            compared += 1
            assert row == expected, octets.hex()
    assert compared > len(bent) // 8


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=40))
@settings(max_examples=100)
def test_any_octets_give_a_row(replies: list[bytes]) -> None:
    """Octets that are no message at all become rows, one each, and echo no question."""
    about = np.zeros(len(replies), np.int64)
    frame = decode(ASKED, about, Messages.of(replies))
    assert frame["size"].to_list() == [len(reply) for reply in replies]
    assert set(frame["outcome"]) <= set(Outcome)
    assert echoes(ASKED, about, Messages.of(replies)).shape == (len(replies),)


@given(st.randoms(use_true_random=False), st.data())
@settings(max_examples=150)
def test_wild_messages_decode_together_as_alone(random: Random, data: st.DataObject) -> None:
    """Replies with octets overwritten here and there decode in a batch as each does alone."""
    origin = sample(random)
    replies = []
    for _ in range(20):
        octets = bytearray(origin.reply)
        for _ in range(random.choice([0, 1, 1, 2, 5])):
            octets[random.randrange(len(octets))] = data.draw(st.sampled_from([0, 1, 12, 41, 63, 64, 192, 193, 255]))
        replies.append(bytes(octets))
    together = rows((origin.query, reply) for reply in replies)
    assert together == [rows([(origin.query, reply)])[0] for reply in replies]


@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_what_was_heard_before_changes_nothing(random: Random) -> None:
    """A reply, however bent, says after others to its query and to other queries what it says alone, TTLs included."""
    origins = [sample(random) for _ in range(3)]
    asked = Messages.of([origin.query for origin in origins])
    decoder = Decoder()
    for _ in range(3):
        about = np.array([random.randrange(3) for _ in range(24)])
        replies = [random.randbytes(2) + bent(random, origins[which].reply)[2:] for which in about.tolist()]
        laid = Messages.of([*replies, bytes(300)]).take(slice(len(replies)))
        together = decoder.frame(decoder.read(asked, about, laid, same_question(asked, about, laid))).to_dicts()
        assert together == [
            decode(asked, about[row : row + 1], Messages.of([reply])).to_dicts()[0] for row, reply in enumerate(replies)
        ]


def bent(random: Random, reply: bytes) -> bytes:
    """Return *reply* as it is, with an octet changed, with four, cut, with some more, or in other letters."""
    octets, at = bytearray(reply), random.randrange(2, len(reply))
    way = random.randrange(8)
    if way == 0:
        octets[at] = random.choice([0, 1, 12, 41, 63, 64, 192, 193, 255])
    elif way == 1:
        octets[at : at + 4] = random.randbytes(len(octets[at : at + 4]))
    elif way == 2:
        del octets[max(at, 12) :]
    elif way == 3:
        octets += random.randbytes(random.randrange(1, 9))
    elif way == 4:
        octets[12:] = octets[12:].swapcase()
    return bytes(octets)


LONG = b"\x3f" + b"x" * 63
MALFORMED = {
    "a pointer to itself": header(1) + QUESTION + b"\xc0\x21" + ADDRESS[2:],
    "a pointer forward": header(1) + QUESTION + b"\xc0\x30" + ADDRESS[2:],
    "a pointer beyond the end": header(1) + QUESTION + b"\xff\xff" + ADDRESS[2:],
    "a pointer to a pointer to itself": header(3)
    + QUESTION
    + ADDRESS
    + record(OWNER, 1, b"\xc0\x3d\0\0")
    + b"\xc0\x3d"
    + ADDRESS[2:],
    "a pointer into itself by way of a label": header(1) + QUESTION + b"\1a\xc0\x21" + ADDRESS[2:],
    "a label type of no meaning": header(1) + QUESTION + b"\x41" + b"x" * 65 + b"\0" + ADDRESS[2:],
    "a name of more than 255 octets": header(1) + QUESTION + LONG * 4 + b"\0" + ADDRESS[2:],
    "a name too long by its pointer": header(1) + QUESTION + LONG * 3 + b"\x38" + b"x" * 56 + OWNER + ADDRESS[2:],
    "a name too long by a name read before": header(2)
    + QUESTION
    + record(b"\1x" + OWNER, 1, bytes(4))
    + record(LONG * 3 + b"\x2e" + b"x" * 46 + OWNER, 1, bytes(4)),
    "a label that runs on into the record that points to it": header(2)
    + QUESTION
    + record(OWNER, 16, b"\x0c")
    + record(b"\xc0\x2d", 1, bytes(4)),
    "an RDLENGTH beyond the end": header(1) + QUESTION + ADDRESS[:-5] + b"\5" + ADDRESS[-4:],
    "a record less than counted": header(2) + QUESTION + ADDRESS,
    "a question less than counted": header(questions=2) + QUESTION,
    "an address of three octets": header(1) + QUESTION + record(OWNER, 1, b"\1\2\3"),
    "an address of five octets": header(1) + QUESTION + record(OWNER, 1, b"\1\2\3\4\5"),
    "an alias that ends too early": header(1) + QUESTION + record(OWNER, 5, b"\1a\0\0"),
    "an alias that does not end": header(1) + QUESTION + record(OWNER, 5, b"\x0aa"),
    "a bad name in ADDITIONAL": header(additionals=1) + QUESTION + b"\xc0\xff" + ADDRESS[2:],
    "an endless name in AUTHORITY": header(authorities=1) + QUESTION + LONG * 5,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_breaks_the_format_is_malformed(name: str) -> None:
    """A message that cannot be walked from end to end, or whose answer is not of its type, is malformed."""
    row = one(MALFORMED[name])
    expected = {"outcome": "malformed", "rcode": 0, "ra": True, "answer": None, "cname": None, "ttl": None, "soa": None}
    assert expected.items() <= row.items()


@pytest.mark.parametrize("qtype", RDATA)
def test_rdata_of_any_length_gives_a_row(qtype: str) -> None:
    """RDATA cut or stretched, at the end of the message or before more records, gives what dnspython makes of it."""
    whole = dns.rdata.from_text("IN", qtype, RDATA[qtype][0]).to_wire() or b""
    (query,) = encode(["www.example.com"], [qtype])
    number = int(dns.rdatatype.from_text(qtype))
    parts = [record(OWNER, number, (whole + b"\1a\xc0\x0c")[:length]) for length in range(len(whole) + 5)]
    replies = [header(1) + QUESTION[:-4] + query[12 + len(QUESTION) - 4 : 12 + len(QUESTION)] + part for part in parts]
    replies += [header(1, 1) + reply[12:] + ADDRESS for reply in replies]
    for reply, row in zip(replies, rows((query, reply) for reply in replies), strict=True):
        expected = reference(query, reply)
        assert expected is None or row == expected, reply.hex()
        assert row["outcome"] in {"answer", "malformed"}


def test_what_cannot_be_read_costs_nothing_where_it_does_not_count() -> None:
    """A broken address of another name, or an alias nobody follows, leaves the answer as it is."""
    others = record(b"\5other\0", 1, b"\1\2\3") + record(b"\5alias\0", 5, b"\x09x")
    row = one(header(3) + QUESTION + others + ADDRESS)
    assert (row["outcome"], row["answer"]) == ("answer", "192.0.2.1")


def test_a_pointer_into_an_id_or_ttl_reads_zeros() -> None:
    """What ID and TTLs happen to be changes no name, so that equal messages stay equal."""
    alias = OWNER + b"\0\5\0\1" + b"\1\x61\0\0" + b"\0\4" + b"\1b\xc0\x27"
    replies = [header(1) + QUESTION + alias, header(1) + QUESTION + alias.replace(b"\1\x61\0\0", b"\1\x62\0\0")]
    assert [one(reply)["cname"] for reply in replies] == ["b", "b"]
    assert [one(b"\1z" + reply[2:-1] + b"\0")["cname"] for reply in replies] == ["b", "b"]


def filled(size: int, part: Callable[[int], bytes], *, count_at: int = 6) -> bytes:
    """Return a message of about *size* octets: the header, the question, and parts, each told where it stands."""
    octets, parts = bytearray(header() + QUESTION), 0
    while len(octets) + 32 < size:
        octets += part(len(octets))
        parts += 1
    octets[count_at : count_at + 2] = min(parts, 65535).to_bytes(2)
    return bytes(octets)


def pointer(at: int) -> bytes:
    """Return a pointer to *at*; to the question where that is no part of a record, or out of reach."""
    return (0xC000 | at).to_bytes(2) if FIRST < at < 0x4000 else OWNER


def growing_target(at: int) -> bytes:
    """Return an NS record whose target is one label longer than that of the record before, over and over."""
    return record(OWNER, 2, b"\1a" + (pointer(at - 4) if (at - FIRST) // 16 % 110 else OWNER))


def long_target(at: int) -> bytes:
    """Return an NS record whose target has as many labels as a name can have."""
    return record(OWNER, 2, b"\1b" + pointer(FIRST + 12) if at > FIRST else b"\1a" * 117 + OWNER)


def next_alias(at: int) -> bytes:
    """Return a CNAME record for the target of the record before."""
    return record(pointer(at - 5), 5, b"\2" + (at % 65521).to_bytes(2) + OWNER)


FLOODS: dict[str, tuple[str, Callable[[int], bytes], int]] = {
    "owners that point to owners": ("A", lambda at: record(pointer(at - 16), 1, b"\1\2\3\4"), 6),
    "targets that point to targets": ("NS", lambda at: record(OWNER, 2, pointer(at - 2)), 6),
    "targets that grow": ("NS", growing_target, 6),
    "targets as long as can be": ("NS", long_target, 6),
    "mail exchanges by way of pointers": ("MX", lambda _: record(OWNER, 15, b"\0\1" + OWNER), 6),
    "services by way of pointers": ("SRV", lambda at: record(OWNER, 33, bytes(6) + pointer(at - 2)), 6),
    "strings": ("TXT", lambda _: record(OWNER, 16, b"\0"), 6),
    "addresses": ("A", lambda at: record(OWNER, 1, at.to_bytes(4)), 6),
    "aliases one after the other": ("A", next_alias, 6),
    "questions": ("A", lambda _: OWNER + b"\0\1\0\1", 4),
    "OPT records": ("A", lambda _: b"\0\0\x29\4\xd0\0\0\0\0\0\6\0\x0f\0\2\0\x0f", 10),
}


@pytest.mark.parametrize("name", FLOODS)
def test_time_grows_no_faster_than_the_message(name: str) -> None:
    """However its names point into each other, a message eight times as long takes about eight times as long."""
    qtype, part, count_at = FLOODS[name]

    def seconds(size: int) -> float:
        reply = filled(size, part, count_at=count_at)
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            one(reply, qtype)
            best = min(best, time.process_time() - start)
        return best

    one(filled(200, part, count_at=count_at), qtype)
    assert one(filled(8000, part, count_at=count_at), qtype)["outcome"] != "malformed"
    assert seconds(65_000) < 0.02 + 20 * seconds(8_000)


def test_a_chain_without_end_does_not_fill_the_memory() -> None:
    """Hundreds of aliases with the longest names there are: the row keeps as many as resolvers might follow."""
    targets = [b"".join(bytes([62]) + f"{number:02x}".encode() * 31 for _ in range(3)) + b"\0" for number in range(200)]
    owners = [OWNER, *targets]
    chain = b"".join(record(owner, dns.rdatatype.CNAME, target) for owner, target in pairwise(owners))
    row = one(header(answers=200) + QUESTION + chain)
    assert row["outcome"] == Outcome.NODATA
    assert len(row["cname"].split(" ")) == LONGEST_CHAIN
