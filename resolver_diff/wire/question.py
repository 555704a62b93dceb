"""Does a message answer the question that was asked? (RFC 5452 9.1)

All octets of a question name lie between label lengths of at most 63, so folding
the ASCII capitals of the whole name folds its letters and nothing else.
"""

import numpy as np
from numpy.typing import NDArray

from resolver_diff.wire import HEADER, Messages

RESPONSE = 0x80  # QR, in the third octet of the header
OPCODE = 0x78  # in the third octet
RCODE = 0x0F  # in the fourth octet
TYPE_AND_CLASS = 4  # octets
QUESTIONLESS = (1, 2, 4, 5)  # FORMERR, SERVFAIL, NOTIMP, REFUSED: replies of servers that did not read the question

_FOLDED = np.arange(256, dtype=np.uint8)
_FOLDED[ord("A") : ord("Z") + 1] += ord("a") - ord("A")


def echoes(asked: Messages, about: NDArray[np.integer], replies: Messages) -> NDArray[np.bool_]:
    """Say which *replies* are responses to the question of ``asked[about[i]]``.

    The ID is not looked at. A reply without a question counts only when its RCODE is one
    of a server that could not or would not read it. Never raises, whatever the octets.
    """
    if len(replies) == 0 or len(replies.octets) == 0:
        return np.zeros(len(replies), np.bool_)
    queries = asked.take(about)
    whole = replies.length >= HEADER
    third = replies.octets.take(replies.start + 2, mode="clip")
    fourth = replies.octets.take(replies.start + 3, mode="clip")
    is_response = whole & (((third ^ asked.octets[queries.start + 2]) & (RESPONSE | OPCODE)) == RESPONSE)
    questionless = is_response & (counts(replies, 0) == 0) & np.isin(fourth & RCODE, QUESTIONLESS)
    echo: NDArray[np.bool_] = questionless | (is_response & same_question(queries, replies))
    return echo


def counts(messages: Messages, section: int) -> NDArray[np.int64]:
    """Return QDCOUNT, ANCOUNT, NSCOUNT or ARCOUNT (*section* 0 to 3); anything where there is no whole header."""
    place = messages.start + (4 + 2 * section)
    high = messages.octets.take(place, mode="clip").astype(np.int64)
    return high << 8 | messages.octets.take(place + 1, mode="clip")


def name_lengths(queries: Messages) -> NDArray[np.int64]:
    """Return the octets of each question name, final root label included; of queries of our own making."""
    length = np.ones(len(queries), np.int64)
    place = queries.start + HEADER
    unended = np.arange(len(queries))
    while True:
        label = queries.octets[place].astype(np.int64)
        more = np.flatnonzero(label)
        if len(more) == 0:
            return length
        unended, step = unended[more], label[more] + 1
        length[unended] += step
        place = place[more] + step


def same_question(queries: Messages, replies: Messages) -> NDArray[np.bool_]:
    """Say which replies hold exactly one question, that of the query in the same row; the case of the name is free."""
    names = name_lengths(queries)
    size = names + TYPE_AND_CLASS
    candidates = np.flatnonzero((replies.length >= HEADER + size) & (counts(replies, 0) == 1))
    same = np.zeros(len(replies), np.bool_)
    if len(candidates) == 0:
        return same
    names, size = names[candidates], size[candidates]
    first = np.cumsum(size) - size
    within = np.arange(int(size.sum())) - np.repeat(first, size)
    sent = queries.octets[within + np.repeat(queries.start[candidates] + HEADER, size)]
    received = replies.octets[within + np.repeat(replies.start[candidates] + HEADER, size)]
    equal = sent == received
    equal |= (_FOLDED[sent] == _FOLDED[received]) & (within < np.repeat(names, size))
    same[candidates] = np.logical_and.reduceat(equal, first)
    return same
