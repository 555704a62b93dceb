"""DoQ against a resolver on loopback whose replies are big, slow, cut off, or none."""

import functools
import socket
import time
from collections.abc import Callable

import pytest

from hostile import all_of, asking, kind_of, query, reply
from quic_servers import NAME, Authority, Certificate, QuicResolver, Talk
from resolver_diff.transports import Endpoint, Responses, Trouble
from resolver_diff.transports.quic import TRANSPORT

PLAIN = [f"plain-{number}.test" for number in range(20)]


@pytest.fixture(scope="module")
def authority() -> Authority:
    """The authority that is trusted."""
    return Authority()


@pytest.fixture(scope="module")
def ca(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its certificate, as a file."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(authority.pem)
    return str(path)


@pytest.fixture(scope="module")
def good(authority: Authority) -> Certificate:
    """A certificate with which nothing is wrong."""
    return authority.issue(NAME)


def answer(talk: Talk) -> None:
    """Answer as one should; a label `silent` is not answered."""
    if kind_of(talk.asked) != "silent":
        talk.say(reply(talk.asked))


async def ask(endpoint: Endpoint, qnames: list[str], *, patience: float = 5.0) -> tuple[Responses, int]:
    """Ask *qnames*; return the responses, and how many strays came."""
    async with TRANSPORT.open() as session:
        return await all_of(session, asking(qnames, endpoint), patience=patience), session.strays


def told(got: Responses) -> dict[int, tuple[Trouble, str | None]]:
    """Return the trouble of each query that has a response, and its words; each has one only."""
    found = {
        int(number): (Trouble(int(trouble)), got.says.get(row))
        for row, (number, trouble) in enumerate(zip(got.number, got.trouble, strict=True))
    }
    assert len(found) == len(got)
    return found


FINE = (Trouble.NONE, None)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_many_queries_share_one_connection(good: Certificate, ca: str, address: str) -> None:
    """Each query has a stream of one connection, which is kept for the next exchange; on the wire the ID is 0."""
    try:
        socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET).close()
    except OSError:
        pytest.skip(f"needs the loopback address {address}")
    with QuicResolver(good, answer, address=address) as resolver:
        async with TRANSPORT.open() as session:
            first = await all_of(session, asking(PLAIN, resolver.endpoint(ca=ca)))
            second = await all_of(session, asking(PLAIN, resolver.endpoint(ca=ca), first=100))
        assert sorted(first.number.tolist()) == list(range(20))
        assert sorted(second.number.tolist()) == list(range(100, 120))
        assert not first.trouble.any()
        assert (first.rtt > 0).all()
        assert resolver.connections == 1
        assert [octets for octets, _ in resolver.seen] == [query(qname) for qname in PLAIN * 2]
        for number, message in zip(first.number.tolist(), first.messages, strict=True):
            assert message == reply(query(PLAIN[number]))


async def test_a_thousand_queries_are_in_flight_on_one_connection(good: Certificate, ca: str) -> None:
    """A resolver that allows it is asked 1,000 questions before it answers the first."""
    held: list[Talk] = []

    def hold(talk: Talk) -> None:
        held.append(talk)
        if len(held) == 1000:
            for each in reversed(held):
                answer(each)

    with QuicResolver(good, hold, streams=2000) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), [f"p{number}.test" for number in range(1000)], patience=40.0)
        assert told(got) == dict.fromkeys(range(1000), FINE)
        assert resolver.connections == 1


async def test_big_replies_are_whole(good: Certificate, ca: str) -> None:
    """Replies of 40,000 octets come in many packets, many at a time, and 65,535 octets are the most."""

    def big(talk: Talk) -> None:
        short = len(reply(talk.asked, octets=1)) - 1
        talk.say(reply(talk.asked, octets=65_535 - short if kind_of(talk.asked) == "most" else 40_000))

    with QuicResolver(good, big) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), [f"p{number}.test" for number in range(60)] + ["most.test"])
        assert told(got) == dict.fromkeys(range(61), FINE)
        lengths = dict(zip(got.number.tolist(), got.messages.length.tolist(), strict=True))
        assert lengths.pop(60) == 65_535
        assert min(lengths.values()) > 40_000
        for number, message in zip(got.number.tolist(), got.messages, strict=True):
            assert number == 60 or message == reply(query(f"p{number}.test"), octets=40_000)


async def test_octets_may_come_one_by_one(good: Certificate, ca: str) -> None:
    """A message is whole at the end of its stream, wherever it was cut into pieces."""

    def trickle(talk: Talk) -> None:
        message = reply(talk.asked)
        octets = len(message).to_bytes(2, "big") + message
        for place, octet in enumerate(octets):
            talk.later(0.002 * place, functools.partial(talk.write, bytes([octet]), fin=place == len(octets) - 1))

    with QuicResolver(good, trickle) as resolver:
        got, strays = await ask(resolver.endpoint(ca=ca), ["plain-1.test", "plain-2.test"])
        assert told(got) == dict.fromkeys(range(2), FINE)
        assert strays == 0


