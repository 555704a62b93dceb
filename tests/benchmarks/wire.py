"""How fast messages are made and read, next to dnspython in the same run.

    python3 dev.py benchmark wire [messages]

Prints messages per second of CPU time and how many times that of dnspython's
``from_wire`` it is; the ratio is what can be compared between machines.
"""

import sys
import time
from collections.abc import Callable

import dns.message
import numpy as np

from resolver_diff.wire import Messages
from resolver_diff.wire.decode import decode
from resolver_diff.wire.encode import encode
from resolver_diff.wire.question import echoes

ADDRESS = bytes.fromhex("c00c00010001")
ALIAS = bytes.fromhex("c00c00050001")
SOA = bytes.fromhex("c0180006000100000384") + b"\0\x20\2ns\xc0\x18\4host\xc0\x18" + bytes(20)
OPT = bytes.fromhex("00002904d0000000000000")
BATCH = 512  # replies that a transport checks at once
SLOW = 5_000  # messages dnspython reads for the comparison


def reply(query: bytes, index: int, counts: tuple[int, int], *records: bytes, rcode: int = 0) -> bytes:
    """Return a reply with an ID of its own; *counts* of records in ANSWER and AUTHORITY."""
    head = (index & 0xFFFF).to_bytes(2) + bytes([0x81, 0x80 | rcode, 0, 1])
    return b"".join([head, counts[0].to_bytes(2), counts[1].to_bytes(2), b"\0\1", query[12:-15], *records, OPT])


def address(index: int, last: bytes) -> bytes:
    """Return an A record whose TTL differs from message to message."""
    return ADDRESS + (index % 300).to_bytes(4) + b"\0\4" + last


def few(query: bytes, index: int) -> bytes:
    """Return one of 500 answers of two addresses, whatever the name."""
    kind = (index % 500).to_bytes(4)
    return reply(query, index, (2, 0), address(index, kind), address(index + 7, b"\xc0\0\2\1"))


def distinct(query: bytes, index: int) -> bytes:
    """Return two addresses that nobody else has."""
    return reply(query, index, (2, 0), address(index, index.to_bytes(4)), address(index, b"\xc0\0\2\1"))


def denial(query: bytes, index: int) -> bytes:
    """Return NXDOMAIN with the SOA of the name's zone."""
    return reply(query, index, (0, 1), SOA, rcode=3)


def chain(query: bytes, index: int) -> bytes:
    """Return an address by way of an alias of the name's own."""
    target = b"\x0a%010d" % index + b"\3cdn\4test\0"
    alias = ALIAS + (index % 300).to_bytes(4) + len(target).to_bytes(2) + target
    at = (0xC000 | 12 + len(query[12:-19]) + 4 + 12).to_bytes(2)
    return reply(query, index, (2, 0), alias, at + address(index, b"\xc0\0\2\1")[2:])


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU time *work* takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(asked: Messages, make: Callable[[bytes, int], bytes]) -> tuple[float, float]:
    """Return the seconds that one message takes dnspython, and the columns."""
    listed = [make(query, index) for index, query in enumerate(asked)]
    replies, about = Messages.of(listed), np.arange(len(asked))
    slow = seconds(lambda: [dns.message.from_wire(wire) for wire in listed[:SLOW]]) / len(listed[:SLOW])
    return slow, seconds(lambda: decode(asked, about, replies)) / len(asked)


def check(asked: Messages) -> float:
    """Return the seconds that looking for the question takes for one reply."""
    replies = Messages.of(few(query, index) for index, query in enumerate(asked))
    batches = [np.arange(first, min(first + BATCH, len(asked))) for first in range(0, len(asked), BATCH)]
    return seconds(lambda: [echoes(asked, batch, replies.take(batch)) for batch in batches]) / len(asked)


def main() -> None:
    """Measure and print."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    qnames = [f"name{index:07}.example.com" for index in range(size)]
    print(f"encode            {size / seconds(lambda: encode(qnames, ['A'] * size)):>12,.0f} a second")
    asked = encode(qnames, ["A"] * size)
    print(f"echoes            {1 / check(asked):>12,.0f} a second, {BATCH} at a time")
    for make in (few, distinct, denial, chain):
        slow, fast = measure(asked, make)
        print(f"decode {make.__name__:<10} {1 / fast:>12,.0f} a second, {slow / fast:5.1f} times dnspython")


if __name__ == "__main__":
    main()
