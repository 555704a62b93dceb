"""Replay: responses from memory, the same every time."""

import time
from collections.abc import Sequence

import numpy as np

from hostile import all_of, asking, kind_of, query, reply, rows
from resolver_diff.transports import Endpoint, Trouble
from resolver_diff.transports._replay import EPOCH, replaying

HERE = Endpoint("192.0.2.53", 53)
ELSEWHERE = Endpoint("2001:db8::53", 53)


def respond(endpoint: Endpoint, asked: bytes) -> Sequence[tuple[float, bytes]]:
    """Answer in a way that depends on the name."""
    said = {
        "plain": [(0.02, reply(asked))],
        "two": [(0.05, reply(asked)), (0.01, reply(asked, last=66))],
        "slow": [(3.0, reply(asked))],
        "id": [(0.01, bytes([asked[0] ^ 1]) + reply(asked)[1:])],
        "question": [(0.01, reply(asked).replace(b"question", b"quastion"))],
        "many": [(0.01, reply(asked, last=last)) for last in range(20)],
    }
    if kind_of(asked) == "refused" or endpoint == ELSEWHERE:
        raise ConnectionRefusedError
    return said.get(kind_of(asked), [])


async def test_replies_come_in_the_order_of_their_times() -> None:
    """The time to a reply is data: it orders the responses, and nothing waits for it."""
    begun = time.monotonic()
    async with replaying(respond).open() as session:
        got = await all_of(session, asking(["plain-1.test", "two-1.test", "silent-1.test"], HERE), patience=30.0)
    assert time.monotonic() - begun < 10.0
    assert rows(got) == [
        (1, 0, 0, reply(query("two-1.test"), last=66)[2:]),
        (0, 0, 0, reply(query("plain-1.test"))[2:]),
        (1, 1, 0, reply(query("two-1.test"))[2:]),
    ]
    assert got.rtt.tolist() == [10_000_000, 20_000_000, 50_000_000]


async def test_the_clock_is_that_of_the_replay() -> None:
    """Queries leave when they are due after the given time, and a later exchange after an earlier one."""
    async with replaying(respond, start=1_000).open() as session:
        first = asking(["plain-1.test", "plain-2.test"], HERE, due=[0.5, 0.25])
        second = asking(["plain-1.test"], HERE, first=2)
        await all_of(session, first, patience=1.0)
        await all_of(session, second, patience=1.0)
    assert first.sent.tolist() == [500_001_000, 250_001_000]
    assert second.sent.tolist() == [570_001_000]  # 20 ms to the last reply, and 50 for a second one


async def test_the_same_rules_hold_as_on_sockets() -> None:
    """Another ID or question is a stray, at most nine replies are kept, and what is later than the timeout is lost."""
    async with replaying(respond).open() as session:
        qnames = ["id-1.test", "question-1.test", "slow-1.test", "many-1.test"]
        got = await all_of(session, asking(qnames, HERE), patience=2.0)
        assert [(number, nth) for number, nth, *_ in rows(got)] == [(3, nth) for nth in range(9)]
        assert session.strays == 2 + 11


async def test_refused_is_unreachable() -> None:
    """A resolver that refuses connections yields trouble, without a message."""
    async with replaying(respond).open() as session:
        got = await all_of(session, asking(["refused-1.test", "plain-1.test"], [HERE, ELSEWHERE]))
    assert rows(got) == [(0, 0, Trouble.UNREACHABLE, b""), (1, 0, Trouble.UNREACHABLE, b"")]


async def test_silence_is_nobody_answering() -> None:
    """Where the function returns nothing there is silence; the queries have left all the same."""
    queries = asking(["plain-1.test"], HERE)
    async with replaying(lambda _endpoint, _query: ()).open() as session:
        assert len(await all_of(session, queries)) == 0
    assert queries.sent.tolist() == [EPOCH]


async def test_it_plays_the_same_every_time() -> None:
    """Two sessions yield equal responses, in chunks when there are many."""
    qnames = [f"plain-{number}.test" for number in range(20_000)]
    chunks = []
    for _ in range(2):
        async with replaying(respond).open() as session:
            chunks.append([part async for part in session.exchange(asking(qnames, HERE), timeout=1.0)])
    assert len(chunks[0]) > 1
    for one, other in zip(*chunks, strict=True):
        assert np.array_equal(one.number, other.number)
        assert list(one.messages) == list(other.messages)
