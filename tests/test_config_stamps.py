"""Addresses as DNS stamps."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver_diff.config.addresses import parse
from resolver_diff.config.model import RefusedError
from test_config_addresses import Load, loading, mistake, said


@pytest.fixture
def load_entry(tmp_path: Path) -> Load:
    """Load a resolvers.yaml of one control with the keys given."""
    return loading(tmp_path)


def stamp(kind: int, *parts: bytes, properties: int = 7) -> str:
    """Return a stamp of *parts* as they are, behind the properties."""
    octets = bytes([kind]) + properties.to_bytes(8, "little") + b"".join(parts)
    return "sdns://" + base64.urlsafe_b64encode(octets).decode().rstrip("=")


def lp(*texts: bytes | str) -> bytes:
    """Return *texts* with their lengths in front; in all but the last the highest bit says that there are more."""
    octets = [text.encode() if isinstance(text, str) else text for text in texts]
    more = [0x80] * (len(octets) - 1) + [0]
    return b"".join(bytes([bit | len(each)]) + each for bit, each in zip(more, octets, strict=True))


PUBLISHED = {  # by draft-denis-dns-stamps (its example 1), and by operators
    "sdns://AAEAAAAAAAAACjE5Mi4wLjIuNTM": ("udp", "192.0.2.53", 53, None, None),
    "sdns://AgcAAAAAAAAAEVsyMDAxOjY3Yzo5MzA6OjFdABF3aWtpbWVkaWEtZG5zLm9yZwovZG5zLXF1ZXJ5": (
        *("https", "2001:67c:930::1", 443, "wikimedia-dns.org", "/dns-query"),
    ),
    "sdns://AgUAAAAAAAAABzguOC44LjggsKKKE4EwvtIbNjGjagI2607EdKSVHowYZtyvD9iPrkkHOC44LjguOAovZG5zLXF1ZXJ5": (
        *("https", "8.8.8.8", 443, None, "/dns-query"),
    ),
    "sdns://AgcAAAAAAAAABzEuMC4wLjEAEmRucy5jbG91ZGZsYXJlLmNvbQovZG5zLXF1ZXJ5": (
        *("https", "1.0.0.1", 443, "dns.cloudflare.com", "/dns-query"),
    ),
    "sdns://AwMAAAAAAAAAAAAPZG5zLmFkZ3VhcmQuY29t": ("tls", "dns.adguard.com", 853, "dns.adguard.com", None),
    "sdns://BAcAAAAAAAAADTk0LjE0MC4xNC4xNDAgmjo09yfeubylEAPZzpw5-PJ92cUkKQHCurGkTmNaAhkeZG5zLXVuZmlsdGVyZWQuYWRndWFyZC5jb20"
    "6ODUz": ("quic", "94.140.14.140", 853, "dns-unfiltered.adguard.com", None),
}
STAMPS = {
    stamp(0, lp("[2001:db8::1]:5353")): {"address": "2001:db8::1", "port": 5353},
    stamp(2, lp("192.0.2.1"), lp(b""), lp("dns.example"), lp("/q")): {
        "address": "192.0.2.1",
        "transport": "https",
        "port": 443,
        "hostname": "dns.example",
        "path": "/q",
    },
    stamp(2, lp(""), lp(b""), lp("dns.example:8443"), lp("/q"), lp("198.51.100.1", "203.0.113.1")): {
        "address": "dns.example",
        "transport": "https",
        "port": 8443,
        "hostname": "dns.example",
        "path": "/q",
    },
    stamp(3, lp("192.0.2.1:8853"), lp(b""), lp("dns.bücher.example")): {
        "address": "192.0.2.1",
        "transport": "tls",
        "port": 8853,
        "hostname": "dns.xn--bcher-kva.example",
    },
    stamp(4, lp("[2001:db8::1]"), lp(b""), lp("dns.example")) + "=": {
        "address": "2001:db8::1",
        "transport": "quic",
        "port": 853,
        "hostname": "dns.example",
    },
    stamp(3, lp(":8853"), lp(b""), lp("dns.example")): {
        "address": "dns.example",
        "transport": "tls",
        "port": 8853,
        "hostname": "dns.example",
    },
}


@pytest.mark.parametrize("text", PUBLISHED)
def test_published_stamps_are_understood(load_entry: Load, text: str) -> None:
    """What others have encoded says what they say it does."""
    (found,) = load_entry(f"address: '{text}'").resolvers
    assert (found.transport, found.address, found.port, found.hostname, found.path) == PUBLISHED[text]


@pytest.mark.parametrize("text", STAMPS)
def test_a_stamp_says_all_that_it_takes(load_entry: Load, text: str) -> None:
    """Stamps of plain DNS, DoH, DoT and DoQ, with and without address, port and bootstrap resolvers."""
    config = load_entry(f"address: '{text}'")
    assert said(config.resolvers[0]) == STAMPS[text]
    assert config.warnings == ()


def test_hashes_in_a_stamp_are_not_passed_over_in_silence(load_entry: Load) -> None:
    """They are of certificates, not of public keys: the entry is asked, its name is checked, and a warning says so."""
    config = load_entry(f"address: '{stamp(3, lp('192.0.2.1'), lp(b'h' * 32, b'i' * 32), lp('dns.example'))}'")
    assert config.resolvers[0].pins == ()
    (warning,) = config.warnings
    assert warning.message == "the hashes in this stamp are not checked"
    assert warning.place is not None


NO_STAMPS = {
    "sdns://": "it was cut off",
    "sdns://AA": "it was cut off",
    "sdns://AAcAAAAAAAAA": "it was cut off",
    "sdns://AAcAAAAAAAAACTE5Mi4wLjIu": "it was cut off",
    "sdns://A": "letters, digits",
    "sdns://AA cA": "letters, digits",
    "sdns://" + "A" * 5000: "too long",
    stamp(0, lp("192.0.2.1"), b"more"): "more in it",
    stamp(0, lp(b"\xff\xfe")): "not UTF-8",
    stamp(0, lp("")): "it names nobody",
    stamp(0, lp("2001:db8::1")): "in brackets",
    stamp(3, lp("192.0.2.1"), b"\x85short", lp(""), lp("dns.example")): "no SHA-256",
    stamp(3, lp("192.0.2.1:1"), lp(b""), lp("dns.example:2")): "two ports",
}


@pytest.mark.parametrize("text", NO_STAMPS)
def test_what_is_no_stamp_is_told_from_one(load_entry: Load, text: str) -> None:
    """Cut off, doctored or garbled: one mistake that says what is wrong with it."""
    problem = mistake(load_entry, f"address: '{text}'")
    assert problem.message.startswith("`address`: not a DNS stamp: ")
    assert NO_STAMPS[text] in (problem.hint or "")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (0x01, "DNSCrypt"),
        (0x05, "Oblivious DoH"),
        (0x81, "a relay of Anonymized DNSCrypt"),
        (0x85, "a relay of Oblivious DoH"),
    ],
)
def test_a_stamp_of_what_is_not_spoken_is_called_by_its_name(load_entry: Load, kind: int, name: str) -> None:
    """The error says which protocol the stamp is of."""
    problem = mistake(load_entry, f"address: '{stamp(kind, lp('192.0.2.1:443'))}'")
    assert problem.message.startswith(f"`address`: a stamp of {name}, which is not spoken here: ")
    assert problem.hint == "stamps of plain DNS, DoH, DoT and DoQ are understood"


def test_a_stamp_of_the_future_is_an_error(load_entry: Load) -> None:
    """An unknown protocol is named by its number."""
    assert "a stamp of an unknown protocol, 0x7f" in mistake(load_entry, f"address: '{stamp(0x7F)}'").message


@given(octets=st.binary(max_size=300))
def test_no_octets_break_the_decoder(octets: bytes) -> None:
    """Whatever a stamp holds, it is understood or refused."""
    text = "sdns://" + base64.urlsafe_b64encode(octets).decode()
    try:
        parse(text)
    except RefusedError as refused:
        assert str(refused)  # noqa: PT017 - refused or understood, both are right
