"""A folder to stand in: February and August 2026 as snapshots, and three resolvers of one's own that answer."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from resolver_diff import config
from resolver_diff.commands import demo
from resolver_diff.lab import reading
from resolver_diff.lab.servers import Lab

MINE = """
names:
  mine: {example.com: 192.0.2.10, whatsapp.com: 157.240.205.60, youtube.com: 142.250.74.46}
  control: {CONTROL}
resolvers:
  quad9: {operator: Quad9, country: CH, role: control}
  google: {operator: Google, country: US, role: control}
  nsdi-a: {operator: MSK-IX, country: RU, role: register}
days:
  2026-02-10:
  2026-02-11:
    nsdi-a: {whatsapp.com: nxdomain aa no-soa}
"""


@pytest.fixture(scope="session")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the demo, played once."""
    folder = tmp_path_factory.mktemp("standing") / "rehearsal"
    with redirect_stdout(StringIO()):
        assert demo.command(folder=folder) == 0
    return folder


@pytest.fixture
def standing(rehearsal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a folder with ``rehearsal/``, ``my-resolvers.yaml`` and ``my-names.txt``; the resolvers are there."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(rehearsal, tmp_path / "rehearsal")
    with resolvers(tmp_path):
        yield tmp_path


@contextmanager
def resolvers(folder: Path) -> Iterator[Lab]:
    """Write ``my-resolvers.yaml`` and ``my-names.txt`` into *folder* for resolvers that answer meanwhile."""
    lines = (config.shipped() / "domains" / "control.txt").read_text().splitlines()
    control = [line for line in lines if line and not line.startswith("#") and line not in MINE]
    with Lab(reading.loads(MINE.replace("CONTROL", ", ".join(f"{name}: answer" for name in control)))) as lab:
        entries = [
            f"  - {{name: {part.name}, address: 127.0.0.1, port: {lab.ports[part.name]}, operator: {part.operator}, "
            f"country: {part.country}, role: {part.role}}}"
            for part in lab.scenario.parts.values()
        ]
        head = "probe: {attempts: 2, timeout: 0.25}\nresolvers:\n"
        (folder / "my-resolvers.yaml").write_text(head + "\n".join(entries) + "\n")
        (folder / "my-names.txt").write_text("example.com\nwhatsapp.com\nyoutube.com\n")
        yield lab
