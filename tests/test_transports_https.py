"""DNS over HTTPS against a resolver on loopback whose HTTP/2 is good, odd or hostile."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import h2.exceptions
import numpy as np
import pytest

from certificates import Authority, Issued
from hostile import ADDRESSES, Hostile, Talk, all_of, asking, reply, until
from hostile_http import OK, Request, Web, answer_all, web
from resolver_diff.transports import Endpoint, Responses, Trouble, _http2, _tls
from resolver_diff.transports.https import TRANSPORT
from resolver_diff.wire import Messages
from resolver_diff.wire.encode import encode

NAME = "dns.example"
Converse = Callable[[Web], Awaitable[None]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the endpoints trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def good(authority: Authority) -> Issued:
    """A certificate that is as it should be."""
    issued = authority.issue(NAME, "127.0.0.1", "::1")
    issued.served.set_alpn_protocols(["h2"])
    return issued


@pytest.fixture
def hostile(authority: Authority, good: Issued) -> Iterator["Secure"]:
    """The resolver at 127.0.0.1."""
    with Secure(authority, good) as resolver:
        yield resolver


class Secure(Hostile):
    """The hostile resolver, behind a good certificate."""

    def __init__(self, authority: Authority, issued: Issued, family: socket.AddressFamily = socket.AF_INET) -> None:
        super().__init__(family)
        self._ca = str(authority.file)
        self._served = issued.served

    def at(self, converse: Callable[[Talk], Awaitable[None]]) -> Endpoint:
        """Return where a resolver is that talks like *converse*."""
        return replace(self.listen(converse, self._served), hostname=NAME, ca=self._ca)


async def exchange(
    endpoint: Endpoint | list[Endpoint], count: int = 1, *, patience: float = 10.0, due: float = 0.0
) -> Responses:
    """Ask for plain-0.test and so on, *due* seconds apart."""
    async with TRANSPORT.open() as session:
        qnames = [f"plain-{number}.test" for number in range(count)]
        return await all_of(session, asking(qnames, endpoint, due=np.arange(count) * due), patience=patience)


def troubles(got: Responses) -> dict[int, tuple[Trouble, str | None]]:
    """Return the trouble of each query and its words; each query has one response only."""
    found = {
        int(number): (Trouble(int(kind)), got.says.get(row))
        for row, (number, kind) in enumerate(zip(got.number, got.trouble, strict=True))
    }
    assert len(found) == len(got)
    return found


FINE = (Trouble.NONE, None)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
async def test_a_thousand_queries_are_in_flight_on_one_connection(
    family: socket.AddressFamily, authority: Authority, good: Issued
) -> None:
    """A thousand are asked before the first is answered, and every one is, in another order; then a thousand more."""
    try:
        socket.create_server((ADDRESSES[family], 0), family=family).close()
    except OSError:
        pytest.skip(f"needs the loopback address {ADDRESSES[family]}")
    qnames = [f"plain-{number}.test" for number in range(1000)]

    async def hoard(connection: Web) -> None:
        for _ in range(2):
            for request in reversed([await connection.next() for _ in range(1000)]):
                await connection.answer(request)
        await connection.next()

    with Secure(authority, good, family) as resolver:
        endpoint = resolver.at(web(hoard))
        async with TRANSPORT.open() as session:
            first = await all_of(session, asking(qnames, endpoint), patience=40.0)
            second = await all_of(session, asking(qnames, endpoint, first=1000), patience=40.0)
        assert sorted(first.number.tolist() + second.number.tolist()) == list(range(2000))
        assert not first.trouble.any()
        assert not second.trouble.any()
        assert (first.rtt > 0).all()
        assert resolver.connections == 1
        queries = asking(qnames, endpoint).messages
        for number, message in zip(first.number.tolist(), first.messages, strict=True):
            assert message == reply(queries[number])


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_requests_are_as_they_should_be(hostile: Secure, method: str) -> None:
    """ID 0, padded; base64url without padding in a GET, a body with its type in a POST; nothing about who asks."""
    heard: list[Request] = []

    async def note(connection: Web) -> None:
        while True:
            heard.append(await connection.next())
            await connection.answer(heard[-1])

    endpoint = replace(hostile.at(web(note)), method=method)
    queries = asking(["www.example.com"], endpoint)
    queries.messages = encode(["www.example.com"], ["A"])
    async with TRANSPORT.open() as session:
        got = await all_of(session, queries)
    assert troubles(got) == {0: FINE}
    (request,) = heard
    assert len(request.message) == 128
    assert request.message[:2] == b"\0\0"
    wanted = {
        ":method": method,
        ":scheme": "https",
        ":authority": f"{NAME}:{endpoint.port}",
        "accept": "application/dns-message",
        "user-agent": "resolver_diff",
    }
    if method == "POST":
        wanted |= {":path": "/dns-query", "content-type": "application/dns-message", "content-length": "128"}
    path = request.headers.pop(":path")
    assert path.startswith("/dns-query?dns=AAABAAABAAAAAAABA3d3dwdleGFtcGxlA2NvbQAAAQAB") or method == "POST"
    assert "=" not in path.partition("dns=")[2]
    wanted.pop(":path", None)
    assert request.headers == wanted


@pytest.mark.parametrize(
    ("path", "begins"),
    [(None, "/dns-query?dns="), ("/q{?dns}", "/q?dns="), ("/q?ct=1", "/q?ct=1&dns=")],
)
async def test_the_path_may_be_a_template(hostile: Secure, path: str | None, begins: str) -> None:
    """A path is taken as it is, as a template that ends with {?dns}, or with a query of its own."""
    heard: list[Request] = []

    async def note(connection: Web) -> None:
        heard.append(await connection.next())
        await connection.answer(heard[-1])
        await connection.next()

    assert troubles(await exchange(replace(hostile.at(web(note)), path=path))) == {0: FINE}
    assert heard[0].headers[":path"].startswith(begins)


def saying(body: bytes, *headers: tuple[str, str]) -> Converse:
    """Return a resolver that says the same to every even query, and answers every odd one as it should."""

    async def converse(connection: Web) -> None:
        while True:
            request = await connection.next()
            if request.number % 2:
                await connection.answer(request)
            else:
                await connection.say(request, body, headers or OK)

    return converse


ESCAPE = "https://evil.example/\N{ESCAPE}[31m" + 300 * "x"


@pytest.mark.parametrize(
    ("converse", "kind", "says"),
    [
        (
            saying(b"moved", (":status", "302"), ("location", "https://127.0.0.1/elsewhere")),
            Trouble.HTTP,
            "HTTP 302 to https://127.0.0.1/elsewhere",
        ),
        (saying(b"", (":status", "301"), ("location", ESCAPE[:21] + 300 * "x")), Trouble.HTTP, None),
        (saying(b"slower", (":status", "429"), ("content-type", "text/plain")), Trouble.HTTP, "HTTP 429"),
        (saying(b"", (":status", "500")), Trouble.HTTP, "HTTP 500"),
        (saying(b"later", (":status", "503"), ("retry-after", "9")), Trouble.HTTP, "HTTP 503"),
        (saying(b"<a>", (":status", "200"), ("content-type", "text/html")), Trouble.HTTP, "content-type is text/html"),
        (saying(b"<html>", (":status", "200")), Trouble.HTTP, "there is no content-type"),
        (saying(b"\x1f\x8b", *OK, ("content-encoding", "gzip")), Trouble.HTTP, "content-encoding is gzip"),
        (saying(b""), Trouble.HTTP, "the body is empty"),
        (saying(b"runt"), Trouble.MALFORMED, "4 octets are no DNS message"),
        (saying(bytes(65_536)), Trouble.HTTP, "the body is longer than 65535 octets"),
        (saying(bytes(12)), Trouble.MALFORMED, "the message answers another question, or is no reply"),
        (
            saying(b"short", *OK, ("content-length", "500")),
            Trouble.HTTP,
            "wrong HTTP/2: InvalidBodyLengthError: Expected 500 bytes, received 5",
        ),
    ],
    ids=["302", "301", "429", "500", "503", "html", "no-type", "gzip", "empty", "runt", "long", "no-reply", "length"],
)
async def test_what_is_no_answer_is_trouble_in_words(
    hostile: Secure, converse: Converse, kind: Trouble, says: str | None
) -> None:
    """Each misbehaviour is told as what it is, of the queries it was shown to; others beside them are answered."""
    got = await exchange(hostile.at(web(converse)), 20)
    found = troubles(got)
    assert {number: found[number] for number in range(1, 20, 2)} == dict.fromkeys(range(1, 20, 2), FINE)
    for number in range(0, 20, 2):
        assert found[number][0] == kind
        assert found[number][1] is not None
        assert len(found[number][1] or "") < 150
        if says is not None:
            assert found[number][1] == says


async def test_the_largest_message_is_whole(hostile: Secure) -> None:
    """65,535 octets arrive unharmed, also when the end comes alone and frames are padded."""

    async def largest(connection: Web) -> None:
        request = await connection.next()
        short = len(reply(request.message, octets=1)) - 1
        message = reply(request.message, octets=65_535 - short)
        await connection.say(request, message, end=False)
        await connection.more(request, b"", end=True)
        await connection.next()

    got = await exchange(hostile.at(web(largest)))
    assert got.messages.length.tolist() == [65_535]


async def test_a_body_may_come_octet_by_octet(hostile: Secure) -> None:
    """A body is whole when its stream ends, however it was cut, and 1xx and trailers do not matter."""

    async def trickle(connection: Web) -> None:
        request = await connection.next()
        connection.h2.send_headers(request.stream, [(":status", "103"), ("link", "</style.css>")])
        message = reply(request.message)
        await connection.say(request, message[:1], end=False)
        for octet in message[1:]:
            await connection.more(request, bytes([octet]))
        connection.h2.send_headers(request.stream, [("expires", "now")], end_stream=True)
        await connection.flush()
        await connection.next()

    assert troubles(await exchange(hostile.at(web(trickle)))) == {0: FINE}


async def test_a_body_that_never_ends_is_silence(hostile: Secure) -> None:
    """A trickle that is not whole in time is silence, its stream is given up, and other queries are answered."""
    seen: list[Web] = []

    async def endless(connection: Web) -> None:
        seen.append(connection)
        request = await connection.next()
        await connection.say(request, reply(request.message)[:-1], end=False)
        await answer_all(connection)

    got = await exchange(hostile.at(web(endless)), 5, patience=0.5)
    assert troubles(got) == dict.fromkeys(range(1, 5), FINE)
    await until(lambda: seen[0].reset == [1])


async def test_a_body_that_goes_on_for_ever_is_cut(hostile: Secure) -> None:
    """A peer that sends without an end, after a status that says enough, is told to stop; the others are answered."""

    async def pour(connection: Web) -> None:
        request = await connection.next()
        await connection.say(request, b"x", ((":status", "500"),), end=False)
        others = [await connection.next() for _ in range(4)]
        while request.stream not in connection.reset:
            try:
                await connection.more(request, bytes(10_000))
            except h2.exceptions.ProtocolError:
                break
        for other in others:
            await connection.answer(other)
        await connection.next()

    got = await exchange(hostile.at(web(pour)), 5)
    assert troubles(got) == {0: (Trouble.HTTP, "HTTP 500"), **dict.fromkeys(range(1, 5), FINE)}


async def test_goaway_moves_what_was_not_looked_at(hostile: Secure) -> None:
    """What the peer accepted before it leaves it still answers; the rest is asked again on a new connection."""
    asked: Counter[int] = Counter()
    beginnings: list[int] = []

    async def leave(connection: Web) -> None:
        beginnings.append(hostile.connections)
        if hostile.connections > 1:
            while True:
                request = await connection.next()
                asked[request.number] += 1
                await connection.answer(request)
        requests = [await connection.next() for _ in range(20)]
        asked.update(request.number for request in requests)
        last = requests[9].stream
        await connection.frame(7, 0, 0, last.to_bytes(4, "big") + bytes(4) + b"bye")
        await asyncio.sleep(0.2)
        for request in requests[:10]:
            await connection.answer(request, last=7)
        await connection.next()

    got = await exchange(hostile.at(web(leave)), 20)
    assert troubles(got) == dict.fromkeys(range(20), FINE)
    assert asked == {number: 1 if number < 10 else 2 for number in range(20)}
    told = {int(number): message[-1] for number, message in zip(got.number, got.messages, strict=True)}
    assert told == {number: 7 if number < 10 else 1 for number in range(20)}
    assert beginnings == [1, 2]


async def test_a_peer_that_answers_some_and_leaves_is_asked_everything(hostile: Secure) -> None:
    """A limit of requests to a connection, told by GOAWAY, costs connections and no answer."""

    async def seven(connection: Web) -> None:
        for _ in range(7):
            await connection.answer(await connection.next())
        await connection.frame(7, 0, 0, (13).to_bytes(4, "big") + bytes(4))
        await connection.next()

    got = await exchange(hostile.at(web(seven)), 100, patience=20.0)
    assert troubles(got) == dict.fromkeys(range(100), FINE)
    assert hostile.connections < 40


async def test_a_peer_that_always_leaves_is_trouble(hostile: Secure) -> None:
    """GOAWAY to everything ends every query, with the peer's words made harmless."""

    async def leave(connection: Web) -> None:
        await connection.frame(7, 0, 0, bytes(4) + (11).to_bytes(4, "big") + b"calm \x1b[31m down")
        await connection.next()

    got = await exchange(hostile.at(web(leave)), 5)
    says = "the peer ends the connection: ENHANCE_YOUR_CALM, calm ?[31m down"
    assert troubles(got) == dict.fromkeys(range(5), (Trouble.HTTP, says))
    assert hostile.connections <= 12


