"""The main job on real servers: Unbound and BIND on loopback, two days, and exactly the right CSV."""

import asyncio
import contextlib
import csv
import io
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
import polars as pl
import pytest

from resolver_diff import diff, family, probe, reports, snapshot
from resolver_diff.config import Config, DomainSet, Names, Resolver
from resolver_diff.reports import Report

MONDAY, TUESDAY = date(2026, 2, 9), date(2026, 2, 10)
WORLD = {
    **{f"shop{index}.example": f"46.4.71.{index}" for index in range(1, 21)},
    "blocked.example": "157.240.205.60",
    "www.blocked.example": "157.240.205.61",
    "nodata.example": "157.240.205.62",
    "dropped.example": "157.240.205.63",
    "tcp-only.example": "157.240.205.64",
    "bogon.example": "157.240.205.65",
    "refused.example": "157.240.205.66",
    **{f"page{index}.example": f"185.199.{index}.7" for index in range(1, 5)},
}
RPZ = """\
blocked.example CNAME .
*.blocked.example CNAME .
nodata.example CNAME *.
dropped.example CNAME rpz-drop.
tcp-only.example CNAME rpz-tcp-only.
bogon.example A 10.10.34.36
page1.example A 95.167.13.50
page2.example A 95.167.13.50
page3.example A 95.167.13.50
page4.example A 95.167.13.50
"""
Find = Callable[[str, str], Path]


@pytest.fixture
def world(tmp_path: Path, debian_server: Find) -> Iterator["World"]:
    """Start and stop the servers of a day."""
    made = World(tmp_path, debian_server("unbound", "unbound"), debian_server("named", "bind9"))
    yield made
    made.stop()


