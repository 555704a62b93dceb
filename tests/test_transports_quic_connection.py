"""The life of a DoQ connection: how many streams it has, how it ends, and what becomes of what was asked on it."""

import asyncio
import random
import socket
import threading
from typing import Any, Self

import pytest
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.tls import Epoch

from hostile import all_of, asking, kind_of, reply
from quic_servers import NAME, Authority, Certificate, Peer, QuicResolver, Talk
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


async def test_no_more_streams_are_opened_than_allowed(good: Certificate, ca: str) -> None:
    """What the peer's limit leaves no room for waits until a stream is done; its rtt does not count the waiting."""
    at_once = most = 0

    def slowly(talk: Talk) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)

        def done() -> None:
            nonlocal at_once
            at_once -= 1
            answer(talk)

        talk.later(0.05, done)

    with QuicResolver(good, slowly, streams=4) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), [f"p{number}.test" for number in range(40)], patience=20.0)
        assert told(got) == dict.fromkeys(range(40), FINE)
        assert most == 4
        assert resolver.connections == 1
        assert sorted(got.rtt.tolist())[20] < 0.4e9  # the last of them waited ten times as long as one takes


async def test_a_late_reply_belongs_to_its_query(good: Certificate, ca: str) -> None:
    """What comes after the timeout is told in the next exchange, under the number of the query it answers."""
    held: list[Talk] = []

    def converse(talk: Talk) -> None:
        if kind_of(talk.asked) == "late":
            held.append(talk)
        else:
            for each in [*held, talk]:
                answer(each)

    with QuicResolver(good, converse) as resolver:
        async with TRANSPORT.open() as session:
            first = await all_of(session, asking(["late.test"], resolver.endpoint(ca=ca)), patience=4.0)
            second = await all_of(session, asking(["plain.test"], resolver.endpoint(ca=ca), first=1))
        assert len(first) == 0
        assert told(second) == dict.fromkeys(range(2), FINE)
        assert resolver.connections == 1


async def test_unanswered_queries_do_not_use_up_the_streams(good: Certificate, ca: str) -> None:
    """A query that is not waited for any more is cancelled, so that others may be asked on the same connection."""
    with QuicResolver(good, answer, streams=4) as resolver:
        silent = [f"silent-{number}.test" for number in range(4)]
        async with TRANSPORT.open() as session:
            first = await all_of(session, asking(silent, resolver.endpoint(ca=ca)), patience=4.0)
            second = await all_of(session, asking(PLAIN, resolver.endpoint(ca=ca), first=100))
        assert len(first) == 0
        assert len(second) == 20
        assert not second.trouble.any()
        assert resolver.connections == 1


@pytest.mark.parametrize(
    ("code", "reason", "says"),
    [
        (1, "", "connection closed with DOQ_INTERNAL_ERROR"),
        (4, "too much", "connection closed with DOQ_EXCESSIVE_LOAD: too much"),
        (0x99, "", "connection closed with error 0x99"),
        (2, "\x1b[31mred\nline é", "connection closed with DOQ_PROTOCOL_ERROR: ?[31mred?line ?"),
        (0, "x" * 500, "connection closed with DOQ_NO_ERROR: " + "x" * 117 + "..."),
    ],
)
async def test_a_connection_closed_twice_on_a_query_is_told(
    good: Certificate, ca: str, code: int, reason: str, says: str
) -> None:
    """The query is asked once more; then the code's name and the peer's reason are told, which can harm no terminal."""
    with QuicResolver(good, lambda talk: talk.close(code, reason)) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), ["plain.test"])
        assert told(got) == {0: (Trouble.MALFORMED, says)}
        assert resolver.connections == 2


async def test_a_query_that_ends_connections_takes_no_other_with_it(good: Certificate, ca: str) -> None:
    """What a connection that ended left unanswered is asked again."""

    def converse(talk: Talk) -> None:
        if kind_of(talk.asked) == "poison":
            talk.close(1)
        else:
            talk.later(0.02, answer, talk)

    with QuicResolver(good, converse) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), [*PLAIN[:10], "poison.test", *PLAIN[10:]], patience=20.0)
        poisoned = told(got).pop(10)
        assert told(got) == {**dict.fromkeys(range(21), FINE), 10: poisoned}
        assert poisoned == (Trouble.MALFORMED, "connection closed with DOQ_INTERNAL_ERROR")


async def test_a_few_answers_to_a_connection_are_enough(good: Certificate, ca: str) -> None:
    """A resolver that closes after every third answer is asked everything all the same, and not over and over."""

    def third(talk: Talk) -> None:
        answer(talk)
        if talk.peer.count == 3:
            talk.close(0)

    with QuicResolver(good, third) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), PLAIN, patience=20.0)
        assert told(got) == dict.fromkeys(range(20), FINE)
        assert resolver.connections <= 12
        assert len(resolver.seen) <= 60


