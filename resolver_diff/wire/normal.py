"""The normal form of messages: what is left when the octets that do not matter are gone.

All messages of a batch are walked side by side, one record (or one label of a
written-out owner name) of each at a time.
"""

import numpy as np
from numpy.typing import NDArray

from resolver_diff.wire import HEADER, Messages
from resolver_diff.wire.question import counts
from resolver_diff.wire.rdata import AAAA, OPT, A

PAD = 16  # octets behind the last message that may be looked at
STEPS = 256  # records and labels; what is longer than that keeps its TTLs
FEW = 16  # messages; below this, walking side by side costs more than it can save

_QUESTION_POINTER = 0xC000 | HEADER  # an owner name that is the question's
_RECORD = 10  # octets from TYPE to RDLENGTH
_FLAGS_AND_COUNTS = 10  # octets: the header without the ID


def copy(messages: Messages) -> Messages:
    """Return *messages* in octets of their own that may be written to, with PAD more behind them."""
    end = messages.start + messages.length
    total = int(messages.length.sum())
    first, last = (int(messages.start.min()), int(end.max())) if len(messages) else (0, 0)
    if last - first <= 2 * total and bool((messages.start[1:] >= end[:-1]).all()):
        octets = np.zeros(last - first + PAD, np.uint8)
        octets[: last - first] = messages.octets[first:last]
        return Messages(octets, messages.start - first, messages.length)
    start = np.cumsum(messages.length) - messages.length
    octets = np.zeros(total + PAD, np.uint8)
    octets[:total] = messages.octets[np.arange(total) + np.repeat(messages.start - start, messages.length)]
    return Messages(octets, start, messages.length)


def keys(
    messages: Messages, question_end: NDArray[np.int64], echoed: NDArray[np.bool_]
) -> tuple[list[bytes], NDArray[np.bool_]]:
    """Return for each message octets that are the same where its reading is the same; changes *messages*.

    *question_end* is where the name of the question ends, in octets from the message's start, where *echoed*.
    Of a message whose records are all addresses of the name asked for the name does not matter either: say which.
    """
    octets, start, end = messages.octets, messages.start, messages.start + messages.length
    plain = _zero_ttls(messages, np.where(echoed, start + question_end + 4, end)) & echoed
    pairs = octet_view(octets, ">u2")
    eights = octet_view(octets, ">u8")
    whole = start[messages.length >= HEADER]
    pairs[whole] = 0
    place = np.flatnonzero(plain)  # here flags and counts are moved over the name's end, so that one slice holds all
    source, target = start[place], start[place] + question_end[place] - _FLAGS_AND_COUNTS
    counted, flags = pairs[source + 10], eights[source + 2]
    eights[target], pairs[target + 8] = flags, counted
    first = start.copy()
    first[place] = target
    raw = octets.tobytes()
    return [raw[i:j] for i, j in zip(first.tolist(), end.tolist(), strict=True)], plain


def octet_view(octets: NDArray[np.uint8], dtype: str) -> NDArray[np.unsignedinteger]:
    """Return the numbers that begin at every octet; it shares the octets and may be written to as they may."""
    kind = np.dtype(dtype)
    return np.ndarray((max(0, len(octets) - kind.itemsize + 1),), kind, octets, strides=(1,))


def _zero_ttls(messages: Messages, first: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Zero the TTL of every record from *first* on; say which hold but addresses of the name asked for."""
    octets = messages.octets
    pairs, fours = octet_view(octets, ">u2"), octet_view(octets, ">u4")
    stop = messages.start + messages.length
    left = counts(messages, 1) + counts(messages, 2) + counts(messages, 3)
    plain = np.ones(len(messages), np.bool_)
    here = np.flatnonzero((left > 0) & (first < stop))
    plain[(left > 0) & (first >= stop)] = False
    at, stop, left = first[here], stop[here], left[here]
    for _ in range(STEPS):
        if len(here) < FEW:
            break
        length = octets[at]
        pointer = length >= 0xC0
        ends_name = pointer | (length == 0)
        record = at + 1 + pointer
        record[~ends_name] = at[~ends_name]  # no record begins there; it only must not lie past the octets
        kind = pairs[record]
        after = record + _RECORD + pairs[record + 8]
        sound = ends_name & (after <= stop)
        has_ttl = sound & (kind != OPT)
        fours[record[has_ttl] + 4] = 0
        simple = np.where(length == 0, kind == OPT, (pairs[at] == _QUESTION_POINTER) & ((kind == A) | (kind == AAAA)))
        plain[here[~(sound & simple)]] = False
        left -= ends_name
        at = np.where(ends_name, after, at + 1 + length)
        going = (sound | ((length > 0) & (length < 64))) & (left > 0) & (at < stop)
        here, at, stop, left = here[going], at[going], stop[going], left[going]
    plain[here] = False
    return plain
