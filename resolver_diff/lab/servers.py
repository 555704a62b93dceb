"""The resolvers of a scenario on 127.0.0.1: UDP and TCP sockets in a thread of their own."""

import asyncio
import contextlib
import errno
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import date
from functools import partial
from types import TracebackType
from typing import Self

from resolver_diff.config import Config
from resolver_diff.errors import LabError
from resolver_diff.lab.respond import Reply, respond
from resolver_diff.lab.scenario import Part, Scenario
from resolver_diff.tables import TransportName

ADDRESS = "127.0.0.1"
TRIES = 20  # to find a port that is free for both UDP and TCP
BURST = 64  # datagrams or connections taken before other sockets have their turn
BACKLOG = 128  # connections that may wait
LARGEST = 65535  # octets of a message
RECEIVE_BUFFER = 1 << 20  # octets


class Lab:
    """Loopback resolvers that play a scenario; a context manager.

    Every resolver has a port of its own, the same for UDP and TCP, for as long as the
    lab is open. It needs no rights and asks nobody. *loss* is a share of UDP queries lost
    at every resolver.

        with Lab(reading.load("russia-2026")) as lab:
            lab.play(date(2026, 2, 11))
            ... ask lab.config().resolvers ...

    Raises LabError when the sockets cannot be had.
    """

    def __init__(self, scenario: Scenario, *, loss: float = 0.0) -> None:
        self.scenario = scenario
        self.loss = loss
        self.ports: dict[str, int] = {}
        self.day = scenario.dates[0]
        self.loop = asyncio.SelectorEventLoop()  # on every system the one that watches plain sockets
        self._thread = threading.Thread(target=self.loop.run_forever, name="lab", daemon=True)
        self._booths: list[_Booth] = []

    def __enter__(self) -> Self:
        try:
            for part in self.scenario.parts.values():
                self._booths.append(_Booth(self, part))
        except OSError as error:
            self._leave()
            raise LabError(f"cannot open a socket on {ADDRESS}: {error.strerror}") from None
        self.ports = {booth.part.name: booth.port for booth in self._booths}
        self._thread.start()
        try:
            self.play(self.day)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def play(self, day: date) -> None:
        """Let every resolver say from now on what it says on *day*; questions count from none again."""
        if day not in self.scenario.dates:
            listed = ", ".join(map(str, self.scenario.dates))
            raise LabError(f"{self.scenario.name} has no {day}", hint=f"it has {listed}")
        try:
            self._within(partial(self._turn_to, day))
        except OSError as error:
            raise LabError(f"cannot open a socket on {ADDRESS}: {error.strerror}") from None

    def config(self, *, timeout: float = 0.25, attempts: int = 3, qps: float = 1000.0) -> Config:
        """Return the config that asks these resolvers for all names of the scenario."""
        return self.scenario.config(self.ports, timeout=timeout, attempts=attempts, qps=qps)

    def _turn_to(self, day: date) -> None:
        self.day = day
        for booth in self._booths:
            booth.turn_to(day)

    def _stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self._leave()

    def _leave(self) -> None:
        for booth in self._booths:
            booth.close()
        self._booths.clear()
        self.loop.close()

    def _within(self, work: Callable[[], None]) -> None:
        """Do *work* in the lab's thread, and wait until it is done."""
        done: Future[None] = Future()

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  it is raised again where it was asked for
                done.set_exception(error)
            else:
                done.set_result(None)

        self.loop.call_soon_threadsafe(run)
        done.result()


