"""One QUIC connection: a connected UDP socket, the state that aioquic keeps, and the queries open on it.

Nothing that aioquic makes of a hostile peer's octets may end the run, so whatever
it raises ends the connection. Names with an underscore are taken from aioquic where
it tells in no other way what a client has to know; without them the connection
still works, only less promptly.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicErrorCode
from aioquic.tls import AlertDescription

from resolver_diff.transports import Endpoint, Trouble, _trust
from resolver_diff.transports._connection import BACKLOG, CLOSED, Ask, Connection, End, Keeper
from resolver_diff.transports._line import Line
from resolver_diff.transports._words import RefusedError, coded, in_words, shown

if TYPE_CHECKING:
    from resolver_diff.transports._quic import Speak, Speech

STREAMS = 1_024  # unanswered queries on one connection, where the peer allows as many
BUFFER = 1 << 20  # octets; a burst of replies must not be lost for want of room
DATAGRAMS = 64  # read before anything is sent: one acknowledgement for many
LARGEST = 65_535  # octets of a datagram
FLOW = 1 << 17  # octets a peer may send on a stream unasked: one message, and room to see that it is too long
CRYPTO = range(0x100, 0x200)  # CRYPTO_ERROR and a TLS alert (RFC 9001 4.8)
BAD_CERTIFICATE = CRYPTO.start + AlertDescription.bad_certificate
CODES = {each.value: each.name for each in QuicErrorCode}
ALERTS = {each.value: each.name for each in AlertDescription}
NO_VERSION = "Could not find a common protocol version"  # aioquic's word for it; there is no code
STALE = 0.5  # seconds before its idle timeout in which a connection is not used again: it may be over at the peer
WASTE = 1 << 20  # octets that a peer may say which nobody asked for, or which it was told not to
OVERHEAD = 256  # octets more for each query: HTTP has streams of its own beside those of the requests
TOKEN = 16  # octets of a stateless reset token (RFC 9000 10.3)

logging.getLogger("quic").addHandler(logging.NullHandler())  # or its warnings land on the terminal
logging.getLogger("http3").addHandler(logging.NullHandler())


async def connect(endpoint: Endpoint, connection: Connection) -> None:
    """Open a QUIC connection to *endpoint*."""
    assert isinstance(connection, Link)
    await connection.begin(endpoint)


class Link(Connection):
    """See ``Connection``; each query has a stream of its own."""

    silence = "the connection went silent"

    def __init__(self, speak: "Speak", line: Line, session: Keeper) -> None:
        super().__init__(line, session)
        self.awaited = "answer to the QUIC handshake"
        self.heard = 0  # when the last datagram came, session ns; 0 = never
        self.came = 0  # when the datagram came that is being looked at, ns since 1970
        self._endpoint = line.endpoint
        self._loop = asyncio.get_running_loop()
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self._late: dict[int, Ask] = {}  # by stream, no longer waited for
        self._unsent: deque[tuple[int, Ask]] = deque()  # written, and not yet in a datagram
        self._timer: asyncio.TimerHandle | None = None
        self._socket: socket.socket | None = None
        self._full_since = 0  # session ns; 0 = it is not
        self._span = 0.0  # seconds of its idle timeout
        self._wasted = 0  # octets that came on streams on which nothing is waited for
        self._over = False
        self.speech: Speech = speak(self, line.endpoint)
        configuration = QuicConfiguration(
            alpn_protocols=[self.speech.alpn],
            is_client=True,
            server_name=line.endpoint.hostname or line.endpoint.address,
            max_stream_data=FLOW,
            verify_mode=ssl.CERT_NONE,  # we look at the certificate ourselves, before the first query
        )
        self.quic = QuicConnection(configuration=configuration)

    def now(self) -> int:
        """Return the session's time in ns."""
        return self._session.now()

    async def begin(self, endpoint: Endpoint) -> None:
        """Shake hands; raises RefusedError with why that fails, and OSError where there is no socket, or no way."""
        self._socket, self._peer = connected(endpoint)
        self._loop.add_reader(self._socket, self._read)
        self.quic.connect(self._peer, now=self._loop.time())
        self._carry_on()
        await self._greeted

    def write(self, queue: deque[Ask], most: int) -> None:
        """See ``Connection``."""
        asks = [queue.popleft() for _ in range(min(most, self._allowed()))]
        now = self._session.now()
        try:
            for ask in asks:
                ask.written = now
                stream = self.speech.ask(b"\0\0" + ask.octets)
                self.open[stream] = ask
                self._unsent.append((stream, ask))
                self.asked += 1
        except Exception as error:  # noqa: BLE001  see above
            opened = set(self.open.values())
            self._line.queue.extendleft(ask for ask in reversed(asks) if ask not in opened)
            self._broke(error)
            return
        if asks:
            self._carry_on()

    def _allowed(self) -> int:
        """Return how many more streams the peer lets be opened; makes room where it counts what is not waited for."""
        most: int = getattr(self.quic, "_remote_max_streams_bidi", STREAMS)
        left = most - self.quic.get_next_available_stream_id() // 4
        if left <= 0 and self._late:
            for stream in self._late:
                self._stop(stream)
            self._late.clear()
            self._loop.call_soon(self._carry_on)  # what it may find out shall surprise nobody who only asked
        return left

    def forget(self, ask: Ask) -> None:
        """See ``Connection``; a reply that comes late is still a fact."""
        stream = next(number for number, other in self.open.items() if other is ask)
        self._late[stream] = self.open.pop(stream)

    def is_held_up(self, ask: Ask) -> bool:
        """See ``Connection``: no stream waits for another, unless nothing at all comes."""
        return self.heard < ask.written

    def is_dead(self, before: int) -> bool:
        """See ``Connection``: no acknowledgement either; the peer has forgotten the connection, or is gone.

        Each query counts once.
        """
        if not self.open:
            return False
        oldest = next(iter(self.open.values()))
        if oldest.blamed or not self.heard < oldest.written <= before:
            return False
        for ask in self.open.values():
            ask.blamed = True
        return True

    def _stop(self, stream: int) -> None:
        """Tell the peer to say no more on *stream*."""
        with contextlib.suppress(ValueError):  # it may be over for QUIC
            self.quic.stop_stream(stream, self.speech.cancelled)

    def wake(self) -> None:
        """See ``Connection``: keep it up while replies are waited for."""
        self.speech.grace()
        left = self._left()
        if self.open and self._span and left < self._span / 2:
            self._span = 2 * left  # the next one when half of what is left is over
            self.quic.send_ping(0)
            self._carry_on()

    def is_stale(self) -> bool:
        """See ``Connection``."""
        return self._left() < min(STALE, self._span / 2)

    def _left(self) -> float:
        """Return the seconds until the idle timeout, as far as is known."""
        ends: float | None = getattr(self.quic, "_close_at", None)
        return float("inf") if ends is None else ends - self._loop.time()

    def is_used_up(self, patience: int) -> bool:
        """See ``Connection``."""
        if self._allowed() > 0:
            self._full_since = 0
            return False
        self._full_since = self._full_since or self._session.now()
        return self._session.now() - self._full_since >= patience

    def resume_reading(self) -> None:
        """See ``Pausable``."""
        if self._socket is not None:
            self._loop.add_reader(self._socket, self._read)

    def abort(self) -> None:
        """See ``Connection``; says goodbye all the same."""
        self._over = True
        self._session.paused.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            with contextlib.suppress(Exception):  # it is over in any case
                self.quic.close(error_code=self.speech.no_error)
                self._send()
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def reply(self, stream: int, message: bytes, when: int) -> None:
        """Take *message* as the reply on *stream*, complete at *when* ns since 1970."""
        ask = self.open.pop(stream, None) or self._late.pop(stream, None)
        if ask is not None:
            self.answered(ask)
            self._session.ends.append(End(ask, when, None, message))

    def failed(self, stream: int, trouble: Trouble, says: str) -> None:
        """Take note that *trouble* came instead of a reply on *stream*."""
        ask = self.open.pop(stream, None)
        self._late.pop(stream, None)
        if ask is not None:
            self.answered(ask)
            self._session.ends.append(End(ask, time.time_ns(), trouble, says=says))
            self._stop(stream)

    def again(self, streams: Iterable[int], says: str) -> None:
        """Ask on another connection what the peer did not look at on *streams*, in this order; it takes no more."""
        self.leaving = says
        self._line.ask_again([self.open.pop(stream) for stream in streams if stream in self.open], says)

    def waits(self, stream: int) -> bool:
        """Whether a reply may come on *stream*."""
        return stream in self.open or stream in self._late

    def stray(self) -> None:
        """Count what was said on a stream on which nothing was asked."""
        self._session.stray()

    def _read(self) -> None:
        assert self._socket is not None
        try:
            for _ in range(DATAGRAMS):
                octets = self._socket.recv(LARGEST)
                self.came = time.time_ns()
                self.heard = self._session.now()
                self.awaited = "end to the QUIC handshake"
                self.quic.receive_datagram(octets, self._peer, now=self._loop.time())
                self._look()
                if self._over or self._is_reset(octets):
                    return
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._end(Trouble.UNREACHABLE, in_words(error) or CLOSED)
            return
        except Exception as error:  # noqa: BLE001  see above
            self._broke(error)
            return
        self._span = self._left()
        self._line.advance()
        self._carry_on()
        if len(self._session.ends) > BACKLOG and self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._session.paused.add(self)

    def _is_reset(self, octets: bytes) -> bool:
        """Whether *octets* say that the peer knows nothing of the connection any more (RFC 9000 10.3.1)."""
        token: bytes = getattr(getattr(self.quic, "_peer_cid", None), "stateless_reset_token", b"")
        if len(token) != TOKEN or octets[-TOKEN:] != token:
            return False
        self._end(Trouble.UNREACHABLE, "connection reset")
        return True

    def _look(self) -> None:
        """Act on what aioquic has found in what came."""
        while not self._over and (event := self.quic.next_event()) is not None:
            if isinstance(event, events.StreamDataReceived):
                if not self.waits(event.stream_id):
                    self._wasted += len(event.data)
                self.speech.data(event)
            elif isinstance(event, events.StreamReset):
                self.speech.reset(event)
                self._late.pop(event.stream_id, None)
            elif isinstance(event, events.StopSendingReceived):
                self.speech.stopped(event)
            elif isinstance(event, events.HandshakeCompleted):
                self._authenticate()
            elif isinstance(event, events.ConnectionTerminated):
                self._terminated(event)
        if self._wasted > WASTE + OVERHEAD * self.asked:
            self._end(self.speech.trouble, "the resolver says much that nobody asked for")
        ended = getattr(self.quic, "_close_event", None)  # the event itself comes only after the closing period
        if not self._over and isinstance(ended, events.ConnectionTerminated):
            self._terminated(ended)

    def _authenticate(self) -> None:
        """Look at the certificate; nothing is asked of a peer that is not the resolver."""
        tls = self.quic.tls
        chain = [tls._peer_certificate, *tls._peer_certificate_chain]  # noqa: SLF001  aioquic shows it in no other way
        fault = _trust.verdict(self._endpoint, chain)
        if fault is not None:
            self.quic.close(error_code=BAD_CERTIFICATE, reason_phrase="")
            self._end(Trouble.TLS, fault)
        elif not self._greeted.done():
            self.speech.begin()
            self._span = self._left()
            self._greeted.set_result(None)

    def _terminated(self, event: events.ConnectionTerminated) -> None:
        ours = bool(getattr(self.quic, "_close_pending", False))
        self._end(*_closing(event, self.speech, ours=ours))

    def _broke(self, error: Exception) -> None:
        self._end(Trouble.MALFORMED, f"broken QUIC ({type(error).__name__})")

    def _end(self, trouble: Trouble, says: str) -> None:
        if self._over:
            return
        self._over = True
        self.lost, self.lost_by = says, trouble
        if not self._greeted.done():
            self._greeted.set_exception(RefusedError(trouble, says))
            self._greeted.exception()  # nobody may be waiting for it any more
        self._line.ended(self, trouble, says)
        self.abort()

    def _carry_on(self) -> None:
        """Send what QUIC wants to send, and set the timer."""
        if self._over:
            return
        try:
            self._send()
            if not self._over:
                self._set_timer(self.quic.get_timer())
        except OSError as error:
            self._end(Trouble.UNREACHABLE, in_words(error) or CLOSED)
        except Exception as error:  # noqa: BLE001  see above
            self._broke(error)

    def _send(self) -> None:
        sent, now = time.time_ns(), self._session.now()
        for octets, address in self.quic.datagrams_to_send(now=self._loop.time()):
            if address == self._peer and self._socket is not None:  # another is one to which the peer would move
                with contextlib.suppress(BlockingIOError, InterruptedError):  # lost, and QUIC will notice
                    self._socket.send(octets)
        while self._unsent:
            stream, ask = self._unsent[0]
            state = self.quic._streams.get(stream)  # noqa: SLF001  aioquic tells in no other way what has left
            if state is not None and not state.sender.highest_offset:
                break
            ask.written, ask.sent = now, sent
            self._unsent.popleft()

    def _set_timer(self, at: float | None) -> None:
        if at is None or (self._timer is not None and self._timer.when() <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._tick)

    def _tick(self) -> None:
        self._timer = None
        try:
            at = self.quic.get_timer()
            if at is not None and self._loop.time() >= at - time.get_clock_info("monotonic").resolution:
                self.quic.handle_timer(now=max(at, self._loop.time()))
                self._look()
        except Exception as error:  # noqa: BLE001  see above
            self._broke(error)
            return
        if not self._over:
            self._carry_on()


