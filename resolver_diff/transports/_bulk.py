"""UDP in bulk, for Linux: thousands of queries with a few system calls, nothing per message in Python.

Each round of the loop reads what came, sends what is due, and lets others run.
The sockets are not connected, so few serve many resolvers; what ICMP has to say
comes through their error queues instead.
"""

import errno
import os
import select
import socket
import struct
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
from numpy.typing import NDArray

from resolver_diff.transports import Endpoint, Trouble
from resolver_diff.transports._ledger import Asked, Rows
from resolver_diff.transports._mmsg import LONGEST_IN_RUN, LONGEST_RUN, NAME, Inbox, Outbox, sockaddr, takes_runs
from resolver_diff.transports._ports import MOST_PORTS, Port, Ports
from resolver_diff.transports._rounds import Rounds
from resolver_diff.transports._words import in_words
from resolver_diff.wire import AHEAD, HEAD, HEADER, WORD, Messages

ROUND = 2_048  # datagrams received, and sent, in one round
LEAST_RECEIVE = 16  # datagrams from one socket in one round
MOST_IN_FLIGHT = 4_096
LONG = 512  # octets; longer datagrams are few, and copied one by one
SEND_TRIES = 3  # a send may fail for an ICMP error that an earlier datagram met
ERRORS_A_ROUND = 256
WORTH_RUNS = 4  # datagrams to an address in one round, on average
NO_RUNS = (errno.EIO, errno.EINVAL, errno.EMSGSIZE)  # no checksums by the interface; a tiny MTU, in old and new kernels
WAIT_FOR_BUFFER = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.EINTR)
MSG_ERRQUEUE = 0x2000  # linux/socket.h
FROM_ICMP = (2, 3)  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6 (linux/errqueue.h)


@asynccontextmanager
async def open_session() -> AsyncIterator["BulkSession"]:
    """Open a session; its sockets are closed at the end."""
    session = BulkSession()
    try:
        yield session
    finally:
        session.close()


