"""What hostile resolvers do, and the rows that a correct measurement records of it.

A family: every file here defines ``CASES``. In each case one resolver on loopback
answers everything honestly but one question, that for ODD, and there it does what
the case says. All cases are asked in one run, side by side with honest resolvers,
by ``_matrix``; nothing a case does may change any other row of that run.

A case of another transport brings its own ``host``; the table, the run and the
test stay as they are.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from misbehaviours._messages import Asked

ODD = "odd.example"
PLAIN = ("plain-0.example", "plain-1.example")  # answered honestly by every resolver
CONTROL = "control.example"  # as these, and asked before and after them
QTYPES = ("A", "AAAA", "NS", "TXT", "HTTPS")
GOOD = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "NS": "ns.example.",
    "TXT": '"v=spf1\\032-all"',
    "HTTPS": '1\\032.\\032alpn="h2"',
}  # what an honest answer is
FORGED = "203.0.113.66"  # what a forger would have us believe
TTL = 60

Row = dict[str, Any]  # column -> value; what stands in ALWAYS and is not named here is null
ALWAYS = (
    *("attempt", "reply", "outcome", "rcode", "tc", "answer", "cname", "ttl", "soa", "ede", "ede_text", "nsid"),
    "trouble",
)


@dataclass(frozen=True)
class Wait:
    """Say nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Raw:
    """Octets on a stream that are no frame."""

    octets: bytes


@dataclass(frozen=True)
class Trickle:
    """A framed message on a stream, one octet at a time."""

    octets: bytes


@dataclass(frozen=True)
class Naked:
    """Octets on the connection that carries TLS, not encrypted."""

    octets: bytes


@dataclass(frozen=True)
class Elsewhere:
    """A datagram from another socket than the one asked: another ``port``, another ``address``, a ``neighbour``."""

    place: str
    octets: bytes


@dataclass(frozen=True)
class To:
    """A datagram to whoever sent another query than this one."""

    asked: Asked
    octets: bytes


class Do(Enum):
    """What can be done to a connection, or to a sender, besides sending messages."""

    UNREACHABLE = "ICMP: port unreachable"
    HEAR = "wait until something comes"
    CLOSE = "close"
    RESET = "reset"
    HALF_CLOSE = "close one's own direction"
    STALL = "read nothing and say nothing any more"
    CUT = "close the connection that carries TLS, without the farewell that TLS has"


Step = bytes | Wait | Raw | Trickle | Naked | Elsewhere | To | Do
Play = Callable[[Asked], Iterable[Step]]


class Host(Protocol):
    """A resolver that plays a case; made anywhere, opened and closed in the loop it runs in."""

    fields: dict[str, Any]  # what its entry in resolvers.yaml says: address, port, hostname, ca ...

    def open(self) -> Awaitable[None]:
        """Begin to answer."""

    def close(self) -> Awaitable[None]:
        """Leave the sockets."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One misbehaviour, and the rows about ODD that it must lead to."""

    name: str  # also that of the resolver
    does: str  # a sentence for a person
    rows: tuple[Row, ...]  # in order of attempt and reply
    transport: str = "udp"
    qtype: str = "A"  # of the question that is answered in that way
    udp: Play | None = None  # what comes over UDP; None: an honest answer
    tcp: Play | None = None  # what comes over TCP
    control: Play | None = None  # what comes over UDP just before the answer about CONTROL
    greeting: tuple[Step, ...] = ()  # what comes as soon as a connection stands
    listens: tuple[str, ...] = ("udp", "tcp")  # "mute": it hears UDP and says nothing
    aside: bool = False  # over TCP, other queries are answered meanwhile
    then: tuple[Step, ...] = ()  # what comes on a connection after each reply, whatever was asked
    address: str = "127.0.0.1"
    needs: str | None = None  # what not every system allows: "address" for 127.0.0.2, "raw" for raw sockets
    rest: str = "answer"  # how all other questions to the same resolver end
    host: "Callable[[Case | None, str], Host] | None" = None  # from a case (None: be honest) and an address; not Do53


def answered(*rdata: str, **more: Any) -> Row:
    """Return the row of an answer; without *rdata* the honest one."""
    answer = " ".join(sorted(rdata or (GOOD["A"],)))
    return said("answer", 0, **{"answer": answer, "ttl": TTL, **more})


def said(outcome: str, rcode: int, **more: Any) -> Row:
    """Return the row of a message that came."""
    return {"attempt": 0, "reply": 0, "outcome": outcome, "rcode": rcode, "tc": False, **more}


def malformed(**more: Any) -> Row:
    """Return the row of a message that breaks the format behind its header."""
    return said("malformed", **{"rcode": 0, **more})


def nothing(outcome: str = "timeout", **more: Any) -> Row:
    """Return the row of a query that no message answered."""
    return {"attempt": 0, "outcome": outcome, **more}


def twice(row: Row) -> tuple[Row, ...]:
    """Return *row*, and the same of the second attempt."""
    return row, {**row, "attempt": 1}
