"""A resolver on loopback that does everything a transport must live with; the first label of a qname says what."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from resolver_diff.transports import Endpoint, Queries, Responses, Session
from resolver_diff.transports._ledger import joined
from resolver_diff.wire import HEADER, Messages

ADDRESSES = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
BUFFER = 4 << 20


def query(qname: str) -> bytes:
    """Return a query for the A records of *qname*, ID 0."""
    labels = b"".join(len(label).to_bytes(1, "big") + label.encode() for label in qname.split("."))
    return b"\0\0\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


def reply(asked: bytes, *, last: int = 1, octets: int = 0) -> bytes:
    """Return a reply to *asked* with the address 192.0.2.*last*, and *octets* of TXT records' data on top."""
    end = asked.index(b"\0", HEADER) + 5
    address = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2" + bytes([last])
    more = b"\xc0\x0c\0\x10\0\1\0\0\1\x2c" + octets.to_bytes(2, "big") + bytes(octets) if octets else b""
    counts = b"\0\1\0\2" if octets else b"\0\1\0\1"
    return asked[:2] + b"\x81\x80" + counts + b"\0\0\0\0" + asked[HEADER:end] + address + more


def kind_of(asked: bytes) -> str:
    """Return the first label of the question, up to a hyphen."""
    return asked[HEADER + 1 : HEADER + 1 + asked[HEADER]].decode().partition("-")[0]


def asking(
    qnames: Sequence[str],
    endpoint: Endpoint | Sequence[Endpoint],
    *,
    due: ArrayLike | None = None,
    first: int = 0,
) -> Queries:
    """Return queries for each of *qnames*, numbered from *first*; endpoints take turns."""
    endpoints = [endpoint] if isinstance(endpoint, Endpoint) else list(endpoint)
    count = len(qnames)
    return Queries(
        number=np.arange(first, first + count, dtype=np.int64),
        endpoint=(np.arange(count) % len(endpoints)).astype(np.int32),
        message=np.arange(count, dtype=np.int32),
        due=np.zeros(count) if due is None else np.asarray(due, np.float64),
        messages=Messages.of(query(qname) for qname in qnames),
        endpoints=endpoints,
    )


async def all_of(session: Session, queries: Queries, *, patience: float = 2.0) -> Responses:
    """Return everything one exchange yields; *patience* is its timeout."""
    return joined([part async for part in session.exchange(queries, timeout=patience)])


