"""The normal form of messages: what is left when the octets that do not matter are gone.

All messages of a batch are walked side by side, one record (or one label of a
written-out owner name) of each at a time.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resolver_diff.wire import HEADER, WORD, Messages, octet_view, same_octets
from resolver_diff.wire.familiar import MOST_WORDS
from resolver_diff.wire.question import counts
from resolver_diff.wire.rdata import AAAA, OPT, A

PAD = 16  # octets behind the last message that may be looked at
STEPS = 256  # records and labels; what is longer than that keeps its TTLs
LONG = 2_048  # octets; longer messages are few, and not summed up word by word
FEW = 16  # messages; below this, walking side by side costs more than it can save

_QUESTION_POINTER = 0xC000 | HEADER  # an owner name that is the question's
_RECORD = 10  # octets from TYPE to RDLENGTH
_FLAGS_AND_COUNTS = 10  # octets: the header without the ID
# Of every word of a message, and of its length: odd, and new in each process, so that nobody can aim at a sum.
_FACTORS = np.random.default_rng().integers(0, 1 << 64, 1 + LONG // WORD, np.uint64, endpoint=False) | np.uint64(1)


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


class Normal(NamedTuple):
    """Messages in their normal form."""

    alike: NDArray[np.int64]  # of each message, the first whose reading is the same
    first: NDArray[np.int64]  # where the octets that matter begin
    plain: NDArray[np.bool_]  # its records are all addresses of the name asked for: the name does not matter
    masks: NDArray[np.uint8]  # zero where an octet was part of a TTL, else 0xFF


def normal(messages: Messages, question_end: NDArray[np.int64], echoed: NDArray[np.bool_]) -> Normal:
    """Tell which messages read the same; changes *messages*.

    *question_end* is where the name of the question ends, in octets from the message's start, where *echoed*.
    What the others say depends on a question that is not in them: each of them is alike to itself only.
    So is a message of more than ``LONG`` octets.
    """
    octets, start, end = messages.octets, messages.start, messages.start + messages.length
    masks = np.full(len(octets) + MOST_WORDS * WORD, 0xFF, np.uint8)
    plain = _zero_ttls(messages, np.where(echoed, start + question_end + 4, end), masks) & echoed
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
    alike = np.arange(len(messages))
    same = np.flatnonzero(echoed & (end - first <= LONG))
    if len(same):
        alike[same] = same[_alike(octets, first[same], (end - first)[same])]
    return Normal(alike, first, plain, masks)


def _alike(octets: NDArray[np.uint8], first: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row the first row with the same octets, as far as their sums tell.

    Rows whose sum is that of another row by chance, or by somebody's art, are alike to none but themselves.
    """
    words = octet_view(octets, "<u8")
    last = size - WORD
    total = size.astype(np.uint64) * _FACTORS[-1]
    rows: NDArray[np.int64] | slice = slice(None)
    for place, begin in enumerate(range(0, int(size.max()), WORD)):
        longer = size > begin
        if not longer.all():
            rows = np.flatnonzero(longer)
        word = words[first[rows] + np.minimum(begin, last[rows])].astype(np.uint64)
        total[rows] += (word ^ word >> np.uint64(31)) * _FACTORS[place]
    _, leader, group = np.unique(total, return_index=True, return_inverse=True)
    alike: NDArray[np.int64] = leader[group]
    followers = np.flatnonzero(alike != np.arange(len(alike)))
    if len(followers):
        leaders = alike[followers]
        equal = size[followers] == size[leaders]
        known = followers[equal]
        equal[equal] = same_octets(octets, first[known], octets, first[alike[known]], size[known])
        alike[followers[~equal]] = followers[~equal]
    return alike


def _zero_ttls(messages: Messages, first: NDArray[np.int64], masks: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Zero the TTL of every record from *first* on, in *masks* too; say which hold but addresses of the name asked for.

    Where not all TTLs of a message are found, those of its records that are not are part of what it says.
    """
    octets = messages.octets
    masked = octet_view(masks, ">u4")
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
        fours[record[has_ttl] + 4] = masked[record[has_ttl] + 4] = 0
        simple = np.where(length == 0, kind == OPT, (pairs[at] == _QUESTION_POINTER) & ((kind == A) | (kind == AAAA)))
        plain[here[~(sound & simple)]] = False
        left -= ends_name
        at = np.where(ends_name, after, at + 1 + length)
        going = (sound | ((length > 0) & (length < 64))) & (left > 0) & (at < stop)
        here, at, stop, left = here[going], at[going], stop[going], left[going]
    plain[here] = False
    return plain
