"""Resolvers on loopback that speak DNS over QUIC and over HTTP/3, well or badly, and certificates for them."""

import asyncio
import base64
import datetime
import functools
import hashlib
import ipaddress
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import FrameType, H3Connection, encode_frame
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent, StreamDataReceived
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from resolver_diff.transports import Endpoint

NAME = "dns.example"
NOW = datetime.datetime.now(datetime.UTC)
YEAR = datetime.timedelta(days=365)
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pin(self) -> str:
        """The pin of its key (RFC 7858 4.2)."""
        key = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(key).digest()).decode()

    @property
    def pem(self) -> bytes:
        """The certificate, as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write certificate and key into *folder*; return where."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        paths = folder / "certificate.pem", folder / "key.pem"
        for path, octets in zip(paths, (self.pem, key), strict=True):
            path.write_bytes(octets)
        return paths


class Authority:
    """One that signs certificates."""

    def __init__(self, name: str = "a test authority") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(self.name, self.name, self.key, NOW - DAY, NOW + YEAR)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(usage, critical=True)
        self.certificate = builder.sign(self.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """Its own certificate, as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(
        self,
        *names: str,
        since: datetime.datetime = NOW - DAY,
        until: datetime.datetime = NOW + YEAR,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
        own_word: bool = False,
    ) -> Certificate:
        """Return a certificate for *names*, hosts and addresses; *own_word*: signed by its own key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "resolver")])
        builder = _builder(subject, subject if own_word else self.name, key, since, until)
        if names:
            listed = x509.SubjectAlternativeName([_general(name) for name in names])
            builder = builder.add_extension(listed, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return Certificate(builder.sign(key if own_word else self.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    since: datetime.datetime,
    until: datetime.datetime,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return builder.serial_number(x509.random_serial_number()).not_valid_before(since).not_valid_after(until)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Talk:
    """One query, seen from the resolver: how to answer it, or not."""

    def __init__(self, peer: "Peer", stream: int, asked: bytes, headers: dict[bytes, bytes]) -> None:
        self.peer = peer
        self.stream = stream
        self.asked = asked  # the DNS message; over HTTP the body of a POST or the query of a GET
        self.headers = headers

    def write(self, octets: bytes, *, fin: bool = True) -> None:
        """Send *octets* as they are."""
        self.peer._quic.send_stream_data(self.stream, octets, end_stream=fin)
        self.peer.transmit()

    def say(self, message: bytes, *, fin: bool = True) -> None:
        """Send *message* as DoQ has it."""
        self.write(len(message).to_bytes(2, "big") + message, fin=fin)

    def respond(
        self,
        body: bytes = b"",
        *,
        status: int = 200,
        fin: bool = True,
        media: str | None = "application/dns-message",
        more: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Send a response of HTTP."""
        assert self.peer.http is not None
        headers = [(b":status", str(status).encode()), *more]
        if media is not None:
            headers.append((b"content-type", media.encode()))
        self.peer.http.send_headers(self.stream, headers, end_stream=fin and not body)
        if body:
            self.peer.http.send_data(self.stream, body, end_stream=fin)
        self.peer.transmit()

    def reset(self, code: int) -> None:
        """Break the stream off."""
        self.peer._quic.reset_stream(self.stream, code)
        self.peer.transmit()

    def close(self, code: int, reason: str = "") -> None:
        """Close the connection."""
        self.peer._quic.close(error_code=code, reason_phrase=reason)
        self.peer.transmit()

    def later(self, seconds: float, what: Callable[..., None], *arguments: Any) -> None:
        """Do *what* after a while."""
        asyncio.get_running_loop().call_later(seconds, what, *arguments)


