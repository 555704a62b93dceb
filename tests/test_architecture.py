"""The shape of the package: who may import whom, what is pure, how long things are, what a family is."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import resolver_diff
from resolver_diff import commands, evidence, exporters, family, importers, reports, rules, transports
from resolver_diff.evidence import Evidence
from resolver_diff.exporters import Exporter
from resolver_diff.importers import Importer
from resolver_diff.reports import Report
from resolver_diff.rules import Rule
from resolver_diff.transports import Transport

PACKAGE = Path(resolver_diff.__file__).parent
ROOT = PACKAGE.parent
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = [
    *MODULES,
    *(file for name in ("tests", "docs") for file in sorted((ROOT / name).rglob("*.py"))),
    ROOT / "dev.py",
]

# From the bottom up: a stage may import the ones named here, and nobody names a stage that stands below itself.
MAY_IMPORT = {
    "errors": "",
    "family": "",
    "tables": "",
    "wire": "tables",
    "transports": "errors wire",
    "config": "errors tables",
    "snapshot": "config errors tables",
    "importers": "config errors snapshot tables wire",
    "plan": "config tables",
    "journal": "errors snapshot tables",
    "batch": "journal plan tables transports wire",
    "probe": "batch config errors family journal plan snapshot tables transports",
    "compare": "config snapshot tables",
    "origins": "compare config errors probe snapshot tables transports",
    "verify": "compare config errors tables transports",
    "evidence": "compare tables",
    "anomaly": "compare evidence family tables",
    "event": "tables",
    "rules": "compare snapshot tables",
    "series": "anomaly compare event evidence snapshot tables",
    "confidence": "anomaly compare errors event evidence series snapshot tables",
    "diff": "anomaly compare event snapshot tables",
    "wording": "diff event evidence family tables",
    "reports": "compare diff event tables wording",
    "alert": "errors event tables wording",
    "exporters": "config diff errors snapshot tables",
    "metrics": "compare config diff errors series snapshot tables wording",
    "page": "anomaly compare diff errors event evidence series snapshot tables wording",
    "site": "event page wording",
    "lab": "config errors tables transports wire",
    "daily": "errors snapshot",
    "library": (
        "anomaly compare confidence config diff errors event evidence family origins plan probe rules series "
        "snapshot tables transports verify wording"
    ),
    "__init__": "errors library probe",
    "commands": (
        "alert anomaly compare confidence config daily diff errors event evidence exporters family importers "
        "journal lab library metrics origins page plan probe reports rules series site snapshot tables wording"
    ),
    "__main__": "commands errors family",
}
PURE = {
    "tables",
    "wire",
    "plan",
    "compare",
    "evidence",
    "anomaly",
    "event",
    "series",
    "diff",
    "reports",
    "rules",
    "site",
    "wording",
}
IMPURE = {"asyncio", "os", "pathlib", "random", "secrets", "shutil", "socket", "ssl", "subprocess", "tempfile", "time"}
IMPURE_CALLS = {"open", "input", "print", "now", "utcnow", "today", "read_parquet", "scan_parquet", "read_csv"}
VAGUE = {"base", "common", "core", "handler", "helper", "helpers", "manager", "misc", "processor", "util", "utils"}
FAMILIES = {
    commands: ("command", FunctionType),
    evidence: ("EVIDENCE", Evidence),
    exporters: ("EXPORTER", Exporter),
    importers: ("IMPORTER", Importer),
    reports: ("REPORT", Report),
    rules: ("RULE", Rule),
    transports: ("TRANSPORT", Transport),
}
HEAVY = {"polars", "numpy", "dns", "yaml", "idna", "asyncio", "resolver_diff.tables", "resolver_diff.config"}
LONGEST_FILE = 400
LONGEST_FUNCTION = 40
REASON = "# long because "


def stage(path: Path) -> str:
    """Return the stage or family that a file of the package belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of everything a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_stages(path: Path) -> set[str]:
    """Return the other stages of the package that a file imports."""
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("resolver_diff.")}
    there = {name for name in ours if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()}
    return there - {stage(path)}


def named(path: Path) -> str:
    """Return how a file is called in the output of pytest."""
    return str(path.relative_to(ROOT))


def test_layers_have_no_cycle() -> None:
    """The table of layers itself points one way."""
    order = list(MAY_IMPORT)
    backwards = [
        (name, other)
        for name, others in MAY_IMPORT.items()
        for other in others.split()
        if order.index(other) >= order.index(name)
    ]
    assert not backwards


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_imports_point_one_way(path: Path) -> None:
    """A stage imports only stages below it."""
    name = stage(path)
    assert name in MAY_IMPORT, f"{name} is new: give it a place in MAY_IMPORT and in ARCHITECTURE.md"
    assert imported_stages(path) <= set(MAY_IMPORT[name].split())


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_stage_imports_what_it_may(name: str) -> None:
    """The table tells what is, not what once was."""
    used = [imported_stages(path) for path in MODULES if stage(path) == name]
    assert set[str]().union(*used) == set(MAY_IMPORT[name].split())


@pytest.mark.parametrize("path", [path for path in MODULES if stage(path) in PURE], ids=named)
def test_pure_stages_touch_nothing(path: Path) -> None:
    """The pure part opens nothing, asks nobody, and reads no clock and no dice."""
    assert not {name.split(".")[0] for name in imports(path)} & IMPURE
    calls = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    names = {func.id for func in calls if isinstance(func, ast.Name)}
    methods = {func.attr for func in calls if isinstance(func, ast.Attribute)}
    assert not (names | methods) & IMPURE_CALLS


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_names_say_something(path: Path) -> None:
    """No file is named for being a place to put things."""
    assert not {part.removesuffix(".py").strip("_") for part in path.relative_to(PACKAGE).parts} & VAGUE


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_files_are_short(path: Path) -> None:
    """A file has one idea: at most 400 lines, or a reason near its top."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST_FILE or any(line.startswith(REASON) for line in lines[:60])


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_functions_are_short(path: Path) -> None:
    """A function does one thing: at most 40 lines of body, or a reason on its def line or above it."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    long = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        statements = node.body[ast.get_docstring(node) is not None :]
        length = (node.end_lineno or 0) - statements[0].lineno + 1 if statements else 0
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        if length > LONGEST_FUNCTION and not any(REASON in line for line in (lines[node.lineno - 1], lines[first - 2])):
            long.append(f"{node.name}: {length} lines")
    assert not long


@pytest.mark.parametrize(("of", "attribute", "kind"), [(of, *contract) for of, contract in FAMILIES.items()], ids=str)
def test_families_keep_their_contract(of: ModuleType, attribute: str, kind: type[object]) -> None:
    """Every file of a family defines what its family asks for, and says what it is."""
    assert family.members(of, attribute, kind)
    for name in family.names(of):
        assert importlib.import_module(f"{of.__name__}.{name}").__doc__


def test_evidence_admits_when_it_is_wrong() -> None:
    """Every piece of evidence tells in its docstring when it misleads."""
    modules = [importlib.import_module(f"{evidence.__name__}.{name}") for name in family.names(evidence)]
    assert not [module.__name__ for module in modules if not re.search(r"^Wrong ", module.__doc__ or "", re.MULTILINE)]


def test_help_is_light() -> None:
    """`resolver-diff --help` loads no table, no DNS and no YAML: it answers at once."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "resolver_diff", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "typer" in loaded
    assert not loaded & HEAVY