class _Booth:
    """The sockets of one resolver; its port stays held on days when nothing listens."""

    def __init__(self, lab: Lab, part: Part) -> None:
        self.lab = lab
        self.part = part
        self.asked: dict[tuple[TransportName, bytes], int] = {}
        self.udp, self.tcp = _free_port()
        self.port: int = self.udp.getsockname()[1]
        self.deafen()
        self.open_to: set[TransportName] = set()
        self.talks: dict[socket.socket, bytearray] = {}  # open connections, and what of a query has come

    def turn_to(self, day: date) -> None:
        """Listen where the resolver listens that day, and nowhere else."""
        self.asked.clear()
        ways = (
            (TransportName.UDP, self.open_udp, self.close_udp),
            (TransportName.TCP, self.open_tcp, self.close_tcp),
        )
        for transport, open_it, close_it in ways:
            listens = self.lab.scenario.listens(day, self.part, transport)
            if listens and transport not in self.open_to:
                open_it()
                self.open_to.add(transport)
            elif not listens and transport in self.open_to:
                close_it()
                self.open_to.remove(transport)

    def open_udp(self) -> None:
        """Answer datagrams."""
        self.udp.close()
        self.udp = _bound(socket.SOCK_DGRAM, self.port)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.lab.loop.add_reader(self.udp, self.receive)

    def close_udp(self) -> None:
        """Stop answering; whoever asks is told that the port is unreachable."""
        self.lab.loop.remove_reader(self.udp)
        self.udp.close()
        self.udp = _bound(socket.SOCK_DGRAM, self.port)
        self.deafen()

    def deafen(self) -> None:
        """Hold the UDP port as if nothing listened: a socket connected to itself hears nobody else."""
        self.udp.connect((ADDRESS, self.port))

    def open_tcp(self) -> None:
        """Accept connections."""
        self.tcp.listen(BACKLOG)
        self.lab.loop.add_reader(self.tcp, self.accept)

    def close_tcp(self) -> None:
        """Accept no more, and end what was accepted; the port is held by a socket that does not listen."""
        self.lab.loop.remove_reader(self.tcp)
        for talk in list(self.talks):
            self.hang_up(talk)
        self.tcp.close()
        self.tcp = _bound(socket.SOCK_STREAM, self.port)

    def close(self) -> None:
        """Give everything back."""
        for one in (*self.talks, self.udp, self.tcp):
            self.lab.loop.remove_reader(one)
            one.close()
        self.talks.clear()

    def receive(self) -> None:
        """Answer the datagrams that are waiting."""
        for _ in range(BURST):
            try:
                query, peer = self.udp.recvfrom(LARGEST)
            except (BlockingIOError, ConnectionError):  # none left, or ICMP about an earlier reply: nobody's concern
                return
            for delay, message in self.replies(TransportName.UDP, query):
                if delay:
                    self.lab.loop.call_later(delay, self.send, message, peer)
                else:
                    self.send(message, peer)

    def send(self, message: bytes, peer: tuple[str, int]) -> None:
        """Send a datagram; one that cannot leave is lost, as on any network."""
        with contextlib.suppress(OSError):
            self.udp.sendto(message, peer)

    def accept(self) -> None:
        """Take the connections that are waiting."""
        for _ in range(BURST):
            try:
                talk, _ = self.tcp.accept()
            except (BlockingIOError, ConnectionError):
                return
            talk.settimeout(0)
            self.talks[talk] = bytearray()
            self.lab.loop.add_reader(talk, self.hear, talk)

    def hear(self, talk: socket.socket) -> None:
        """Take what has come on a connection, and answer each query that is whole (RFC 1035 4.2.2)."""
        try:
            octets = talk.recv(LARGEST)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self.hang_up(talk)
            return
        waiting = self.talks[talk]
        waiting += octets
        while len(waiting) >= 2 and len(waiting) >= (end := 2 + int.from_bytes(waiting[:2], "big")):
            query = bytes(waiting[2:end])
            del waiting[:end]
            for delay, message in self.replies(TransportName.TCP, query):
                self.lab.loop.call_later(delay, self.tell, talk, len(message).to_bytes(2, "big") + message)

    def tell(self, talk: socket.socket, framed: bytes) -> None:
        """Send a message on a connection, if it is still there; a peer that reads nothing is hung up on."""
        if talk in self.talks:
            try:
                talk.sendall(framed)
            except OSError:
                self.hang_up(talk)

    def hang_up(self, talk: socket.socket) -> None:
        """End a connection."""
        self.lab.loop.remove_reader(talk)
        del self.talks[talk]
        talk.close()

    def replies(self, transport: TransportName, query: bytes) -> list[Reply]:
        """Return what the resolver replies, counting how often it was asked."""
        key = (transport, query[2:])
        turn = self.asked.get(key, 0)
        self.asked[key] = turn + 1
        try:
            return respond(self.lab.scenario, self.lab.day, self.part, transport, query, turn, loss=self.lab.loss)
        except ConnectionRefusedError:  # for this name only, which a socket cannot say
            return []


def _free_port() -> tuple[socket.socket, socket.socket]:
    """Return a UDP and a TCP socket bound to one port."""
    for _ in range(TRIES):
        stream = _bound(socket.SOCK_STREAM, 0)
        try:
            return _bound(socket.SOCK_DGRAM, stream.getsockname()[1]), stream
        except OSError as error:
            stream.close()
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no port is free for both UDP and TCP")


def _bound(kind: socket.SocketKind, port: int) -> socket.socket:
    """Return a socket bound on the lab's address; connections of an earlier day do not keep its port."""
    made = socket.socket(socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.settimeout(0)  # the loop says when to read
        made.bind((ADDRESS, port))
    except OSError:
        made.close()
        raise
    return made
