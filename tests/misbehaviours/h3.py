"""DNS over HTTP/3: statuses, types and bodies that carry no answer, streams and connections that end."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from aioquic.h3.connection import FrameType, ProtocolError, encode_frame

from misbehaviours import FORGED, Case, Row, answered, malformed, nothing, quic, said, twice
from misbehaviours._messages import QR, RESPONSE, TC, Asked, address, ede, named, opt
from misbehaviours._papers import NAME
from misbehaviours._quic import Quic, Say, Talk
from misbehaviours._words import ANOTHER, Begins

Body = bytes | Callable[[Asked], bytes]
REQUEST_REJECTED = 0x10B  # RFC 9114 8.1
HTML = b"<html><script>alert(1)</script>This site is blocked</html>"
ANSI = b"\x1b]0;pwned\x07\x1b[2J<script>"


def case(name: str, does: str, say: Say | None, *rows: Row, of: dict[str, Any] | None = None, **more: Any) -> Case:
    """Return a case of a resolver that is asked over HTTP/3; *of* is what ``Quic`` is told besides."""
    host = partial(Quic, alpn="h3", say=say, **(of or {}))
    return Case(name=f"h3-{name}", does=does, rows=rows, transport="h3", host=host, **more)


def bad(trouble: str | Begins | None, outcome: str = "http-error") -> tuple[Row, ...]:
    """Return the rows of a question that comes to the same trouble both times."""
    return twice(nothing(outcome, trouble=trouble))


def never(name: str, does: str, outcome: str, trouble: str | Begins | None, **of: Any) -> Case:
    """Return a case of a resolver that cannot be asked anything."""
    return case(name, does, None, nothing(outcome, trouble=trouble), of=of, rest=outcome)


def saying(body: Body, **more: Any) -> Say:
    """Return a resolver that says *body*; *more* is for ``Talk.respond``."""
    return lambda talk, asked: talk.respond(body if isinstance(body, bytes) else body(asked), **more)


def status(name: str, does: str, number: int, *, body: Body = b"", to: str = "", **more: Any) -> Case:
    """Return a case of a status that is no success; *to* is where it leads, as it is told."""
    said_ = f"HTTP {number}" + (f" to {to}" if to else "")
    return case(name, does, saying(body, status=number, **more), *bad(said_))


def frames(*listed: tuple[int, bytes]) -> Say:
    """Return a resolver that says frames of its own, of a kind."""
    octets = b"".join(encode_frame(kind, payload) for kind, payload in listed)
    return lambda talk, _asked: talk.write(octets)


def headers(talk: Talk, *listed: tuple[bytes, bytes]) -> bytes:
    """Return a frame of HEADERS."""
    assert talk.peer.http is not None
    return encode_frame(FrameType.HEADERS, talk.peer.http._encode_headers(talk.stream, list(listed)))


def hinted(talk: Talk, asked: Asked) -> None:
    """Answer behind hints and a frame that nobody knows, before trailers."""
    early = headers(talk, (b":status", b"103"), (b"link", b"</x>"))
    final = headers(talk, (b":status", b"200"), (b"content-type", b"Application/DNS-Message; charset=utf-8"))
    data = encode_frame(FrameType.DATA, asked.honest())
    talk.write(early + encode_frame(0x21, b"unknown") + final + data + headers(talk, (b"x-took", b"1")))
    talk.peer.transmit()


def endless(talk: Talk, _asked: Asked) -> None:
    """Send a body until the client gives it up."""
    talk.respond(bytes(1000), fin=False)
    talk.later(0.002, _more, talk)


def _more(talk: Talk) -> None:
    quic = talk.peer._quic
    if talk.stream not in quic._streams or talk.peer.http is None:
        return
    try:
        talk.peer.http.send_data(talk.stream, bytes(20_000), end_stream=False)
    except (RuntimeError, ProtocolError):
        return  # told to stop
    talk.peer.transmit()
    talk.later(0.002, _more, talk)


def trickled(talk: Talk, asked: Asked) -> None:
    """Answer octet by octet."""
    message, http = asked.honest(), talk.peer.http
    assert http is not None
    talk.respond(message[:1], fin=False)
    for place in range(1, len(message)):
        talk.later(0.001 * place, http.send_data, talk.stream, message[place : place + 1], place == len(message) - 1)
        talk.later(0.001 * place, talk.peer.transmit)


def cut(talk: Talk, asked: Asked) -> None:
    """Reset the stream in the middle of the answer."""
    talk.respond(asked.honest()[:20], fin=False)
    talk.reset(0x102)


def ended(talk: Talk, asked: Asked) -> None:
    """Close the connection in the middle of the answer."""
    talk.respond(asked.honest()[:20], fin=False)
    talk.close(0x100)


def leaving(talk: Talk, _asked: Asked) -> None:
    """Say GOAWAY to the question, which is not looked at."""
    talk.peer.go_away(talk.stream)


def leaving_later(talk: Talk, asked: Asked) -> None:
    """Say GOAWAY to what comes after the question, and answer that."""
    talk.peer.go_away(talk.stream + 4)
    talk.later(0.05, talk.respond, asked.honest())


def forged(asked: Asked, **more: Any) -> bytes:
    """Return a reply with the forger's address."""
    return asked.reply(address(FORGED), **more)