class World:
    """Unbound as three honest controls and as an ISP, and BIND with a response policy zone as the register."""

    def __init__(self, folder: Path, unbound: Path, named: Path) -> None:
        self.folder = folder
        self.unbound = unbound
        self.named = named
        self.ports = free_ports(5)
        self.running: list[subprocess.Popen[bytes]] = []

    def play(self, *, rpz: str, isp: str) -> None:
        """Start the servers anew: the register with the policy *rpz*, the ISP with the lines *isp*."""
        self.stop()
        controls, register, provider = self.ports[:3], self.ports[3], self.ports[4]
        self._start_unbound("controls", controls, "")
        self._start_unbound("isp", [provider], isp)
        self._start_named(register, controls[0], rpz)
        for port in self.ports:
            self._wait(port)

    def stop(self) -> None:
        """End every server."""
        for server in self.running:
            server.terminate()
        for server in self.running:
            server.wait(10)
        self.running.clear()

    def config(self) -> Config:
        """Return what resolver_diff is told about these servers."""
        control: dict[str, Any] = {"role": "control", "address": "127.0.0.1", "qps": 2000.0}
        register: dict[str, Any] = {
            "address": "127.0.0.1",
            "port": self.ports[3],
            "role": "register",
            "country": "RU",
            "qps": 2000.0,
        }
        entries = [
            *(
                Resolver(name=f"control-{n}", operator=f"operator-{n}", port=port, **control)
                for n, port in enumerate(self.ports[:3])
            ),
            Resolver(name="register", operator="register", policy="national", **register),
            Resolver(name="register-tcp", operator="register", policy="national", transport="tcp", **register),
            Resolver(
                name="isp",
                operator="isp",
                address="127.0.0.1",
                port=self.ports[4],
                role="isp",
                country="RU",
                qps=2000.0,
            ),
        ]
        return Config(
            resolvers=tuple(entries),
            domain_sets=(DomainSet("world", "world.txt", Names.of(sorted(WORLD))),),
            control_names=("shop1.example", "shop2.example", "shop3.example"),
            qtypes=("A", "AAAA"),
            attempts=2,
            timeout=0.7,
        )

    def _start_unbound(self, name: str, ports: list[int], more: str) -> None:
        data = "".join(f'  local-data: "{qname} 300 A {address}"\n' for qname, address in WORLD.items())
        interfaces = "".join(f"  interface: 127.0.0.1@{port}\n" for port in ports)
        text = (
            f'server:\n  username: ""\n  chroot: ""\n  directory: "{self.folder}"\n  pidfile: ""\n  use-syslog: no\n'
            f"  do-daemonize: no\n{interfaces}"
            '  local-zone: "." static\n'
            '  local-data: ". 300 SOA ns.example. hostmaster.example. 1 7200 900 1209600 60"\n'
            f"{data}{more}remote-control:\n  control-enable: no\n"
        )
        conf = self.folder / f"{name}.conf"
        conf.write_text(text)
        self._start(name, [str(self.unbound), "-d", "-p", "-c", str(conf)])

    def _start_named(self, port: int, upstream: int, rpz: str) -> None:
        zone = self.folder / "rpz.zone"
        soa = "localhost. hostmaster.localhost. 1 7200 900 1209600 60"
        zone.write_text(f"$TTL 60\n@ SOA {soa}\n@ NS localhost.\n{rpz}")
        conf = self.folder / "named.conf"
        conf.write_text(
            f'options {{ directory "{self.folder}"; pid-file none; session-keyfile none; listen-on-v6 {{ none; }};\n'
            f"  listen-on port {port} {{ 127.0.0.1; }}; recursion yes; allow-query {{ any; }}; dnssec-validation no;\n"
            f"  forward only; forwarders {{ 127.0.0.1 port {upstream}; }}; empty-zones-enable no;\n"
            '  response-policy { zone "rpz"; } qname-wait-recurse no; };\n'
            f'zone "rpz" {{ type primary; file "{zone}"; }};\ncontrols {{ }};\n'
        )
        self._start("named", [str(self.named), "-f", "-n", "1", "-c", str(conf)])

    def _start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running.append(subprocess.Popen(command, stdout=log, stderr=log))

    def _wait(self, port: int) -> None:
        query = dns.message.make_query("shop1.example", "A")
        for _ in range(100):
            with contextlib.suppress(dns.exception.Timeout, OSError):
                if dns.query.udp(query, "127.0.0.1", port=port, timeout=0.2).answer:
                    return
            time.sleep(0.05)
        logs = "\n".join(log.read_text(errors="replace")[-2000:] for log in self.folder.glob("*.log"))
        pytest.fail(f"no answer on port {port}\n{logs}")


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago for UDP and TCP."""
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        while len(found) < count:
            udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            udp.bind(("127.0.0.1", 0))
            tcp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            with contextlib.suppress(OSError):
                tcp.bind(udp.getsockname())
                found.append(udp.getsockname()[1])
    return found


def take(world: World, folder: Path, day: date) -> dict[tuple[str, str, str], tuple[str, str | None]]:
    """Take a snapshot; return (resolver, qname, qtype) -> (outcome, answer) of what each question ended with."""
    asyncio.run(probe.take(world.config(), folder=folder, day=day, vantage="here"))
    (loaded,) = snapshot.load(folder, day)
    last = (
        loaded.observations.filter(pl.col("purpose") == "target")
        .sort("attempt")
        .group_by("resolver", "qname", "qtype")
        .last()
    )
    columns = last.select("resolver", "qname", "qtype", pl.col("outcome").cast(pl.String), "answer")
    return {(resolver, qname, qtype): (outcome, said) for resolver, qname, qtype, outcome, said in columns.rows()}


def test_what_vanished_between_two_days_is_found_and_nothing_else(world: World, tmp_path: Path) -> None:
    """NXDOMAIN, NODATA, silence, a bogon, a block page and REFUSED are one row per cell each; TCP-only is honest."""
    folder = tmp_path / "snapshots"
    world.play(rpz="", isp="")
    monday = take(world, folder, MONDAY)
    assert {monday[name, qname, "A"] for name in ("register", "isp") for qname in WORLD} == {
        ("answer", address) for address in WORLD.values()
    }
    assert {monday[name, qname, "AAAA"] for name in ("register-tcp", "control-0") for qname in WORLD} == {
        ("nodata", None)
    }
    world.play(rpz=RPZ, isp='  local-zone: "refused.example" always_refuse\n')
    tuesday = take(world, folder, TUESDAY)
    assert tuesday["register", "tcp-only.example", "A"] == ("answer", WORLD["tcp-only.example"])
    assert tuesday["register", "dropped.example", "A"] == ("timeout", None)
    assert tuesday["isp", "refused.example", "A"] == ("refused", None)
    (before,), (after,) = snapshot.load(folder, MONDAY), snapshot.load(folder, TUESDAY)
    found = diff.diff(before, after)
    render = family.members(reports, "REPORT", Report)["csv"].render
    rows = list(csv.DictReader(io.StringIO(render([found]), newline="")))
    said = {(row["resolver"], row["qname"], row["qtype"], row["change"], row["mechanism"]) for row in rows}
    at_register = {
        ("blocked.example", "A", "vanished", "nxdomain"),
        ("www.blocked.example", "A", "vanished", "nxdomain"),
        ("nodata.example", "A", "vanished", "nodata"),
        ("dropped.example", "A", "vanished", "timeout"),
        ("bogon.example", "A", "diverged", "bogon"),
        *((f"page{index}.example", "A", "diverged", "stub") for index in range(1, 5)),
    }
    wanted = {(name, *cell) for name in ("register", "register-tcp") for cell in at_register}
    wanted.add(("isp", "refused.example", "A", "vanished", "refused"))
    assert said == wanted
    assert len(rows) == len(wanted)


def test_a_register_that_is_down_is_one_finding(world: World, tmp_path: Path) -> None:
    """The servers of the register stop: no anomaly about any name, one finding about each of its entries."""
    folder = tmp_path / "snapshots"
    world.play(rpz="", isp="")
    take(world, folder, MONDAY)
    register = world.running.pop()
    register.terminate()
    register.wait(10)
    tuesday = take(world, folder, TUESDAY)
    assert tuesday["register-tcp", "shop1.example", "A"] == ("unreachable", None)
    (before,), (after,) = snapshot.load(folder, MONDAY), snapshot.load(folder, TUESDAY)
    found = diff.diff(before, after)
    assert len(found.anomalies) == 0
    today = found.health.frame.filter((pl.col("date") == TUESDAY) & (pl.col("condition") != "well"))
    assert today.select("resolver", pl.col("condition").cast(pl.String)).rows() == [
        ("register", "silent"),
        ("register-tcp", "silent"),
    ]
