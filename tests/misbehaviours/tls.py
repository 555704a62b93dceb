"""DNS over TLS: handshakes that hang or break, certificates that are another's, and streams as bad as those of TCP."""

from dataclasses import replace
from functools import partial
from typing import Any

from misbehaviours import Case, Do, Naked, Play, Raw, Row, Step, answered, nothing, stream, twice
from misbehaviours._papers import AUTHORITY, BEGINS, ENDED, NAME, STRANGER, issued
from misbehaviours._secure import Demanding, Dot
from misbehaviours._words import CLOSED, MIDDLE, REFUSED, RESET, Either

NO_TLS = "the peer speaks no TLS"
CUT_OFF = "TLS handshake cut off: "
BANNER = b"220 mail.example ESMTP\r\n"
ALERT = b"\x15\3\3\0\2\2"  # a fatal one follows (RFC 8446 6)
HALF_HELLO = b"\x16\3\3\0\x7a\2\0\0\x76\3\3"  # the beginning of a ServerHello of 122 octets
RECORD = b"\x17\3\3\0\x20"  # the header of a record of 32 octets


def case(name: str, does: str, play: Play | None, *rows: Row, of: dict[str, Any] | None = None, **more: Any) -> Case:
    """Return a case of a resolver that is asked over TLS; *of* is what ``Dot`` is told."""
    host = partial(Dot, **(of or {}))
    listens = more.pop("listens", ("tcp",))
    return Case(name=f"tls-{name}", does=does, tcp=play, rows=rows, transport="tls", host=host, listens=listens, **more)


def never(name: str, does: str, trouble: str, *steps: Step, outcome: str = "tls-error", **more: Any) -> Case:
    """Return a case of a peer without TLS, which does *steps* on each connection: nothing can be asked of it."""
    row = nothing(outcome, trouble=trouble)
    return case(name, does, None, row, of={"papers": None}, greeting=steps, rest=outcome, **more)


def faulty(name: str, does: str, trouble: str, *, papers: str, **details: Any) -> Case:
    """Return a case of a resolver with a certificate that is not accepted."""
    row = nothing("tls-error", trouble=trouble)
    return case(name, does, None, row, of={"papers": papers, "details": details}, rest="tls-error")


def mute(name: str, does: str, outcome: str, trouble: str | Either | None, *steps: Step, **of: Any) -> Case:
    """Return a case of a resolver that does *steps* as soon as the handshake is over."""
    return case(name, does, None, nothing(outcome, trouble=trouble), of=of, greeting=steps, rest=outcome)


def same(other: Case) -> Case:
    """Return the same misbehaviour as over TCP, within TLS."""
    return replace(
        other,
        name=other.name.replace("tcp-", "tls-"),
        transport="tls",
        host=Dot,
        listens=("tcp",),
    )


# what TCP has and TLS has not, and what is said of it below
UNLIKE = {"tcp-closed", "tcp-half-close", "tcp-half-close-after", "tcp-greeting-stall"}

