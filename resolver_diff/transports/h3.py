"""DNS over HTTP/3 (DoH3: RFC 8484 over RFC 9114); needs the extra ``quic``."""

import base64
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from resolver_diff.transports import Endpoint, Transport, Trouble
from resolver_diff.transports._quic import lack, open_session
from resolver_diff.transports._quic_words import coded, plain
from resolver_diff.wire import HEADER

if TYPE_CHECKING:
    from aioquic.h3.connection import H3Connection

    from resolver_diff.transports._quic_link import Link

PORT = 443
PATH = "/dns-query"
MEDIA = "application/dns-message"
LARGEST = 0xFFFF  # octets of a body
FROM_SERVER = 0b11  # the low bits of the number of a stream on which only the server speaks (RFC 9000 2.1)
CONTROL, GOAWAY = 0x00, 0x07  # kinds of a stream and of a frame (RFC 9114 6.2.1, 7.2.6)
LONGEST_INTEGER = 8  # octets
REJECTED = 0x10B  # H3_REQUEST_REJECTED: not looked at, to be asked again (RFC 9114 4.1.1)


@dataclass(slots=True)
class Exchange:
    """One request on its way: what has come of the response."""

    status: str = ""
    body: bytearray = field(default_factory=bytearray)


class Doh3:
    """See ``Speech``: a query in a request, the reply in the body of its response."""

    alpn = "h3"
    no_error = 0x100  # RFC 9114 8.1
    cancelled = 0x10C
    trouble = Trouble.HTTP

    def __init__(self, link: "Link", endpoint: Endpoint) -> None:
        self._link = link
        self._http: H3Connection | None = None
        self._exchanges: dict[int, Exchange] = {}
        self._controls: dict[int, Control] = {}
        host = endpoint.hostname or (f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address)
        authority = host if endpoint.port == PORT else f"{host}:{endpoint.port}"
        self._path = (endpoint.path or PATH).removesuffix("{?dns}").encode()
        self._posts = endpoint.method == "POST"
        self._fixed = [
            (b":method", b"POST" if self._posts else b"GET"),
            (b":scheme", b"https"),
            (b":authority", authority.encode()),
        ]

    def begin(self) -> None:
        """See ``Speech``: streams for settings and for the compression of headers."""
        from aioquic.h3.connection import H3Connection  # noqa: PLC0415  an extra

        self._http = H3Connection(self._link.quic)

    def ask(self, message: bytes) -> int:
        """See ``Speech``."""
        assert self._http is not None
        stream = self._link.quic.get_next_available_stream_id()
        accept = (b"accept", MEDIA.encode())
        if self._posts:
            content = [(b"content-type", MEDIA.encode()), (b"content-length", b"%d" % len(message))]
            self._http.send_headers(stream, [*self._fixed, (b":path", self._path), accept, *content])
            self._http.send_data(stream, message, end_stream=True)
        else:
            path = self._path + (b"&" if b"?" in self._path else b"?") + b"dns=" + _base64url(message)
            self._http.send_headers(stream, [*self._fixed, (b":path", path), accept], end_stream=True)
        self._exchanges[stream] = Exchange()
        return stream

    def data(self, event: Any) -> None:
        """See ``Speech``."""
        assert self._http is not None
        if event.stream_id & FROM_SERVER == FROM_SERVER:
            first = self._controls.setdefault(event.stream_id, Control()).feed(event.data)
            if first is not None:
                self._go_away(first)
        parts: list[Any] = list(self._http.handle_event(event))  # what they have differs by kind
        for part in parts:
            exchange = self._exchanges.get(part.stream_id) if getattr(part, "push_id", None) is None else None
            if exchange is None:
                continue
            fault = self._head(exchange, part.headers) if hasattr(part, "headers") else self._body(exchange, part.data)
            if fault is not None:
                self._fault(part.stream_id, *fault)
            elif part.stream_ended:
                self._finish(part.stream_id)

    def _head(self, exchange: Exchange, headers: list[tuple[bytes, bytes]]) -> tuple[Trouble, str] | None:
        """Take in the *headers* of a response; return what is wrong with them."""
        found = {name.lower(): value for name, value in headers}
        status = found.get(b":status", b"").decode("ascii", "replace")
        if exchange.status or status.startswith("1"):
            return None  # trailers, or an interim response
        exchange.status = status
        if status != "200":
            where = f" to {plain(found[b'location'])}" if status.startswith("3") and b"location" in found else ""
            return Trouble.HTTP, f"HTTP {plain(status)}{where}"
        media = found.get(b"content-type", b"").partition(b";")[0].strip()
        if media.lower() != MEDIA.encode():
            return Trouble.HTTP, f"HTTP 200 with {f'type {plain(media)}' if media else 'no type'}, not {MEDIA}"
        encoding = found.get(b"content-encoding", b"identity")
        if encoding.lower() != b"identity":
            return Trouble.HTTP, f"HTTP 200 with encoding {plain(encoding)}, which was not asked for"
        return None

    def _body(self, exchange: Exchange, octets: bytes) -> tuple[Trouble, str] | None:
        """Take in *octets* of a body; return what is wrong with it."""
        exchange.body += octets
        if len(exchange.body) > LARGEST:
            return Trouble.HTTP, f"HTTP 200 with more than {LARGEST} octets"
        return None

    def _finish(self, stream: int) -> None:
        exchange = self._exchanges.pop(stream)
        message = bytes(exchange.body)
        if not exchange.status:
            self._fault(stream, Trouble.HTTP, "the stream ended without a response")
        elif not message:
            self._fault(stream, Trouble.HTTP, "HTTP 200 with an empty body")
        elif len(message) < HEADER:
            self._fault(stream, Trouble.MALFORMED, f"{len(message)} octets are no DNS message")
        elif message[:2] != b"\0\0":
            self._fault(
                stream, Trouble.MALFORMED, f"the reply has ID {int.from_bytes(message[:2], 'big')}, the query 0"
            )
        else:
            self._link.reply(stream, message, self._link.came)

    def _fault(self, stream: int, trouble: Trouble, says: str) -> None:
        self._exchanges.pop(stream, None)
        self._link.fault(stream, trouble, says)

    def reset(self, event: Any) -> None:
        """See ``Speech``."""
        assert self._http is not None
        self._http.handle_event(event)
        says = f"stream reset with {coded(self.name(event.error_code), event.error_code)}"
        self._exchanges.pop(event.stream_id, None)
        if event.error_code == REJECTED:
            self._link.again(event.stream_id, self.trouble, says)
        else:
            self._link.fault(event.stream_id, self.trouble, says)

    def stopped(self, event: Any) -> None:
        """See ``Speech``: a response may still come (RFC 9114 4.1)."""
        assert self._http is not None
        self._http.handle_event(event)

    def grace(self) -> None:
        """See ``Speech``."""

    def name(self, code: int) -> str:
        """See ``Speech``."""
        from aioquic.h3.connection import ErrorCode  # noqa: PLC0415  an extra

        return {each.value: each.name for each in ErrorCode}.get(code, "")

    def _go_away(self, first: int) -> None:
        """Ask again, elsewhere, what is on streams from *first*: the peer will not look at it (RFC 9114 5.2)."""
        self._link.retired = True
        for stream in [each for each in self._exchanges if each >= first]:
            del self._exchanges[stream]
            self._link.again(stream, self.trouble, "HTTP server going away")


