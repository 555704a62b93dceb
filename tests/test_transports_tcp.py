"""TCP against a resolver on loopback that cuts, stalls, lies about lengths and answers in any order."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator

import numpy as np
import pytest

from hostile import ADDRESSES, Hostile, Talk, all_of, answer_all, asking, kind_of, reply, rows
from resolver_diff.transports import Endpoint, Responses, Trouble
from resolver_diff.transports.tcp import TRANSPORT


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    """The resolver at 127.0.0.1."""
    with Hostile() as resolver:
        yield resolver


async def exchange(
    resolver: Hostile, converse: Callable[[Talk], Awaitable[None]], qnames: list[str], *, patience: float = 2.0
) -> tuple[Responses, int]:
    """Ask *qnames* of a resolver that talks like *converse*; return the responses, and how many strays came."""
    endpoint = resolver.listen(converse)
    async with TRANSPORT.open() as session:
        got = await all_of(session, asking(qnames, endpoint), patience=patience)
        return got, session.strays


def troubles(got: Responses) -> dict[int, Trouble]:
    """Return the trouble of each query that has a response; each has one only."""
    found = {int(number): Trouble(int(trouble)) for number, trouble in zip(got.number, got.trouble, strict=True)}
    assert len(found) == len(got)
    return found


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
async def test_many_queries_share_one_connection(family: socket.AddressFamily) -> None:
    """Queries are pipelined on one connection, which is kept for the next exchange."""
    try:
        socket.create_server((ADDRESSES[family], 0), family=family).close()
    except OSError:
        pytest.skip(f"needs the loopback address {ADDRESSES[family]}")
    with Hostile(family) as resolver:
        endpoint = resolver.listen(answer_all)
        qnames = [f"plain-{number}.test" for number in range(600)]
        async with TRANSPORT.open() as session:
            first = await all_of(session, asking(qnames, endpoint))
            second = await all_of(session, asking(qnames, endpoint, first=1000))
        assert sorted(first.number.tolist()) == list(range(600))
        assert sorted(second.number.tolist()) == list(range(1000, 1600))
        assert not first.trouble.any()
        assert (first.rtt >= 0).all()
        assert resolver.connections == 1
        assert len({octets[:2] for _, _, octets in resolver.seen}) == 1200


async def test_replies_may_come_in_any_order(hostile: Hostile) -> None:
    """A reply belongs to the query with its ID, whatever came before it."""

    async def backwards(talk: Talk) -> None:
        for asked in reversed([await talk.next() for _ in range(20)]):
            await talk.say(reply(asked))

    got, _ = await exchange(hostile, backwards, [f"plain-{number}.test" for number in range(20)])
    assert got.number.tolist() == list(range(19, -1, -1))
    queries = asking([f"plain-{number}.test" for number in range(20)], hostile.endpoint).messages
    assert all(
        message[2:] == reply(queries[number])[2:]
        for number, message in zip(got.number.tolist(), got.messages, strict=True)
    )


async def test_octets_may_come_one_by_one(hostile: Hostile) -> None:
    """A message is whole when its last octet has come, wherever the stream was cut into pieces."""

    async def slowly(talk: Talk) -> None:
        for _ in range(2):
            message = reply(await talk.next())
            for octet in len(message).to_bytes(2, "big") + message:
                talk.writer.write(bytes([octet]))
                await talk.writer.drain()
                await asyncio.sleep(0)

    got, strays = await exchange(hostile, slowly, ["plain-1.test", "plain-2.test"])
    assert troubles(got) == {0: Trouble.NONE, 1: Trouble.NONE}
    assert strays == 0


async def test_the_largest_message_is_whole(hostile: Hostile) -> None:
    """65,535 octets, the most that a length can tell, arrive unharmed."""

    async def largest(talk: Talk) -> None:
        asked = await talk.next()
        short = len(reply(asked, octets=1)) - 1
        await talk.say(reply(asked, octets=65_535 - short))

    got, _ = await exchange(hostile, largest, ["plain-1.test"])
    assert got.messages.length.tolist() == [65_535]


async def test_one_answer_to_a_connection_is_enough(hostile: Hostile) -> None:
    """A resolver that closes after every answer is asked everything all the same, and not over and over."""

    async def one(talk: Talk) -> None:
        await talk.say(reply(await talk.next()))

    got, _ = await exchange(hostile, one, [f"plain-{number}.test" for number in range(40)])
    assert troubles(got) == dict.fromkeys(range(40), Trouble.NONE)
    assert hostile.connections < 60
    assert len(hostile.seen) < 60


async def test_a_connection_closed_without_a_word_is_tried_once_more(hostile: Hostile) -> None:
    """Closed on a query twice, when it was the only one asked: unreachable."""

    async def close(talk: Talk) -> None:
        await talk.next()

    got, _ = await exchange(hostile, close, ["plain-1.test"])
    assert troubles(got) == {0: Trouble.UNREACHABLE}
    assert hostile.connections == 2


async def test_a_connection_closed_at_once_is_unreachable(hostile: Hostile) -> None:
    """A resolver that accepts and hangs up before anything is asked costs no more than two connections a query."""

    async def hang_up(talk: Talk) -> None:
        await talk.hang_up()

    got, _ = await exchange(hostile, hang_up, ["plain-1.test", "plain-2.test", "plain-3.test"])
    assert troubles(got) == dict.fromkeys(range(3), Trouble.UNREACHABLE)
    assert hostile.connections <= 7


async def test_only_the_name_that_cuts_the_connection_is_blamed(hostile: Hostile) -> None:
    """Where one name gets every connection reset, the names asked beside it are answered."""

    async def censor(talk: Talk) -> None:
        asked = [await talk.next()]
        while True:
            if kind_of(asked[0]) == "banned":
                await talk.hang_up()
                return
            await talk.say(reply(asked[0]))
            asked = [await talk.next()]

    qnames = [f"{'banned' if number == 7 else 'plain'}-{number}.test" for number in range(20)]
    got, _ = await exchange(hostile, censor, qnames)
    assert troubles(got) == {number: Trouble.UNREACHABLE if number == 7 else Trouble.NONE for number in range(20)}


async def test_a_longer_connection_is_tried_again_later(hostile: Hostile) -> None:
    """After a connection was cut, the following ones grow again: one bad name does not cost a connection per query."""
    cut: list[bytes] = []

    async def cut_once(talk: Talk) -> None:
        while True:
            asked = await talk.next()
            if kind_of(asked) == "cut" and not cut:
                cut.append(asked)
                await talk.hang_up()
                return
            await talk.say(reply(asked))

    qnames = ["cut-0.test", *(f"plain-{number}.test" for number in range(500))]
    got, _ = await exchange(hostile, cut_once, qnames, patience=5.0)
    assert troubles(got) == dict.fromkeys(range(501), Trouble.NONE)
    assert hostile.connections < 60


async def test_refused_is_unreachable() -> None:
    """Nobody listens: every query says so at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = Endpoint("127.0.0.1", server.getsockname()[1])
    begun = time.monotonic()
    queries = asking(["plain-1.test", "plain-2.test"], nobody, due=[0, 0.1])
    async with TRANSPORT.open() as session:
        got = await all_of(session, queries, patience=5.0)
    assert troubles(got) == dict.fromkeys(range(2), Trouble.UNREACHABLE)
    assert set(got.says.values()) == {"Connection refused"}
    assert (queries.sent > 0).all()
    assert time.monotonic() - begun < 4.5


