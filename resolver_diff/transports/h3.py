"""DNS over HTTP/3 (DoH3: RFC 8484 over RFC 9114); needs the extra ``quic``."""

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from resolver_diff.transports import Endpoint, Transport, Trouble
from resolver_diff.transports._connection import unfit
from resolver_diff.transports._http import EMPTY, LARGEST, TOO_LONG, Asking, Headers, fault
from resolver_diff.transports._quic import lack, open_session
from resolver_diff.transports._words import coded, shown

if TYPE_CHECKING:
    from aioquic.h3.connection import H3Connection

    from resolver_diff.transports._quic_link import Link

FROM_SERVER = 0b11  # the low bits of the number of a stream on which only the server speaks (RFC 9000 2.1)
CONTROL, GOAWAY = 0x00, 0x07  # kinds of a stream and of a frame (RFC 9114 6.2.1, 7.2.6)
LONGEST_INTEGER = 8  # octets
GOING = "HTTP server going away"
WRONG = 0x10E  # H3_MESSAGE_ERROR
REJECTED = 0x10B  # H3_REQUEST_REJECTED: not looked at, to be asked again (RFC 9114 4.1.1)


@dataclass(slots=True)
class Exchange:
    """One request on its way: what has come of the response."""

    began: bool = False  # good headers came
    body: bytearray = field(default_factory=bytearray)


class Sparing:
    """A connection of QUIC that is not closed for what is wrong with one response (RFC 9114 4.1.2)."""

    def __init__(self, link: "Link") -> None:
        self._link = link
        self.wrong: str | None = None  # what was wrong with the response that was looked at last

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link.quic, name)

    def close(self, error_code: int = 0, frame_type: int | None = None, reason_phrase: str = "") -> None:
        """Close the connection, as aioquic's HTTP/3 asks for whatever is wrong."""
        if error_code == WRONG:
            self.wrong = reason_phrase
        else:
            self._link.quic.close(error_code, frame_type, reason_phrase)


class Doh3:
    """See ``Speech``: a query in a request, the reply in the body of its response."""

    alpn = "h3"
    no_error = 0x100  # RFC 9114 8.1
    cancelled = 0x10C
    trouble = Trouble.HTTP

    def __init__(self, link: "Link", endpoint: Endpoint) -> None:
        self._link = link
        self._http: H3Connection | None = None
        self._quic = Sparing(link)
        self._exchanges: dict[int, Exchange] = {}
        self._controls: dict[int, Control] = {}
        self._asking = Asking(endpoint)

    def begin(self) -> None:
        """See ``Speech``: streams for settings and for the compression of headers."""
        from aioquic.h3.connection import H3Connection  # noqa: PLC0415  an extra

        self._http = H3Connection(self._quic)  # type: ignore[arg-type]  # it looks like one

    def ask(self, message: bytes) -> int:
        """See ``Speech``."""
        assert self._http is not None
        stream = self._link.quic.get_next_available_stream_id()
        posts, path = self._asking.posts, (b":path", self._asking.path(message))
        self._http.send_headers(stream, [path, *self._asking.rest(message)], end_stream=not posts)
        if posts:
            self._http.send_data(stream, message, end_stream=True)
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
        if self._quic.wrong is not None:
            wrong, self._quic.wrong = f"wrong HTTP/3: {shown(self._quic.wrong)}", None
            self._http._is_done = False  # noqa: SLF001  the other responses are none the worse for it
            self._fault(event.stream_id, Trouble.HTTP, wrong)
            return
        for part in parts:
            exchange = self._exchanges.get(part.stream_id) if getattr(part, "push_id", None) is None else None
            if exchange is None:
                continue
            says = self._head(exchange, part.headers) if hasattr(part, "headers") else _body(exchange, part.data)
            if says is not None:
                self._fault(part.stream_id, Trouble.HTTP, says)
            elif part.stream_ended:
                self._finish(part.stream_id)

    @staticmethod
    def _head(exchange: Exchange, headers: Headers) -> str | None:
        """Take in the *headers* of a response; return what is wrong with them."""
        if exchange.began or dict(headers).get(b":status", b"").startswith(b"1"):
            return None  # trailers, or an interim response
        exchange.began = True
        return fault(headers)

    def _finish(self, stream: int) -> None:
        exchange = self._exchanges.pop(stream)
        message = bytes(exchange.body)
        says = unfit(message)
        if not exchange.began:
            self._fault(stream, Trouble.HTTP, "the stream ended without a response")
        elif not message:
            self._fault(stream, Trouble.HTTP, EMPTY)
        elif says is not None:
            self._fault(stream, Trouble.MALFORMED, says)
        else:
            self._link.reply(stream, message, self._link.came)

    def _fault(self, stream: int, trouble: Trouble, says: str) -> None:
        self._exchanges.pop(stream, None)
        self._link.failed(stream, trouble, says)

    def reset(self, event: Any) -> None:
        """See ``Speech``."""
        assert self._http is not None
        self._http.handle_event(event)
        says = f"stream reset with {coded(self.name(event.error_code), event.error_code)}"
        self._exchanges.pop(event.stream_id, None)
        if event.error_code == REJECTED:
            self._link.again([event.stream_id], says)
        else:
            self._link.failed(event.stream_id, self.trouble, says)

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
        unread = [each for each in self._exchanges if each >= first]
        for stream in unread:
            del self._exchanges[stream]
        self._link.again(unread[1:] + unread[:1], GOING)  # the first may be why: next time it harms no other


def _body(exchange: Exchange, octets: bytes) -> str | None:
    """Take in *octets* of a body; return what is wrong with it."""
    exchange.body += octets
    return TOO_LONG if len(exchange.body) > LARGEST else None


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


TRANSPORT = Transport(open=partial(open_session, Doh3), lack=lack)
