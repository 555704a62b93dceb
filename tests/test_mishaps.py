"""A kill, a full disk, a read-only folder, few file descriptors: a clear end, nothing lost, nothing half."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from resolver_diff import snapshot
from resolver_diff.lab import reading
from resolver_diff.lab.servers import Lab

DAY = date(2026, 2, 11)
KILLS = 10
NAMES = 60
LIMIT = 100  # seconds until a test gives up
SCENARIO = """\
names:
  shops:
{names}
resolvers:
  one: {{operator: one, role: control}}
  two: {{operator: two, role: control}}
  nsdi: {{operator: three, country: RU, role: register}}
days:
  2026-02-11:
    nsdi: {{name7.example: nxdomain aa no-soa, name8.example: timeout}}
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Play three resolvers that always say the same."""
    names = "\n".join(f"    name{index}.example: answer" for index in range(NAMES))
    with Lab(reading.loads(SCENARIO.format(names=names))) as playing:
        playing.play(DAY)
        yield playing


@pytest.fixture
def command(lab: Lab, tmp_path: Path) -> list[str]:
    """Return the command that takes the snapshot of this lab into tmp_path/snapshots in some seconds."""
    lines = [
        f"  - {{name: {entry.name}, address: {entry.address}, port: {entry.port}, operator: {entry.operator},"
        f" role: {entry.role}, qps: 80}}"
        for entry in lab.config().resolvers
        if entry.transport == "udp"
    ]
    resolvers, domains = tmp_path / "resolvers.yaml", tmp_path / "shops.txt"
    resolvers.write_text("probe: {attempts: 2, timeout: 1}\nresolvers:\n" + "\n".join(lines) + "\n")
    domains.write_text("".join(f"name{index}.example\n" for index in range(NAMES)))
    program = [sys.executable, "-m", "resolver_diff", "snapshot", "--date", str(DAY), "--resolvers", str(resolvers)]
    return [*program, "--domains", str(domains), "--snapshots", str(tmp_path / "snapshots")]


def facts(folder: Path) -> pl.DataFrame:
    """Return what was said, without times."""
    (loaded,) = snapshot.load(folder, DAY)
    columns = ["resolver", "purpose", "qname", "qtype", "attempt", "reply", "outcome", "answer", "cname", "soa", "aa"]
    return loaded.observations.select(columns).sort(pl.all())


def test_a_run_killed_at_any_moment_goes_on_to_the_same_rows(command: list[str], tmp_path: Path) -> None:
    """Ten kills by SIGKILL at random moments, then --resume: the rows of an undisturbed run, and none of them twice."""
    begun = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    took = time.monotonic() - begun
    undisturbed = facts(tmp_path / "snapshots")
    shutil.rmtree(tmp_path / "snapshots")
    chance = random.Random(2026)
    killed = 0
    for _ in range(KILLS):
        with subprocess.Popen([*command, "--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            try:
                run.wait(took * chance.uniform(0.1, 0.8))
            except subprocess.TimeoutExpired:
                run.send_signal(signal.SIGKILL)
                killed += 1
            else:
                shutil.rmtree(tmp_path / "snapshots")  # it got through: begin anew, to be killed again
        for file in (tmp_path / "snapshots").rglob("*.parquet"):
            pl.read_parquet(file)
    assert killed >= KILLS // 2  # those that go on with another have less to do, and may get through
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    assert facts(tmp_path / "snapshots").equals(undisturbed)
    assert not (tmp_path / "snapshots.partial").exists()


def heard(lab: Lab) -> int:
    """Return how many queries came to the resolvers since the day began."""
    return sum(sum(list(booth.asked.values())) for booth in lab._booths)  # a list at once: its thread goes on


def test_ctrl_c_keeps_what_is_there_and_says_how_to_go_on(lab: Lab, command: list[str], tmp_path: Path) -> None:
    """SIGINT ends the run with status 130, a hint on stderr, and a journal to go on from."""
    lab.play(DAY)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        while heard(lab) < NAMES:  # a sixth of all
            assert run.poll() is None, "it ended before it was stopped"
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        _, talk = run.communicate(timeout=LIMIT)
    assert run.returncode == 130
    assert "--resume" in talk
    kept = [pl.read_ipc(file).height for file in (tmp_path / "snapshots.partial").rglob("*.arrow")]
    assert sum(kept) > 0
    subprocess.run([*command, "--resume"], check=True, capture_output=True)


def test_a_full_disk_ends_with_a_clear_message(command: list[str], tmp_path: Path) -> None:
    """No room for the snapshot: status 2, what to do, and the earlier snapshot is as it was."""
    small = tmp_path / "snapshots"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    try:
        earlier = small / "s" / "date=2026-02-10" / "vantage=local" / "shops.parquet"
        earlier.parent.mkdir(parents=True)
        pl.DataFrame({"x": range(1000)}).write_parquet(earlier)
        before = earlier.read_bytes()
        run = subprocess.run([*command[:-1], str(small / "s")], capture_output=True, text=True, check=False)
        assert run.returncode == 2, run.stderr
        assert "No space left on device" in run.stderr
        assert "Traceback" not in run.stderr
        assert earlier.read_bytes() == before
        assert not (small / "s" / f"date={DAY}").exists()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_folder_that_cannot_be_written_ends_before_anything_is_asked(command: list[str]) -> None:
    """A snapshots folder where none can be made: status 2 and a hint, at once."""
    run = subprocess.run([*command[:-1], "/proc/snapshots"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "cannot write" in run.stderr
    assert "Traceback" not in run.stderr


def test_sixty_four_file_descriptors_are_enough(command: list[str], tmp_path: Path) -> None:
    """With `ulimit -n 64` a run gets through, with every row, or says that it needs more."""
    limited = ["bash", "-c", 'ulimit -n 64; exec "$@"', "bash", *command]
    run = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert run.returncode in {0, 2}, run.stderr
    assert "Traceback" not in run.stderr
    if run.returncode == 0:
        assert facts(tmp_path / "snapshots").filter(pl.col("purpose") == "target").height == NAMES * 2 * 3 + 2
    else:
        assert "hint:" in run.stderr