async def test_a_length_that_is_too_long_is_malformed(hostile: Hostile) -> None:
    """A frame that promises more than comes before the end is no message."""

    async def promise(talk: Talk) -> None:
        message = reply(await talk.next())
        await talk.say(message, length=len(message) + 100)

    got, _ = await exchange(hostile, promise, ["plain-1.test"])
    assert troubles(got) == {0: Trouble.MALFORMED}


@pytest.mark.parametrize("length", [0, 1, 11])
async def test_a_length_too_short_for_a_header_is_malformed(hostile: Hostile, length: int) -> None:
    """Octets that are no DNS message are counted as strays, and the query they came for as malformed."""

    async def runt(talk: Talk) -> None:
        await talk.say(reply(await talk.next()), length=length)
        await talk.next()

    got, strays = await exchange(hostile, runt, ["plain-1.test"])
    assert troubles(got) == {0: Trouble.MALFORMED}
    assert strays == 2


async def test_rubbish_after_an_answer_spoils_only_the_connection(hostile: Hostile) -> None:
    """What is out of step is left; the other queries are asked again on a new connection."""

    async def rubbish(talk: Talk) -> None:
        await talk.say(reply(await talk.next()))
        await talk.say(b"rubbish, and more of it")
        await answer_all(talk)

    got, strays = await exchange(hostile, rubbish, [f"plain-{number}.test" for number in range(5)])
    assert troubles(got) == dict.fromkeys(range(5), Trouble.NONE)
    assert strays >= 1


