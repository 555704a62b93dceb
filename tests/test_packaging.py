"""What is installed elsewhere: the wheel, the source archive, the locks, the version."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import resolver_diff

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;\\]+)(?: ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")
NOTE = re.compile(r"^    # via [^:]+$")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel and the source archive of this checkout."""
    folder = tmp_path_factory.mktemp("built")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--directory", folder], cwd=ROOT, capture_output=True, check=True
    )
    return folder


@pytest.fixture(scope="module")
def unpacked(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel as it lies in somebody's site-packages."""
    (wheel,) = built.glob("*.whl")
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def below(folder: Path) -> set[str]:
    """Return the files in *folder*, at any depth, that are not compiled ones."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_wheel_holds_the_package_and_its_data(unpacked: Path) -> None:
    """The wheel has every file of the package, the resolvers and the domain sets, and nothing else."""
    wanted = below(ROOT / "resolver_diff")
    wanted |= {"data/resolvers.yaml", "data/known_answers.txt"} | {
        f"data/domains/{name}" for name in below(ROOT / "domains")
    }
    assert below(unpacked / "resolver_diff") == wanted
    assert "py.typed" in wanted
    assert {path.name.partition("-")[0] for path in unpacked.iterdir()} == {"resolver_diff"}


def test_wheel_works_without_a_checkout(unpacked: Path, tmp_path: Path) -> None:
    """Installed, in an empty folder, `resolver-diff check` finds the resolvers and domain sets it came with."""
    done = subprocess.run(
        [sys.executable, "-m", "resolver_diff", "check"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert list(tmp_path.iterdir()) == []


def test_source_archive_can_be_built_and_tested(built: Path) -> None:
    """The source archive has what building and testing needs, and nothing that a run or a tool left behind."""
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    for needed in ("pyproject.toml", "dev.py", "resolvers.yaml", "LICENSE", "README.md", *LOCKS):
        assert needed in names
    assert {"tests/conftest.py", "domains/control.txt", "resolver_diff/py.typed"} <= names
    assert {name.partition("/")[0] for name in names} <= {
        *(
            "PKG-INFO",
            "pyproject.toml",
            ".gitignore",
            "dev.py",
            "mkdocs.yml",
            "resolvers.yaml",
            "known_answers.txt",
            "LICENSE",
            *LOCKS,
        ),
        *(path.name for path in ROOT.glob("*.md")),
        *("contrib", "docs", "domains", "resolver_diff", "tests"),
    }


@pytest.mark.parametrize("name", LOCKS)
def test_lock_is_hashed_and_names_no_place(name: str) -> None:
    """A lock has pins, their hashes and why they are there: no address of any index, no path."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "/" not in text
    odd = [line for line in text.splitlines() if not (PIN.match(line) or HASH.match(line) or NOTE.match(line))]
    assert not odd


def pins(name: str) -> dict[str, set[Version]]:
    """Return what a lock pins; a project can have two versions, each for some Pythons."""
    found: dict[str, set[Version]] = {}
    for match in map(PIN.match, (ROOT / name).read_text(encoding="utf-8").splitlines()):
        if match:
            found.setdefault(match["name"], set()).add(Version(match["version"]))
    return found


@pytest.mark.parametrize(("name", "extras"), [(LOCKS[0], ["build"]), (LOCKS[1], ["build", "dev"])])
def test_lock_keeps_what_the_project_asks_for(name: str, extras: list[str]) -> None:
    """Every dependency in pyproject.toml is in the lock, at a version it allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    locked = pins(name)
    for requirement in map(Requirement, wanted):
        if canonicalize_name(requirement.name) != "resolver-diff":
            versions = locked[canonicalize_name(requirement.name)]
            assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_both_locks_agree() -> None:
    """Developing happens with the versions that users run."""
    used, developed = pins(LOCKS[0]), pins(LOCKS[1])
    assert used == {name: developed.get(name) for name in used}


def test_version_is_in_the_changelog() -> None:
    """The newest version in the changelog is the package's."""
    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert next(heading for heading in headings if heading != "Unreleased") == resolver_diff.__version__
