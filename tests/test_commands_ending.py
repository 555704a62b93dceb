"""How the program ends, as the process that a shell, cron or systemd sees."""

import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-m", "resolver_diff"]
LIMIT = 30  # seconds until a test gives up


@pytest.fixture
def silent_resolver(tmp_path: Path) -> Iterator[Path]:
    """Return a folder whose resolvers.yaml names a resolver that takes queries and never says anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        (tmp_path / "resolvers.yaml").write_text(
            f"resolvers:\n  - {{name: mute, address: 127.0.0.1, port: {bound.getsockname()[1]}, qps: 1000}}\n"
        )
        (tmp_path / "names.txt").write_text("a.example\nb.example\n")
        yield tmp_path


def environment(**more: str) -> dict[str, str]:
    """Return an environment for the program."""
    return {**os.environ, **more}


@contextlib.contextmanager
def snapshot(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start a snapshot in *folder*; the body runs when it has begun to ask."""
    command = [*PROGRAM, "snapshot", "--domains", "names.txt", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True, env=environment()) as process:
        try:
            assert process.stderr is not None
            said = list(iter(process.stderr.readline, "asking 32 questions of 1 resolvers\n"))
            assert "" not in said
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_can_go_on(silent_resolver: Path, number: signal.Signals, status: int) -> None:
    """Ctrl-C and SIGTERM end a run at once, without traceback, and say the command that goes on with it."""
    with snapshot(silent_resolver, "--timeout", "60", "--date", "2026-02-11") as process:
        started = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=LIMIT)
    assert time.monotonic() - started < LIMIT / 2
    assert process.returncode == status
    assert out == ""
    again = "resolver-diff snapshot --domains names.txt --timeout 60 --date 2026-02-11 --resume"
    assert f"go on with: {again}\ninterrupted\n" in err
    assert "Traceback" not in err


def test_the_date_is_pinned_when_a_run_goes_on(silent_resolver: Path) -> None:
    """A run that was given no date names it, because midnight may pass before it goes on."""
    with snapshot(silent_resolver, "--timeout", "60") as process:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT)
    assert re.search(r"--timeout 60 --date \d{4}-\d\d-\d\d --resume\n", err)


def test_a_silent_resolver_is_status_3(silent_resolver: Path) -> None:
    """A run in which a resolver said nothing is done but incomplete: files on stdout, the name on stderr."""
    with snapshot(silent_resolver, "--timeout", "0.05", "--date", "2026-02-11", "--vantage", "home") as process:
        out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 3
    assert out == "snapshots/date=2026-02-11/vantage=home/names.parquet\n"
    assert "said nothing at all: mute\n" in err
    done = subprocess.run(
        [*PROGRAM, "snapshot", "--domains", "names.txt", "--date", "2026-02-11", "--vantage", "home"],
        cwd=silent_resolver,
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert done.returncode == 2
    assert "--replace" in done.stderr


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    """When the reader of stdout goes away, the program goes too, and says nothing."""
    (tmp_path / "names.txt").write_text("a.example\n")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*PROGRAM, "check", "--domains", "names.txt"],
        cwd=tmp_path,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=environment(),
    )
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_stdout_is_an_error() -> None:
    """Output that cannot be written is an error with a message, not silence."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "check"], stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment()
        )
    assert done.returncode == 2
    assert "error: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_usage_errors_are_status_2() -> None:
    """An unknown command or option is status 2, on stderr."""
    for words in (["nonsense"], ["diff", "--nonsense"]):
        done = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=False, env=environment())
        assert done.returncode == 2
        assert done.stdout == ""
        assert "nonsense" in done.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("resolver-diff dif", "diff"),
        ("resolver-diff diff 2026-02-1", "2026-02-10 2026-02-11"),
        ("resolver-diff anomalies --vantage h", "home"),
        ("resolver-diff anomalies l", "latest"),
    ],
)
def test_the_shell_completes(tmp_path: Path, typed: str, offered: str) -> None:
    """The shell completes commands, the dates there are, and vantages."""
    for day in ("2026-01-31", "2026-02-10", "2026-02-11"):
        (tmp_path / "snapshots" / f"date={day}" / "vantage=home").mkdir(parents=True)
    asked = environment(
        _RESOLVER_DIFF_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(len(typed.split()) - 1)
    )
    done = subprocess.run(PROGRAM, cwd=tmp_path, capture_output=True, text=True, check=False, env=asked)
    assert sorted(done.stdout.split()) == offered.split()


def on_terminal(folder: Path, *words: str, **more: str) -> str:
    """Run the program on a terminal and return what appears there."""
    ours, theirs = pty.openpty()
    asked = environment(TERM="xterm-256color", **more)
    process = subprocess.Popen([*PROGRAM, *words], cwd=folder, stdout=theirs, stderr=theirs, env=asked)
    os.close(theirs)
    seen = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not read:
            break
        seen += read
    os.close(ours)
    process.wait(timeout=LIMIT)
    return seen.decode()


def test_color_is_for_terminals_that_want_it(silent_resolver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal headings stand out; with NO_COLOR no color is sent; in a pipe nothing but text."""
    asked = ("check", "--domains", "names.txt")
    assert "\x1b[31m" not in on_terminal(silent_resolver, *asked, NO_COLOR="1")
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[31m" in on_terminal(silent_resolver, *asked)
    done = subprocess.run(
        [*PROGRAM, *asked], cwd=silent_resolver, capture_output=True, text=True, check=True, env=environment()
    )
    assert "\x1b" not in done.stdout + done.stderr


def test_progress_is_a_bar_on_a_terminal(silent_resolver: Path) -> None:
    """On a terminal a run draws a bar with the rate and the silent resolvers."""
    seen = on_terminal(silent_resolver, "snapshot", "--domains", "names.txt", "--timeout", "0.7", "--attempts", "1")
    assert "questions, 1 resolvers" in seen
    assert "1 silent resolver" in seen
    assert "said nothing at all: mute" in seen
