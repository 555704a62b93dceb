"""UDP for systems without sendmmsg and recvmmsg: one call per datagram.

Each resolver has a connected socket of its own, because everywhere but on Linux only
those hear of ICMP. So the kernel drops what comes from elsewhere; it is not counted as a stray.
"""

import errno
import os
import selectors
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from resolver_diff.errors import UsageError
from resolver_diff.transports import Endpoint, Trouble
from resolver_diff.transports._ledger import Asked
from resolver_diff.transports._rounds import IDS, Rounds, shuffled_ids
from resolver_diff.transports._words import in_words
from resolver_diff.wire import HEADER, Messages

ROUND = 256  # queries sent in one round, and datagrams received from one socket
MOST_IN_FLIGHT = 1_024
WANTED_BUFFER = 1 << 20  # octets
LARGEST = 1 << 16
NO_ROOM = (errno.EMFILE, errno.ENFILE)
WAIT_FOR_BUFFER = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.EINTR)


@asynccontextmanager
async def open_session() -> AsyncIterator["DatagramSession"]:
    """Open a session; its sockets are closed at the end."""
    session = DatagramSession()
    try:
        yield session
    finally:
        session.close()


@dataclass(slots=True, eq=False)
class _Port:
    """A socket connected to one endpoint; each of its IDs is used once."""

    socket: socket.socket
    ids: NDArray[np.uint16]  # in the order they are used
    used: int = 0
    serials: dict[int, int] = field(default_factory=dict)  # which query each ID was used for
    open: set[int] = field(default_factory=set)  # serials without a reply
    last: int = -1  # serial of the last query that left from it


class DatagramSession(Rounds):
    """See ``Session``."""

    _overlaps = True

    def __init__(self) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._ports: dict[int, _Port] = {}  # by place of the endpoint in the ledger
        self._retired: list[_Port] = []

    def close(self) -> None:
        for port in [*self._ports.values(), *self._retired]:
            self._shut(port)
        self._ports.clear()
        self._retired.clear()
        self._selector.close()

    def _begin(self, asked: Asked) -> int:  # noqa: ARG002 -- the sockets are opened as they are needed
        for port in [port for port in self._retired if port.last < self._ledger.oldest]:
            self._retired.remove(port)
            self._shut(port)
        return MOST_IN_FLIGHT

    def _send(self, asked: Asked, room: int) -> int:
        rows = asked.ready(min(room, ROUND))
        for place, row in enumerate(rows.tolist()):
            try:
                port = self._port(int(asked.endpoint[row]))
                if port is None:
                    asked.hold(rows[place:])
                    return place
                self._send_one(asked, row, port)
            except OSError as error:
                if error.errno in WAIT_FOR_BUFFER:
                    asked.hold(rows[place:])
                    return place
                failed = np.array([row])
                asked.leave(failed, time.time_ns())
                self._ledger.trouble(asked, failed, Trouble.UNREACHABLE, in_words(error))
        return len(rows)

    def _send_one(self, asked: Asked, row: int, port: _Port) -> None:
        identifier = int(port.ids[port.used])
        octets = identifier.to_bytes(2, "big") + asked.queries.messages[int(asked.queries.message[row])][2:]
        sent = time.time_ns()
        try:
            port.socket.send(octets)
        except OSError as error:
            if error.errno in WAIT_FOR_BUFFER:
                raise
            self._condemn(port, error)  # most likely this is what ICMP said about an earlier query; it is said once
            port.socket.send(octets)
        port.used += 1
        serial = asked.base + row
        port.last = max(port.last, serial)
        port.serials[identifier] = serial
        port.open.add(serial)
        asked.leave(np.array([row]), sent)

    def _receive(self) -> int:
        came: list[tuple[int, int, bytes]] = []
        total = 0
        for key, _ in self._selector.select(0):
            for _ in range(ROUND):
                try:
                    message = key.data.socket.recv(LARGEST)
                except OSError as error:
                    if error.errno not in WAIT_FOR_BUFFER:
                        self._condemn(key.data, error)
                    break
                total += 1
                serial = key.data.serials.get(int.from_bytes(message[:2], "big"), -1)
                if len(message) >= HEADER and serial >= self._ledger.oldest:
                    key.data.open.discard(serial)
                    came.append((serial, time.time_ns(), message))
                else:
                    self._ledger.strays += 1
        if came:
            serials = np.array([serial for serial, _, _ in came])
            received = np.array([when for _, when, _ in came])
            messages = Messages.of(message for _, _, message in came)
            for asked, index in self._ledger.split(serials):
                self._ledger.reply(asked, serials[index] - asked.base, received[index], messages.take(index))
        return total

    def _condemn(self, port: _Port, error: OSError) -> None:
        """Note that ICMP called the endpoint of *port* unreachable: so is every query that waits there."""
        for serial in sorted(port.open):
            found = self._ledger.of(serial)
            if found is not None and found[0].waiting[found[1]]:
                self._ledger.trouble(found[0], np.array([found[1]]), Trouble.UNREACHABLE, in_words(error))
        port.open.clear()

    def _port(self, place: int) -> _Port | None:
        """Return the socket of an endpoint; None when it has to wait until another can be closed."""
        port = self._ports.get(place)
        if port is not None and port.used < IDS:
            return port
        if port is not None:
            self._retired.append(self._ports.pop(place))
        try:
            self._ports[place] = self._connect(self._ledger.endpoints[place])
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            if not self._ports and not self._retired:
                message = f"cannot open a UDP socket: {os.strerror(error.errno)}"
                raise UsageError(message, hint="allow more open files (`ulimit -n 1024`)") from error
            self._make_room()
            return None
        return self._ports[place]

    def _connect(self, endpoint: Endpoint) -> _Port:
        found = socket.getaddrinfo(endpoint.address, endpoint.port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
        opened = socket.socket(found[0][0], socket.SOCK_DGRAM)
        try:
            opened.settimeout(0)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WANTED_BUFFER)
            opened.connect(found[0][4])
        except OSError:
            opened.close()
            raise
        port = _Port(opened, shuffled_ids().astype(np.uint16))
        self._selector.register(opened, selectors.EVENT_READ, port)
        return port

    def _make_room(self) -> None:
        """Close a retired socket, or one on which no reply is waited for, if there is any."""
        if self._retired:
            self._shut(self._retired.pop(0))
            return
        for place, port in self._ports.items():
            if not any(self._waits(serial) for serial in port.open):
                self._shut(self._ports.pop(place))
                return

    def _waits(self, serial: int) -> bool:
        found = self._ledger.of(serial)
        return found is not None and bool(found[0].waiting[found[1]])

    def _shut(self, port: _Port) -> None:
        self._selector.unregister(port.socket)
        port.socket.close()
