"""The certificate check: which answers get a handshake, what servers show, and what of it is kept."""

import asyncio
import contextlib
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dns.message
import dns.rrset
import polars as pl
import pytest

from certificates import Authority, Issued
from resolver_diff import probe, snapshot
from resolver_diff.commands._beside import Beside
from resolver_diff.snapshot import sides
from resolver_diff.tables import Certificates
from resolver_diff.verify import Budget, Wanted, check, due, page
from test_commands import run
from test_probe import Memory
from test_verify_choosing import config

DAY = date(2026, 2, 11)
QUICK = Budget(rate=1000.0, apart=0.0, seconds=5.0, later=0.0)
CONTROL = "20.0.0.1"
BLOCKED = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n"
    b"<html><TITLE lang=en>Access\n\x1b denied &amp; so on</title>x"
)


class Server:
    """A server on loopback; *behave* gets each connection, and *heard* has what was sent on them after a handshake."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self.behave = behave
        self.heard: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                talk, _ = self.listener.accept()
            except OSError:
                return
            talk.settimeout(20)
            self.threads.append(threading.Thread(target=self._talk, args=(talk,)))
            self.threads[-1].start()

    def _talk(self, talk: socket.socket) -> None:
        with talk:
            try:
                self.behave(talk)
            except OSError:
                return

    def close(self) -> None:
        """Stop."""
        with contextlib.suppress(OSError):  # it may be stopped already
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Return a function that begins servers: with a certificate, or with a behaviour of their own."""
    servers: list[Server] = []

    def begin(shown: Issued | Callable[[socket.socket], None], body: bytes = BLOCKED) -> Server:
        def secure(talk: socket.socket) -> None:
            assert isinstance(shown, Issued)
            with shown.served.wrap_socket(talk, server_side=True) as secured:
                respond(secured, server, body)

        server = Server(secure if isinstance(shown, Issued) else shown)
        servers.append(server)
        return server

    yield begin
    for server in servers:
        server.close()


def respond(talk: socket.socket, server: Server, body: bytes) -> None:
    """Answer one request, if any."""
    request = talk.recv(4096)
    server.heard.append(request)
    if request:
        talk.sendall(body)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return an authority."""
    return Authority(tmp_path)


def wanted(authority: Authority, where: dict[str, int], *, http: bool = False, budget: Budget = QUICK) -> Wanted:
    """Return a wish to check addresses that are ports here; what is not in *where* is refused."""
    free = socket.create_server(("127.0.0.1", 0))
    closed = free.getsockname()[1]
    free.close()

    def place(address: str, port: int) -> tuple[str, int]:
        return "127.0.0.1", where.get(address if port == 443 else f"{address}:80", closed)

    return Wanted(budget, str(authority.file), http=http, place=place)


def checked(wish: Wanted, *pairs: tuple[str, str]) -> list[dict[str, Any]]:
    """Check names and addresses."""
    rows = [(qname, address, address.rpartition(".")[0]) for qname, address in pairs]
    chosen = pl.DataFrame(rows, schema=["qname", "address", "network"], orient="row")
    return list(asyncio.run(check(chosen, wish)).frame.iter_rows(named=True))


def silent(talk: socket.socket) -> None:
    """Take what comes, and say nothing."""
    while talk.recv(4096):
        pass


def resetting(talk: socket.socket) -> None:
    """Reset the connection at the first octets, as a filter does that reads the name."""
    talk.recv(1)
    talk.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def plain(talk: socket.socket) -> None:
    """Speak HTTP where TLS is expected."""
    talk.recv(4096)
    talk.sendall(BLOCKED)


def test_a_certificate_for_the_name_is_valid(serve: Callable[..., Server], authority: Authority) -> None:
    """Names, issuer and fingerprint are kept; after the handshake nothing is sent."""
    issued = authority.issue("a.example", "*.b.example")
    server = serve(issued)
    (row,) = checked(wanted(authority, {"20.1.0.1": server.port}), ("a.example", "20.1.0.1"))
    assert row == {
        "qname": "a.example",
        "address": "20.1.0.1",
        "valid": True,
        "why": None,
        "again": None,
        "again_why": None,
        "names": "a.example *.b.example",
        "issuer": "Test Authority",
        "fingerprint": hashlib.sha256(issued.der).hexdigest(),
        "status": None,
        "title": None,
        "body_hash": None,
    }
    server.close()
    assert server.heard == [b""]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({}, "certificate is for other.example, not a.example"),
        ({"ends": -timedelta(hours=1)}, "certificate has expired (notAfter "),
        ({"self_signed": True}, "self-signed certificate"),
    ],
)
def test_a_bad_certificate_says_why(
    serve: Callable[..., Server], authority: Authority, how: dict[str, Any], why: str
) -> None:
    """Another's, an old, or a made-up certificate is not valid, and is kept with what was wrong."""
    name = "other.example" if not how else "a.example"
    issued = authority.issue(name, **how)
    (row,) = checked(wanted(authority, {"20.1.0.1": serve(issued).port}), ("a.example", "20.1.0.1"))
    assert row["valid"] is False
    assert row["why"].startswith(why)
    assert (row["names"], row["fingerprint"]) == (name, hashlib.sha256(issued.der).hexdigest())


