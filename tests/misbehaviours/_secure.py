"""Resolvers on loopback that speak DNS over TLS and over HTTPS, honestly but for one question."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import h2.exceptions

from hostile import Talk
from hostile_http import Request, Web
from misbehaviours import Case
from misbehaviours._do53 import Answer, Do53, honest, is_odd
from misbehaviours._messages import Asked
from misbehaviours._papers import served, trusting

Reply = Callable[[Web, Request, Asked], Awaitable[None]]  # what is done about a request
Begin = Callable[[Web], Awaitable[None]]  # what is done on a connection before anything was asked
Speak = Callable[[Talk], Awaitable[None]]  # what is spoken instead of HTTP/2


class Dot(Do53):
    """DNS over TLS; plays ``case.tcp`` within it. *papers* is the kind of its certificate, None: it has no TLS.

    *details* are what its entry says besides.
    """

    carries = "tls"

    def __init__(
        self,
        case: Case | None = None,
        address: str = "127.0.0.1",
        *,
        papers: str | None = "good",
        details: dict[str, Any] | None = None,
        answer: Answer = honest,
    ) -> None:
        super().__init__(case, address, answer=answer)
        if case is None:
            papers, details = "good", None
        self.secured = served(papers) if papers else None
        self.fields |= trusting(**(details or {}))


class Demanding(Dot):
    """DNS over TLS for those alone who have a certificate of their own; the others get an alert, and nothing else.

    asyncio would close the connection before the alert has left.
    """

    def __init__(self, case: Case | None = None, address: str = "127.0.0.1") -> None:
        super().__init__(case, address, papers=None if case else "good")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.secured is not None:
            await super()._serve(reader, writer)
            return
        self._writers.add(writer)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        talk = served("good", asks=True).wrap_bio(incoming, outgoing, server_side=True)
        while octets := await reader.read(4096):
            incoming.write(octets)
            with contextlib.suppress(ssl.SSLError):
                talk.do_handshake()
            writer.write(outgoing.read())
        writer.close()


class Doh:
    """See ``Host``: DNS over HTTPS; *reply* is done about the odd question, *begin* on each connection.

    *alpn*: the protocols it offers; *streams* and *window*: what its settings allow.
    """

    def __init__(
        self,
        case: Case | None = None,
        address: str = "127.0.0.1",
        *,
        reply: Reply | None = None,
        begin: Begin | None = None,
        speak: Speak | None = None,
        papers: str = "good",
        alpn: tuple[str, ...] = ("h2",),
        streams: int = 2000,
        window: int = 65_535,
        details: dict[str, Any] | None = None,
        answer: Answer = honest,
    ) -> None:
        if case is None:
            reply = begin = speak = details = None
            papers, alpn, streams, window = "good", ("h2",), 2000, 65_535
        self._case = case
        self._reply = reply
        self._begin = begin
        self._speak = speak or self._converse
        self._secured = served(papers, *alpn)
        self._allowed = streams, window
        self._answer = answer
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family, backlog=128)
        self.fields: dict[str, Any] = {
            "address": address,
            "port": self._listener.getsockname()[1],
            **trusting(**(details or {})),
        }

    async def open(self) -> None:
        """See ``Host``."""
        self._server = await asyncio.start_server(self._serve, sock=self._listener, ssl=self._secured)

    async def close(self) -> None:
        """See ``Host``."""
        for task, writer in self._talks.items():
            task.cancel()
            writer.transport.abort()  # TLS would wait for the other end's farewell
        await asyncio.gather(*self._talks, return_exceptions=True)
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks[task] = writer
        with contextlib.suppress(
            OSError, asyncio.IncompleteReadError, asyncio.CancelledError, h2.exceptions.ProtocolError
        ):
            await self._speak(Talk([], reader, writer))
        writer.close()

    async def _converse(self, talk: Talk) -> None:
        connection = Web(talk, *self._allowed)
        await connection.begin()
        if self._begin is not None:
            await self._begin(connection)
        while True:
            request = await connection.next()
            asked = Asked(request.message, None)
            if self._reply is not None and is_odd(self._case, asked):
                await self._reply(connection, request, asked)
            else:
                await connection.say(request, self._answer(asked, "https"))
