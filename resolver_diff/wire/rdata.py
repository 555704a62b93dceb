"""RDATA in presentation form: canonical, so that equal data have equal text.

Addresses, names and strings are read by hand, all else by dnspython. Its reader is given our
way of reading names, which knows no quadratic time and lower-cases them.
"""

from functools import cache, lru_cache
from struct import error as StructError  # noqa: N812  (it is an exception, and should look like one)

import dns.exception
import dns.ipv6
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.wire

from resolver_diff.wire.names import Known, MalformedError, read_name

A, NS, CNAME, SOA, PTR, MX, TXT, AFSDB, RT = 1, 2, 5, 6, 12, 15, 16, 18, 21
AAAA, SRV, DNAME, OPT, ANY = 28, 33, 39, 41, 255
IN = 1
_V4, _V6 = 4, 16  # octets of an address
_SHOWN = [chr(octet) if chr(octet).isprintable() and octet < 0x7F else f"\\{octet:03d}" for octet in range(256)]
_SHOWN[ord(" ")], _SHOWN[ord('"')], _SHOWN[ord("\\")] = "\\032", '\\"', "\\\\"
_NUMBERS = {NS: 0, CNAME: 0, PTR: 0, DNAME: 0, MX: 1, AFSDB: 1, RT: 1, SRV: 3}  # of 16 bits, before the name


def rdata_text(message: bytearray, at: int, size: int, kind: int, rdclass: int, known: Known) -> str:
    r"""Return the RDATA of *size* octets at *at*, names absolute and in lower case, spaces as \032.

    Raises MalformedError when it is not what its type asks for.
    """
    if rdclass == IN and kind == A:
        if size != _V4:
            raise MalformedError
        return f"{message[at]}.{message[at + 1]}.{message[at + 2]}.{message[at + 3]}"
    if rdclass == IN and kind == AAAA:
        if size != _V6:
            raise MalformedError
        return _address(bytes(message[at : at + _V6]))
    if kind in _NUMBERS:
        first = at + 2 * _NUMBERS[kind]
        if first >= at + size:
            raise MalformedError
        numbers = [f"{message[place] << 8 | message[place + 1]}\\032" for place in range(at, first, 2)]
        return f"{''.join(numbers)}{whole_name(message, first, at + size - first, known)}."
    if kind == TXT and size:
        return _strings(message[at : at + size])
    return _any_text(message, at, size, kind, rdclass, known).replace(" ", "\\032")


def whole_name(message: bytearray, at: int, size: int, known: Known) -> str:
    """Return the name that fills the *size* octets at *at*; the root is empty."""
    try:
        name, end = read_name(message, at, known)
    except IndexError:
        raise MalformedError from None
    if end != at + size:
        raise MalformedError
    return name


def _strings(rdata: bytearray) -> str:
    """Return the character-strings (RFC 1035 3.3.14) that fill *rdata*, each in quotes."""
    texts, at = list[str](), 0
    while at < len(rdata):
        after = at + 1 + rdata[at]
        if after > len(rdata):
            raise MalformedError
        texts.append(f'"{"".join([_SHOWN[octet] for octet in rdata[at + 1 : after]])}"')
        at = after
    return "\\032".join(texts)


_address = lru_cache(1 << 16)(dns.ipv6.inet_ntoa)


class _Parser(dns.wire.Parser):
    """dnspython's reader with our way of reading names."""

    known: Known

    def get_name(self, origin: dns.name.Name | None = None, decompress: bool = False) -> dns.name.Name:  # noqa: ARG002, FBT001, FBT002 - dnspython's
        """Return the name here, in lower case; compressed wherever it stands, as RFC 3597 4 asks of readers."""
        name, end = read_name(self.wire, self.current, self.known)
        self.get_bytes(end - self.current)
        return dns.name.from_text(name.encode("ascii"))


def _any_text(message: bytearray, at: int, size: int, kind: int, rdclass: int, known: Known) -> str:
    _load_all_types()
    parser = _Parser(bytes(message), at)
    parser.known = known
    try:
        with parser.restrict_to(size):
            rdata = dns.rdata.from_wire_parser(
                dns.rdataclass.RdataClass.make(rdclass), dns.rdatatype.RdataType.make(kind), parser
            )
    except (dns.exception.DNSException, MalformedError, IndexError, StructError, ValueError) as error:
        raise MalformedError from error
    try:
        return rdata.to_text()
    except Exception:  # noqa: BLE001  # a type dnspython can read but not print must not cost the rest of the batch
        return f"\\# {size} {message[at : at + size].hex()}"


@cache
def _load_all_types() -> None:
    """Load every type now: a type first met in a record of class ANY would stay unreadable for good."""
    dns.rdata.load_all_types()  # type: ignore[no-untyped-call]  # dnspython has no types there
