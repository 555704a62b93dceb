"""The demo: a scenario played over real sockets, and every row of its CSV accounted for by hand."""

import csv
import json
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import polars as pl
import pytest

from resolver_diff.commands import anomalies, demo
from resolver_diff.errors import LabError, SnapshotError

Row = tuple[str, str, str, str, str, str, str]  # date, resolver, transport, change, mechanism, qname, qtype

YOUTUBE = ("youtube.com", "www.youtube.com", "m.youtube.com", "i.ytimg.com")
WHATSAPP = ("whatsapp.com", "web.whatsapp.com")
LATER = (
    *("facebook.com", "www.facebook.com", "m.facebook.com"),
    *("instagram.com", "www.instagram.com", "messenger.com", "www.messenger.com"),
    *("bbc.com", "www.bbc.com", "dw.com", "www.svoboda.org", "currenttime.tv", "themoscowtimes.com"),
    "torproject.org",
)
REGISTER = ("nsdi-a", "nsdi-b", "ru-isp-forwarding")  # the two of NSDI, and the one that asks them
LISTED = ("films-one.to", "films-two.net", "sport-live.tv", "books-free.org")  # one more of the list lapsed long ago
ONLY_IPV4 = {"dw.com", "discord.com", "signal.org"}  # their AAAA is NODATA at everybody, and no loss


def rows(
    date: str, resolvers: tuple[str, ...], change: str, names: tuple[str, ...], mechanism: str = "nxdomain"
) -> Iterator[Row]:
    """Yield the row of each cell: A and, where the name has any, AAAA."""
    for resolver in resolvers:
        for qname in names:
            for qtype in ("A",) if qname in ONLY_IPV4 else ("A", "AAAA"):
                yield date, resolver, "udp", change, mechanism, qname, qtype


REMOVED = (*YOUTUBE, *WHATSAPP, *LATER, "rutracker.org")  # what NSDI denies in August
EXPECTED = {
    *rows("2026-02-10", REGISTER, "vanished", YOUTUBE),
    *rows("2026-02-11", REGISTER, "vanished", WHATSAPP),
    *rows("2026-02-12", REGISTER, "vanished", LATER),
    *rows("2026-02-12", ("ru-isp-blockpage",), "mechanism-changed", ("rutracker.org", "discord.com", "signal.org")),
    *rows("2026-08-20", REGISTER, "reappeared", ("discord.com",)),
    *rows("2026-08-21", ("google",), "vanished", REMOVED),
    *rows("2026-08-22", ("google",), "reappeared", REMOVED),
    *rows("2026-08-22", ("cloudflare",), "vanished", REMOVED),
}


GERMANY = {
    *rows("2025-08-22", ("isp-south",), "mechanism-changed", LISTED),
    *rows("2025-08-23", ("isp-north",), "diverged", ("www.heise.de",), "stub"),
    *rows("2025-08-24", ("isp-north",), "converged", ("www.heise.de",), "stub"),
}


