"""A resolver on loopback that plays a case over UDP and TCP, both on one port."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from misbehaviours import CONTROL, ODD, Case, Do, Elsewhere, Naked, Play, Raw, Step, To, Trickle, Wait
from misbehaviours._messages import Asked

OTHER_ADDRESS = "127.0.0.2"
BUFFER = 4 << 20
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER
TRIES = 20  # to find a port that is free for both
BURST = 256  # datagrams taken before other sockets have their turn


Answer = Callable[[Asked, str], bytes]  # to a query, over a transport


def honest(asked: Asked, _transport: str) -> bytes:
    """Answer as an honest resolver does, whatever carries it."""
    return asked.honest()


def is_odd(case: Case | None, asked: Asked) -> bool:
    """Say whether *asked* is the question on which a resolver misbehaves."""
    return case is not None and asked.qname == ODD and asked.qtype == _number(case.qtype)


class Do53:
    """See ``Host``; *case* None: all is honest. *neighbour* is another resolver of the run."""

    carries = "tcp"  # what streams carry
    secured: ssl.SSLContext | None = None  # TLS over TCP, where a subclass says so

    def __init__(
        self,
        case: Case | None = None,
        address: str = "127.0.0.1",
        neighbour: "Do53 | None" = None,
        *,
        answer: Answer = honest,
    ) -> None:
        self.case = case
        self.neighbour = neighbour
        self.answer = answer
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._address = address
        self.udp, self._listener = _pair(self._family, self._address)
        self.port: int = self.udp.getsockname()[1]
        self.fields: dict[str, Any] = {"address": self._address, "port": self.port}
        self._asked: dict[tuple[str, bytes], list[Asked]] = defaultdict(list)
        self._others: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to answer over what the case listens to."""
        listens = self.case.listens if self.case else ("udp", "tcp")
        loop = asyncio.get_running_loop()
        if "udp" in listens:
            loop.add_reader(self.udp, self._hear)
        elif "mute" not in listens:
            self.udp.connect(self.udp.getsockname())  # for others nobody listens, and nobody else gets the port
        if "tcp" in listens:
            self._listener.listen(128)
            self._server = await asyncio.start_server(self._serve, sock=self._listener, limit=1 << 20, ssl=self.secured)

    async def close(self) -> None:
        """See ``Host``."""
        asyncio.get_running_loop().remove_reader(self.udp)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
        for opened in (self.udp, self._listener, *self._others):
            opened.close()
        for writer in self._writers:
            writer.transport.abort()  # TLS would wait for the other end's farewell

    def remember(self, transport: str, octets: bytes, source: Any) -> Asked:
        """Return a query, with those for the same question that came before."""
        asked = Asked(octets, source)
        before = self._asked[transport, asked.question]
        asked = Asked(octets, source, tuple(before))
        before.append(asked)
        return asked

    def play_for(self, asked: Asked, transport: str) -> Play | None:
        """Return what is played instead of an honest answer, if anything is."""
        if self.case is None or not is_odd(self.case, asked):
            return None
        return self.case.udp if transport == "udp" else self.case.tcp

    def _hear(self) -> None:
        for _ in range(BURST):
            try:
                octets, source = self.udp.recvfrom(4096)
            except OSError:
                return
            asked = self.remember("udp", octets, source)
            play = self.play_for(asked, "udp")
            steps = [self.answer(asked, "udp")] if play is None else play(asked)
            if self.case and self.case.control and asked.qname == CONTROL:
                steps = [*self.case.control(asked), *steps]
            self._start(self._say(asked, steps))

    def _start(self, talk: Any) -> None:
        task = asyncio.get_running_loop().create_task(talk)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say(self, asked: Asked, steps: Iterable[Step]) -> None:
        for step in steps:
            match step:
                case bytes():
                    await _send(self.udp, step, asked.source)
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case To(other, octets):
                    await _send(self.udp, octets, other.source)
                case Elsewhere(place, octets):
                    await _send(self._from(place), octets, asked.source)
                case Do.UNREACHABLE:
                    _say_unreachable(asked, self._address, self.port)
                case _:
                    raise NotImplementedError(step)

    def _from(self, place: str) -> socket.socket:
        """Return another socket to send from."""
        if place == "neighbour":
            assert self.neighbour is not None
            return self.neighbour.udp
        opened = socket.socket(self._family, socket.SOCK_DGRAM)
        opened.settimeout(0)
        opened.bind((OTHER_ADDRESS, self.port) if place == "address" else (self._address, 0))
        self._others.append(opened)
        return opened

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await Conversation(self, reader, writer).hold()
        finally:
            self._tasks.discard(task)
            writer.close()

    def aside(self, talk: Any) -> None:
        """Go on with *talk* while other things happen."""
        self._start(talk)