async def test_a_refused_stream_is_asked_again_once(hostile: Secure) -> None:
    """REFUSED_STREAM means that nothing was done: asked again, answered; refused again, trouble."""
    refused: Counter[int] = Counter()

    async def refuse(connection: Web) -> None:
        while True:
            request = await connection.next()
            refused[request.number] += 1
            if request.number == 0 or (request.number == 1 and refused[1] == 1):
                connection.h2.reset_stream(request.stream, 7)
                await connection.flush()
            else:
                await connection.answer(request)

    got = await exchange(hostile.at(web(refuse)), 10, due=0.02)
    assert troubles(got) == {
        0: (Trouble.HTTP, "the peer resets the stream: REFUSED_STREAM"),
        **dict.fromkeys(range(1, 10), FINE),
    }
    assert refused[1] == 2
    assert refused[0] <= 70


async def test_a_stream_that_is_reset_is_trouble(hostile: Secure) -> None:
    """Any other reset ends its query, and no other."""

    async def reset(connection: Web) -> None:
        while True:
            request = await connection.next()
            if request.number == 3:
                connection.h2.reset_stream(request.stream, 2)
                await connection.flush()
            else:
                await connection.answer(request)

    got = await exchange(hostile.at(web(reset)), 10)
    assert troubles(got) == dict.fromkeys(range(10), FINE) | {
        3: (Trouble.HTTP, "the peer resets the stream: INTERNAL_ERROR")
    }


