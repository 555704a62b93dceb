"""One message, read: everything a row needs but the header and the TTLs.

Of the TTLs only the places are said, so that messages that differ in nothing
else share one reading. The answer is the RRset of the type asked for at the end
of the CNAME chain that starts at the name asked for; no other record counts.
"""

from struct import Struct
from struct import error as StructError  # noqa: N812  (it is an exception, and should look like one)
from typing import NamedTuple

import dns.rdatatype

from resolver_diff.wire import HEADER, edns
from resolver_diff.wire.names import POINTER, Known, MalformedError, read_name, skip_name
from resolver_diff.wire.rdata import ANY, CNAME, OPT, SOA, rdata_text, whole_name

TC = 0x02  # in the third octet of the header
RCODE = 0x0F  # in the fourth octet
NOERROR, NXDOMAIN = 0, 3
TYPE_AND_CLASS = 4  # octets
LONGEST_CHAIN = 32  # targets; resolvers give up after 8 to 17

_COUNTS = Struct(">4H")
_RECORD = Struct(">HHIH")  # TYPE, CLASS, TTL, RDLENGTH
_TTL_BEFORE_RDATA = 6  # octets: the TTL itself and RDLENGTH
_NO_TTL = b"\0\0\0\0"

Place = tuple[int, int, int]  # TYPE of a record, offset and size of its RDATA


class Question(NamedTuple):
    """What was asked; *qname* in lower-case presentation form without the final dot."""

    qname: str
    qtype: int
    qclass: int


class Reading(NamedTuple):
    """What one message says."""

    malformed: bool
    extended: int = 0  # the upper eight bits of the RCODE (RFC 6891 6.1.3)
    answer: str | None = None
    cname: str | None = None
    soa: str | None = None
    authority: int | None = None
    ede: list[int] | None = None
    ede_text: str | None = None
    nsid: str | None = None
    ttls: tuple[int, ...] = ()  # where the TTLs stand whose least one counts, in octets before the message's end


MALFORMED = Reading(malformed=True)


def read(reply: bytes, question: Question, *, echoed: bool) -> Reading:
    """Return what *reply* says about *question*; *echoed* when that is known to be its question section.

    ID and TTLs are zeroed before any name is read that could point into them: so no two
    messages that differ in these alone can be read differently.
    """
    try:
        return _Reader(reply, question, echoed=echoed).read()
    except MalformedError:
        return MALFORMED


