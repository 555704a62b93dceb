"""The limits of TCP: memory, open files, and what is left when an exchange is cut short."""

import asyncio
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostile import Hostile, Talk, all_of, asking, kind_of, query, reply, rows, until
from resolver_diff.errors import UsageError
from resolver_diff.transports import Trouble, _connection, _connections
from resolver_diff.transports.tcp import TRANSPORT


def open_files() -> list[int]:
    """Return the descriptors that this process has open."""
    return [int(path.name) for path in Path("/proc/self/fd").iterdir()]


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    """The resolver at 127.0.0.1."""
    with Hostile() as resolver:
        yield resolver


async def answer_all(talk: Talk) -> None:
    """Answer every query, one after the other."""
    while True:
        await talk.say(reply(await talk.next()))


async def test_a_flood_of_replies_ends_the_connection(hostile: Hostile) -> None:
    """Nine replies to a query are kept; a resolver that goes on is left, and what follows goes another way."""

    async def flood(talk: Talk) -> None:
        asked = await talk.next()
        while True:
            await talk.say(reply(asked))
            await asyncio.sleep(0)

    endpoint = hostile.listen(flood)
    async with TRANSPORT.open() as session:
        for number in range(2):
            got = await all_of(session, asking(["plain-1.test"], endpoint, first=number))
            assert [(query, nth) for query, nth, *_ in rows(got)] == [(number, nth) for nth in range(9)]
        assert session.strays == 2
    assert hostile.connections == 2


async def test_replies_that_nobody_takes_do_not_fill_the_memory(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between exchanges a connection is read only as far as a few messages; the rest stays with the system."""
    monkeypatch.setattr(_connection, "BACKLOG", 5)

    async def many_and_large(talk: Talk) -> None:
        asked = [await talk.next() for _ in range(40)]
        for one in asked:
            await talk.say(reply(one))
        await asyncio.sleep(0.3)
        for one in asked * 8:
            await talk.say(reply(one, octets=60_000))

    endpoint = hostile.listen(many_and_large)
    async with TRANSPORT.open() as session:
        assert isinstance(session, _connections.ConnectionSession)
        assert len(await all_of(session, asking([f"plain-{n}.test" for n in range(40)], endpoint))) == 40
        await asyncio.sleep(0.6)  # no exchange; the resolver goes on
        assert 0 < len(session.ends) < 20


async def test_an_exchange_cut_short_leaves_no_connections(hostile: Hostile) -> None:
    """Whoever is cancelled in the middle of an exchange closes what was opened."""

    async def mute(talk: Talk) -> None:
        while True:
            await talk.next()

    endpoint = hostile.listen(mute)
    before = len(open_files())

    async def ask() -> None:
        async with TRANSPORT.open() as session:
            await all_of(session, asking(["plain-1.test"], endpoint), patience=30.0)

    task = asyncio.create_task(ask())
    await until(lambda: bool(hostile.seen))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: len(open_files()) == before)


async def test_more_resolvers_than_connections(hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where connections are scarce they take turns, and everybody is asked."""
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_OPEN_MAX": 8}[name])
    endpoints = [hostile.listen(answer_all) for _ in range(24)]
    async with TRANSPORT.open() as session:
        got = await all_of(session, asking([f"plain-{n}.test" for n in range(96)], endpoints), patience=20.0)
    assert sorted(got.number.tolist()) == list(range(96))
    assert not got.trouble.any()
    assert hostile.most_at_once < 16  # four, and those whose end the resolver has not seen yet


async def test_no_connection_at_all(hostile: Hostile) -> None:
    """Where not one can be had, the user is told what to do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endpoint = hostile.listen(answer_all)
    try:
        async with TRANSPORT.open() as session:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            with pytest.raises(UsageError, match="cannot open a connection") as caught:
                await all_of(session, asking(["plain-1.test"], endpoint))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "ulimit" in str(caught.value.hint)


async def test_a_stall_of_our_own_ages_no_query(hostile: Hostile) -> None:
    """The process is away for longer than the timeout; what came meanwhile is read, not called silence."""
    endpoint = hostile.listen(answer_all)
    qnames = [f"plain-{number}.test" for number in range(50)]
    async with TRANSPORT.open() as session:
        loop = asyncio.get_running_loop()
        for delay in (0.0, 0.02, 0.05):
            loop.call_later(delay, time.sleep, 0.4)
        got = await all_of(session, asking(qnames, endpoint), patience=0.3)
    assert sorted(got.number.tolist()) == list(range(50))
    assert not got.trouble.any()


async def test_a_peer_that_always_closes_late_does_not_hold_the_run_up(hostile: Hostile) -> None:
    """It takes every connection, says nothing and closes shortly before the timeout: all queries end together."""

    async def close_late(talk: Talk) -> None:
        await talk.next()
        await asyncio.sleep(0.27)

    endpoint = hostile.listen(close_late)
    begun = time.monotonic()
    async with TRANSPORT.open() as session:
        got = await all_of(session, asking([f"plain-{number}.test" for number in range(40)], endpoint), patience=0.3)
    assert not got.messages.length.any()
    assert time.monotonic() - begun < 10.0


async def test_a_resolver_that_ends_every_connection_is_not_called_silent(hostile: Hostile) -> None:
    """What waited for its turn until the timeout, while every connection ended without a reply, says why."""

    async def leave(talk: Talk) -> None:
        await talk.next()
        await asyncio.sleep(0.1)

    qnames = [f"plain-{number}.test" for number in range(40)]
    async with TRANSPORT.open() as session:
        got = await all_of(session, asking(qnames, hostile.listen(leave)), patience=0.5)
    assert sorted(got.number.tolist()) == list(range(40))
    assert set(got.trouble.tolist()) == {Trouble.UNREACHABLE}
    assert set(got.says.values()) == {"the peer closed the connection"}
    assert hostile.connections < 40


async def test_a_late_reply_belongs_to_its_query(hostile: Hostile) -> None:
    """A connection that was left for a silence is heard as long again; what was asked again has one reply only."""
    asked_third, said_late = asyncio.Event(), asyncio.Event()

    async def converse(talk: Talk) -> None:
        asked = await talk.next()
        if kind_of(asked) == "late":
            second = await talk.next()
            await asked_third.wait()
            await talk.say(reply(second, last=66))
            await talk.say(reply(asked, last=9))
            said_late.set()
            asked = await talk.next()
        while True:
            if kind_of(asked) == "third":
                asked_third.set()
                await said_late.wait()
            await talk.say(reply(asked))
            asked = await talk.next()

    endpoint = hostile.listen(converse)
    async with TRANSPORT.open() as session:
        got = await all_of(session, asking(["late-1.test", "second-1.test"], endpoint, due=[0.0, 1.0]), patience=2.0)
        assert [each[:3] for each in rows(got)] == [(1, 0, 0)]
        got = await all_of(session, asking(["third-1.test"], endpoint, first=2), patience=30.0)
        assert {each[:3] for each in rows(got)} == {(0, 0, 0), (2, 0, 0)}
        assert reply(query("late-1.test"), last=9)[2:] in [each[3] for each in rows(got)]
        assert session.strays == 0
    assert hostile.connections == 2
