"""DoH3 against resolvers on loopback: one by hypercorn, and one that does with HTTP/3 whatever it likes."""

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aioquic.h3.connection import FrameType, encode_frame

from hostile import all_of, asking, kind_of, query, reply
from quic_servers import NAME, Authority, Certificate, QuicResolver, Talk
from resolver_diff.transports import Endpoint, Responses, Trouble
from resolver_diff.transports.h3 import TRANSPORT

PLAIN = [f"plain-{number}.test" for number in range(20)]
FINE = (Trouble.NONE, None)


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
        talk.respond(reply(talk.asked))


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


@pytest.fixture(scope="module")
def hypercorn(good: Certificate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that others wrote; its port."""
    program = Path(__file__).with_name("doh3_server.py")
    command: list[str | Path] = [sys.executable, program, *good.write(tmp_path_factory.mktemp("server"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_real_server_is_understood(hypercorn: int, ca: str, method: str) -> None:
    """Queries go to the usual path by either method, replies of 40,000 octets are whole."""
    endpoint = Endpoint("127.0.0.1", hypercorn, hostname=NAME, ca=ca, method=method)
    qnames = [*PLAIN, *(f"big-{number}.test" for number in range(10))]
    got, strays = await ask(endpoint, qnames, patience=20.0)
    assert told(got) == dict.fromkeys(range(30), FINE)
    assert strays == 0
    for number, message in zip(got.number.tolist(), got.messages, strict=True):
        assert message == reply(query(qnames[number]), octets=40_000 if number >= 20 else 0)


async def test_a_real_server_answers_a_thousand_queries_at_once(hypercorn: int, ca: str) -> None:
    """All 1,000 are due at once, and answered on one connection as fast as the server allows."""
    endpoint = Endpoint("127.0.0.1", hypercorn, hostname=NAME, ca=ca)
    got, _ = await ask(endpoint, [f"p{number}.test" for number in range(1000)], patience=60.0)
    assert told(got) == dict.fromkeys(range(1000), FINE)


async def test_a_thousand_queries_are_in_flight_on_one_connection(good: Certificate, ca: str) -> None:
    """A resolver that allows it is asked 1,000 questions before it answers the first."""
    held: list[Talk] = []

    def hold(talk: Talk) -> None:
        held.append(talk)
        if len(held) == 1000:
            for each in reversed(held):
                answer(each)

    with QuicResolver(good, hold, alpn="h3", streams=2000) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), [f"p{number}.test" for number in range(1000)], patience=40.0)
        assert told(got) == dict.fromkeys(range(1000), FINE)
        assert resolver.connections == 1


@pytest.mark.parametrize(
    ("details", "path", "called"),
    [
        ({}, b"/dns-query?dns=", NAME),
        ({"hostname": None}, b"/dns-query?dns=", "127.0.0.1"),
        ({"path": "/resolve{?dns}"}, b"/resolve?dns=", NAME),
        ({"path": "/q?key=1"}, b"/q?key=1&dns=", NAME),
        ({"method": "POST"}, b"/dns-query", NAME),
        ({"method": "POST", "path": "/resolve{?dns}"}, b"/resolve", NAME),
    ],
)
async def test_a_request_is_as_the_standard_has_it(
    authority: Authority, ca: str, details: dict[str, Any], path: bytes, called: str
) -> None:
    """Method, path and authority (RFC 8484 4.1, RFC 9114 4.3.1), as over HTTP/2."""
    with QuicResolver(authority.issue(NAME, "127.0.0.1"), answer, alpn="h3") as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca, **details), PLAIN[:1])
        assert told(got) == {0: FINE}
        ((body, headers),) = resolver.seen
    assert body == query(PLAIN[0])
    posts = details.get("method") == "POST"
    dns = b"" if posts else base64.urlsafe_b64encode(body).rstrip(b"=")
    assert headers == {
        b":method": b"POST" if posts else b"GET",
        b":scheme": b"https",
        b":authority": f"{called}:{resolver.port}".encode(),
        b":path": path + dns,
        b"accept": b"application/dns-message",
        b"user-agent": b"resolver_diff",
        **({b"content-type": b"application/dns-message", b"content-length": b"%d" % len(body)} if posts else {}),
    }


def _frames(talk: Talk, *frames: tuple[int, bytes], fin: bool = True) -> None:
    """Send frames that no library would."""
    talk.write(b"".join(encode_frame(kind, octets) for kind, octets in frames), fin=fin)


def _headers(talk: Talk, *headers: tuple[bytes, bytes]) -> tuple[int, bytes]:
    """Return a frame of HEADERS."""
    assert talk.peer.http is not None
    return FrameType.HEADERS, talk.peer.http._encode_headers(talk.stream, list(headers))


def _endless(talk: Talk) -> None:
    talk.respond(bytes(1000), fin=False)

    def more() -> None:
        assert talk.peer.http is not None
        if talk.stream in talk.peer._quic._streams and talk.peer._quic._streams[talk.stream].sender._buffer_fin is None:
            try:
                talk.peer.http.send_data(talk.stream, bytes(20_000), end_stream=False)
            except RuntimeError:
                return  # told to stop
            talk.peer.transmit()
            talk.later(0.005, more)

    more()


def _trickled(talk: Talk) -> None:
    message = reply(talk.asked)
    talk.respond(message[:1], fin=False)
    for place in range(1, len(message)):
        assert talk.peer.http is not None
        last = place == len(message) - 1
        talk.later(0.002 * place, talk.peer.http.send_data, talk.stream, message[place : place + 1], last)
        talk.later(0.002 * place, talk.peer.transmit)


def _cut(talk: Talk) -> None:
    talk.respond(b"half", fin=False)
    talk.reset(0x107)


def _hinted(talk: Talk) -> None:
    early = _headers(talk, (b":status", b"103"), (b"link", b"</x>"))
    final = _headers(talk, (b":status", b"200"), (b"content-type", b"Application/DNS-Message; charset=utf-8"))
    trailers = _headers(talk, (b"x-took", b"1"))
    _frames(talk, early, (0x21, b"unknown"), final, (FrameType.DATA, reply(talk.asked)), trailers)
    talk.peer.transmit()


SAID: dict[str, tuple[Callable[[Talk], None], Trouble, str | None]] = {
    "octets one by one": (_trickled, *FINE),
    "hints, unknown frames, parameters and trailers": (_hinted, *FINE),
    "a redirection": (
        lambda talk: talk.respond(status=302, media=None, more=[(b"location", b"https://other.example/\x9b\xff")]),
        Trouble.HTTP,
        "HTTP 302 to https://other.example/??",
    ),
    "a redirection to nowhere": (lambda talk: talk.respond(status=301), Trouble.HTTP, "HTTP 301"),
    "too many requests": (lambda talk: talk.respond(b"slow down", status=429), Trouble.HTTP, "HTTP 429"),
    "a fault of the server": (lambda talk: talk.respond(reply(talk.asked), status=500), Trouble.HTTP, "HTTP 500"),
    "no content": (lambda talk: talk.respond(status=204), Trouble.HTTP, "the body is empty"),
    "a page": (
        lambda talk: talk.respond(b"<html>blocked</html>", media="text/html"),
        Trouble.HTTP,
        "content-type is text/html",
    ),
    "no type": (
        lambda talk: talk.respond(reply(talk.asked), media=None),
        Trouble.HTTP,
        "there is no content-type",
    ),
    "a compressed body": (
        lambda talk: talk.respond(b"\x1f\x8b", more=[(b"content-encoding", b"gzip")]),
        Trouble.HTTP,
        "content-encoding is gzip",
    ),
    "an empty body": (lambda talk: talk.respond(), Trouble.HTTP, "the body is empty"),
    "a body without end": (_endless, Trouble.HTTP, "the body is longer than 65535 octets"),
    "a runt": (lambda talk: talk.respond(bytes(11)), Trouble.MALFORMED, "11 octets are no DNS message"),
    "a non-zero ID": (
        lambda talk: talk.respond(b"\x12\x34" + reply(talk.asked)[2:]),
        Trouble.MALFORMED,
        "the reply has ID 4660, the query 0",
    ),
    "another question": (
        lambda talk: talk.respond(reply(talk.asked).replace(b"broken", b"brokem")),
        Trouble.MALFORMED,
        "the message answers another question, or is no reply",
    ),
    "nothing": (lambda talk: talk.write(b""), Trouble.HTTP, "the stream ended without a response"),
    "a reset": (lambda talk: talk.reset(0x102), Trouble.HTTP, "stream reset with H3_INTERNAL_ERROR"),
    "a reset of no known kind": (lambda talk: talk.reset(0x77), Trouble.HTTP, "stream reset with error 0x77"),
    "a reset in the middle": (
        _cut,
        Trouble.HTTP,
        "stream reset with H3_EXCESSIVE_LOAD",
    ),
    "a length that lies": (
        lambda talk: talk.respond(reply(talk.asked), more=[(b"content-length", b"9")]),
        Trouble.HTTP,
        "wrong HTTP/3: content-length does not match data size",
    ),
}


@pytest.mark.parametrize("name", SAID)
async def test_what_is_no_reply_is_trouble_of_its_query_alone(good: Certificate, ca: str, name: str) -> None:
    """The status or what else was wrong is told; nothing is followed, and the queries beside it are answered."""
    breach, trouble, says = SAID[name]

    def converse(talk: Talk) -> None:
        (breach if kind_of(talk.asked) == "broken" else answer)(talk)

    with QuicResolver(good, converse, alpn="h3") as resolver:
        got, strays = await ask(resolver.endpoint(ca=ca), [*PLAIN[:10], "broken.test", *PLAIN[10:]])
        assert told(got) == {**dict.fromkeys(range(21), FINE), 10: (trouble, says)}
        assert len(resolver.seen) == 21
        assert resolver.connections == 1
        assert strays == (name == "another question")


ENDING: dict[str, tuple[Callable[[Talk], None], Trouble, str]] = {
    "a close": (
        lambda talk: talk.close(0x107, "go \x1b[1maway"),
        Trouble.HTTP,
        "connection closed with H3_EXCESSIVE_LOAD: go ?[1maway",
    ),
    "a frame that is none of a response": (
        lambda talk: _frames(talk, (FrameType.SETTINGS, b"")),
        Trouble.HTTP,
        "connection closed with H3_FRAME_UNEXPECTED: Invalid frame type on request stream",
    ),
    "data before headers": (
        lambda talk: _frames(talk, (FrameType.DATA, b"x")),
        Trouble.HTTP,
        "connection closed with H3_FRAME_UNEXPECTED: DATA frame is not allowed in this state",
    ),
    "half a frame": (
        lambda talk: talk.write(b"\0\x40"),
        Trouble.HTTP,
        "connection closed with H3_FRAME_ERROR: Frame is truncated by the end of the stream",
    ),
    "headers that are none": (
        lambda talk: _frames(talk, (FrameType.HEADERS, b"\xff" * 40)),
        Trouble.HTTP,
        "connection closed with QPACK_DECOMPRESSION_FAILED",
    ),
}


@pytest.mark.parametrize("name", ENDING)
async def test_what_ends_the_connection_takes_no_other_query_with_it(good: Certificate, ca: str, name: str) -> None:
    """Each is asked on another connection, and the one at fault twice; then its trouble is told."""
    breach, trouble, says = ENDING[name]

    def converse(talk: Talk) -> None:
        (breach if kind_of(talk.asked) == "broken" else answer)(talk)

    with QuicResolver(good, converse, alpn="h3") as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), [*PLAIN[:10], "broken.test", *PLAIN[10:]], patience=20.0)
        assert told(got) == {**dict.fromkeys(range(21), FINE), 10: (trouble, says)}


async def test_a_server_that_goes_away_is_asked_on_another_connection(good: Certificate, ca: str) -> None:
    """After GOAWAY what it will not look at is asked again (RFC 9114 5.2), and what it will is waited for."""

    def converse(talk: Talk) -> None:
        if talk.peer.resolver.connections > 1:
            answer(talk)
        elif kind_of(talk.asked) == "first":
            talk.peer.go_away(talk.stream + 4)
            talk.later(1.0, answer, talk)

    with QuicResolver(good, converse, alpn="h3") as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), ["first.test", *PLAIN])
        assert told(got) == dict.fromkeys(range(21), FINE)
        assert got.number.tolist()[-1] == 0  # nobody waited for it
        assert resolver.connections == 2


async def test_a_query_on_which_the_server_goes_away_takes_no_other_with_it(good: Certificate, ca: str) -> None:
    """GOAWAY to one query, again and again, costs that one alone."""

    def converse(talk: Talk) -> None:
        if kind_of(talk.asked) == "broken":
            talk.peer.go_away(talk.stream)
        else:
            answer(talk)

    with QuicResolver(good, converse, alpn="h3") as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), [*PLAIN[:10], "broken.test", *PLAIN[10:]])
        assert told(got) == {**dict.fromkeys(range(21), FINE), 10: (Trouble.HTTP, "HTTP server going away")}
        assert resolver.connections <= 24


async def test_a_server_that_is_always_going_away_is_left_alone(good: Certificate, ca: str) -> None:
    """GOAWAY before the first query, on every connection: it takes none, and is not asked over and over."""
    with QuicResolver(good, answer, alpn="h3", greet=lambda peer: peer.go_away(0)) as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), PLAIN)
        found = told(got)
        assert sorted(found) == list(range(20))
        assert {trouble for trouble, _ in found.values()} == {Trouble.HTTP}
        assert resolver.connections <= 4


@pytest.mark.parametrize(
    ("rejects", "expected"), [(1, FINE), (9, (Trouble.HTTP, "stream reset with H3_REQUEST_REJECTED"))]
)
async def test_a_rejected_request_is_made_once_more(
    good: Certificate, ca: str, rejects: int, expected: tuple[Trouble, str | None]
) -> None:
    """What the server says it has not looked at can be asked again (RFC 9114 4.1.1), but not for ever."""

    def converse(talk: Talk) -> None:
        if talk.peer.resolver.connections <= rejects:
            talk.reset(0x10B)
        else:
            answer(talk)

    with QuicResolver(good, converse, alpn="h3") as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), PLAIN)
        assert told(got) == dict.fromkeys(range(20), expected)
        assert resolver.connections == 2


async def test_a_late_response_belongs_to_its_query(good: Certificate, ca: str) -> None:
    """What comes after the timeout is told in the next exchange, under the number of the query it answers."""
    held: list[Talk] = []

    def converse(talk: Talk) -> None:
        if kind_of(talk.asked) == "late":
            held.append(talk)
        else:
            for each in [*held, talk]:
                answer(each)

    with QuicResolver(good, converse, alpn="h3") as resolver:
        async with TRANSPORT.open() as session:
            first = await all_of(session, asking(["late.test"], resolver.endpoint(ca=ca)), patience=4.0)
            second = await all_of(session, asking(["plain.test"], resolver.endpoint(ca=ca), first=1))
        assert len(first) == 0
        assert told(second) == dict.fromkeys(range(2), FINE)


async def test_nothing_of_the_environment_changes_where_queries_go(
    good: Certificate, ca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies are for other programs."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:1")
    with QuicResolver(good, answer, alpn="h3") as resolver:
        got, _ = await ask(resolver.endpoint(ca=ca), PLAIN)
        assert told(got) == dict.fromkeys(range(20), FINE)