async def test_responses_to_nothing_that_was_asked_are_passed_over(hostile: Hostile) -> None:
    """A response with an ID that was not used is a stray, and the one behind it an answer."""

    async def strays_first(talk: Talk) -> None:
        while True:
            asked = await talk.next()
            for number in range(5):
                await talk.say((int.from_bytes(asked[:2]) ^ 1 << number).to_bytes(2) + reply(asked, last=66)[2:])
            await talk.say(reply(asked))

    got, strays = await exchange(hostile, strays_first, ["plain-1.test"])
    assert [(nth, trouble, message[-1]) for _, nth, trouble, message in rows(got)] == [(0, Trouble.NONE, 1)]
    assert strays == 5
    assert hostile.connections == 1


async def test_a_stream_of_strays_is_left(hostile: Hostile) -> None:
    """Where nothing but responses to other queries comes, it is not listened to for long."""

    async def only_strays(talk: Talk) -> None:
        asked = await talk.next()
        for number in range(300):
            await talk.say((int.from_bytes(asked[:2]) ^ number + 1).to_bytes(2) + reply(asked)[2:])

    got, strays = await exchange(hostile, only_strays, ["plain-1.test"])
    assert troubles(got) == {0: Trouble.MALFORMED}
    assert strays < 50


async def test_another_question_is_no_answer(hostile: Hostile) -> None:
    """A reply with the right ID to another question is a stray, and the query goes unanswered."""

    async def another(talk: Talk) -> None:
        while True:
            await talk.say(reply(await talk.next()).replace(b"plain", b"plane"))

    got, strays = await exchange(hostile, another, ["plain-1.test"], patience=0.2)
    assert rows(got) == []
    assert strays == 1


async def test_second_replies_are_kept(hostile: Hostile) -> None:
    """A second reply on the same connection is a response of its own."""

    async def twice(talk: Talk) -> None:
        asked = await talk.next()
        await talk.say(reply(asked))
        await talk.say(reply(asked, last=2))
        await talk.next()

    got, _ = await exchange(hostile, twice, ["plain-1.test"])
    assert [(number, nth) for number, nth, *_ in rows(got)] == [(0, 0), (0, 1)]


async def test_a_stalled_connection_is_left(hostile: Hostile) -> None:
    """Silence yields nothing; the next query is asked on another connection, the stalled one being lost."""

    async def stall_first(talk: Talk) -> None:
        while True:
            asked = await talk.next()
            if hostile.connections > 1:
                await talk.say(reply(asked))

    endpoint = hostile.listen(stall_first)
    async with TRANSPORT.open() as session:
        silent = asking(["plain-1.test"], endpoint)
        assert rows(await all_of(session, silent, patience=0.2)) == []
        assert silent.sent[0] > 0
        got = await all_of(session, asking(["plain-1.test"], endpoint, first=1))
    assert troubles(got) == {1: Trouble.NONE}


async def test_a_name_that_stalls_the_connection_stays_alone(hostile: Hostile) -> None:
    """Where one name makes a connection go dead, those asked after it on the same connection are asked again."""

    async def dead_after(talk: Talk) -> None:
        while True:
            asked = await talk.next()
            if kind_of(asked) == "banned":
                await asyncio.sleep(60)
            await talk.say(reply(asked))

    endpoint = hostile.listen(dead_after)
    queries = asking(
        ["banned-0.test", *(f"plain-{number}.test" for number in range(4))], endpoint, due=[0, 0.1, 0.1, 0.2, 0.2]
    )
    async with TRANSPORT.open() as session:
        got = await all_of(session, queries, patience=0.3)
    assert troubles(got) == dict.fromkeys(range(1, 5), Trouble.NONE)


