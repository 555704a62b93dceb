"""Decoding holds to dnspython's reading of the same messages, and to what the RFCs say where dnspython gives up."""

import subprocess
import sys
from dataclasses import replace
from random import Random
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wire_texts
from resolver_diff.tables import Observations
from resolver_diff.wire import Messages, decode
from resolver_diff.wire.decode import Decoder
from resolver_diff.wire.encode import encode
from resolver_diff.wire.question import same_question
from wire_messages import RDATA, Sample, ede, reference, rows, sample, table

NAME_OFFSET = 12


def one(reply: bytes, qname: str = "www.example.com", qtype: str = "A") -> dict[str, Any]:
    """Decode one reply to the question for *qname*."""
    asked = encode([qname], [qtype])
    return decode.decode(asked, np.zeros(1, np.int64), Messages.of([reply])).row(0, named=True)


def response(
    *records: tuple[str, int, str, str],
    qname: str = "www.example.com",
    qtype: str = "A",
    rcode: int = 0,
    flags: int = 0,
    options: list[dns.edns.Option] | None = None,
) -> bytes:
    """Return a reply to the question for *qname* with these records in ANSWER."""
    message = dns.message.make_response(dns.message.make_query(qname, qtype))
    message.answer = [dns.rrset.from_text(owner, ttl, "IN", kind, text) for owner, ttl, kind, text in records]
    message.use_edns(0, options=options or [])
    message.set_rcode(dns.rcode.Rcode.make(rcode))
    message.flags |= flags
    return message.to_wire()


def with_option(code: int, data: bytes, length: int | None = None) -> bytes:
    """Return a reply with one address whose OPT record holds one option, its length as told."""
    plain = response(("www.example.com.", 60, "A", "192.0.2.1"))
    option = code.to_bytes(2) + (len(data) if length is None else length).to_bytes(2) + data
    return plain[:-2] + len(option).to_bytes(2) + option


def test_has_the_columns_of_observations() -> None:
    """A decoded frame has the columns from outcome to size that Observations declares, in its order."""
    frame = table([(wire_texts.query("a failure"), wire_texts.wire("a failure"))])
    declared = [name for name in Observations.schema if name in frame.columns]
    assert frame.columns == declared
    assert set(Observations.schema) - set(declared) == {
        "asked_at", "resolver", "transport", "purpose", "qname", "qtype", "repeat", "attempt", "reply", "rtt",
        "trouble", "wire",
    }  # fmt: skip
    assert all(frame.schema[name] == Observations.schema[name] for name in declared)
    empty = decode.decode(Messages.of(()), np.zeros(0, np.int64), Messages.of(()))
    assert dict(empty.schema) == dict(frame.schema)


@pytest.mark.parametrize("name", wire_texts.TEXTS)
def test_reads_every_kind_of_reply(name: str) -> None:
    """Each message text decodes to the row that dnspython's reading of it gives."""
    query, reply = wire_texts.query(name), wire_texts.wire(name)
    assert rows([(query, reply)]) == [reference(query, reply)]


def test_every_type_dnspython_knows_is_among_the_samples() -> None:
    """Each type that dnspython has a class for is tried, but for those that are no data: OPT, TSIG and TKEY."""
    known = {
        dns.rdatatype.to_text(rdtype)
        for rdtype in dns.rdatatype.RdataType
        # of a type that it once had to read without a class it says GenericRdata from then on
        if dns.rdata.get_rdata_class(dns.rdataclass.IN, rdtype, use_generic=False)  # type: ignore[no-untyped-call]  # dnspython's
        not in {None, dns.rdata.GenericRdata}
    }
    assert known - set(RDATA) == {"OPT", "TSIG", "TKEY"}