def changing(*shown: Issued) -> Callable[[socket.socket], None]:
    """Return a behaviour that shows one certificate after the other, and goes on with the last."""
    turns = iter(shown[:-1])
    lock = threading.Lock()

    def behave(talk: socket.socket) -> None:
        with lock:
            one = next(turns, shown[-1])
        with one.served.wrap_socket(talk, server_side=True) as secured:
            secured.recv(4096)

    return behave


def test_who_fails_once_is_tried_again(serve: Callable[..., Server], authority: Authority) -> None:
    """A handshake that failed is tried once more, later, and both facts are kept."""
    good, other = authority.issue("a.example"), authority.issue("other.example")
    old = authority.issue("a.example", ends=-timedelta(hours=1))
    # who refuses a certificate looks at it in another handshake
    where = {
        "20.1.0.1": serve(changing(other, other, good)).port,
        "20.1.1.1": serve(changing(other)).port,
        "20.1.2.1": serve(changing(other, other, old)).port,
        "20.1.3.1": serve(good).port,
    }
    rows = checked(wanted(authority, where), *(("a.example", address) for address in where))
    wrong = "certificate is for other.example, not a.example"
    assert [(row["valid"], row["why"], row["again"]) for row in rows] == [
        (False, wrong, True),
        (False, wrong, False),
        (False, wrong, False),
        (True, None, None),
    ]
    assert [row["again_why"] for row in rows[:2]] == [None, wrong]
    assert rows[2]["again_why"].startswith("certificate has expired")


def test_second_handshakes_are_within_the_budget(serve: Callable[..., Server], authority: Authority) -> None:
    """What the first handshakes leave of the budget is for second ones, those first that showed a certificate."""
    port = serve(authority.issue("other.example")).port
    wish = wanted(authority, {"20.1.1.1": port, "20.1.2.1": port}, budget=replace(QUICK, total=4))
    rows = checked(wish, ("a.example", "20.1.0.1"), ("a.example", "20.1.1.1"), ("a.example", "20.1.2.1"))
    assert [(row["valid"], row["again"]) for row in rows] == [(None, None), (False, False), (False, None)]
    assert rows[0]["again_why"] is None
    assert replace(QUICK, total=1000).first == 750


def test_another_authority_is_not_trusted(serve: Callable[..., Server], authority: Authority, tmp_path: Path) -> None:
    """A certificate for the name from whom nobody trusts is what a middlebox shows."""
    box = Authority(tmp_path, "Filter Box")
    (row,) = checked(wanted(authority, {"20.1.0.1": serve(box.issue("a.example")).port}), ("a.example", "20.1.0.1"))
    assert (row["valid"], row["issuer"]) == (False, "Filter Box")
    assert row["why"] == "certificate of an unknown authority (Filter Box)"


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (None, "Connection refused"),
        (silent, "no end to the TLS handshake within 0.5 s"),
        (resetting, "Connection reset by peer"),
        (plain, "the peer speaks no TLS"),
        (lambda _: None, None),
    ],
)
def test_no_certificate_is_no_verdict(
    serve: Callable[..., Server], authority: Authority, behave: Callable[[socket.socket], None] | None, why: str | None
) -> None:
    """Where no certificate is shown valid is null, and what happened instead is said."""
    where = {"20.1.0.1": serve(behave).port} if behave else {}
    wish = wanted(authority, where, budget=replace(QUICK, seconds=0.5))
    (row,) = checked(wish, ("a.example", "20.1.0.1"))
    assert row["valid"] is None
    assert row["why"]
    assert why in (None, row["why"])
    assert row["fingerprint"] is None


def test_an_impossible_host_name_is_a_row(authority: Authority, serve: Callable[..., Server]) -> None:
    """A name that TLS cannot ask for costs its own row only."""
    port = serve(authority.issue("a.example")).port
    wish = wanted(authority, {"20.1.0.1": port})
    rows = checked(wish, (f"{'a' * 64}.example", "20.1.0.1"), ("a.example", "20.1.0.1"))
    assert [row["valid"] for row in rows] == [True, None]
    assert "cannot be a host name" in rows[1]["why"]


