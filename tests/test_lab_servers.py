"""The lab's resolvers: real sockets on loopback, and the same from memory."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdataclass
import polars as pl
import pytest

from resolver_diff import probe, snapshot
from resolver_diff.errors import LabError
from resolver_diff.lab import reading, servers
from resolver_diff.lab.respond import from_memory, respond
from resolver_diff.lab.scenario import Scenario
from resolver_diff.lab.servers import Lab
from resolver_diff.tables import TransportName
from resolver_diff.transports._replay import replaying

UDP, TCP = TransportName.UDP, TransportName.TCP
DAY, NEXT = date(2026, 2, 10), date(2026, 2, 11)
WAIT = 0.2  # seconds for a reply that is not to come
STORY = reading.loads("""
names:
  shops:
    plain.example: 198.51.100.1 2001:db8::1
    chain.example: cname=a.example cname=b.example 198.51.100.2
    pool.example: 198.51.100.1 198.51.100.2 198.51.100.3 pool=1
    ede.example: servfail ede=22 ede=23 ede-text=No\\032luck
    big.example: 198.51.100.9 tc
    many.example: {TXT: '"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
      "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
      "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
      "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD"
      "EEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE"'}
    broken.example: malformed
    twice.example: 10.10.34.36; then 198.51.100.7
  control:
    control.example: 198.51.100.8
resolvers:
  honest: {transports: [udp, tcp]}
  register: {says: {plain.example: nxdomain aa no-soa}}
  dead: {says: {"*": timeout}}
  closed: {says: {"*": unreachable}}
  flaky: {drops: 1}
  lossy: {loss: 0.5}
  slow: {delay: 0.1}
days:
  2026-02-10:
  2026-02-11:
    honest: {"*": unreachable}
    closed: {"*": honest}
""")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """The story above, listening."""
    with Lab(STORY) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _first_day(lab: Lab) -> None:
    lab.play(DAY)


def ask(
    lab: Lab, resolver: str, qname: str, qtype: str = "A", *, rdclass: str = "IN", tcp: bool = False, edns: bool = True
) -> dns.message.Message:
    """Put a question to a resolver of the lab."""
    options: list[dns.edns.Option] = [dns.edns.NSIDOption(b"")] if edns else []
    query = dns.message.make_query(qname, qtype, rdclass, use_edns=edns, options=options)
    if tcp:
        return dns.query.tcp(query, "127.0.0.1", port=lab.ports[resolver], timeout=2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(WAIT if resolver in {"dead", "closed", "flaky"} else 2)
        asking.connect(("127.0.0.1", lab.ports[resolver]))  # so that ICMP is heard
        asking.send(query.to_wire())
        reply = dns.message.from_wire(asking.recv(65535))
    assert query.is_response(reply)
    return reply


def records(message: dns.message.Message) -> list[str]:
    """Return the answer section as text."""
    return [line for rrset in message.answer for line in rrset.to_text().split("\n")]


@pytest.mark.parametrize("tcp", [False, True])
def test_an_answer(lab: Lab, tcp: bool) -> None:
    """A resolver answers over UDP and TCP with what the scenario says, RA and NSID set."""
    reply = ask(lab, "honest", "plain.example", tcp=tcp)
    assert records(reply) == ["plain.example. 300 IN A 198.51.100.1"]
    assert dns.flags.to_text(dns.flags.Flag(reply.flags)) == "QR RD RA"
    assert [option.to_text() for option in reply.options] == ["NSID honest"]
    assert records(ask(lab, "honest", "plain.example", "AAAA", tcp=tcp)) == ["plain.example. 300 IN AAAA 2001:db8::1"]


@pytest.mark.parametrize("tcp", [False, True])
def test_a_forged_denial(lab: Lab, tcp: bool) -> None:
    """The register's denial has AA and no SOA; its denial of what does not exist has a SOA and no AA."""
    forged = ask(lab, "register", "plain.example", tcp=tcp)
    assert forged.rcode() == dns.rcode.NXDOMAIN
    assert forged.flags & dns.flags.AA
    assert forged.authority == []
    honest = ask(lab, "register", "nobody-has-this.example", tcp=tcp)
    assert honest.rcode() == dns.rcode.NXDOMAIN
    assert not honest.flags & dns.flags.AA
    assert [(rrset.name.to_text(), rrset.ttl) for rrset in honest.authority] == [("example.", 300)]


def test_nodata(lab: Lab) -> None:
    """A type the name does not have is NODATA with the zone's SOA."""
    reply = ask(lab, "honest", "pool.example", "AAAA")
    assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])
    assert reply.authority[0].name.to_text() == "pool.example."


def test_a_chain(lab: Lab) -> None:
    """CNAMEs stand in order before the answer."""
    assert records(ask(lab, "honest", "chain.example")) == [
        "chain.example. 300 IN CNAME a.example.",
        "a.example. 300 IN CNAME b.example.",
        "b.example. 300 IN A 198.51.100.2",
    ]


