"""TLS to a resolver, over TCP; who must be at the other end is the business of ``_trust``."""

import asyncio
import contextlib
import functools
import socket
import ssl

from resolver_diff.transports import Endpoint, Trouble
from resolver_diff.transports._certificate import Certificate, read
from resolver_diff.transports._connection import TcpConnection
from resolver_diff.transports._trust import fault, unpinned, unread
from resolver_diff.transports._words import RefusedError, in_words, shown

LOOK = 10.0  # seconds that looking at a bad certificate again may take; at most until the queries time out
HANDSHAKE = 120.0  # seconds; longer than any timeout, as whoever waits for the connection gives it up himself


async def connect(endpoint: Endpoint, connection: TcpConnection, protocol: str) -> None:
    """Open a TLS connection to *endpoint* on which *protocol* (its ALPN identifier) is to be spoken.

    Raises RefusedError with what was wrong, and OSError where not even a TCP connection can be had.
    """
    trusted = _context(endpoint, protocol)
    plain = await _tcp(endpoint)
    connection.awaited = "end to the TLS handshake"
    try:
        await _shake_hands(plain, connection, trusted, endpoint)
    except ssl.SSLCertVerificationError as error:
        code, said = error.verify_code, error.verify_message
        connection.fault = RefusedError(Trouble.TLS, fault(code, said, None, endpoint))
        seen = await _look(endpoint, protocol)
        raise RefusedError(Trouble.TLS, fault(code, said, seen, endpoint)) from error
    except ssl.SSLError as error:
        if error.reason == "TLSV1_ALERT_NO_APPLICATION_PROTOCOL":
            raise unspoken(protocol) from error
        raise RefusedError(Trouble.TLS, in_words(error) or "") from error
    except OSError as error:
        says = in_words(error) or "the peer closed the connection"
        raise RefusedError(Trouble.TLS, f"TLS handshake cut off: {says}") from error
    except (TypeError, ValueError) as error:  # of Python's ssl, before anything is sent
        plain.close()
        raise RefusedError(Trouble.TLS, f"`{shown(endpoint.hostname or '')}` cannot be a host name") from error
    if endpoint.pins:
        wrong = unpinned(_secured(connection).getpeercert(binary_form=True) or b"", endpoint.pins)
        if wrong is not None:
            raise RefusedError(Trouble.TLS, wrong)


def unspoken(protocol: str) -> RefusedError:
    """Return the error for a peer that does not speak *protocol*."""
    if protocol == "h2":
        return RefusedError(Trouble.HTTP, "the peer speaks no HTTP/2")
    return RefusedError(Trouble.TLS, f"the peer refuses the protocol `{protocol}`")


def spoken(connection: TcpConnection) -> str | None:
    """Return the protocol that the peer of *connection* has chosen."""
    chosen = _secured(connection).selected_alpn_protocol()
    return chosen if chosen is None else str(chosen)


def _context(endpoint: Endpoint, protocol: str) -> ssl.SSLContext:
    if endpoint.pins:
        return trusting_all(protocol)
    try:
        return trusting(endpoint.ca, protocol)
    except (OSError, ssl.SSLError) as error:
        raise RefusedError(Trouble.TLS, unread(endpoint.ca, error)) from error


@functools.cache  # a context costs 20 ms and 2 MB with the system's authorities
def trusting(ca: str | None, protocol: str) -> ssl.SSLContext:
    """Return a context that trusts the authorities in *ca*, a PEM file, or those of the system."""
    context = ssl.create_default_context(cafile=ca)
    # the same from Python 3.11 to 3.14: what is in the file is trusted, and old certificates are judged mildly
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    return _speaking(context, protocol)


@functools.cache
def trusting_all(protocol: str) -> ssl.SSLContext:
    """Return a context for those who look at the certificate themselves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _speaking(context, protocol)


def _speaking(context: ssl.SSLContext, protocol: str) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([protocol])
    return context


async def _tcp(endpoint: Endpoint) -> socket.socket:
    plain = socket.socket(socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        plain.settimeout(0)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(plain, (endpoint.address, endpoint.port))
    except BaseException:
        plain.close()
        raise
    return plain


async def _shake_hands(
    plain: socket.socket, protocol: asyncio.Protocol, trusted: ssl.SSLContext, endpoint: Endpoint
) -> asyncio.Transport:
    transport, _ = await asyncio.get_running_loop().create_connection(
        lambda: protocol,
        sock=plain,
        ssl=trusted,
        server_hostname=endpoint.hostname or endpoint.address,  # of an address, Python's ssl sends no SNI (RFC 6066 3)
        ssl_handshake_timeout=HANDSHAKE,
    )
    return transport


def _secured(connection: TcpConnection) -> ssl.SSLObject:
    assert connection.transport is not None
    secured = connection.transport.get_extra_info("ssl_object")
    assert isinstance(secured, ssl.SSLObject)
    return secured


async def _look(endpoint: Endpoint, protocol: str) -> Certificate | None:
    """Return the certificate of *endpoint*, seen in a second handshake on which nothing is asked; None where it fails.

    OpenSSL gives away no certificate that it does not trust.
    """
    with contextlib.suppress(OSError, ValueError, TimeoutError):
        async with asyncio.timeout(LOOK):
            plain = await _tcp(endpoint)
            transport = await _shake_hands(plain, asyncio.Protocol(), trusting_all(protocol), endpoint)
        try:
            der = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        finally:
            transport.abort()
        return read(der or b"")
    return None
