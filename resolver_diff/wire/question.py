"""Does a message answer the question that was asked? (RFC 5452 9.1)

All octets of a question name lie between label lengths of at most 63, so folding
the ASCII capitals of the whole name folds its letters and nothing else.
"""

import numpy as np
from numpy.typing import NDArray

from resolver_diff.wire import HEADER, TYPE_AND_CLASS, WORD, Messages, same_octets

RESPONSE = 0x80  # QR, in the third octet of the header
OPCODE = 0x78  # in the third octet
RCODE = 0x0F  # in the fourth octet
_ONE = 0x0100  # a count of one, its octets the other way round
_QUESTIONLESS = np.zeros(16, np.bool_)
_QUESTIONLESS[[1, 2, 4, 5]] = (
    True  # FORMERR, SERVFAIL, NOTIMP, REFUSED: replies of servers that did not read the question
)

_FOLDED = np.arange(256, dtype=np.uint8)
_FOLDED[ord("A") : ord("Z") + 1] += ord("a") - ord("A")


def echoes(asked: Messages, about: NDArray[np.integer], replies: Messages) -> NDArray[np.bool_]:
    """Say which *replies* are responses to the question of ``asked[about[i]]``; see ``heard``."""
    return heard(asked, about, replies)[0]


def heard(
    asked: Messages, about: NDArray[np.integer], replies: Messages
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say which *replies* are responses to the question of ``asked[about[i]]``, and which repeat it.

    The ID is not looked at. A reply without a question counts only when its RCODE is one
    of a server that could not or would not read it. Never raises, whatever the octets.
    """
    if len(replies) == 0 or len(replies.octets) == 0:
        return np.zeros(len(replies), np.bool_), np.zeros(len(replies), np.bool_)
    if replies.aligned:
        return _heard_by_words(asked, about, replies)
    whole = replies.length >= HEADER
    third = replies.octets.take(replies.start + 2, mode="clip")
    fourth = replies.octets.take(replies.start + 3, mode="clip")
    is_response = whole & (((third ^ asked.octets[asked.start[about] + 2]) & (RESPONSE | OPCODE)) == RESPONSE)
    questionless = is_response & (counts(replies, 0) == 0) & _QUESTIONLESS[fourth & RCODE]
    same = same_question(asked, about, replies)
    return questionless | (is_response & same), same


def _heard_by_words(
    asked: Messages, about: NDArray[np.integer], replies: Messages
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Do the same for replies that are aligned: a third of the time."""
    fours = replies.octets.view("<u4")
    at = replies.start >> 2
    head, count = fours[at], fours[at + 1] & 0xFFFF
    is_response = ((head >> 16 ^ asked.third[about]) & (RESPONSE | OPCODE)) == RESPONSE
    same = (count == _ONE) & (replies.length >= asked.name_length[about] + (HEADER + TYPE_AND_CLASS))
    rows = np.flatnonzero(same)
    if len(rows) == len(same):
        equal = _same_words(asked, about, replies.octets, replies.start)
        same = equal
    else:
        equal = _same_words(asked, about[rows], replies.octets, replies.start[rows])
        same[rows] = equal
    if not equal.all():  # in other letters, or not at all
        other = rows[~equal]
        size = asked.name_length[about[other]] + TYPE_AND_CLASS
        sent, received = asked.start[about[other]] + HEADER, replies.start[other] + HEADER
        same[other] = _same_but_case(asked.octets, sent, replies.octets, received, size)
    good = is_response & same
    if (none := count == 0).any():
        good |= is_response & none & _QUESTIONLESS[head >> 24 & RCODE]
    return good, same


def _same_words(
    asked: Messages, about: NDArray[np.integer], octets: NDArray[np.uint8], start: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which aligned messages at *start* repeat the question of ``asked[about[i]]`` to the letter."""
    words = octets.view("<u8")
    first = start + HEADER >> 3
    differs = np.zeros(len(about), np.uint64)
    for place, (value, bits) in enumerate(asked.questions):
        if bits is None:
            differs |= words[first + place] ^ value[about]
            continue
        counting = bits[about]
        rows = np.flatnonzero(counting)
        if len(rows) == len(about):
            differs |= (words[first + place] ^ value[about]) & counting
        else:
            differs[rows] |= (words[first[rows] + place] ^ value[about[rows]]) & counting[rows]
    found: NDArray[np.bool_] = differs == 0
    return found


def counts(messages: Messages, section: int) -> NDArray[np.int64]:
    """Return QDCOUNT, ANCOUNT, NSCOUNT or ARCOUNT (*section* 0 to 3); anything where there is no whole header."""
    place = messages.start + (4 + 2 * section)
    high = messages.octets.take(place, mode="clip").astype(np.int64)
    return high << 8 | messages.octets.take(place + 1, mode="clip")


def same_question(asked: Messages, about: NDArray[np.integer], replies: Messages) -> NDArray[np.bool_]:
    """Say which replies hold exactly one question, that of ``asked[about[i]]``; the case of the name is free."""
    same = np.zeros(len(replies), np.bool_)
    if len(replies.octets) == 0:
        return same
    size = asked.name_length[about] + TYPE_AND_CLASS
    candidates = np.flatnonzero((replies.length >= HEADER + size) & (counts(replies, 0) == 1))
    if len(candidates) == 0:
        return same
    about, size = about[candidates], size[candidates]
    sent, received = asked.start[about] + HEADER, replies.start[candidates] + HEADER
    equal = size >= WORD
    if equal.any():
        long = slice(None) if equal.all() else equal
        equal[long] = same_octets(asked.octets, sent[long], replies.octets, received[long], size[long])
    other = np.flatnonzero(~equal)  # in other letters, or not at all
    if len(other):
        equal[other] = _same_but_case(asked.octets, sent[other], replies.octets, received[other], size[other])
    same[candidates] = equal
    return same


def _same_but_case(
    asked: NDArray[np.uint8],
    sent: NDArray[np.int64],
    replies: NDArray[np.uint8],
    received: NDArray[np.int64],
    size: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Compare questions octet by octet, those of the name without regard to case."""
    first = np.cumsum(size) - size
    within = np.arange(int(size.sum())) - np.repeat(first, size)
    ours = asked[within + np.repeat(sent, size)]
    theirs = replies[within + np.repeat(received, size)]
    equal = ours == theirs
    equal |= (_FOLDED[ours] == _FOLDED[theirs]) & (within < np.repeat(size - TYPE_AND_CLASS, size))
    same: NDArray[np.bool_] = np.logical_and.reduceat(equal, first)
    return same
