"""UDP: replies that keep the format and lie, or contradict themselves, in what their records say."""

from collections.abc import Callable
from itertools import pairwise

from misbehaviours import FORGED, Case, Row, answered, said
from misbehaviours._messages import (
    AA,
    AAAA,
    AD,
    NS,
    RA,
    RESPONSE,
    SOA,
    Asked,
    address,
    alias,
    named,
    opt,
    rr,
    soa,
)

LONGEST_CHAIN = 32  # targets that are kept; resolvers give up after 8 to 17
Z = 0x0040  # the reserved bit of the header


def case(name: str, does: str, say: Callable[[Asked], bytes], *rows: Row, qtype: str = "A") -> Case:
    """Return a case with one reply."""
    return Case(name=f"udp-{name}", does=does, udp=lambda asked: [say(asked)], rows=rows, qtype=qtype)


def step(number: int) -> str:
    """Return a name of a long chain."""
    return f"step-{number}.example"


def chain(asked: Asked, length: int) -> bytes:
    """Return a reply with so many aliases, one after the other, and an address at the end."""
    names = ["odd.example", *map(step, range(length))]
    aliases = [alias(target, owner=named(owner)) for owner, target in pairwise(names)]
    return asked.reply(*aliases, address("192.0.2.1", owner=named(names[-1])))


def below(owner: str) -> bytes:
    """Return the forger's address as that of another name."""
    return address(FORGED, owner=named(owner))


