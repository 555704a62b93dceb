"""What a snapshot costs as the work grows: CPU per query and peak memory, by number and shape of the questions.

Queries are all that are sent: each resolver is asked 29 questions about itself, too, which are few of 200,000
and an eighth of 200.

    python3 dev.py benchmark growth [NAMESxRESOLVERS ...]

A C compiler is installed where there is none. Whole processes, start-up included, against a responder on loopback that
is at every address; client and responder have a core each. Compare within a run only.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import udp  # type: ignore[import-not-found]  # it stands beside this file

SHAPES = ("62500x16", "250000x16", "1000000x16", "200000x5", "200x5000")


def prepare(folder: Path, names: int, resolvers: int) -> list[str | Path]:
    """Write what a snapshot of so much needs into *folder*; return the command."""
    addresses = [f"127.{2 + n // 62_500}.{n // 250 % 250}.{n % 250 + 1}" for n in range(resolvers)]
    entries = "".join(f"  - {{name: r{n}, address: {address}}}\n" for n, address in enumerate(addresses))
    shared = f"probe: {{qtypes: [A]}}\ndefaults: {{port: {udp.PORT}, qps: 1000000}}\n"
    (folder / "resolvers.yaml").write_text(f"{shared}resolvers:\n{entries}", encoding="utf-8")
    with (folder / "names.txt").open("w", encoding="utf-8") as file:  # what we hold, a child seems to have held
        file.writelines(f"name{index:07}.example\n" for index in range(names))
    words: list[str | Path] = ["--resolvers", folder / "resolvers.yaml", "--domains", folder / "names.txt"]
    words += ["--snapshots", folder / "snapshots", "--date", "2026-02-11"]
    return [sys.executable, "-m", "resolver_diff", "snapshot", *words]


def cost(command: list[str | Path]) -> tuple[float, float, int, str]:
    """Run *command*; return its CPU and wall seconds, its peak memory in MB, and the last thing it said."""
    begun = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.read().strip().splitlines()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit("\n".join(said))
    return used.ru_utime + used.ru_stime, time.monotonic() - begun, used.ru_maxrss // 1024, said[-1]


def main(shapes: list[str]) -> None:
    """Print a line for each shape."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"names x resolvers, CPU per query, peak memory (a child's is at least ours, {most} MB)")
    for shape in shapes:
        names, resolvers = map(int, shape.split("x"))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            program = udp.compiled(folder)
            with udp.responder(program, udp.RESOLVERS):
                udp.warm_up(folder)
            shutil.rmtree(folder / "snapshots")
            command = prepare(folder, names, resolvers)
            with udp.responder(program, 0):
                spent, seconds, memory, said = cost(command)
        sent = int(re.findall(r"([\d,]+) sent", said)[0].replace(",", ""))
        print(
            f"{shape:>12}  {spent / sent * 1e6:6.2f} us  {memory:5} MB  {seconds:6.1f} s  {said}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:] or list(SHAPES))
