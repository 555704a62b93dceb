"""UDP, both engines, against a resolver on loopback that lies, floods, repeats itself and keeps silent."""

import asyncio
import errno
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hostile import ADDRESSES, Hostile, all_of, asking, reply, rows, until
from resolver_diff.errors import UsageError
from resolver_diff.transports import Endpoint, Queries, Session, Trouble, _bulk, _datagrams, _ledger, _mmsg, _ports, udp
from resolver_diff.wire import Messages

Open = Callable[[], AbstractAsyncContextManager[Session]]

OPEN_FILES = Path("/proc/self/fd")
LINUX = pytest.mark.skipif(not _mmsg.available(), reason="needs sendmmsg and recvmmsg of Linux")


@pytest.fixture(params=[pytest.param("bulk", marks=LINUX), "datagrams"])
def open_udp(request: pytest.FixtureRequest) -> Open:
    """One engine, then the other."""
    return _bulk.open_session if request.param == "bulk" else _datagrams.open_session


def is_missing(family: socket.AddressFamily) -> bool:
    """Tell whether this machine has no loopback address of *family*."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((ADDRESSES[family], 0))
    except OSError:
        return True
    return False


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
def hostile(request: pytest.FixtureRequest) -> Iterator[Hostile]:
    """The resolver, at an IPv4 address and then at an IPv6 address."""
    if is_missing(request.param):
        pytest.skip("needs the loopback address ::1")
    with Hostile(request.param) as resolver:
        yield resolver


@pytest.fixture
def hostile4() -> Iterator[Hostile]:
    """The resolver at 127.0.0.1, where the family makes no difference."""
    with Hostile() as resolver:
        yield resolver


def told(qname: str, last: int = 1) -> bytes:
    """Return what the resolver says about *qname*, without the ID."""
    return reply(asking([qname], Endpoint("127.0.0.1", 1)).messages[0], last=last)[2:]


async def test_every_query_has_its_reply(open_udp: Open, hostile: Hostile) -> None:
    """Each query is answered once, by the message that answers its own question, and its times are sound."""
    qnames = [f"plain-{number}.test" for number in range(300)]
    queries = asking(qnames, hostile.endpoint, first=1000)
    before = time.time_ns()
    async with open_udp() as session:
        got = await all_of(session, queries)
    assert sorted(rows(got)) == [(1000 + place, 0, 0, told(qname)) for place, qname in enumerate(qnames)]
    assert (queries.sent >= before).all()
    assert (queries.sent <= time.time_ns()).all()
    assert (got.rtt >= 0).all()
    assert (got.rtt < 1e9).all()
    assert session.strays == 0


@pytest.mark.parametrize(
    ("kind", "strays"), [("id", 1), ("source", 1), ("question", 1), ("echo", 1), ("runt", 4), ("flood", 2000)]
)
async def test_only_what_answers_the_query_counts(open_udp: Open, hostile: Hostile, kind: str, strays: int) -> None:
    """Another ID, source or question, our own query, octets too few for a header, or a flood of all: strays."""
    async with open_udp() as session:
        got = await all_of(session, asking([f"{kind}-1.test"], hostile.endpoint))
        assert rows(got) == [(0, 0, 0, told(f"{kind}-1.test"))]
        if kind == "source" and isinstance(session, _datagrams.DatagramSession):
            strays = 0  # the kernel dropped it: the socket is connected
        if kind == "flood":
            assert 0 < session.strays <= strays  # a buffer may be too small for all of a flood
        else:
            assert session.strays == strays


async def test_second_replies_are_kept_in_order(
    open_udp: Open, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repeated reply and a second, different one are responses of their own, also when they come a little later."""
    monkeypatch.setattr(_ledger, "LINGER_LEAST", 500_000_000)  # a busy machine may be slow to send them
    async with open_udp() as session:
        got = await all_of(session, asking(["same-1.test", "two-1.test"], hostile.endpoint))
    by_query = sorted(rows(got))
    assert by_query == [
        (0, 0, 0, told("same-1.test")),
        (0, 1, 0, told("same-1.test")),
        (1, 0, 0, told("two-1.test", 66)),
        (1, 1, 0, told("two-1.test")),
    ]


