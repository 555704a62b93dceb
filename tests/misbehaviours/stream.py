"""TCP: streams that end, stall, trickle, lie about lengths, or bring what nobody asked for."""

from misbehaviours import (
    FORGED,
    Case,
    Do,
    Play,
    Raw,
    Row,
    Step,
    Trickle,
    Wait,
    answered,
    malformed,
    nothing,
    said,
    twice,
)
from misbehaviours._messages import (
    HEADER,
    QR,
    RESPONSE,
    TC,
    TXT,
    A,
    Asked,
    address,
    alias,
    ede,
    named,
    opt,
    rr,
)
from misbehaviours._words import CLOSED, MIDDLE, NO_QUERY, REFUSED, RESET, Either

LARGEST = 65_535
FLOOD = 4_000


def case(name: str, does: str, play: Play | None, *rows: Row, **more: object) -> Case:
    """Return a case of a resolver that is asked over TCP."""
    return Case(name=f"tcp-{name}", does=does, tcp=play, rows=rows, transport="tcp", **more)  # type: ignore[arg-type]


def first(name: str, does: str, *steps: Step) -> Case:
    """Return a case in which *steps*, which are no reply, come before the true answer."""
    return case(name, f"{does}, then the true answer", lambda asked: [*steps, asked.honest()], answered())


def framed(octets: bytes, claim: int | None = None) -> Raw:
    """Return a frame that claims to hold *claim* octets."""
    return Raw((len(octets) if claim is None else claim).to_bytes(2) + octets)


def forged(asked: Asked, **more: object) -> bytes:
    """Return a reply with the forger's address."""
    return asked.reply(address(FORGED), **more)  # type: ignore[arg-type]  # the caller knows


def sized(asked: Asked, size: int) -> bytes:
    """Return the honest answer with a record of another name up to *size* octets."""
    return asked.reply(address("192.0.2.1"), rr(TXT, bytes(size - len(asked.honest()) - 11), owner=b"\0"))


def out_of_step(name: str, does: str, play: Play, trouble: str = MIDDLE) -> Case:
    """Return a case after which nothing on the connection can be understood any more."""
    return case(name, does, play, *twice(nothing("malformed", trouble=trouble)))


def runt(size: int) -> Case:
    """Return a case with a frame that is too short for a header."""
    return out_of_step(
        f"length-{size}",
        f"A frame of {size} octets",
        lambda asked: [framed(asked.honest()[:size]), Do.CLOSE],
        NO_QUERY,
    )


UNREACHABLE = nothing("unreachable", trouble=CLOSED)
BANNER = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"

