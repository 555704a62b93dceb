"""DNS over dedicated QUIC connections (DoQ, RFC 9250); needs the extra ``quic``."""

from functools import partial
from typing import TYPE_CHECKING, Any

from resolver_diff.transports import Endpoint, Transport, Trouble
from resolver_diff.transports._connection import unfit
from resolver_diff.transports._quic import lack, open_session
from resolver_diff.transports._words import coded

if TYPE_CHECKING:
    from resolver_diff.transports._quic_link import Link

GRACE = 250_000_000  # ns that a whole message waits for the end of its stream
CODES = {  # RFC 9250 4.3
    0x0: "DOQ_NO_ERROR",
    0x1: "DOQ_INTERNAL_ERROR",
    0x2: "DOQ_PROTOCOL_ERROR",
    0x3: "DOQ_REQUEST_CANCELLED",
    0x4: "DOQ_EXCESSIVE_LOAD",
    0x5: "DOQ_UNSPECIFIED_ERROR",
    0xD098EA5E: "DOQ_ERROR_RESERVED",
}
LARGEST = 2 + 0xFFFF  # octets on a stream


class Doq:
    """See ``Speech``: a query on a stream, the reply on the same, each behind its length.

    A reply that breaks the protocol is the trouble of its query alone. RFC 9250 4.3.3 would rather
    have the connection ended, but the other queries on it are innocent.
    """

    alpn = "doq"
    no_error = 0x0
    cancelled = 0x3
    trouble = Trouble.MALFORMED

    def __init__(self, link: "Link", endpoint: Endpoint) -> None:  # noqa: ARG002  every Speech is made alike
        self._link = link
        self._heard: dict[int, bytearray] = {}
        self._whole: dict[int, tuple[int, int]] = {}  # when a stream had all it announces: ns since 1970, session ns

    def begin(self) -> None:
        """See ``Speech``."""

    def ask(self, message: bytes) -> int:
        """See ``Speech``."""
        quic = self._link.quic
        stream = quic.get_next_available_stream_id()
        quic.send_stream_data(stream, len(message).to_bytes(2, "big") + message, end_stream=True)
        return stream

    def data(self, event: Any) -> None:
        """See ``Speech``."""
        stream = event.stream_id
        if not self._link.waits(stream):
            if event.data:
                self._link.stray()
            return
        heard = self._heard.setdefault(stream, bytearray())
        heard += event.data
        if event.end_stream or len(heard) > LARGEST:
            self._finish(stream, self._whole.get(stream, (self._link.came, 0))[0])
        elif event.data and len(heard) > 2 and len(heard) == 2 + int.from_bytes(heard[:2], "big"):
            self._whole[stream] = self._link.came, self._link.now()

    def grace(self) -> None:
        """See ``Speech``: a stream that goes on without saying more has said all."""
        for stream, (when, since) in list(self._whole.items()):
            if self._link.now() - since >= GRACE:  # a stall of ours is no silence of the peer's
                self._finish(stream, when)

    def _finish(self, stream: int, when: int) -> None:
        heard = bytes(self._heard.pop(stream))
        self._whole.pop(stream, None)
        length, message = int.from_bytes(heard[:2], "big"), heard[2:]
        fault: str | None
        if len(heard) < 2:
            fault = "the stream ended in the middle of a length" if heard else "the stream ended without a reply"
        elif len(heard) > LARGEST:
            fault = f"more than {LARGEST} octets came on a stream"
        elif len(message) != length:
            fault = f"the length says {length} octets, and {len(message)} came"
        else:
            fault = unfit(message)
        if fault is None:
            self._link.reply(stream, message, when)
        else:
            self._link.failed(stream, Trouble.MALFORMED, fault)

    def reset(self, event: Any) -> None:
        """See ``Speech``."""
        self._heard.pop(event.stream_id, None)
        self._whole.pop(event.stream_id, None)
        self._link.failed(
            event.stream_id, self.trouble, f"stream reset with {coded(self.name(event.error_code), event.error_code)}"
        )

    def stopped(self, event: Any) -> None:
        """See ``Speech``."""
        if event.error_code != self.no_error:
            self._link.failed(
                event.stream_id, self.trouble, f"query not read, {coded(self.name(event.error_code), event.error_code)}"
            )

    def name(self, code: int) -> str:
        """See ``Speech``."""
        return CODES.get(code, "")


TRANSPORT = Transport(open=partial(open_session, Doq), lack=lack)
