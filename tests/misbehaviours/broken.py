"""UDP: replies whose octets break the format, or stretch it."""

from collections.abc import Callable

from misbehaviours import FORGED, GOOD, Case, Row, answered, malformed, said, twice
from misbehaviours._messages import (
    AAAA,
    ANY,
    CH,
    CNAME,
    HEADER,
    HTTPS,
    OPT,
    OWNER,
    TXT,
    A,
    Asked,
    address,
    alias,
    labels,
    named,
    rr,
    soa,
    text,
)

LONG = b"\x3f" + b"x" * 63
AT = HEADER + len(named("odd.example")) + 4  # where the first record of a reply begins
PARTS = {
    "at its owner": 2,
    "at its type": 4,
    "at its class": 6,
    "in its TTL": 10,
    "at its length": 12,
    "in its RDATA": 16,
}
ADDRESS = bytes([203, 0, 113, 66])


def case(name: str, does: str, say: Callable[[Asked], bytes], *rows: Row, qtype: str = "A") -> Case:
    """Return a case with one reply; without *rows* it is malformed, and asked for again."""
    expected = rows or twice(malformed())
    return Case(name=f"udp-{name}", does=does, udp=lambda asked: [say(asked)], rows=expected, qtype=qtype)


def owned(name: str, does: str, owner: bytes, *rows: Row) -> Case:
    """Return a case with one address, of *owner*."""
    return case(name, does, lambda asked: asked.reply(address(FORGED, owner=owner)), *rows)


def sized(name: str, does: str, rdata: bytes, kind: int = A, qtype: str = "A", size: int | None = None) -> Case:
    """Return a case with one record of an impossible size."""
    return case(name, does, lambda asked: asked.reply(rr(kind, rdata, size=size)), qtype=qtype)


def counted(name: str, does: str, *counts: int | None, row: Row | None = None) -> Case:
    """Return a case with two addresses, and a header that counts otherwise."""
    rows = [row] if row else []
    return case(name, does, lambda asked: asked.reply(address("192.0.2.1"), address("192.0.2.2"), counts=counts), *rows)


def cut(at: int) -> Case:
    """Return a case with a reply cut so many octets into its record, and then the whole one."""
    part = next(part for part, end in PARTS.items() if at < end)
    return Case(
        name=f"udp-cut-{at}",
        does=f"A reply cut {at} octets behind its question, {part}, then the whole one",
        udp=lambda asked: [asked.honest()[: AT + at], asked.honest()],
        rows=(malformed(), answered(reply=1)),
    )