class Control:
    """One stream from the server; where it is the control stream, GOAWAY is read off it: aioquic passes it over."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._is_control: bool | None = None
        self._skipped = 0  # octets of a frame that are still to come and say nothing to us

    def feed(self, octets: bytes) -> int | None:
        """Take in *octets*; return the first stream that the server will not look at, if it says so."""
        if self._is_control is False:
            return None
        self._octets += octets
        found = None
        while self._octets:
            if self._skipped:
                length = min(self._skipped, len(self._octets))
                del self._octets[:length]
                self._skipped -= length
                continue
            kind, at = _integer(self._octets, 0)
            if self._is_control is None and at:
                self._is_control = kind == CONTROL
                del self._octets[:at]
                if not self._is_control:
                    return None
                continue
            length, begin = _integer(self._octets, at) if at else (0, 0)
            if not begin or (kind == GOAWAY and len(self._octets) < begin + min(length, LONGEST_INTEGER)):
                break
            if kind == GOAWAY:
                found, _ = _integer(self._octets, begin)
            del self._octets[:begin]
            self._skipped = length
        return found


def _integer(octets: bytearray, at: int) -> tuple[int, int]:
    """Return the integer at *at* of *octets* and where it ends (RFC 9000 16); it ends at 0 when it is not whole."""
    length = 1 << (octets[at] >> 6) if len(octets) > at else LONGEST_INTEGER
    if len(octets) < at + length:
        return 0, 0
    return int.from_bytes(octets[at : at + length], "big") & ((1 << (8 * length - 2)) - 1), at + length


def _base64url(message: bytes) -> bytes:
    """Return *message* as RFC 8484 4.1.1 has it: without padding."""
    return base64.urlsafe_b64encode(message).rstrip(b"=")


TRANSPORT = Transport(open=partial(open_session, Doh3), lack=lack)