async def test_a_connection_closed_between_queries_is_opened_anew(hostile: Secure) -> None:
    """A peer that closes idle connections is asked on a new one; no query is lost to it."""

    async def impatient(connection: Web) -> None:
        await connection.answer(await connection.next())

    got = await exchange(hostile.at(web(impatient)), 8, due=0.1)
    assert troubles(got) == dict.fromkeys(range(8), FINE)


async def test_a_peer_that_closes_without_an_answer_is_unreachable(hostile: Secure) -> None:
    """Closed on a query twice, when it was the only one asked: unreachable, as over TCP."""

    async def close(connection: Web) -> None:
        await connection.next()

    got = await exchange(hostile.at(web(close)))
    assert troubles(got) == {0: (Trouble.UNREACHABLE, "the peer closed the connection")}
    assert hostile.connections == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_more_streams_than_the_peer_allows(hostile: Secure, method: str) -> None:
    """Where five streams are allowed, the others wait their turn."""
    seen: list[Web] = []

    async def slow(connection: Web) -> None:
        seen.append(connection)
        while True:
            request = await connection.next()
            await asyncio.sleep(0.005)
            await connection.answer(request)

    got = await exchange(replace(hostile.at(web(slow, streams=5)), method=method), 60)
    assert troubles(got) == dict.fromkeys(range(60), FINE)
    assert seen[0].most_at_once == 5