def _twice(talk: Talk) -> None:
    talk.say(reply(talk.asked), fin=False)
    talk.say(reply(talk.asked, last=66))


def _twice_at_a_distance(talk: Talk) -> None:
    talk.say(reply(talk.asked), fin=False)
    talk.later(0.02, talk.say, reply(talk.asked, last=66))


BROKEN: dict[str, tuple[Callable[[Talk], None], Trouble, str]] = {
    "a non-zero ID": (
        lambda talk: talk.say(b"\x12\x34" + reply(talk.asked)[2:]),
        Trouble.MALFORMED,
        "the reply has ID 4660, the query 0",
    ),
    "two messages": (_twice, Trouble.MALFORMED, "the length says 45 octets, and 92 came"),
    "two messages, one after the other": (
        _twice_at_a_distance,
        Trouble.MALFORMED,
        "the length says 45 octets, and 92 came",
    ),
    "a length too long": (
        lambda talk: talk.write(b"\1\0" + reply(talk.asked)),
        Trouble.MALFORMED,
        "the length says 256 octets, and 45 came",
    ),
    "a length too short": (
        lambda talk: talk.write(b"\0\x20" + reply(talk.asked)),
        Trouble.MALFORMED,
        "the length says 32 octets, and 45 came",
    ),
    "half a length": (lambda talk: talk.write(b"\0"), Trouble.MALFORMED, "the stream ended in the middle of a length"),
    "nothing": (lambda talk: talk.write(b""), Trouble.MALFORMED, "the stream ended without a reply"),
    "an empty message": (lambda talk: talk.say(b""), Trouble.MALFORMED, "0 octets are no DNS message"),
    "a runt": (lambda talk: talk.say(bytes(11)), Trouble.MALFORMED, "11 octets are no DNS message"),
    "a reset": (lambda talk: talk.reset(1), Trouble.MALFORMED, "stream reset with DOQ_INTERNAL_ERROR"),
    "a reset for too much to do": (
        lambda talk: talk.reset(4),
        Trouble.MALFORMED,
        "stream reset with DOQ_EXCESSIVE_LOAD",
    ),
    "a reset of no known kind": (lambda talk: talk.reset(0x77), Trouble.MALFORMED, "stream reset with error 0x77"),
    "another question": (
        lambda talk: talk.say(reply(talk.asked).replace(b"broken", b"brokem")),
        Trouble.MALFORMED,
        "the message answers another question, or is no reply",
    ),
    "an unread query": (
        lambda talk: stop(talk, 2),
        Trouble.MALFORMED,
        "query not read, DOQ_PROTOCOL_ERROR",
    ),
    "endless octets": (
        lambda talk: talk.write(b"\xff\xff" + bytes(200_000), fin=False),
        Trouble.MALFORMED,
        "more than 65537 octets came on a stream",
    ),
}


def stop(talk: Talk, code: int) -> None:
    """Ask the client to send no more on a stream."""
    talk.peer._quic._streams[talk.stream].receiver.is_finished = False  # it is, and so nobody says it
    talk.peer._quic.stop_stream(talk.stream, code)
    talk.peer.transmit()


@pytest.mark.parametrize("name", BROKEN)
async def test_a_reply_that_breaks_the_protocol_is_trouble_of_its_query_alone(
    good: Certificate, ca: str, name: str
) -> None:
    """What is no DNS message is told as such, and the queries beside it are answered."""
    breach, trouble, says = BROKEN[name]

    def converse(talk: Talk) -> None:
        (breach if kind_of(talk.asked) == "broken" else answer)(talk)

    with QuicResolver(good, converse) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), [*PLAIN[:10], "broken.test", *PLAIN[10:]])
        assert told(got) == {**dict.fromkeys(range(21), FINE), 10: (trouble, says)}
        assert resolver.connections == 1
        assert not got.messages.length[got.number == 10].any()


async def test_a_reply_without_the_end_of_its_stream_is_a_reply(good: Certificate, ca: str) -> None:
    """All octets of a message came, so it is not lost for what is missing behind it; nor does it take the timeout."""
    with QuicResolver(good, lambda talk: talk.say(reply(talk.asked), fin=False)) as resolver:
        begun = time.monotonic()
        got, _ = await ask(resolver.endpoint(ca=ca), PLAIN, patience=60.0)
        assert told(got) == dict.fromkeys(range(20), FINE)
        assert time.monotonic() - begun < 30