class BulkSession(Rounds):
    """See ``Session``."""

    _overlaps = True

    def __init__(self) -> None:
        super().__init__()
        self._ports = Ports()
        self._inbox = Inbox(ROUND)
        self._slots = np.zeros(ROUND, np.int64)  # the socket each datagram of the inbox came to
        self._came = 0  # datagrams in the inbox
        self._outbox = Outbox(ROUND)
        self._runs = takes_runs()  # until the system refuses one
        self._addresses = _Addresses()
        self._turn = 0
        self._routes: dict[int, _Route] = {}  # of each exchange, by its base
        self._spoken: set[int] = set()  # the families of addresses that this system speaks

    def _begin(self, asked: Asked) -> int:
        self._ports.forget(self._ledger.oldest)
        self._addresses.learn(self._ledger.endpoints)
        self._routes = {base: kept for base, kept in self._routes.items() if base in self._ledger.going_on}
        route = self._routes[asked.base] = _Route(asked, self._addresses)
        self._spoken |= {family for family, queries in route.families.items() if self._ports.want(family, queries)}
        return min(MOST_IN_FLIGHT, self._ports.window() or MOST_IN_FLIGHT)  # no socket: nothing will be in flight

    def close(self) -> None:
        self._ports.close()

    def _send(self, asked: Asked, room: int) -> int:
        rows = asked.ready(min(room, ROUND))
        if not len(rows):
            return 0
        here = self._routes[asked.base].families
        if len(here) == 1 and self._spoken >= here.keys():
            return self._send_to(next(iter(here)), asked, rows)
        families = self._addresses.family[asked.endpoint[rows]]
        left = 0
        for family in here:
            mine = rows[families == family]
            if family in self._spoken:
                left += self._send_to(family, asked, mine)
            else:
                asked.leave(mine, time.time_ns())
                self._ledger.trouble(asked, mine, Trouble.UNREACHABLE, os.strerror(errno.EAFNOSUPPORT))
        return left

    def _send_to(self, family: int, asked: Asked, rows: Rows) -> int:
        """Send *rows*, all to one family of addresses; return how many left. The others are held."""
        if not len(rows):
            return 0
        dealt = self._ports.deal(family, len(rows))
        keys = np.concatenate([port.keys[port.used : port.used + size] for port, size in dealt])
        route = self._routes[asked.base]
        loaded, begins = route.runs(rows[: len(keys)], [size for _, size in dealt], join=self._runs)
        self._outbox.load(keys & 0xFFFF, route.rest(loaded), route.names(loaded), begins)
        sent = np.zeros(len(keys), np.int64)
        failed = self._transmit(dealt, begins, sent)
        for port, _ in dealt:
            port.last = max(port.last, asked.base + len(asked) - 1)
        left = sent > 0
        gone = loaded[left]
        self._ports.used(keys[left], gone + asked.base)
        asked.leave(gone, sent[left])
        for words in dict.fromkeys(words for _, words in failed):  # mostly one: no way leads there
            self._ledger.trouble(
                asked, loaded[[place for place, said in failed if said == words]], Trouble.UNREACHABLE, words
            )
        if len(gone) < len(rows):
            asked.hold(np.concatenate([loaded[~left], rows[len(keys) :]]))
        return len(gone)

    def _transmit(
        self, dealt: list[tuple[Port, int]], begins: Rows, sent: NDArray[np.int64]
    ) -> list[tuple[int, str | None]]:
        """Send the runs of the outbox, *dealt* to these sockets; see ``_push``."""
        failed: list[tuple[int, str | None]] = []
        ends = np.append(begins, len(sent))
        first = total = 0
        for turn, (port, size) in enumerate(dealt):
            total += size
            last = int(np.searchsorted(begins, total))
            failed += self._push(port, ends[first : last + 1], first, sent)
            first = last
            if turn:  # what is read soon still lies in the processor's cache
                self._read(dealt[turn - 1][0], ROUND)
        return failed

    def _push(self, port: Port, ends: Rows, first: int, sent: NDArray[np.int64]) -> list[tuple[int, str | None]]:
        """Send the runs from *first* of the outbox; write when each datagram left; return those that cannot, and why.

        *ends*: where each begins, and where the last one ends. Ends early when the socket takes no more for now.
        """
        failed: list[tuple[int, str | None]] = []
        done = tries = 0
        while done < len(ends) - 1:
            before = time.time_ns()
            try:
                count = self._outbox.send(port.socket.fileno(), first + done, first + len(ends) - 1)
            except OSError as error:
                if error.errno in WAIT_FOR_BUFFER:
                    break
                tries += 1
                if tries < SEND_TRIES:
                    continue
                if error.errno == errno.ECONNREFUSED:  # always by ICMP, of an earlier datagram: no word about this one
                    break
                alone = ends[done + 1] - ends[done] == 1
                if not alone and error.errno in NO_RUNS:
                    self._runs = False
                    break
                failed += [(place, in_words(error)) for place in range(ends[done], ends[done + 1])]
                count = 1
            begins, following = ends[done : done + count], ends[done + 1 : done + count + 1]
            begin, end = int(begins[0]), int(following[-1])
            size = end - begin
            # the runs of one call leave one after the other, at an even pace, each all at once
            left = before + (begins - begin) * (time.time_ns() - before) // size
            sent[begin:end] = np.repeat(left, following - begins)
            port.used += size
            done += count
            tries = 0
        return failed

    def _receive(self) -> int:
        events = self._ports.poll.poll(0)
        self._turn += 1
        turn = self._turn % max(1, len(events))
        share = max(LEAST_RECEIVE, ROUND // max(1, len(events)))
        errors = 0
        for descriptor, event in events[turn:] + events[:turn]:
            port = self._ports.by_descriptor[descriptor]
            if event & select.POLLERR:
                errors += self._read_errors(port)
            self._read(port, share)
        if came := self._came:
            self._came = 0
            self._inbox.stamp(came)
            self._attribute(came)
            self._inbox.clear(came)
        return came + errors

    def _read(self, port: Port, most: int) -> None:
        """Put at most *most* datagrams that came to *port* into the inbox, while it has room."""
        begin = self._came
        if (most := min(most, ROUND - begin)) > 0:
            self._came += self._inbox.receive(port.socket.fileno(), begin, most)
            self._slots[begin : self._came] = port.slot

    def _attribute(self, count: int) -> None:
        """Find the query for each of the first *count* datagrams of the inbox, by socket, ID and source."""
        inbox, ledger = self._inbox, self._ledger
        serials = self._ports.serials(self._slots[:count], inbox.ids[:count].astype(np.int64))
        known = (serials >= ledger.oldest) & (inbox.length[:count] >= HEADER)
        places = slice(count) if known.all() else np.flatnonzero(known)  # mostly all of them
        matched = 0
        for asked, members in ledger.split(serials[places]):
            mine: Rows | slice = slice(count) if len(members) == count else np.arange(count)[places][members]
            rows = serials[mine] - asked.base
            same = self._addresses.same(asked.endpoint[rows], inbox.names[mine])
            if not same.all():
                mine, rows = np.arange(count)[mine][same], rows[same]
            if len(rows):
                self._addresses.answers[asked.endpoint[rows]] = True
                ledger.reply(asked, rows, inbox.received[mine].copy(), _copied(inbox, mine))
                matched += len(rows)
        ledger.strays += count - matched

    def _read_errors(self, port: Port) -> int:
        """Read what ICMP said about datagrams that left from *port*; return how many errors that was.

        Routers quote at least 8 octets of a datagram, which is its UDP header alone: without the ID
        nothing can be told, and the query times out.
        """
        told: list[tuple[int, tuple[str, int], str]] = []
        count = 0
        while count < ERRORS_A_ROUND:
            try:
                octets, extra, _, name = port.socket.recvmsg(2, 512, MSG_ERRQUEUE)
            except OSError:
                break
            count += 1
            words = [said for _, _, data in extra if (said := _of_icmp(data))]
            if len(octets) == 2 and words:
                told.append((int.from_bytes(octets, "big"), name, words[0]))
        if told:
            self._refuse(port, told)
        return count

    def _refuse(self, port: Port, told: Sequence[tuple[int, tuple[str, int], str]]) -> None:
        """Note what ICMP *told* of queries that left from *port*: ID, destination, words."""
        ledger, addresses = self._ledger, self._addresses
        ids = np.array([number for number, _, _ in told])
        serials = self._ports.serials(np.full(len(ids), port.slot), ids).tolist()
        refused: dict[tuple[int, str], tuple[Asked, set[int]]] = {}  # by exchange and words
        for serial, (_, name, words) in zip(serials, told, strict=True):
            found = ledger.of(serial) if serial >= ledger.oldest else None
            if found is not None and addresses.are(found[0].endpoint[found[1]], name):
                refused.setdefault((found[0].base, words), (found[0], set()))[1].add(found[1])
            else:
                ledger.strays += 1
        for (_, words), (asked, queries) in refused.items():
            rows = np.array(sorted(queries))
            addresses.answers[asked.endpoint[rows]] = False
            ledger.trouble(asked, rows, Trouble.UNREACHABLE, words)


class _Addresses:
    """The socket addresses of the endpoints of a session, as the kernel writes them."""

    def __init__(self) -> None:
        self.names = np.empty((0, NAME // 8), np.uint64)
        self.length = np.empty(0, np.uint32)
        self.family = np.empty(0, np.int32)
        self.answers = np.empty(0, np.bool_)  # whether it does, for all that is known
        self._first = np.empty(0, np.uint64)
        self._short = True  # all names end with their first eight octets

    def learn(self, endpoints: Sequence[Endpoint]) -> None:
        """Add those of *endpoints* that are not known yet; they stand at the end."""
        new = [sockaddr(endpoint.address, endpoint.port) for endpoint in endpoints[len(self.names) :]]
        if new:
            names = np.frombuffer(b"".join(name for name, _ in new), np.uint64).reshape(-1, NAME // 8)
            self.names = np.concatenate([self.names, names])
            self.length = np.concatenate([self.length, np.array([length for _, length in new], np.uint32)])
            self.family = np.ascontiguousarray(self.names.view(np.uint16)[:, 0].astype(np.int32))
            self.answers = np.concatenate([self.answers, np.zeros(len(new), np.bool_)])
            self._first = np.ascontiguousarray(self.names[:, 0])
            self._short = bool((self.family == socket.AF_INET).all())

    def same(self, index: Rows, names: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Say which of *names* are those of the endpoints at *index*."""
        same: NDArray[np.bool_] = names[:, 0] == self._first[index]  # family, port, and the address if it is of IPv4
        if not self._short:
            for column in range(1, NAME // 8):
                same &= names[:, column] == self.names[index, column]
        return same

    def are(self, index: int, name: tuple[str, int]) -> bool:
        """Whether the endpoint at *index* is at *name*, as Python's sockets give it."""
        return bytes(self.names[index].tobytes()) == sockaddr(name[0], name[1])[0]


class _Route:
    """Where in memory the messages and destinations of one exchange lie."""

    def __init__(self, asked: Asked, addresses: _Addresses) -> None:
        messages = asked.queries.messages
        self._octets = np.ascontiguousarray(messages.octets)  # kept: the kernel reads from it
        self._rest = (self._octets.ctypes.data + messages.start + 2).astype(np.uintp)  # the ID is in the outbox
        self._rest_length = (messages.length - 2).astype(np.uintp)
        self._addresses = addresses
        self._names = addresses.names  # kept: the kernel reads from it
        self._name_at = self._names.ctypes.data + np.arange(len(self._names), dtype=np.uintp) * np.uintp(NAME)
        self._name_length = addresses.length
        self._message, self._endpoint = asked.message, asked.endpoint
        self._kind, self._sockets = self._kinds(asked)
        found, counts = np.unique(addresses.family[asked.endpoint], return_counts=True)
        self.families = dict(zip(found.tolist(), counts.tolist(), strict=True))  # how many queries go to each

    def _kinds(self, asked: Asked) -> tuple[NDArray[np.unsignedinteger] | None, NDArray[np.unsignedinteger]]:
        """Return a number per query for its endpoint and length, and what each socket adds to it; None: too long."""
        lengths, rank = np.unique(asked.queries.messages.length, return_inverse=True)
        if not len(lengths) or lengths[-1] > LONGEST_IN_RUN:
            return None, np.empty(0, np.uint16)
        kinds = len(self._names) * len(lengths)
        small = np.min_scalar_type(kinds * MOST_PORTS)  # numbers of two octets are sorted several times as fast
        found = (asked.endpoint * len(lengths) + rank[asked.message]).astype(small)
        return found, (np.arange(MOST_PORTS) * kinds).astype(small)

    def runs(self, rows: Rows, sizes: list[int], *, join: bool) -> tuple[Rows, Rows]:
        """Return *rows*, of which the first socket takes so many, in the order they leave, and where runs begin.

        A run goes to who answered before: of one that is refused, ICMP may name the first datagram only.
        """
        if not join or self._kind is None or not self._worth_runs(rows):
            return rows, np.arange(len(rows))
        kind = self._kind[rows] + np.repeat(self._sockets[: len(sizes)], sizes)
        order = np.argsort(kind, kind="stable")
        kind, rows = kind[order], rows[order]
        new = ~self._addresses.answers[self._endpoint[rows]]
        new[1:] |= kind[1:] != kind[:-1]
        new[::LONGEST_RUN] = True
        return rows, np.flatnonzero(new)

    def _worth_runs(self, rows: Rows) -> bool:
        """Say whether many of *rows* go to few addresses; several that go to one stand side by side."""
        if len(rows) >= WORTH_RUNS * len(self._names):
            return True
        endpoint = self._endpoint[rows]
        return len(rows) >= WORTH_RUNS * (1 + int(np.count_nonzero(endpoint[1:] != endpoint[:-1])))

    def rest(self, rows: Rows) -> tuple[NDArray[np.uintp], NDArray[np.uintp]]:
        """Return where the message of each row lies behind its ID, and how long that is."""
        message = self._message[rows]
        return self._rest[message], self._rest_length[message]

    def names(self, rows: Rows) -> tuple[NDArray[np.uintp], NDArray[np.uint32]]:
        """Return where the socket address of each row's endpoint lies, and how long it is."""
        endpoint = self._endpoint[rows]
        return self._name_at[endpoint], self._name_length[endpoint]


def _copied(inbox: Inbox, rows: Rows | slice) -> Messages:
    """Return the datagrams in *rows*, in memory of their own, aligned (see ``Messages``)."""
    length = inbox.length[rows].astype(np.int64)
    if length.max() <= LONG:
        return _side_by_side(inbox, rows, length)
    long = np.flatnonzero(length > LONG)
    rows = np.arange(inbox.size)[rows]
    parts = [_side_by_side(inbox, rows[long[nth : nth + 1]], length[long[nth : nth + 1]]) for nth in range(len(long))]
    short = np.flatnonzero(length <= LONG)
    if len(short):
        parts.append(_side_by_side(inbox, rows[short], length[short]))
    return Messages.join(parts).take(np.argsort(np.concatenate([long, short])))


def _side_by_side(inbox: Inbox, rows: Rows | slice, length: NDArray[np.int64]) -> Messages:
    """Return the datagrams in *rows*, each in as much room as the longest takes."""
    width = (AHEAD + int(length.max()) + WORD - 1) // WORD * WORD
    size = len(length) * width
    octets = np.empty(size + HEAD * WORD, np.uint8)  # so much may be looked at from where the last one begins
    octets[:size].reshape(-1, width)[:, AHEAD:] = inbox.octets[rows, : width - AHEAD]
    return Messages(octets, np.arange(AHEAD, size, width), length)


def _of_icmp(extended_error: bytes) -> str | None:
    """Return ICMP's word that a datagram did not get there (sock_extended_err in linux/errqueue.h); None: no such."""
    number, origin = struct.unpack_from("=IB", extended_error)
    return os.strerror(number) if origin in FROM_ICMP and number != errno.EMSGSIZE else None
