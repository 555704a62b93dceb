"""UDP and TCP against a real resolver on loopback."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.message
import dns.rcode
import numpy as np
import pytest

from hostile import all_of, asking
from resolver_diff.transports import Endpoint, Transport, tcp, udp

CONFIG = """
server:
    interface: 127.0.0.1
    port: {port}
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: "{folder}/unbound.pid"
    use-syslog: no
    verbosity: 0
    module-config: "iterator"
    local-zone: "test." static
{data}
remote-control:
    control-enable: no
"""


@pytest.fixture
def unbound(tmp_path: Path, debian_server: Callable[[str, str], Path]) -> Iterator[Endpoint]:
    """An Unbound that knows n0.test to n199.test and asks nobody."""
    program = debian_server("unbound", "unbound")
    data = "\n".join(f'    local-data: "n{number}.test. 300 IN A 192.0.2.{number}"' for number in range(200))
    path = tmp_path / "unbound.conf"
    while True:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        path.write_text(CONFIG.format(port=port, folder=tmp_path, data=data), encoding="ascii")
        with subprocess.Popen([program, "-c", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                if not has_started(server, port):
                    continue  # somebody else was faster to take the port
                yield Endpoint("127.0.0.1", port)
                return
            finally:
                server.terminate()


def has_started(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until *server* listens; tell if it does, or has ended instead."""
    while server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return True
    return False


@pytest.mark.debian
@pytest.mark.parametrize("transport", [udp.TRANSPORT, tcp.TRANSPORT], ids=["udp", "tcp"])
async def test_a_real_resolver_is_understood(unbound: Endpoint, transport: Transport) -> None:
    """Every name it has is answered with its own address, every other name of its zone with NXDOMAIN, each once."""
    qnames = [f"n{number}.test" for number in range(400)]
    async with transport.open() as session:
        asked: list[int] = []
        said: dict[int, bytes] = {}
        while left := [number for number in range(400) if number not in said]:  # its buffer is small: some may be lost
            first, due = len(asked), np.arange(len(left)) * 0.001
            asked += left
            queries = asking([qnames[number] for number in left], unbound, due=due, first=first)
            got = await all_of(session, queries, patience=5.0)
            assert len(got) == np.unique(got.number).size > 0
            assert not got.trouble.any()
            said |= {asked[number]: octets for number, octets in zip(got.number.tolist(), got.messages, strict=True)}
        assert session.strays == 0
    for number, octets in said.items():
        message = dns.message.from_wire(octets)
        assert message.question[0].name.to_text() == f"n{number}.test."
        addresses = [rdata.to_text() for rrset in message.answer for rdata in rrset]
        assert addresses == ([f"192.0.2.{number}"] if number < 200 else [])
        assert message.rcode() == (dns.rcode.NOERROR if number < 200 else dns.rcode.NXDOMAIN)
