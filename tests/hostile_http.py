"""The other end of DNS over HTTPS, for tests: HTTP/2 as a resolver speaks it, well or badly."""

import base64
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import numpy as np
from h2.settings import SettingCodes, Settings

from certificates import Authority
from hostile import Hostile, Talk, all_of, asking, reply
from resolver_diff.transports import Endpoint, Responses, Trouble
from resolver_diff.transports.https import TRANSPORT

NAME = "dns.example"
FINE = (Trouble.NONE, None)
OK = ((":status", "200"), ("content-type", "application/dns-message"))


@dataclass
class Request:
    """One request: its stream, headers and DNS message."""

    stream: int
    headers: dict[str, str]
    message: bytes

    @property
    def number(self) -> int:
        """The number in its qname, as in plain-7.test."""
        return int(self.message[13 : 13 + self.message[12]].decode().partition("-")[2])


class Web:
    """One HTTP/2 connection, seen from the resolver."""

    def __init__(self, talk: Talk, streams: int = 2000, window: int = 65_535) -> None:
        self.talk = talk
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8", validate_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        values = {SettingCodes.MAX_CONCURRENT_STREAMS: streams, SettingCodes.INITIAL_WINDOW_SIZE: window}
        self.h2.local_settings = Settings(client=False, initial_values=values)
        self.reset: list[int] = []  # streams that the client gave up
        self._requests: deque[Request] = deque()
        self._bodies: dict[int, Request] = {}
        self.most_at_once = 0

    async def begin(self) -> None:
        """Send the settings."""
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window((1 << 30) - 65_535)
        await self.flush()

    async def next(self) -> Request:
        """Return the next whole request; raises ConnectionError at the end."""
        while not self._requests:
            await self.listen()
        return self._requests.popleft()

    async def listen(self) -> None:
        """Take in what comes next."""
        octets = await self.talk.reader.read(1 << 16)
        if not octets:
            raise ConnectionResetError
        for event in self.h2.receive_data(octets):
            self._hear(event)
        self.most_at_once = max(self.most_at_once, len(self._bodies))
        await self.flush()

    def _hear(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            assert event.headers is not None
            headers = {str(name): str(value) for name, value in event.headers}
            asked = headers[":path"].partition("dns=")[2]
            message = base64.urlsafe_b64decode(asked + "=" * (-len(asked) % 4))
            self._bodies[event.stream_id or 0] = Request(event.stream_id or 0, headers, message)
        elif isinstance(event, h2.events.DataReceived):
            self._bodies[event.stream_id or 0].message += event.data or b""
        elif isinstance(event, h2.events.StreamEnded):
            self._requests.append(self._bodies[event.stream_id or 0])
        elif isinstance(event, h2.events.StreamReset):
            self.reset.append(event.stream_id or 0)
            self._bodies.pop(event.stream_id or 0, None)

    async def answer(self, request: Request, *, last: int = 1) -> None:
        """Answer as a resolver should."""
        await self.say(request, reply(request.message, last=last))

    async def say(
        self, request: Request, body: bytes, headers: tuple[tuple[str, str], ...] = OK, *, end: bool = True
    ) -> None:
        """Send *headers* and *body*."""
        self.h2.send_headers(request.stream, list(headers), end_stream=end and not body)
        if body:
            await self.more(request, body, end=end)
        elif end:
            self._bodies.pop(request.stream, None)
        await self.flush()

    async def more(self, request: Request, body: bytes, *, end: bool = False) -> None:
        """Send more of a body, as far as the client allows, or all of it when it *end*s."""
        while len(body) > 16_384:
            await self.more(request, body[:16_384])
            body = body[16_384:]
        while request.stream not in self.reset and self.h2.local_flow_control_window(request.stream) < len(body):
            await self.listen()
        self.h2.send_data(request.stream, body, end_stream=end)
        if end:
            self._bodies.pop(request.stream, None)
        await self.flush()

    async def frame(self, kind: int, flags: int, stream: int, payload: bytes, *, length: int | None = None) -> None:
        """Send a frame as it is; raises ConnectionError when nobody takes it any more."""
        if self.talk.writer.is_closing():
            raise ConnectionResetError
        size = len(payload) if length is None else length
        header = size.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
        self.talk.writer.write(header + payload)
        await self.talk.writer.drain()

    async def flush(self) -> None:
        """Send what h2 has to send; raises ConnectionError when nobody takes it any more."""
        if self.talk.writer.is_closing():
            raise ConnectionResetError
        if octets := self.h2.data_to_send():
            self.talk.writer.write(octets)
        await self.talk.writer.drain()


def web(
    converse: Callable[[Web], Awaitable[None]], *, streams: int = 2000, window: int = 65_535
) -> Callable[[Talk], Awaitable[None]]:
    """Return what ``Hostile.listen`` calls for a resolver that begins HTTP/2 well, and then talks like *converse*."""

    async def talking(talk: Talk) -> None:
        connection = Web(talk, streams, window)
        await connection.begin()
        await converse(connection)

    return talking


async def answer_all(connection: Web) -> None:
    """Answer every request."""
    while True:
        await connection.answer(await connection.next())


Converse = Callable[[Web], Awaitable[None]]


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


class Secure(Hostile):
    """The hostile resolver, behind a good certificate."""

    def __init__(self, folder: Path, family: socket.AddressFamily = socket.AF_INET) -> None:
        super().__init__(family)
        self.authority = Authority(folder)
        self._issued = self.authority.issue(NAME, "127.0.0.1", "::1")

    def at(self, converse: Callable[[Talk], Awaitable[None]]) -> Endpoint:
        """Return where a resolver is that talks like *converse*."""
        return replace(self.listen(converse, self._issued.serving("h2")), hostname=NAME, ca=str(self.authority.file))


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
