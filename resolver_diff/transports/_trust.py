"""Who must be at the other end, and what was wrong when it is somebody else (RFC 8310).

A resolver is authenticated by the name or the address in its certificate, vouched for by an
authority; or by a pin, which then is all that counts (RFC 7858 4.2). Over TCP OpenSSL looks
while it shakes hands; for QUIC, whose library hands the chain over, ``verdict`` does.
"""

import functools
import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from resolver_diff.transports import Endpoint
from resolver_diff.transports._certificate import Certificate, read
from resolver_diff.transports._words import in_words, shown

if TYPE_CHECKING:
    from cryptography import x509
    from OpenSSL import crypto

SHOWN_NAMES = 3
UNREADABLE = "the certificate cannot be read"

# codes of X509_verify_cert (openssl/x509_vfy.h)
NOT_YET, EXPIRED, SELF_SIGNED, SELF_SIGNED_ROOT, WRONG_PURPOSE, WRONG_NAME, WRONG_ADDRESS = 9, 10, 18, 19, 26, 62, 64
NO_ISSUER = (2, 20, 21)


def unpinned(der: bytes, pins: Sequence[str]) -> str | None:
    """Say why none of *pins* is that of the certificate's own key; None when one is.

    Keys further up in a chain do not count: anybody can send a chain that nobody has verified.
    """
    try:
        pin = read(der).pin
    except ValueError:
        return UNREADABLE
    return None if pin in pins else f"no pin matches: the certificate's is {pin}"


def unread(ca: str | None, error: Exception) -> str:
    """Say why there are no authorities to trust."""
    says = in_words(error) if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
    return f"cannot read the authorities in {ca or 'the system'}: {says or 'it holds no certificate'}"


def fault(code: int, said: str, seen: Certificate | None, endpoint: Endpoint) -> str:
    """Say what is wrong with the certificate *seen*, by OpenSSL's *code* for it, or in what OpenSSL *said*."""
    now = datetime.now(UTC)
    if code == EXPIRED:
        ended = f" (notAfter {seen.ends:%Y-%m-%d})" if seen and seen.ends < now else ""
        return f"certificate has expired{ended}" if ended or not seen else "a certificate of the chain has expired"
    if code == NOT_YET:
        return "certificate is not valid yet" + (f" (notBefore {seen.begins:%Y-%m-%d})" if seen else "")
    if code in {WRONG_NAME, WRONG_ADDRESS}:
        return f"certificate is for {_names(seen)}, not {endpoint.hostname or endpoint.address}"
    if code == WRONG_PURPOSE:
        return "certificate is not for servers"
    if code == SELF_SIGNED:
        return "self-signed certificate"
    if code == SELF_SIGNED_ROOT or code in NO_ISSUER:
        issuer = f" ({shown(seen.issuer)})" if seen and seen.issuer else ""
        return f"certificate of an unknown authority{issuer}"
    return f"certificate is not valid: {shown(said)}"


def _names(seen: Certificate | None) -> str:
    """Return the names of a certificate as a short list."""
    if seen is None or not seen.names:
        return "others"
    listed = [shown(name) for name in seen.names[:SHOWN_NAMES]]
    more = len(seen.names) - len(listed)
    return ", ".join(listed) + (f" and {more} more" if more else "")


def verdict(endpoint: Endpoint, chain: "Sequence[x509.Certificate | None]") -> str | None:
    """Return what is wrong with *chain*, the peer's own certificate first; None when it is *endpoint*'s.

    Needs pyOpenSSL, of the extra ``quic``.
    """
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415  an extra
    from OpenSSL import crypto  # noqa: PLC0415  an extra

    if not chain or chain[0] is None:
        return "no certificate"
    leaf, *others = (each for each in chain if each is not None)
    der = leaf.public_bytes(Encoding.DER)
    if endpoint.pins:
        return unpinned(der, endpoint.pins)
    try:
        store = _store(endpoint.ca)
    except (OSError, crypto.Error) as error:
        return unread(endpoint.ca, error)
    try:
        found = _unvouched(leaf, others, store) or _misplaced(leaf, endpoint)
        return found and fault(*found, read(der), endpoint)
    except (ValueError, TypeError, crypto.Error):  # extensions are parsed when they are looked at
        return UNREADABLE


@functools.cache
def _store(ca: str | None) -> "crypto.X509Store":
    """Return the authorities in *ca*, a PEM file, or those of the system; raises what OpenSSL does."""
    import certifi  # noqa: PLC0415  an extra
    from OpenSSL import crypto  # noqa: PLC0415  an extra

    store = crypto.X509Store()
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)  # what is in the file is trusted, as over TCP
    paths = ssl.get_default_verify_paths()
    if ca is not None:
        with open(ca, "rb"):  # noqa: PTH123  for the system's words, which OpenSSL swallows
            store.load_locations(ca)
    elif paths.cafile or paths.capath:
        store.load_locations(paths.cafile, paths.capath)
    else:
        store.load_locations(certifi.where())
    return store


def _unvouched(
    leaf: "x509.Certificate", others: "Sequence[x509.Certificate]", store: "crypto.X509Store"
) -> tuple[int, str] | None:
    """Return OpenSSL's code and words for why no authority of *store* vouches for *leaf*."""
    from OpenSSL import crypto  # noqa: PLC0415  an extra

    untrusted = [crypto.X509.from_cryptography(each) for each in others]
    try:
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf), untrusted).verify_certificate()
    except crypto.X509StoreContextError as error:
        return error.errors[0], str(error)
    return None


def _misplaced(leaf: "x509.Certificate", endpoint: Endpoint) -> tuple[int, str] | None:
    """Return the code for a *leaf* that is not for servers, or not for *endpoint* (RFC 9525 6)."""
    from cryptography import x509  # noqa: PLC0415  an extra
    from cryptography.x509.oid import ExtendedKeyUsageOID  # noqa: PLC0415  an extra

    for_servers = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    said = {type(each.value): each.value for each in leaf.extensions}
    uses, names = said.get(x509.ExtendedKeyUsage), said.get(x509.SubjectAlternativeName)
    if isinstance(uses, x509.ExtendedKeyUsage) and not for_servers & set(uses):
        return WRONG_PURPOSE, ""
    wanted = endpoint.hostname or endpoint.address.partition("%")[0]
    if not isinstance(names, x509.SubjectAlternativeName):
        return WRONG_NAME, ""
    try:
        fits = ipaddress.ip_address(wanted) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        hosts = names.get_values_for_type(x509.DNSName)
        fits = any(_covers(host.lower(), wanted.lower().rstrip(".")) for host in hosts)
    return None if fits else (WRONG_NAME, "")


def _covers(pattern: str, name: str) -> bool:
    """Whether *pattern* is *name*, or has an asterisk for its first label (RFC 9525 6.3)."""
    return pattern == name or (pattern.startswith("*.") and pattern[2:] == name.partition(".")[2])
