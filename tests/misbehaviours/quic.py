"""DNS over QUIC: streams that are reset or lie, connections that end, handshakes that fail."""

import functools
import secrets
from functools import partial
from typing import Any

from aioquic.quic.packet import encode_quic_version_negotiation

from misbehaviours import FORGED, Case, Row, answered, malformed, nothing, said, twice
from misbehaviours._messages import QR, RESPONSE, TC, TXT, Asked, address, ede, named, opt, rr
from misbehaviours._papers import BEGINS, ENDED, NAME, STRANGER, issued
from misbehaviours._quic import Datagrams, Mute, Peer, Quic, Say, Talk
from misbehaviours._words import ANOTHER, NOTHING_GOES, REFUSED, Begins

LARGEST = 65_535
MUCH = 4 << 20
ANSI = "\x1b]0;pwned\x07<b>"


def case(name: str, does: str, say: Say | None, *rows: Row, of: dict[str, Any] | None = None, **more: Any) -> Case:
    """Return a case of a resolver that is asked over QUIC; *of* is what ``Quic`` is told besides."""
    host = partial(Quic, say=say, **(of or {}))
    return Case(name=f"quic-{name}", does=does, rows=rows, transport="quic", host=host, **more)


def bad(trouble: str | Begins | None, outcome: str = "malformed") -> tuple[Row, ...]:
    """Return the rows of a question that comes to the same trouble both times."""
    return twice(nothing(outcome, trouble=trouble))


def never(name: str, does: str, outcome: str, trouble: str | Begins | None, **of: Any) -> Case:
    """Return a case of a resolver that cannot be asked anything."""
    return case(name, does, None, nothing(outcome, trouble=trouble), of=of, rest=outcome)


def other(name: str, does: str, outcome: str, trouble: str, respond: Datagrams | None) -> Case:
    """Return a case of something that speaks no QUIC."""
    host = partial(Mute, respond=respond)
    row = nothing(outcome, trouble=trouble)
    return Case(name=f"quic-{name}", does=does, rows=(row,), transport="quic", host=host, rest=outcome)


def faulty(name: str, does: str, trouble: str, papers: str, **details: Any) -> Case:
    """Return a case of a resolver with a certificate that is not accepted."""
    return never(name, does, "tls-error", trouble, papers=papers, details=details)


def message(octets: Any) -> Say:
    """Return a resolver that replies with what *octets* makes of the query."""
    return lambda talk, asked: talk.say(octets(asked))


def resets(code: int) -> Say:
    """Return a resolver that resets the stream."""
    return lambda talk, _asked: talk.reset(code)


def closes(code: int, reason: str = "") -> Say:
    """Return a resolver that closes the connection."""
    return lambda talk, _asked: talk.close(code, reason)


def twofold(talk: Talk, asked: Asked) -> None:
    """Say two messages on one stream."""
    talk.say(asked.honest(), fin=False)
    talk.say(forged(asked))


def twofold_later(talk: Talk, asked: Asked) -> None:
    """Say two messages on one stream, one after the other."""
    talk.say(asked.honest(), fin=False)
    talk.later(0.005, talk.say, forged(asked))


def trickle(talk: Talk, asked: Asked) -> None:
    """Answer octet by octet."""
    octets = len(asked.honest()).to_bytes(2) + asked.honest()
    for place, octet in enumerate(octets):
        talk.later(0.001 * place, functools.partial(talk.write, bytes([octet]), fin=place == len(octets) - 1))


def cut(talk: Talk, asked: Asked) -> None:
    """Reset the stream in the middle of the answer."""
    talk.write((b"\0\x2d" + asked.honest())[:20], fin=False)
    talk.reset(1)


def stop(talk: Talk, _asked: Asked) -> None:
    """Say that the query will not be read."""
    talk.peer._quic._streams[talk.stream].receiver.is_finished = False  # it is, and so nobody says it
    talk.peer._quic.stop_stream(talk.stream, 2)
    talk.peer.transmit()


def unasked(talk: Talk, _asked: Asked) -> None:
    """Say much on a stream of the resolver's own."""
    stream = talk.peer._quic.get_next_available_stream_id(is_unidirectional=True)
    talk.peer._quic.send_stream_data(stream, bytes(MUCH))
    talk.peer.transmit()


def violation(talk: Talk, _asked: Asked) -> None:
    """Send a frame that was not agreed upon."""
    talk.peer._quic.send_datagram_frame(b"not agreed upon")
    talk.peer.transmit()


