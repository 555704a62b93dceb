"""What commands write and draw: files, progress, and one observation the way dig shows it."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resolver_diff.commands import _dig
from resolver_diff.commands._output import write
from resolver_diff.commands._progress import Lines
from resolver_diff.errors import UsageError
from resolver_diff.wording.lines import duration, plain


def test_files_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails, what was there before still is, and nothing else is left."""
    file = tmp_path / "found.csv"
    write(file, "before")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match=r"cannot write .*found\.csv: No space left on device"):
        write(file, "after")
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_links_are_followed(tmp_path: Path) -> None:
    """A link stays a link: what it points to is replaced."""
    (tmp_path / "found.csv").write_text("before")
    (tmp_path / "link.csv").symlink_to("found.csv")
    write(tmp_path / "link.csv", "after")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "found.csv").read_text() == "after"


def test_devices_are_written_to(tmp_path: Path) -> None:
    """What is no file is written to as it is, not replaced by a file."""
    write(Path(os.devnull), "anything")
    assert not Path(os.devnull).is_file()
    with pytest.raises(UsageError, match="cannot write"):
        write(tmp_path, "a folder")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (250, "4 min 10 s"), (11_100, "3 h 05 min")]
)
def test_durations(seconds: float, said: str) -> None:
    """A duration is said as people say it."""
    assert duration(seconds) == said


def test_progress_lines_are_rare(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from a terminal progress is a line every ten seconds on stderr, whatever is told between."""
    clock: Iterator[float] = iter([0.0, 1.0, 9.9, 10.5, 10.5, 11.0, 21.0, 21.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    lines = Lines()
    lines.start(1000, 3)
    for asked in (100, 200, 300, 400, 500):
        lines.update(asked, asked - 10, 1, 50.0, 61.0)
    lines.finish()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "asking 1,000 questions of 3 resolvers",
        "300 of 1,000 asked (30 %), 290 answered, 1 silent resolver, 50/s, 1 min 01 s left",
        "500 of 1,000 asked (50 %), 490 answered, 1 silent resolver, 50/s, 1 min 01 s left",
    ]


def test_explain_lets_nothing_unprintable_through() -> None:
    """A reply that holds escape sequences is shown with them written out, in 80 columns."""
    evil = "\x1b[2J\u202e\r\n" * 20
    row = {
        "asked_at": datetime(2026, 2, 11, tzinfo=UTC), "transport": "udp", "repeat": 0, "attempt": 1, "reply": 1,
        "outcome": "answer", "rcode": 0, "aa": True, "tc": None, "ra": None, "ad": None, "authority": 1,
        "qname": "a.example", "qtype": "TXT", "cname": evil, "answer": evil, "soa": None, "ede": [15, 4095],
        "ede_text": evil, "nsid": evil, "rtt": timedelta(milliseconds=41), "size": 100, "ttl": None,
    }  # fmt: skip
    said = plain(list(_dig.show(row, 80)))
    assert said.replace("\n", "").isprintable()
    assert max(map(len, said.splitlines())) <= 80
    assert "EDE: 4095 (Unassigned)" in said
    assert "attempt 2, reply 2" in said
