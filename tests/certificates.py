"""Certificates for tests: an authority, and certificates that it signs, good and bad."""

import base64
import hashlib
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PEM = serialization.Encoding.PEM


class Authority:
    """An authority of our own; *file* holds its certificate as PEM."""

    def __init__(self, folder: Path, name: str = "Test Authority") -> None:
        self.folder = folder
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        own = _named(name)
        built = _building(own, own, self.key, -timedelta(days=1), timedelta(days=30)).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file.write_bytes(built.sign(self.key, hashes.SHA256()).public_bytes(PEM))

    def issue(
        self,
        *names: str,
        begins: timedelta = -timedelta(days=1),
        ends: timedelta = timedelta(days=10),
        self_signed: bool = False,
        subject: str = "a resolver",
    ) -> "Issued":
        """Return a certificate for *names* (host names or addresses) that is valid from *begins* to *ends* from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        own = _named(subject)
        built = _building(own, own if self_signed else _named(self.name), key, begins, ends)
        if names:
            built = built.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        return Issued(self.folder, key, built.sign(key if self_signed else self.key, hashes.SHA256()))


class Issued:
    """A certificate and its key."""

    def __init__(self, folder: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self.certificate = certificate
        self.key = key
        self.file = folder / f"{certificate.serial_number}.pem"
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.file.write_bytes(private + certificate.public_bytes(PEM))

    @property
    def der(self) -> bytes:
        """The certificate itself."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pin(self) -> str:
        """The pin of its key, as RFC 7858 (section 4.2) has it."""
        key = self.certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(hashlib.sha256(key).digest()).decode()

    @cached_property
    def served(self) -> ssl.SSLContext:
        """What a server needs to show it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context

    def serving(self, *protocols: str) -> ssl.SSLContext:
        """Return what a server needs that speaks *protocols* (ALPN)."""
        self.served.set_alpn_protocols(list(protocols))
        return self.served


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _building(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: timedelta, ends: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
