"""Questions -> DNS queries, a column at a time.

The names are written one after another with room for everything else between
them; then every dot becomes the length of the label behind it, which is what a
name on the wire is.
"""

from collections.abc import Sequence
from itertools import repeat

import dns.exception
import dns.name
import dns.rdatatype
import numpy as np
from numpy.typing import NDArray

from resolver_diff.wire import HEADER, Messages
from resolver_diff.wire.names import LONGEST_LABEL, LONGEST_NAME

CHAOS_NAMES = frozenset({"id.server", "hostname.bind", "version.bind", "version.server"})  # RFC 4892
PAYLOAD = 1232  # octets over UDP without fragments, the DNS flag day value of 2020

_IN, _CH, _TXT, _OPT, _NSID = 1, 3, 16, 41, 3
_AD = 0x20
_QUESTION_TAIL = 4  # QTYPE and QCLASS
_OPT_RECORD = 11  # root owner, TYPE, CLASS, TTL, RDLENGTH
_OPTION = 4  # OPTION-CODE and OPTION-LENGTH
_DOT = ord(".")


def encode(
    qnames: Sequence[str], qtypes: Sequence[str], *, recursion: bool = True, nsid: bool = True, payload: int = PAYLOAD
) -> Messages:
    """Return one query per name and type: ID 0, class IN (CH for the names of RFC 4892), with AD set and an OPT record.

    Names are absolute A-labels with or without the final dot, in presentation form. Raises
    ValueError for one that no message can hold, and for a type that is none.
    """
    if len(qnames) != len(qtypes):
        message = f"{len(qnames)} names, but {len(qtypes)} types"
        raise ValueError(message)
    if len(qnames) == 0:
        return Messages.of(())
    tail = 1 + _QUESTION_TAIL + _OPT_RECORD + (_OPTION if nsid else 0)
    octets, start, end = _write_names(qnames, tail)
    numbers = {qtype: type_number(qtype) for qtype in set(qtypes)}
    types = np.fromiter(map(numbers.__getitem__, qtypes), np.int64, len(qtypes))
    octets[start + 2] = 1 if recursion else 0  # RD
    octets[start + 3] = _AD  # tell us whether you validated it; without DO the reply stays small (RFC 6840 5.7)
    octets[start + 5] = 1  # QDCOUNT
    octets[start + 11] = 1  # ARCOUNT
    after = end + 1
    octets[after] = types >> 8
    octets[after + 1] = types & 0xFF
    octets[after + 3] = _classes(qnames, types)
    opt = after + _QUESTION_TAIL
    octets[opt + 2] = _OPT
    octets[opt + 3] = payload >> 8
    octets[opt + 4] = payload & 0xFF
    if nsid:
        octets[opt + 10] = _OPTION
        octets[opt + 12] = _NSID
    return Messages(octets, start, end + tail - start)


def type_number(qtype: str) -> int:
    """Return the number of a type's mnemonic; raises ValueError when there is none."""
    try:
        return int(dns.rdatatype.from_text(qtype))
    except (dns.exception.DNSException, ValueError) as error:
        message = f"unknown type `{qtype}`"
        raise ValueError(message) from error


def _classes(qnames: Sequence[str], types: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the class of each question: CH where a server is asked about itself."""
    classes = np.full(len(types), _IN, np.uint8)
    about_server = [index for index in np.flatnonzero(types == _TXT).tolist() if qnames[index] in CHAOS_NAMES]
    classes[about_server] = _CH
    return classes


def _write_names(qnames: Sequence[str], tail: int) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Return octets in which only names are written, each name after a header's room and before *tail* octets less one.

    Also returns where each message starts, and where the final root label of its name is.
    """
    listed = list(qnames)
    head, between = "\0" * HEADER + ".", "\0" * tail
    text = head + (between + head).join(listed) + between
    if not text.isascii():
        message = f"`{next(name for name in listed if not name.isascii())}` is not in A-label form"
        raise ValueError(message)
    octets = np.frombuffer(bytearray(text, "ascii"), np.uint8)
    lengths = np.fromiter(map(len, listed), np.int64, len(listed))
    sizes = lengths + (len(head) + tail)
    start = np.cumsum(sizes) - sizes
    end = start + len(head) + lengths
    dots = np.flatnonzero(octets == _DOT)
    # the dot before each label; the label ends at the next dot or at the end of the name, whichever comes first
    counted = np.searchsorted(dots, end)
    stop = np.empty_like(dots)
    stop[:-1] = dots[1:]
    stop[counted - 1] = end
    label = stop - dots - 1
    wrong = (label < 1) | (label > LONGEST_LABEL)
    rare = lengths + 2 > LONGEST_NAME
    rare[np.searchsorted(end, dots[wrong])] = True
    rare[np.searchsorted(end, np.flatnonzero(octets == ord("\\")))] = True
    if rare.any():
        return _write_names_slowly(listed, rare, tail)
    octets[dots] = label
    return octets, start, end


def _write_names_slowly(
    qnames: list[str], rare: NDArray[np.bool_], tail: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Do the same where some names, those that are *rare*, have escapes, a final dot, no label at all, or are wrong."""
    simple = np.flatnonzero(~rare)
    parts: list[bytes] = [b""] * len(qnames)
    if len(simple):
        octets, start, end = _write_names([qnames[index] for index in simple.tolist()], tail)
        written = Messages(octets, start + HEADER, end + 1 - start - HEADER)
        for index, name in zip(simple.tolist(), written, strict=True):
            parts[index] = name
    for index in np.flatnonzero(rare).tolist():
        parts[index] = _wire_name(qnames[index])
    names = Messages.of(
        b"%b%b%b" % (head, name, rest)
        for head, name, rest in zip(repeat(bytes(HEADER)), parts, repeat(bytes(tail - 1)))
    )
    return names.octets.copy(), names.start, names.start + names.length - tail


def _wire_name(qname: str) -> bytes:
    """Return a name on the wire, by way of dnspython, which knows every escape."""
    try:
        labels = dns.name.from_text(qname.encode("ascii")).labels
    except dns.exception.DNSException as error:
        message = f"`{qname}` is no domain name: {error}"
        raise ValueError(message) from error
    return b"".join(bytes([len(label)]) + label for label in labels)
