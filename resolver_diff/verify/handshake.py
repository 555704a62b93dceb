"""One TLS handshake, as a browser would begin it, and what its certificate says; nothing is asked after it."""

import asyncio
import hashlib
import socket
import ssl
from dataclasses import dataclass

from resolver_diff.transports import Endpoint
from resolver_diff.transports._certificate import read
from resolver_diff.transports._tls import trusting, trusting_all
from resolver_diff.transports._trust import fault
from resolver_diff.transports._words import in_words, shown

WEB = "http/1.1"  # its ALPN identifier (RFC 7301 6)
SHOWN_NAMES = 20

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Found:
    """What a handshake told: *valid* is null where no certificate was shown, and *why* says what happened instead."""

    valid: bool | None
    why: str | None = None
    names: str | None = None
    issuer: str | None = None
    fingerprint: str | None = None


async def shake_hands(endpoint: Endpoint, seconds: float) -> tuple[Found, Streams | None]:
    """Return what the certificate of *endpoint* is worth for its host name; and the connection, if it is valid.

    A certificate that is refused is looked at in a second handshake, as OpenSSL shows none that it does not trust.
    """
    try:
        streams = await _open(endpoint, trusting(endpoint.ca, WEB), seconds)
    except ssl.SSLCertVerificationError as error:
        return await _look(endpoint, error, seconds), None
    except _SilentError as error:
        return Found(None, str(error)), None
    except OSError as error:
        return Found(None, in_words(error) or "the peer closed the connection"), None
    except (TypeError, ValueError):  # of Python's ssl, before anything is sent
        return Found(None, f"`{shown(endpoint.hostname or '')}` cannot be a host name"), None
    return _of(_certificate(streams), valid=True), streams


class _SilentError(Exception):
    """Nothing came in time; the message says what was waited for."""


async def _open(endpoint: Endpoint, context: ssl.SSLContext, seconds: float) -> Streams:
    """Return a connection after its handshake; raises _SilentError when there is none in time, else OSError."""
    family = socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET
    plain = socket.socket(family, socket.SOCK_STREAM)
    plain.settimeout(0)
    try:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(plain, (endpoint.address, endpoint.port))
    except TimeoutError:
        plain.close()
        raise _SilentError(f"no TCP connection within {seconds:g} s") from None
    except BaseException:
        plain.close()
        raise
    try:
        return await asyncio.open_connection(
            sock=plain, ssl=context, server_hostname=endpoint.hostname, ssl_handshake_timeout=seconds
        )
    except ConnectionAbortedError as error:
        if error.errno is None:  # asyncio's own
            raise _SilentError(f"no end to the TLS handshake within {seconds:g} s") from None
        raise
    except (TypeError, ValueError):  # nothing has taken the socket over yet
        plain.close()
        raise


async def _look(endpoint: Endpoint, error: ssl.SSLCertVerificationError, seconds: float) -> Found:
    """Return what the certificate says that was refused, and why it was."""
    try:
        streams = await _open(endpoint, trusting_all(WEB), seconds)
    except (OSError, ValueError, _SilentError):
        return Found(valid=False, why=fault(error.verify_code, error.verify_message, None, endpoint))
    der = _certificate(streams)
    streams[1].transport.abort()
    try:
        seen = read(der)
    except ValueError:
        seen = None
    return _of(der, valid=False, why=fault(error.verify_code, error.verify_message, seen, endpoint))


def _certificate(streams: Streams) -> bytes:
    secured = streams[1].get_extra_info("ssl_object")
    assert isinstance(secured, ssl.SSLObject)
    return secured.getpeercert(binary_form=True) or b""


def _of(der: bytes, *, valid: bool, why: str | None = None) -> Found:
    fingerprint = hashlib.sha256(der).hexdigest()
    try:
        seen = read(der)
    except ValueError:
        return Found(valid, why, fingerprint=fingerprint)
    names = " ".join(shown(name).replace(" ", "?") for name in seen.names[:SHOWN_NAMES])
    return Found(valid, why, names or None, shown(seen.issuer) or None, fingerprint)