CASES = (
    *(cut(at) for at in range(16)),
    owned("pointer-self", "An owner that is a pointer to itself", (0xC000 | AT).to_bytes(2)),
    owned("pointer-loop", "An owner of a label and a pointer to it", b"\1a" + (0xC000 | AT).to_bytes(2)),
    owned("pointer-forward", "An owner that points forward", (0xC000 | AT + 8).to_bytes(2)),
    owned("pointer-beyond", "An owner that points beyond the end", b"\xff\xff"),
    owned("pointer-last", "An owner that points at the message's last octet", (0xC000 | AT + 15).to_bytes(2)),
    owned("pointer-header", "An owner that points into the header, where a 0 ends it: the root", b"\xc0\x04",
          said("nodata", 0)),
    owned("pointer-ttl", "An owner that points into the question's type", (0xC000 | AT - 4).to_bytes(2),
         said("nodata", 0)),
    case("pointer-chain", "Two owners that point to each other", lambda asked: asked.reply(
        address(FORGED, owner=(0xC000 | AT + 16).to_bytes(2)), address(FORGED, owner=(0xC000 | AT).to_bytes(2)))),
    owned("label-40", "An owner with the label type 0x40", b"\x41" + b"x" * 65 + b"\0"),
    owned("label-80", "An owner with the label type 0x80", b"\x81x\0"),
    owned("name-long", "An owner of more than 255 octets", LONG * 4 + b"\0"),
    owned("name-long-pointer", "An owner of more than 255 octets by way of a pointer",
         LONG * 3 + b"\x38" + b"x" * 56 + OWNER),
    owned("name-endless", "An owner whose labels run on to the end", LONG * 2 + b"\x3f"),
    counted("ancount-more", "One record less than ANCOUNT says", None, 3, 0, 0),
    counted("ancount-fewer", "One record more than ANCOUNT says: what is not counted is not there", None, 1, 0, 0,
         row=answered()),
    counted("ancount-none", "Two records, and all counts are 0", None, 0, 0, 0, row=said("nodata", 0)),
    counted("ancount-65535", "ANCOUNT 65535 for two records", None, 65535, 0, 0),
    counted("all-counts", "All counts 65535 but the questions'", None, 65535, 65535, 65535),
    counted("nscount-more", "NSCOUNT 5 without a record", None, 2, 5, 0),
    counted("arcount-more", "ARCOUNT 5 without a record", None, 2, 0, 5),
    sized("rdlength-more", "An RDLENGTH beyond the end", ADDRESS, size=400),
    sized("rdlength-max", "An RDLENGTH of 65535", ADDRESS, size=65535),
    sized("rdlength-none", "An RDLENGTH of 0 for four octets, and a record counted after it", ADDRESS, size=0),
    sized("a-0", "An A record of no octets", b""),
    sized("a-3", "An A record of 3 octets", ADDRESS[:3]),
    sized("a-5", "An A record of 5 octets", ADDRESS + b"\0"),
    sized("aaaa-4", "An AAAA record of 4 octets", ADDRESS, AAAA, "AAAA"),
    sized("aaaa-17", "An AAAA record of 17 octets", bytes(17), AAAA, "AAAA"),
    case("a-good-and-bad", "A good A record beside one of 3 octets", lambda asked: asked.reply(
        address(FORGED), rr(A, ADDRESS[:3]))),
    sized("txt-overrun", "A TXT string that is longer than its record", b"\x20abc", TXT, "TXT"),
    sized("txt-none", "A TXT record without a string", b"", TXT, "TXT"),
    sized("https-cut", "An HTTPS record cut inside a parameter", b"\0\1\0\0\1\0\x10\2h2", HTTPS, "HTTPS"),
    sized("https-order", "An HTTPS record whose parameters are out of order", b"\0\1\0\0\3\0\2\1\xbb\0\1\0\3\2h2",
         HTTPS, "HTTPS"),
    sized("https-twice", "An HTTPS record with one parameter twice", b"\0\1\0\0\3\0\2\1\xbb\0\3\0\2\1\xbb", HTTPS,
         "HTTPS"),
    sized("https-target", "An HTTPS record whose target never ends", b"\0\1\x09x", HTTPS, "HTTPS"),
    sized("cname-cut", "An alias whose target never ends", b"\x0aa", CNAME),
    sized("cname-loop", "An alias whose target points to itself", (0xC000 | AT + 12).to_bytes(2), CNAME),
    sized("cname-more", "An alias with more octets than its target", named("b.example") + b"\0", CNAME),
    case("junk", "64 octets of junk behind the last record", lambda asked: asked.honest() + b"\xff" * 64,
         answered(size=109)),
    case("junk-message", "A second message behind the first in one datagram",
         lambda asked: asked.honest() + asked.reply(address(FORGED)), answered()),
    case("class-ch", "An A record of class CH", lambda asked: asked.reply(rr(A, ADDRESS, rdclass=CH)),
         said("nodata", 0)),
    case("class-any", "A record of class ANY, from which some readers never recover",
         lambda asked: asked.reply(rr(HTTPS, b"\0\1\0", rdclass=ANY), address("192.0.2.1")), answered()),
    case("class-any-only", "The record asked for, of class ANY", lambda asked: asked.reply(
        rr(HTTPS, b"\0\1\0", rdclass=ANY)), said("nodata", 0), qtype="HTTPS"),
    case("unknown-type", "A record of a type nobody knows beside the answer",
         lambda asked: asked.reply(rr(65280, bytes(range(256))), address("192.0.2.1")), answered()),
    case("opt-in-answer", "An OPT record among the answers", lambda asked: asked.reply(
        rr(OPT, b"", owner=b"\0", rdclass=1232), address("192.0.2.1")), answered()),
    case("ttl-max", "The largest TTL there is", lambda asked: asked.reply(address("192.0.2.1", ttl=2**31 - 1)),
         answered(ttl=2**31 - 1)),
    case("ttl-negative", "A TTL above 2^31 - 1: counts as 0 (RFC 2181 8)", lambda asked: asked.reply(
        address("192.0.2.1", ttl=2**31 + 5)), answered(ttl=0)),
    case("ttl-ffffffff", "A TTL of 2^32 - 1 beside one of 60", lambda asked: asked.reply(
        address("192.0.2.1"), address("192.0.2.2", ttl=2**32 - 1)), answered("192.0.2.1", "192.0.2.2", ttl=0)),
    case("label-nul", "An alias with a NUL in a label", lambda asked: asked.reply(
        rr(CNAME, labels(b"a\0b", b"example"))), said("nodata", 0, cname="a\\000b.example")),
    case("label-dot", "An alias with a dot in a label", lambda asked: asked.reply(
        rr(CNAME, labels(b"a.b", b"example"))), said("nodata", 0, cname="a\\.b.example")),
    case("label-space", "An alias with a space in a label", lambda asked: asked.reply(
        rr(CNAME, labels(b"a b", b"example"))), said("nodata", 0, cname="a\\032b.example")),
    case("label-ansi", "An alias with an ANSI escape in a label", lambda asked: asked.reply(
        rr(CNAME, labels(b"\x1b[2J", b"example"))), said("nodata", 0, cname="\\027[2j.example")),
    case("label-utf8", "An alias with UTF-8 in a label", lambda asked: asked.reply(
        rr(CNAME, labels("bü".encode(), b"example"))), said("nodata", 0, cname="b\\195\\188.example")),
    case("label-formula", "An alias that a spreadsheet would run", lambda asked: asked.reply(
        rr(CNAME, labels(b"=cmd|'/c calc'!a1", b"example"))), said("nodata", 0, cname="=cmd|'/c\\032calc'!a1.example")),
    case("alias-root", "An alias to the root", lambda asked: asked.reply(rr(CNAME, b"\0")),
         said("nodata", 0, cname=".")),
    case("large", "A reply of 65,507 octets, the most that UDP over IPv4 carries", lambda asked: filled(asked, 65_507),
         answered(size=65_507)),
    case("addresses-4000", "4,000 A records", lambda asked: asked.reply(
        *(address(f"198.18.{number >> 8}.{number & 255}") for number in range(4000))),
        answered(*(f"198.18.{number >> 8}.{number & 255}" for number in range(4000)))),
    case("addresses-same", "One A record 1,000 times: an RRset has it once (RFC 2181 5)", lambda asked: asked.reply(
        *[address("192.0.2.1")] * 1000), answered()),
    case("txt-formula", "A TXT string that a spreadsheet would run", lambda asked: asked.reply(
        text(b'=HYPERLINK("http://x")')), answered('"=HYPERLINK(\\"http://x\\")"'), qtype="TXT"),
    case("txt-ansi", "A TXT string that clears the screen", lambda asked: asked.reply(text(b"\x1b[2J\x07\r\n\0")),
         answered('"\\027[2J\\007\\013\\010\\000"'), qtype="TXT"),
    case("txt-octets", "A TXT string of every octet from 128 up",
         lambda asked: asked.reply(text(bytes(range(128, 256)))),
         answered('"' + "".join(f"\\{octet}" for octet in range(128, 256)) + '"'), qtype="TXT"),
    case("aaaa-mapped", "An IPv4 address as an IPv6 one", lambda asked: asked.reply(
        rr(AAAA, bytes(10) + b"\xff\xff" + ADDRESS)), answered(f"::ffff:{FORGED}"), qtype="AAAA"),
    case("soa-cut", "An SOA in AUTHORITY whose owner never ends", lambda asked: asked.reply(
        rcode=3, authority=[soa()[:5]]), *twice(malformed(rcode=3))),
    case("aliases-and-address", "An alias and an address of one name: the address answers", lambda asked: asked.reply(
        alias("b.example"), address(GOOD["A"])), answered()),
)  # fmt: skip


def filled(asked: Asked, size: int) -> bytes:
    """Return the honest answer with strings of another name up to *size* octets."""
    honest = asked.honest()
    fill = size - len(honest) - 11
    more = rr(TXT, bytes(fill), owner=b"\0")
    return asked.reply(address("192.0.2.1"), more)
