"""DNS over HTTP/3 (DoH3: RFC 8484 over RFC 9114); needs the extra ``quic``."""

import base64
import functools
from dataclasses import dataclass, field
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
        self._http = _connection()(self._link.quic, self._go_away)

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


@functools.cache
def _connection() -> Any:
    """Return an ``H3Connection`` that tells of GOAWAY, which aioquic ignores."""
    from aioquic.h3.connection import FrameType, H3Connection  # noqa: PLC0415  an extra

    class Connection(H3Connection):
        def __init__(self, quic: Any, go_away: Any) -> None:
            super().__init__(quic)
            self._go_away = go_away

        def _handle_control_frame(self, frame_type: int, frame_data: bytes) -> None:
            super()._handle_control_frame(frame_type, frame_data)
            if frame_type == FrameType.GOAWAY:
                self._go_away(_integer(frame_data))

    return Connection


def _integer(octets: bytes) -> int:
    """Return the integer at the start of *octets*, which says itself how long it is (RFC 9000 16)."""
    length = 1 << (octets[0] >> 6) if octets else 1
    return int.from_bytes(octets[:length], "big") & ((1 << (8 * length - 2)) - 1)


def _base64url(message: bytes) -> bytes:
    """Return *message* as RFC 8484 4.1.1 has it: without padding."""
    return base64.urlsafe_b64encode(message).rstrip(b"=")


TRANSPORT = Transport(open=functools.partial(open_session, Doh3), lack=lack)
