"""Watching names: what changes is shown as it comes, on loopback against resolvers that play a scenario."""

import json
import os
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from resolver_diff import probe
from resolver_diff.commands import _live, _watching
from resolver_diff.commands._seen import Change, Watch, words
from resolver_diff.config import Config, Resolver
from resolver_diff.errors import SnapshotError, UsageError
from resolver_diff.lab import reading
from resolver_diff.lab.servers import Lab
from resolver_diff.tables import KnownAnswers
from resolver_diff.wording.lines import plain
from test_commands import run
from test_commands_ending import LIMIT, PROGRAM, environment

SCENARIO = """
names:
  chat: {chat.example: 198.51.100.7 2001:db8::7, video.example: 198.51.100.8 2001:db8::8}
  control: {one.test: answer, two.test: answer, three.test: answer, four.test: answer, five.test: answer}
resolvers:
  alpha: {operator: Alpha, country: US, role: control}
  beta: {operator: Beta, country: CH, role: control}
  gamma: {operator: Gamma, country: DE, role: control}
  register: {operator: Register, country: RU, role: register}
  isp: {operator: Provider, country: DE, role: isp, transports: [udp, tcp]}
days:
  2026-02-09:
  2026-02-10:
    register: {chat.example: nxdomain aa no-soa}
  2026-02-11:
    register: {chat.example: 10.0.0.1}
  2026-02-12:
    register: {chat.example: honest}
  2026-02-13:
    everywhere: {chat.example: nxdomain}
  2026-02-14:
    everywhere: {chat.example: honest}
    isp: {"*": timeout}
"""
USUAL, DENIED, FORGED, BACK, LAPSED, SILENT = (date(2026, 2, day) for day in range(9, 15))
CELL = {
    "qname": "chat.example", "qtype": "A", "resolver": "register", "transport": "udp", "state": "vanished",
    "mechanism": "nxdomain", "outcome": "nxdomain", "answer": None, "consensus": "answer", "controls_agreeing": 2,
    "controls_asked": 3,
}  # fmt: skip
WHEN = datetime(2026, 2, 11, 6, 1, 2, tzinfo=UTC)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Resolvers on loopback; the current folder has a resolvers.yaml with them, and their control names."""
    monkeypatch.chdir(tmp_path)
    with Lab(reading.loads(SCENARIO)) as resolvers:
        config = resolvers.config()
        entries = [each.model_dump(mode="json", exclude_defaults=True) for each in config.resolvers]
        told = {"probe": {"timeout": 1, "attempts": 3}, "resolvers": entries}
        Path("resolvers.yaml").write_text(yaml.safe_dump(told))
        Path("domains").mkdir()
        Path("domains/control.txt").write_text("\n".join(config.control_names))
        yield resolvers


def wanted(*names: str, **options: Any) -> Config:
    """Return what a round asks."""
    given = {"resolvers": None, "opt_out": None, "qtypes": None, "transports": None} | options
    return _watching.wanted(names, **given)


def follow(lab: Lab, days: Sequence[date], *names: str) -> tuple[Watch, list[list[str]]]:
    """Play a day in each round; return what was seen, and the lines of each round."""
    config = wanted(*(names or ("chat.example",)))
    watch, told = Watch(), []
    with _watching.Rounds(config, 0.0, KnownAnswers.empty()) as rounds:
        turns = rounds.take(len(days))
        for day in days:
            lab.play(day)
            told.append(plain(list(watch.lines(watch.take(next(turns))))).splitlines())
    return watch, told


def test_a_name_that_vanishes_and_returns_is_shown(lab: Lab) -> None:
    """A line tells that the name vanished at one resolver, with what it said before and after, and one its return."""
    watch, told = follow(lab, [USUAL, DENIED, DENIED, FORGED, BACK])
    told = [[line for line in lines if " at register: " in line] for lines in told]
    assert told[0] == told[2] == []
    (vanished,), forged, back = told[1], "".join(told[3]), "".join(told[4])
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ chat\.example A AAAA at register: agrees -> vanished by nxdomain; "
        "3 of 3 control operators say answer",
        vanished,
    )
    assert "chat.example A at register: vanished by nxdomain -> divergent by bogon (10.0.0.1); 3 of 3" in forged
    assert "register: divergent by bogon (10.0.0.1) -> agrees (198.51.100.7); 3 of 3" in back
    seen = watch.cells["chat.example", "A", "register", "udp"]
    assert "".join(seen.marks) == ".VVD."
    assert (seen.told, seen.wrong, seen.by) == (5, 3, {"nxdomain": 2, "bogon": 1})


def test_the_summary_tells_how_often(lab: Lab) -> None:
    """What was seen now and then is told as k of n rounds with its interval, by what, and how it is now."""
    watch, _ = follow(lab, [USUAL, DENIED, BACK, DENIED])
    page = plain(list(watch.summary(None)))
    assert re.search(r"^12 cells, 4 rounds, from \S+Z to \S+Z$", page, re.MULTILINE)
    assert re.search(
        r"^  chat\.example +A AAAA +register +2 of 4 +15 % to 85 % +nxdomain +\S+ +\S+ +vanished$", page, re.MULTILINE
    )
    totals = {(each["resolver"], each["qtype"]): each for each in watch.totals()}
    assert totals["register", "A"]["rounds_wrong"] == 2
    assert totals["alpha", "A"]["rounds_wrong"] == 0
    assert len(totals) == 6 * 2


def test_what_is_wrong_at_first_is_told(lab: Lab) -> None:
    """In the first round there is nothing before; what is wrong is told, what agrees is not."""
    _, (lines,) = follow(lab, [DENIED])
    assert len(lines) == 1
    assert "chat.example A AAAA at register: vanished by nxdomain; 3 of 3" in lines[0]


def test_a_name_that_lapses_is_news_of_the_controls(lab: Lab) -> None:
    """Where the controls say something else, that is told first, and nobody is said to have lost the name."""
    _, told = follow(lab, [USUAL, LAPSED])
    controls = [line for line in told[1] if "before" in line]
    assert len(controls) == 2
    assert "chat.example A: 3 of 3 control operators say nxdomain; before, 3 of 3" in controls[0].replace(
        "2 of 2", "3 of 3"
    )
    assert told[1][:2] == controls
    assert not [line for line in told[1] if "vanished" in line]


def test_a_resolver_that_falls_silent_is_told(lab: Lab) -> None:
    """The condition of a resolver is told when it changes, and its cells cannot be told."""
    watch, told = follow(lab, [USUAL, SILENT, BACK])
    assert [line for line in told[1] if re.search("Z isp: well -> silent: none of .* got a reply", line)]
    assert [line for line in told[1] if "at isp: agrees" in line and "-> cannot be told (timeout)" in line]
    assert [line for line in told[2] if line.endswith("Z isp: silent -> well")]
    assert watch.silent == set()


def test_answers_may_turn_over() -> None:
    """A wrong answer that is another one each time, as of a forger, is one change and not one a round."""
    watch = Watch()
    change = Change(WHEN, 2, "cell", CELL | {"answer": "192.0.2.1"}, CELL)
    first, second = (Change(WHEN, 2, "cell", None, CELL | {"qtype": qtype}) for qtype in ("A", "AAAA"))
    assert len(list(watch.lines([first, second]))) == 1
    assert len(list(watch.lines([first, change]))) == 2
    long = CELL | {"state": "agrees", "mechanism": None, "outcome": "answer", "answer": "192.0.2.1 " * 40}
    assert len(words(long)) < 80


def test_nothing_unprintable_comes_through(lab: Lab) -> None:
    """An answer that holds escape sequences is shown with them written out, as a line and in the table."""
    evil = "\x1b[2J\u202e[red]evil[/red]"
    cell = CELL | {"outcome": "answer", "answer": evil, "state": "divergent", "mechanism": "forged", "country": "DE"}
    watch, _ = follow(lab, [USUAL])
    said = plain(list(watch.lines([Change(WHEN, 1, "cell", None, cell)])))
    watch.cells["chat.example", "A", "register", "udp"].now = cell
    table = plain(list(_live.rows(watch, 200, 20)))
    for text in (said, table):
        assert text.replace("\n", "").isprintable()
        assert r"\x1b[2J\u202e[red]evil[/red]" in text


def test_a_round_asks_little(lab: Lab) -> None:
    """A round asks for the names, four control names twice, who answers and what cannot exist; no more."""
    config = wanted("chat.example", "video.example", "CHAT.example.")
    assert config.control_names == ("five.test", "four.test", "one.test", "three.test")
    assert [list(each.qnames) for each in config.domain_sets] == [["chat.example", "video.example"]]
    each = _watching.plan(config).per_resolver()["questions"].unique().to_list()
    assert each == [2 * 2 + 2 * 4 + 5 + 3]


def test_only_some_are_watched_beside_the_controls(lab: Lab) -> None:
    """--only leaves the controls in, without which nothing can be judged; an unknown name is an error with a hint."""
    config = _watching.narrowed(wanted("chat.example"), ["isp-tcp"])
    assert [entry.name for entry in config.resolvers] == ["alpha", "beta", "gamma", "isp-tcp"]
    with pytest.raises(UsageError, match="no resolver is called `regster`") as error:
        _watching.narrowed(wanted("chat.example"), ["regster"])
    assert error.value.hint == "do you mean register?"


def test_who_and_what_opted_out_is_not_asked(lab: Lab, tmp_path: Path) -> None:
    """Names and addresses on an opt-out list are left out; when no name is left, that is an error."""
    (tmp_path / "optout.txt").write_text("video.example\n")
    config = wanted("chat.example", "video.example", opt_out=tmp_path / "optout.txt")
    assert [list(each.qnames) for each in config.domain_sets] == [["chat.example"]]
    with pytest.raises(UsageError, match="opt-out list leaves no name"):
        wanted("video.example", opt_out=tmp_path / "optout.txt")


def test_rounds_keep_a_distance() -> None:
    """Of resolvers elsewhere rounds begin ten seconds apart at least, and further where a round takes longer."""
    elsewhere = Resolver(name="one", address="192.0.2.1", role="control", qps=1.0)
    here = elsewhere.model_copy(update={"address": "127.0.0.1", "qps": 1000.0})
    config = Config(resolvers=(elsewhere,), domain_sets=(), control_names=("a.test",))
    with pytest.raises(UsageError, match="rounds begin 10 s apart at least"):
        _watching.pace(config, 9.9)
    assert _watching.pace(config, 10.0) == 10.0
    slow = Config(resolvers=(elsewhere.model_copy(update={"qps": 0.2}),), domain_sets=(), control_names=("a.test",))
    assert _watching.pace(slow, 10.0) == 50.0  # ten questions, five seconds apart
    assert _watching.pace(Config(resolvers=(here,), domain_sets=(), control_names=("a.test",)), 0.5) == 0.5


def test_rounds_begin_an_interval_apart(lab: Lab) -> None:
    """A round that is over soon is followed by a wait, so that no resolver is asked more often than was said."""
    with _watching.Rounds(wanted("chat.example"), 1.5, KnownAnswers.empty()) as rounds:
        began = [taken.began for taken in rounds.take(3)]
    assert all((later - earlier).total_seconds() > 1.45 for earlier, later in pairwise(began))


def test_a_round_that_fails_does_not_end_the_watch(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stops one round is said, and the next begins; what stops the first stops all."""
    take, calls = probe.take, []

    async def failing(config: Config, **options: Any) -> probe.Taken:
        calls.append(config)
        if len(calls) == 2:
            raise SnapshotError("no room")
        return await take(config, **options)

    monkeypatch.setattr(probe, "take", failing)
    with _watching.Rounds(wanted("chat.example"), 0.0, KnownAnswers.empty()) as rounds:
        assert [taken.number for taken in rounds.take(3)] == [1, 3]
    assert "warning: no room" in capsys.readouterr().err
    calls.append(calls.pop(0))
    del calls[1:]
    with _watching.Rounds(wanted("chat.example"), 0.0, KnownAnswers.empty()) as rounds, pytest.raises(SnapshotError):
        list(rounds.take(3))