def junk(talk: Talk, asked: Asked) -> None:
    """Send datagrams that belong to no connection, then the answer."""
    transport, where = talk.peer._transport, talk.peer._quic._network_paths[0].addr
    assert transport is not None
    for octets in (b"\0", b"\xff" * 1200, bytes(40), b"\x40" + talk.peer._quic.host_cid + bytes(30)):
        transport.sendto(octets, where)
    talk.say(asked.honest())


def negotiated(octets: bytes) -> list[bytes]:
    """Say that other versions of QUIC are spoken."""
    destination = octets[6 : 6 + octets[5]]
    source = octets[7 + len(destination) : 7 + len(destination) + octets[6 + len(destination)]]
    return [
        encode_quic_version_negotiation(source_cid=destination, destination_cid=source, supported_versions=[0x1A2A3A4A])
    ]


def leave(peer: Peer) -> None:
    """Close the connection as soon as it stands."""
    peer._quic.close(error_code=4, reason_phrase="too much")


def forged(asked: Asked, **more: Any) -> bytes:
    """Return a reply with the forger's address."""
    return asked.reply(address(FORGED), **more)


def sized(asked: Asked, size: int) -> bytes:
    """Return the honest answer with a record of another name up to *size* octets."""
    return asked.reply(address("192.0.2.1"), rr(TXT, bytes(size - len(asked.honest()) - 11), owner=b"\0"))


