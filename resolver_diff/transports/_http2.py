"""HTTP/2 as a client of a resolver speaks it (RFC 9113, RFC 8484): one stream for each query.

h2 keeps the state of the protocol. It is given one frame at a time, for two reasons: a frame
that is wrong must not cost the replies that came before it in the same segment; and h2 takes
no more frames after GOAWAY, though a peer that leaves politely still answers what it has
accepted, so these frames it never sees.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from h2.settings import SettingCodes, Settings
from hpack import NeverIndexedHeaderTuple

from resolver_diff.transports import Trouble
from resolver_diff.transports._connection import CLOSED, Ask, End, Keeper, TcpConnection, unfit
from resolver_diff.transports._http import EMPTY, LARGEST, TOO_LONG, Asking, fault
from resolver_diff.transports._line import Line
from resolver_diff.transports._words import RefusedError, coded, shown

MOST_STREAMS = 1_024  # queries in flight on one connection, where the peer allows as many
MOST_ENDED = 1 << 16  # octets of a stream whose query has ended; beyond, the peer is told to stop
STREAM_WINDOW = 1 << 17  # more than the largest message and its padding; never opened further
WINDOW = 1 << 24  # octets of all bodies that are not whole yet
FRAMES, FRAMES_A_QUERY = 1_000, 100  # received on one connection; more is a flood, and each costs 50 us
UNREAD = 1 << 20  # octets of ours that a peer does not read before it is left
LARGEST_FRAME = 16_384  # RFC 9113 4.2: what we never said may be more
FRAME_HEADER = 9
GOAWAY = 7
GOAWAY_PAYLOAD = 8  # last stream and error code; then text
ABRUPT = "the peer ends the connection: "
CUT = "the connection ended in the middle of a response"
CODES = {each.value: each.name for each in h2.errors.ErrorCodes}
NO_HTTP2 = "the peer speaks no HTTP/2"

_CONFIG = h2.config.H2Configuration(
    header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False
)
_SETTINGS = {
    SettingCodes.ENABLE_PUSH: 0,
    SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
    SettingCodes.MAX_HEADER_LIST_SIZE: 1 << 14,
}


@dataclass(slots=True)
class _Reply:
    """What came on one stream."""

    ask: Ask | None  # None: it has ended, and what still comes is thrown away
    began: bool = False  # good headers came
    octets: int = 0  # of our window
    body: bytearray = field(default_factory=bytearray)


class Http2(TcpConnection):
    """One connection: requests out, responses in."""

    def __init__(self, line: Line, session: Keeper) -> None:
        super().__init__(line, session)
        self._http = h2.connection.H2Connection(_CONFIG)
        self._http.local_settings = Settings(client=True, initial_values=_SETTINGS)
        self._streams: dict[int, _Reply] = {}
        self._buffer = bytearray()
        self._frames = 0
        self._owed = 0  # octets of the window to give back
        self._greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asking = Asking(line.endpoint)

    async def begin(self) -> None:
        """Say that HTTP/2 is spoken, and wait until the peer says the same; raises RefusedError when it does not."""
        self._http.initiate_connection()
        self._http.increment_flow_control_window(WINDOW - 65_535)
        self._flush()
        await self._greeted

    def write(self, queue: deque[Ask], most: int) -> None:
        """See ``Connection``."""
        allowed = min(MOST_STREAMS, self._http.remote_settings.max_concurrent_streams)
        for _ in range(min(most, allowed - len(self._streams))):
            message = b"\0\0" + queue[0].octets  # the ID is 0 (RFC 8484 4.1)
            if self._asking.posts and len(message) > self._window():
                break
            ask = queue.popleft()
            stream = self._http.get_next_available_stream_id()
            ask.place = stream
            ask.written, ask.sent = self._session.now(), time.time_ns()
            self._request(stream, message)
            self.open[stream] = ask
            self._streams[stream] = _Reply(ask)
            self.asked += 1
        self._flush()

    def forget(self, ask: Ask) -> None:
        """See ``Connection``; the peer is told, so that the stream does not count as open any more."""
        stream = next(number for number, other in self.open.items() if other is ask)
        del self.open[stream]
        self._cancel(stream)
        assert self.transport is not None
        self.transport.write(self._http.data_to_send())

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        now = time.time_ns()
        buffer = self._buffer
        buffer += data
        begin = 0
        while len(buffer) >= begin + FRAME_HEADER:
            end = begin + FRAME_HEADER + int.from_bytes(buffer[begin : begin + 3], "big")
            if end - begin > FRAME_HEADER + LARGEST_FRAME:
                self._fail(bytes(buffer[begin : begin + FRAME_HEADER]), "a frame is too large")
                return
            if len(buffer) < end:
                break
            frame = bytes(buffer[begin:end])
            begin = end
            try:
                self._hear(frame, now)
            except Exception as error:  # noqa: BLE001 -- whatever a hostile frame breaks in the libraries, it is its sender's
                self._fail(frame, str(error))
                return
        del buffer[:begin]
        if self._owed >= WINDOW // 4:
            self._http.increment_flow_control_window(self._owed)
            self._owed = 0
        self._flush()
        self.pause_when_full()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        super().connection_lost(exc)
        says = self.leaving or self.lost or CLOSED
        if self._greeted.done():
            began = self.lost_by != Trouble.TLS and any(reply.ask and reply.began for reply in self._streams.values())
            self._line.ended(self, Trouble.HTTP if began else self.lost_by, CUT if began else says)
        else:
            self._refuse(
                RefusedError(
                    Trouble.TLS if self.lost_by == Trouble.TLS else Trouble.HTTP, f"no beginning of HTTP/2: {says}"
                )
            )

    def _refuse(self, error: RefusedError) -> None:
        self._greeted.set_exception(error)
        self._greeted.exception()  # nobody may be waiting for it any more

    def _request(self, stream: int, message: bytes) -> None:
        posts, path, rest = self._asking.posts, self._asking.path(message), self._asking.rest(message)
        named = (b":path", path) if posts else NeverIndexedHeaderTuple(b":path", path)
        self._http.send_headers(stream, [named, *rest], end_stream=not posts)
        if not posts:
            return
        for begin in range(0, len(message), LARGEST_FRAME):
            end = begin + LARGEST_FRAME
            self._http.send_data(stream, message[begin:end], end_stream=end >= len(message))

    def _window(self) -> int:
        """Return how many octets of a body may be sent now on a new stream."""
        return min(self._http.outbound_flow_control_window, self._http.remote_settings.initial_window_size)

    def _flush(self) -> None:
        """Send what h2 has to say; leave a peer that does not read it."""
        assert self.transport is not None
        if octets := self._http.data_to_send():
            self.transport.write(octets)
            if self.transport.get_write_buffer_size() > UNREAD:
                self._line.ended(self, Trouble.HTTP, "the peer does not read what it is sent")

    def _hear(self, frame: bytes, now: int) -> None:
        """Take in one frame; raises whatever h2 makes of a wrong one."""
        self._frames += 1
        if self._frames > FRAMES + FRAMES_A_QUERY * self.asked:
            raise h2.exceptions.ProtocolError("more frames than queries explain")
        if frame[3] == GOAWAY:
            self._hear_goodbye(frame[FRAME_HEADER:])
            return
        for event in self._http.receive_data(frame):
            if isinstance(event, h2.events.ResponseReceived):
                self._hear_headers(event.stream_id, event.headers or [])
            elif isinstance(event, h2.events.DataReceived):
                self._hear_data(event)
            elif isinstance(event, h2.events.StreamEnded):
                self._hear_end(event.stream_id, now)
            elif isinstance(event, h2.events.StreamReset):
                self._hear_reset(event)
            elif isinstance(event, h2.events.RemoteSettingsChanged) and not self._greeted.done():
                self._greeted.set_result(None)

    def _hear_headers(self, stream: int | None, headers: list[tuple[bytes, bytes]]) -> None:
        reply = self._streams.get(stream or 0)
        if reply is None or reply.ask is None:
            return
        says = fault(headers)
        if says is None:
            reply.began = True
        else:
            self._end(stream or 0, Trouble.HTTP, says)

    def _hear_data(self, event: h2.events.DataReceived) -> None:
        stream = event.stream_id or 0
        reply = self._streams.get(stream)
        if reply is None:
            self._owed += event.flow_controlled_length or 0
            return
        reply.octets += event.flow_controlled_length or 0
        if reply.ask is not None:
            reply.body += event.data or b""
            if len(reply.body) > LARGEST:
                self._end(stream, Trouble.HTTP, TOO_LONG)
                self._cancel(stream)
        elif reply.octets > MOST_ENDED:
            self._cancel(stream)

    def _hear_end(self, stream: int | None, now: int) -> None:
        reply = self._streams.pop(stream or 0, None)
        if reply is None:
            return
        self._owed += reply.octets
        if reply.ask is None:
            return
        del self.open[stream or 0]
        self.answered(reply.ask)
        message = bytes(reply.body)
        says = unfit(message)
        if says is None:
            self._session.ends.append(End(reply.ask, now, None, message))
        elif message:
            self._session.ends.append(End(reply.ask, now, Trouble.MALFORMED, says=says))
        else:
            self._session.ends.append(End(reply.ask, now, Trouble.HTTP, says=EMPTY))

    def _hear_reset(self, event: h2.events.StreamReset) -> None:
        stream = event.stream_id or 0
        reply = self._streams.pop(stream, None)
        if reply is None:
            return
        self._owed += reply.octets
        if reply.ask is None:
            return
        del self.open[stream]
        says = f"the peer resets the stream: {_code(event.error_code)}"
        if event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM:
            self.asked -= 1
            self._line.ask_again([reply.ask], says)
        else:
            self._session.ends.append(End(reply.ask, time.time_ns(), Trouble.HTTP, says=says))

    def _hear_goodbye(self, payload: bytes) -> None:
        """Take note of GOAWAY (RFC 9113 6.8): what the peer has not looked at is asked again elsewhere."""
        if len(payload) < GOAWAY_PAYLOAD:
            raise h2.exceptions.ProtocolError("GOAWAY is too short")
        last = int.from_bytes(payload[:4], "big") & 0x7FFF_FFFF
        text = shown(payload[GOAWAY_PAYLOAD:])
        self.leaving = ABRUPT + _code(int.from_bytes(payload[4:8], "big")) + (f", {text}" if text else "")
        unread = [stream for stream in self.open if stream > last]
        asks = [self.open.pop(stream) for stream in unread]
        for stream in unread:
            self._owed += self._streams.pop(stream).octets
        self.asked -= len(asks)
        self._line.ask_again(asks[1:] + asks[:1], self.leaving)  # the first may be why: next time it harms no other

    def _end(self, stream: int, trouble: Trouble, says: str) -> None:
        """End the query of a stream with trouble; what else comes on it is thrown away."""
        reply = self._streams[stream]
        assert reply.ask is not None
        del self.open[stream]
        self.answered(reply.ask)
        self._session.ends.append(End(reply.ask, time.time_ns(), trouble, says=says))
        reply.ask = None
        reply.body.clear()

    def _cancel(self, stream: int) -> None:
        """Tell the peer that nothing more is wanted on a stream."""
        self._owed += self._streams.pop(stream).octets
        self._http.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)

    def _fail(self, frame: bytes, says: str) -> None:
        """Leave the peer for a frame that is wrong; when it belongs to a query, that one is to blame."""
        said = f"wrong HTTP/2: {shown(says)}"
        if not self._greeted.done():
            self._refuse(RefusedError(Trouble.HTTP, NO_HTTP2 if frame.startswith(b"HTTP/") else said))
            return
        stream = int.from_bytes(frame[5:9], "big") & 0x7FFF_FFFF
        if stream in self.open:
            self._end(stream, Trouble.HTTP, said)
        self._line.ended(self, Trouble.HTTP, said)


def _code(code: int | None) -> str:
    """Return the name of an error code of HTTP/2, or the code where it has none."""
    return coded(CODES.get(code or 0, ""), code or 0)
