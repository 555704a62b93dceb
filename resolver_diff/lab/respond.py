"""What a scenario says, as DNS messages. No socket, no clock.

A message is built once for each (question, resolver, transport, day, turn) and
kept; after that a reply costs a look-up and the query's ID.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache, partial
from hashlib import blake2b
from math import gcd

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from resolver_diff.lab.saying import Saying
from resolver_diff.lab.scenario import IDENTITY, Part, Scenario
from resolver_diff.tables import Outcome, TransportName
from resolver_diff.transports import Endpoint
from resolver_diff.wire import HEADER

Reply = tuple[float, bytes]  # seconds after the query, message

PAYLOAD = 1232  # octets over UDP (the usual EDNS size; what does not fit is truncated)
PLAIN_PAYLOAD = 512  # without EDNS (RFC 1035 2.3.4)
NEXT_REPLY = 0.005  # seconds between two replies to one query
QR = 0x80  # of the third octet
QNAME = b"\xc0\x0c"  # a pointer to the name in the question (RFC 1035 4.1.4)
REFUSED = Saying(Outcome.REFUSED, 5)
SOA_NAMES = "ns1.@ hostmaster.@"  # of the zone


@dataclass(frozen=True, slots=True)
class _Script:
    """Everything a resolver will say to one question on one day."""

    key: str  # what chance is drawn from
    drops: int  # attempts that stay unanswered
    loss: float
    refuses: bool  # as if nothing listened
    turns: tuple[tuple[Reply, ...], ...]  # the replies to the first query, the second, ... and round again


@dataclass(frozen=True, slots=True)
class _Query:
    """What a reply depends on of a query."""

    qname: str
    qtype: str
    rdclass: dns.rdataclass.RdataClass
    question: bytes
    flags: int
    payload: int  # octets over UDP
    edns: bool
    nsid: bool


NOTHING = _Script("", 0, 0.0, refuses=False, turns=((),))


def respond(
    scenario: Scenario, day: date, part: Part, transport: TransportName, query: bytes, turn: int, *, loss: float = 0.0
) -> list[Reply]:
    """Return the replies of a resolver to a query put to it for the *turn*-th time that day, from 0.

    An empty list is silence; *loss* is a share of UDP queries lost on the way, on top of
    the scenario's. Raises ConnectionRefusedError where nothing listens.
    """
    script = _script(scenario, day, part, transport, query[2:])
    if script.refuses:
        raise ConnectionRefusedError(f"nothing listens at {part.name}")
    if turn < script.drops or _chance(script.key, turn) < max(script.loss, loss if transport == "udp" else 0.0):
        return []
    return [(delay, query[:2] + tail) for delay, tail in script.turns[turn % len(script.turns)]]


def from_memory(
    scenario: Scenario, day: date, transport: TransportName, ports: dict[str, int]
) -> Callable[[Endpoint, bytes], list[Reply]]:
    """Return a function from where a query goes to the replies, for ``transports._replay``; it counts the turns."""
    parts = {port: scenario.parts[name] for name, port in ports.items()}
    asked: dict[tuple[int, bytes], int] = {}

    def replies(endpoint: Endpoint, query: bytes) -> list[Reply]:
        key = (endpoint.port, query[2:])
        turn = asked.get(key, 0)
        asked[key] = turn + 1
        return respond(scenario, day, parts[endpoint.port], transport, query, turn)

    return replies


def _chance(key: str, turn: int) -> float:
    """Return a number from 0 to 1 that is the same whenever it is asked for: stories must not depend on luck."""
    return int.from_bytes(blake2b(f"{key} {turn}".encode(), digest_size=4).digest(), "little") / 2**32


@lru_cache(maxsize=1 << 16)
def _script(scenario: Scenario, day: date, part: Part, transport: TransportName, tail: bytes) -> _Script:
    """Return the script for a query of which *tail* is everything behind the ID."""
    query = _read(tail)
    if query is None:
        return NOTHING
    if (query.rdclass == dns.rdataclass.CH) != (query.qname in IDENTITY):
        said, speaker = REFUSED, part
    else:
        said, speaker = scenario.said(day, part, transport, query.qname, query.qtype)
    udp = transport == TransportName.UDP
    key = f"{scenario.name} {day} {part.name} {transport} {query.qname} {query.qtype}"
    offset = int(_chance(key, 0) * 1000)  # resolvers fill their caches at different times
    each = partial(_replies, query, said, speaker, part.delay, udp=udp)
    turns = tuple(tuple(each(offset + turn)) for turn in range(_period(said, query)))
    loss = max(said.loss, part.loss) if udp else said.loss
    return _Script(key, part.drops if udp else 0, loss, said.outcome is Outcome.UNREACHABLE, turns)


@lru_cache(maxsize=1 << 14)
def _read(tail: bytes) -> _Query | None:
    """Read a query without its ID; null when it is none."""
    if not tail or tail[0] & QR:
        return None
    try:
        query = dns.message.from_wire(bytes(2) + tail)
        (asked,) = query.question
    except (dns.exception.DNSException, ValueError):
        return None
    question = asked.name.to_digestable() + struct.pack("!HH", asked.rdtype, asked.rdclass)
    return _Query(
        qname=asked.name.to_text(omit_final_dot=True).lower(),
        qtype=dns.rdatatype.to_text(asked.rdtype),
        rdclass=asked.rdclass,
        question=tail[HEADER - 2 : HEADER - 2 + len(question)],  # as it was written, for those who mix its case
        flags=query.flags & (dns.flags.RD | dns.flags.CD),
        payload=min(max(query.payload, PLAIN_PAYLOAD), PAYLOAD) if query.edns >= 0 else PLAIN_PAYLOAD,
        edns=query.edns >= 0,
        nsid=any(option.otype == dns.edns.OptionType.NSID for option in query.options),
    )


def _period(said: Saying, query: _Query) -> int:
    """Return after how many queries the answers come round again."""
    if said.pool is None:
        return 1
    several = len(replace(said, pool=None).rdata(query.qname, query.qtype))
    return several // gcd(several, said.pool) if several else 1


def _replies(query: _Query, said: Saying, speaker: Part, delay: float, turn: int, *, udp: bool) -> list[Reply]:
    """Return each reply without its ID."""
    replies = []
    one: Saying | None = said
    while one is not None:
        delay += one.delay
        if one.rcode is not None:
            replies.append((delay, _message(query, one, speaker, turn, udp=udp)))
        elif one.outcome is Outcome.MALFORMED:
            replies.append((delay, _header(query, 0, (1, 0, 0)) + query.question))  # it promises a record, and ends
        one, delay = one.then, delay + NEXT_REPLY
    return replies


def _message(query: _Query, said: Saying, speaker: Part, turn: int, *, udp: bool) -> bytes:
    """Return the message that says *said*, without its ID; truncated when it must be."""
    assert said.rcode is not None
    answers, owner = [], QNAME
    for target in said.cname:
        answers.append(_record(owner, "CNAME", "IN", said.ttl, f"{target}."))
        owner = dns.name.from_text(target).to_digestable()
    rdclass = query.rdclass.name
    answers += [
        _record(owner, query.qtype, rdclass, said.ttl, text) for text in said.rdata(query.qname, query.qtype, turn)
    ]
    zone = said.denier(query.qname, query.qtype)
    authority = [] if zone is None else [_soa(zone, said.ttl)]
    opt = [_opt(query, said, speaker)] if query.edns else []
    flags = said.rcode | (dns.flags.AA if said.aa else 0) | (dns.flags.AD if said.ad else 0)
    counts = (len(answers), len(authority), len(opt))
    wire = b"".join([_header(query, flags, counts), query.question, *answers, *authority, *opt])
    if not udp or not (said.tc or len(wire) + 2 > query.payload):
        return wire
    return b"".join([_header(query, flags | dns.flags.TC, (0, 0, len(opt))), query.question, *opt])


def _header(query: _Query, flags: int, counts: tuple[int, int, int]) -> bytes:
    """Return the header of a reply, without its ID (RFC 1035 4.1.1)."""
    return struct.pack("!HHHHH", dns.flags.QR | dns.flags.RA | query.flags | flags, 1, *counts)


@lru_cache(maxsize=1 << 14)
def _record(owner: bytes, rdtype: str, rdclass: str, ttl: int, text: str) -> bytes:
    """Return a resource record in wire format; nothing in it but the owner may be compressed."""
    rdata = dns.rdata.from_text(rdclass, rdtype, text)
    octets = rdata.to_digestable()
    return owner + struct.pack("!HHIH", rdata.rdtype, rdata.rdclass, ttl, len(octets)) + octets


def _soa(zone: str, ttl: int) -> bytes:
    owner, names = (".", "a.nic.invalid. hostmaster.nic.invalid.") if zone == "." else (f"{zone}.", SOA_NAMES)
    text = f"{names.replace('@', owner)} 2026020901 7200 3600 1209600 {ttl}"
    return _record(dns.name.from_text(owner).to_digestable(), "SOA", "IN", ttl, text)


def _opt(query: _Query, said: Saying, speaker: Part) -> bytes:
    """Return the OPT record of a reply: NSID if it was asked for (RFC 5001), and Extended DNS Errors (RFC 8914)."""
    options = [(dns.edns.OptionType.NSID, speaker.name.encode())] if query.nsid else []
    for nth, code in enumerate(said.ede):
        text = (said.ede_text or "") if nth == 0 else ""
        options.append((dns.edns.OptionType.EDE, struct.pack("!H", code) + text.encode()))
    octets = b"".join(struct.pack("!HH", code, len(value)) + value for code, value in options)
    return b"\0" + struct.pack("!HHIH", dns.rdatatype.OPT, PAYLOAD, 0, len(octets)) + octets
