"""Write messages to begin with into a folder: what the hostile resolvers say, what is seen in the wild, and mixtures.

PYTHONPATH=tests python tests/fuzz/seeds.py FOLDER
"""

import sys
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from random import Random

import wire_messages
import wire_texts
from fuzz.harness import TARGETS, framed
from misbehaviours import ODD, Raw
from misbehaviours._matrix import cases
from misbehaviours._messages import HEADER, Asked
from resolver_diff.wire.encode import encode

LARGEST = 1_200  # octets; a fuzzer changes small messages faster
SAMPLES = 150


def said() -> Iterator[bytes]:
    """Yield the messages of all cases, of the texts of the wire's own tests, and samples."""
    for case in cases():
        (query,) = encode([ODD], [case.qtype])
        for play in (case.udp, case.tcp):
            if play is not None and "flood" not in case.name:
                steps = [
                    getattr(step, "octets", step) for step in play(Asked(query, None)) if not isinstance(step, Raw)
                ]
                yield from (step for step in steps if isinstance(step, bytes) and len(step) >= HEADER)
    yield from map(wire_texts.wire, wire_texts.TEXTS)
    random = Random(2026)
    yield from (wire_messages.sample(random).reply for _ in range(SAMPLES))


def seeds() -> Iterator[bytes]:
    """Yield inputs for each target."""
    messages = sorted({message for message in said() if len(message) <= LARGEST}, key=lambda each: (len(each), each))
    reading, batch, echo, options = range(len(TARGETS))
    yield from (bytes([reading, 0]) + message for message in messages)
    for target in (batch, echo):
        few = zip(messages, messages[1:], messages[5:], strict=False)
        yield from (bytes([target, 0]) + framed(*three) for three in few if sum(map(len, three)) <= LARGEST)
    for message in messages:
        found = message.find(b"\0\0\x29")
        if found > 0:
            yield bytes([options, 0]) + message[found + 11 :]


def main(folder: Path) -> None:
    """Write every seed into *folder*, called after what it is."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds():
        (folder / blake2b(seed, digest_size=8).hexdigest()).write_bytes(seed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
