"""DNS over TLS and HTTPS against real servers on loopback: Unbound, and dnsdist or Knot Resolver before it."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import dns.message
import dns.rcode
import numpy as np
import pytest

from certificates import Authority
from hostile import all_of, asking
from resolver_diff.transports import Endpoint, Transport, Trouble, https, tls
from resolver_diff.transports._ledger import joined
from resolver_diff.wire.encode import encode

NAME = "dns.example"
COUNT = 1000
UNBOUND = """
server:
    interface: 127.0.0.1@{plain}
    interface: 127.0.0.1@{tls}
    interface: 127.0.0.1@{https}
    tls-port: {tls}
    https-port: {https}
    tls-service-pem: "{file}"
    tls-service-key: "{file}"
    http-max-streams: 1000
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    verbosity: 0
    module-config: "iterator"
    local-zone: "test." static
{data}
remote-control:
    control-enable: no
"""
DNSDIST = """
setSecurityPollSuffix("")
setMaxTCPClientThreads(2)
newServer({{address="127.0.0.1:{plain}"}}):setUp()
setLocal("127.0.0.1:{local}")
addTLSLocal("127.0.0.1:{tls}", "{file}", "{file}", {{provider="openssl"}})
addDOHLocal("127.0.0.1:{https}", "{file}", "{file}", "/dns-query")
"""
KRESD = """
net.listen("127.0.0.1", {tls}, {{kind = "tls"}})
net.listen("127.0.0.1", {https}, {{kind = "doh2"}})
net.tls("{file}", "{file}")
net.ipv6 = false
cache.open(10 * MB, "lmdb://{folder}/cache")
trust_anchors.remove(".")
modules.unload("ta_signal_query")
modules.unload("priming")
policy.add(policy.all(policy.STUB("127.0.0.1@{plain}")))
"""
Find = Callable[[str, str], Path]


@dataclass
class Served:
    """Where a server is, and how many queries by POST it can tell apart at once."""

    tls: Endpoint
    https: Endpoint
    posts: int


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in opened]


@contextlib.contextmanager
def running(command: list[str], log: Path, *ports: int) -> Iterator[None]:
    """Start a server; give way when it listens on all *ports*, and end it."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            for port in ports:
                _wait(server, port, log)
            yield
        finally:
            server.terminate()
            server.wait(20)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(500):
        if server.poll() is not None:
            pytest.fail(f"{log.stem} ended: {log.read_text(errors='replace')[-2000:]}")
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    pytest.fail(f"{log.stem} does not listen: {log.read_text(errors='replace')[-2000:]}")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The authority that the endpoints trust."""
    return Authority(tmp_path)


@pytest.fixture(params=["unbound", "dnsdist", "kresd"])
def served(
    request: pytest.FixtureRequest, tmp_path: Path, authority: Authority, debian_server: Find
) -> Iterator[Served]:
    """A server that knows n0.test to n999.test and asks nobody."""
    unbound = debian_server("unbound", "unbound")
    plain, *secure, local = free_ports(6)  # the last two of *secure* are for who stands before Unbound
    file = authority.issue(NAME, "127.0.0.1").file
    data = "\n".join(f'    local-data: "n{n}.test. 300 IN A 192.0.{n >> 8}.{n & 255}"' for n in range(COUNT))
    conf = tmp_path / "unbound.conf"
    conf.write_text(UNBOUND.format(plain=plain, tls=secure[0], https=secure[1], file=file, folder=tmp_path, data=data))
    with contextlib.ExitStack() as stack:
        log = tmp_path / "unbound.log"
        stack.enter_context(running([str(unbound), "-d", "-p", "-c", str(conf)], log, plain, *secure[:2]))
        if request.param == "dnsdist":
            program = debian_server("dnsdist", "dnsdist")
            conf = tmp_path / "dnsdist.conf"
            conf.write_text(DNSDIST.format(plain=plain, local=local, tls=secure[2], https=secure[3], file=file))
            command = [str(program), "--supervised", "--disable-syslog", "-C", str(conf)]
            stack.enter_context(running(command, tmp_path / "dnsdist.log", *secure[2:]))
            secure = secure[2:]
        elif request.param == "kresd":
            program = debian_server("kresd", "knot-resolver")
            conf = tmp_path / "kresd.conf"
            conf.write_text(
                KRESD.format(plain=plain, tls=secure[2], https=secure[3], file=file, folder=tmp_path), encoding="ascii"
            )
            command = [str(program), "-n", "-c", str(conf), str(tmp_path)]
            stack.enter_context(running(command, tmp_path / "kresd.log", *secure[2:]))
            secure = secure[2:]
        ca = str(authority.file)
        posts = (
            50 if request.param == "kresd" else COUNT
        )  # of some 110 bodies that come together kresd 5.6 mixes up some
        over_tls, over_https = (Endpoint("127.0.0.1", port, NAME, ca=ca) for port in secure[:2])
        yield Served(over_tls, over_https, posts)


def at(served: Served, transport: Transport) -> Endpoint:
    """Return where *transport* is served."""
    return served.tls if transport is tls.TRANSPORT else served.https


@pytest.mark.parametrize(
    ("transport", "method"),
    [(tls.TRANSPORT, "GET"), (https.TRANSPORT, "GET"), (https.TRANSPORT, "POST")],
    ids=["tls", "https-get", "https-post"],
)
async def test_a_real_server_is_understood(served: Served, transport: Transport, method: str) -> None:
    """Every query is answered, with the data of its own name; names that are not there are denied."""
    endpoint = replace(at(served, transport), method=method)
    qnames = [f"n{number}.test" for number in range(COUNT + 200)]
    at_once = served.posts if method == "POST" else len(qnames)
    parts = []
    async with transport.open() as session:
        for first in range(0, len(qnames), at_once):
            some = qnames[first : first + at_once]
            queries = asking(some, endpoint, due=np.arange(len(some)) // 100 * 0.05, first=first)
            queries.messages = encode(some, ["A"] * len(some))
            parts.append(await all_of(session, queries, patience=60.0))
        assert session.strays == 0
    got = joined(parts)
    assert sorted(got.number.tolist()) == list(range(len(qnames)))
    assert not got.trouble.any(), got.says
    for number, octets in zip(got.number.tolist(), got.messages, strict=True):
        message = dns.message.from_wire(octets)
        assert message.question[0].name.to_text() == f"n{number}.test."
        addresses = [rdata.to_text() for rrset in message.answer for rdata in rrset]
        assert addresses == ([f"192.0.{number >> 8}.{number & 255}"] if number < COUNT else [])
        assert message.rcode() == (dns.rcode.NOERROR if number < COUNT else dns.rcode.NXDOMAIN)


@pytest.mark.parametrize("transport", [tls.TRANSPORT, https.TRANSPORT], ids=["tls", "https"])
async def test_a_real_server_with_the_wrong_certificate(served: Served, transport: Transport, tmp_path: Path) -> None:
    """A name, an authority or a pin that is not the server's is trouble in words; nothing is asked."""
    endpoint = at(served, transport)
    other = Authority(tmp_path, "Another Authority")
    for wrong, says in [
        (replace(endpoint, hostname="other.example"), "certificate is for dns.example, 127.0.0.1, not other.example"),
        (replace(endpoint, ca=str(other.file)), "certificate of an unknown authority (Test Authority)"),
        (replace(endpoint, pins=("A" * 43 + "=",)), "no pin matches"),
    ]:
        async with transport.open() as session:
            got = await all_of(session, asking(["n1.test"], wrong), patience=10.0)
        assert got.trouble.tolist() == [Trouble.TLS]
        assert got.says[0].startswith(says)


async def test_a_path_that_is_not_there_is_http(served: Served) -> None:
    """A server that knows no such path says 404, and that is told."""
    async with https.TRANSPORT.open() as session:
        got = await all_of(session, asking(["n1.test"], replace(served.https, path="/elsewhere")), patience=10.0)
    assert got.trouble.tolist() == [Trouble.HTTP]
    assert got.says == {0: "HTTP 404"}