class _Reader:
    """The state of reading one message."""

    def __init__(self, reply: bytes, question: Question, *, echoed: bool) -> None:
        if len(reply) < HEADER:
            raise MalformedError
        self.message = bytearray(reply)
        self.message[:2] = b"\0\0"
        self.question = question
        self.echoed = echoed
        self.known: Known = {}
        self.asked_for: dict[str, list[Place]] = {}  # by owner
        self.aliases: dict[str, Place] = {}  # by owner
        self.authority = 0
        self.soa: str | None = None
        self.soa_ttl = 0  # its offset
        self.extended: int | None = None
        self.options = edns.NONE

    def read(self) -> Reading:
        try:
            self._read_sections()
        except (IndexError, StructError):
            if not self.message[2] & TC:
                raise MalformedError from None
        extended = self.extended or 0
        rcode = extended << 4 | self.message[3] & RCODE
        name, targets, ttls = self._follow()
        answer = None
        if rcode == NOERROR and name in self.asked_for:
            records = self.asked_for[name]
            answer = self._texts(records)
            ttls += [at - _TTL_BEFORE_RDATA for _, at, _ in records]
        elif rcode == NOERROR and self.message[2] & TC:
            raise MalformedError  # what it says is cut off: that is no denial (RFC 2181 9)
        else:
            ttls = [self.soa_ttl] if self.soa is not None and rcode in {NOERROR, NXDOMAIN} else []
        return Reading(
            False,  # noqa: FBT003  # malformed; by place, for this is made for each distinct message
            extended,
            answer,
            " ".join(targets) or None,
            self.soa,
            self.authority,
            *self.options,
            tuple([len(self.message) - ttl for ttl in ttls]),
        )

    def _read_sections(self) -> None:
        """Find the records that count; raises IndexError or struct.error where the message ends too early."""
        questions, answers, authorities, additionals = _COUNTS.unpack_from(self.message, 4)
        at = HEADER
        for _ in range(questions):
            at = skip_name(self.message, at) + TYPE_AND_CLASS
        if at > len(self.message):
            raise IndexError
        for _ in range(answers):
            at = self._read_answer(at)
        for _ in range(authorities):
            at = self._read_authority(at)
        for _ in range(additionals):
            at = self._read_additional(at)

    def _read_answer(self, at: int) -> int:
        message, question = self.message, self.question
        if self.echoed and message[at] == POINTER and message[at + 1] == HEADER:
            owner, at = question.qname, at + 2
        else:
            owner, at = read_name(message, at, self.known)
        kind, rdclass, _, rdata, size = self._read_record(at)
        if rdclass == question.qclass:
            if question.qtype in {kind, ANY}:
                self.asked_for.setdefault(owner, []).append((kind, rdata, size))
            elif kind == CNAME:
                self.aliases.setdefault(owner, (kind, rdata, size))
        return rdata + size

    def _read_authority(self, at: int) -> int:
        after = skip_name(self.message, at)
        kind, _, _, rdata, size = self._read_record(after)
        if kind == SOA and self.soa is None:
            self.soa = read_name(self.message, at, self.known)[0] or "."
            self.soa_ttl = rdata - _TTL_BEFORE_RDATA
        self.authority += 1
        return rdata + size

    def _read_additional(self, at: int) -> int:
        kind, _, ttl, rdata, size = self._read_record(skip_name(self.message, at))
        if kind == OPT and self.message[at] == 0 and self.extended is None:  # its owner is the root (RFC 6891 6.1.2)
            self.extended = ttl >> 24
            self.options = edns.read_options(bytes(self.message[rdata : rdata + size]))
        return rdata + size

    def _read_record(self, at: int) -> tuple[int, int, int, int, int]:
        """Return TYPE, CLASS, TTL, offset and size of the RDATA of the record whose TYPE is at *at*; zero its TTL."""
        kind, rdclass, ttl, size = _RECORD.unpack_from(self.message, at)
        rdata = at + _RECORD.size
        if rdata + size > len(self.message):
            raise IndexError
        if kind != OPT:
            self.message[at + 4 : at + 8] = _NO_TTL
        return kind, rdclass, ttl, rdata, size

    def _follow(self) -> tuple[str, list[str], list[int]]:
        """Return the name at the end of the CNAME chain, the targets on the way, and where their TTLs stand.

        A chain that comes back to a name it has left ends there, and so does one longer than
        resolvers follow: the text of thousands of aliases must not fill the memory.
        """
        name = self.question.qname
        met, targets, ttls = {name}, list[str](), list[int]()
        while name not in self.asked_for and name in self.aliases and len(targets) < LONGEST_CHAIN:
            _, at, size = self.aliases[name]
            name = whole_name(self.message, at, size, self.known)
            targets.append(name or ".")
            ttls.append(at - _TTL_BEFORE_RDATA)
            if name in met:
                break
            met.add(name)
        return name, targets, ttls

    def _texts(self, records: list[Place]) -> str:
        """Return the RDATA of an RRset: each once, sorted; after its type where every type was asked for."""
        rdclass = self.question.qclass
        texts = [rdata_text(self.message, at, size, kind, rdclass, self.known) for kind, at, size in records]
        if self.question.qtype == ANY:
            texts = [
                f"{dns.rdatatype.RdataType.to_text(kind)}\\032{text}"
                for (kind, _, _), text in zip(records, texts, strict=True)
            ]
        return " ".join(sorted(set(texts)))
