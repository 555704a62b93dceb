"""Set this checkout up, and run something in it: needs Python 3.11 or later, and nothing else.

    python3 dev.py demo          the whole thing on this machine, no network
    python3 dev.py test          the tests; further arguments go to pytest
    python3 dev.py check         format, lint and types; changes nothing
    python3 dev.py run ...       any resolver-diff command
    python3 dev.py benchmark     says which there are; benchmark udp 2000000 3 runs one

The first run makes .venv and installs into it what the lock file names, by hash.
A run that is stopped half-way is repaired by the next one.
"""

from __future__ import annotations  # an old Python must come as far as the line that says it is too old

import ast
import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
RUN_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"  # all of the other, and the tools
BENCHMARKS = ROOT / "tests" / "benchmarks"
CHECKS = (("ruff", "format", "--check"), ("ruff", "check"), ("mypy",))


def main(command: str | None = None, *arguments: str) -> int:
    """Set up what *command* needs, run it, and return its exit status."""
    if command == "demo":
        set_up(RUN_LOCK)
        return run("-m", "resolver_diff", "demo", *arguments)
    if command == "run":
        set_up(RUN_LOCK)
        return run("-m", "resolver_diff", *arguments)
    if command == "test":
        set_up(DEV_LOCK)
        return run("-m", "pytest", *arguments, folder=ROOT)
    if command == "check":
        set_up(DEV_LOCK)
        # All of them, so that one visit shows everything there is to do.
        return max([run("-m", *check, *arguments, folder=ROOT) for check in CHECKS])
    if command == "benchmark":
        return benchmark(*arguments)
    asked_for_help = command in {"help", "--help", "-h"}
    print(__doc__, file=sys.stdout if asked_for_help else sys.stderr)
    return 0 if asked_for_help else 2


def benchmark(name: str = "", *arguments: str) -> int:
    """Run the benchmark of that name; or say which there are, and return 2."""
    texts = {file: file.read_text(encoding="utf-8") for file in sorted(BENCHMARKS.rglob("*.py"))}
    there = {
        file.relative_to(BENCHMARKS).with_suffix("").as_posix(): (ast.get_docstring(ast.parse(text)) or "", file)
        for file, text in texts.items()
        if "__main__" in text
    }
    if name in there:
        set_up(DEV_LOCK)
        return run(str(there[name][1]), *arguments)
    for known, (about, _) in there.items():
        print(f"{known:20} {about.partition(chr(10))[0]}", file=sys.stderr)
    return 2


def run(*words: str, folder: Path | None = None) -> int:
    """Run the virtual environment's Python with *words*, in *folder* or here, and return its exit status."""
    # The program names commands to type next; this is how they are typed here.
    environment = {**os.environ, "RESOLVER_DIFF_PROGRAM": "python3 dev.py run"}
    program = subprocess.Popen([PYTHON, *words], cwd=folder, env=environment)
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda got, _: program.send_signal(got))
    while True:
        try:
            return program.wait()
        except KeyboardInterrupt:  # the terminal told the program too: let it end in its own way
            continue


def set_up(lock: Path) -> None:
    """Install what *lock* names, and this checkout, into the virtual environment, unless that is done."""
    stamp = VENV / f"{lock.name}.done"
    # The root is part of it: an environment that was copied along with its checkout still points to the old one.
    inputs = [lock.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode(), sys.version.encode()]
    wanted = hashlib.sha256(b"\0".join(inputs)).hexdigest()
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"setting up {VENV.name} from {lock.name}, once; this takes about half a minute", file=sys.stderr, flush=True)
    pip = usable_pip()
    install = [*pip, "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--require-hashes", "--requirement", lock], check=True)
    # The lock holds what builds it, so that nothing is fetched outside the lock.
    subprocess.run([*install, "--no-build-isolation", "--no-deps", "--editable", ROOT], check=True)
    stamp.write_text(wanted)  # last, so that a set-up that was stopped half-way is done again


def usable_pip() -> list[str]:
    """Make the virtual environment if it is missing or broken, and return how pip is called for it."""
    inside = [str(PYTHON), "-m", "pip"]
    if importlib.util.find_spec("ensurepip"):
        if not works(inside):
            venv.create(VENV, clear=True, symlinks=os.name != "nt", with_pip=True)
        return inside
    # Debian's python3 has no ensurepip unless python3-venv is installed; its pip can look after another Python.
    outside = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if not works([str(PYTHON)]):
        venv.create(VENV, clear=True, symlinks=os.name != "nt")
    if not works(outside):
        sys.exit(
            "error: this Python has neither ensurepip nor pip\nhint: on Debian or Ubuntu: apt install python3-venv"
        )
    return outside


def works(program: list[str]) -> bool:
    """Tell whether *program* starts."""
    try:
        return subprocess.run([*program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    if sys.version_info < (3, 11):
        sys.exit("error: resolver_diff needs Python 3.11 or later, this is " + sys.version.split()[0])
    try:
        sys.exit(main(*sys.argv[1:]))
    except subprocess.CalledProcessError:
        sys.exit("error: setting up failed, see above\nhint: the same command tries again")
    except KeyboardInterrupt:
        sys.exit(130)