CASES = (
    case("closed", "Nobody listens", None, nothing("unreachable", trouble=REFUSED), listens=("udp",),
         rest="unreachable"),
    case("greeting-close", "Each connection is closed as soon as it stands", None,
         nothing("unreachable", trouble=Either(CLOSED, RESET)), greeting=(Do.CLOSE,), rest="unreachable"),
    case("greeting-reset", "Each connection is reset as soon as it stands", None,
         nothing("unreachable", trouble=RESET), greeting=(Do.RESET,), rest="unreachable"),
    case("greeting-stall", "Each connection is accepted, and then nothing", None, nothing(), greeting=(Do.STALL,),
         rest="timeout"),
    case("greeting-http", "A web server that says so and closes", None, nothing("malformed", trouble=MIDDLE),
         greeting=(Raw(BANNER), Do.CLOSE), rest="malformed"),
    case("once", "Each connection is closed after one reply", None, answered(), then=(Do.CLOSE,)),
    case("once-reset", "Each connection is reset some time after one reply", None, answered(),
         then=(Wait(0.02), Do.RESET)),
    case("ipv6", "The connection is closed on the question, over IPv6", lambda _asked: [Do.CLOSE], *twice(UNREACHABLE),
         address="::1"),
    case("close", "The connection is closed on the question", lambda _asked: [Do.CLOSE], *twice(UNREACHABLE)),
    case("reset", "The connection is reset on the question", lambda _asked: [Do.RESET],
         *twice(nothing("unreachable", trouble=RESET))),
    case("half-close", "The resolver ends its direction on the question", lambda _asked: [Do.HALF_CLOSE, Do.STALL],
         *twice(UNREACHABLE)),
    case("stall", "Nothing more on the connection once the question came", lambda _asked: [Do.STALL],
         *twice(nothing())),
    case("silent", "The question alone is not answered", lambda _asked: [], *twice(nothing())),
    case("close-after", "The answer, and the connection is closed", lambda asked: [asked.honest(), Do.CLOSE],
         answered()),
    case("reset-after", "The answer, and some time later a reset", lambda asked: [asked.honest(), Wait(0.1), Do.RESET],
         answered()),
    case("half-close-after", "The answer, and the resolver ends its direction",
         lambda asked: [asked.honest(), Do.HALF_CLOSE, Do.STALL], answered()),
    case("stall-after", "The answer, and then nothing more", lambda asked: [asked.honest(), Do.STALL], answered()),
    out_of_step("half-length", "One octet of the length, then closed", lambda _asked: [Raw(b"\0"), Do.CLOSE]),
    out_of_step("length-close", "The length, then closed", lambda _asked: [Raw(b"\0\x2d"), Do.CLOSE]),
    out_of_step("cut-close", "Half of the answer, then closed", lambda asked: [
        Raw(framed(asked.honest()).octets[:25]), Do.CLOSE]),
    out_of_step("length-more-close", "A length larger than what comes before it is closed", lambda asked: [
        framed(asked.honest(), 500), Do.CLOSE]),
    case("cut-reset", "Half of the answer, then a reset", lambda asked: [
        Raw(framed(asked.honest()).octets[:25]), Wait(0.1), Do.RESET], *twice(nothing("malformed", trouble=MIDDLE))),
    case("cut-stall", "Half of the answer, then nothing more", lambda asked: [
        Raw(framed(asked.honest()).octets[:25]), Do.STALL], *twice(nothing())),
    case("length-max-stall", "A length of 65,535, the answer, then nothing more", lambda asked: [
        framed(asked.honest(), LARGEST), Do.STALL], *twice(nothing())),
    out_of_step("length-0", "A length of 0", lambda asked: [Raw(b"\0\0"), asked.honest()],
                NO_QUERY),
    *(runt(size) for size in range(1, HEADER)),
    case("length-less", "A length of 20 for an answer of 45 octets: what follows is out of step",
         lambda asked: [framed(asked.honest(), 20)], *twice(nothing())),
    case("length-less-2", "A length that is two octets less than what comes",
         lambda asked: [framed(asked.honest(), len(asked.honest()) - 2)], *twice(malformed())),
    case("cut-record", "A frame that ends inside its record", lambda asked: [asked.honest()[:-2]], *twice(malformed())),
    case("header", "A frame that is a header and nothing else", lambda asked: [asked.honest()[:HEADER]],
         *twice(nothing())),
    first("other-id", "A reply with an ID that was never used", b"\x12\x34\x81\x80" + bytes(8)),
    case("qname", "A reply about another name, then the true answer", lambda asked: [
        forged(asked, question=named("odd.exampla") + asked.question[-4:]), asked.honest()], answered()),
    case("qclass", "A reply about another class, then the true answer", lambda asked: [
        forged(asked, question=asked.question[:-2] + b"\0\3"), asked.honest()], answered()),
    case("query", "An answer with QR=0, then the true one", lambda asked: [
        forged(asked, flags=RESPONSE & ~QR), asked.honest()], answered()),
    case("echo", "The query itself, then the true answer", lambda asked: [asked.octets, asked.honest()], answered()),
    case("only-qname", "Nothing but a reply about another name", lambda asked: [
        forged(asked, question=named("odd.exampla") + asked.question[-4:])], *twice(nothing())),
    case("only-echo", "Nothing but the query itself", lambda asked: [asked.octets], *twice(nothing())),
    case("echoes", "The query itself 12 times, which takes the place of no reply, then the true answer",
         lambda asked: [*([asked.octets] * 12), asked.honest()], answered()),
    case("qnames", "12 replies about another name, which take the place of no reply, then the true answer",
         lambda asked: [*([forged(asked, question=named("odd.exampla") + asked.question[-4:])] * 12), asked.honest()],
         answered()),
    case("echo-flood", "The query itself 200 times, then the true answer: the connection is given up before",
         lambda asked: [*([asked.octets] * 200), asked.honest()], *twice(nothing("malformed", trouble=NO_QUERY))),
    case("trickle", "The answer, one octet at a time", lambda asked: [Trickle(asked.honest())], answered()),
    case("split-length", "The answer, its length cut in two", lambda asked: [
        Raw(b"\0"), Wait(0.03), Raw(framed(asked.honest()).octets[1:])], answered()),
    case("one-segment", "The answer and a second, other one in one segment", lambda asked: [
        Raw(framed(asked.honest()).octets + framed(forged(asked)).octets)], answered(), answered(FORGED, reply=1)),
    case("out-of-order", "The answer after those to later questions", lambda asked: [Wait(0.2), asked.honest()],
         answered(),
         aside=True),
    case("twice", "The same answer two times", lambda asked: [asked.honest()] * 2, answered(), answered(reply=1)),
    case("injected", "A forged denial, then the true answer", lambda asked: [asked.reply(rcode=3), asked.honest()],
         said("nxdomain", 3), answered(reply=1)),
    case("flood", f"The same answer {FLOOD:,} times: nine are kept",
         lambda asked: [Raw(framed(asked.honest()).octets * FLOOD)],
         *(answered(reply=number) for number in range(9))),
    case("largest", "A message of 65,535 octets", lambda asked: [sized(asked, LARGEST)], answered(size=LARGEST)),
    case("rubbish-after", "The answer, and 600 octets of rubbish behind it", lambda asked: [
        asked.honest(), Raw(b"\xff\xfe" * 300)], answered()),
    case("rubbish-frame-after", "The answer, and a frame of rubbish behind it", lambda asked: [
        asked.honest(), framed(b"rubbish, and more of it")], answered()),
    case("runt-after", "The answer, and an empty frame behind it", lambda asked: [asked.honest(), Raw(b"\0\0")],
         answered()),
    case("http", "A web server's answer to the question", lambda _asked: [Raw(BANNER), Do.CLOSE],
         *twice(nothing("malformed", trouble=MIDDLE))),
    case("tc", "TC over TCP, and no record: not a denial", lambda asked: [asked.reply(flags=RESPONSE | TC)],
         *twice(said("malformed", 0, tc=True))),
    case("tc-part", "TC over TCP, with an answer", lambda asked: [
        asked.reply(address("192.0.2.1"), flags=RESPONSE | TC)], answered(tc=True)),
    case("other-owner", "An alias, and the address of another name", lambda asked: [
        asked.reply(alias("b.example"), address(FORGED, owner=named("c.example")))],
         said("nodata", 0, cname="b.example")),
    case("pointer-loop", "An owner that is a pointer to itself", lambda asked: [
        asked.reply(address(FORGED, owner=(0xC000 | asked.end).to_bytes(2)))], *twice(malformed())),
    case("a-5", "An A record of 5 octets", lambda asked: [asked.reply(rr(A, bytes(5)))], *twice(malformed())),
    case("ede-ansi", "Extended DNS Error with ANSI escapes", lambda asked: [
        asked.reply(rcode=5, additional=[opt(ede(18, b"\x1b[31mno"))])],
        said("refused", 5, ede=[18], ede_text="\\x1b[31mno")),
    case("strays", "12 replies with IDs that were never used, then the true answer", lambda asked: [
        *(forged(asked, ident=asked.ident + number) for number in range(1000, 1012)), asked.honest()], answered()),
)  # fmt: skip