def test_a_page_is_asked_for_only_when_wanted(serve: Callable[..., Server], authority: Authority) -> None:
    """With http one GET goes over the connection that is sure, else in the clear; hash and title are kept."""
    sure, other = serve(authority.issue("a.example")), serve(authority.issue("other.example"))
    clear: Server = serve(lambda talk: respond(talk, clear, BLOCKED))
    where = {"20.1.0.1": sure.port, "20.1.1.1": other.port, "20.1.1.1:80": clear.port}
    rows = checked(wanted(authority, where, http=True), ("a.example", "20.1.0.1"), ("a.example", "20.1.1.1"))
    body = BLOCKED.partition(b"\r\n\r\n")[2]
    for row in rows:
        assert (row["status"], row["title"]) == (403, "Access ? denied & so on")
        assert row["body_hash"] == hashlib.sha256(body).hexdigest()
    for server in (sure, clear):
        assert server.heard[0].startswith(b"GET / HTTP/1.0\r\nHost: a.example\r\n")
    assert not any(other.heard)


def test_a_page_without_end_is_left(serve: Callable[..., Server], authority: Authority) -> None:
    """Whoever sends on and on is read until there is enough."""

    def flood(talk: socket.socket) -> None:
        talk.recv(4096)
        talk.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            talk.sendall(b"x" * 10_000)

    (row,) = checked(wanted(authority, {"20.1.0.1:80": serve(flood).port}, http=True), ("a.example", "20.1.0.1"))
    assert (row["status"], row["valid"]) == (200, None)
    assert row["body_hash"] == hashlib.sha256(b"x" * page.LARGEST).hexdigest()


def test_each_network_has_its_turn() -> None:
    """Connections begin at the pace, and those to one network a second apart."""
    assert due(["a", "a", "b", "a"], Budget(rate=2.0, apart=1.0)) == [0.0, 1.0, 1.0, 2.0]
    assert due(["a", "b", "c"], Budget(rate=2.0, apart=1.0)) == [0.0, 0.5, 1.0]


def test_a_snapshot_keeps_certificates(
    serve: Callable[..., Server], authority: Authority, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A run with the check: the table lies beside the day's file, counts in its metadata, a line on stderr."""

    def says(_t: str, address: str, query: dns.message.Message, _n: int) -> Sequence[bytes]:
        reply = dns.message.make_response(query)
        forged = address == "192.0.2.2"
        if query.question[0].rdclass == 1:
            given = "30.0.0.1" if forged else CONTROL
            reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", given))
        return [reply.to_wire()]

    where = {
        CONTROL: serve(authority.issue("a.example")).port,
        "30.0.0.1": serve(authority.issue("block.example")).port,
    }
    beside = Beside(None, wanted(authority, where))
    taken = asyncio.run(
        probe.take(
            config(), folder=tmp_path / "s", day=DAY, vantage="here", carriers=Memory(says).carriers(), beside=beside
        )
    )
    found = sides.read(snapshot.directory(tmp_path / "s", DAY, "here"), Certificates).frame
    told = {(qname, address): (valid, why) for qname, address, valid, why, *_ in found.rows()}
    assert told["a.example", CONTROL] == (True, None)
    assert told["a.example", "30.0.0.1"] == (False, "certificate is for block.example, not a.example")
    assert told["b.example", CONTROL] == (False, "certificate is for a.example, not b.example")
    (loaded,) = snapshot.load(tmp_path / "s", DAY)
    counts = loaded.runs[0].counts
    assert (counts["certificates"], counts["certificates_valid"], counts["certificates_none"]) == (4, 1, 0)
    assert counts["certificates_left_out_by_budget"] == 0
    assert taken.counts == counts
    said = capfd.readouterr().err
    assert "4 handshakes: 1 with a valid certificate for the name, 3 with another, 0 with none" in said


def test_authorities_are_looked_at_first(tmp_path: Path) -> None:
    """A --ca that holds no certificate, or is not there, is an error before anything is asked."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    for file, says in ((empty, "holds no certificate"), (tmp_path / "gone.pem", "No such file")):
        said = run("snapshot", "--verify-tls", "--ca", str(file), "--snapshots", str(tmp_path / "s"))
        assert said.exit_code == 2
        assert says in said.stderr
    assert not (tmp_path / "s").exists()


def test_the_system_trusts_nobody_of_ours(serve: Callable[..., Server], authority: Authority) -> None:
    """Without --ca the system's authorities decide, and they do not know our test's."""
    wish = replace(wanted(authority, {"20.1.0.1": serve(authority.issue("a.example")).port}), ca=None)
    (row,) = checked(wish, ("a.example", "20.1.0.1"))
    assert (row["valid"], row["why"]) == (False, "certificate of an unknown authority (Test Authority)")


def test_old_tls_shows_no_certificate(serve: Callable[..., Server], authority: Authority) -> None:
    """A peer that refuses the handshake with an alert has shown nothing."""

    def refuse(talk: socket.socket) -> None:
        talk.recv(4096)
        talk.sendall(bytes([21, 3, 3, 0, 2, 2, 112]))  # fatal, unrecognized_name (RFC 6066 3)

    (row,) = checked(wanted(authority, {"20.1.0.1": serve(refuse).port}), ("a.example", "20.1.0.1"))
    assert row["valid"] is None
    assert row["why"] == "the peer refuses TLS: unrecognized name"
    assert ssl.HAS_TLSv1_3
