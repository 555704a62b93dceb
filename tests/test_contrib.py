"""What is shipped for systemd, cron, GitHub and containers: it parses, its options exist, and its walls let it work."""

import ctypes
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from resolver_diff.__main__ import Manner, application
from resolver_diff.lab import reading
from resolver_diff.lab.servers import Lab
from test_daily import SCENARIO, Home, day

ROOT = Path(__file__).parent.parent
CONTRIB = ROOT / "contrib"
SERVICE, TIMER = CONTRIB / "systemd/resolver-diff.service", CONTRIB / "systemd/resolver-diff.timer"
CRONTAB, WORKFLOW, CONTAINER = CONTRIB / "crontab", CONTRIB / "github/daily.yml", ROOT / "Containerfile"
MOST_EXPOSED = 2.0  # of 10, as systemd-analyze counts; a service of no care has 9.6
PR_SET_MDWE = 65  # linux/prctl.h: what MemoryDenyWriteExecute= does, from Linux 6.3 on

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs Debian's package systemd")


@pytest.mark.parametrize("file", [SERVICE, CRONTAB, WORKFLOW, CONTAINER], ids=lambda file: file.name)
def test_options_that_are_shipped_exist(file: Path) -> None:
    """A unit that is right today must not break tomorrow because an option was renamed."""
    lines = [line for line in file.read_text().splitlines() if re.search(r"resolver-diff daily", line)]
    assert lines
    known = CliRunner().invoke(application(Manner()), ["daily", "--help"], env={"COLUMNS": "200"}).stdout
    for line in lines:
        for option in re.findall(r"--[a-z-]+", line.partition("resolver-diff daily")[2]):
            assert f" {option} " in known, (file.name, option)


@needs_systemd
@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """Nothing in them is unknown to it, and the timer fires once a day."""
    program = shutil.which("resolver-diff", path=str(Path(sys.executable).parent))
    assert program is not None
    for unit in (SERVICE, TIMER):
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/local/bin/resolver-diff", program))
    units = [str(tmp_path / unit.name) for unit in (SERVICE, TIMER)]
    verified = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    (calendar,) = re.findall(r"^OnCalendar=(.*)$", TIMER.read_text(), re.MULTILINE)
    shown = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=2", "--base-time=2026-03-01 12:00:00 UTC", calendar],
        capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"},
    )  # fmt: skip
    assert re.findall(r"2026-\S+ 04:00:00", shown.stdout) == ["2026-03-02 04:00:00", "2026-03-03 04:00:00"]


@needs_systemd
def test_the_service_is_walled_in() -> None:
    """As systemd itself counts what it could reach."""
    counted = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", str(SERVICE)], capture_output=True, text=True, check=False
    )
    (exposure,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", counted.stdout)
    assert float(exposure) <= MOST_EXPOSED


def _forbid_written_code() -> None:
    """Forbid this process to make memory executable that it could write."""
    ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_a_day_is_done_within_the_walls(tmp_path: Path) -> None:
    """Where memory cannot be made executable, with the environment of the unit: polars would not start without it."""
    if ctypes.CDLL(None).prctl(PR_SET_MDWE + 1, 0, 0, 0, 0) < 0:
        pytest.skip("needs Linux 6.3")
    environment = dict(re.findall(r"^Environment=(\w+)=(\S+)$", SERVICE.read_text(), re.MULTILINE))
    assert environment == {"POLARS_SKIP_CPU_CHECK": "1"}
    with Lab(reading.load(str(SCENARIO))) as lab:
        home = Home(tmp_path, lab)
        home.prepare()
        lab.play(day(1))
        done = subprocess.run(
            home.command(day(1)),
            cwd=tmp_path,
            env={**os.environ, **environment},
            preexec_fn=_forbid_written_code,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2026-03-01 at vantage lab: ")


def test_the_line_for_cron_reads_secrets_and_goes_on_without(tmp_path: Path) -> None:
    """The file may be missing; where it is there, what it sets reaches the program."""
    (line,) = [text for text in CRONTAB.read_text().splitlines() if text and text[0].isdigit()]
    command = line.split(maxsplit=5)[5]
    assert "%" not in command  # cron would take it for the end of the line
    programs = tmp_path / ".local/bin"
    programs.mkdir(parents=True)
    (tmp_path / "dns").mkdir()
    program = programs / "resolver-diff"
    program.write_text('#!/bin/sh\necho "$1 $RESOLVER_DIFF_ALERTS"\n')
    program.chmod(0o755)
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    run = ["/bin/sh", "-c", command]
    assert subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout == "daily \n"
    (tmp_path / "dns/secrets").write_text("export RESOLVER_DIFF_ALERTS='json://a json://b'\n")
    said = subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout
    assert said == "daily json://a json://b\n"


def test_the_workflow_is_one_that_github_can_read() -> None:
    """A job with steps, at one time at most, that may write to its repository and nothing else."""
    workflow = yaml.safe_load(WORKFLOW.read_text())
    assert set(workflow[True]) == {"schedule", "workflow_dispatch"}  # YAML 1.1 takes `on` for a truth value
    assert workflow["permissions"] == {"contents": "write"}
    assert workflow["concurrency"]["cancel-in-progress"] is False
    steps = workflow["jobs"]["daily"]["steps"]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    for step in steps:
        if "run" in step:
            subprocess.run(["/bin/sh", "-n"], input=step["run"], text=True, check=True)


def test_the_container_is_built_from_what_is_there() -> None:
    """Every file that is copied exists, all that is installed from elsewhere is pinned by hash, nobody runs as root."""
    text = re.sub(r"\\\n", " ", CONTAINER.read_text())
    copies = [shlex.split(line) for line in text.splitlines() if re.match(r"COPY (?!--from)", line)]
    assert copies
    assert [name for _, *names, _ in copies for name in names if not (ROOT / name).exists()] == []
    installs = re.findall(r"pip install (.*)", text)
    assert len(installs) == 2
    assert all("--require-hashes" in words or "--no-deps" in words for words in installs)
    assert text.rindex("USER resolver-diff") > text.rindex("RUN ")