@pytest.mark.parametrize(("streams", "window", "method"), [(0, 65_535, "GET"), (100, 0, "POST")])
async def test_a_peer_that_lets_nothing_be_asked_is_silent(
    hostile: Secure, streams: int, window: int, method: str
) -> None:
    """No streams, or no octets of a body, until the timeout: silence, in words."""
    endpoint = replace(hostile.at(web(answer_all, streams=streams, window=window)), method=method)
    begun = time.monotonic()
    got = await exchange(endpoint, 3, patience=0.4)
    says = "the peer lets nothing be asked on its connection"
    assert troubles(got) == dict.fromkeys(range(3), (Trouble.SILENT, says))
    assert time.monotonic() - begun < 8.0


async def test_a_peer_that_never_begins_is_silent(hostile: Secure) -> None:
    """A TLS handshake and then nothing is silence; the words tell how far it came."""

    async def mute(talk: Talk) -> None:
        await talk.reader.read()

    got = await exchange(hostile.at(mute), 3, patience=0.4)
    assert troubles(got) == dict.fromkeys(range(3), (Trouble.SILENT, "no beginning of HTTP/2"))


async def test_a_peer_without_http_2(hostile: Secure, authority: Authority) -> None:
    """A peer that chooses no HTTP/2, or says it does and answers in HTTP/1.1, is told as such."""

    async def old(talk: Talk) -> None:
        await talk.reader.read(100)
        talk.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await talk.writer.drain()
        await talk.reader.read()

    says = (Trouble.HTTP, "the peer speaks no HTTP/2")
    assert troubles(await exchange(hostile.at(old))) == {0: says}
    for protocols in ((), ("http/1.1",)):
        issued = authority.issue(NAME)
        if protocols:
            issued.served.set_alpn_protocols(list(protocols))
        endpoint = replace(hostile.listen(old, issued.served), hostname=NAME, ca=str(authority.file))
        assert troubles(await exchange(endpoint)) == {0: says}


