"""DNS over HTTPS: statuses, types and bodies that carry no answer, and resolvers that leave or lie."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from hostile_http import OK, Request, Web
from misbehaviours import FORGED, Case, Row, answered, malformed, nothing, said, tls, twice
from misbehaviours._messages import QR, RESPONSE, TC, TXT, Asked, address, ede, named, opt, rr
from misbehaviours._papers import ENDED, NAME, STRANGER, issued
from misbehaviours._secure import Begin, Doh, Reply
from misbehaviours._words import ANOTHER, CLOSED, NOTHING_GOES, RESET, Begins, Either

Body = bytes | Callable[[Asked], bytes]
LARGEST = 65_535
NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, CALM = 0, 2, 7, 8, 11  # RFC 9113 7
DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0,
    1,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
)
END_HEADERS = 4
WRONG = Begins("wrong HTTP/2: ")
CUT = "the connection ended in the middle of a response"
HTML = b"<html><script>alert(1)</script>This site is blocked</html>"
ANSI = "\x1b]0;pwned\x07\x1b[2J<script>"


def case(name: str, does: str, reply: Reply | None, *rows: Row, of: dict[str, Any] | None = None, **more: Any) -> Case:
    """Return a case of a resolver that is asked over HTTPS; *of* is what ``Doh`` is told besides."""
    host = partial(Doh, reply=reply, **(of or {}))
    return Case(name=f"https-{name}", does=does, rows=rows, transport="https", host=host, **more)


def bad(trouble: str | Either | Begins | None, outcome: str = "http-error") -> tuple[Row, ...]:
    """Return the rows of a question that comes to the same trouble both times."""
    return twice(nothing(outcome, trouble=trouble))


def saying(body: Body, *headers: tuple[str, str]) -> Reply:
    """Return a resolver that says *body* under *headers*; where there are none, under good ones."""

    async def reply(connection: Web, request: Request, asked: Asked) -> None:
        await connection.say(request, body if isinstance(body, bytes) else body(asked), headers or OK)

    return reply


def status(name: str, does: str, number: str, *headers: tuple[str, str], body: Body = b"", to: str = "") -> Case:
    """Return a case of a status that is no success; *to* is where it leads, as it is told."""
    reply = saying(body, (":status", number), *headers)
    return case(name, does, reply, *bad(f"HTTP {number}" + (f" to {to}" if to else "")))


def typed(name: str, does: str, kind: str | None, trouble: str, body: Body = Asked.honest) -> Case:
    """Return a case of a body with another content type."""
    headers = [(":status", "200"), *([("content-type", kind)] if kind is not None else [])]
    return case(name, does, saying(body, *headers), *bad(trouble))


def never(name: str, does: str, trouble: str | None, begin: Begin | None = None, **of: Any) -> Case:
    """Return a case of a resolver that cannot be asked anything, for what it does on each connection."""
    outcome = of.pop("outcome", "http-error")
    row = nothing(outcome, trouble=trouble)
    return case(name, does, None, row, of={"begin": begin, **of}, rest=outcome)


def frames(*listed: tuple[int, int, bytes], times: int = 1) -> Reply:
    """Return a resolver that sends frames of its own, of a kind and with flags, on the stream of the question."""

    async def reply(connection: Web, request: Request, _asked: Asked) -> None:
        for _ in range(times):
            for kind, flags, payload in listed:
                on_connection = kind in {SETTINGS, PING, GOAWAY}
                await connection.frame(kind, flags, 0 if on_connection else request.stream, payload)

    return reply


async def endless(connection: Web, request: Request, _asked: Asked) -> None:
    """Send a body until the client gives it up."""
    await connection.say(request, b"x", end=False)
    while request.stream not in connection.reset:
        await connection.more(request, bytes(10_000))


async def endless_error(connection: Web, request: Request, _asked: Asked) -> None:
    """Send a body of which the status has said that it is no answer, until the client gives it up."""
    await connection.say(request, b"x", ((":status", "500"),), end=False)
    while request.stream not in connection.reset:
        await connection.more(request, bytes(10_000))


async def trickled(connection: Web, request: Request, asked: Asked) -> None:
    """Send hints, the answer octet by octet, and trailers."""
    connection.h2.send_headers(request.stream, [(":status", "103"), ("link", "</style.css>")])
    octets = asked.honest()
    await connection.say(request, octets[:1], end=False)
    for octet in octets[1:]:
        await connection.more(request, bytes([octet]))
        await asyncio.sleep(0)
    connection.h2.send_headers(request.stream, [("expires", "now")], end_stream=True)
    await connection.flush()


def unfinished(octets: Callable[[Asked], bytes]) -> Reply:
    """Return a resolver that begins a body and does not end it."""

    async def reply(connection: Web, request: Request, asked: Asked) -> None:
        await connection.say(request, octets(asked), end=False)

    return reply


def resetting(code: int, *, after: int | None = None, first_only: bool = False) -> Reply:
    """Return a resolver that resets the stream, after so many octets of the answer; or the first time only."""
    met: list[int] = []

    async def reply(connection: Web, request: Request, asked: Asked) -> None:
        if met and first_only:
            await connection.say(request, asked.honest())
            return
        met.append(request.stream)
        if after is not None:
            await connection.say(request, asked.honest()[:after], end=False)
        connection.h2.reset_stream(request.stream, code)
        await connection.flush()

    return reply


def leaving(code: int, text: bytes = b"", *, accepts: bool = False) -> Reply:
    """Return a resolver that says GOAWAY to the question, and looks at it all the same when it *accepts*."""

    async def reply(connection: Web, request: Request, asked: Asked) -> None:
        last = request.stream if accepts else max(0, request.stream - 2)
        await connection.frame(GOAWAY, 0, 0, last.to_bytes(4) + code.to_bytes(4) + text)
        if accepts:
            await asyncio.sleep(0.05)
            await connection.say(request, asked.honest())

    return reply


async def leave(connection: Web) -> None:
    """Say GOAWAY before anything was asked."""
    await connection.frame(GOAWAY, 0, 0, bytes(4) + CALM.to_bytes(4) + b"calm \x1b[31m down")


async def close(connection: Web, _request: Request, _asked: Asked) -> None:
    """Close the connection on the question."""
    await asyncio.sleep(0)
    connection.talk.writer.close()
    raise ConnectionAbortedError


async def cut(connection: Web, request: Request, asked: Asked) -> None:
    """Close the connection in the middle of a body."""
    await connection.say(request, asked.honest()[:20], end=False)
    await close(connection, request, asked)


async def drop(connection: Web, _request: Request, _asked: Asked) -> None:
    """Break the connection off."""
    connection.talk.writer.transport.abort()
    raise ConnectionAbortedError


async def silent(_connection: Web, _request: Request, _asked: Asked) -> None:
    """Say nothing about it."""


async def late(connection: Web, request: Request, asked: Asked) -> None:
    """Answer after what is asked later."""
    asyncio.get_running_loop().call_later(0.2, _answer, connection, request, asked)


def _answer(connection: Web, request: Request, asked: Asked) -> None:
    connection.h2.send_headers(request.stream, list(OK))
    connection.h2.send_data(request.stream, asked.honest(), end_stream=True)
    connection.talk.writer.write(connection.h2.data_to_send())


async def huge(connection: Web, request: Request, _asked: Asked) -> None:
    """Announce a frame of 16 MB."""
    await connection.frame(DATA, 0, request.stream, b"", length=0xFFFFFF)


async def verbose(connection: Web, request: Request, _asked: Asked) -> None:
    """Send 120 KB of headers."""
    many = [(":status", "200"), *((f"x-{number}", 400 * "y") for number in range(300))]
    connection.h2.send_headers(request.stream, many)
    await connection.flush()


def faulty(name: str, does: str, trouble: str, papers: str, **details: Any) -> Case:
    """Return a case of a resolver with a certificate that is not accepted."""
    return never(name, does, trouble, outcome="tls-error", papers=papers, details=details)


def forged(asked: Asked, **more: Any) -> bytes:
    """Return a reply with the forger's address."""
    return asked.reply(address(FORGED), **more)


