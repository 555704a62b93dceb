"""Does a message answer the question that was asked? (RFC 5452 9.1)

All octets of a question name lie between label lengths of at most 63, so folding
the ASCII capitals of the whole name folds its letters and nothing else.
"""

import numpy as np
from numpy.typing import NDArray

from resolver_diff.wire import (
    HEAD,
    HEADER,
    OPCODE,
    QR,
    TYPE_AND_CLASS,
    WORD,
    Messages,
    first_words,
    no_bit,
    same_octets,
)

RCODE = 0x0F  # in the fourth octet
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
    good = _heard_to_the_letter(asked, about, replies)
    if good.all():
        return good, good
    same = good.copy()
    other = np.flatnonzero(~good)
    good[other], same[other] = _heard_otherwise(asked, about[other], replies.take(other))
    return good, same


def _heard_to_the_letter(asked: Messages, about: NDArray[np.integer], replies: Messages) -> NDArray[np.bool_]:
    """Say which are responses with the question as it was asked; some of those that are may be left out."""
    bits, value, least = asked.wanted
    found = replies.length >= least.take(about)
    found &= replies.start <= len(replies.octets) - HEAD * WORD
    rows = slice(None) if found.all() else np.flatnonzero(found)
    about = about[rows]
    words = first_words(replies.octets, replies.start[rows], HEAD)
    words &= bits.take(about, axis=0)
    words ^= value.take(about, axis=0)
    found[rows] = no_bit(words)
    return found


def _heard_otherwise(
    asked: Messages, about: NDArray[np.integer], replies: Messages
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    whole = replies.length >= HEADER
    third = replies.octets.take(replies.start + 2, mode="clip")
    fourth = replies.octets.take(replies.start + 3, mode="clip")
    is_response = whole & (((third ^ asked.octets[asked.start[about] + 2]) & (QR | OPCODE)) == QR)
    questionless = is_response & (counts(replies, 0) == 0) & _QUESTIONLESS[fourth & RCODE]
    same = same_question(asked, about, replies)
    return questionless | (is_response & same), same


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