@dataclass
class Played:
    """What one run of the demo left."""

    status: int
    seconds: float  # of CPU
    stdout: str
    folder: Path

    def rows(self) -> list[Row]:
        """Return the rows of the CSV."""
        keys = ("date_after", "resolver", "transport", "change", "mechanism", "qname", "qtype")
        with (self.folder / "anomalies.csv").open(newline="", encoding="utf-8") as file:
            return [tuple(row[key] for key in keys) for row in csv.DictReader(file)]  # type: ignore[misc]  # of seven


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The shipped scenario, played once."""
    folder = tmp_path_factory.mktemp("demo")
    stdout = StringIO()
    began = time.process_time()
    with redirect_stdout(stdout):
        status = demo.command(folder=folder)
    return Played(status, time.process_time() - began, stdout.getvalue(), folder)


def test_one_row_for_each_changed_cell_and_no_innocent_row(played: Played) -> None:
    """The CSV has exactly the rows that the scenario makes, each once."""
    found = played.rows()
    assert len(found) == len(set(found))
    assert set(found) - EXPECTED == set()
    assert EXPECTED - set(found) == set()


def test_a_change_of_means_is_no_end(tmp_path: Path) -> None:
    """Where a notice becomes a denial nothing is called unblocked; a site caught up by mistake comes back."""
    assert demo.command(scenario="germany-2025", folder=tmp_path) == 0
    found = Played(0, 0, "", tmp_path).rows()
    assert len(found) == len(set(found))
    assert set(found) == GERMANY


def test_it_ends_well_and_soon(played: Played) -> None:
    """Seven days cost 3 to 9 s of CPU, by the machine; five times that would be a fault of ours."""
    assert played.status == 0
    assert played.seconds < 45


def test_every_day_is_a_snapshot(played: Played) -> None:
    """Each day of the scenario is kept in the usual place, in files that plain polars reads."""
    dates = sorted(path.name for path in (played.folder / "snapshots").iterdir())
    assert dates == [f"date=2026-{day}" for day in ("02-09", "02-10", "02-11", "02-12", "08-20", "08-21", "08-22")]
    every = pl.scan_parquet(played.folder / "snapshots/*/*/*.parquet", hive_partitioning=True).collect()
    assert every["resolver"].n_unique() == 22
    assert every.filter(pl.col("resolver") == "dead")["outcome"].unique().to_list() == ["timeout"]


def test_what_it_tells(played: Played) -> None:
    """The page fits 80 columns, says what happened on which day, and ends with what to do next."""
    assert max(map(len, played.stdout.splitlines()[:-15])) <= 80
    assert "\x1b" not in played.stdout
    told = " ".join(played.stdout.split())
    assert "vanished at nsdi-a, nsdi-b, ru-isp-forwarding (nxdomain): web.whatsapp.com, whatsapp.com" in told
    assert "reappeared at nsdi-a, nsdi-b, ru-isp-forwarding (was nxdomain): discord.com" in told
    assert "am-isp-outage (silent)" in told
    assert "google (intercepted): UDP to 127.0.0.1 is answered by somebody else" in told
    assert f"{len(EXPECTED)} cells changed, one line each: {played.folder / 'anomalies.csv'}" in told
    assert told.endswith(
        "resolver-diff check resolver-diff snapshot resolver-diff diff previous latest --csv anomalies.csv"
    )


@pytest.mark.parametrize(("day", "resolver"), [("2026-08-21", "google"), ("2026-08-22", "cloudflare")])
def test_who_is_redirected_is_told_from_one_run(
    played: Played, day: str, resolver: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One day alone shows that UDP to one control is answered by the register; nobody else is accused."""
    anomalies.command(day, snapshots=played.folder / "snapshots", json=played.folder / f"{day}.json")
    capsys.readouterr()
    health = json.loads((played.folder / f"{day}.json").read_text())["health"]
    found = [row for row in health if row["condition"] == "intercepted"]
    assert [(row["resolver"], row["transport"], row["votes"]) for row in found] == [(resolver, "udp", False)]
    assert "the network of nsdi-" in found[0]["says"]
    # a machine under load may let the connection time out, and then nothing is told over it
    if not any((row["resolver"], row["transport"]) == (resolver, "tcp") for row in health):
        assert "are answered over tcp" in found[0]["says"]
        assert "claim authority and show no SOA" in found[0]["says"]


def test_known_pages_reach_the_judgement(played: Played, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page on the shipped list convicts with one name to look at; no other answer does."""
    (tmp_path / "one.txt").write_text("rutracker.org\n")
    out = tmp_path / "found.json"
    anomalies.command("2026-02-11", snapshots=played.folder / "snapshots", domains=[tmp_path / "one.txt"], json=out)
    capsys.readouterr()
    found = [row for row in json.loads(out.read_text())["anomalies"] if row["mechanism"] == "blockpage"]
    assert [(row["resolver"], row["answer_after"]) for row in found] == [("ru-isp-blockpage", "188.186.154.88")]
    assert "known_page" in found[0]["evidence_for"]


def test_snapshots_that_are_there_are_not_overwritten(played: Played) -> None:
    """A folder that holds a demo already is refused, and stays as it was."""
    before = (played.folder / "anomalies.csv").read_bytes()
    with pytest.raises(SnapshotError):
        demo.command(folder=played.folder)
    assert (played.folder / "anomalies.csv").read_bytes() == before


def test_a_scenario_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A scenario file is played like the shipped one; a day on which nothing changes says so."""
    controls = "".join(f"  c{number}: {{operator: C{number}, role: control}}\n" for number in range(3))
    (tmp_path / "mine.yaml").write_text(
        "about: a shop disappears\n"
        "names: {shops: {shop.example: answer, other.example: answer}, control: {c.example: answer}}\n"
        f"resolvers:\n  isp: {{role: isp, country: RU}}\n{controls}"
        "days: {2026-01-01: , 2026-01-02: , 2026-01-03: {isp: {shop.example: nxdomain}}}\n"
    )
    demo.command(scenario=str(tmp_path / "mine.yaml"), folder=tmp_path / "out")
    told = " ".join(capsys.readouterr().out.split())
    assert "2026-01-02" in told
    assert "no name vanished anywhere, and none came back" in told
    assert "vanished at isp (nxdomain): shop.example" in told


def test_a_scenario_that_is_wrong_writes_nothing(tmp_path: Path) -> None:
    """A scenario that cannot be read is an error before anything is written."""
    (tmp_path / "bad.yaml").write_text("names: {a: {x.example: nxdomian}}\nresolvers: {r: }\ndays: {2026-01-01: }\n")
    with pytest.raises(LabError, match="nxdomian"):
        demo.command(scenario=str(tmp_path / "bad.yaml"), folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()