async def test_an_idle_connection_is_replaced(good: Certificate, ca: str) -> None:
    """A resolver that forgets idle connections is asked on a new one, and nothing is lost."""
    with QuicResolver(good, answer, idle_timeout=0.5) as resolver:
        async with TRANSPORT.open() as session:
            for first in (0, 100, 200):
                got = await all_of(session, asking(PLAIN, resolver.endpoint(ca=ca), first=first))
                assert sorted(got.number.tolist()) == list(range(first, first + 20))
                assert not got.trouble.any()
                await asyncio.sleep(0.3 * (1 + first / 100))  # the second time with the end in between
        assert 2 <= resolver.connections <= 3


async def test_a_slow_reply_outlives_the_idle_timeout(good: Certificate, ca: str) -> None:
    """While a reply is waited for, the connection is not idle."""
    with QuicResolver(good, lambda talk: talk.later(1.5, answer, talk), idle_timeout=0.5) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), ["plain.test"], patience=20.0)
        assert told(got) == {0: FINE}
        assert resolver.connections == 1


async def test_a_resolver_that_was_started_anew_is_asked_anew(good: Certificate, ca: str) -> None:
    """A connection on which not even an acknowledgement comes any more is left before the query times out."""
    with QuicResolver(good, answer) as resolver:
        async with TRANSPORT.open() as session:
            await all_of(session, asking(PLAIN, resolver.endpoint(ca=ca)))
            resolver.restart()
            got = await all_of(session, asking(PLAIN, resolver.endpoint(ca=ca), first=100), patience=4.0)
        assert sorted(got.number.tolist()) == list(range(100, 120))
        assert not got.trouble.any()
        assert resolver.connections == 2


async def test_a_resolver_that_asks_for_proof_of_the_address_is_given_it(good: Certificate, ca: str) -> None:
    """Retry (RFC 9000 8.1.2) is part of an ordinary handshake."""
    with QuicResolver(good, answer, retry=True) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), PLAIN)
        assert told(got) == dict.fromkeys(range(20), FINE)
        assert resolver.connections == 1


async def test_junk_between_packets_is_passed_over(good: Certificate, ca: str) -> None:
    """Octets that belong to no connection change nothing."""

    def converse(talk: Talk) -> None:
        transport, where = talk.peer._transport, talk.peer._quic._network_paths[0].addr
        assert transport is not None
        for junk in (b"", b"\0", b"\xff" * 1200, bytes(40), b"\x40" + talk.peer._quic.host_cid + bytes(30)):
            transport.sendto(junk, where)
        answer(talk)

    with QuicResolver(good, converse) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), PLAIN)
        assert told(got) == dict.fromkeys(range(20), FINE)
        assert resolver.connections == 1


async def test_a_resolver_that_lets_no_stream_be_opened_is_given_up(good: Certificate, ca: str) -> None:
    """Nothing could be asked: the queries end in silence, at their timeout, and it is said why."""
    with QuicResolver(good, answer, streams=0) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), PLAIN, patience=1.0)
        assert told(got) == dict.fromkeys(
            range(20), (Trouble.SILENT, "the peer lets nothing be asked on its connection")
        )
        assert not got.messages.length.any()
        assert resolver.connections < 10


async def test_a_resolver_that_lets_few_streams_be_opened_is_asked_on_many_connections(
    good: Certificate, ca: str
) -> None:
    """One that never allows more than the first three gets three queries to a connection."""
    with QuicResolver(good, answer, streams=3, more_streams=False) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), PLAIN[:9], patience=20.0)
        assert told(got) == dict.fromkeys(range(9), FINE)
        assert resolver.connections == 3


async def test_a_silent_query_holds_up_no_other_where_few_streams_are_allowed(good: Certificate, ca: str) -> None:
    """What finds no stream on a connection whose last query is not answered is asked on another one meanwhile."""
    with QuicResolver(good, answer, streams=3, more_streams=False) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), ["silent.test", *PLAIN[:9]], patience=10.0)
        assert told(got) == dict.fromkeys(range(1, 10), FINE)
        assert resolver.connections <= 5


async def test_frames_that_break_quic_end_the_connection(good: Certificate, ca: str) -> None:
    """A peer that breaks the rules of QUIC itself is left; what it broke is told."""

    def converse(talk: Talk) -> None:
        talk.peer._quic.send_datagram_frame(b"not agreed upon")
        talk.peer.transmit()

    with QuicResolver(good, converse) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), ["plain.test"])
        ((trouble, says),) = told(got).values()
        assert trouble == Trouble.MALFORMED
        assert says is not None
        assert says.startswith("broken QUIC: PROTOCOL_VIOLATION")


