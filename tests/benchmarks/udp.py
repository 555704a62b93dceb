"""What a query costs: CPU time of a whole snapshot and of the UDP engines, next to dnsperf and the least C can do.

    python3 dev.py benchmark udp [QUERIES [ROUNDS]]

`snapshot` is the program from start to finished Parquet, every column filled; dnsperf is a whole process too, and
stores nothing. It costs half as much with the 100 queries in flight that it has unless told otherwise as with 1,024, of
which it loses some; both are shown. Of the engines the exchange alone is counted. A C compiler and dnsperf are
installed where they are missing. Clients run in turn on one core, the responder on another, on loopback; user and
system time are counted. Compare within a run only.
"""

import asyncio
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
from debian import need  # type: ignore[import-not-found]  # it stands beside this file

from resolver_diff.transports import Endpoint, Queries, Transport, _bulk, _datagrams, _mmsg
from resolver_diff.wire import Messages
from resolver_diff.wire.encode import encode

PORT = 5399
RESOLVERS = 16
MOST_FOR_ENGINES = 500_000  # the slow one takes minutes beyond
ENGINES = {"bulk": _bulk.open_session, "datagrams": _datagrams.open_session}


def exchange(engine: str, queries: int) -> float:
    """Ask *queries* questions of the responder; return the CPU seconds that took, after checking that all came back."""
    number = np.arange(queries)
    messages: Messages = encode(
        [f"name{index:07}.example" for index in range(queries // RESOLVERS + 1)], ["A"] * (queries // RESOLVERS + 1)
    )
    asked = Queries(
        number=number,
        endpoint=(number % RESOLVERS).astype(np.int32),
        message=(number // RESOLVERS).astype(np.int32),
        due=np.zeros(queries),
        messages=messages,
        endpoints=[Endpoint(f"127.0.1.{index + 1}", PORT) for index in range(RESOLVERS)],
    )

    async def ask() -> int:
        async with Transport(ENGINES[engine]).open() as session:
            return sum([len(part) async for part in session.exchange(asked, timeout=5.0)])

    begun = time.process_time()
    answered = asyncio.run(ask())
    spent = time.process_time() - begun
    if answered != queries:
        sys.exit(f"{engine}: {answered} responses to {queries} queries")
    return spent


def children(command: list[str | Path]) -> float:
    """Run *command*; return the CPU seconds it took. What it says is shown only when it fails."""
    before = os.times()
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    after = os.times()
    if done.returncode:
        sys.exit(done.stderr)
    return after.children_user + after.children_system - before.children_user - before.children_system


def in_child(engine: str, queries: int) -> float:
    """Measure one engine in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, engine, str(queries)], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout)


def snapshot(folder: Path, queries: int) -> float:
    """Take a snapshot of *queries* questions about names in *folder*; return the CPU seconds of the process."""
    taken = folder / "snapshots"
    shutil.rmtree(taken, ignore_errors=True)
    words: list[str | Path] = [
        "--resolvers",
        folder / "resolvers.yaml",
        "--domains",
        folder / "names.txt",
        "--snapshots",
        taken,
    ]
    spent = children([sys.executable, "-m", "resolver_diff", "snapshot", *words, "--date", "2026-02-11"])
    files = list(taken.rglob("*.parquet"))
    rows = pl.scan_parquet(files).filter(pl.col("outcome") == "answer", pl.col("purpose") == "target")
    answered = int(rows.select("qname", "resolver").unique().select(pl.len()).collect().item())
    if answered != queries:
        sys.exit(f"snapshot: {answered} cells of {queries}")
    return spent


def warm_up(folder: Path) -> None:
    """Take a snapshot that does not count, so that Python has compiled every module, and may keep what it compiled.

    Needs the responder. An environment that was copied has compiled modules that are out of date: 0.8 s a start.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    prepare(folder, RESOLVERS)
    snapshot(folder, RESOLVERS)


def prepare(folder: Path, queries: int) -> None:
    """Write the resolvers and names of a snapshot of *queries* questions, and the same names for dnsperf."""
    entries = "".join(f"  - {{name: r{n}, address: 127.0.1.{n + 1}}}\n" for n in range(RESOLVERS))
    shared = f"probe: {{qtypes: [A]}}\ndefaults: {{port: {PORT}, qps: 1000000}}\n"
    (folder / "resolvers.yaml").write_text(f"{shared}resolvers:\n{entries}", encoding="utf-8")
    names = [f"name{index:07}.example" for index in range(queries // RESOLVERS)]
    (folder / "names.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    (folder / "questions").write_text("".join(f"{name} A\n" * RESOLVERS for name in names), encoding="ascii")


def clients(program: Path, folder: Path, queries: int) -> dict[str, Callable[[], float]]:
    """Return each client by name, as a function that returns CPU seconds."""
    found: dict[str, Callable[[], float]] = {
        "C floor": lambda: children([program, "floor", str(PORT), str(RESOLVERS), str(queries)])
    }
    for engine in ENGINES if queries <= MOST_FOR_ENGINES else ():
        if engine != "bulk" or _mmsg.available():
            found[engine] = lambda engine=engine: in_child(engine, queries)  # type: ignore[misc]  # mypy loses the default
    found["snapshot"] = lambda: snapshot(folder, queries)
    perf: list[str | Path] = ["dnsperf", "-s", "127.0.1.1", "-p", str(PORT), "-d", folder / "questions", "-n", "1"]
    found["dnsperf"] = lambda: children(perf)
    found["dnsperf -q 1024"] = lambda: children([*perf, "-q", "1024"])
    return found


def compiled(folder: Path) -> Path:
    """Return the responder and the floor, compiled into *folder*."""
    need("cc")
    program = folder / "udp"
    subprocess.run(["cc", "-O2", "-o", program, Path(__file__).with_suffix(".c")], check=True)
    return program


@contextlib.contextmanager
def responder(program: Path, resolvers: int = RESOLVERS) -> Iterator[None]:
    """Answer at *resolvers* addresses on the last core, 0 for all there are, and leave the first core to the body."""
    cores = sorted(os.sched_getaffinity(0))
    answering = subprocess.Popen([program, "echo", str(PORT), str(resolvers)])
    os.sched_setaffinity(answering.pid, {cores[-1]})
    os.sched_setaffinity(0, {cores[0]})
    try:
        time.sleep(0.2)
        yield
    finally:
        os.sched_setaffinity(0, cores)
        answering.terminate()
        answering.wait()


def main(queries: int, rounds: int) -> None:
    """Print what a query costs each client, in microseconds and as a multiple of dnsperf's."""
    need("dnsperf")
    costs: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = compiled(folder)
        with responder(program):
            warm_up(folder)
            prepare(folder, queries)
            for _ in range(rounds):
                for client, measure in clients(program, folder, queries).items():
                    costs.setdefault(client, []).append(measure() / queries * 1e6)
    print(
        f"{queries:,} queries, {RESOLVERS} resolvers, {rounds} rounds; "
        "CPU per query, and as a multiple of dnsperf in the same round"
    )
    for client, cost in costs.items():
        ratios = sorted(a / b for a, b in zip(cost, costs["dnsperf"], strict=True))
        spread = f"{statistics.median(ratios):5.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"{client:15} {statistics.median(cost):6.2f} us   {spread}")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in ENGINES:
        print(exchange(sys.argv[1], int(sys.argv[2])))
    else:
        main(*(int(word) for word in [*sys.argv[1:], *("500000", "3")[len(sys.argv) - 1 :]]))