def same(other: Case) -> Case:
    """Return the same misbehaviour as over DoQ, where HTTP/3 is to be spoken."""
    host = other.host
    assert isinstance(host, partial)
    changed = partial(host, alpn="h3") if host.func is Quic else host
    return replace(other, name=other.name.replace("quic-", "h3-"), transport="h3", host=changed)


PAPERS = ("expired", "future", "wrong-name", "nine-names", "no-name", "unknown", "self-signed", "pin", "pin-expired")
ALIKE = {f"quic-{name}" for name in (*PAPERS, "closed", "mute", "no-quic", "version", "no-streams", "retry")}

CASES = (
    status("302", "A redirection to somebody else", 302, media=None,
           more=[(b"location", b"https://evil.example/dns-query")], to="https://evil.example/dns-query"),
    status("301-loop", "A redirection to itself, with the true answer", 301, body=Asked.honest,
           more=[(b"location", f"https://{NAME}/dns-query".encode())], to=f"https://{NAME}/dns-query"),
    status("301-ansi", "A redirection with ANSI escapes and HTML", 301, more=[(b"location", ANSI)],
           to="?]0;pwned??[2J<script>"),
    status("303-nowhere", "A redirection to nowhere", 303),
    status("400", "Bad request", 400, media="text/plain", body=b"no"),
    status("403", "A page that says it is blocked", 403, media="text/html", body=HTML),
    status("404", "No such path", 404, media=None),
    status("429", "Too many requests, and when to come again", 429, body=b"slow down", media="text/plain",
           more=[(b"retry-after", b"3600")]),
    status("500", "A fault of the server, with the true answer", 500, body=Asked.honest),
    status("502", "A fault behind the server", 502, media="text/html", body=HTML),
    case("204", "No content", saying(b"", status=204, media=None), *bad("there is no content-type")),
    case("html", "A page where a message should be", saying(HTML, media="text/html"),
         *bad("content-type is text/html")),
    case("text", "The true answer as text", saying(Asked.honest, media="text/plain"),
         *bad("content-type is text/plain")),
    case("no-type", "The true answer without a type", saying(Asked.honest, media=None),
         *bad("there is no content-type")),
    case("headers-ansi", "The answer, under headers of ANSI escapes and HTML", saying(
        Asked.honest, more=[(b"server", ANSI), (b"x-html", b"<script>"), (b"set-cookie", b"id=1")]), answered()),
    case("gzip", "A body that is said to be compressed", saying(b"\x1f\x8b", more=[(b"content-encoding", b"gzip")]),
         *bad("content-encoding is gzip")),
    case("html-typed", "A page with the type of a message", saying(HTML),
         *bad(ANOTHER, "malformed")),
    case("empty", "An empty body", saying(b""), *bad("the body is empty")),
    case("runt", "A body of 11 octets", saying(bytes(11)), *bad("11 octets are no DNS message", "malformed")),
    case("length", "Fewer octets than the content-length says", saying(
        Asked.honest, more=[(b"content-length", b"500")]),
         *bad("wrong HTTP/3: content-length does not match data size")),
    case("header-http-1", "A header that HTTP/3 does not have, over the true answer", saying(
        Asked.honest, more=[(b"transfer-encoding", b"chunked")]),
         *bad("wrong HTTP/3: Header b'transfer-encoding' is connection-specific")),
    case("endless", "A body without end", endless, *bad("the body is longer than 65535 octets")),
    case("trickled", "The answer octet by octet", trickled, answered()),
    case("hinted", "Hints, a frame of no known kind, the answer, and trailers", hinted, answered()),
    case("unended", "The answer, and no end", saying(Asked.honest, fin=False), *bad(None, "timeout")),
    case("no-body", "Good headers, then nothing", saying(b"", fin=False), *bad(None, "timeout")),

    case("id", "The answer with another ID than 0", saying(lambda asked: asked.reply(
        address("192.0.2.1"), ident=0x1234)), *bad("the reply has ID 4660, the query 0", "malformed")),
    case("qname", "A reply about another name", saying(lambda asked: forged(
        asked, question=named("odd.exampla") + asked.question[-4:])), *bad(ANOTHER, "malformed")),
    case("another", "The answer to a question of somebody else", saying(lambda asked: forged(
        asked, question=named("plain-0.example") + asked.question[-4:])), *bad(ANOTHER, "malformed")),
    case("echo", "The query itself", saying(lambda asked: asked.octets), *bad(ANOTHER, "malformed")),
    case("query", "An answer with QR=0", saying(lambda asked: forged(asked, flags=RESPONSE & ~QR)),
         *bad(ANOTHER, "malformed")),
    case("tc", "TC, and no record: not a denial", saying(lambda asked: asked.reply(flags=RESPONSE | TC)),
         *twice(said("malformed", 0, tc=True))),
    case("cut-record", "A message that ends inside its record", saying(lambda asked: asked.honest()[:-2]),
         *twice(malformed())),
    case("ede-ansi", "Extended DNS Error with ANSI escapes", saying(lambda asked: asked.reply(
        rcode=5, additional=[opt(ede(18, b"\x1b[31mno"))])), said("refused", 5, ede=[18], ede_text="\\x1b[31mno")),

    case("silent", "The question alone is not answered", lambda _talk, _asked: None, *bad(None, "timeout")),
    case("late", "The answer after those to later questions", lambda talk, asked: talk.later(
        0.2, talk.respond, asked.honest()), answered()),
    case("nothing", "An end of the stream, and nothing before it", lambda talk, _asked: talk.write(b""),
         *bad("the stream ended without a response")),
    case("reset", "The stream is reset", quic.resets(0x102), *bad("stream reset with H3_INTERNAL_ERROR")),
    case("reset-unknown", "The stream is reset with a code that does not exist", quic.resets(0x77),
         *bad("stream reset with error 0x77")),
    case("reset-middle", "The stream is reset in the middle of the answer", cut,
         *bad("stream reset with H3_INTERNAL_ERROR")),
    case("rejected", "The request is rejected, each time", quic.resets(REQUEST_REJECTED),
         *bad("stream reset with H3_REQUEST_REJECTED")),
    case("goaway", "GOAWAY to the question, which is not looked at", leaving, *bad("HTTP server going away")),
    case("goaway-accepted", "GOAWAY after the question was accepted, then the answer", leaving_later, answered()),
    case("close", "The connection is closed on the question", quic.closes(0x102),
         *bad("connection closed with H3_INTERNAL_ERROR")),
    case("close-ansi", "The connection is closed with a reason of ANSI escapes and HTML",
         quic.closes(0x107, quic.ANSI), *bad("connection closed with H3_EXCESSIVE_LOAD: ?]0;pwned?<b>")),
    case("close-middle", "The connection is closed in the middle of the answer", ended,
         *bad("connection closed with H3_NO_ERROR")),
    case("doq", "A reply as DoQ has it", lambda talk, asked: talk.say(asked.honest()),
         *bad(Begins("connection closed with H3_FRAME_UNEXPECTED"))),
    case("settings", "A frame that is none of a response", frames((FrameType.SETTINGS, b"")),
         *bad(Begins("connection closed with H3_FRAME_UNEXPECTED"))),
    case("data-first", "A body before its headers", frames((FrameType.DATA, bytes(45))),
         *bad(Begins("connection closed with H3_FRAME_UNEXPECTED"))),
    case("half-frame", "Half of a frame", lambda talk, _asked: talk.write(b"\0\x40"),
         *bad(Begins("connection closed with H3_FRAME_ERROR"))),
    case("qpack", "Headers that nobody can decompress", frames((FrameType.HEADERS, b"\xff" * 40)),
         *bad(Begins("connection closed with QPACK_DECOMPRESSION_FAILED"))),
    case("unasked", "4 MB on a stream of its own", quic.unasked,
         *bad(Begins("connection closed with H3_STREAM_CREATION_ERROR"))),

    never("goaway-at-once", "GOAWAY at once, on each connection", "http-error", "HTTP server going away",
          greet=lambda peer: peer.go_away(0)),
    never("alpn", "It speaks DoQ", "tls-error", Begins("TLS alert no_application_protocol"), speaks="doq"),
    *(same(other) for other in quic.CASES if other.name in ALIKE),
)  # fmt: skip
