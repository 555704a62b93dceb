"""DNS over TLS: who is at the other end, and what is said when it is somebody else."""

import asyncio
import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certificates import Authority, Issued
from hostile import ADDRESSES, Hostile, Talk, all_of, answer_all, asking, query, reply, rows, until
from resolver_diff.transports import Endpoint, Queries, Responses, Trouble
from resolver_diff.transports._words import shown
from resolver_diff.transports.tls import TRANSPORT
from resolver_diff.wire import Messages
from resolver_diff.wire.encode import encode

NAME = "dns.example"


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    """The resolver at 127.0.0.1."""
    with Hostile() as resolver:
        yield resolver


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the endpoints trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def good(authority: Authority) -> Issued:
    """A certificate that is as it should be."""
    return authority.issue(NAME, "127.0.0.1", "::1")


async def exchange(queries: Queries, *, patience: float = 5.0) -> Responses:
    """Return what comes of *queries* in a session of their own."""
    async with TRANSPORT.open() as session:
        return await all_of(session, queries, patience=patience)


async def trouble(endpoint: Endpoint, *, patience: float = 5.0) -> tuple[Trouble, str | None]:
    """Return the trouble that one query meets, and its words."""
    got = await exchange(asking(["plain-1.test"], endpoint), patience=patience)
    assert got.number.tolist() == [0]
    return Trouble(int(got.trouble[0])), got.says.get(0)


@contextlib.contextmanager
def serving(converse: Callable[[socket.socket], None]) -> Iterator[Endpoint]:
    """A peer that is no resolver: *converse* is called with each connection, in threads of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    converse(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Endpoint("127.0.0.1", server.getsockname()[1], NAME)
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
async def test_many_queries_share_one_connection(
    family: socket.AddressFamily, authority: Authority, good: Issued
) -> None:
    """A thousand queries are answered over one connection, which is kept for the next exchange."""
    try:
        socket.create_server((ADDRESSES[family], 0), family=family).close()
    except OSError:
        pytest.skip(f"needs the loopback address {ADDRESSES[family]}")
    with Hostile(family) as resolver:
        endpoint = replace(resolver.listen(answer_all, good.served), hostname=NAME, ca=str(authority.file))
        qnames = [f"plain-{number}.test" for number in range(1000)]
        async with TRANSPORT.open() as session:
            first = await all_of(session, asking(qnames, endpoint), patience=20.0)
            second = await all_of(session, asking(qnames, endpoint, first=1000), patience=20.0)
        assert sorted(first.number.tolist() + second.number.tolist()) == list(range(2000))
        assert not first.trouble.any()
        assert not second.trouble.any()
        assert resolver.connections == 1


async def test_replies_may_come_in_any_order(hostile: Hostile, authority: Authority, good: Issued) -> None:
    """A reply belongs to the query with its ID, whatever came before it."""

    async def backwards(talk: Talk) -> None:
        for asked in reversed([await talk.next() for _ in range(20)]):
            await talk.say(reply(asked))

    endpoint = replace(hostile.listen(backwards, good.served), hostname=NAME, ca=str(authority.file))
    got = await exchange(asking([f"plain-{number}.test" for number in range(20)], endpoint))
    assert got.number.tolist() == list(range(19, -1, -1))


async def test_queries_tell_little_by_their_length(hostile: Hostile, authority: Authority, good: Issued) -> None:
    """Queries with an OPT record are padded to a multiple of 128 octets (RFC 8467)."""
    endpoint = replace(hostile.listen(answer_all, good.served), hostname=NAME, ca=str(authority.file))
    qnames = ["a.test", "b" * 63 + ".test", "c." * 60 + "test", "plain-1.test"]
    queries = asking(qnames, endpoint)
    queries.messages = Messages.of([*encode(qnames[:3], ["A"] * 3), query("plain-1.test")])
    got = await exchange(queries)
    assert sorted(got.number.tolist()) == [0, 1, 2, 3]
    assert not got.trouble.any()
    assert [len(octets) % 128 for _, _, octets in hostile.seen] == [0, 0, 0, len(query("plain-1.test"))]


async def test_without_a_name_the_address_is_looked_for(hostile: Hostile, authority: Authority, good: Issued) -> None:
    """An endpoint without a host name is authenticated by the address in the certificate."""
    endpoint = replace(hostile.listen(answer_all, good.served), ca=str(authority.file))
    assert await trouble(endpoint) == (Trouble.NONE, None)


async def test_what_is_wrong_with_the_certificate_is_said(hostile: Hostile, authority: Authority) -> None:
    """Each fault of a certificate is trouble with TLS, with what was wrong and what was seen."""
    day = timedelta(days=1)
    today = datetime.now(UTC)
    named = replace(hostile.endpoint, hostname=NAME, ca=str(authority.file))
    other = Authority(authority.folder, "Another Authority")
    for endpoint, issued, says in [
        (named, authority.issue("www.other.example"), "certificate is for www.other.example, not dns.example"),
        (named, authority.issue(), "certificate is for a resolver, not dns.example"),
        (
            named,
            authority.issue(*(f"n{number}.example" for number in range(9))),
            "certificate is for n0.example, n1.example, n2.example and 6 more, not dns.example",
        ),
        (
            replace(named, hostname=None),
            authority.issue(NAME, "192.0.2.1"),
            "certificate is for dns.example, 192.0.2.1, not 127.0.0.1",
        ),
        (
            named,
            authority.issue(NAME, begins=-9 * day, ends=-3 * day),
            f"certificate has expired (notAfter {today - 3 * day:%Y-%m-%d})",
        ),
        (
            named,
            authority.issue(NAME, begins=2 * day),
            f"certificate is not valid yet (notBefore {today + 2 * day:%Y-%m-%d})",
        ),
        (named, authority.issue(NAME, self_signed=True), "self-signed certificate"),
        (named, other.issue(NAME), "certificate of an unknown authority (Another Authority)"),
        (replace(named, ca=None), authority.issue(NAME), "certificate of an unknown authority (Test Authority)"),
        (named, other.issue(NAME, self_signed=True, subject="\x1b[31m" + 50 * "x"), "self-signed certificate"),
    ]:
        port = hostile.listen(answer_all, issued.served).port
        assert await trouble(replace(endpoint, port=port)) == (Trouble.TLS, says)
    assert not hostile.seen


async def test_words_of_a_certificate_are_harmless(hostile: Hostile, authority: Authority) -> None:
    """What a certificate calls itself may be long and may be an escape sequence; the words are short and plain."""
    rogue = Authority(authority.folder, "\x1b]0;pwned\x07" + 15 * "<b>")
    endpoint = replace(hostile.listen(answer_all, rogue.issue(NAME).served), hostname=NAME, ca=str(authority.file))
    kind, says = await trouble(endpoint)
    assert kind == Trouble.TLS
    assert says is not None
    assert says.startswith("certificate of an unknown authority (?]0;pwned?<b>")
    assert says.isprintable()
    assert len(shown(9000 * "x")) == 120


async def test_a_pin_is_all_that_counts(hostile: Hostile, authority: Authority) -> None:
    """With pins, neither name nor date nor authority matters; without a match nothing is asked (RFC 7858 4.2)."""
    issued = authority.issue("www.other.example", ends=-timedelta(hours=1), self_signed=True)
    another = authority.issue(NAME)
    endpoint = replace(hostile.listen(answer_all, issued.served), hostname=NAME)
    assert await trouble(replace(endpoint, pins=(another.pin, issued.pin))) == (Trouble.NONE, None)
    asked = len(hostile.seen)
    assert await trouble(replace(endpoint, pins=(another.pin,))) == (
        Trouble.TLS,
        f"no pin matches: the certificate's is {issued.pin}",
    )
    assert len(hostile.seen) == asked == 1


async def test_authorities_that_cannot_be_read_are_said(
    hostile: Hostile, authority: Authority, good: Issued, tmp_path: Path
) -> None:
    """A file of authorities that is missing or no PEM costs this resolver's answers, and the words name the file."""
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing of the kind", encoding="ascii")
    endpoint = replace(hostile.listen(answer_all, good.served), hostname=NAME)
    for file, why in [(tmp_path / "none.pem", "No such file or directory"), (broken, "it holds no certificate")]:
        assert await trouble(replace(endpoint, ca=str(file))) == (
            Trouble.TLS,
            f"cannot read the authorities in {file}: {why}",
        )
    assert hostile.connections == 0