@pytest.mark.parametrize(("width", "height"), [(60, 10), (80, 24), (160, 60)])
def test_the_table_fits(lab: Lab, width: int, height: int) -> None:
    """The table has what is wrong first, at most as many lines as fit, and says what it leaves out."""
    watch, _ = follow(lab, [USUAL, DENIED], "chat.example", "video.example")
    table = plain(list(_live.rows(watch, width, height - _live.AROUND))).splitlines()
    assert max(map(len, table)) <= width
    assert len(table) <= height - _live.AROUND
    assert "vanished" in table[1]
    assert table[1].endswith(".V")
    total = sum(int(number) for number in re.findall(r"and (\d+) more rows?", table[-1]))
    assert len(table) - 1 - bool(total) + total == 12


def started(*words: str, **options: Any) -> subprocess.Popen[str]:
    """Start a watch."""
    command = [*PROGRAM, "watch", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment(), **options)


def test_a_pipe_gets_lines_as_they_come(lab: Lab, tmp_path: Path) -> None:
    """In a pipe each change is a line at once; Ctrl-C ends with what was seen and status 130, and leaves no file."""
    before = sorted(tmp_path.rglob("*"))
    with started("chat.example", "--interval", "0.5", "--qtype", "A") as process:
        kill = threading.Timer(LIMIT, process.kill)
        kill.start()
        assert process.stdout is not None
        assert process.stderr is not None
        assert "watching 1 name at 6 resolvers: 102 questions every 0.5 s" in process.stderr.readline()
        lab.play(DENIED)
        assert "register: " in (vanished := process.stdout.readline())
        lab.play(BACK)
        back = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
        kill.cancel()
    assert "vanished by nxdomain; 3 of 3 control operators say answer" in vanished
    assert "register: vanished by nxdomain -> agrees (198.51.100.7); 3 of 3" in back
    assert re.search(r"^  chat\.example +A +register +\d of \d", out, re.MULTILINE)
    assert process.returncode == 130
    assert err.endswith("interrupted\n")
    assert sorted(tmp_path.rglob("*")) == before


