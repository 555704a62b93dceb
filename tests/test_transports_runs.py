"""Runs of datagrams: what Linux takes as one and cuts up again is, to a resolver, what it would have been."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from hostile import Hostile, all_of, asking, reply, rows
from resolver_diff.transports import Care, Endpoint, _bulk, _mmsg
from resolver_diff.transports._mmsg import Outbox
from resolver_diff.transports._turns import Turns

pytestmark = pytest.mark.skipif(not _mmsg.available(), reason="needs sendmmsg and recvmmsg of Linux")

QNAMES = [f"plain-{number}.{'x' * (number % 3)}test" for number in range(600)]  # of 3 to 9 lengths
HUNDRED = [Endpoint(f"192.0.2.{number}", 53) for number in range(100)]


@pytest.fixture
def resolvers() -> Iterator[list[Endpoint]]:
    """Two resolvers, at 127.0.0.1."""
    with Hostile() as one, Hostile() as other:
        yield [one.endpoint, other.endpoint]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """How many datagrams, and how many runs, each time."""
    seen: list[tuple[int, int]] = []
    load = Outbox.load

    def watched(outbox: Outbox, *described: Any) -> None:
        seen.append((len(described[0]), len(described[-1])))
        load(outbox, *described)

    monkeypatch.setattr(Outbox, "load", watched)
    return seen


async def test_each_datagram_of_a_run_is_a_query_of_its_own(
    resolvers: list[Endpoint], loads: list[tuple[int, int]]
) -> None:
    """Names of all lengths, asked of two resolvers at once in runs, all get their own replies; times are sound."""
    async with _bulk.open_session() as session:
        await all_of(session, asking(QNAMES[:2], resolvers))
        loads.clear()
        queries = asking(QNAMES, resolvers)
        got = await all_of(session, queries)
        assert session.strays == 0
    expected = [(place, 0, 0, reply(message)[2:]) for place, message in enumerate(queries.messages)]
    assert sorted(rows(got)) == expected
    assert sum(runs for _, runs in loads) < sum(datagrams for datagrams, _ in loads) / 3
    assert (queries.sent > 0).all()
    assert (got.rtt >= 0).all()
    assert (got.rtt < 5e9).all()


async def test_who_has_not_answered_gets_no_run(loads: list[tuple[int, int]]) -> None:
    """A resolver that was never heard is sent one datagram after the other: ICMP may refuse each of them."""
    with Hostile() as resolver:
        async with _bulk.open_session() as session:
            await all_of(session, asking([f"silent-{nth}.test" for nth in range(50)], resolver.endpoint), patience=0.1)
            await all_of(session, asking([f"silent-{nth}.test" for nth in range(50)], resolver.endpoint), patience=0.1)
    assert any(datagrams > 1 for datagrams, _ in loads)
    assert all(datagrams == runs for datagrams, runs in loads)


@pytest.mark.parametrize("number", _bulk.NO_RUNS)
async def test_a_system_that_refuses_runs_gets_single_datagrams(
    resolvers: list[Endpoint], loads: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Where an interface, a kernel or an MTU allows no runs, every query leaves all the same, and no run again."""
    send, refused = Outbox.send, 0

    def refusing(outbox: Outbox, descriptor: int, begin: int, end: int) -> int:
        nonlocal refused
        if loads[-1][0] > loads[-1][1]:
            refused += 1
            raise OSError(number, os.strerror(number))
        return send(outbox, descriptor, begin, end)

    monkeypatch.setattr(Outbox, "send", refusing)
    async with _bulk.open_session() as session:
        await all_of(session, asking(QNAMES[:2], resolvers))
        got = await all_of(session, asking(QNAMES, resolvers))
    assert sorted(got.number.tolist()) == list(range(len(QNAMES)))
    assert not got.trouble.any()
    assert 0 < refused <= 8 * _bulk.SEND_TRIES  # the sockets of one round


