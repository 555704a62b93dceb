"""A fortnight of `daily`, as cron would run it: its line, its alerts, its files, and what goes wrong on the way."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Self

import polars as pl
import pytest

from resolver_diff import snapshot
from resolver_diff.daily import tidying
from resolver_diff.daily.lock import alone
from resolver_diff.errors import UsageError
from resolver_diff.lab import reading
from resolver_diff.lab.servers import Lab
from resolver_diff.tables import Anomalies

SCENARIO = Path(__file__).with_name("fortnight.yaml")
FAKED = """
import sys
from datetime import date
from resolver_diff.commands import _day
today = date.fromisoformat(sys.argv.pop(1))
_day.utc_today = lambda: today
from resolver_diff.__main__ import main
main()
"""
MISSED, KILLED, BEGUN_TWICE = date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 6)
LIMIT = 300  # seconds until a test gives up


def day(number: int) -> date:
    """Return a day of March 2026."""
    return date(2026, 3, number)


@dataclass
class Ended:
    """How a day's command ended, and what it said."""

    status: int
    out: list[str]
    talk: str


@dataclass
class Home:
    """A folder with a config, where `daily` runs with whatever clock it is given."""

    folder: Path
    lab: Lab
    told: dict[date, Ended] = field(default_factory=dict)

    def prepare(self, qps: float = 1000) -> None:
        """Write resolvers.yaml and the domain set, as the lab has them."""
        entries = [one for one in self.lab.config().resolvers if one.transport == "udp"]
        lines = [
            f"  - {{name: {one.name}, address: {one.address}, port: {one.port}, operator: {one.operator!r},"
            f" country: {one.country}, role: {one.role}, policy: {one.policy}, qps: {qps}}}"
            for one in entries
        ]
        text = "probe: {attempts: 2, timeout: 0.3}\nresolvers:\n" + "\n".join(lines) + "\n"
        (self.folder / "resolvers.yaml").write_text(text)
        (self.folder / "domains").mkdir(exist_ok=True)
        for name, names in self.lab.scenario.names.items():
            (self.folder / f"domains/{name}.txt").write_text("".join(f"{one}\n" for one in names))

    def command(self, today: date, *words: str) -> list[str]:
        """Return the command of a day."""
        options = ["--resolvers", "resolvers.yaml", "--domains", "domains", "--vantage", "lab", *words]
        return [sys.executable, "-c", FAKED, str(today), "daily", *options]

    def run(self, today: date, *words: str, **environment: str) -> Ended:
        """Run the command of a day to its end."""
        done = subprocess.run(
            self.command(today, *words),
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        self.told[today] = Ended(done.returncode, done.stdout.splitlines(), done.stderr)
        return self.told[today]

    def kill(self, today: date) -> None:
        """Begin the command of a day, and kill it when it has begun to ask."""
        self.prepare(qps=5)
        with subprocess.Popen(self.command(today), cwd=self.folder, stderr=subprocess.PIPE, text=True) as run:
            assert run.stderr is not None
            assert any(said.startswith("asking ") for said in run.stderr)
            run.send_signal(signal.SIGKILL)
        self.prepare()

    def alerts(self, today: date) -> list[str]:
        """Return the lines that told of something on a day."""
        return [line.removeprefix("* ") for line in self.told[today].out[1:] if line.startswith("* ")]


@pytest.fixture(scope="module")
def fortnight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Run the days of the scenario: one without a run, one that is killed, one that is killed and then goes on."""
    with Lab(reading.load(str(SCENARIO))) as lab:
        home = Home(tmp_path_factory.mktemp("fortnight"), lab)
        home.prepare()
        for today in lab.scenario.dates:
            lab.play(today)
            if today in (KILLED, BEGUN_TWICE):
                home.kill(today)
            if today not in (MISSED, KILLED):
                home.run(today, "--url", "https://example.org/dns/")
        yield home


def test_each_event_is_told_when_it_begins_spreads_changes_and_ends(fortnight: Home) -> None:
    """Sixteen days of one event at three resolvers are four alerts; a day without a network is one more."""
    told = [alert.partition(":")[0] for today in fortnight.told for alert in fortnight.alerts(today)]
    assert told == ["New", "Spread", "Changed", "Coverage", "Over"]
    (new,) = fortnight.alerts(day(5))
    assert new.startswith(
        "New: one.example and 1 more name (RU). one.example and 1 more name are lost at 2 of 3 resolvers in RU since "
        "5 March 2026: NXDOMAIN. Confidence: "
    )
    (spread,) = fortnight.alerts(day(6))
    assert spread.startswith("Spread: one.example and 2 more names (RU). Now also two.example and at ru-isp. ")
    (changed,) = fortnight.alerts(day(11))
    assert changed.startswith("Changed: one.example and 2 more names (RU). Now also by REFUSED. ")
    assert fortnight.alerts(day(15)) == [
        (
            "Over: one.example and 2 more names (RU). one.example and 2 more names were lost at 3 of 3 resolvers in RU "
            "from 5 March 2026 to 13 March 2026: NXDOMAIN."
        )
    ]


def test_a_day_is_one_line(fortnight: Home) -> None:
    """What is going on, what changed since when, how much could be judged, and how long it took."""
    line = fortnight.told[day(6)].out[0]
    assert line.startswith(
        "2026-03-06 at vantage lab: 13 cells wrong, 7 changed since 2026-03-05: one.example and 2 more names vanished; "
        "1 event going on, 1 alert; "
    )
    assert "162 of 162 cells judged; 0 resolvers not well; asked in " in line
    assert fortnight.told[day(5)].status == 0


def test_days_that_were_missed_or_killed_are_named_and_not_made_up(fortnight: Home) -> None:
    """There is no snapshot of them, the next day is compared with the one before, and what broke off is told."""
    dates = snapshot.dates(fortnight.folder / "snapshots", "lab")
    assert MISSED not in dates
    assert KILLED not in dates
    ended = fortnight.told[day(9)]
    assert "since 2026-03-06 (2026-03-07 was missed, 2026-03-08 was missed)" in ended.out[0]
    assert "the run of 2026-03-08 broke off, and a day that is over cannot be asked any more" in ended.talk


def test_a_run_that_broke_off_today_goes_on(fortnight: Home) -> None:
    """The second run of a day asks what the first had not; its snapshot is whole."""
    (loaded,) = snapshot.load(fortnight.folder / "snapshots", BEGUN_TWICE)
    questions = loaded.observations.filter(purpose="target").select("qname", "qtype", "resolver").unique()
    assert questions.height == 9 * 2 * 9
    assert fortnight.told[BEGUN_TWICE].status == 0


def test_a_dead_resolver_is_one_finding_and_no_event(fortnight: Home) -> None:
    """Its names are not lost; the day is incomplete, and says so by its status."""
    ended = fortnight.told[day(9)]
    assert "1 resolver not well" in ended.out[0]
    assert ended.status == 3
    assert "said nothing at all (Connection refused): us-isp" in ended.talk


def test_a_day_without_a_network_has_failed_and_is_compared_with_by_nobody(fortnight: Home) -> None:
    """It is told once as a drop in coverage; the day after it looks back past it."""
    ended = fortnight.told[day(12)]
    assert ended.out[0].startswith("2026-03-12 at vantage lab: FAILED, too little could be judged: ")
    assert ended.status == 3
    assert fortnight.alerts(day(12))[0].startswith("Coverage: nothing could be judged at lab. 0 of 90 cells at this ")
    assert "0 changed since 2026-03-11 (2026-03-12 failed)" in fortnight.told[day(13)].out[0]


def test_what_changed_is_in_the_csv_of_the_day(fortnight: Home) -> None:
    """One file a day, empty days too; its columns are those of `diff`."""
    reports = fortnight.folder / "reports"
    there = sorted(file.name for file in reports.glob("anomalies-*.csv"))
    assert there == [f"anomalies-{today}.csv" for today in sorted(fortnight.told)]
    changed = pl.read_csv(reports / "anomalies-2026-03-05.csv")
    assert changed.columns == list(Anomalies.schema)
    assert set(changed["qname"]) == {"one.example", "www.one.example"}
    assert changed["date_before"].unique().to_list() == ["2026-03-04"]


def test_every_day_has_a_page_and_the_folder_an_index_and_a_feed(fortnight: Home) -> None:
    """Whoever serves the folder has it all; what was told, and the lock, do not show."""
    reports = fortnight.folder / "reports"
    for today in fortnight.told:
        assert 'id="event-' in (text := (reports / f"report-{today}.html").read_text()) or today < day(5), text[:99]
    index = (reports / "index.html").read_text()
    assert all(f"report-{today}.html" in index for today in fortnight.told)
    assert (reports / "feed.xml").read_text().count("<entry>") == 1
    assert sorted(file.name for file in reports.glob(".*")) == [".alerts.json", ".lock"]
    failed_day = fortnight.told[day(12)]
    assert failed_day.status == 3
    assert "Since 11 March 2026" in (reports / "report-2026-03-13.html").read_text()


def test_a_second_run_of_a_day_asks_nobody_and_tells_nothing_again(fortnight: Home) -> None:
    """A timer that fires twice does no harm; a report that is missing is made."""
    reports = fortnight.folder / "reports"
    gone = reports / "anomalies-2026-03-10.csv"
    before = gone.read_text()
    gone.unlink()
    last = max(fortnight.told)
    ended = fortnight.run(last)
    assert ended.out[0].endswith("the snapshot was there already; reports made for 2026-03-10 too")
    assert len(ended.out) == 1
    assert gone.read_text() == before


def test_a_day_is_written_as_metrics_too(fortnight: Home) -> None:
    """Of the day itself, whole; a gateway that is not there is told when all else is done."""
    today = max(fortnight.told)
    file = fortnight.folder / "day.prom"
    ended = fortnight.run(today, "--metrics", str(file), "--push", "http://127.0.0.1:9")
    assert ended.status == 2
    assert "http://127.0.0.1:9" in ended.talk
    assert ended.out[0].startswith(f"{today} at vantage lab: ")
    assert 'resolver_diff_events_open{country="RU",vantage="lab"} 0.0' in file.read_text()


def test_two_at_a_time_are_kept_apart(fortnight: Home) -> None:
    """The second says who is at work, and touches nothing."""
    with alone(fortnight.folder / "reports"):
        ended = fortnight.run(day(18))
    assert ended.status == 2
    assert f"another run is at work here (process {os.getpid()} since " in ended.talk
    assert day(18) not in snapshot.dates(fortnight.folder / "snapshots")


def test_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    """Also with one that was killed: nobody has to remove anything."""
    code = "import sys, time; from pathlib import Path; from resolver_diff.daily.lock import alone\n"
    code += "with alone(Path(sys.argv[1])): print('held', flush=True); time.sleep(99)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=f"process {holder.pid} since"), alone(tmp_path):
            pytest.fail("two hold it")
        holder.kill()
    with alone(tmp_path):
        pass


class Webhook:
    """A web server that keeps what is posted to it, or refuses all of it."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posted.append(json.loads(body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def url(self) -> str:
        """Where apprise is to post."""
        return f"json://:hush@127.0.0.1:{self.server.server_port}/"


def forget(home: Home) -> Path:
    """Make nothing have been told; return the ledger's file."""
    file = home.folder / "reports/.alerts.json"
    file.unlink(missing_ok=True)
    return file


def _going_on(home: Home) -> date:
    """Leave out of the folder what came after the event began to spread, and return the last day there is."""
    for number in range(11, 18):
        if day(number) in snapshot.dates(home.folder / "snapshots"):
            tidying.remove(home.folder / "snapshots", day(number), "lab")
    return day(10)


@pytest.fixture
def spreading(fortnight: Home) -> tuple[Home, date]:
    """Return the folder as it was on a day on which an event goes on."""
    return fortnight, _going_on(fortnight)


def test_a_dry_run_prints_what_it_would_send_and_tells_nothing(spreading: tuple[Home, date]) -> None:
    """With the link to the page; the next run still has it to tell."""
    home, today = spreading
    file = forget(home)
    with Webhook() as hook:
        ended = home.run(today, "--dry-run", "--url", "https://example.org/dns", RESOLVER_DIFF_ALERTS=hook.url)
        assert hook.posted == []
    assert "would send: New: one.example and 2 more names (RU)" in ended.talk
    assert "https://example.org/dns/report-2026-03-10.html#event-" in ended.talk
    assert not file.exists()


def test_alerts_are_sent_once_and_again_only_where_nobody_took_them(spreading: tuple[Home, date]) -> None:
    """A webhook that is down is tried again the next time; what was taken is not sent twice. No secret is shown."""
    home, today = spreading
    forget(home)
    with Webhook() as hook:
        hook.status = 500
        refused = home.run(today, RESOLVER_DIFF_ALERTS=hook.url)
        assert "alert not sent by way 1 (json): New: one.example" in refused.talk
        hook.status = 200
        hook.posted.clear()
        taken = home.run(today, RESOLVER_DIFF_ALERTS=hook.url)
        again = home.run(today, RESOLVER_DIFF_ALERTS=hook.url)
    assert [post["title"] for post in hook.posted] == ["New: one.example and 2 more names (RU)"]
    assert (
        "hush"
        not in refused.talk + taken.talk + "".join(taken.out) + (home.folder / "reports/.alerts.json").read_text()
    )
    assert len(again.out) == 1


def test_an_address_that_means_nothing_is_said_before_anybody_is_asked(fortnight: Home) -> None:
    """Not after an hour of asking."""
    ended = fortnight.run(day(19), RESOLVER_DIFF_ALERTS="nonsense://secret")
    assert ended.status == 2
    assert "address 1 (nonsense) in RESOLVER_DIFF_ALERTS" in ended.talk
    assert "secret" not in ended.talk
    assert day(19) not in snapshot.dates(fortnight.folder / "snapshots")