def test_agrees_with_dnspython_on_ten_thousand_replies() -> None:
    """Ten thousand made-up replies, decoded together, give the rows that dnspython's reading of each gives."""
    random = Random(2026)
    samples = [sample(random) for _ in range(10_000)]
    expected = [reference(one.query, one.reply) for one in samples]
    assert None not in expected
    assert rows((one.query, one.reply) for one in samples) == expected


@given(st.lists(st.randoms(use_true_random=False).map(sample), min_size=1, max_size=4))
@settings(max_examples=150)
def test_agrees_with_dnspython_on_any_reply(samples: list[Sample]) -> None:
    """Whatever reply hypothesis makes up decodes to the row that dnspython's reading gives."""
    assert rows((one.query, one.reply) for one in samples) == [reference(one.query, one.reply) for one in samples]


def altered(random: Random, reply: bytes) -> bytes:
    """Return *reply* with another ID, its TTLs moved by one, or another question name of some other length."""
    message = dns.message.from_wire(reply, one_rr_per_rrset=True)
    message.id = random.randrange(1 << 16)
    for rr in (rr for section in message.sections[1:] for rr in section):
        rr.ttl ^= random.choice([0, 1, 16])
    return message.to_wire(max_size=65535)


def test_decodes_a_batch_as_each_message_alone() -> None:
    """That equal messages are read only once cannot be seen: a batch gives the rows of its messages one by one."""
    random = Random(7)
    few = [sample(random) for _ in range(60)]
    many = [replace(one, reply=altered(random, one.reply)) for one in random.choices(few, k=600)]
    together = rows((one.query, one.reply) for one in many)
    assert together == [rows([(one.query, one.reply)])[0] for one in many]


def test_shares_one_reading_between_names() -> None:
    """The same addresses for many names of all lengths are one reading, yet each row has its own TTL and size."""
    names = [f"{'x' * (1 + index % 60)}.example" for index in range(300)]
    replies = [
        response((f"{name}.", 10 + index, "A", "192.0.2.1"), (f"{name}.", 5 + index, "A", "192.0.2.2"), qname=name)
        for index, name in enumerate(names)
    ]
    frame = decode.decode(encode(names, ["A"] * 300), np.arange(300), Messages.of(replies))
    assert frame["answer"].unique().to_list() == ["192.0.2.1 192.0.2.2"]
    assert frame["ttl"].to_list() == [5 + index for index in range(300)]
    assert frame["size"].to_list() == [len(reply) for reply in replies]


def test_tells_names_apart_that_answer_alike_but_for_the_owner() -> None:
    """A root owner counts for the root alone, even where all else in two messages is the same."""
    record = b"\0\0\1\0\1\0\0\0\74\0\4\xc0\0\2\1"
    header = bytes.fromhex("000081800001000100000000")
    names = [".", "a", "b.example"] * 8
    asked = encode(names, ["A"] * len(names))
    replies = [header + asked[index][12:-15] + record for index in range(len(names))]
    outcomes = decode.decode(asked, np.arange(len(names)), Messages.of(replies))["outcome"].to_list()
    assert outcomes == ["answer", "nodata", "nodata"] * 8


def test_shares_no_reading_that_depends_on_the_name() -> None:
    """An alias made of the name asked for is another for each name, though all else in the messages is the same."""
    names = [f"{letter}.example" for letter in "abcdefghijklmnopqrstuvwxyz"]
    header, alias = bytes.fromhex("000081800001000100000000"), b"\xc0\x0c\0\5\0\1\0\0\0\74\0\4\1x\xc0\x0c"
    asked = encode(names, ["A"] * 26)
    replies = Messages.of(header + query[12:-15] + alias for query in asked)
    assert decode.decode(asked, np.arange(26), replies)["cname"].to_list() == [f"x.{name}" for name in names]


