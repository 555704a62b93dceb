"""Queries are what dnspython reads back as the questions that were put in."""

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver_diff.wire.edns import PADDING, padded
from resolver_diff.wire.encode import encode

LABELS = st.binary(min_size=1, max_size=63)
NAMES = (
    st.lists(LABELS, max_size=6)
    .filter(lambda labels: sum(map(len, labels)) + len(labels) < 255)
    .map(lambda labels: dns.name.Name([*labels, b""]))
)
PLAIN = st.from_regex(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63}){0,2}", fullmatch=True)


@given(st.lists(st.tuples(NAMES.map(dns.name.Name.to_text) | PLAIN, st.sampled_from(["A", "TXT", "TYPE65280"]))))
def test_dnspython_reads_what_was_asked(questions: list[tuple[str, str]]) -> None:
    """Any name, with whatever escapes, and any type give the query that asks for them, in their order."""
    queries = encode([qname for qname, _ in questions], [qtype for _, qtype in questions])
    assert len(queries) == len(questions)
    for (qname, qtype), wire in zip(questions, queries, strict=True):
        (question,) = dns.message.from_wire(wire).question
        assert question.name == dns.name.from_text(qname)
        assert question.rdtype == dns.rdatatype.from_text(qtype)
        assert question.rdclass == dns.rdataclass.IN


def test_a_query_asks_for_the_server_identifier() -> None:
    """A query has ID 0, RD as told, AD, and an OPT record that asks for NSID and says how much fits."""
    message = dns.message.from_wire(encode(["example.com"], ["A"])[0])
    assert (message.id, message.flags, message.edns, message.payload) == (0, dns.flags.RD | dns.flags.AD, 0, 1232)
    assert [(option.otype, option.to_wire()) for option in message.options] == [(dns.edns.OptionType.NSID, b"")]
    plain = dns.message.from_wire(encode(["example.com"], ["A"], recursion=False, nsid=False, payload=4096)[0])
    assert (plain.flags, plain.edns, plain.payload, plain.options) == (dns.flags.AD, 0, 4096, ())


@pytest.mark.parametrize("qname", ["id.server", "hostname.bind", "version.bind", "version.server"])
def test_servers_are_asked_about_themselves_in_chaos(qname: str) -> None:
    """TXT of the names of RFC 4892 is asked in class CH; other types of them, and TXT of other names, in class IN."""
    queries = encode([qname, qname, "example.com"], ["TXT", "A", "TXT"])
    assert [dns.message.from_wire(wire).question[0].rdclass for wire in queries] == [3, 1, 1]


def test_a_name_of_the_greatest_length_fits() -> None:
    """A name of 255 octets on the wire, of labels of 63, is asked for."""
    qname = ".".join(["x" * 63] * 3 + ["y" * 61])
    (wire,) = encode([qname], ["AAAA"])
    assert dns.message.from_wire(wire).question[0].name.to_text() == f"{qname}."
    assert len(wire) == 12 + 255 + 4 + 11 + 4


@pytest.mark.parametrize(
    "qname", ["a..b", ".a", "x" * 64, ".".join(["x" * 63] * 3 + ["y" * 62]), "bücher.example", "a\\", "a\\256.b", "a.."]
)
def test_a_name_no_message_can_hold_is_an_error(qname: str) -> None:
    """A name with an empty or too long label, too long itself, or not in A-label form is named in a ValueError."""
    with pytest.raises(ValueError, match=r"is no domain name|A-label") as caught:
        encode(["example.com", qname, "example.net"], ["A", "A", "A"])
    assert f"`{qname}`" in str(caught.value)


def test_an_unknown_type_is_an_error() -> None:
    """A type that is none raises ValueError and is named; so do lists of different lengths."""
    with pytest.raises(ValueError, match="unknown type `NOPE`"):
        encode(["example.com"], ["NOPE"])
    with pytest.raises(ValueError, match="2 names, but 1 types"):
        encode(["example.com", "example.net"], ["A"])


def test_padding_makes_lengths_alike() -> None:
    """A query is padded to a multiple of 128 octets, and dnspython reads it as the same query (RFC 7830, RFC 8467)."""
    qnames = [".".join(["x" * length] * 3) for length in range(1, 64)]
    for query in encode(qnames, ["A"] * len(qnames)):
        long = padded(query)
        assert len(long) % 128 == 0
        assert len(long) - len(query) < 132
        before, after = dns.message.from_wire(query), dns.message.from_wire(long)
        assert after.question == before.question
        assert [option.otype for option in after.options] == [3, PADDING]
        assert after.payload == before.payload


def test_what_has_no_room_for_options_is_not_padded() -> None:
    """A query without an OPT record, or with more behind it, stays as it is, and so does rubbish."""
    (query,) = encode(["a.test"], ["A"])
    for message in (query[:-15], query + b"more", query[:20], b"", bytes(12)):
        assert padded(message) == message
