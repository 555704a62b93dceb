"""What a certificate says (RFC 5280), as far as pins need it and faults are told by it.

Nothing here decides whether a certificate is good: that is for OpenSSL. A certificate that
nobody vouches for may say anything, so what is read is bounded, and wrong DER is a ValueError.
"""

import base64
import hashlib
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

SEQUENCE, SET, OID, UTC_TIME = 0x30, 0x31, 0x06, 0x17
VERSION, EXTENSIONS = 0xA0, 0xA3  # tags of the optional fields
DNS_NAME, IP_ADDRESS = 0x82, 0x87  # tags of a GeneralName
COMMON_NAME, ORGANIZATION = bytes.fromhex("550403"), bytes.fromhex("55040a")
SUBJECT_ALT_NAME = bytes.fromhex("551d11")
MOST_NAMES = 100

Element = tuple[int, int, int, int]  # tag, where the element begins, where its content begins, where it ends


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as it is sent; names are its peer's own words, not checked and not cleaned."""

    public_key: bytes  # SubjectPublicKeyInfo, DER
    begins: datetime
    ends: datetime
    names: tuple[str, ...]  # DNS names and addresses, else the common name of its subject
    issuer: str

    @property
    def pin(self) -> str:
        """The base64 of the SHA-256 of its public key (RFC 7858 4.2)."""
        return base64.b64encode(hashlib.sha256(self.public_key).digest()).decode("ascii")


def read(der: bytes) -> Certificate:
    """Return what a certificate says; raises ValueError when it is none."""
    ((_, _, inner, inner_end),) = _elements(der, 0, len(der), expected=1)
    body = next(_elements(der, inner, inner_end), (0, 0, 0, 0))
    fields = [field for field in _elements(der, body[2], body[3]) if field[0] != VERSION]
    if len(fields) < 6 or any(fields[index][0] != SEQUENCE for index in (2, 3, 4, 5)):
        message = "fields of the certificate are missing"
        raise ValueError(message)
    issuer, validity, subject, key = fields[2:6]
    times = [_time(der, element) for element in _elements(der, validity[2], validity[3])]
    if len(times) != 2:
        message = "a validity has two times"
        raise ValueError(message)
    names = [name for field in fields[6:] if field[0] == EXTENSIONS for name in _alternative_names(der, field)]
    common = _name(der, subject).get(COMMON_NAME)
    said = _name(der, issuer)
    return Certificate(
        public_key=der[key[1] : key[3]],
        begins=times[0],
        ends=times[1],
        names=tuple(names) or ((common,) if common else ()),
        issuer=said.get(COMMON_NAME) or said.get(ORGANIZATION) or "",
    )


def _elements(der: bytes, begin: int, end: int, *, expected: int | None = None) -> Iterator[Element]:
    """Yield the elements between *begin* and *end*; raises ValueError where they do not fit."""
    found = 0
    at = begin
    while at < end:
        if at + 2 > end:
            break
        tag, length, content = der[at], der[at + 1], at + 2
        if length & 0x80:
            content += length & 0x7F
            if not 0x81 <= length <= 0x84 or content > end:
                break
            length = int.from_bytes(der[at + 2 : content], "big")
        if content + length > end:
            break
        yield tag, at, content, content + length
        at = content + length
        found += 1
    if at != end or (expected is not None and found != expected):
        message = "the octets are no DER"
        raise ValueError(message)


def _time(der: bytes, element: Element) -> datetime:
    tag, _, begin, end = element
    text = der[begin:end].decode("ascii")
    if tag == UTC_TIME:  # RFC 5280 4.1.2.5.1: two digits of the year, from 1950
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _name(der: bytes, name: Element) -> dict[bytes, str]:
    """Return the attributes of a distinguished name, by their object identifier."""
    said: dict[bytes, str] = {}
    for _, _, begin, end in _elements(der, name[2], name[3]):
        for attribute in _elements(der, begin, end):
            parts = list(_elements(der, attribute[2], attribute[3]))
            if len(parts) == 2 and parts[0][0] == OID:
                said.setdefault(
                    der[parts[0][2] : parts[0][3]], der[parts[1][2] : parts[1][3]].decode("utf-8", "replace")
                )
    return said


def _alternative_names(der: bytes, extensions: Element) -> Iterator[str]:
    (listed,) = _elements(der, extensions[2], extensions[3], expected=1)
    for extension in _elements(der, listed[2], listed[3]):
        parts = list(_elements(der, extension[2], extension[3]))
        if not parts or der[parts[0][2] : parts[0][3]] != SUBJECT_ALT_NAME:
            continue
        (names,) = _elements(der, parts[-1][2], parts[-1][3], expected=1)
        for count, (tag, _, begin, end) in enumerate(_elements(der, names[2], names[3])):
            if count == MOST_NAMES:
                return
            if tag == DNS_NAME:
                yield der[begin:end].decode("ascii", "replace")
            elif tag == IP_ADDRESS and end - begin in {4, 16}:
                yield str(ipaddress.ip_address(der[begin:end]))