def test_json_has_the_changes_and_the_totals(lab: Lab) -> None:
    """With --json each change is a line of JSON, and at the end so is each cell; on stdout there is nothing else."""
    lab.play(DENIED)
    said = run("watch", "chat.example", "--interval", "0.2", "--count", "2", "--json", "-", "--only", "register")
    assert said.exit_code == 0, said.stderr
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    changes = [line for line in lines if line["about"] == "cell"]
    assert [(each["resolver"], each["qtype"], each["state"], each["state_before"]) for each in changes] == [
        ("register", "A", "vanished", None),
        ("register", "AAAA", "vanished", None),
    ]
    assert "denied_alone" in changes[0]["evidence_for"]
    totals = [line for line in lines if line["about"] == "total"]
    assert len(totals) == 4 * 2
    assert {each["rounds_wrong"] for each in totals if each["resolver"] == "register"} == {2}


def test_json_is_added_to_a_file(lab: Lab, tmp_path: Path) -> None:
    """A file keeps what an earlier watch has written; the lines for a person stay on stdout."""
    lab.play(DENIED)
    for _ in range(2):
        said = run("watch", "chat.example", "--count", "1", "--json", "log.jsonl", "--interval", "0.2")
        assert "chat.example A AAAA at register: vanished by nxdomain" in said.stdout
    rounds = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len([line for line in rounds if line["about"] == "cell"]) == 4
    refused = run("watch", "chat.example", "--json", "nowhere/log.jsonl")
    assert (refused.exit_code, "cannot write nowhere/log.jsonl" in refused.stderr) == (2, True)


