"""DNS messages by hand: every octet may be a lie."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

HEADER = 12
OWNER = b"\xc0\x0c"  # a pointer to the question's name
QR, AA, TC, RD, RA, AD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020
RESPONSE = QR | RD | RA
A, NS, CNAME, SOA, TXT, AAAA, OPT, HTTPS = 1, 2, 5, 6, 16, 28, 41, 65
IN, CH, ANY = 1, 3, 255
NSID, EDE = 3, 15


@dataclass(frozen=True)
class Asked:
    """A query as a resolver got it; *earlier* are those for the same question that came before, first one first."""

    octets: bytes
    source: Any  # address and port it came from
    earlier: tuple["Asked", ...] = ()

    @property
    def ident(self) -> int:
        """Return the ID."""
        return int.from_bytes(self.octets[:2])

    @cached_property
    def end(self) -> int:
        """Return where the question ends."""
        return self.octets.index(b"\0", HEADER) + 5

    @property
    def question(self) -> bytes:
        """Return the question's octets."""
        return self.octets[HEADER : self.end]

    @property
    def qname(self) -> str:
        """Return the name asked for, in lower case."""
        labels, at = list[str](), HEADER
        while self.octets[at]:
            labels.append(self.octets[at + 1 : at + 1 + self.octets[at]].decode("latin-1").lower())
            at += 1 + self.octets[at]
        return ".".join(labels)

    @property
    def qtype(self) -> int:
        """Return the type asked for."""
        return int.from_bytes(self.octets[self.end - 4 : self.end - 2])

    @property
    def qclass(self) -> int:
        """Return the class asked for."""
        return int.from_bytes(self.octets[self.end - 2 : self.end])

    def reply(
        self,
        *answers: bytes,
        authority: Sequence[bytes] = (),
        additional: Sequence[bytes] = (),
        flags: int = RESPONSE,
        rcode: int = 0,
        ident: int | None = None,
        question: bytes | None = None,
        counts: Sequence[int | None] = (None, None, None, None),
    ) -> bytes:
        """Return a reply; *counts* are what its header claims about its four sections, None being the truth."""
        asked = self.question if question is None else question
        true = (1 if asked else 0, len(answers), len(authority), len(additional))
        claimed = [real if claim is None else claim for real, claim in zip(true, counts, strict=True)]
        number = self.ident if ident is None else ident & 0xFFFF
        header = struct.pack(">HH4H", number, flags | rcode, *claimed)
        return header + asked + b"".join((*answers, *authority, *additional))

    def honest(self) -> bytes:
        """Return what an honest resolver says: a record, or that there is no such name."""
        rdata = HONEST.get(self.qtype)
        if self.qclass == CH:
            return self.reply(rcode=5)
        if rdata is None or not self.qname.endswith(".example"):
            return self.reply(authority=[soa()], rcode=3)
        return self.reply(rr(self.qtype, rdata))


def named(text: str) -> bytes:
    """Return a name of plain labels as it stands in a message."""
    return b"".join(len(label).to_bytes() + label.encode("latin-1") for label in text.split(".") if label) + b"\0"


def labels(*parts: bytes) -> bytes:
    """Return a name of labels of any octets."""
    return b"".join(len(part).to_bytes() + part for part in parts) + b"\0"


def rr(
    kind: int, rdata: bytes, *, owner: bytes = OWNER, rdclass: int = IN, ttl: int = 60, size: int | None = None
) -> bytes:
    """Return a record; *size* is what it claims its RDATA to be."""
    return owner + struct.pack(">HHIH", kind, rdclass, ttl, len(rdata) if size is None else size) + rdata


def address(text: str, **more: Any) -> bytes:
    """Return an A record."""
    return rr(A, bytes(map(int, text.split("."))), **more)


def alias(target: str, owner: bytes = OWNER) -> bytes:
    """Return a CNAME record."""
    return rr(CNAME, named(target), owner=owner)


def text(octets: bytes) -> bytes:
    """Return a TXT record of one string."""
    return rr(TXT, len(octets).to_bytes() + octets)


def soa(zone: str = "example") -> bytes:
    """Return the SOA record of a zone."""
    return rr(SOA, named(f"ns.{zone}") + named(f"host.{zone}") + struct.pack(">5I", 1, 2, 3, 4, 5), owner=named(zone))


def opt(*options: bytes, owner: bytes = b"\0", extended: int = 0, version: int = 0) -> bytes:
    """Return an OPT record; *extended* is the upper part of the RCODE."""
    return rr(OPT, b"".join(options), owner=owner, rdclass=1232, ttl=extended << 24 | version << 16)


def option(code: int, octets: bytes, size: int | None = None) -> bytes:
    """Return an option; *size* is what it claims to be."""
    return struct.pack(">HH", code, len(octets) if size is None else size) + octets


def ede(code: int, octets: bytes = b"") -> bytes:
    """Return an Extended DNS Error."""
    return option(EDE, code.to_bytes(2) + octets)


HONEST = {
    A: bytes([192, 0, 2, 1]),
    AAAA: bytes.fromhex("20010db8000000000000000000000001"),
    NS: b"\2ns\7example\0",
    TXT: b"\x0bv=spf1 -all",
    HTTPS: bytes.fromhex("0001000001000302") + b"h2",
}