def connected(endpoint: Endpoint) -> tuple[socket.socket, Any]:
    """Return a socket connected to *endpoint*, so that it hears ICMP and nobody else, and the system's address."""
    numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    family, kind, protocol, _, address = socket.getaddrinfo(
        endpoint.address, endpoint.port, type=socket.SOCK_DGRAM, flags=numeric
    )[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setblocking(False)  # noqa: FBT003  so it is declared
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made, address


def _closing(event: events.ConnectionTerminated, speech: "Speech", *, ours: bool) -> tuple[Trouble, str]:
    """Return what the end of a connection means; *ours*: we ended it, for what the peer did."""
    reason = f": {shown(event.reason_phrase)}" if event.reason_phrase else ""
    code = event.error_code
    if event.reason_phrase == NO_VERSION:
        return Trouble.TLS, "no version of QUIC in common"
    if event.frame_type is None and not (ours and code in CODES):  # by the application (RFC 9000 19.19)
        return speech.trouble, f"connection closed with {coded(speech.name(code), code)}{reason}"
    if code in CRYPTO:
        return Trouble.TLS, f"TLS alert {ALERTS.get(code - CRYPTO.start, code - CRYPTO.start)}{reason}"
    says = f"{coded(CODES.get(code, ''), code)}{reason}"
    return (
        (Trouble.MALFORMED, f"broken QUIC: {says}") if ours else (Trouble.UNREACHABLE, f"connection closed with {says}")
    )
