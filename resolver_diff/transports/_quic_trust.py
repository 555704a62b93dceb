"""Is the peer of a QUIC connection the resolver? By its certificate, or by its key's pin (RFC 8310, RFC 7858 4.2)."""

import base64
import hashlib
import ipaddress
import ssl
from collections.abc import Sequence

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

from resolver_diff.transports import Endpoint
from resolver_diff.transports._quic_words import plain

SHOWN = 3  # names of a certificate that are told
EXPIRED, NOT_YET = 10, 9  # X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID
FOR_SERVERS = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


class Trust:
    """Looks at certificates; keeps the authorities it has read."""

    def __init__(self) -> None:
        self._stores: dict[str | None, crypto.X509Store] = {}

    def fault(self, endpoint: Endpoint, chain: Sequence[x509.Certificate | None]) -> str | None:
        """Return what is wrong with *chain*, the peer's own certificate first; None when it is *endpoint*'s."""
        if not chain or chain[0] is None:
            return "no certificate"
        leaf, *others = (each for each in chain if each is not None)
        if endpoint.pins:
            return _unpinned(leaf, endpoint.pins)
        try:
            store = self._store(endpoint.ca)
        except (OSError, crypto.Error):
            return f"no authorities can be read from {plain(endpoint.ca or 'the system')}"
        try:
            return _unvouched(leaf, others, store) or _misplaced(leaf, endpoint)
        except (ValueError, TypeError, crypto.Error) as error:  # extensions are parsed when they are looked at
            return f"certificate cannot be read: {plain(str(error))}"

    def _store(self, ca: str | None) -> crypto.X509Store:
        if ca not in self._stores:
            store = crypto.X509Store()
            paths = ssl.get_default_verify_paths()
            if ca is not None:
                store.load_locations(ca)
            elif paths.cafile or paths.capath:
                store.load_locations(paths.cafile, paths.capath)
            else:
                store.load_locations(certifi.where())
            self._stores[ca] = store
        return self._stores[ca]


def _unpinned(leaf: x509.Certificate, pins: Sequence[str]) -> str | None:
    """Return what is wrong when none of *pins* is the key's; only of the leaf's has the peer proved possession."""
    key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(key).digest()).decode("ascii")
    return None if pin in pins else f"no pin matches (the key has {pin})"


def _unvouched(leaf: x509.Certificate, others: Sequence[x509.Certificate], store: crypto.X509Store) -> str | None:
    """Return why no authority of *store* vouches for *leaf*."""
    untrusted = [crypto.X509.from_cryptography(each) for each in others]
    try:
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf), untrusted).verify_certificate()
    except crypto.X509StoreContextError as error:
        about = error.certificate.to_cryptography()
        if error.errors[0] == EXPIRED:
            return f"certificate has expired (notAfter {about.not_valid_after_utc:%Y-%m-%d})"
        if error.errors[0] == NOT_YET:
            return f"certificate is not yet valid (notBefore {about.not_valid_before_utc:%Y-%m-%d})"
        return plain(str(error))
    return None


def _misplaced(leaf: x509.Certificate, endpoint: Endpoint) -> str | None:
    """Return for whom *leaf* is when it is not *endpoint*'s (RFC 9525 6)."""
    try:
        uses = set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        uses = FOR_SERVERS
    if not uses & FOR_SERVERS:
        return "certificate is not for servers"
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return f"certificate is for nobody, not {endpoint.hostname or endpoint.address}"
    hosts = names.get_values_for_type(x509.DNSName)
    addresses = names.get_values_for_type(x509.IPAddress)
    wanted = endpoint.hostname or endpoint.address.partition("%")[0]
    try:
        fits = ipaddress.ip_address(wanted) in addresses
    except ValueError:
        fits = any(_covers(host.lower(), wanted.lower().rstrip(".")) for host in hosts)
    if fits:
        return None
    listed = [plain(str(name)) for name in (*hosts, *addresses)]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return f"certificate is for {', '.join(listed[:SHOWN]) or 'nobody'}{more}, not {wanted}"


def _covers(pattern: str, name: str) -> bool:
    """Whether *pattern* is *name*, or has an asterisk for its first label (RFC 9525 6.3)."""
    return pattern == name or (pattern.startswith("*.") and pattern[2:] == name.partition(".")[2])