CASES = (
    case("cname-self", "An alias to itself", lambda asked: asked.reply(alias("odd.example")),
         said("nodata", 0, cname="odd.example")),
    case("cname-circle", "Two aliases that lead to each other, and an address of neither", lambda asked: asked.reply(
        alias("b.example"), alias("odd.example", owner=named("b.example")), below("c.example")),
        said("nodata", 0, cname="b.example odd.example")),
    case("cname-chain-8", "A chain of 8 aliases", lambda asked: chain(asked, 8),
         answered(cname=" ".join(map(step, range(8))))),
    case("cname-chain-100", "A chain of 100 aliases: further than anybody follows", lambda asked: chain(asked, 100),
         said("nodata", 0, cname=" ".join(map(step, range(LONGEST_CHAIN))))),
    case("cname-backwards", "A chain in the wrong order, which still is one", lambda asked: asked.reply(
        address("192.0.2.1", owner=named("b.example")), alias("b.example", owner=named("a.example")),
         alias("a.example")),
        answered(cname="a.example b.example")),
    case("cname-other", "An alias, and an address of another name than its target",
         lambda asked: asked.reply(alias("b.example"), below("c.example")), said("nodata", 0, cname="b.example")),
    case("cname-two", "Two aliases of one name: the first counts", lambda asked: asked.reply(
        alias("b.example"), alias("c.example"), address("192.0.2.1", owner=named("b.example")), below("c.example")),
        answered(cname="b.example")),
    case("other-owner", "An address of another name", lambda asked: asked.reply(below("www.odd.example")),
         said("nodata", 0)),
    case("other-owner-too", "An address of the name asked, and one of another", lambda asked: asked.reply(
        address("192.0.2.1"), below("www.odd.example")), answered()),
    case("root-owner", "An address of the root", lambda asked: asked.reply(address(FORGED, owner=b"\0")),
         said("nodata", 0)),
    case("parent-owner", "An address of the zone above", lambda asked: asked.reply(below("example")),
         said("nodata", 0)),
    case("other-type", "An AAAA record for an A question", lambda asked: asked.reply(rr(AAAA, bytes(16))),
         said("nodata", 0)),
    case("authority-address", "The address in AUTHORITY", lambda asked: asked.reply(authority=[address(FORGED)]),
         said("nodata", 0, authority=1)),
    case("additional-address", "The address in ADDITIONAL", lambda asked: asked.reply(additional=[address(FORGED)]),
         said("nodata", 0)),
    case("unspecified", "The address 0.0.0.0", lambda asked: asked.reply(address("0.0.0.0")), answered("0.0.0.0")),
    case("loopback", "An address of the asker's own machine", lambda asked: asked.reply(address("127.0.0.1")),
         answered("127.0.0.1")),
    case("servfail-address", "SERVFAIL with an address", lambda asked: asked.reply(address(FORGED), rcode=2),
         said("servfail", 2)),
    case("nxdomain-address", "NXDOMAIN with an address", lambda asked: asked.reply(address(FORGED), rcode=3),
         said("nxdomain", 3)),
    case("refused-address", "REFUSED with an address", lambda asked: asked.reply(address(FORGED), rcode=5),
         said("refused", 5)),
    case("notimp-address", "NOTIMP with an address", lambda asked: asked.reply(address(FORGED), rcode=4),
         said("other-rcode", 4)),
    case("rcode-15", "An RCODE that means nothing", lambda asked: asked.reply(rcode=15), said("other-rcode", 15)),
    case("nxdomain", "NXDOMAIN with its zone's SOA", lambda asked: asked.reply(rcode=3, authority=[soa()]),
         said("nxdomain", 3, soa="example", ttl=60, authority=1)),
    case("nxdomain-bare", "NXDOMAIN without an SOA", lambda asked: asked.reply(rcode=3),
         said("nxdomain", 3, authority=0)),
    case("nxdomain-aa", "NXDOMAIN that claims authority, without an SOA",
         lambda asked: asked.reply(rcode=3, flags=RESPONSE | AA), said("nxdomain", 3, aa=True)),
    case("nxdomain-other-soa", "NXDOMAIN with the SOA of a zone that has nothing to do with it",
         lambda asked: asked.reply(rcode=3, authority=[soa("elsewhere.test")]),
         said("nxdomain", 3, soa="elsewhere.test", ttl=60)),
    case("nxdomain-root-soa", "NXDOMAIN with the root's SOA", lambda asked: asked.reply(rcode=3, authority=[soa(".")]),
         said("nxdomain", 3, soa=".", ttl=60)),
    case("nxdomain-cname", "NXDOMAIN at the end of an alias (RFC 2308 2.1)", lambda asked: asked.reply(
        alias("b.example"), rcode=3, authority=[soa()]), said("nxdomain", 3, cname="b.example", soa="example", ttl=60)),
    case("soa-broken", "NXDOMAIN whose SOA record is empty", lambda asked: asked.reply(
        rcode=3, authority=[rr(SOA, b"", owner=named("example"))]), said("nxdomain", 3, soa="example", ttl=60)),
    case("soa-answer", "NODATA with the SOA among the answers", lambda asked: asked.reply(soa()), said("nodata", 0)),
    case("soa-two", "Two SOA records: the first counts", lambda asked: asked.reply(
        rcode=3, authority=[soa(), soa("elsewhere.test")]), said("nxdomain", 3, soa="example", ttl=60, authority=2)),
    case("nodata", "NODATA with its zone's SOA", lambda asked: asked.reply(authority=[soa()]),
         said("nodata", 0, soa="example", ttl=60)),
    case("nodata-bare", "NOERROR and nothing else", lambda asked: asked.reply(), said("nodata", 0, authority=0)),
    case("referral", "A referral to the root's servers", lambda asked: asked.reply(
        authority=[rr(NS, named("a.root-servers.net"), owner=b"\0")], flags=RESPONSE & ~RA),
        said("nodata", 0, authority=1, ra=False)),
    case("extended-rcode", "BADVERS, an RCODE of 16",
         lambda asked: asked.reply(additional=[opt(extended=1, version=1)]),
         said("other-rcode", 16)),
    case("extended-rcode-nxdomain", "NXDOMAIN whose OPT makes it RCODE 4083", lambda asked: asked.reply(
        rcode=3, additional=[opt(extended=255)]), said("other-rcode", 4083)),
    case("extended-rcode-address", "BADVERS with an address", lambda asked: asked.reply(
        address(FORGED), additional=[opt(extended=1)]), said("other-rcode", 16)),
    case("edns-version", "EDNS version 255 in an answer", lambda asked: asked.reply(
        address("192.0.2.1"), additional=[opt(version=255)]), answered()),
    case("flags", "An answer that claims everything: AA, AD and the reserved bit", lambda asked: asked.reply(
        address("192.0.2.1"), flags=RESPONSE | AA | AD | Z), answered(aa=True, ad=True)),
    case("no-recursion", "An answer without RA and RD", lambda asked: asked.reply(address("192.0.2.1"), flags=0x8000),
         answered(ra=False)),
    case("records-1000", "1,000 records of other names around the answer", lambda asked: asked.reply(
        *(below(step(number)) for number in range(500)), address("192.0.2.1"),
         *(below(step(number)) for number in range(500))),
        answered()),
)  # fmt: skip
