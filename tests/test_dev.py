"""dev.py: sets a checkout up once, repairs what was left half-way, and hands on what it is given."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[1] / "dev.py"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the list of programs that were started instead of being started."""
    started: list[list[str]] = []

    def start(program: list[str | Path], **_: object) -> subprocess.CompletedProcess[bytes]:
        started.append([str(part) for part in program])
        return subprocess.CompletedProcess(program, 0)

    monkeypatch.setattr(subprocess, "run", start)
    return started


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return dev.py as it is in a small checkout, whose virtual environment is there but empty."""
    monkeypatch.delenv("PYTHONPATH", raising=False)  # it would bring the real package back in
    for name in ("dev.py", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        (tmp_path / name).write_bytes((SOURCE.parent / name).read_bytes())
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return load(tmp_path / "dev.py")


def load(path: Path) -> ModuleType:
    """Import a file by its path."""
    spec = importlib.util.spec_from_file_location("dev", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def installs(calls: list[list[str]]) -> list[list[str]]:
    """Return what was asked of pip, besides whether it is there."""
    return [call for call in calls if "install" in call]


def test_set_up_installs_the_lock_by_hash_then_the_checkout(dev: ModuleType, calls: list[list[str]]) -> None:
    """Nothing comes from outside the lock: hashes are required, and the checkout is built with what is there."""
    dev.set_up(dev.RUN_LOCK)
    lock, checkout = installs(calls)
    assert lock[-3:] == ["--require-hashes", "--requirement", str(dev.RUN_LOCK)]
    assert checkout[-4:] == ["--no-build-isolation", "--no-deps", "--editable", str(dev.ROOT)]


def test_second_set_up_does_nothing(dev: ModuleType, calls: list[list[str]]) -> None:
    """What is set up is left alone."""
    dev.set_up(dev.RUN_LOCK)
    calls.clear()
    dev.set_up(dev.RUN_LOCK)
    assert calls == []


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_set_up_follows_its_inputs(dev: ModuleType, calls: list[list[str]], changed: str) -> None:
    """A new lock, or a new pyproject.toml, is installed by the next run."""
    dev.set_up(dev.RUN_LOCK)
    calls.clear()
    with (dev.ROOT / changed).open("a") as file:
        file.write("# changed\n")
    dev.set_up(dev.RUN_LOCK)
    assert len(installs(calls)) == 2


def test_set_up_of_a_copied_checkout_is_done_again(dev: ModuleType, calls: list[list[str]], tmp_path: Path) -> None:
    """An environment that was copied along still points to the old checkout, so it is not trusted."""
    dev.set_up(dev.RUN_LOCK)
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in list(tmp_path.iterdir()):
        if path != copy:
            path.rename(copy / path.name)
    calls.clear()
    moved = load(copy / "dev.py")
    moved.set_up(moved.RUN_LOCK)
    assert len(installs(calls)) == 2


def test_set_up_that_failed_is_tried_again(
    dev: ModuleType, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing or killed installation leaves no sign of success."""
    succeed = subprocess.run

    def fail(program: list[str | Path], **options: object) -> subprocess.CompletedProcess[bytes]:
        if "--editable" in program:
            raise subprocess.CalledProcessError(1, "pip")
        return succeed(program, **options)  # type: ignore[call-overload, no-any-return]  # as it was given

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(subprocess.CalledProcessError):
        dev.set_up(dev.RUN_LOCK)
    monkeypatch.setattr(subprocess, "run", succeed)
    calls.clear()
    dev.set_up(dev.RUN_LOCK)
    assert len(installs(calls)) == 2


def test_without_ensurepip_the_pip_outside_is_used(
    dev: ModuleType, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's python3 without python3-venv can be set up as well, by its own pip."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    dev.set_up(dev.RUN_LOCK)
    assert all(call[:5] == [sys.executable, "-m", "pip", "--python", str(dev.PYTHON)] for call in installs(calls))


def test_status_and_arguments_are_passed_on(dev: ModuleType, calls: list[list[str]]) -> None:
    """What follows the command reaches the program as it is, and its exit status comes back."""
    dev.set_up(dev.RUN_LOCK)
    package = dev.ROOT / "resolver_diff"
    package.mkdir()
    (package / "__main__.py").write_text(
        "import pathlib, sys\npathlib.Path('said').write_text(' '.join(sys.argv[1:]))\nsys.exit(3)\n"
    )
    status = dev.run("resolver_diff", "diff", "--exit-code", "-x", folder=dev.ROOT)
    assert status == 3
    assert (dev.ROOT / "said").read_text() == "diff --exit-code -x"
    assert len(installs(calls)) == 2


def test_unknown_command_shows_the_usage(dev: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """A command that does not exist is answered with those that do, on stderr, with status 2."""
    assert dev.main("tset") == 2
    assert "python3 dev.py test" in capsys.readouterr().err
    assert dev.main("--help") == 0
    assert "python3 dev.py test" in capsys.readouterr().out


def test_an_old_python_can_read_as_far_as_the_message() -> None:
    """The file is valid for Python 3.7, so that an old Python says what is wrong instead of failing to parse."""
    import ast

    ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_a_benchmark_is_run_by_its_name_and_the_names_are_told(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files that are only part of one, such as tables, are none."""
    benchmarks = dev.ROOT / "tests" / "benchmarks"
    (benchmarks / "deep").mkdir(parents=True)
    (benchmarks / "part.py").write_text('"""What two share."""\n')
    (benchmarks / "deep" / "one.py").write_text('"""How fast it is.\n\nAt length."""\n__name__ == "__main__"\n')
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(dev, "set_up", lambda lock: ran.append((lock.name,)))

    def run(*words: str) -> int:
        ran.append(words)
        return 0

    monkeypatch.setattr(dev, "run", run)
    assert dev.main("benchmark") == 2
    assert capsys.readouterr().err.split() == ["deep/one", "How", "fast", "it", "is."]
    assert dev.main("benchmark", "part") == 2
    assert not ran
    assert dev.main("benchmark", "deep/one", "7") == 0
    assert ran == [("requirements-dev.lock",), (str(benchmarks / "deep" / "one.py"), "7")]
