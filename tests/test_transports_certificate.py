"""What is read from a certificate is what `cryptography` reads, and nothing made up breaks the reading."""

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from certificates import Authority, _building, _named
from resolver_diff.transports._certificate import Certificate, read


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


def test_it_says_what_it_says(authority: Authority) -> None:
    """Names, addresses, issuer, dates and pin are those that were put in."""
    names = ("dns.example", "*.dns.example", "192.0.2.1", "2001:db8::1")
    issued = authority.issue(*names, begins=-timedelta(days=20_000), ends=timedelta(days=20_000))
    made = issued.certificate
    assert read(issued.der) == Certificate(
        public_key=made.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        begins=made.not_valid_before_utc,
        ends=made.not_valid_after_utc,
        names=names,
        issuer="Test Authority",
    )
    assert read(issued.der).pin == issued.pin


def test_the_subject_stands_in_for_names(authority: Authority) -> None:
    """A certificate of old has its name in the subject alone."""
    assert read(authority.issue(subject="old.example").der).names == ("old.example",)


def test_many_names_are_cut(authority: Authority) -> None:
    """A certificate with a thousand names is read as far as anybody wants to know."""
    assert len(read(authority.issue(*(f"n{number}.example" for number in range(1000))).der).names) == 100


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_keys_of_any_kind_have_pins(kind: str) -> None:
    """The pin is the hash of the whole SubjectPublicKeyInfo, whatever is in it."""
    rsa_key = rsa.generate_private_key(65_537, 2048)
    built = _building(_named("a"), _named("b"), rsa_key, -timedelta(1), timedelta(1))  # type: ignore[arg-type]  # any key
    key = rsa_key.public_key() if kind == "rsa" else ed25519.Ed25519PrivateKey.generate().public_key()
    der = x509_with(built, key, rsa_key)
    wanted = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert read(der).public_key == wanted


def x509_with(built: x509.CertificateBuilder, key: object, signer: rsa.RSAPrivateKey) -> bytes:
    """Return the certificate that *built* becomes with another public *key*."""
    built._public_key = key  # type: ignore[assignment]  # set once already
    return built.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@given(st.binary(max_size=200))
def test_rubbish_is_no_certificate(octets: bytes) -> None:
    """Whatever comes, it is read or refused."""
    with contextlib.suppress(ValueError):
        read(octets)


SAMPLE = bytearray()


@pytest.fixture(scope="module", autouse=True)
def _sample(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp("sample")
    SAMPLE[:] = Authority(folder).issue("dns.example", "192.0.2.1").der


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, 500))
def test_a_damaged_certificate_is_read_or_refused(changes: list[tuple[int, int]], end: int) -> None:
    """Octets changed and cut off anywhere: read, or refused."""
    damaged = bytearray(SAMPLE)
    for place, octet in changes:
        damaged[place % len(damaged)] = octet
    for octets in (bytes(damaged), bytes(damaged[:end])):
        with contextlib.suppress(ValueError):
            read(octets)
