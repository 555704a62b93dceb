"""DNS messages over a byte stream, each behind two octets of length (RFC 1035 4.2.2), many on one connection.

Queries are pipelined and replies may come in any order (RFC 7766); the ID says which query a reply is to.
"""

import secrets
import time
from collections import deque

from resolver_diff.transports import Trouble
from resolver_diff.transports._connection import Ask, Connect, End, Keeper, TcpConnection
from resolver_diff.transports._connections import ConnectionSession
from resolver_diff.transports._ledger import KEPT_REPLIES
from resolver_diff.transports._line import Line
from resolver_diff.transports._rounds import IDS
from resolver_diff.wire import HEADER, QR

PIPELINE = 256  # unanswered queries on one connection
MOST_STRAYS = 16  # responses to nothing that was asked, before a connection is left


def stream_session(connect: Connect, *, padding: bool = False) -> ConnectionSession:
    """Return a session on connections that *connect* makes; *padding* is for those that hide all but lengths."""
    return ConnectionSession(connect, Framed, most=PIPELINE, padding=padding)


class Framed(TcpConnection):
    """One connection: frames out, frames in."""

    def __init__(self, line: Line, session: Keeper) -> None:
        super().__init__(line, session)
        self._all: dict[int, Ask] = {}  # by ID, answered ones too: a second reply is a fact
        self._buffer = bytearray()
        self._strays = 0

    @property
    def garbled(self) -> bool:
        """See ``Connection``; it may be no message, but what a wrong length makes of others."""
        return bool(self._buffer)

    def write(self, queue: deque[Ask], most: int) -> None:
        """See ``Connection``; each query gets an ID that was not used on this connection."""
        assert self.transport is not None
        frames: list[bytes] = []
        for place in range(self.asked, self.asked + most):
            ask = queue.popleft()
            ask.place = place
            identifier = secrets.randbelow(IDS)
            while identifier in self._all:
                identifier = (identifier + 1) % IDS
            ask.written, ask.sent = self._session.now(), time.time_ns()
            self.open[identifier] = self._all[identifier] = ask
            frames.append((len(ask.octets) + 2).to_bytes(2, "big") + identifier.to_bytes(2, "big") + ask.octets)
        self.asked += most
        self.transport.writelines(frames)  # over TLS each is a record: of several in one, dnsdist 1.7 reads the first

    def forget(self, ask: Ask) -> None:
        """See ``Connection``."""
        del self.open[next(identifier for identifier, other in self.open.items() if other is ask)]

    def linger(self) -> bool:
        """See ``Connection``: late are replies to what was given up; to what is asked again there are others."""
        again = set(map(id, self.open.values()))
        self._all = {each: ask for each, ask in self._all.items() if not ask.replies and id(ask) not in again}
        self.open.clear()
        self.lingers = bool(self._all) and not self._buffer and self.lost is None
        return self.lingers

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        now = time.time_ns()
        buffer = self._buffer
        buffer += data
        begin = 0
        while len(buffer) >= begin + 2:
            end = begin + 2 + int.from_bytes(buffer[begin : begin + 2], "big")
            if len(buffer) < end:
                break
            message = bytes(buffer[begin + 2 : end])
            begin = end
            known = self._all.get(int.from_bytes(message[:2], "big")) if len(message) >= HEADER else None
            ask = known if known is not None and _is_about(known, message) else None
            if ask is None and self.lingers and self._strays < PIPELINE:  # to what is asked again elsewhere
                self._strays += 1
                continue
            if ask is None or ask.replies == KEPT_REPLIES:
                self._session.stray()
                self._strays += 1
                is_message = known is not None or (len(message) >= HEADER and message[2] & QR)
                if ask is None and self._strays < MOST_STRAYS and is_message:
                    continue  # a response to nothing that was asked here (RFC 7766 7): the next one may be
                # a wrong length makes rubbish of all that follows
                self._line.ended(self, Trouble.MALFORMED, "a message that answers no query")
                self.abort()
                return
            ask.replies += 1
            self.answered(ask)
            self.open.pop(int.from_bytes(message[:2], "big"), None)
            self._session.ends.append(End(ask, now, None, message))
        del buffer[:begin]
        self.pause_when_full()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        super().connection_lost(exc)
        if self._buffer and self.lost_by != Trouble.TLS:
            self._line.ended(self, Trouble.MALFORMED, "the connection ended in the middle of a message")
        else:
            self._line.ended(self, self.lost_by, self.lost)


def _is_about(ask: Ask, message: bytes) -> bool:
    """Say whether *message* may be a reply to *ask*; what is none takes the place of none.

    The ledger looks closer. A reply to what could not be read has no question.
    """
    if not message[2] & QR:
        return False
    begin = HEADER - 2  # *ask* has no ID
    end = ask.octets.index(b"\0", begin) + 5
    return message[4:6] == b"\0\0" or message[HEADER : end + 2].lower() == ask.octets[begin:end].lower()