async def test_a_flood_of_replies_does_not_fill_the_memory(open_udp: Open, hostile4: Hostile) -> None:
    """Nine replies to a query are kept, the others counted as strays."""
    async with open_udp() as session:
        got = await all_of(session, asking(["many-1.test"], hostile4.endpoint))
        assert rows(got) == [(0, nth, 0, told("many-1.test", nth)) for nth in range(9)]
        assert session.strays == 31


async def test_a_late_reply_finds_its_query(open_udp: Open, hostile: Hostile) -> None:
    """A reply that comes when the question has been asked again belongs to the query it answers."""
    async with open_udp() as session:
        assert rows(await all_of(session, asking(["late-1.test"], hostile.endpoint), patience=0.1)) == []
        got = await all_of(session, asking(["late-1.test"], hostile.endpoint, first=7))
    assert rows(got) == [(0, 0, 0, told("late-1.test", 9)), (7, 0, 0, told("late-1.test", 9))]
    assert got.rtt[0] > 100e6


async def test_a_late_reply_to_a_forgotten_query_is_a_stray(
    open_udp: Open, hostile4: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only so many queries are remembered."""
    monkeypatch.setattr(_ledger, "REMEMBERED", 0)
    async with open_udp() as session:
        await all_of(session, asking(["late-1.test"], hostile4.endpoint), patience=0.1)
        got = await all_of(session, asking(["late-1.test"], hostile4.endpoint, first=7))
        assert [number for number, *_ in rows(got)] == [7]
        assert session.strays == 1


async def test_truncated_questionless_and_big_replies_are_whole(open_udp: Open, hostile: Hostile) -> None:
    """TC, a SERVFAIL without a question and 40 KB are all messages like any other, every octet of them."""
    async with open_udp() as session:
        got = await all_of(session, asking(["truncated.test", "bare.test", "big.test"], hostile.endpoint))
    assert [len(message) for *_, message in sorted(rows(got))] == [30, 10, 40_052]


async def test_silence_is_the_absence_of_a_row(open_udp: Open, hostile4: Hostile) -> None:
    """A query nobody answers yields nothing, and costs the timeout and no more."""
    queries = asking(["silent-1.test"], hostile4.endpoint)
    before = time.monotonic()
    async with open_udp() as session:
        assert rows(await all_of(session, queries, patience=0.2)) == []
    assert 0.2 <= time.monotonic() - before < 5.0
    assert queries.sent[0] > 0


async def test_a_closed_port_is_unreachable(open_udp: Open, hostile: Hostile) -> None:
    """ICMP's word ends the waiting, for the queries to that endpoint and for no other."""
    with socket.socket(hostile.family, socket.SOCK_DGRAM) as closed:
        closed.bind((ADDRESSES[hostile.family], 0))
        nobody = Endpoint(ADDRESSES[hostile.family], closed.getsockname()[1])
    qnames = [f"plain-{number}.test" for number in range(40)]
    before = time.monotonic()
    async with open_udp() as session:
        got = await all_of(session, asking(qnames, [nobody, hostile.endpoint]), patience=5.0)
    assert time.monotonic() - before < 4.5
    assert {number: trouble for number, _, trouble, _ in rows(got)} == {
        number: Trouble.NONE if number % 2 else Trouble.UNREACHABLE for number in range(40)
    }
    assert len(got) == 40
    assert [got.says.get(row) for row in range(40) if got.trouble[row]] == ["Connection refused"] * 20


async def test_what_cannot_be_sent_is_unreachable(open_udp: Open, hostile4: Hostile) -> None:
    """An error of the system about one destination is an observation about that query alone, in its own words."""
    broadcast = Endpoint("127.255.255.255", 53)  # sending there is not permitted without saying so first
    queries = asking(["plain-0.test", "plain-1.test", "plain-2.test"], [hostile4.endpoint, broadcast])
    async with open_udp() as session:
        got = await all_of(session, queries)
    assert sorted((number, trouble) for number, _, trouble, _ in rows(got)) == [(0, 0), (1, 1), (2, 0)]
    assert list(got.says.values()) == [os.strerror(errno.EACCES)]
    assert (queries.sent > 0).all()


async def test_a_family_the_system_lacks_is_unreachable(
    open_udp: Open, hostile4: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without IPv6 the resolvers at IPv6 addresses are unreachable, and the others are asked."""

    def opened(family: int, *arguments: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        return socket.socket(family, *arguments)

    lacking = SimpleNamespace(**{**vars(socket), "socket": opened})
    monkeypatch.setattr(_ports, "socket", lacking)
    monkeypatch.setattr(_datagrams, "socket", lacking)
    endpoints = [hostile4.endpoint, Endpoint("::1", 53)]
    async with open_udp() as session:
        alone = await all_of(session, asking(["plain-0.test"], endpoints[1], first=9))
        got = await all_of(session, asking(["plain-0.test", "plain-1.test"], endpoints))
    assert [(number, trouble) for number, _, trouble, _ in rows(alone)] == [(9, 1)]
    assert list(alone.says.values()) == [os.strerror(errno.EAFNOSUPPORT)]
    assert sorted((number, trouble) for number, _, trouble, _ in rows(got)) == [(0, 0), (1, 1)]


async def test_queries_leave_when_they_are_due(open_udp: Open, hostile4: Hostile) -> None:
    """No query leaves before its time, in whatever order they are given, and none much later."""
    order = np.random.default_rng(7).permutation(30)
    due = order * 0.02
    begun = time.monotonic()
    async with open_udp() as session:
        got = await all_of(session, asking([f"plain-{place}.test" for place in order], hostile4.endpoint, due=due))
    assert len(got) == 30
    came = [(when - begun, int(octets[19:21].strip(b"\x04"))) for when, _, octets in hostile4.seen]
    assert [place for _, place in came] == list(range(30))
    assert all(when >= place * 0.02 for when, place in came)
    assert np.median([when - place * 0.02 for when, place in came]) < 0.2


async def test_no_more_than_the_window_is_in_flight(
    open_udp: Open, hostile4: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queries wait while as many as the window holds are unanswered, even if due; then they go out all the same."""
    monkeypatch.setattr(_bulk, "MOST_IN_FLIGHT", 32)
    monkeypatch.setattr(_datagrams, "MOST_IN_FLIGHT", 32)
    queries = asking([f"silent-{number}.test" for number in range(80)], hostile4.endpoint)
    async with open_udp() as session:
        await all_of(session, queries, patience=0.3)
    after = (queries.sent - queries.sent.min()) / 1e9
    assert np.count_nonzero(after < 0.29) == 32
    assert np.count_nonzero(after < 0.59) == 64
    assert len(hostile4.seen) == 80


async def test_each_of_many_questions_has_one_place(open_udp: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """70,000 queries, more than a socket has IDs, over few sockets: every one is answered exactly once."""
    count = 70_000
    monkeypatch.setattr(_ports, "MOST_PORTS", 1)
    shared = Messages.of(asking(["plain-1.test"], Endpoint("127.0.0.1", 1)).messages)
    with ExitStack() as stack:
        resolvers = [stack.enter_context(Hostile()) for _ in range(2)]
        queries = Queries(
            number=np.arange(count),
            endpoint=(np.arange(count) >= 1000).astype(np.int32),  # nearly all to one
            message=np.zeros(count, np.int32),
            due=np.zeros(count),
            messages=shared,
            endpoints=[resolver.endpoint for resolver in resolvers],
        )
        monkeypatch.setattr(_bulk, "MOST_IN_FLIGHT", 200)  # what the resolver's default buffer holds
        monkeypatch.setattr(_datagrams, "MOST_IN_FLIGHT", 200)
        async with open_udp() as session:
            got = await all_of(session, queries, patience=20.0)
    assert (np.sort(got.number) == np.arange(count)).all()
    assert not got.reply.any()
    assert not got.trouble.any()


@LINUX
async def test_ids_and_ports_cannot_be_guessed() -> None:
    """IDs are not in order, none is used twice from a port, and many queries leave from many ports."""
    with Hostile() as resolver:
        async with _bulk.open_session() as session:
            await all_of(session, asking([f"plain-{number}.test" for number in range(2000)], resolver.endpoint))
        pairs = [(port, octets[:2]) for _, port, octets in resolver.seen]
    assert len(set(pairs)) == 2000
    assert len({port for port, _ in pairs}) >= min(8, _ports.MOST_PORTS)
    ids = [int.from_bytes(octets, "big") for _, octets in pairs]
    assert abs(float(np.mean(ids)) - 32768) < 3000
    assert sum(later > earlier for earlier, later in pairwise(ids)) < 1200


def open_files() -> int:
    """Return how many files this process has open."""
    return len(list(OPEN_FILES.iterdir()))


@contextmanager
def no_more_files(*, but: int) -> Iterator[None]:
    """Let this process open *but* more files than are open now, and not one more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(int(path.name) for path in OPEN_FILES.iterdir()) + 4, hard))
    taken = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for _ in range(but):
            os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)


async def test_an_exchange_cut_short_leaves_no_sockets(open_udp: Open, hostile4: Hostile) -> None:
    """Whoever is cancelled in the middle of an exchange closes what was opened."""

    async def ask() -> None:
        async with open_udp() as session:
            await all_of(session, asking([f"silent-{n}.test" for n in range(5000)], hostile4.endpoint), patience=30.0)

    before = open_files()
    task = asyncio.create_task(ask())
    await until(lambda: len(hostile4.seen) >= 50)
    assert open_files() > before
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert open_files() == before


async def test_a_session_goes_on_after_an_exchange_was_left(open_udp: Open, hostile4: Hostile) -> None:
    """An exchange that is not read to its end does not disturb the next one."""
    async with open_udp() as session:
        left = session.exchange(asking([f"silent-{n}.test" for n in range(50)], hostile4.endpoint), timeout=30.0)
        step = asyncio.ensure_future(anext(aiter(left)))
        await until(lambda: bool(hostile4.seen))
        step.cancel()
        got = await all_of(session, asking(["plain-1.test"], hostile4.endpoint, first=100))
    assert [number for number, *_ in rows(got)] == [100]


async def test_few_open_files_are_enough(open_udp: Open, hostile4: Hostile) -> None:
    """Where hardly any file may be opened, fewer sockets are used; where none, the user is told what to do."""
    queries = asking([f"plain-{number}.test" for number in range(2000)], hostile4.endpoint)
    async with open_udp() as session:
        with no_more_files(but=1):
            got = await all_of(session, queries)
        assert (np.sort(got.number) == np.arange(2000)).all()
    async with open_udp() as session:
        with no_more_files(but=0), pytest.raises(UsageError, match="cannot open a UDP socket") as caught:
            await all_of(session, asking(["plain-1.test"], hostile4.endpoint))
    assert "ulimit" in str(caught.value.hint)


async def test_nothing_to_ask_is_nothing_to_wait_for(open_udp: Open) -> None:
    """An exchange without queries ends at once."""
    begun = time.monotonic()
    async with open_udp() as session:
        assert len(await all_of(session, asking([], Endpoint("127.0.0.1", 53)), patience=5.0)) == 0
    assert time.monotonic() - begun < 4.5


async def test_responses_come_while_the_exchange_goes_on(open_udp: Open, hostile4: Hostile) -> None:
    """Replies are yielded about every quarter of a second, not only at the end."""
    queries = asking([f"plain-{n}.test" for n in range(20)], hostile4.endpoint, due=np.arange(20) * 0.05)
    async with open_udp() as session:
        chunks = [len(part) async for part in session.exchange(queries, timeout=1.0)]
    assert sum(chunks) == 20
    assert len(chunks) >= 3


async def test_impossible_queries_are_a_mistake_of_the_caller(open_udp: Open) -> None:
    """A query that is never due or shorter than a header is refused, not waited for."""
    nowhere = Endpoint("127.0.0.1", 53)
    short = asking(["plain-1.test"], nowhere)
    short.messages = Messages.of([b"\0" * 11])
    async with open_udp() as session:
        for queries in (asking(["plain-1.test"], nowhere, due=[float("nan")]), short):
            with pytest.raises(ValueError, match="a query must be"):
                await all_of(session, queries)


def test_the_engine_suits_the_system() -> None:
    """Linux has the bulk engine, every other system the portable one."""
    engine = _bulk.open_session if _mmsg.available() else _datagrams.open_session
    assert udp.TRANSPORT.open is engine
