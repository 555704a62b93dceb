"""UDP: replies that say they are truncated, and what then happens over TCP."""

from misbehaviours import FORGED, Case, Do, Play, Row, Wait, answered, nothing, said, twice
from misbehaviours._messages import RESPONSE, TC, Asked, address, opt, soa
from misbehaviours._words import CLOSED, REFUSED, RESET


def truncated(asked: Asked) -> list[bytes]:
    """Return the usual truncated reply: the question alone."""
    return [asked.reply(flags=RESPONSE | TC)]


def case(name: str, does: str, *rows: Row, udp: Play = truncated, tcp: Play | None = None, **more: object) -> Case:
    """Return a case with a truncated reply over UDP."""
    return Case(name=f"udp-tc-{name}", does=does, udp=udp, tcp=tcp, rows=rows, **more)  # type: ignore[arg-type]


WHOLE = answered(tc=True)

CASES = (
    case("empty", "TC and no record; the whole answer over TCP", WHOLE),
    case("part", "TC and a part of the answer; the whole over TCP", WHOLE, udp=lambda asked: [
        asked.reply(address(FORGED), flags=RESPONSE | TC)]),
    case("cut", "TC, and cut inside a record; the whole over TCP", WHOLE, udp=lambda asked: [
        asked.reply(address(FORGED), flags=RESPONSE | TC)[:-3]]),
    case("nxdomain", "NXDOMAIN with TC; an answer over TCP", WHOLE, udp=lambda asked: [
        asked.reply(rcode=3, flags=RESPONSE | TC)]),
    case("denied", "TC; NXDOMAIN over TCP", said("nxdomain", 3, tc=True, soa="example", ttl=60),
         tcp=lambda asked: [asked.reply(rcode=3, authority=[soa()])]),
    case("question", "TC, but another question: no reply, so the true one counts", answered(), udp=lambda asked: [
        asked.reply(flags=RESPONSE | TC, question=b"\3two\7example\0\0\1\0\1"), asked.honest()]),
    case("id", "TC, but another ID: no reply, so the true one counts", answered(), udp=lambda asked: [
        asked.reply(flags=RESPONSE | TC, ident=asked.ident ^ 1), asked.honest()]),
    case("refused", "TC; nobody listens over TCP", *twice(nothing("unreachable", tc=True, trouble=REFUSED)),
         listens=("udp",)),
    case("silent", "TC; silence over TCP", *twice(nothing(tc=True)), tcp=lambda _asked: [], aside=True),
    case("closed", "TC; over TCP the connection is closed on it",
         *twice(nothing("unreachable", tc=True, trouble=CLOSED)), tcp=lambda _asked: [Do.CLOSE]),
    case("reset", "TC; over TCP the connection is reset on it",
         *twice(nothing("unreachable", tc=True, trouble=RESET)), tcp=lambda _asked: [Do.RESET]),
    case("again", "TC; over TCP TC again, and no record: not a denial", *twice(said("malformed", 0, tc=True)),
         tcp=truncated),
    case("again-part", "TC; over TCP TC again, with an answer", WHOLE, tcp=lambda asked: [
        asked.reply(address("192.0.2.1"), flags=RESPONSE | TC)]),
    case("twice", "TC two times; it is asked over TCP once", WHOLE, udp=lambda asked: truncated(asked) * 2),
    case("then-whole", "TC, then the whole answer over UDP: it counts, and so does what TCP says", answered(),
         {**WHOLE, "reply": 1}, udp=lambda asked: [*truncated(asked), asked.honest()]),
    case("after", "The whole answer over UDP, then TC", answered(), {**WHOLE, "reply": 1},
         udp=lambda asked: [asked.honest(), Wait(0.005), *truncated(asked)]),
    case("large", "TC; over TCP 65,000 octets of it", {**WHOLE, "ede": [0], "ede_text": "x" * 64_000},
         tcp=lambda asked: [asked.reply(address("192.0.2.1"), additional=[
             opt(b"\0\x0f" + (64_002).to_bytes(2) + bytes(2) + b"x" * 64_000)])]),
)  # fmt: skip
