"""The handshake of QUIC: certificates and pins, resolvers that speak something else, hang, or are not there."""

import contextlib
import errno
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aioquic.quic.packet import encode_quic_version_negotiation
from cryptography.x509.oid import ExtendedKeyUsageOID

from hostile import all_of, asking, reply
from quic_servers import DAY, NAME, NOW, Authority, QuicResolver, Talk
from resolver_diff.errors import UsageError
from resolver_diff.transports import Endpoint, Responses, Transport, Trouble, _quic_link, _trust, h3, quic

CARRIERS = {"doq": quic.TRANSPORT, "h3": h3.TRANSPORT}
QNAMES = [f"plain-{number}.test" for number in range(5)]


@pytest.fixture(scope="module")
def authority() -> Authority:
    """The authority that is trusted."""
    return Authority()


@pytest.fixture(scope="module")
def ca(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its certificate, as a file."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(authority.pem)
    return str(path)


@pytest.fixture(params=sorted(CARRIERS))
def alpn(request: pytest.FixtureRequest) -> str:
    """Both ways to carry DNS over QUIC, by what they are called in the handshake."""
    return str(request.param)


def answer(talk: Talk) -> None:
    """Answer as one should."""
    if talk.peer.http is None:
        talk.say(reply(talk.asked))
    else:
        talk.respond(reply(talk.asked))


async def ask(alpn: str, endpoint: Endpoint, *, patience: float = 5.0) -> Responses:
    """Ask five questions."""
    async with CARRIERS[alpn].open() as session:
        return await all_of(session, asking(QNAMES, endpoint), patience=patience)


def only(got: Responses) -> tuple[Trouble, str | None]:
    """Return the one thing that was said of all five questions."""
    assert sorted(got.number.tolist()) == list(range(5))
    (found,) = {(Trouble(int(trouble)), got.says.get(row)) for row, trouble in enumerate(got.trouble)}
    return found


FINE = (Trouble.NONE, None)
LONG_AGO = NOW - timedelta(days=40)
PAPERS: dict[str, tuple[tuple[str, ...], dict[str, Any], str, str | None]] = {
    # what the certificate is for, and more of it; the hostname that is asked; what is wrong
    "right": ((NAME,), {}, NAME, None),
    "one of several names": (("other.example", NAME), {}, NAME, None),
    "in capitals": ((NAME.upper(),), {}, NAME, None),
    "with an asterisk": (("*.example",), {}, NAME, None),
    "right by address": (("127.0.0.1",), {}, "", None),
    "expired": (
        (NAME,),
        {"since": LONG_AGO, "until": NOW - DAY},
        NAME,
        f"certificate has expired (notAfter {NOW - DAY:%Y-%m-%d})",
    ),
    "not yet valid": (
        (NAME,),
        {"since": NOW + 2 * DAY},
        NAME,
        f"certificate is not valid yet (notBefore {NOW + 2 * DAY:%Y-%m-%d})",
    ),
    "self-signed": ((NAME,), {"own_word": True}, NAME, "self-signed certificate"),
    "for another": (("other.example",), {}, NAME, f"certificate is for other.example, not {NAME}"),
    "for many others": (
        ("a.example", "b.example", "c.example", "d.example", "10.0.0.1"),
        {},
        NAME,
        f"certificate is for a.example, b.example, c.example and 2 more, not {NAME}",
    ),
    "for another address": (("127.0.0.2", NAME), {}, "", f"certificate is for 127.0.0.2, {NAME}, not 127.0.0.1"),
    "for nobody": ((), {}, NAME, f"certificate is for resolver, not {NAME}"),
    "asterisk too high": (("*.example",), {}, "a.dns.example", "certificate is for *.example, not a.dns.example"),
    "for a client": (
        (NAME,),
        {"usage": ExtendedKeyUsageOID.CLIENT_AUTH},
        NAME,
        "certificate is not for servers",
    ),
}


@pytest.mark.parametrize("name", PAPERS)
async def test_a_certificate_is_looked_at(authority: Authority, ca: str, alpn: str, name: str) -> None:
    """What is wrong with it is told, and a peer with the wrong papers is asked nothing at all."""
    names, details, hostname, fault = PAPERS[name]
    with QuicResolver(authority.issue(*names, **details), answer, alpn=alpn) as resolver:
        got = await ask(alpn, resolver.endpoint(ca=ca, hostname=hostname or None))
        assert only(got) == (FINE if fault is None else (Trouble.TLS, fault))
        assert len(resolver.seen) == (5 if fault is None else 0)
        assert resolver.connections == 1


async def test_an_authority_that_nobody_trusts_vouches_for_nobody(ca: str, alpn: str) -> None:
    """A good certificate by another authority is refused, by the given one and by the system's."""
    with QuicResolver(Authority("another").issue(NAME), answer, alpn=alpn) as resolver:
        for trusted in (ca, None):
            got = await ask(alpn, resolver.endpoint(ca=trusted))
            assert only(got) == (Trouble.TLS, "certificate of an unknown authority (another)")
        assert not resolver.seen


async def test_the_authorities_of_the_system_are_trusted(
    authority: Authority, ca: str, alpn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none are given, those count that count for other programs."""
    monkeypatch.setenv("SSL_CERT_FILE", ca)
    _trust._store.cache_clear()
    with QuicResolver(authority.issue(NAME), answer, alpn=alpn) as resolver:
        assert only(await ask(alpn, resolver.endpoint())) == FINE
    _trust._store.cache_clear()


async def test_authorities_that_cannot_be_read_vouch_for_nobody(authority: Authority, tmp_path: Path) -> None:
    """A file that is missing or holds no certificate is told; it does not open the door."""
    (tmp_path / "junk.pem").write_text("junk\n")
    with QuicResolver(authority.issue(NAME), answer) as resolver:
        for file in ("missing.pem", "junk.pem"):
            got = await ask("doq", resolver.endpoint(ca=str(tmp_path / file)))
            trouble, says = only(got)
            assert trouble == Trouble.TLS
            assert says is not None
            assert says.startswith("cannot read the authorities in ")
        assert not resolver.seen


async def test_a_pin_is_enough(authority: Authority, alpn: str) -> None:
    """A key that is pinned needs neither name nor authority nor date, nor is it the only one that may be pinned."""
    expired = authority.issue("other.example", since=LONG_AGO, until=NOW - DAY)
    with QuicResolver(expired, answer, alpn=alpn) as resolver:
        pins = (authority.issue(NAME).pin, expired.pin)
        assert only(await ask(alpn, resolver.endpoint(pins=pins))) == FINE


async def test_a_wrong_pin_is_told(authority: Authority, ca: str, alpn: str) -> None:
    """Where a pin is given, a certificate that is otherwise right is not enough."""
    good = authority.issue(NAME)
    with QuicResolver(good, answer, alpn=alpn) as resolver:
        got = await ask(alpn, resolver.endpoint(ca=ca, pins=(authority.issue(NAME).pin,)))
        assert only(got) == (Trouble.TLS, f"no pin matches: the certificate's is {good.pin}")
        assert not resolver.seen


async def test_a_resolver_of_another_protocol_is_told(authority: Authority, ca: str, alpn: str) -> None:
    """Without an application protocol in common there is no connection (RFC 9001 8.1)."""
    other = "h3" if alpn == "doq" else "doq"
    with QuicResolver(authority.issue(NAME), answer, alpn=other) as resolver:
        trouble, says = only(await ask(alpn, resolver.endpoint(ca=ca)))
        assert trouble == Trouble.TLS
        assert says is not None
        assert says.startswith("TLS alert no_application_protocol")


@pytest.fixture
def peer() -> Iterator[Callable[[Callable[[bytes], list[bytes]]], Endpoint]]:
    """Return a function that starts something that is no QUIC: what it sends back to a datagram is a function too."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind(("127.0.0.1", 0))
    over = threading.Event()
    threads: list[threading.Thread] = []

    def start(respond: Callable[[bytes], list[bytes]]) -> Endpoint:
        def run() -> None:
            while True:
                octets, source = opened.recvfrom(65_535)
                if over.is_set():
                    return
                for each in respond(octets):
                    opened.sendto(each, source)

        threads.append(threading.Thread(target=run, daemon=True))
        threads[0].start()
        return Endpoint("127.0.0.1", opened.getsockname()[1], hostname=NAME)

    yield start
    over.set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
        last.sendto(b"", opened.getsockname())
    for thread in threads:
        thread.join()
    opened.close()


Peer = Callable[[Callable[[bytes], list[bytes]]], Endpoint]


async def test_silence_is_silence(peer: Peer, alpn: str) -> None:
    """A peer that says nothing to the handshake is silent; it is told that there was not even a handshake."""
    got = await ask(alpn, peer(lambda _: []), patience=0.6)
    assert only(got) == (Trouble.SILENT, "no answer to the QUIC handshake")
    assert not got.messages.length.any()


async def test_junk_is_not_a_handshake(peer: Peer, alpn: str) -> None:
    """Octets that are no QUIC end nothing: anyone could have sent them. The query is silent at its timeout."""
    got = await ask(alpn, peer(lambda octets: [secrets.token_bytes(1200), octets, b"", b"\xc0"]), patience=4.0)
    assert only(got) == (Trouble.SILENT, "no end to the QUIC handshake")


async def test_a_version_that_we_do_not_speak_is_told(peer: Peer, alpn: str) -> None:
    """A peer that speaks only other versions of QUIC says so, and that is the end of it (RFC 9000 6)."""

    def other(octets: bytes) -> list[bytes]:
        destination = octets[6 : 6 + octets[5]]
        source = octets[7 + len(destination) : 7 + len(destination) + octets[6 + len(destination)]]
        return [
            encode_quic_version_negotiation(
                source_cid=destination, destination_cid=source, supported_versions=[0x1A2A3A4A]
            )
        ]

    assert only(await ask(alpn, peer(other))) == (Trouble.TLS, "no version of QUIC in common")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_closed_port_is_unreachable_at_once(alpn: str, address: str) -> None:
    """ICMP is heard, and nobody waits for the timeout."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as closed:
        try:
            closed.bind((address, 0))
        except OSError:
            pytest.skip(f"needs the loopback address {address}")
        port = closed.getsockname()[1]
    got = await ask(alpn, Endpoint(address, port, hostname=NAME), patience=60.0)
    assert only(got) == (Trouble.UNREACHABLE, "Connection refused")
    assert got.rtt.max() < 30e9


async def test_a_resolver_that_goes_away_is_unreachable(authority: Authority, ca: str, alpn: str) -> None:
    """ICMP on a connection that stood: what was asked is asked again, and nobody is there."""
    with QuicResolver(authority.issue(NAME), answer, alpn=alpn) as resolver:
        endpoint = resolver.endpoint(ca=ca)
        async with CARRIERS[alpn].open() as session:
            assert only(await all_of(session, asking(QNAMES, endpoint))) == FINE
            resolver.abort()
            got = await all_of(session, asking(QNAMES, endpoint, first=100), patience=60.0)
    assert sorted(got.number.tolist()) == list(range(100, 105))
    assert set(got.trouble.tolist()) == {Trouble.UNREACHABLE}
    assert set(got.says.values()) == {"Connection refused"}


async def test_a_peer_that_is_refused_is_spared(authority: Authority, ca: str) -> None:
    """Queries that become due right after a handshake that failed do not each make another."""
    with QuicResolver(authority.issue("other.example"), answer) as resolver:
        async with quic.TRANSPORT.open() as session:
            queries = asking([f"p{number}.test" for number in range(50)], resolver.endpoint(ca=ca))
            queries.due[:] = [number / 100 for number in range(50)]
            got = await all_of(session, queries)
        assert len(got) == 50
        assert set(got.trouble.tolist()) == {Trouble.TLS}
        assert resolver.connections < 10


async def test_where_no_way_leads_is_unreachable(monkeypatch: pytest.MonkeyPatch, alpn: str) -> None:
    """An address to which the system knows no way is unreachable, with the system's words."""
    _refuse(monkeypatch, errno.ENETUNREACH, after=0)
    got = await ask(alpn, Endpoint("127.0.0.1", 443, hostname=NAME))
    assert only(got) == (Trouble.UNREACHABLE, "Network is unreachable")


async def test_two_files_for_five_resolvers_are_enough(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, ca: str
) -> None:
    """Where the system allows no more sockets, idle connections make room for others."""
    with contextlib.ExitStack() as stack:
        good = authority.issue(NAME)
        resolvers = [stack.enter_context(QuicResolver(good, answer)) for _ in range(5)]
        _refuse(monkeypatch, errno.EMFILE, after=2)
        async with quic.TRANSPORT.open() as session:
            endpoints = [resolver.endpoint(ca=ca) for resolver in resolvers]
            got = await all_of(session, asking([f"p{number}.test" for number in range(50)], endpoints), patience=20.0)
    assert sorted(got.number.tolist()) == list(range(50))
    assert not got.trouble.any()


async def test_without_a_single_file_nothing_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is for the user to put right."""
    _refuse(monkeypatch, errno.EMFILE, after=0)
    with pytest.raises(UsageError, match="cannot open a connection"):
        await ask("doq", Endpoint("127.0.0.1", 443, hostname=NAME))


def _refuse(monkeypatch: pytest.MonkeyPatch, number: int, *, after: int) -> None:
    """Let no more than *after* sockets of transports be open at once; the next gets the error *number*."""
    opened: list[socket.socket] = []

    connected = _quic_link.connected

    def connect(endpoint: Endpoint) -> tuple[socket.socket, Any]:
        opened[:] = [each for each in opened if each.fileno() >= 0]
        if len(opened) >= after:
            raise OSError(number, os.strerror(number))
        made, address = connected(endpoint)
        opened.append(made)
        return made, address

    monkeypatch.setattr(_quic_link, "connected", connect)


@pytest.mark.parametrize("name", ["h3", "quic"])
async def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """No session is opened without aioquic; the error can be put right."""
    monkeypatch.setitem(sys.modules, "aioquic", None)
    carrier = transports_by_name()[name]
    problem = carrier.lack()
    assert problem is not None
    assert "aioquic" in problem.message
    with pytest.raises(UsageError) as caught:
        async with carrier.open():
            pass
    assert "pip install '.[quic]'" in str(caught.value.hint)


def transports_by_name() -> dict[str, Transport]:
    """Return the members of the family that need the extra."""
    return {"h3": h3.TRANSPORT, "quic": quic.TRANSPORT}


def test_the_family_is_imported_without_the_extra() -> None:
    """Nothing but the opening of a session needs aioquic."""
    program = (
        "import sys\n"
        "for name in ('aioquic', 'pylsqpack', 'OpenSSL', 'cryptography', 'certifi'): sys.modules[name] = None\n"
        "from resolver_diff import family, transports\n"
        "print(*family.members(transports, 'TRANSPORT', transports.Transport))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"h3", "quic"} <= set(done.stdout.split())