def test_shares_no_reading_between_questions() -> None:
    """One message delivered for two questions answers the one it is about and not the other, in either order."""
    asked = encode(["www.example.com", "other.example"], ["A", "A"])
    reply = response(("www.example.com.", 60, "A", "192.0.2.1"), ("other.example.", 60, "A", "192.0.2.2"))
    for about in ([0, 1, 0], [1, 0, 1]):
        answers = decode.decode(asked, np.array(about), Messages.of([reply] * 3))["answer"].to_list()
        assert answers == [["192.0.2.1", "192.0.2.2"][index] for index in about]


def test_reads_messages_wherever_they_lie() -> None:
    """Replies with gaps between them, out of order, or twice in the same octets decode as copies of them do."""
    random = Random(3)
    samples = [sample(random) for _ in range(40)]
    queries = Messages.of(one.query for one in samples)
    tight = Messages.of(one.reply for one in samples)
    loose = Messages(
        np.concatenate([np.full(5000 * 40, 0xC0, np.uint8), tight.octets]), tight.start + 5000 * 40, tight.length
    )
    order = np.array([random.randrange(40) for _ in range(200)])
    expected = decode.decode(queries, np.arange(40), tight)
    assert decode.decode(queries, np.arange(40), loose).equals(expected)
    assert decode.decode(queries, order, tight.take(order)).equals(expected[order])