async def test_streams_that_nobody_asked_for_have_an_end(good: Certificate, ca: str) -> None:
    """A peer that talks and talks on a stream of its own is left."""

    def greet(peer: Peer) -> None:
        stream = peer._quic.get_next_available_stream_id(is_unidirectional=True)
        peer._quic.send_stream_data(stream, bytes(4 << 20))

    with QuicResolver(good, answer, greet=greet) as resolver:
        got, strays = await ask(resolver.endpoint(ca=ca), ["silent.test"], patience=20.0)
        assert told(got) == {0: (Trouble.MALFORMED, "the resolver says much that nobody asked for")}
        assert resolver.connections == 2
        assert strays > 0


async def test_lost_and_doubled_packets_are_made_good(good: Certificate, ca: str) -> None:
    """On a path that loses one packet in eight and doubles another, every reply comes, once."""
    with QuicResolver(good, answer) as resolver, Bad(resolver.port) as path:
        endpoint = Endpoint("127.0.0.1", path.port, hostname=NAME, ca=ca)
        got, strays = await ask(endpoint, [f"p{number}.test" for number in range(200)], patience=60.0)
        assert told(got) == dict.fromkeys(range(200), FINE)
        assert strays == 0
        assert path.lost > 0
        assert path.doubled > 0


class Bad:
    """A path on loopback that loses, doubles and damages; a context manager."""

    def __init__(self, port: int) -> None:
        self.lost = self.doubled = 0
        self._server = ("127.0.0.1", port)
        self._client: Any = None
        self._count = 0
        self._front, self._back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for each in (self._front, self._back):
            each.bind(("127.0.0.1", 0))
        self.port = self._front.getsockname()[1]
        self._over = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._there, self._back_again)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in (self._front, self._back):
            each.sendto(b"", each.getsockname())
        for thread in self._threads:
            thread.join()
        self._front.close()
        self._back.close()

    def _there(self) -> None:
        while not self._over.is_set():
            octets, self._client = self._front.recvfrom(65_535)
            self._carry(self._back, octets, self._server)

    def _back_again(self) -> None:
        while not self._over.is_set():
            octets, _ = self._back.recvfrom(65_535)
            if self._client is not None:
                self._carry(self._front, octets, self._client)

    def _carry(self, out: socket.socket, octets: bytes, where: Any) -> None:
        self._count += 1
        if self._over.is_set() or self._count % 8 == 3:
            self.lost += 1
            return
        if self._count % 8 == 5:
            self.doubled += 1
            out.sendto(octets, where)
            out.sendto(octets[:-1] + bytes([octets[-1] ^ 1]), where)
        out.sendto(octets, where)


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_a_peer_puts_into_a_packet_ends_well(good: Certificate, ca: str, seed: int) -> None:
    """Frames of chance, rightly encrypted: every query ends, in silence or with words, and the run goes on."""
    chance = random.Random(seed)

    def converse(talk: Talk) -> None:
        quic = talk.peer._quic
        for _ in range(3):
            # the types of frames end at 0x31 (RFC 9000 19, RFC 9221 4)
            frames = bytes([chance.choice([*range(0x20), 0x30, 0x31, 0x3F])]) + chance.randbytes(chance.randrange(30))
            builder = QuicPacketBuilder(
                host_cid=quic.host_cid,
                peer_cid=quic._peer_cid.cid,
                version=quic._version or 1,
                is_client=False,
                max_datagram_size=1200,
                packet_number=quic._packet_number,
            )
            builder.start_packet(QuicPacketType.ONE_RTT, quic._cryptos[Epoch.ONE_RTT])
            builder.start_frame(frames[0], capacity=40).push_bytes(frames[1:])
            datagrams, _ = builder.flush()
            quic._packet_number = builder.packet_number
            for datagram in datagrams:
                assert talk.peer._transport is not None
                talk.peer._transport.sendto(datagram, quic._network_paths[0].addr)
        answer(talk)

    with QuicResolver(good, converse) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), PLAIN[:3], patience=1.0)
    assert len(told(got)) <= 3
    for trouble, says in told(got).values():
        assert trouble in (Trouble.NONE, Trouble.SILENT, Trouble.MALFORMED, Trouble.UNREACHABLE, Trouble.TLS)
        assert trouble in (Trouble.NONE, Trouble.SILENT) or (says and says.isascii() and says.isprintable())
