"""Resolvers on loopback that speak DNS over QUIC and over HTTP/3, honestly but for one question."""

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Any

from misbehaviours import Case
from misbehaviours._do53 import Answer, honest, is_odd
from misbehaviours._messages import Asked
from misbehaviours._papers import issued, trusting
from quic_servers import Certificate, Peer, QuicResolver, Talk

Say = Callable[[Talk, Asked], None]  # what is done about a query
Datagrams = Callable[[bytes], Iterable[bytes]]  # what comes back to a datagram


class Quic:
    """See ``Host``: DoQ or, where *alpn* is ``h3``, DoH3; *say* is done about the odd question.

    *papers* is the kind of its certificate, *details* are what its entry says besides,
    *more* is for ``QuicResolver``.
    """

    def __init__(
        self,
        case: Case | None = None,
        address: str = "127.0.0.1",
        *,
        alpn: str = "doq",
        speaks: str | None = None,
        say: Say | None = None,
        papers: str = "good",
        details: dict[str, Any] | None = None,
        answer: Answer = honest,
        **more: Any,
    ) -> None:
        if case is None:
            say = details = speaks = None
            papers, more = "good", {}
        self._case = case
        self._say = say
        self._answer = answer
        shown = issued(papers)
        self._resolver = QuicResolver(
            Certificate(shown.certificate, shown.key), self._converse, alpn=speaks or alpn, address=address, **more
        )
        self.fields: dict[str, Any] = {"address": address, **trusting(**(details or {}))}

    async def open(self) -> None:
        """See ``Host``."""
        await self._resolver.start()
        self.fields["port"] = self._resolver.port

    async def close(self) -> None:
        """See ``Host``."""
        await self._resolver.stop()

    def _converse(self, talk: Talk) -> None:
        asked = Asked(talk.asked, None)
        if self._say is not None and is_odd(self._case, asked):
            self._say(talk, asked)
        else:
            reply(talk, self._answer(asked, "quic" if talk.peer.http is None else "h3"))


def reply(talk: Talk, message: bytes) -> None:
    """Reply as one should, over either."""
    if talk.peer.http is None:
        talk.say(message)
    else:
        talk.respond(message)


class Mute:
    """See ``Host``: no QUIC at all; *respond* says what comes back to a datagram. None: nobody listens."""

    def __init__(
        self, case: Case | None = None, address: str = "127.0.0.1", *, respond: Datagrams | None = None
    ) -> None:
        assert case is not None
        self._respond = respond
        self._socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.settimeout(0)
        self.fields: dict[str, Any] = {"address": address, "port": self._socket.getsockname()[1], **trusting()}

    async def open(self) -> None:
        """See ``Host``."""
        if self._respond is None:
            self._socket.connect(self._socket.getsockname())  # for others nobody listens, and nobody else gets the port
        else:
            asyncio.get_running_loop().add_reader(self._socket, self._hear)

    async def close(self) -> None:
        """See ``Host``."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _hear(self) -> None:
        assert self._respond is not None
        octets, source = self._socket.recvfrom(65_535)
        for each in self._respond(octets):
            self._socket.sendto(each, source)


__all__ = ["Datagrams", "Mute", "Peer", "Quic", "Say", "Talk", "reply"]
