"""The UDP sockets of a session, and which query each pair of a socket and an ID was used for.

A pair is used once, so that a reply that is late, or the second, still names its
query. A socket whose 65,536 IDs are used up retires: it listens on until the
last query that left from it is forgotten.
"""

import contextlib
import errno
import os
import select
import socket
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resolver_diff.errors import UsageError
from resolver_diff.transports._mmsg import SO_TIMESTAMPNS
from resolver_diff.transports._rounds import IDS, shuffled_ids

MOST_PORTS = 8  # to a family of addresses
QUERIES_A_PORT = 128  # as many queries justify one more socket
LEAST_SHARE = 64  # datagrams worth a system call
WANTED_BUFFER = 4 << 20  # octets; the default loses replies when 1,024 come at once
OCTETS_A_REPLY = 1 << 10  # what a small reply takes up in a socket's buffer
IP_RECVERR, IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h; Python does not name them


@dataclass(slots=True)
class Port:
    """A socket bound to a random port of the system's choice, and its IDs in the order they are used."""

    socket: socket.socket
    slot: int  # where its part of the table begins
    window: int  # replies that its buffer holds
    keys: NDArray[np.int64]  # slot + ID
    used: int = 0
    last: int = -1  # no query with a greater serial left from it


class Ports:
    """All sockets of a session."""

    def __init__(self) -> None:
        self.poll = select.poll()
        self.by_descriptor: dict[int, Port] = {}
        self._most = min(MOST_PORTS, max(1, os.sysconf("SC_OPEN_MAX") // 64))
        slots = 2 * 2 * self._most  # of two families, as many retired ones as active ones
        self._table = np.zeros(slots * IDS, np.int64)  # serial + 1; zeros take no memory before they are written
        self._free = [slot * IDS for slot in range(slots)]
        self._active: dict[int, list[Port]] = {socket.AF_INET: [], socket.AF_INET6: []}
        self._retired: list[Port] = []
        self._turn = 0

    def want(self, family: int, queries: int) -> bool:
        """Open sockets enough for so many more queries; tell whether the system speaks *family* at all.

        Raises UsageError when it does, but no socket can be opened.
        """
        wanted = min(self._most, -(-queries // QUERIES_A_PORT))
        active = self._active[family]
        try:
            while len(active) < wanted:
                active.append(self._open(family))
        except OSError as error:
            if not active and error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                message = f"cannot open a UDP socket: {os.strerror(error.errno)}"
                raise UsageError(message, hint="allow more open files (`ulimit -n 1024`)") from error
        return bool(active)

    def window(self) -> int:
        """Return how many replies the buffers of all active sockets hold."""
        return sum(port.window for ports in self._active.values() for port in ports)

    def deal(self, family: int, count: int) -> list[tuple[Port, int]]:
        """Return how many of *count* datagrams leave from which sockets, each named once; may be fewer in all."""
        active = self._active[family]
        for index, port in enumerate(active):
            if port.used == IDS:
                active[index] = self._successor(family, port)
        share = max(LEAST_SHARE, -(-count // len(active)))
        dealt = []
        for step in range(len(active)):
            port = active[(self._turn + step) % len(active)]
            size = min(share, count, IDS - port.used)
            if size:
                dealt.append((port, size))
                count -= size
        self._turn += len(dealt)
        return dealt

    def used(self, keys: NDArray[np.int64], serials: NDArray[np.int64]) -> None:
        """Note that the pairs *keys* were used for the queries *serials*."""
        self._table[keys] = serials + 1

    def serials(self, slot: NDArray[np.int64], ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the query each pair was used for; -1 for those that were not used."""
        found: NDArray[np.int64] = self._table[slot + ids] - 1
        return found

    def forget(self, oldest: int) -> None:
        """Close the retired sockets from which nothing left but queries before *oldest*."""
        for port in [port for port in self._retired if port.last < oldest]:
            self._close(port)

    def close(self) -> None:
        """Close every socket."""
        for port in list(self.by_descriptor.values()):
            self._close(port)

    def _successor(self, family: int, port: Port) -> Port:
        """Retire *port*, whose IDs are used up, and return a new one; close the oldest where there is no room."""
        self._retired.append(port)
        if not self._free:
            self._close(self._retired[0])
        while True:
            try:
                return self._open(family)
            except OSError:
                if not self._retired:
                    raise
                self._close(self._retired[0])

    def _open(self, family: int) -> Port:
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            opened.settimeout(0)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                opened.setsockopt(socket.SOL_SOCKET, option, WANTED_BUFFER)
            with contextlib.suppress(OSError):  # then times of arrival are those of reading
                opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            if family == socket.AF_INET:
                opened.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            else:
                opened.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
            opened.bind(("", 0))
        except OSError:
            opened.close()
            raise
        granted = opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        slot = self._free.pop()
        port = Port(opened, slot, max(1, granted // OCTETS_A_REPLY), slot + shuffled_ids())
        self.by_descriptor[opened.fileno()] = port
        self.poll.register(opened, select.POLLIN)
        return port

    def _close(self, port: Port) -> None:
        self.poll.unregister(port.socket)
        del self.by_descriptor[port.socket.fileno()]
        port.socket.close()
        self._table[port.slot : port.slot + IDS] = 0
        self._free.append(port.slot)
        if port in self._retired:
            self._retired.remove(port)
