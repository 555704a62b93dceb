"""Linux's sendmmsg and recvmmsg: many datagrams with one system call, described by arrays.

Datagrams of one length to one place may go as a *run*: the kernel takes them as one, and cuts it up when it has
gone most of its way (UDP_SEGMENT, udp(7)). On the wire they are what they would have been.
"""

import contextlib
import ctypes
import errno
import mmap
import os
import socket
import struct
import sys
import time
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

ROOM = 65_600  # octets for one datagram: 64 more than there can be, which spreads the rows over the processor's cache
NAME = 32  # octets for a sockaddr_in (16) or sockaddr_in6 (28)
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python does not name it
UDP_SEGMENT = 103  # linux/udp.h; Python does not name it
LONGEST_RUN = 64  # datagrams (UDP_MAX_SEGMENTS of older kernels)
LONGEST_IN_RUN = 512  # octets of such a datagram: fits any MTU, and so many of them into one packet

_IOVEC = np.dtype([("base", np.uintp), ("length", np.uintp)], align=True)
_MSGHDR = np.dtype(
    [
        ("name", np.uintp),
        ("name_length", np.uint32),
        ("parts", np.uintp),
        ("part_count", np.uintp),
        ("control", np.uintp),
        ("control_length", np.uintp),
        ("flags", np.int32),
    ],
    align=True,
)
_MMSGHDR = np.dtype([("header", _MSGHDR), ("length", np.uint32)], align=True)
_SEGMENT = np.dtype(
    [("length", np.uintp), ("level", np.int32), ("type", np.int32), ("octets", np.uint16), ("rest", np.uint16, 3)]
)
_CONTROL = np.dtype(
    [("length", np.uintp), ("level", np.int32), ("type", np.int32), ("seconds", np.int64), ("nanoseconds", np.int64)]
)


def available() -> bool:
    """Whether this system has both calls, with the structures laid out as described here."""
    return sys.platform == "linux" and ctypes.sizeof(ctypes.c_void_p) == 8 and hasattr(_LIBC, "recvmmsg")


_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
if _LIBC is not None:
    _LIBC.sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
    _LIBC.recvmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]