async def test_a_peer_that_speaks_no_tls() -> None:
    """Octets that are no TLS are told as such."""

    def greet(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example ESMTP\r\n")
        connection.recv(4096)

    with serving(greet) as endpoint:
        assert await trouble(endpoint) == (Trouble.TLS, "the peer speaks no TLS")


async def test_a_handshake_that_is_cut_off() -> None:
    """A peer that ends the connection in the middle of the handshake is told apart from one that refuses TCP."""

    def close(connection: socket.socket) -> None:
        connection.recv(4096)

    def reset(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with serving(close) as endpoint:
        kind, says = await trouble(endpoint)
    assert kind == Trouble.TLS
    assert says is not None
    assert says.startswith("TLS handshake cut off")
    with serving(reset) as endpoint:
        kind, says = await trouble(endpoint)
    assert kind == Trouble.TLS
    assert says == "TLS handshake cut off: Connection reset by peer"


def hang(connection: socket.socket) -> None:
    """Say nothing until the other end closes."""
    while connection.recv(4096):
        pass


async def test_a_handshake_that_hangs_is_silence() -> None:
    """A peer that takes the connection and says nothing is silent; the words tell how far it came."""
    begun = time.monotonic()
    with serving(hang) as endpoint:
        assert await trouble(endpoint, patience=0.3) == (Trouble.SILENT, "no end to the TLS handshake")
    assert time.monotonic() - begun < 6.0


async def test_a_second_look_that_hangs_leaves_what_the_first_has_shown(authority: Authority) -> None:
    """A bad certificate is trouble with TLS, though its peer hangs when it is to show it once more."""
    expired = authority.issue(NAME, begins=-timedelta(days=9), ends=-timedelta(days=3))
    seen: list[socket.socket] = []

    def once(connection: socket.socket) -> None:
        seen.append(connection)
        if len(seen) == 1:
            with contextlib.suppress(ssl.SSLError):
                expired.served.wrap_socket(connection, server_side=True)
        else:
            hang(connection)

    with serving(once) as endpoint:
        found = await trouble(replace(endpoint, ca=str(authority.file)), patience=2.0)
    assert found == (Trouble.TLS, "certificate has expired")
    assert len(seen) == 2


async def test_refused_tcp_is_not_called_tls() -> None:
    """Where nobody listens, the trouble is that, in the system's words."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = Endpoint("127.0.0.1", server.getsockname()[1], NAME)
    assert await trouble(nobody) == (Trouble.UNREACHABLE, "Connection refused")


async def test_a_peer_that_wants_a_certificate_of_ours(authority: Authority) -> None:
    """An alert, which with TLS 1.3 comes after the handshake, is trouble with TLS, in the alert's words."""
    issued = authority.issue(NAME)
    issued.served.verify_mode = ssl.CERT_REQUIRED
    issued.served.load_verify_locations(authority.file)

    def demand(connection: socket.socket) -> None:
        with issued.served.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secured:
            with contextlib.suppress(ssl.SSLError):
                secured.do_handshake()
            while os.read(secured.fileno(), 4096):  # unread octets would reset the connection, and lose the alert
                pass

    with serving(demand) as endpoint:
        kind, says = await trouble(replace(endpoint, ca=str(authority.file)))
    assert kind == Trouble.TLS
    assert says == "the peer refuses TLS: certificate required"


async def test_a_resolver_in_trouble_disturbs_no_other(hostile: Hostile, authority: Authority, good: Issued) -> None:
    """Beside an expired, a hanging and a deaf one, a good resolver answers everything."""
    ca = str(authority.file)
    expired = authority.issue(NAME, begins=-timedelta(days=9), ends=-timedelta(days=3))
    honest = replace(hostile.listen(answer_all, good.served), hostname=NAME, ca=ca)
    with serving(hang) as hanging:
        endpoints = [honest, replace(hostile.listen(answer_all, expired.served), hostname=NAME, ca=ca), hanging]
        got = await exchange(asking([f"plain-{number}.test" for number in range(60)], endpoints), patience=1.0)
    found = {int(number): Trouble(int(kind)) for number, kind in zip(got.number, got.trouble, strict=True)}
    assert found == {number: (Trouble.NONE, Trouble.TLS, Trouble.SILENT)[number % 3] for number in range(60)}


async def test_a_connection_that_closes_is_opened_anew(hostile: Hostile, authority: Authority, good: Issued) -> None:
    """A resolver that closes after every answer is asked everything all the same."""

    async def one(talk: Talk) -> None:
        await talk.say(reply(await talk.next()))

    endpoint = replace(hostile.listen(one, good.served), hostname=NAME, ca=str(authority.file))
    got = await exchange(asking([f"plain-{number}.test" for number in range(12)], endpoint), patience=20.0)
    assert sorted(got.number.tolist()) == list(range(12))
    assert not got.trouble.any()


async def test_an_exchange_cut_short_leaves_no_connections() -> None:
    """Whoever is cancelled in the middle of a handshake closes what was opened."""

    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    waiting: list[bytes] = []

    def wait(connection: socket.socket) -> None:
        waiting.append(connection.recv(4096))
        hang(connection)

    with serving(wait) as endpoint:
        before = open_files()
        task = asyncio.create_task(exchange(asking(["plain-1.test"], endpoint), patience=30.0))
        await until(lambda: bool(waiting))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: open_files() == before)


async def test_second_replies_are_kept(hostile: Hostile, authority: Authority, good: Issued) -> None:
    """A second reply on the same connection is a response of its own."""

    async def twice(talk: Talk) -> None:
        asked = await talk.next()
        await talk.say(reply(asked))
        await talk.say(reply(asked, last=2))
        await talk.next()

    endpoint = replace(hostile.listen(twice, good.served), hostname=NAME, ca=str(authority.file))
    got = await exchange(asking(["plain-1.test"], endpoint))
    assert [(number, nth) for number, nth, *_ in rows(got)] == [(0, 0), (0, 1)]


@pytest.mark.parametrize("name", ["dns..example", ".dns.example", "x" * 64 + ".example", "d\0ns.example"])
async def test_a_name_that_cannot_be_asked_for_is_trouble(
    hostile: Hostile, authority: Authority, good: Issued, name: str
) -> None:
    """What OpenSSL takes for no host name ends the query, not the run."""
    endpoint = replace(hostile.listen(answer_all, good.served), hostname=name, ca=str(authority.file))
    kind, says = await trouble(endpoint)
    assert kind == Trouble.TLS
    assert says
    assert not hostile.seen
