"""TLS to a resolver: who must be at the other end, and what was wrong when it is somebody else (RFC 8310).

A resolver is authenticated by the name or the address in its certificate, vouched for by an
authority; or by a pin, which then is all that counts (RFC 7858 4.2).
"""

import asyncio
import contextlib
import functools
import socket
import ssl
from datetime import UTC, datetime

from resolver_diff.transports import Endpoint, Trouble
from resolver_diff.transports._certificate import Certificate, read
from resolver_diff.transports._line import Connection
from resolver_diff.transports._words import RefusedError, in_words, shown

LOOK = 10.0  # seconds that looking at a bad certificate again may take; at most until the queries time out
HANDSHAKE = 120.0  # seconds; longer than any timeout, as whoever waits for the connection gives it up himself
SHOWN_NAMES = 3

# codes of X509_verify_cert (openssl/x509_vfy.h)
NOT_YET, EXPIRED, SELF_SIGNED, SELF_SIGNED_ROOT, WRONG_NAME, WRONG_ADDRESS = 9, 10, 18, 19, 62, 64
NO_ISSUER = (2, 20, 21)


async def connect(endpoint: Endpoint, connection: Connection, protocol: str) -> None:
    """Open a TLS connection to *endpoint* on which *protocol* (its ALPN identifier) is to be spoken.

    Raises RefusedError with what was wrong, and OSError where not even a TCP connection can be had.
    """
    trusted = _context(endpoint, protocol)
    plain = await _tcp(endpoint)
    connection.awaited = "end to the TLS handshake"
    try:
        await _shake_hands(plain, connection, trusted, endpoint)
    except ssl.SSLCertVerificationError as error:
        connection.fault = RefusedError(Trouble.TLS, fault(error, None, endpoint))
        raise RefusedError(Trouble.TLS, fault(error, await _look(endpoint, protocol), endpoint)) from error
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
        _check_pins(connection, endpoint)


def unspoken(protocol: str) -> RefusedError:
    """Return the error for a peer that does not speak *protocol*."""
    if protocol == "h2":
        return RefusedError(Trouble.HTTP, "the peer speaks no HTTP/2")
    return RefusedError(Trouble.TLS, f"the peer refuses the protocol `{protocol}`")


def spoken(connection: Connection) -> str | None:
    """Return the protocol that the peer of *connection* has chosen."""
    chosen = _secured(connection).selected_alpn_protocol()
    return chosen if chosen is None else str(chosen)


def _context(endpoint: Endpoint, protocol: str) -> ssl.SSLContext:
    if endpoint.pins:
        return trusting_all(protocol)
    try:
        return trusting(endpoint.ca, protocol)
    except (OSError, ssl.SSLError) as error:
        says = "it holds no certificate" if isinstance(error, ssl.SSLError) else in_words(error)
        raise RefusedError(Trouble.TLS, f"cannot read the authorities in {endpoint.ca}: {says}") from error


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


def _secured(connection: Connection) -> ssl.SSLObject:
    assert connection.transport is not None
    secured = connection.transport.get_extra_info("ssl_object")
    assert isinstance(secured, ssl.SSLObject)
    return secured


def _check_pins(connection: Connection, endpoint: Endpoint) -> None:
    """Raise RefusedError unless the certificate's own key is pinned.

    Keys further up in a chain do not count: anybody can send a chain that nobody has verified.
    """
    der = _secured(connection).getpeercert(binary_form=True)
    try:
        pin = read(der or b"").pin
    except ValueError as error:
        raise RefusedError(Trouble.TLS, "the certificate cannot be read") from error
    if pin not in endpoint.pins:
        raise RefusedError(Trouble.TLS, f"no pin matches: the certificate's is {pin}")


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


def fault(error: ssl.SSLCertVerificationError, seen: Certificate | None, endpoint: Endpoint) -> str:
    """Say what is wrong with the certificate."""
    code = error.verify_code
    now = datetime.now(UTC)
    if code == EXPIRED:
        ended = f" (notAfter {seen.ends:%Y-%m-%d})" if seen and seen.ends < now else ""
        return f"certificate has expired{ended}" if ended or not seen else "a certificate of the chain has expired"
    if code == NOT_YET:
        return "certificate is not valid yet" + (f" (notBefore {seen.begins:%Y-%m-%d})" if seen else "")
    if code in {WRONG_NAME, WRONG_ADDRESS}:
        return f"certificate is for {_names(seen)}, not {endpoint.hostname or endpoint.address}"
    if code == SELF_SIGNED:
        return "self-signed certificate"
    if code == SELF_SIGNED_ROOT or code in NO_ISSUER:
        issuer = f" ({shown(seen.issuer)})" if seen and seen.issuer else ""
        return f"certificate of an unknown authority{issuer}"
    return f"certificate is not valid: {shown(error.verify_message)}"


def _names(seen: Certificate | None) -> str:
    """Return the names of a certificate as a short list."""
    if seen is None or not seen.names:
        return "others"
    listed = [shown(name) for name in seen.names[:SHOWN_NAMES]]
    more = len(seen.names) - len(listed)
    return ", ".join(listed) + (f" and {more} more" if more else "")