def sized(asked: Asked, size: int) -> bytes:
    """Return the honest answer with a record of another name up to *size* octets."""
    return asked.reply(address("192.0.2.1"), rr(TXT, bytes(size - len(asked.honest()) - 11), owner=b"\0"))


CASES = (
    status("302", "A redirection to somebody else", "302", ("location", "https://evil.example/dns-query"),
           to="https://evil.example/dns-query"),
    status("301-loop", "A redirection to itself, with the true answer", "301",
           ("location", f"https://{NAME}/dns-query"), body=Asked.honest, to=f"https://{NAME}/dns-query"),
    status("308", "A redirection to another path", "308", ("location", "/elsewhere"), to="/elsewhere"),
    status("301-ansi", "A redirection with ANSI escapes and HTML", "301", ("location", ANSI),
           to="?]0;pwned??[2J<script>"),
    status("303-nowhere", "A redirection to nowhere", "303"),
    status("400", "Bad request", "400"),
    status("403", "A page that says it is blocked", "403", ("content-type", "text/html"), body=HTML),
    status("404", "No such path", "404"),
    status("429", "Too many requests, and when to come again", "429", ("retry-after", "3600"), body=b"slow down"),
    status("500", "A fault of the server, with the true answer", "500", *OK[1:], body=Asked.honest),
    status("502", "A fault behind the server", "502", ("content-type", "text/html"), body=HTML),
    status("503", "Not now", "503", ("retry-after", "9")),
    status("999", "A status that does not exist", "999"),
    status("2oo", "A status that begins like a success, with the true answer", "2OO", body=Asked.honest),
    status("200-ok", "A status with its reason, with the true answer", "200 OK", body=Asked.honest),
    status("20000", "A status of five digits, with the true answer", "20000", body=Asked.honest),
    case("204", "No content", saying(b"", (":status", "204")), *bad("there is no content-type")),
    typed("html", "A page where a message should be", "text/html", "content-type is text/html", HTML),
    typed("text", "The true answer as text", "text/plain", "content-type is text/plain"),
    typed("json", "An answer in JSON", "application/dns-json", "content-type is application/dns-json", b'{"Status":0}'),
    typed("no-type", "The true answer without a type", None, "there is no content-type"),
    typed("type-ansi", "A type of ANSI escapes and HTML", ANSI, "content-type is ?]0;pwned??[2J<script>"),
    case("type-capitals", "The right type in capitals and with a parameter",
         saying(Asked.honest, (":status", "200"), ("content-type", "Application/DNS-Message; charset=utf-8")),
         answered()),
    case("headers-ansi", "The answer, under headers of ANSI escapes and HTML", saying(
        Asked.honest, *OK, ("server", ANSI), ("x-html", "<script>"), ("set-cookie", "id=1"), ("alt-svc", 'h3=":1"')),
         answered()),
    case("gzip", "A body that is said to be compressed", saying(b"\x1f\x8b", *OK, ("content-encoding", "gzip")),
         *bad("content-encoding is gzip")),
    case("gzip-unsaid", "A compressed body that is not said to be", saying(b"\x1f\x8b\x08" + bytes(40)),
         *bad(ANOTHER, "malformed")),
    case("html-typed", "A page with the type of a message", saying(HTML), *bad(ANOTHER, "malformed")),
    case("empty", "An empty body", saying(b""), *bad("the body is empty")),
    case("runt", "A body of 4 octets", saying(b"runt"), *bad("4 octets are no DNS message", "malformed")),
    case("zeros", "A body of 12 zeros", saying(bytes(12)), *bad(ANOTHER, "malformed")),
    case("length-short", "More octets than the content-length says", saying(
        Asked.honest, *OK, ("content-length", "9")),
         *bad(WRONG)),
    case("length-long", "Fewer octets than the content-length says", saying(
        Asked.honest, *OK, ("content-length", "500")),
         *bad(WRONG)),
    case("largest", "A message of 65,535 octets", saying(lambda asked: sized(asked, LARGEST)), answered(size=LARGEST)),
    case("too-long", "A body of 65,536 octets", saying(bytes(LARGEST + 1)),
         *bad("the body is longer than 65535 octets")),
    case("endless", "A body without end", endless, *bad("the body is longer than 65535 octets")),
    case("endless-500", "A fault of the server, told without end", endless_error, *bad("HTTP 500")),
    case("trickled", "Hints, the answer octet by octet, and trailers", trickled, answered()),
    case("unfinished", "The answer without its last octet, and no end", unfinished(lambda asked: asked.honest()[:-1]),
         *bad(None, "timeout")),
    case("unended", "The answer, and no end", unfinished(Asked.honest), *bad(None, "timeout")),
    case("no-body", "Good headers, then nothing", unfinished(lambda _asked: b""), *bad(None, "timeout")),

    case("id", "The answer with another ID than 0", saying(lambda asked: asked.reply(
        address("192.0.2.1"), ident=0x1234)), *bad("the reply has ID 4660, the query 0", "malformed")),
    case("qname", "A reply about another name", saying(lambda asked: forged(
        asked, question=named("odd.exampla") + asked.question[-4:])), *bad(ANOTHER, "malformed")),
    case("qtype", "A reply about another type", saying(lambda asked: forged(
        asked, question=asked.question[:-4] + b"\0\x1c\0\1")), *bad(ANOTHER, "malformed")),
    case("echo", "The query itself", saying(lambda asked: asked.octets), *bad(ANOTHER, "malformed")),
    case("query", "An answer with QR=0", saying(lambda asked: forged(asked, flags=RESPONSE & ~QR)),
         *bad(ANOTHER, "malformed")),
    case("another", "The answer to a question of somebody else", saying(
        lambda asked: forged(asked, question=named("plain-0.example") + asked.question[-4:])),
         *bad(ANOTHER, "malformed")),
    case("tc", "TC, and no record: not a denial", saying(lambda asked: asked.reply(flags=RESPONSE | TC)),
         *twice(said("malformed", 0, tc=True))),
    case("cut-record", "A message that ends inside its record", saying(lambda asked: asked.honest()[:-2]),
         *twice(malformed())),
    case("two", "The answer, and another behind it in the same body",
         saying(lambda asked: asked.honest() + forged(asked)), answered(size=90)),
    case("pointer-loop", "An owner that is a pointer to itself", saying(lambda asked: asked.reply(
        address(FORGED, owner=(0xC000 | asked.end).to_bytes(2)))), *twice(malformed())),
    case("ede-ansi", "Extended DNS Error with ANSI escapes", saying(lambda asked: asked.reply(
        rcode=5, additional=[opt(ede(18, b"\x1b[31mno"))])), said("refused", 5, ede=[18], ede_text="\\x1b[31mno")),

    case("silent", "The question alone is not answered", silent, *bad(None, "timeout")),
    case("late", "The answer after those to later questions", late, answered()),
    case("reset", "The stream is reset", resetting(INTERNAL_ERROR), *bad("the peer resets the stream: INTERNAL_ERROR")),
    case("reset-calm", "The stream is reset: too much is asked", resetting(CALM),
         *bad("the peer resets the stream: ENHANCE_YOUR_CALM")),
    case("reset-middle", "The stream is reset in the middle of the answer", resetting(CANCEL, after=20),
         *bad("the peer resets the stream: CANCEL")),
    case("reset-whole", "The stream is reset behind the answer, which has no end", resetting(NO_ERROR, after=200),
         *bad("the peer resets the stream: NO_ERROR")),
    case("reset-unknown", "The stream is reset with a code that does not exist", resetting(0x77),
         *bad("the peer resets the stream: error 0x77")),
    case("refuse", "The stream is refused, each time", resetting(REFUSED_STREAM),
         *bad("the peer resets the stream: REFUSED_STREAM")),
    case("refuse-once", "The stream is refused the first time, and answered the second",
         resetting(REFUSED_STREAM, first_only=True), answered()),
    case("goaway", "GOAWAY to the question, which is not looked at", leaving(NO_ERROR),
         *bad("the peer ends the connection: NO_ERROR")),
    case("goaway-ansi", "GOAWAY with a reason of ANSI escapes and HTML", leaving(CALM, ANSI.encode()),
         *bad("the peer ends the connection: ENHANCE_YOUR_CALM, ?]0;pwned??[2J<script>")),
    case("goaway-accepted", "GOAWAY after the question was accepted, then the answer",
         leaving(NO_ERROR, accepts=True), answered()),
    never("goaway-at-once", "GOAWAY at once, on each connection",
          "the peer ends the connection: ENHANCE_YOUR_CALM, calm ?[31m down", leave),
    case("close", "The connection is closed on the question", close, *bad(CLOSED, "unreachable")),
    case("drop", "The connection is broken off on the question", drop, *bad(Either(CLOSED, RESET), "unreachable")),
    case("cut", "The connection is closed in the middle of a body", cut, *bad(CUT)),

    case("settings-flood", "Settings by the thousand", frames((SETTINGS, 0, b""), times=4000),
         *bad("wrong HTTP/2: more frames than queries explain")),
    case("ping-flood", "Pings by the thousand", frames((PING, 0, b"password"), times=4000),
         *bad("wrong HTTP/2: more frames than queries explain")),
    case("data-flood", "Empty parts of a body by the thousand", frames(
        (HEADERS, END_HEADERS, b"\x88\x5f\x17application/dns-message"), *[(DATA, 0, b"")] * 4000),
         *bad("wrong HTTP/2: more frames than queries explain")),
    case("continuation-flood", "Headers that go on and on", frames(
        (HEADERS, 0, b"\x88"), *[(CONTINUATION, 0, b"\x40\1a\1b")] * 4000), *bad(WRONG)),
    case("headers-large", "Headers of 120,000 octets", verbose, *bad(WRONG)),
    case("frame-large", "A frame that is said to be of 16 MB", huge, *bad("wrong HTTP/2: a frame is too large")),
    case("data-first", "A body before its headers", frames((DATA, 1, bytes(45))), *bad(WRONG)),
    case("no-status", "Headers without a status", frames(
        (HEADERS, END_HEADERS, b"\x5f\x17application/dns-message"), (DATA, 1, bytes(45))), *bad(WRONG)),
    case("hpack", "Headers that nobody can decompress", frames((HEADERS, END_HEADERS, b"\xff" * 9)), *bad(WRONG)),
    case("push", "An answer that is pushed", frames((PUSH_PROMISE, END_HEADERS, b"\0\0\0\2\x82\x87\x84")), *bad(WRONG)),
    case("goaway-short", "GOAWAY that is too short", frames((GOAWAY, 0, b"short")), *bad(WRONG)),
    case("window", "A window that is opened by nothing", frames((WINDOW_UPDATE, 0, bytes(4))), *bad(WRONG)),

    never("http-1", "It chooses HTTP/1.1", "the peer speaks no HTTP/2", alpn=("http/1.1",)),
    never("no-alpn", "It chooses no protocol", "the peer speaks no HTTP/2", alpn=()),
    never("no-streams", "It lets no stream be opened", NOTHING_GOES, streams=0,
          outcome="timeout"),
    never("no-window", "It lets no octet of a body be sent", NOTHING_GOES,
          window=0, details={"method": "POST"}, outcome="timeout"),
    case("one-stream", "One stream at a time, and the question is not answered", silent, *bad(None, "timeout"),
         of={"streams": 1}),
    faulty("expired", "A certificate that has expired", f"certificate has expired (notAfter {ENDED:%Y-%m-%d})",
           "expired"),
    faulty("wrong-name", "A certificate for another name", f"certificate is for www.other.example, not {NAME}",
           "wrong-name"),
    faulty("unknown", "A certificate of an authority that is not trusted",
           f"certificate of an unknown authority ({STRANGER})", "unknown"),
    faulty("self-signed", "A certificate that it signed itself", "self-signed certificate", "self-signed"),
    faulty("pin", "A good certificate whose key is not the one that is pinned",
           f"no pin matches: the certificate's is {issued('good').pin}", "good", pins=[issued("another").pin]),
    *(replace(other, name=other.name.replace("tls-", "https-"), transport="https") for other in tls.CASES
      if other.name in {"tls-closed", "tls-hang", "tls-hello-close", "tls-plaintext", "tls-hello-http"}),
)  # fmt: skip