async def test_those_asked_together_with_a_name_that_stalls_are_asked_again(hostile: Hostile) -> None:
    """Queries that left in one go with one that makes the connection go dead are answered in the same exchange."""

    async def dead_after(talk: Talk) -> None:
        while True:
            asked = await talk.next()
            if kind_of(asked) == "banned":
                await asyncio.sleep(60)
            await talk.say(reply(asked))

    qnames = [f"{'banned' if number == 7 else 'plain'}-{number}.test" for number in range(20)]
    got, _ = await exchange(hostile, dead_after, qnames, patience=0.3)
    assert troubles(got) == {number: Trouble.NONE for number in range(20) if number != 7}


async def test_replies_swallowed_by_a_length_that_lies_are_asked_for_again(hostile: Hostile) -> None:
    """A frame that never ends takes the replies behind it along: the connection is left, also with no name to blame."""

    async def swallow_once(talk: Talk) -> None:
        while True:
            asked = await talk.next()
            await talk.say(reply(asked))
            if kind_of(asked) == "swallow" and hostile.connections == 1:
                talk.writer.write(b"\xff\xff")

    qnames = [f"{'swallow' if number == 3 else 'plain'}-{number}.test" for number in range(12)]
    got, _ = await exchange(hostile, swallow_once, qnames, patience=0.3)
    assert troubles(got) == dict.fromkeys(range(12), Trouble.NONE)
    assert hostile.connections == 2


async def test_slow_names_do_not_silence_those_behind_them(hostile: Hostile) -> None:
    """A resolver that looks at one query of a connection at a time, and long at some: only these are silent."""

    async def one_at_a_time(talk: Talk) -> None:
        while True:
            asked = await talk.next()
            if kind_of(asked) == "slow":
                await asyncio.sleep(60)
            await talk.say(reply(asked))

    slow = {0, 20, 21, 22, 60}
    qnames = [f"{'slow' if number in slow else 'plain'}-{number}.test" for number in range(100)]
    got, _ = await exchange(hostile, one_at_a_time, qnames, patience=0.5)
    assert troubles(got) == {number: Trouble.NONE for number in range(100) if number not in slow}


async def test_a_resolver_that_falls_silent_costs_a_few_timeouts(hostile: Hostile) -> None:
    """After some answers nothing comes any more, on any connection: the rest ends in silence, and soon."""

    async def die(talk: Talk) -> None:
        while True:
            asked = await talk.next()
            if hostile.connections == 1 and len(hostile.seen) <= 10:
                await talk.say(reply(asked))

    begun = time.monotonic()
    got, _ = await exchange(hostile, die, [f"plain-{number}.test" for number in range(500)], patience=0.4)
    assert troubles(got) == dict.fromkeys(range(10), Trouble.NONE)
    assert time.monotonic() - begun < 20.0


async def test_a_resolver_that_never_answers_costs_little_more_than_the_timeout(hostile: Hostile) -> None:
    """Hundreds of queries into a connection that says nothing end in silence together."""

    async def mute(talk: Talk) -> None:
        while True:
            await talk.next()

    begun = time.monotonic()
    got, _ = await exchange(hostile, mute, [f"plain-{number}.test" for number in range(700)], patience=0.3)
    assert rows(got) == []
    assert time.monotonic() - begun < 15.0


async def test_queries_leave_when_they_are_due(hostile: Hostile) -> None:
    """No query is written before its time."""
    endpoint = hostile.listen(answer_all)
    due = np.random.default_rng(7).permutation(20) * 0.02
    begun = time.monotonic()
    async with TRANSPORT.open() as session:
        got = await all_of(session, asking([f"plain-{number}.test" for number in range(20)], endpoint, due=due))
    assert len(got) == 20
    assert all(when - begun >= place * 0.02 for place, (when, _, _) in enumerate(hostile.seen))
