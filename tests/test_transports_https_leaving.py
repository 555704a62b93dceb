"""DNS over HTTPS to peers that leave, refuse, allow little, begin badly, or are not who they should be."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hostile import Talk
from hostile_http import FINE, NAME, Request, Secure, Web, answer_all, exchange, troubles, web
from resolver_diff.transports import Endpoint, Trouble


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Secure]:
    """The resolver at 127.0.0.1."""
    with Secure(tmp_path) as resolver:
        yield resolver


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


async def test_a_query_on_which_the_peer_leaves_takes_no_other_with_it(hostile: Secure) -> None:
    """GOAWAY to one query, again and again, costs that one alone; those behind it are asked without it."""

    async def leave(connection: Web) -> None:
        while True:
            request = await connection.next()
            if request.number == 3:
                await connection.frame(7, 0, 0, max(0, request.stream - 2).to_bytes(4, "big") + bytes(4))
            else:
                await connection.answer(request)

    got = await exchange(hostile.at(web(leave)), 20)
    says = "the peer ends the connection: NO_ERROR"
    assert troubles(got) == dict.fromkeys(range(20), FINE) | {3: (Trouble.HTTP, says)}
    assert hostile.connections <= 24


async def test_a_response_that_is_cut_off_is_no_unreachable_peer(hostile: Secure) -> None:
    """A connection that ends in the middle of a body, twice, is trouble with HTTP."""

    async def cut(connection: Web) -> None:
        request = await connection.next()
        await connection.say(request, b"half", end=False)

    got = await exchange(hostile.at(web(cut)))
    assert troubles(got) == {0: (Trouble.HTTP, "the connection ended in the middle of a response")}


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


async def test_a_peer_without_http_2(hostile: Secure) -> None:
    """A peer that chooses no HTTP/2, or says it does and answers in HTTP/1.1, is told as such."""

    async def old(talk: Talk) -> None:
        await talk.reader.read(100)
        talk.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await talk.writer.drain()
        await talk.reader.read()

    says = (Trouble.HTTP, "the peer speaks no HTTP/2")
    assert troubles(await exchange(hostile.at(old))) == {0: says}
    for protocols in ((), ("http/1.1",)):
        issued = hostile.authority.issue(NAME)
        if protocols:
            issued.served.set_alpn_protocols(list(protocols))
        endpoint = replace(hostile.listen(old, issued.served), hostname=NAME, ca=str(hostile.authority.file))
        assert troubles(await exchange(endpoint)) == {0: says}


async def test_faults_of_the_certificate_are_those_of_tls(hostile: Secure) -> None:
    """Wrong names, old dates and pins are told in the same words as over TLS, and nothing is asked."""
    port = hostile.at(web(answer_all)).port
    ca = str(hostile.authority.file)
    here = Endpoint("127.0.0.1", port, NAME, ca=ca)
    assert troubles(await exchange(replace(here, hostname="other.example"))) == {
        0: (Trouble.TLS, "certificate is for dns.example, 127.0.0.1, ::1, not other.example")
    }
    assert troubles(await exchange(replace(here, hostname=None))) == {0: FINE}
    assert troubles(await exchange(replace(here, pins=("AAAA",))))[0][0] == Trouble.TLS
    old = hostile.authority.issue(NAME, begins=-timedelta(days=9), ends=-timedelta(days=3))
    expired = replace(hostile.listen(web(answer_all), old.serving("h2")), hostname=NAME)
    assert (troubles(await exchange(replace(expired, ca=ca)))[0][1] or "").startswith("certificate has expired (notAft")
    assert troubles(await exchange(replace(expired, pins=(old.pin,)))) == {0: FINE}