def test_decodes_in_chunks_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one chunk ends and the next begins cannot be seen in the rows."""
    random = Random(5)
    pairs = [(one.query, one.reply) for one in (sample(random) for _ in range(100))]
    expected = table(pairs)
    monkeypatch.setattr(decode, "CHUNK_MESSAGES", 7)
    assert table(pairs).equals(expected)
    monkeypatch.setattr(decode, "CHUNK_OCTETS", 500)
    assert table(pairs).equals(expected)


def test_hash_is_the_same_for_ever() -> None:
    """The content hash is the little-endian blake2b of the text, whatever the machine or the order of records."""
    row = one(response(("www.example.com.", 60, "A", "192.0.2.2"), ("www.example.com.", 60, "A", "192.0.2.1")))
    assert row["answer"] == "192.0.2.1 192.0.2.2"
    assert row["answer_hash"] == 11_147_706_029_577_528_225


def test_an_answer_in_a_failure_is_no_answer() -> None:
    """An address in REFUSED, SERVFAIL or NXDOMAIN is kept from the answer column."""
    for rcode, outcome in ((5, "refused"), (2, "servfail"), (3, "nxdomain"), (4, "other-rcode"), (23, "other-rcode")):
        row = one(response(("www.example.com.", 60, "A", "192.0.2.1"), rcode=rcode))
        assert (row["outcome"], row["rcode"], row["answer"], row["answer_hash"], row["ttl"]) == (
            outcome,
            rcode,
            None,
            None,
            None,
        )


def test_the_chain_is_kept_when_it_is_denied() -> None:
    """NXDOMAIN at the end of a CNAME chain keeps the chain (RFC 2308 2.1)."""
    row = one(response(("www.example.com.", 60, "CNAME", "Gone.Example.net."), rcode=3))
    assert (row["outcome"], row["cname"], row["ttl"]) == ("nxdomain", "gone.example.net", None)


def test_a_ttl_with_the_top_bit_counts_as_zero() -> None:
    """A TTL above 2**31 - 1 is 0 (RFC 2181 8)."""
    plain = response(("www.example.com.", 2**31 - 1, "A", "192.0.2.1"))
    assert one(plain)["ttl"] == 2**31 - 1
    assert one(plain.replace(b"\x7f\xff\xff\xff", b"\x80\0\0\7"))["ttl"] == 0


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\0\x0fblocked\0", "blocked"),
        (b"\0\x0f\xffblocked", r"\xffblocked"),
        (b"\0\x0f\x1b[31mred", r"\x1b[31mred"),
        ("\0\x0fa\u202eb\u0085".encode(), r"a\xe2\x80\xaeb\xc2\x85"),
        (b"\0\x0f", None),
        (b"\0\x0f\0", None),
    ],
)
def test_text_of_an_extended_error_is_fit_to_show(data: bytes, text: str | None) -> None:
    """EXTRA-TEXT loses a final NUL, and octets that are not UTF-8 or not printable are shown as such."""
    row = one(with_option(15, data))
    assert (row["ede"], row["ede_text"], row["answer"]) == ([15], text, "192.0.2.1")


@pytest.mark.parametrize(("nsid", "shown"), [(b"ns 1", "ns 1"), (b"\x00a", "0x0061"), (b"", None), (b"\xe9", "0xe9")])
def test_server_identifier_is_text_or_hexadecimal(nsid: bytes, shown: str | None) -> None:
    """An NSID is text when it is printable ASCII, hexadecimal when not, and null when empty."""
    assert one(with_option(3, nsid))["nsid"] == shown


def test_first_error_with_a_text_gives_the_text() -> None:
    """Several Extended DNS Errors are kept in order; the text is that of the first that has one."""
    errors = [
        ede(22),
        ede(17, "law"),
        ede(15, "more"),
        dns.edns.NSIDOption(b"x"),
    ]
    row = one(response(options=[*errors]))
    assert (row["ede"], row["ede_text"], row["nsid"]) == ([22, 17, 15], "law", "x")


LYING = [with_option(15, b"\0\x0f", 9), with_option(3, b"", 65535), with_option(15, b"\0")]


@pytest.mark.parametrize("reply", LYING, ids=["too long", "beyond the end", "too short"])
def test_a_lying_option_spoils_nothing_else(reply: bytes) -> None:
    """An option that runs past its record, or is too short for its code, is left out; the answer stays."""
    row = one(reply)
    assert (row["outcome"], row["answer"], row["ede"], row["nsid"]) == ("answer", "192.0.2.1", None, None)


def test_the_first_opt_record_counts() -> None:
    """Of several OPT records, which no message may have (RFC 6891 6.1.1), the first is read."""
    reply = with_option(15, b"\0\x0f")
    second = reply[-17:-11] + bytes([1]) + reply[-10:-1] + b"\x10"
    assert second[:3] == b"\0\0\x29"
    row = one(reply[:11] + bytes([2]) + reply[12:] + second)
    assert (row["outcome"], row["rcode"], row["ede"]) == ("answer", 0, [15])


def test_junk_behind_the_message_is_ignored() -> None:
    """Octets after the last record change nothing but the size."""
    plain = response(("www.example.com.", 60, "A", "192.0.2.1"))
    assert one(plain + b"junk") == one(plain) | {"size": len(plain) + 4}


def test_what_is_there_of_a_truncated_reply_counts() -> None:
    """A reply with TC set that ends inside a record keeps the records before; where it has none, it denies nothing."""
    records = [("www.example.com.", 60, "A", f"192.0.2.{last}") for last in (1, 2, 3)]
    whole = response(*records, flags=dns.flags.TC)
    cut = whole[: -11 - 3]
    row = one(cut)
    assert (row["outcome"], row["tc"], row["answer"], row["authority"]) == ("answer", True, "192.0.2.1 192.0.2.2", 0)
    not_marked = bytes([*cut[:2], cut[2] & ~0x02, *cut[3:]])
    assert one(not_marked)["outcome"] == "malformed"
    nothing = one(whole[:20])
    assert (nothing["outcome"], nothing["rcode"], nothing["answer"]) == ("malformed", 0, None)


def test_a_reply_to_another_question_answers_nothing() -> None:
    """What a message says about a name that was not asked for is no answer, whoever delivers it."""
    row = one(response(("other.example.", 60, "A", "192.0.2.1"), qname="other.example"))
    assert (row["outcome"], row["answer"]) == ("nodata", None)


def test_a_question_left_out_costs_no_answer() -> None:
    """A reply with an empty question section is read against the question that was asked."""
    whole = response(("www.example.com.", 60, "A", "192.0.2.1"))
    owner = b"\3WWW\7example\3com\0"
    bare = whole[:4] + bytes(2) + whole[6:12] + owner + whole[12 + len(owner) + 4 + 2 :]
    row = one(bare)
    assert (row["outcome"], row["answer"], row["ttl"]) == ("answer", "192.0.2.1", 60)


def test_records_of_another_class_do_not_count() -> None:
    """An address of class CH, or of class ANY, is no answer to a question of class IN."""
    whole = response(("www.example.com.", 60, "A", "192.0.2.1"))
    for rdclass in (3, 255):
        other = whole.replace(b"\xc0\x0c\0\1\0\1", b"\xc0\x0c\0\1" + rdclass.to_bytes(2))
        assert one(other)["outcome"] == "nodata"


POISON = """
import numpy as np
from resolver_diff.wire import Messages
from resolver_diff.wire.decode import decode
from resolver_diff.wire.decode import Decoder
from resolver_diff.wire.encode import encode
from resolver_diff.wire.question import same_question

