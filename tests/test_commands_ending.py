"""How the program ends, as the process that a shell, cron or systemd sees."""

import contextlib
import functools
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
LIMIT = 110  # seconds until a test gives up


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
def snapshot(folder: Path, *words: str, ignoring: signal.Signals | None = None) -> Iterator[subprocess.Popen[str]]:
    """Start a snapshot in *folder*, *ignoring* a signal; the body runs when it has begun to ask."""
    command = [*PROGRAM, "snapshot", "--domains", "names.txt", *words]
    pipe = subprocess.PIPE
    ignore = None if ignoring is None else functools.partial(signal.signal, ignoring, signal.SIG_IGN)
    with subprocess.Popen(
        command,
        cwd=folder,
        stdout=pipe,
        stderr=pipe,
        text=True,
        env=environment(),
        preexec_fn=ignore,  # noqa: PLW1509  (one thread)
    ) as process:
        try:
            assert process.stderr is not None
            for said in process.stderr:
                if said == "asking 32 questions of 1 resolver\n":
                    break
            else:
                pytest.fail("it ended before it asked anything")
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("number", "status", "ignoring"),
    [
        (signal.SIGINT, 130, None),
        (signal.SIGTERM, 143, None),
        (signal.SIGHUP, 129, None),
        (signal.SIGTERM, 143, signal.SIGINT),
        (signal.SIGHUP, 129, signal.SIGINT),
    ],
)
def test_a_run_that_is_stopped_can_go_on(
    silent_resolver: Path, number: signal.Signals, status: int, ignoring: signal.Signals | None
) -> None:
    """Ctrl-C, SIGTERM and SIGHUP end a run at once, without traceback, and say the command that goes on with it.

    So they do where SIGINT is ignored, as it is for a `command &` in a script.
    """
    with snapshot(silent_resolver, "--timeout", "60", "--date", "2026-02-11", ignoring=ignoring) as process:
        started = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=LIMIT)
    assert time.monotonic() - started < LIMIT / 2
    assert process.returncode == status
    assert out == ""
    again = "resolver-diff snapshot --domains names.txt --timeout 60 --date 2026-02-11 --resume"
    assert f"go on with: {again}\ninterrupted\n" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_is_to_be_ignored_is(silent_resolver: Path, number: signal.Signals) -> None:
    """A run that was started under nohup, or behind a script, takes no notice of the signal it was told to ignore."""
    with snapshot(silent_resolver, "--timeout", "0.5", "--attempts", "1", ignoring=number) as process:
        process.send_signal(number)
        process.communicate(timeout=LIMIT)
    assert process.returncode == 3


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
@pytest.mark.parametrize("words", [["check"], ["check", "--domains", "names.txt"]], ids=["much", "little"])
def test_a_full_disk_under_stdout_is_an_error(tmp_path: Path, words: list[str]) -> None:
    """Output that cannot be written is an error with a message and nothing else, be it more than a buffer or less."""
    (tmp_path / "names.txt").write_text("a.example\n")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, *words],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=environment(),
        )
    assert done.returncode == 2
    assert done.stderr.endswith("error: No space left on device\n")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nonsense", "error: no such command `nonsense`\nhint: `resolver-diff --help` says what there is\n"),
        ("dif", "error: no such command `dif`\nhint: did you mean `diff`?\n"),
        ("diff --exit-cod", "error: no such option: --exit-cod\nhint: did you mean --exit-code?\n"),
        ("explain", "error: missing argument `NAME`\nhint: `resolver-diff explain --help` says what there is\n"),
    ],
)
def test_usage_errors_are_status_2(words: str, said: str) -> None:
    """What is typed wrong is status 2 and said on stderr, the way all errors are, with a hint."""
    done = subprocess.run([*PROGRAM, *words.split()], capture_output=True, text=True, check=False, env=environment())
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


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
    bold = "\x1b[1m"
    plain = on_terminal(silent_resolver, *asked, NO_COLOR="1")
    monkeypatch.delenv("NO_COLOR")
    assert f"{bold}Of whom" in on_terminal(silent_resolver, *asked)
    assert not re.search(r"\x1b\[3\dm", plain)  # bold and faint are no colors
    done = subprocess.run(
        [*PROGRAM, *asked], cwd=silent_resolver, capture_output=True, text=True, check=True, env=environment()
    )
    assert "\x1b" not in done.stdout + done.stderr


def test_progress_is_a_bar_on_a_terminal(silent_resolver: Path) -> None:
    """On a terminal a run draws a bar with the rate and the silent resolvers."""
    seen = on_terminal(silent_resolver, "snapshot", "--domains", "names.txt", "--timeout", "0.7", "--attempts", "1")
    assert "32 questions, 1 resolver" in seen
    assert "1 silent resolver" in seen
    assert "said nothing at all: mute" in seen
