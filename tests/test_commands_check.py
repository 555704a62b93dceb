"""resolver-diff check: what a run would ask, what is doubtful about it, and what is wrong."""

import sys
from pathlib import Path

import pytest

from resolver_diff import family
from test_commands import run


def test_shipped_sets_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--domains takes the name of a shipped set, wherever it is installed."""
    monkeypatch.chdir(tmp_path)
    said = run("check", "--domains", "whatsapp", "--domains", "signal")
    assert said.exit_code == 0
    assert "of 2 domain sets" in said.stdout


def test_check_leaves_out_what_cannot_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver whose transport is lacking is named in a warning, and is in no number."""
    monkeypatch.chdir(tmp_path)
    names = family.names
    monkeypatch.setattr(family, "names", lambda of: [name for name in names(of) if name != "quic"])
    Path("mine.txt").write_text("a.example\n")
    controls = "".join(
        f"  - {{name: c{n}, address: 192.0.2.{n}, role: control, operator: O{n}}}\n" for n in range(1, 4)
    )
    Path("mine.yaml").write_text(
        f"resolvers:\n{controls}  - {{name: late, address: 192.0.2.9, transport: quic, hostname: a.example}}\n"
    )
    said = run("check", "--resolvers", "mine.yaml", "--domains", "mine.txt")
    assert said.exit_code == 0
    assert "warning: this version lacks the transport of 1 resolver: late\n" in said.stderr
    assert "to 3 resolvers" in " ".join(said.stdout.split())
    (row,) = [line for line in said.stdout.splitlines() if line.startswith("  late ")]
    assert row.split()[-2:] == ["-", "-"]


def test_check_says_what_must_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra for QUIC the config is as right as before; a warning says what a run would need."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "aioquic", None)
    Path("mine.txt").write_text("a.example\n")
    Path("mine.yaml").write_text(
        "resolvers:\n"
        "  - {name: one, address: 192.0.2.1, transport: quic, hostname: a.example}\n"
        "  - {name: two, address: 192.0.2.1, transport: h3, hostname: a.example}\n"
    )
    said = run("check", "--resolvers", "mine.yaml", "--domains", "mine.txt")
    assert said.exit_code == 0
    warning = (
        "warning: DNS over QUIC and over HTTP/3 need aioquic, which is not installed\n"
        "hint: `pip install '.[quic]'` in the checkout, or `pipx inject resolver-diff aioquic`\n"
    )
    assert said.stderr.count(warning) == 1
    assert "to 2 resolvers" in " ".join(said.stdout.split())


def test_check_sends_nothing(departures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check says what a run would ask, of whom, and how long it takes; nothing is sent."""
    monkeypatch.chdir(tmp_path)
    Path("mine.txt").write_text("a.example\nb.example\n")
    Path("mine.yaml").write_text(
        "resolvers:\n"
        "  - {name: one, address: 192.0.2.1, role: control, qps: 2}\n"
        "  - {name: two, address: 2001:db8::1, port: 5353}\n"
    )
    said = run("check", "--resolvers", "mine.yaml", "--domains", "mine.txt", "--qtype", "A")
    assert said.exit_code == 0
    assert "2 names of 1 domain set, for A: mine (2)" in said.stdout
    assert "[2001:db8::1]:5353" in said.stdout
    assert "warning: 1 control says no operator: one\nhint: " in said.stderr
    assert "warning: nothing can be judged with controls of 1 operator\nhint: " in said.stderr
    assert "operator" not in said.stdout
    assert departures == []


def test_check_says_every_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check names every mistake with its place, and ends with status 2."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(
        "resolvers:\n  - {name: one, address: 192.0.2.999}\n  - {name: two, adress: 192.0.2.1}\n"
    )
    said = run("check", "--resolvers", "mine.yaml")
    assert said.exit_code == 2
    assert "mine.yaml:2:" in said.stderr
    assert "mine.yaml:3:" in said.stderr
