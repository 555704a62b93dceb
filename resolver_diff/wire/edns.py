"""What the OPT record says: Extended DNS Errors and the Name Server Identifier."""

from typing import NamedTuple

NSID = 3  # RFC 5001
EDE = 15  # RFC 8914
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
