"""Domain names in a message: reading, skipping, and their presentation form.

Every name is read once: what stands at an offset is remembered, so that the time
a message takes is proportional to its length, however its pointers are laid.
"""

import dns.name

POINTER = 0xC0  # the two high bits of a label's first octet (RFC 1035 4.1.4)
LONGEST_LABEL = 63
LONGEST_NAME = 255  # octets, final root label included (RFC 1035 2.3.4)

Known = dict[int, tuple[str, int]]  # offset -> the name that begins there, and its octets when written out

_PLAIN = b"abcdefghijklmnopqrstuvwxyz0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # need no escape in presentation form
_ROOT = ("", 1)


class MalformedError(Exception):
    """These octets are no DNS message."""


def read_name(message: bytes | bytearray, at: int, known: Known) -> tuple[str, int]:
    """Return the name at *at* and the offset after it.

    Lower case, presentation form, no final dot; the root is empty. *known* gains every
    name met on the way. A pointer must lead backwards, to a name that ends before the
    place it was reached from. Raises MalformedError, and IndexError where the message
    ends inside the name.
    """
    steps: list[tuple[int, str, int]] = []  # offset, label, octets; a pointer has no octets of its own
    begin, limit, end, size = at, len(message), 0, 1
    suffix = _ROOT
    while True:
        if at >= limit and end:
            raise MalformedError
        first = message[at]
        if first == 0:
            end = end or at + 1
            break
        if first <= LONGEST_LABEL:
            after = at + 1 + first
            size += first + 1
            if size > LONGEST_NAME or (end and after > limit):
                raise MalformedError
            if after > limit:
                raise IndexError
            steps.append((at, label_text(message[at + 1 : after]), first + 1))
            at = after
        elif first >= POINTER:
            target = (first & ~POINTER) << 8 | message[at + 1]
            if target >= begin:
                raise MalformedError
            steps.append((at, "", 0))
            end = end or at + 2
            if target in known:
                suffix = known[target]
                break
            limit, begin, at = begin, target, target
        else:
            raise MalformedError
    return _remember(steps, suffix, known), end


def _remember(steps: list[tuple[int, str, int]], suffix: tuple[str, int], known: Known) -> str:
    """Return the name made of *steps* and *suffix*, and make it known by the offset of each step."""
    for offset, label, octets in reversed(steps):
        if octets:
            suffix = (f"{label}.{suffix[0]}" if suffix[0] else label, suffix[1] + octets)
        known[offset] = suffix
    if suffix[1] > LONGEST_NAME:
        raise MalformedError
    return suffix[0]


def skip_name(message: bytes | bytearray, at: int) -> int:
    """Return the offset after the name at *at*; raises as ``read_name`` does."""
    start = at
    while True:
        first = message[at]
        if first == 0:
            return at + 1
        if first >= POINTER:
            if (first & ~POINTER) << 8 | message[at + 1] >= start:
                raise MalformedError
            return at + 2
        at += first + 1
        if first > LONGEST_LABEL or at - start >= LONGEST_NAME:
            raise MalformedError


def label_text(label: bytes | bytearray) -> str:
    """Return a label in lower-case presentation form."""
    if label.translate(None, _PLAIN):
        return dns.name.Name((bytes(label).lower(),)).to_text()
    return label.decode("ascii").lower()
