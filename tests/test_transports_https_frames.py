"""DNS over HTTPS to peers that break HTTP/2, flood, or do not read."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hostile import all_of, asking, until
from hostile_http import FINE, Converse, Secure, Web, answer_all, exchange, saying, troubles, web
from resolver_diff.transports import Endpoint, Trouble, _http2, _tls
from resolver_diff.transports.https import TRANSPORT


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Secure]:
    """The resolver at 127.0.0.1."""
    with Secure(tmp_path) as resolver:
        yield resolver


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
