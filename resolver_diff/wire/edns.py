"""What the OPT record says: Extended DNS Errors and the Name Server Identifier; and padding of queries."""

from typing import NamedTuple

from resolver_diff.wire import HEADER

NSID = 3  # RFC 5001
EDE = 15  # RFC 8914
PADDING = 12  # RFC 7830
BLOCK = 128  # octets; queries are a multiple of it where only their length can be seen (RFC 8467 4.1)
OPT_HEADER = b"\0\0\x29"  # root owner and TYPE
OPT_RECORD = 11  # octets without RDATA; its length is in the last two
OPTION_HEADER = 4  # OPTION-CODE and OPTION-LENGTH, two octets each
INFO_CODE = 2  # octets


class Options(NamedTuple):
    """The options of an OPT record that are kept; None where there was none."""

    ede: list[int] | None = None
    ede_text: str | None = None
    nsid: str | None = None


NONE = Options()


def read_options(rdata: bytes) -> Options:
    """Return the options in the RDATA of an OPT record (RFC 6891 6.1.2).

    An option whose length runs past the end is the last one and is left out.
    """
    codes: list[int] = []
    text = nsid = None
    at = 0
    while at + OPTION_HEADER <= len(rdata):
        option = rdata[at] << 8 | rdata[at + 1]
        first = at + OPTION_HEADER
        at = first + (rdata[at + 2] << 8 | rdata[at + 3])
        if at > len(rdata):
            break
        if option == EDE and at - first >= INFO_CODE:
            codes.append(rdata[first] << 8 | rdata[first + 1])
            text = text or extra_text(rdata[first + INFO_CODE : at]) or None
        elif option == NSID:
            nsid = nsid or identifier(rdata[first:at]) or None
    return Options(codes or None, text, nsid)


def padded(query: bytes, block: int = BLOCK) -> bytes:
    """Return *query* with a Padding option (RFC 7830) that makes its length a multiple of *block*.

    Only a query that ends with an OPT record behind its question, as ``encode`` makes it, has
    room for options; any other is returned as it is.
    """
    at = HEADER
    while at < len(query) and query[at]:
        at += query[at] + 1
    opt = at + 5  # behind the root label, QTYPE and QCLASS
    data = opt + OPT_RECORD
    length = int.from_bytes(query[data - 2 : data], "big")
    if query[opt : opt + 3] != OPT_HEADER or data + length != len(query):
        return query
    padding = -(len(query) + OPTION_HEADER) % block
    option = PADDING.to_bytes(2, "big") + padding.to_bytes(2, "big") + bytes(padding)
    return query[: data - 2] + (length + len(option)).to_bytes(2, "big") + query[data:] + option


def extra_text(octets: bytes) -> str:
    r"""Return EXTRA-TEXT fit for a terminal: octets that are not UTF-8, or not printable, become \xNN.

    One final NUL is no part of the text (RFC 8914 2).
    """
    text = octets.removesuffix(b"\0").decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def identifier(octets: bytes) -> str:
    """Return an NSID as text when it is printable ASCII, else in hexadecimal after 0x."""
    if octets.isascii() and (text := octets.decode("ascii")).isprintable():
        return text
    return f"0x{octets.hex()}"


def _escaped(char: str) -> str:
    return "".join(f"\\x{octet:02x}" for octet in char.encode())