def rows(responses: Responses) -> list[tuple[int, int, int, bytes]]:
    """Return number, reply, trouble and message without its ID of each response, in order of arrival."""
    return [
        (int(number), int(nth), int(trouble), message[2:])
        for number, nth, trouble, message in zip(
            responses.number, responses.reply, responses.trouble, responses.messages, strict=True
        )
    ]


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what happens in another thread."""
    while not happened():  # noqa: ASYNC110  an asyncio.Event belongs to one thread
        await asyncio.sleep(0.002)


class Hostile:
    """The resolver; a context manager. *seen*: when each query came (monotonic), from which port, and its octets."""

    def __init__(self, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.family = family
        self.seen: list[tuple[float, int, bytes]] = []
        self.connections = self.most_at_once = self._at_once = 0
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.udp = self._bound(socket.SOCK_DGRAM, 0)
        self._other = self._bound(socket.SOCK_DGRAM, 0)
        self.endpoint = Endpoint(ADDRESSES[family], self.udp.getsockname()[1])
        self._servers: list[asyncio.Server] = []
        self._secured: list[asyncio.StreamWriter] = []
        self._held: list[tuple[bytes, object]] = []  # queries that are answered late

    def _bound(self, kind: socket.SocketKind, port: int) -> socket.socket:
        opened = socket.socket(self.family, kind)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        opened.bind((ADDRESSES[self.family], port))
        opened.settimeout(0)
        return opened

    def __enter__(self) -> Self:
        self._loop.add_reader(self.udp, self._hear)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._loop.remove_reader(self.udp)
        self.udp.close()
        self._other.close()
        for server in self._servers:
            server.close()
        talks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        for writer in self._secured:  # TLS would wait for the other end's farewell
            writer.transport.abort()
        for _ in range(3):
            await asyncio.sleep(0)  # asyncio closes sockets in its next round

    def listen(self, converse: Callable[["Talk"], Awaitable[None]], secured: ssl.SSLContext | None = None) -> Endpoint:
        """Serve TCP too, or TLS when *secured*: *converse* is called for each connection. Return where."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if secured is not None:
                self._secured.append(writer)
            self.connections += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await converse(Talk(self.seen, reader, writer))
            self._at_once -= 1
            writer.close()

        async def start() -> int:
            server = await asyncio.start_server(serve, ADDRESSES[self.family], 0, limit=1 << 20, ssl=secured)
            self._servers.append(server)
            port: int = server.sockets[0].getsockname()[1]
            return port

        port = asyncio.run_coroutine_threadsafe(start(), self._loop).result()
        return Endpoint(ADDRESSES[self.family], port)

    def _hear(self) -> None:
        for _ in range(256):
            try:
                asked, source = self.udp.recvfrom(4096)
            except BlockingIOError:
                return
            self.seen.append((time.monotonic(), source[1], asked))
            getattr(self, f"_{kind_of(asked)}")(asked, source)

    def _say(self, message: bytes, source: object) -> None:
        with contextlib.suppress(OSError):
            self.udp.sendto(message, source)  # type: ignore[call-overload]  # two- or fourfold, by family

    def _plain(self, asked: bytes, source: object) -> None:
        self._say(reply(asked), source)

    def _silent(self, asked: bytes, source: object) -> None:
        pass

    def _id(self, asked: bytes, source: object) -> None:
        self._say(bytes([asked[0] ^ 0x55]) + reply(asked, last=66)[1:], source)
        self._say(reply(asked), source)

    def _source(self, asked: bytes, source: object) -> None:
        self._other.sendto(reply(asked, last=66), source)  # type: ignore[call-overload]  # as above
        self._say(reply(asked), source)

    def _question(self, asked: bytes, source: object) -> None:
        self._say(reply(asked, last=66).replace(b"question-", b"quastion-"), source)
        self._say(reply(asked), source)

    def _echo(self, asked: bytes, source: object) -> None:
        self._say(asked, source)
        self._say(reply(asked), source)

    def _runt(self, asked: bytes, source: object) -> None:
        for length in (0, 1, 2, 11):
            self._say(reply(asked)[:length], source)
        self._say(reply(asked), source)

    def _same(self, asked: bytes, source: object) -> None:
        self._say(reply(asked), source)
        self._say(reply(asked), source)

    def _two(self, asked: bytes, source: object) -> None:
        self._say(reply(asked, last=66), source)
        self._loop.call_later(0.03, self._say, reply(asked), source)

    def _many(self, asked: bytes, source: object) -> None:
        for last in range(40):
            self._say(reply(asked, last=last), source)

    def _late(self, asked: bytes, source: object) -> None:
        self._held.append((asked, source))
        if len(self._held) == 2:  # when it is asked again the first reply leaves, too
            for each, asker in self._held:
                self._say(reply(each, last=9), asker)
            self._held.clear()

    def _truncated(self, asked: bytes, source: object) -> None:
        self._say(asked[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + asked[HEADER:], source)

    def _bare(self, asked: bytes, source: object) -> None:
        self._say(asked[:2] + b"\x81\x82" + bytes(8), source)

    def _big(self, asked: bytes, source: object) -> None:
        self._say(reply(asked, octets=40_000), source)

    def _flood(self, asked: bytes, source: object) -> None:
        for number in range(2_000):
            self._say(number.to_bytes(2, "big") + reply(asked.replace(b"flood-", b"fluud-"), last=66)[2:], source)
        self._loop.call_later(0.05, self._say, reply(asked), source)


class Talk:
    """One TCP connection, seen from the resolver; what it is asked joins *seen*."""

    def __init__(
        self, seen: list[tuple[float, int, bytes]], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._seen = seen
        self.reader = reader
        self.writer = writer

    async def next(self) -> bytes:
        """Return the next query; raises IncompleteReadError at the end."""
        length = int.from_bytes(await self.reader.readexactly(2), "big")
        asked = await self.reader.readexactly(length)
        self._seen.append((time.monotonic(), self.writer.get_extra_info("peername")[1], asked))
        return asked

    async def say(self, message: bytes, *, length: int | None = None) -> None:
        """Send a frame; *length* is what it claims to hold where that is a lie."""
        self.writer.write((len(message) if length is None else length).to_bytes(2, "big") + message)
        await self.writer.drain()

    async def hang_up(self) -> None:
        """Break the connection off, by a reset."""
        self.writer.transport.abort()


async def answer_all(talk: Talk) -> None:
    """Answer every query on a connection, one after the other."""
    while True:
        await talk.say(reply(await talk.next()))
