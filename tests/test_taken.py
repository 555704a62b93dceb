"""What a run says at its end: who was spared, and which measure was missing."""

import re
from pathlib import Path

import pytest

from kindness import Here, answer, dead, well
from resolver_diff.transports import _mmsg
from test_commands import run

LINUX = pytest.mark.skipif(not _mmsg.available(), reason="needs addresses that only Linux gives to every loopback")


@LINUX
def test_the_summary_names_who_was_spared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`snapshot` says who was slowed or not asked everything, and why."""
    monkeypatch.chdir(tmp_path)
    Path("mine.txt").write_text("".join(f"n{number}.example\n" for number in range(250)))
    with Here(well) as living, Here(dead) as gone:
        Path("mine.yaml").write_text(
            "probe: {timeout: 0.3, qtypes: [A]}\nresolvers:\n"
            f"  - {{name: living, address: 127.0.0.1, port: {living.port}, qps: 100}}\n"
            f"  - {{name: gone, address: 127.0.0.1, port: {gone.port}, qps: 100}}\n"
        )
        said = run("snapshot", "--resolvers", "mine.yaml", "--domains", "mine.txt")
    assert said.exit_code == 3
    assert re.search(r"gone \(udp\) was slowed to .* a second, as it was silent; \d+ questions not asked", said.stderr)
    assert "living (udp)" not in said.stderr


@LINUX
@pytest.mark.parametrize("known", [False, True])
def test_the_summary_says_that_nobody_knows_the_control_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    """As in a network of its own, where they are no measure; one that is known is enough."""
    monkeypatch.chdir(tmp_path)
    Path("domains").mkdir()
    Path("domains/mine.txt").write_text("one.example\n")
    Path("domains/control.txt").write_text("control.example.com\nother.example.com\n")

    def apart(qname: str, _now: float, query: bytes) -> list[tuple[float, bytes]]:
        there = qname.rstrip(".") in ("one.example", *(["control.example.com"] if known else []))
        return list(answer(query, 0 if there else 3))

    with Here(apart) as resolver:
        Path("mine.yaml").write_text(
            f"probe: {{qtypes: [A]}}\nresolvers:\n  - {{name: here, address: 127.0.0.1, port: {resolver.port}}}\n"
        )
        said = run("snapshot", "--resolvers", "mine.yaml", "--domains", "domains")
    assert ("nobody knows a single control name" in said.stderr) is not known