def test_a_pool_rotates(lab: Lab) -> None:
    """Three queries see three addresses of a pool of one a time, and a fourth the first again."""
    seen = [records(ask(lab, "honest", "pool.example"))[0].split()[-1] for _ in range(4)]
    assert sorted(seen[:3]) == ["198.51.100.1", "198.51.100.2", "198.51.100.3"]
    assert seen[3] == seen[0]


def test_extended_errors(lab: Lab) -> None:
    """EDE travels with EDNS, and not without."""
    reply = ask(lab, "honest", "ede.example")
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert [option.to_text() for option in reply.options[1:]] == [
        "EDE 22 (No Reachable Authority): No luck",
        "EDE 23 (Network Error)",
    ]
    plain = ask(lab, "honest", "ede.example", edns=False)
    assert (plain.rcode(), plain.edns) == (dns.rcode.SERVFAIL, -1)


@pytest.mark.parametrize(("qname", "qtype"), [("big.example", "A"), ("many.example", "TXT")])
def test_truncation(lab: Lab, qname: str, qtype: str) -> None:
    """What is said to be truncated, and what does not fit without EDNS, comes whole only over TCP."""
    short = ask(lab, "honest", qname, qtype, edns=False)
    assert short.flags & dns.flags.TC
    assert short.answer == []
    whole = ask(lab, "honest", qname, qtype, tcp=True, edns=False)
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer) == 1


def test_identity(lab: Lab) -> None:
    """A resolver says who it is in class CH and from where it asks in class IN; other CH names are refused."""
    assert records(ask(lab, "register", "id.server", "TXT", rdclass="CH")) == ['id.server. 0 CH TXT "register"']
    assert records(ask(lab, "register", "version.bind", "TXT", rdclass="CH")) == ['version.bind. 0 CH TXT "lab"']
    egress = records(ask(lab, "register", "whoami.akamai.net"))[0].split()[-1]
    assert records(ask(lab, "register", "o-o.myaddr.l.google.com", "TXT"))[0].endswith(f'"{egress}"')
    assert ask(lab, "register", "plain.example", rdclass="CH").rcode() == dns.rcode.REFUSED


def test_silence_and_nothing_there(lab: Lab) -> None:
    """A dead resolver takes queries and is silent; where nothing listens, the machine says so."""
    with pytest.raises(TimeoutError):
        ask(lab, "dead", "plain.example")
    with pytest.raises(ConnectionRefusedError):
        ask(lab, "closed", "plain.example")
    with pytest.raises(ConnectionRefusedError):
        ask(lab, "closed", "plain.example", tcp=True)


def test_a_day_opens_and_closes_resolvers(lab: Lab) -> None:
    """A resolver that goes down for a day comes back at the same port."""
    port = lab.ports["honest"]
    lab.play(NEXT)
    with pytest.raises(ConnectionRefusedError):
        ask(lab, "honest", "plain.example", tcp=True)
    assert records(ask(lab, "closed", "plain.example"))
    lab.play(DAY)
    assert lab.ports["honest"] == port
    assert records(ask(lab, "honest", "plain.example"))
    assert records(ask(lab, "honest", "plain.example", tcp=True))


def test_the_first_attempt_dropped(lab: Lab) -> None:
    """A flaky resolver answers a question when it is asked again; TCP is not affected."""
    with pytest.raises(TimeoutError):
        ask(lab, "flaky", "chain.example")
    assert records(ask(lab, "flaky", "chain.example"))
    assert records(ask(lab, "flaky", "plain.example", tcp=True))


def test_delay(lab: Lab) -> None:
    """A slow resolver takes its time."""
    before = time.monotonic()
    assert records(ask(lab, "slow", "plain.example"))
    assert time.monotonic() - before >= 0.1


def test_a_second_reply(lab: Lab) -> None:
    """A saying with `then` sends two replies to one query."""
    query = dns.message.make_query("twice.example", "A")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(2)
        asking.sendto(query.to_wire(), ("127.0.0.1", lab.ports["honest"]))
        replies = [dns.message.from_wire(asking.recv(4096)) for _ in range(2)]
    assert [records(reply)[0].split()[-1] for reply in replies] == ["10.10.34.36", "198.51.100.7"]
    assert {reply.id for reply in replies} == {query.id}


def test_a_malformed_reply(lab: Lab) -> None:
    """A malformed reply bears the query's ID and question, and is no DNS message."""
    query = dns.message.make_query("broken.example", "A")
    replies = respond(STORY, DAY, STORY.parts["honest"], UDP, query.to_wire(), 0)
    with pytest.raises(dns.exception.FormError):
        dns.message.from_wire(replies[0][1])
    assert replies[0][1][:2] == query.to_wire()[:2]
    assert query.to_wire()[12:] in replies[0][1]


