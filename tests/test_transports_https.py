"""DNS over HTTPS (RFC 8484) against a resolver on loopback: what is asked, and what counts as an answer."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h2.exceptions
import pytest

from hostile import ADDRESSES, all_of, asking, reply, until
from hostile_http import FINE, NAME, OK, Converse, Request, Secure, Web, answer_all, exchange, saying, troubles, web
from resolver_diff.transports import Trouble
from resolver_diff.transports.https import TRANSPORT
from resolver_diff.wire import Messages
from resolver_diff.wire.encode import encode


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Secure]:
    """The resolver at 127.0.0.1."""
    with Secure(tmp_path) as resolver:
        yield resolver


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
async def test_a_thousand_queries_are_in_flight_on_one_connection(family: socket.AddressFamily, tmp_path: Path) -> None:
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

    with Secure(tmp_path, family) as resolver:
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
    assert path.startswith("/dns-query?dns=AAABIAABAAAAAAABA3d3dwdleGFtcGxlA2NvbQAAAQAB") or method == "POST"
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


LONG = "https://evil.example/\N{ESCAPE}[31m" + 300 * "x"
LONG_SHOWN = "https://evil.example/?[31m" + 91 * "x" + "..."


@pytest.mark.parametrize(
    ("converse", "kind", "says"),
    [
        (
            saying(b"moved", (":status", "302"), ("location", "https://127.0.0.1/elsewhere")),
            Trouble.HTTP,
            "HTTP 302 to https://127.0.0.1/elsewhere",
        ),
        (saying(b"", (":status", "301"), ("location", LONG)), Trouble.HTTP, f"HTTP 301 to {LONG_SHOWN}"),
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
            saying(b"\x12\x34\x81\x80" + bytes(8)),
            Trouble.MALFORMED,
            "the reply has ID 4660, the query 0",
        ),
        (
            saying(b"short", *OK, ("content-length", "500")),
            Trouble.HTTP,
            "wrong HTTP/2: InvalidBodyLengthError: Expected 500 bytes, received 5",
        ),
    ],
    ids=[
        "302",
        "301",
        "429",
        "500",
        "503",
        "html",
        "no-type",
        "gzip",
        "empty",
        "runt",
        "long",
        "no-reply",
        "id",
        "length",
    ],
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


async def test_environment_names_no_way(hostile: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies that the environment names are not used: they would answer for the resolver."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert troubles(await exchange(hostile.at(web(answer_all)))) == {0: FINE}


async def test_queries_that_are_no_encoded_ones_go_as_they_are(hostile: Secure) -> None:
    """A query without an OPT record cannot be padded, and is asked all the same."""
    endpoint = hostile.at(web(answer_all))
    queries = asking(["plain-1.test"], endpoint)
    assert isinstance(queries.messages, Messages)
    async with TRANSPORT.open() as session:
        assert troubles(await all_of(session, queries)) == {0: FINE}
