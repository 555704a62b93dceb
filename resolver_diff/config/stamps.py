"""DNS stamps (draft-denis-dns-stamps): all that it takes to ask a resolver, in one ``sdns://`` word."""

import base64
import binascii
from dataclasses import dataclass

from resolver_diff.config.model import RefusedError
from resolver_diff.tables import TransportName

SCHEME = "sdns"
LONGEST = 4096  # characters; the longest of the public lists has some 300
PROPERTIES = 8  # octets: DNSSEC, no logs, no filter; what an operator says of itself, and nothing that we ask by
DIGEST = 32  # octets of a SHA-256
MORE = 0x80  # in a length: this is not the last of its set
PLAIN, HTTPS, TLS, QUIC = 0x00, 0x02, 0x03, 0x04
TRANSPORTS = {
    PLAIN: TransportName.UDP,
    HTTPS: TransportName.HTTPS,
    TLS: TransportName.TLS,
    QUIC: TransportName.QUIC,
}
NOT_SPOKEN = {
    0x01: "DNSCrypt",
    0x05: "Oblivious DoH",
    0x81: "a relay of Anonymized DNSCrypt",
    0x85: "a relay of Oblivious DoH",
}


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a stamp says, as it stands there: an address and a host name may have a port behind them."""

    transport: TransportName
    address: str  # empty: to be found by the host name
    hostname: str
    path: str | None
    hashes: tuple[bytes, ...]  # SHA-256 of TBS certificates of the chain; no SubjectPublicKeyInfo, so no pins


def decode(stamp: str) -> Stamp:
    """Decode a stamp, the scheme in front; raises RefusedError when it is none, or of what we do not speak."""
    text = stamp.partition("://")[2].rstrip("/=")
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError("not a DNS stamp", "letters, digits, `-` and `_` behind `sdns://`") from None
    if not octets or len(text) > LONGEST:
        raise RefusedError("not a DNS stamp", "it was cut off" if not octets else "it is too long")
    kind = octets[0]
    if kind in NOT_SPOKEN:
        hint = "stamps of plain DNS, DoH, DoT and DoQ are understood"
        raise RefusedError(f"a stamp of {NOT_SPOKEN[kind]}, which is not spoken here", hint)
    if kind not in TRANSPORTS:
        raise RefusedError(f"a stamp of an unknown protocol, 0x{kind:02x}")
    reader = _Reader(octets[1:])
    reader.take(PROPERTIES)
    address, hashes, hostname, path = reader.text(), [b""], "", None
    if kind != PLAIN:
        hashes, hostname = reader.set(), reader.text()
    if kind == HTTPS:
        path = reader.text()
    if kind != PLAIN and not reader.ended:
        reader.set()  # resolvers to find the host name with; we ask the system's own
    if not reader.ended:
        raise RefusedError("not a DNS stamp", "there is more in it than its protocol has")
    if any(len(digest) not in (0, DIGEST) for digest in hashes):
        raise RefusedError("not a DNS stamp", f"a hash in it is no SHA-256 of {DIGEST} octets")
    return Stamp(TRANSPORTS[kind], address, hostname, path, tuple(digest for digest in hashes if digest))


class _Reader:
    """Takes strings with a length in front from octets."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at == len(self._octets)

    def take(self, count: int) -> bytes:
        taken = self._octets[self._at : self._at + count]
        if len(taken) < count:
            raise RefusedError("not a DNS stamp", "it was cut off")
        self._at += count
        return taken

    def text(self) -> str:
        try:
            return self.take(self.take(1)[0]).decode()
        except UnicodeDecodeError:
            raise RefusedError("not a DNS stamp", "a text in it is not UTF-8") from None

    def set(self) -> list[bytes]:
        found, more = [], True
        while more:
            length = self.take(1)[0]
            more = length >= MORE
            found.append(self.take(length % MORE))
        return found