class Conversation:
    """One connection, seen from the resolver; any stream will do."""

    def __init__(self, host: Do53, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer

    async def hold(self) -> None:
        """Answer until the other side ends it; raises IncompleteReadError then."""
        case = self._host.case
        if case is not None:
            await self._say(case.greeting)
        while True:
            length = int.from_bytes(await self._reader.readexactly(2))
            octets = await self._reader.readexactly(length)
            asked = self._host.remember("tcp", octets, self._writer.get_extra_info("peername"))
            play = self._host.play_for(asked, "tcp")
            if play is None:
                await self._say([self._host.answer(asked, self._host.carries)])
            elif case is not None and case.aside:
                self._host.aside(self._quietly(play(asked)))
            else:
                await self._say(play(asked))
            if case is not None:
                await self._say(case.then)

    async def _quietly(self, steps: Iterable[Step]) -> None:
        with contextlib.suppress(OSError):
            await self._say(steps)

    async def _say(self, steps: Iterable[Step]) -> None:
        for step in steps:
            match step:
                case bytes():
                    await self._write(len(step).to_bytes(2) + step)
                case Raw(octets):
                    await self._write(octets)
                case Trickle(octets):
                    for octet in len(octets).to_bytes(2) + octets:
                        await self._write(octet.to_bytes())
                        await asyncio.sleep(0)
                case Naked(octets):
                    _beneath(self._writer).write(octets)
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case _:
                    await self._do(step)

    async def _write(self, octets: bytes) -> None:
        self._writer.write(octets)
        await self._writer.drain()

    async def _do(self, step: Step) -> None:
        if step is Do.STALL:
            await asyncio.Event().wait()
        elif step is Do.HEAR:
            await self._reader.read(1)
        elif step is Do.HALF_CLOSE:
            self._writer.write_eof()
        elif step is Do.CLOSE:
            raise ConnectionAbortedError
        elif step is Do.CUT:
            _beneath(self._writer).close()
            raise ConnectionAbortedError
        elif step is Do.RESET:
            opened = self._writer.get_extra_info("socket")
            if opened is not None:  # else the other side was faster
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                self._writer.transport.abort()
            raise ConnectionAbortedError
        else:
            raise NotImplementedError(step)


def _beneath(writer: asyncio.StreamWriter) -> asyncio.WriteTransport:
    """Return the connection that carries TLS."""
    carrying = writer.transport._ssl_protocol._transport  # type: ignore[attr-defined]  # asyncio shows it in no other way
    if not isinstance(carrying, asyncio.WriteTransport):
        raise ConnectionAbortedError  # by the other side
    return carrying


def _pair(family: int, address: str) -> tuple[socket.socket, socket.socket]:
    """Return a UDP and a TCP socket on one port."""
    for _ in range(TRIES):
        stream = socket.socket(family, socket.SOCK_STREAM)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # inherited by what it accepts: else a reply waits until tickets of TLS are acknowledged, and a reset is first
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.bind((address, 0))
        datagram = socket.socket(family, socket.SOCK_DGRAM)
        try:
            datagram.bind((address, stream.getsockname()[1]))
        except OSError:
            stream.close()
            datagram.close()
            continue
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            datagram.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        datagram.settimeout(0)
        stream.settimeout(0)
        return datagram, stream
    raise OSError("no port is free for UDP and TCP")


async def _send(opened: socket.socket, octets: bytes, source: Any) -> None:
    while True:
        try:
            opened.sendto(octets, source)
        except BlockingIOError:
            await asyncio.sleep(0.001)
        except OSError:
            return  # the sender has left
        else:
            return


def _number(qtype: str) -> int:
    return {"A": 1, "AAAA": 28, "NS": 2, "TXT": 16, "HTTPS": 65}[qtype]


def can_send_icmp() -> bool:
    """Say whether raw sockets may be opened here."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    except OSError:
        return False
    return True


def has(address: str) -> bool:
    """Say whether this machine can be asked at *address*."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as opened:
            opened.bind((address, 0))
    except OSError:
        return False
    return True


def _say_unreachable(asked: Asked, address: str, port: int) -> None:
    """Send ICMP's `port unreachable` about a datagram, which it quotes (RFC 792)."""
    client, client_port = asked.source[:2]
    datagram = struct.pack(">4H", client_port, port, 8 + len(asked.octets), 0) + asked.octets
    quoted = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(datagram), 0, 0, 64, socket.IPPROTO_UDP, 0)
    quoted += socket.inet_aton(client) + socket.inet_aton(address) + datagram
    message = struct.pack(">BBHI", 3, 3, _checksum(struct.pack(">BBHI", 3, 3, 0, 0) + quoted), 0) + quoted
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.bind((address, 0))
        raw.sendto(message, (client, 0))


def _checksum(octets: bytes) -> int:
    padded = octets + b"\0" * (len(octets) % 2)
    total = sum(int.from_bytes(padded[at : at + 2]) for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