@pytest.mark.parametrize("junk", [b"", b"\x00", bytes(11), bytes(12), b"\xff" * 40])
def test_junk_is_not_answered(lab: Lab, junk: bytes) -> None:
    """What is no query gets no reply, and the resolver lives on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.sendto(junk, ("127.0.0.1", lab.ports["honest"]))
    with socket.create_connection(("127.0.0.1", lab.ports["honest"]), timeout=2) as asking:
        asking.sendall(struct.pack("!H", len(junk)) + junk + b"\x00\x40half")
    assert respond(STORY, DAY, STORY.parts["honest"], UDP, junk, 0) == []
    assert records(ask(lab, "honest", "plain.example"))


def test_pipelined_queries_on_one_connection(lab: Lab) -> None:
    """A connection takes many queries before the first reply is read."""
    queries = [dns.message.make_query(name, "A", id=number) for number, name in enumerate(STORY.names["shops"])]
    expected = {query.id for query in queries} - {4}  # which all but the malformed one answer
    with socket.create_connection(("127.0.0.1", lab.ports["honest"]), timeout=2) as asking:
        for query in queries:
            wire = query.to_wire()
            asking.sendall(struct.pack("!H", len(wire)) + wire)
        stream = asking.makefile("rb")
        seen: set[int] = set()
        while not expected <= seen:
            (length,) = struct.unpack("!H", stream.read(2))
            seen.add(int.from_bytes(stream.read(length)[:2], "big"))


def test_loss_is_the_same_every_time() -> None:
    """A lossy resolver drops the share of queries it should, and the same ones whenever the story is played."""
    query = dns.message.make_query("plain.example", "A").to_wire()
    played = [
        [bool(respond(STORY, DAY, STORY.parts["lossy"], UDP, query, turn)) for turn in range(1000)] for _ in range(2)
    ]
    assert played[0] == played[1]
    assert 420 < sum(played[0]) < 580
    assert all(respond(STORY, DAY, STORY.parts["lossy"], TCP, query, turn) for turn in range(100))


def test_loss_of_the_whole_lab() -> None:
    """A lab can lose queries to every resolver."""
    query = dns.message.make_query("plain.example", "A").to_wire()
    heard = sum(bool(respond(STORY, DAY, STORY.parts["honest"], UDP, query, turn, loss=0.3)) for turn in range(1000))
    assert 620 < heard < 780


def test_nothing_is_left_behind() -> None:
    """When the lab closes, its thread is gone, its ports are free, and connections are ended."""
    threads = threading.active_count()
    with socket.socket() as asking:
        asking.settimeout(2)
        with Lab(STORY) as opened:
            port = opened.ports["honest"]
            asking.connect(("127.0.0.1", port))
            assert threading.active_count() == threads + 1
        assert threading.active_count() == threads
        assert asking.recv(1) == b""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", port))


def test_an_error_inside_closes_the_lab_too() -> None:
    """An exception in the body passes through, and the lab is closed."""
    threads = threading.active_count()
    with pytest.raises(ZeroDivisionError), Lab(STORY):
        _ = 1 / 0
    assert threading.active_count() == threads


def test_a_day_that_is_not_there(lab: Lab) -> None:
    """A date the scenario does not have is refused, and the dates it has are named."""
    with pytest.raises(LabError) as caught:
        lab.play(date(2030, 1, 1))
    assert caught.value.hint == "it has 2026-02-10, 2026-02-11"


def test_no_socket_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """When sockets cannot be opened, the error says so and nothing stays open."""
    opened: list[socket.socket] = []
    bind = servers._bound

    def scarce(kind: socket.SocketKind, port: int) -> socket.socket:
        if len(opened) == 5:
            raise OSError(24, "Too many open files")
        opened.append(bind(kind, port))
        return opened[-1]

    monkeypatch.setattr(servers, "_bound", scarce)
    with pytest.raises(LabError, match="Too many open files"), Lab(STORY):
        pass
    assert [each.fileno() for each in opened] == [-1] * 5


def observed(scenario: Scenario, folder: Path, vantage: str) -> pl.DataFrame:
    """Return what was observed on the first day, without what depends on the clock."""
    rows = snapshot.load(folder, scenario.dates[0], vantage)[0].observations
    outcomes = rows.select("resolver", "transport", "qname", "qtype", "attempt", "reply", "outcome", "answer", "soa")
    return outcomes.sort(outcomes.columns, nulls_last=True)


def test_memory_and_sockets_say_the_same(tmp_path: Path) -> None:
    """A snapshot taken from memory, without a socket, holds the same observations as one over loopback."""
    scenario = reading.loads(
        "names: {shops: {plain.example: 198.51.100.1, off.example: nxdomain, tc.example: 198.51.100.3 tc}}\n"
        "resolvers: {one: {transports: [udp, tcp]}, flaky: {drops: 1}}\n"
        "days: {2026-02-10: }"
    )
    with Lab(scenario) as opened:
        config = opened.config(timeout=0.3, attempts=2)
        asyncio.run(probe.take(config, folder=tmp_path, day=DAY, vantage="loopback", seed="x"))
        carriers = {str(name): replaying(from_memory(scenario, DAY, name, opened.ports)) for name in (UDP, TCP)}
    asyncio.run(probe.take(config, folder=tmp_path, day=DAY, vantage="memory", seed="x", carriers=carriers))
    memory, loopback = observed(scenario, tmp_path, "memory"), observed(scenario, tmp_path, "loopback")
    assert memory.height > 30
    assert memory.equals(loopback)
