"""`daily --schedule`: what was typed runs every day, in that folder, whatever characters are in it."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ODD = """with space $HOME 'and' "100%" \\"""
SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$HOME/typed"
[ ! -e "$HOME/none" ]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with a systemctl that notes what it is told, and a folder of an odd name."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/systemctl"
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    (tmp_path / ODD).mkdir()
    return tmp_path


def typed(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Type `daily` with *words* in the odd folder of *home*."""
    environment = {**os.environ, "HOME": str(home), "PATH": f"{home}/bin:{os.environ['PATH']}"}
    environment.pop("XDG_CONFIG_HOME", None)
    command = [sys.executable, "-m", "resolver_diff", "daily", "--vantage", "home", *words]
    return subprocess.run(command, cwd=home / ODD, env=environment, capture_output=True, text=True, check=False)


def test_a_timer_is_made_and_enabled(home: Path) -> None:
    """In the user's own systemd; nobody is asked anything yet."""
    done = typed(home, "--schedule", "--url", "https://example.org/%20$x")
    assert (done.returncode, done.stdout) == (0, "")
    said = (home / "typed").read_text().splitlines()
    assert said == ["--user show-environment", "--user daemon-reload", "--user enable --now resolver-diff-home.timer"]
    units = home / ".config/systemd/user"
    service = (units / "resolver-diff-home.service").read_text()
    assert f"WorkingDirectory={home / ODD}\n".replace("%", "%%") in service
    assert '"daily" "--vantage" "home" "--url" "https://example.org/%%20$$x"\n' in service
    assert "OnCalendar=*-*-* 04:00:00 UTC" in (units / "resolver-diff-home.timer").read_text()
    assert not (home / ODD / "reports").exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs Debian's package systemd")
def test_systemd_takes_what_was_made(home: Path) -> None:
    """Odd characters and all."""
    typed(home, "--schedule", "--reports", ODD)
    units = sorted(map(str, (home / ".config/systemd/user").iterdir()))
    verified = subprocess.run(
        ["systemd-analyze", "--user", "verify", *units],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(home)},
    )
    assert (verified.returncode, verified.stderr) == (0, "")


def test_without_systemd_the_line_for_cron_is_printed(home: Path) -> None:
    """It runs what was typed in that folder, and its talk goes to a file there."""
    (home / "none").touch()
    done = typed(home, "--schedule", "--reports", ODD)
    assert done.returncode == 0
    minute, hour, *stars, command = done.stdout.split(maxsplit=5)
    assert (0 <= int(minute) < 60, hour, stars) == (True, "4", ["*"] * 3)
    shown = command.replace(r"\%", "%").replace(shlex.quote(sys.executable), "printf '%s|'", 1)
    ran = subprocess.run(["/bin/sh", "-c", shown], cwd="/", capture_output=True, text=True, check=True)
    assert ran.stdout == f"-m|resolver_diff|daily|--vantage|home|--reports|{ODD}|"
    assert (home / ODD / "daily.log").exists()


def test_what_is_wrong_is_said_before_a_timer_is_made(home: Path) -> None:
    """A timer that fails every night helps nobody."""
    done = typed(home, "--schedule", "--resolvers", "none.yaml")
    assert done.returncode == 2
    assert not (home / ".config").exists()