CASES = (
    never("closed", "Nobody listens", REFUSED, outcome="unreachable", listens=("none",)),
    never("hang", "No word of the handshake", "no end to the TLS handshake", Do.STALL, outcome="timeout"),
    never("hello-stall", "The beginning of a handshake, then nothing", "no end to the TLS handshake", Raw(HALF_HELLO),
          Do.STALL, outcome="timeout"),
    never("do53", "DNS without TLS: it waits for the message of which it takes the handshake for the beginning",
          "no end to the TLS handshake", outcome="timeout"),
    never("hello-close", "The connection is closed in the handshake", CUT_OFF + CLOSED, Do.HEAR, Do.CLOSE),
    never("hello-cut", "The beginning of a handshake, then closed", CUT_OFF + CLOSED, Do.HEAR, Raw(HALF_HELLO),
          Do.CLOSE),
    never("hello-reset", "The connection is reset in the handshake", CUT_OFF + RESET, Do.HEAR, Do.RESET),
    never("plaintext", "Another protocol, which greets in plain text", NO_TLS, Raw(BANNER), Do.STALL),
    never("hello-http", "A web server that speaks no TLS", NO_TLS, Raw(stream.BANNER), Do.STALL),
    never("zeros", "Thousands of zeros for a handshake", NO_TLS, Raw(bytes(5_000)), Do.STALL),
    never("alert", "An alert: handshake failure", "the peer refuses TLS: handshake failure", Raw(ALERT + b"\x28"),
          Do.STALL),
    never("alert-name", "An alert: it knows no such name", "the peer refuses TLS: unrecognized name",
          Raw(ALERT + b"\x70"), Do.STALL),
    never("alert-version", "An alert: it speaks other versions of TLS",
          "the peer speaks no TLS of version 1.2 or later", Raw(ALERT + b"\x46"), Do.STALL),

    faulty("expired", "A certificate that has expired", f"certificate has expired (notAfter {ENDED:%Y-%m-%d})",
           papers="expired"),
    faulty("future", "A certificate that is not valid yet",
           f"certificate is not valid yet (notBefore {BEGINS:%Y-%m-%d})", papers="future"),
    faulty("wrong-name", "A certificate for another name", f"certificate is for www.other.example, not {NAME}",
           papers="wrong-name"),
    faulty("nine-names", "A certificate for nine other names",
           f"certificate is for n0.example, n1.example, n2.example and 6 more, not {NAME}", papers="nine-names"),
    faulty("no-name", "A certificate for no name at all", f"certificate is for a resolver, not {NAME}",
           papers="no-name"),
    faulty("html-name", "A certificate for names that are HTML",
           f"certificate is for *.evil.example, <b>.example, not {NAME}", papers="ansi-name"),
    faulty("wrong-address", "A certificate for another address, where it is known by its address",
           f"certificate is for {NAME}, 192.0.2.1, not 127.0.0.1", papers="wrong-address", hostname=None),
    faulty("unknown", "A certificate of an authority that is not trusted",
           f"certificate of an unknown authority ({STRANGER})", papers="unknown"),
    faulty("system", "A certificate of an authority that the system does not trust",
           f"certificate of an unknown authority ({AUTHORITY})", papers="good", ca=None),
    faulty("rogue", "A certificate of an authority whose name is an ANSI escape and HTML",
           "certificate of an unknown authority (?]0;pwned?<b>)", papers="rogue"),
    faulty("self-signed", "A certificate that it signed itself", "self-signed certificate", papers="self-signed"),
    faulty("pin", "A good certificate whose key is not the one that is pinned",
           f"no pin matches: the certificate's is {issued('good').pin}", papers="good", pins=[issued("another").pin]),
    case("pin-expired", "The key that is pinned, in a certificate that has expired and is for another name", None,
         answered(), of={"papers": "expired", "details": {"pins": [issued("expired").pin], "hostname": "x.example"}}),
    replace(mute("asks", "It wants a certificate of the client's, after the handshake", "tls-error",
                 "the peer refuses TLS: certificate required"), host=Demanding),
    mute("greeting-stall", "Nothing more after the handshake", "timeout", None, Do.STALL),
    mute("greeting-cut", "Closed without a farewell after the handshake", "unreachable", Either(CLOSED, RESET), Do.CUT),
    mute("greeting-naked", "Plain text after the handshake", "tls-error", NO_TLS, Naked(BANNER), Do.STALL),
    mute("greeting-record", "A record after the handshake that nobody encrypted", "tls-error",
         "TLS fails: decryption failed or bad record mac", Naked(RECORD + bytes(32)), Do.STALL),
    case("cut", "Closed without a farewell on the question", lambda _asked: [Do.CUT],
         *twice(nothing("unreachable", trouble=CLOSED))),
    case("cut-middle", "Half of the answer, then closed without a farewell", lambda asked: [
        Raw(stream.framed(asked.honest()).octets[:25]), Do.CUT], *twice(nothing("malformed", trouble=MIDDLE))),
    case("cut-after", "The answer, then closed without a farewell", lambda asked: [asked.honest(), Do.CUT],
         answered()),
    case("naked", "The answer, but not encrypted", lambda asked: [Naked(stream.framed(asked.honest()).octets)],
         *twice(nothing("tls-error", trouble=NO_TLS))),
    case("record-stall", "The beginning of a record, then nothing", lambda _asked: [Naked(RECORD + bytes(8)), Do.STALL],
         *twice(nothing())),
    case("record", "A record that nobody encrypted", lambda _asked: [Naked(RECORD + bytes(32))],
         *twice(nothing("tls-error", trouble="TLS fails: decryption failed or bad record mac"))),
    *(same(other) for other in stream.CASES if other.name not in UNLIKE),
)  # fmt: skip