def answer(query, rdclass):
    query = query[:-17] + rdclass + query[-15:]
    reply = query[:2] + bytes.fromhex("8180000100010000") + bytes(2) + query[12:-15]
    record = bytes.fromhex("c00c0041") + rdclass + bytes.fromhex("0000003c0003000100")
    return decode(Messages.of([query]), np.zeros(1, np.int64), Messages.of([reply + record]))["answer"].item()

query = encode(["www.example.com"], ["HTTPS"])[0]
print(answer(query, bytes([0, 255])), answer(query, bytes([0, 1])))
"""


def test_a_record_of_class_any_poisons_nothing() -> None:
    """After a record of class ANY its type is still read; dnspython alone would lose the type for good."""
    done = subprocess.run([sys.executable, "-c", POISON], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == r"1\032."


def test_frames_join_a_plan_of_many_questions() -> None:
    """Row i belongs to reply i, whatever order the queries were made in."""
    asked = encode(["a.example", "b.example"], ["A", "A"])
    replies = [
        response((f"{name}.", 1, "A", f"192.0.2.{last}"), qname=name)
        for last, name in ((2, "b.example"), (1, "a.example"))
    ]
    frame = decode.decode(asked, np.array([1, 0]), Messages.of(replies))
    assert frame["answer"].to_list() == ["192.0.2.2", "192.0.2.1"]
    assert frame.schema["ede"] == pl.List(pl.UInt16)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**32 - 1), st.integers(0, 80), st.integers(0, 255))))
def test_a_familiar_reply_is_read_as_a_new_one(told: list[tuple[int, int, int, int]]) -> None:
    """Replies that differ from an earlier one in ID, TTL and any one octet say what they do when read alone."""
    asked = encode(["a.example", "bb.example", "www.ccc.example", "d.example"], ["A", "A", "AAAA", "TXT"])
    replies = []
    for which, ttl, place, octet in told:
        query = dns.message.from_wire(asked[which])
        question = query.question[0]
        reply = dns.message.make_response(query)
        rdata = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "text")[which]
        reply.answer = [dns.rrset.from_text(question.name, ttl >> 1, "IN", question.rdtype, rdata)]
        wire = bytearray(reply.to_wire())
        wire[:2] = ttl.to_bytes(4)[:2]
        wire[place % len(wire)] ^= octet if place > 30 else 0
        replies.append(bytes(wire))
    about, laid = np.array([which for which, *_ in told], np.int64), Messages.of([*replies, bytes(300)])
    laid = laid.take(np.arange(len(replies)))
    echoed = same_question(asked, about, laid)
    decoder, alone = Decoder(), Decoder(repeats=False)
    for first in range(0, len(replies), 3):
        rows = np.arange(first, min(first + 3, len(replies)))
        part = asked, about[rows], laid.take(rows), echoed[rows]
        assert decoder.frame(decoder.read(*part)).equals(alone.frame(alone.read(*part)))