async def test_faults_of_the_certificate_are_those_of_tls(hostile: Secure, authority: Authority) -> None:
    """Wrong names, old dates and pins are told in the same words as over TLS, and nothing is asked."""
    port = hostile.at(web(answer_all)).port
    ca = str(authority.file)
    here = Endpoint("127.0.0.1", port, NAME, ca=ca)
    assert troubles(await exchange(replace(here, hostname="other.example"))) == {
        0: (Trouble.TLS, "certificate is for dns.example, 127.0.0.1, ::1, not other.example")
    }
    assert troubles(await exchange(replace(here, hostname=None))) == {0: FINE}
    assert troubles(await exchange(replace(here, pins=("AAAA",))))[0][0] == Trouble.TLS
    old = authority.issue(NAME, begins=-timedelta(days=9), ends=-timedelta(days=3))
    expired = replace(hostile.listen(web(answer_all), old.serving("h2")), hostname=NAME)
    assert (troubles(await exchange(replace(expired, ca=ca)))[0][1] or "").startswith("certificate has expired (notAft")
    assert troubles(await exchange(replace(expired, pins=(old.pin,)))) == {0: FINE}


def frames(*listed: tuple[int, int, int, bytes]) -> Converse:
    """Return a resolver that answers all of five queries but one, and then sends frames of its own."""

    async def converse(connection: Web) -> None:
        if hostile_once.pop("first", None):
            requests = [await connection.next() for _ in range(5)]
            for request in requests[:4]:
                await connection.answer(request)
            for kind, flags, stream, payload in listed:
                await connection.frame(kind, flags, stream, payload)
            await connection.next()
        await answer_all(connection)

    return converse


