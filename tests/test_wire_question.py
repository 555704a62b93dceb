"""Which replies are accepted as responses to a question."""

from itertools import cycle

import dns.message
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver_diff.wire import AHEAD, WORD, Messages
from resolver_diff.wire.encode import encode
from resolver_diff.wire.question import echoes, heard

QNAMES = ["www.example.com", "www.example.org", ".", "a" * 63 + ".example", r"odd\.dot\000.example"]
QTYPES = ["A", "AAAA", "NS", "HTTPS", "TXT"]
ASKED = encode(QNAMES, QTYPES)
QUESTION = slice(12, len(ASKED[0]) - 15)
REPLY = ASKED[0][:2] + b"\x81\x80" + ASKED[0][4:]


def aligned(replies: Messages) -> Messages:
    """Return *replies* laid out as the engine does, so that they are read word by word; between them is noise."""
    room = [(AHEAD + length + WORD - 1) // WORD * WORD for length in replies.length.tolist()]
    octets = np.random.default_rng(1).integers(0, 256, sum(room), np.uint8)
    start = np.cumsum([0, *room[:-1]]) + AHEAD
    for place, message in zip(start.tolist(), replies, strict=True):
        octets[place : place + len(message)] = np.frombuffer(message, np.uint8)
    return Messages(octets, start, replies.length)


def echo(reply: bytes, about: int = 0) -> bool:
    """Say whether *reply* is a response to that question, wherever it lies."""
    alone = Messages.of([reply])
    said = [bool(echoes(ASKED, np.array([about]), each)[0]) for each in (alone, aligned(alone))]
    assert said[0] == said[1]
    return said[0]


def with_flags(third: int, fourth: int, questions: int = 1) -> bytes:
    """Return the reply with these flag octets; without the question when there shall be none."""
    body = REPLY[12:] if questions else REPLY[QUESTION.stop :]
    return REPLY[:2] + bytes([third, fourth]) + questions.to_bytes(2) + REPLY[6:12] + body


def test_each_response_echoes_its_own_question_only() -> None:
    """Of all pairs of questions and responses exactly the matching ones are accepted."""
    replies = Messages.of(dns.message.make_response(dns.message.from_wire(wire)).to_wire() for wire in ASKED)
    about, which = np.divmod(np.arange(25), 5)
    for laid_out in (replies.take(which), aligned(replies.take(which))):
        assert (echoes(ASKED, about, laid_out) == (about == which)).all()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.binary(max_size=3), st.integers(0, 90)), min_size=1))
def test_it_does_not_matter_how_messages_lie(damage: list[tuple[int, int, bytes, int]]) -> None:
    """Messages that are read word by word are judged as those that lie end to end, whatever was done to them."""
    replies = []
    for which, _, octets, place in damage:
        whole = ASKED[which][:2] + b"\x81\x80" + ASKED[which][4:]
        replies.append((whole[:place] + octets + whole[place + len(octets) :])[: max(12, 90 - place)])
    about, laid = np.array([about for _, about, _, _ in damage]), Messages.of(replies)
    good, same = heard(ASKED, about, laid)
    good_too, same_too = heard(ASKED, about, aligned(laid))
    assert (good == good_too).all()
    assert (same == same_too).all()


@given(st.lists(st.booleans(), min_size=15, max_size=15))
def test_case_of_the_name_is_free(upper: list[bool]) -> None:
    """A name echoed in other letter case is the same name."""
    name = bytes(ASKED[0][QUESTION])
    mixed = bytes(
        octet ^ 0x20 if flip and chr(octet).isalpha() else octet
        for octet, flip in zip(name, cycle(upper), strict=False)
    )
    assert echo(REPLY[:12] + mixed + REPLY[QUESTION.stop :])


def test_a_type_is_not_a_letter() -> None:
    """HTTPS is type 65 and the letter A, type 97 the letter a; they are not the same question."""
    https = ASKED[3]
    place = 12 + 63 + 1 + 9 + 1
    assert https[place] == ord("A")
    reply = https[:2] + b"\x81\x80" + https[4:]
    assert echo(reply, 3)
    assert not echo(reply[:place] + b"a" + reply[place + 1 :], 3)


@pytest.mark.parametrize("place", range(12, QUESTION.stop))
def test_any_other_octet_is_another_question(place: int) -> None:
    """A response whose question differs in one octet by more than letter case is not accepted."""
    bent = bytes([*REPLY[:place], REPLY[place] ^ 0x03, *REPLY[place + 1 :]])
    assert not echo(bent)


@pytest.mark.parametrize(
    ("third", "accepted"), [(0x81, True), (0x87, True), (0x01, False), (0x91, False), (0xA1, False)]
)
def test_only_responses_to_queries_are_accepted(third: int, accepted: bool) -> None:
    """A query, or a response of another opcode, is no response to our question."""
    assert echo(with_flags(third, 0x80)) == accepted


@pytest.mark.parametrize("rcode", range(16))
def test_a_reply_without_question_counts_only_as_an_error(rcode: int) -> None:
    """A response with an empty question section is accepted with FORMERR, SERVFAIL, NOTIMP and REFUSED only."""
    assert echo(with_flags(0x81, 0x80 | rcode, questions=0)) == (rcode in {1, 2, 4, 5})


def test_a_second_question_is_not_ours() -> None:
    """A response that counts two questions is not accepted, even if the first is the one asked."""
    assert not echo(with_flags(0x81, 0x80, questions=2))


@given(st.lists(st.binary(max_size=60)), st.data())
def test_never_raises(replies: list[bytes], data: st.DataObject) -> None:
    """Any octets, runts and empty messages included, are refused without an exception."""
    runts = replies + [REPLY[:length] for length in range(QUESTION.stop)]
    about = np.array([data.draw(st.integers(0, 4)) for _ in runts], np.int64)
    queries = [bytes(reply) for reply in runts]
    found = echoes(ASKED, about, Messages.of(queries))
    questionless = [reply[4:6] == b"\0\0" and len(reply) >= 12 for reply in queries]
    assert not (found & ~np.array(questionless, np.bool_)).any()


def test_reads_replies_wherever_they_lie() -> None:
    """Replies with gaps between them, as receive buffers have, are told apart as copies of them are."""
    replies = [REPLY, b"", REPLY[:-1], REPLY[:11], REPLY[:20]]
    octets = np.zeros((5, 512), np.uint8)
    for row, reply in zip(octets, replies, strict=True):
        row[: len(reply)] = np.frombuffer(reply, np.uint8)
    loose = Messages(octets.ravel(), np.arange(5) * 512, np.array([len(reply) for reply in replies]))
    assert echoes(ASKED, np.zeros(5, np.int64), loose).tolist() == [True, False, True, False, False]