def test_a_resolver_that_never_speaks_is_status_3(lab: Lab) -> None:
    """A watch in which a resolver said nothing at all is done, but incomplete."""
    lab.play(SILENT)
    said = run("watch", "chat.example", "--count", "1", "--interval", "0.2", "--only", "isp")
    assert said.exit_code == 3


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("bad name",), "`bad name` is not a domain name"),
        (("chat.example", "--only", "nobody"), "no resolver is called `nobody`"),
        (("chat.example", "--interval", "0.01"), "rounds begin 0.1 s apart at least"),
        (("chat.example", "--qtype", "NOTYPE"), "`NOTYPE` is not a record type"),
        (("chat.example", "--transports", "dot"), "unknown transport `dot`"),
    ],
)
def test_what_is_typed_wrong_is_said(lab: Lab, words: tuple[str, ...], error: str) -> None:
    """Each mistake is an error with status 2, before anything is asked."""
    said = run("watch", *words)
    assert said.exit_code == 2
    assert error in said.stderr
    assert said.stdout == ""


def test_a_terminal_gets_a_table(lab: Lab) -> None:
    """On a terminal the changes stay above a table that is drawn anew, and at the end the table makes way."""
    with ExitStack() as at_end:
        master, slave = os.openpty()
        at_end.callback(os.close, master)
        os.set_blocking(master, False)
        process = subprocess.Popen(
            [*PROGRAM, "watch", "chat.example", "--interval", "0.5"],
            stdout=slave,
            stderr=subprocess.PIPE,
            env=environment(TERM="xterm-256color", COLUMNS="110", LINES="30"),
        )
        at_end.callback(process.kill)
        os.close(slave)
        lab.play(DENIED)
        seen = read_until(master, r"V+ *(\x1b\[[0-9;]*m)*\r?\n")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT)
        seen += read_until(master, "95 % interval")
    assert process.returncode == 130, err
    bare = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert "chat.example A AAAA at register: " in bare
    assert re.search(r"name +type +resolver +in +now +rounds", bare)
    assert re.search(r"round \d+: \d+ agree", bare)
    assert "\x1b[?25h" in seen, "the cursor is shown again"
    assert bare.rindex("wrong: in how many") > bare.rindex("Ctrl-C ends")


def read_until(terminal: int, wanted: str) -> str:
    """Return what a terminal shows until it matches; fails after a while."""
    said, end = "", time.monotonic() + LIMIT
    while not re.search(wanted, said):
        left = end - time.monotonic()
        assert left > 0, said
        if select.select([terminal], [], [], left)[0]:
            try:
                said += os.read(terminal, 65536).decode(errors="replace")
            except OSError:  # the other end is closed
                break
    return said