def takes_runs() -> bool:
    """Whether the kernel knows runs; before Linux 4.18 it would send one as a single datagram, and say nothing."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.getsockopt(socket.IPPROTO_UDP, UDP_SEGMENT)
    except OSError:
        return False
    return True


@lru_cache(1 << 12)  # each error that ICMP tells of names one, mostly the same
def sockaddr(address: str, port: int) -> tuple[bytes, int]:
    """Return the sockaddr of an IP address, padded to ``NAME`` octets, and its true length.

    A zone (``fe80::1%eth0``) counts for link-local addresses only: for others the kernel
    leaves it out of the source of a reply, and nothing would match.
    """
    family, _, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
    packed = socket.inet_pton(family, str(where[0]).partition("%")[0])
    start = struct.pack("=H", family) + port.to_bytes(2, "big")
    if family == socket.AF_INET:
        return (start + packed).ljust(NAME, b"\0"), 16
    link_local = packed[0] == 0xFE and packed[1] & 0xC0 == 0x80
    scope = int(where[3]) if len(where) == 4 and link_local else 0
    return (start + bytes(4) + packed + struct.pack("=I", scope)).ljust(NAME, b"\0"), 28


class Outbox:
    """Datagrams about to leave, in runs; each is an ID of its own, and the rest of a message that many share."""

    def __init__(self, size: int) -> None:
        self._ids = np.zeros(size, ">u2")
        self._parts = np.zeros((size, 2), _IOVEC)
        self._headers = np.zeros(size, _MMSGHDR)
        header = self._headers["header"]
        self._name, self._name_length = header["name"], header["name_length"]
        self._base, self._length = self._parts["base"][:, 1], self._parts["length"][:, 1]
        place = np.arange(size, dtype=np.uintp)
        self._parts["base"][:, 0] = self._ids.ctypes.data + place * np.uintp(2)
        self._parts["length"][:, 0] = 2
        self._part_at = self._parts.ctypes.data + place * np.uintp(2 * _IOVEC.itemsize)
        self._part, self._part_count = header["parts"], header["part_count"]
        self._segment = np.zeros(size, _SEGMENT)  # of headers: how long each datagram of the run is
        self._segment["length"] = 18  # CMSG_LEN(2): without what fills it up
        self._segment["level"], self._segment["type"] = socket.IPPROTO_UDP, UDP_SEGMENT
        self._octets = self._segment["octets"]
        header["control"] = self._segment.ctypes.data + place * np.uintp(_SEGMENT.itemsize)
        self._control_length = header["control_length"]
        self._address = self._headers.ctypes.data

    def load(
        self,
        ids: NDArray[np.int64],
        rest: tuple[NDArray[np.uintp], NDArray[np.uintp]],
        names: tuple[NDArray[np.uintp], NDArray[np.uint32]],
        begins: NDArray[np.int64],
    ) -> None:
        """Describe one datagram per ID: where *rest* of its message and its destination lie, and how long they are.

        *begins*: at which of them each run begins. The caller keeps that memory alive until the last ``send``.
        """
        count, runs = len(ids), len(begins)
        self._ids[:count] = ids
        self._base[:count], self._length[:count] = rest
        sizes = np.append(begins[1:], count) - begins
        self._name[:runs], self._name_length[:runs] = names[0][begins], names[1][begins]
        self._part[:runs], self._part_count[:runs] = self._part_at[begins], 2 * sizes
        self._octets[:runs] = rest[1][begins] + np.uintp(2)
        self._control_length[:runs] = np.where(sizes > 1, _SEGMENT.itemsize, 0)

    def send(self, descriptor: int, begin: int, end: int) -> int:
        """Send runs *begin* to *end*; return how many left. Raises OSError when not even the first did."""
        where = self._address + begin * _MMSGHDR.itemsize
        assert _LIBC is not None
        sent: int = _LIBC.sendmmsg(descriptor, where, end - begin, socket.MSG_DONTWAIT)
        if sent < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return sent


def _sparse(size: int) -> NDArray[np.uint8]:
    """Return *size* octets of which only what was written to takes memory; a huge page would be filled with zeros."""
    octets = mmap.mmap(-1, size)
    with contextlib.suppress(OSError):  # a kernel without huge pages
        octets.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(octets, np.uint8)


class Inbox:
    """Datagrams as they came. Rows are whole: 64 KiB each, of which only the pages that were written take memory."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.octets = _sparse(size * ROOM).reshape(size, ROOM)
        self.ids = np.ndarray(size, ">u2", self.octets, strides=(ROOM,))  # of the messages
        self.names = np.zeros((size, NAME // 8), np.uint64)  # sockaddrs, for comparing
        self.received = np.zeros(size, np.int64)  # ns since 1970
        self._parts = np.zeros(size, _IOVEC)
        self._control = np.zeros(size, _CONTROL)
        self._headers = np.zeros(size, _MMSGHDR)
        self.length = self._headers["length"]
        place = np.arange(size, dtype=np.uintp)
        self._parts["base"] = self.octets.ctypes.data + place * np.uintp(ROOM)
        self._parts["length"] = ROOM
        header = self._headers["header"]
        header["name"] = self.names.ctypes.data + place * np.uintp(NAME)
        header["parts"] = self._parts.ctypes.data + place * np.uintp(_IOVEC.itemsize)
        header["part_count"] = 1
        header["control"] = self._control.ctypes.data + place * np.uintp(_CONTROL.itemsize)
        self._name_length, self._control_length = header["name_length"], header["control_length"]
        self._address = self._headers.ctypes.data
        self.clear(size)

    def receive(self, descriptor: int, begin: int, most: int) -> int:
        """Receive at most *most* datagrams into the rows from *begin*; return how many came, 0 when none waits."""
        where = self._address + begin * _MMSGHDR.itemsize
        assert _LIBC is not None
        came: int = _LIBC.recvmmsg(descriptor, where, most, socket.MSG_DONTWAIT, None)
        if came < 0 and ctypes.get_errno() != errno.EAGAIN:  # an ICMP error came first; having been told clears it
            came = _LIBC.recvmmsg(descriptor, where, most, socket.MSG_DONTWAIT, None)
        return max(came, 0)

    def stamp(self, count: int) -> None:
        """Set ``received`` of the first *count* rows to the kernel's time of arrival, to now where it gave none."""
        stamps = self._control[:count]
        received = stamps["seconds"] * 1_000_000_000 + stamps["nanoseconds"]
        stamped = (self._control_length[:count] >= _CONTROL.itemsize) & (stamps["type"] == SO_TIMESTAMPNS)
        self.received[:count] = received if stamped.all() else np.where(stamped, received, time.time_ns())

    def clear(self, count: int) -> None:
        """Make the first *count* rows ready for other datagrams."""
        self.names[:count] = 0
        self._name_length[:count] = NAME
        self._control_length[:count] = _CONTROL.itemsize