hostile_once: dict[str, bool] = {}


@pytest.mark.parametrize(
    "listed",
    [
        [(0, 0, 0, b"data on no stream")],
        [(0, 8, 9, b"\xffpadding that is longer than the frame")],
        [(1, 4, 9, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff")],
        [(1, 4, 9, b"\x80")],
        [(1, 4, 10, b"\x88")],
        [(5, 4, 9, (2).to_bytes(4, "big") + b"\x82\x87\x84")],
        [(4, 0, 0, b"not six")],
        [(4, 0, 0, b"\0\4\xff\xff\xff\xff")],
        [(7, 0, 0, b"short")],
        [(8, 0, 0, bytes(4))],
        [(9, 4, 9, b"a continuation of nothing")],
        [(3, 0, 0, bytes(4))],
        [(6, 0, 0, b"ping")],
        [(1, 0, 9, b"\x88"), *((9, 0, 9, b"\x40\1a\1b") for _ in range(200))],
        [(1, 4, 9, b"\x88" + b"\x0f\x2f\x7f" + b"\x80" * 9 + b"\1")],
        [(0, 0, 9, b"data before headers")],
        [(1, 4, 9, b"\x5f\x17application/dns-message"), (0, 1, 9, bytes(20))],
    ],
    ids=[
        "data-0", "padding", "hpack", "index", "even", "push", "settings", "window", "goaway", "update", "continuation",
        "reset-0", "ping", "flood", "integer", "no-headers", "no-status",
    ],
)  # fmt: skip
async def test_wrong_frames_cost_at_most_the_connection(
    hostile: Secure, listed: list[tuple[int, int, int, bytes]]
) -> None:
    """Whatever breaks the protocol, the replies before it are kept, and the run goes on."""
    hostile_once["first"] = True
    found = troubles(await exchange(hostile.at(web(frames(*listed))), 5))
    assert {number: found[number] for number in range(4)} == dict.fromkeys(range(4), FINE)
    assert found[4][0] in {Trouble.NONE, Trouble.HTTP, Trouble.MALFORMED}
    assert hostile.connections <= 3


async def test_a_frame_that_is_too_large_is_not_waited_for(hostile: Secure) -> None:
    """A length beyond what was agreed ends the connection at once; 16 MB are not collected."""

    async def huge(connection: Web) -> None:
        await connection.next()
        await connection.frame(0, 0, 1, b"", length=0xFFFFFF)
        await connection.next()

    got = await exchange(hostile.at(web(huge)), 1)
    assert troubles(got) == {0: (Trouble.HTTP, "wrong HTTP/2: a frame is too large")}


async def test_headers_without_an_end_are_refused(hostile: Secure) -> None:
    """A header list of a megabyte is trouble, not memory."""

    async def verbose(connection: Web) -> None:
        request = await connection.next()
        many = [(":status", "200"), *((f"x-{number}", 400 * "y") for number in range(300))]
        connection.h2.send_headers(request.stream, many)
        await connection.flush()
        await connection.next()

    assert troubles(await exchange(hostile.at(web(verbose))))[0][0] == Trouble.HTTP


async def test_a_flood_of_pings_is_left(hostile: Secure) -> None:
    """A peer that sends more than queries explain is left before it costs much time."""

    async def ping(connection: Web) -> None:
        await connection.next()
        burst = 2000 * ((8).to_bytes(3, "big") + b"\6\0" + bytes(4) + b"password")
        while True:
            connection.talk.writer.write(burst)
            await connection.talk.writer.drain()

    got = await exchange(hostile.at(web(ping)), 1, patience=20.0)
    assert troubles(got) == {0: (Trouble.HTTP, "wrong HTTP/2: more frames than queries explain")}


async def test_a_peer_that_does_not_read_is_left(hostile: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a peer does not read is not collected for it without an end, though it shows signs of life."""
    monkeypatch.setattr(_http2, "UNREAD", 10_000)
    plain = _tls._tcp

    async def narrow(endpoint: Endpoint) -> socket.socket:
        opened = await plain(endpoint)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return opened

    monkeypatch.setattr(_tls, "_tcp", narrow)

    async def deaf(connection: Web) -> None:
        transport = connection.talk.writer.transport._ssl_protocol._transport  # type: ignore[attr-defined]
        transport.pause_reading()
        while not transport.is_closing():
            await connection.frame(6, 1, 0, b"password")
            await asyncio.sleep(0.05)

    endpoint = hostile.at(web(deaf))
    hostile._servers[0].sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    qnames = [".".join([f"plain-{number}", *(3 * ["x" * 63])]) for number in range(1000)]
    queries = asking(qnames, endpoint, due=np.arange(1000) * 0.001)
    async with TRANSPORT.open() as session:
        task = asyncio.create_task(all_of(session, queries, patience=100.0))
        await until(lambda: hostile.connections > 1)
        task.cancel()


async def test_signs_of_life_answer_nothing(hostile: Secure) -> None:
    """Hundreds of queries to a peer that only ever sends pings end in silence together."""

    async def ping(connection: Web) -> None:
        while True:
            await connection.frame(6, 1, 0, b"password")
            await asyncio.sleep(0.02)

    begun = time.monotonic()
    assert len(await exchange(hostile.at(web(ping, streams=10)), 300, patience=0.4)) == 0
    assert time.monotonic() - begun < 10.0


async def test_a_hostile_resolver_disturbs_no_other(hostile: Secure) -> None:
    """Beside one that redirects, one that hangs and one that leaves, a good resolver answers everything."""

    async def hang(connection: Web) -> None:
        while True:
            await connection.next()

    async def leave(connection: Web) -> None:
        await connection.next()
        await connection.frame(7, 0, 0, bytes(8))

    moved = saying(b"", (":status", "302"), ("location", "https://127.0.0.1/"))
    endpoints = [hostile.at(web(converse)) for converse in (answer_all, hang, leave, moved)]
    found = troubles(await exchange(endpoints, 80, patience=2.0))
    assert {number: found.get(number) for number in range(0, 80, 4)} == dict.fromkeys(range(0, 80, 4), FINE)
    assert not set(found) & set(range(1, 80, 4))
    assert {found[number][0] for number in range(2, 80, 4)} == {Trouble.HTTP}


async def test_environment_names_no_way(hostile: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies that the environment names are not used: they would answer for the resolver."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert troubles(await exchange(hostile.at(web(answer_all)))) == {0: FINE}


async def test_an_exchange_cut_short_leaves_no_connections(hostile: Secure) -> None:
    """Whoever is cancelled in the middle of an exchange closes what was opened."""

    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    heard: list[Request] = []

    async def mute(connection: Web) -> None:
        while True:
            heard.append(await connection.next())

    endpoint = hostile.at(web(mute))
    before = open_files()
    task = asyncio.create_task(exchange(endpoint, 3, patience=30.0))
    while not heard:  # noqa: ASYNC110  it happens in another thread
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while open_files() != before:  # noqa: ASYNC110  the same
        await asyncio.sleep(0.01)


async def test_queries_that_are_no_encoded_ones_go_as_they_are(hostile: Secure) -> None:
    """A query without an OPT record cannot be padded, and is asked all the same."""
    endpoint = hostile.at(web(answer_all))
    queries = asking(["plain-1.test"], endpoint)
    assert isinstance(queries.messages, Messages)
    async with TRANSPORT.open() as session:
        assert troubles(await all_of(session, queries)) == {0: FINE}
