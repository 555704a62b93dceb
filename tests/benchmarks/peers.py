"""What other Python clients spend on a query, next to a whole snapshot and dnsperf.

    python3 dev.py benchmark peers [ROUNDS]

Asks names of 16 resolvers on loopback: 200,000 questions the fast ones, fewer the slow ones, so that a round takes a
minute; start-up is in every figure. aiodns and blastdns are installed from PyPI into an environment of their own, a C
compiler and dnsperf from Debian where they are missing. None of the peers stores anything, and none keeps more of a
reply than its addresses. Clients run in turn on one core, the responder on another. Compare within a run only.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import udp  # type: ignore[import-not-found]  # it stands beside this file

PEERS = {
    "aiodns": (
        40_000,
        """
import aiodns, asyncio, sys
queries, port = int(sys.argv[1]), int(sys.argv[2])
async def main():
    resolvers = [aiodns.DNSResolver([f"127.0.1.{n + 1}"], udp_port=port, timeout=5.0) for n in range(16)]
    free = asyncio.Semaphore(1000)
    async def one(n):
        async with free:
            return await resolvers[n % 16].query_dns(f"name{n // 16:07}.example", "A")
    return await asyncio.gather(*map(one, range(queries)), return_exceptions=True)
said = asyncio.run(main())
assert not any(isinstance(one, BaseException) for one in said), next(s for s in said if isinstance(s, BaseException))
""",
    ),
    "blastdns": (
        40_000,
        """
import asyncio, os, sys
from blastdns import Client, ClientConfig
queries, port = int(sys.argv[1]), int(sys.argv[2])
how = ClientConfig(max_inflight_per_resolver=32, persistent_socket=True, cache_capacity=0, adaptive=False)
names = [f"name{n:07}.example" for n in range(queries // 16)]
async def one(n):
    client = Client([f"127.0.1.{n + 1}:{port}"], how)
    return [said async for said in client.resolve_batch(names, "A")]
async def main():
    return await asyncio.gather(*map(one, range(16)))
said = asyncio.run(main())
assert sum(map(len, said)) == queries // 16 * 16, sum(map(len, said))
sys.stdout.flush()
os._exit(0)  # it may abort at the interpreter's end
""",
    ),
    "dnspython": (
        10_000,
        """
import asyncio, sys
import dns.asyncquery, dns.message
queries, port = int(sys.argv[1]), int(sys.argv[2])
async def main():
    free = asyncio.Semaphore(200)
    async def one(n):
        async with free:
            asked = dns.message.make_query(f"name{n // 16:07}.example", "A", use_edns=0, payload=1232)
            return await dns.asyncquery.udp(asked, f"127.0.1.{n % 16 + 1}", port=port, timeout=5)
    return await asyncio.gather(*map(one, range(queries)))
assert len(asyncio.run(main())) == queries
""",
    ),
}


def installed(folder: Path) -> Path:
    """Make an environment with the peers in *folder*; return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "aiodns", "blastdns", "dnspython"], check=True)
    return python


def measure(program: Path, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return what a query costs each client, in microseconds, one figure a round."""
    python = installed(folder / "peers")
    costs: dict[str, list[float]] = {}
    with udp.responder(program):
        for _ in range(rounds):
            for client, run in udp.clients(program, folder, FAST).items():
                if client in {"dnsperf", "snapshot"}:
                    costs.setdefault(client, []).append(run() / FAST * 1e6)
            for peer, (queries, script) in PEERS.items():
                spent = udp.children([python, "-c", script, str(queries), str(udp.PORT)])
                costs.setdefault(peer, []).append(spent / queries * 1e6)
    return costs


FAST = 200_000


def main(rounds: int) -> None:
    """Print what a query costs each client, and as a multiple of a snapshot's in the same round."""
    udp.need("dnsperf")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        udp.prepare(folder, FAST)
        costs = measure(udp.compiled(folder), folder, rounds)
    print(
        f"{udp.RESOLVERS} resolvers, {rounds} rounds; CPU per query, and as a multiple of a snapshot in the same round"
    )
    for client, cost in costs.items():
        ratios = sorted(a / b for a, b in zip(cost, costs["snapshot"], strict=True))
        spread = f"{statistics.median(ratios):6.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"{client:10} {statistics.median(cost):7.2f} us   {spread}")


if __name__ == "__main__":
    if len(os.sched_getaffinity(0)) == 1:
        sys.exit("needs two cores")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