class Peer(QuicConnectionProtocol):
    """One connection, seen from the resolver."""

    def __init__(self, resolver: "QuicResolver", *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        resolver.connections += 1
        self.resolver = resolver
        self.http: H3Connection | None = None
        self.count = 0
        self._parts: dict[int, bytes] = {}
        self._headers: dict[int, dict[bytes, bytes]] = {}
        limit = self._quic._local_max_streams_bidi
        limit.value = limit.sent = resolver.streams
        if not resolver.more_streams:
            self._quic._write_connection_limits = lambda **_: None  # type: ignore[method-assign]

    def quic_event_received(self, event: QuicEvent) -> None:
        """Collect what is asked; converse about it when it is whole."""
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic) if event.alpn_protocol == "h3" else None
            if self.resolver.greet is not None:
                self.resolver.greet(self)
        if self.http is not None:
            for part in self.http.handle_event(event):
                if isinstance(part, HeadersReceived):
                    self._headers[part.stream_id] = dict(part.headers)
                    self._hear(part.stream_id, b"", ended=part.stream_ended)
                elif isinstance(part, DataReceived):
                    self._hear(part.stream_id, part.data, ended=part.stream_ended)
        elif isinstance(event, StreamDataReceived):
            self._hear(event.stream_id, event.data, ended=event.end_stream)

    def go_away(self, first: int) -> None:
        """Say that requests on streams from *first* will not be looked at (RFC 9114 5.2)."""
        assert self.http is not None
        assert self.http._local_control_stream_id is not None
        number = (first | 0x8000_0000).to_bytes(4, "big")  # RFC 9000 16
        self._quic.send_stream_data(self.http._local_control_stream_id, encode_frame(FrameType.GOAWAY, number))
        self.transmit()

    def _hear(self, stream: int, octets: bytes, *, ended: bool) -> None:
        self._parts[stream] = self._parts.get(stream, b"") + octets
        if not ended:
            return
        octets, headers = self._parts.pop(stream), self._headers.pop(stream, {})
        if self.http is None:
            assert int.from_bytes(octets[:2], "big") == len(octets) - 2
            octets = octets[2:]
        elif headers[b":method"] == b"GET":
            text = headers[b":path"].partition(b"dns=")[2]
            octets = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        self.count += 1
        self.resolver.seen.append((octets, headers))
        self.resolver.converse(Talk(self, stream, octets, headers))


class QuicResolver:
    """The resolver; as a context manager, in a thread of its own. *converse* is called for each query."""

    def __init__(
        self,
        certificate: Certificate,
        converse: Callable[[Talk], None],
        *,
        alpn: str = "doq",
        address: str = "127.0.0.1",
        streams: int = 128,
        more_streams: bool = True,
        retry: bool = False,
        greet: Callable[[Peer], None] | None = None,
        **configuration: Any,
    ) -> None:
        self.converse = converse
        self.greet = greet
        self.connections = 0
        self.streams = streams
        self.more_streams = more_streams
        self.seen: list[tuple[bytes, dict[bytes, bytes]]] = []
        self.address = address
        self.port = 0
        self._retry = retry
        self._configuration = QuicConfiguration(
            is_client=False,
            alpn_protocols=[alpn],
            certificate=certificate.certificate,
            private_key=certificate.key,
            **configuration,
        )
        self._loop: asyncio.SelectorEventLoop
        self._thread: threading.Thread
        self._server: Any = None

    def __enter__(self) -> Self:
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.start(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def start(self) -> None:
        """Listen, at the same port as before."""
        create = functools.partial(Peer, self)
        self._server = await serve(
            self.address, self.port, configuration=self._configuration, create_protocol=create, retry=self._retry
        )
        self.port = self._server._transport.get_extra_info("sockname")[1]

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
        await asyncio.sleep(0)  # asyncio closes sockets in its next round

    def abort(self) -> None:
        """Close the socket and forget every connection, without a word."""
        asyncio.run_coroutine_threadsafe(self._abort(), self._loop).result()

    def restart(self) -> None:
        """Forget every connection without a word, and begin anew."""
        self.abort()
        asyncio.run_coroutine_threadsafe(self.start(), self._loop).result()

    async def _abort(self) -> None:
        server, self._server = self._server, None
        for peer in set(server._protocols.values()):
            if peer._timer is not None:
                peer._timer.cancel()
        server._transport.abort()
        await asyncio.sleep(0)

    def endpoint(self, **details: Any) -> Endpoint:
        """Return where it is."""
        return Endpoint(self.address, self.port, **{"hostname": NAME, **details})