CASES = (
    case("silent", "The question alone is not answered", lambda _talk, _asked: None, *bad(None, "timeout")),
    case("late", "The answer after those to later questions", lambda talk, asked: talk.later(
        0.2, talk.say, asked.honest()), answered()),
    case("reset", "The stream is reset", resets(1), *bad("stream reset with DOQ_INTERNAL_ERROR")),
    case("reset-load", "The stream is reset: too much is asked", resets(4),
         *bad("stream reset with DOQ_EXCESSIVE_LOAD")),
    case("reset-unknown", "The stream is reset with a code that does not exist", resets(0x77),
         *bad("stream reset with error 0x77")),
    case("reset-middle", "The stream is reset in the middle of the answer", cut,
         *bad("stream reset with DOQ_INTERNAL_ERROR")),
    case("unread", "It asks that the query be sent no further", stop, *bad("query not read, DOQ_PROTOCOL_ERROR")),
    case("two", "Two messages on one stream", twofold, *bad("the length says 45 octets, and 92 came")),
    case("two-later", "Two messages on one stream, one after the other", twofold_later,
         *bad("the length says 45 octets, and 92 came")),
    case("no-fin", "The answer, and no end of the stream", lambda talk, asked: talk.say(asked.honest(), fin=False),
         answered()),
    case("half-no-fin", "Half of the answer, and no end of the stream",
         lambda talk, asked: talk.write((b"\0\x2d" + asked.honest())[:25], fin=False), *bad(None, "timeout")),
    case("length-more", "A length that is longer than what comes", lambda talk, asked: talk.write(
        b"\1\0" + asked.honest()), *bad("the length says 256 octets, and 45 came")),
    case("length-less", "A length that is shorter than what comes", lambda talk, asked: talk.write(
        b"\0\x20" + asked.honest()), *bad("the length says 32 octets, and 45 came")),
    case("no-length", "The answer without its length", lambda talk, asked: talk.write(asked.honest()),
         *bad("the length says 0 octets, and 43 came")),
    case("half-length", "One octet of the length", lambda talk, _asked: talk.write(b"\0"),
         *bad("the stream ended in the middle of a length")),
    case("nothing", "An end of the stream, and nothing before it", lambda talk, _asked: talk.write(b""),
         *bad("the stream ended without a reply")),
    case("empty", "An empty message", message(lambda _asked: b""), *bad("0 octets are no DNS message")),
    case("runt", "A message of 11 octets", message(lambda asked: asked.honest()[:11]),
         *bad("11 octets are no DNS message")),
    case("endless", "200,000 octets, and no end", lambda talk, _asked: talk.write(
        b"\xff\xff" + bytes(200_000), fin=False), *bad("more than 65537 octets came on a stream")),
    case("largest", "A message of 65,535 octets", message(lambda asked: sized(asked, LARGEST)),
         answered(size=LARGEST)),
    case("trickle", "The answer, one octet at a time", trickle, answered()),
    case("id", "The answer with another ID than 0", message(lambda asked: asked.reply(
        address("192.0.2.1"), ident=0x1234)), *bad("the reply has ID 4660, the query 0")),
    case("qname", "A reply about another name", message(lambda asked: forged(
        asked, question=named("odd.exampla") + asked.question[-4:])), *bad(ANOTHER)),
    case("another", "The answer to a question of somebody else", message(lambda asked: forged(
        asked, question=named("plain-0.example") + asked.question[-4:])), *bad(ANOTHER)),
    case("echo", "The query itself", message(lambda asked: asked.octets), *bad(ANOTHER)),
    case("query", "An answer with QR=0", message(lambda asked: forged(asked, flags=RESPONSE & ~QR)),
         *bad(ANOTHER)),
    case("http", "A web server's answer", lambda talk, _asked: talk.write(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
         *bad("the length says 18516 octets, and 26 came")),
    case("tc", "TC, and no record: not a denial", message(lambda asked: asked.reply(flags=RESPONSE | TC)),
         *twice(said("malformed", 0, tc=True))),
    case("cut-record", "A message that ends inside its record", message(lambda asked: asked.honest()[:-2]),
         *twice(malformed())),
    case("pointer-loop", "An owner that is a pointer to itself", message(lambda asked: asked.reply(
        address(FORGED, owner=(0xC000 | asked.end).to_bytes(2)))), *twice(malformed())),
    case("ede-ansi", "Extended DNS Error with ANSI escapes", message(lambda asked: asked.reply(
        rcode=5, additional=[opt(ede(18, b"\x1b[31mno"))])), said("refused", 5, ede=[18], ede_text="\\x1b[31mno")),
    case("junk", "Datagrams that belong to no connection, then the answer", junk, answered()),

    case("close", "The connection is closed on the question", closes(1),
         *bad("connection closed with DOQ_INTERNAL_ERROR")),
    case("close-unknown", "The connection is closed with a code that does not exist", closes(0x99),
         *bad("connection closed with error 0x99")),
    case("close-ansi", "The connection is closed with a reason of ANSI escapes and HTML", closes(2, ANSI + "\nline é"),
         *bad("connection closed with DOQ_PROTOCOL_ERROR: ?]0;pwned?<b>?line ?")),
    case("close-long", "The connection is closed with 500 characters for a reason", closes(0, "x" * 500),
         *bad("connection closed with DOQ_NO_ERROR: " + "x" * 117 + "...")),
    case("unasked", "4 MB on a stream of its own", unasked, *bad("the resolver says much that nobody asked for")),
    case("violation", "A frame that breaks QUIC itself", violation, *bad(Begins("broken QUIC: PROTOCOL_VIOLATION"))),
    case("few-streams", "Three streams to a connection, and never another", lambda _talk, _asked: None,
         *bad(None, "timeout"), of={"streams": 3, "more_streams": False}),
    case("retry", "It wants proof of the address first, and does not answer the question", lambda _talk, _asked: None,
         *bad(None, "timeout"), of={"retry": True}),

    never("close-at-once", "Each connection is closed before it quite stands", "unreachable",
          "connection closed with APPLICATION_ERROR", greet=leave),
    never("no-streams", "It lets no stream be opened", "timeout", NOTHING_GOES, streams=0),
    never("alpn", "It speaks HTTP/3", "tls-error", Begins("TLS alert no_application_protocol"), speaks="h3"),
    faulty("expired", "A certificate that has expired", f"certificate has expired (notAfter {ENDED:%Y-%m-%d})",
           "expired"),
    faulty("future", "A certificate that is not valid yet",
           f"certificate is not valid yet (notBefore {BEGINS:%Y-%m-%d})", "future"),
    faulty("wrong-name", "A certificate for another name", f"certificate is for www.other.example, not {NAME}",
           "wrong-name"),
    faulty("nine-names", "A certificate for nine other names",
           f"certificate is for n0.example, n1.example, n2.example and 6 more, not {NAME}", "nine-names"),
    faulty("no-name", "A certificate for no name at all", f"certificate is for a resolver, not {NAME}", "no-name"),
    faulty("unknown", "A certificate of an authority that is not trusted",
           f"certificate of an unknown authority ({STRANGER})", "unknown"),
    faulty("self-signed", "A certificate that it signed itself", "self-signed certificate", "self-signed"),
    faulty("pin", "A good certificate whose key is not the one that is pinned",
           f"no pin matches: the certificate's is {issued('good').pin}", "good", pins=[issued("another").pin]),
    case("pin-expired", "The key that is pinned, in a certificate that has expired and is for another name", None,
         answered(), of={"papers": "expired", "details": {"pins": [issued("expired").pin], "hostname": "x.example"}}),

    other("closed", "Nobody listens", "unreachable", REFUSED, None),
    other("mute", "Nothing comes back to the handshake", "timeout", "no answer to the QUIC handshake",
          lambda _octets: []),
    other("no-quic", "Octets that are no QUIC", "timeout", "no end to the QUIC handshake",
          lambda octets: [secrets.token_bytes(1200), octets, b"", b"\xc0"]),
    other("version", "It speaks other versions of QUIC", "tls-error", "no version of QUIC in common", negotiated),
)  # fmt: skip