async def test_a_run_that_cannot_leave_is_told_of_all_its_queries(
    resolvers: list[Endpoint], loads: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that is not about runs ends each query of the run, with its words."""

    def refusing(outbox: Outbox, descriptor: int, begin: int, end: int) -> int:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    async with _bulk.open_session() as session:
        await all_of(session, asking(QNAMES[:2], resolvers))
        loads.clear()
        monkeypatch.setattr(Outbox, "send", refusing)
        got = await all_of(session, asking(QNAMES, resolvers))
    assert any(runs < datagrams for datagrams, runs in loads)
    assert np.sort(got.number).tolist() == list(range(len(QNAMES)))
    assert (got.trouble == got.trouble[0]).all()
    assert set(got.says.values()) == {"Operation not permitted"}


async def test_a_kernel_that_does_not_know_runs_gets_none(
    resolvers: list[Endpoint], loads: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Linux 4.18 a run would leave as a single datagram, without an error."""
    monkeypatch.setattr(_mmsg, "UDP_SEGMENT", 9_999)
    async with _bulk.open_session() as session:
        await all_of(session, asking(QNAMES[:2], resolvers))
        got = await all_of(session, asking(QNAMES, resolvers))
    assert sorted(got.number.tolist()) == list(range(len(QNAMES)))
    assert any(datagrams > 1 for datagrams, _ in loads)
    assert all(datagrams == runs for datagrams, runs in loads)


async def test_what_icmp_said_of_another_is_no_word_about_a_run(
    resolvers: list[Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A send that meets the errors of earlier datagrams, however often, is made again; nobody is unreachable."""
    send, met = Outbox.send, 0

    def refusing(outbox: Outbox, descriptor: int, begin: int, end: int) -> int:
        nonlocal met
        met += 1
        if met <= 4 * _bulk.SEND_TRIES:
            raise OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        return send(outbox, descriptor, begin, end)

    async with _bulk.open_session() as session:
        await all_of(session, asking(QNAMES[:2], resolvers))
        monkeypatch.setattr(Outbox, "send", refusing)
        got = await all_of(session, asking(QNAMES, resolvers))
    assert sorted(got.number.tolist()) == list(range(len(QNAMES)))
    assert not got.trouble.any()


async def test_what_could_not_leave_does_not_leave_all_at_once(
    resolvers: list[Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the socket takes nothing, no more are chosen than the pace lets leave at once."""
    send, begun = Outbox.send, time.monotonic()

    def stuck(outbox: Outbox, descriptor: int, begin: int, end: int) -> int:
        if time.monotonic() < begun + 0.6:
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        return send(outbox, descriptor, begin, end)

    monkeypatch.setattr(Outbox, "send", stuck)
    queries = asking(QNAMES[:200], resolvers[0])
    queries.care = Care([0], [200.0], [128])
    async with _bulk.open_session() as session:
        got = await all_of(session, queries)
    assert len(got) == 200
    assert np.ptp(queries.sent) > 0.8e9  # 200 at 200 a second, but for what may be caught up


@pytest.mark.parametrize(("qps", "row"), [(1e6, 16), (4_000, 8), (400, 1)])
def test_who_bears_it_is_asked_a_few_times_in_a_row(qps: float, row: int) -> None:
    """As many queries leave in one go to one address as it may get in two milliseconds; then others have their turn."""
    queries = asking([f"name-{number}.test" for number in range(6_400)], HUNDRED)
    queries.care = Care(np.arange(100), np.full(100, qps))
    chosen = Turns(queries, now=0).choose(2_048, now=1)
    endpoint = queries.endpoint[chosen]
    begins = np.flatnonzero(np.append(True, endpoint[1:] != endpoint[:-1]))
    assert set(np.diff(begins, append=len(chosen)).tolist()) == {row}
    assert len(np.unique(endpoint[: 64 * row])) == 64  # nobody twice before the others


def test_everybody_has_a_turn_where_each_is_asked_a_few_times() -> None:
    """However few are asked in one round, no query is left out, and none is chosen twice."""
    queries = asking([f"name-{number}.test" for number in range(6_400)], HUNDRED)
    queries.care = Care(np.arange(100), np.full(100, 1e6))
    turns = Turns(queries, now=0)
    rounds = [turns.choose(500, now=moment) for moment in range(1, 20_000_000, 1_000_000)]
    assert sorted(np.concatenate(rounds).tolist()) == list(range(6_400))
    assert len(np.unique(queries.endpoint[np.concatenate(rounds[:4])])) == 100


async def test_many_resolvers_get_runs_too(loads: list[tuple[int, int]]) -> None:
    """Where few queries go to each of many addresses, those to one leave together."""
    with ExitStack() as held:
        resolvers = [held.enter_context(Hostile()).endpoint for _ in range(40)]
        qnames = [f"plain-{number:04}.test" for number in range(1_600)]
        async with _bulk.open_session() as session:
            await all_of(session, asking(qnames[:40], resolvers))
            loads.clear()
            got = await all_of(session, asking(qnames, resolvers))
    assert sorted(got.number.tolist()) == list(range(1_600))
    assert sum(runs for _, runs in loads) < 1_600 / 3
