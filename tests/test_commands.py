"""The commands, typed as a person types them: what they say, where, and how they end."""

import asyncio
import csv
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from resolver_diff import __version__, commands, diff, family, probe
from resolver_diff.__main__ import Manner, application
from resolver_diff.commands import _runs
from resolver_diff.commands._loading import Source
from resolver_diff.lab import reading
from resolver_diff.lab.respond import from_memory
from resolver_diff.library import following
from resolver_diff.tables import Anomalies, TransportName
from resolver_diff.transports._replay import replaying
from resolver_diff.wording.lines import plain

SCENARIO = """
about: WhatsApp vanishes at a register on the second day, and is still missing on the third.
names:
  whatsapp: {whatsapp.com: 157.240.205.60, whatsapp.net: 157.240.205.61}
  shops: {shop.example: answer}
  control: {example.org: answer, example.net: answer, example.com: answer}
resolvers:
  google: {operator: Google, country: US, role: control}
  quad9: {operator: Quad9, country: CH, role: control}
  cloudflare: {operator: Cloudflare, country: US, role: control}
  nsdi-a: {operator: MSK-IX, country: RU, role: register}
  other: {operator: Other, country: DE, role: public}
days:
  2026-02-09:
  2026-02-10:
  2026-02-11:
    nsdi-a: {whatsapp.com: nxdomain aa no-soa ede=15 ede-text=Blocked}
  2026-02-12:
"""
DAYS = ("2026-02-09", "2026-02-10", "2026-02-11", "2026-02-12")


@pytest.fixture(scope="session")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the snapshots of the scenario's days, taken from memory."""
    folder = tmp_path_factory.mktemp("taken") / "snapshots"
    scenario = reading.loads(SCENARIO)
    ports = {name: 5300 + index for index, name in enumerate(scenario.parts)}
    for day in scenario.dates:
        carriers = {"udp": replaying(from_memory(scenario, day, TransportName.UDP, ports))}
        carriers["tcp"] = replaying(from_memory(scenario, day, TransportName.TCP, ports))
        asyncio.run(probe.take(scenario.config(ports), folder=folder, day=day, vantage="home", carriers=carriers))
    return folder


@pytest.fixture
def snapshots(taken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the snapshots that a test may damage, in the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(taken, tmp_path / "snapshots")
    return tmp_path / "snapshots"


def run(*words: str) -> Result:
    """Type a command."""
    return CliRunner().invoke(application(Manner()), list(words))


def rows(text: str) -> list[dict[str, str]]:
    """Read a CSV."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("name", family.names(commands))
def test_help_has_examples(name: str) -> None:
    """Every command says what it does, and shows how."""
    said = run(name, "--help")
    assert said.exit_code == 0
    assert f"resolver-diff {name}" in said.stdout.partition("Examples:")[2]


def test_version() -> None:
    """--version is the version, on stdout."""
    said = run("--version")
    assert said.stdout == f"resolver-diff {__version__}\n"
    assert said.exit_code == 0


def test_diff_says_what_vanished(snapshots: Path) -> None:
    """What vanished is on stdout; nothing is on stderr."""
    said = run("diff", "2026-02-10", "2026-02-11")
    assert said.exit_code == 0
    assert "whatsapp.com" in said.stdout
    assert "policy nxdomain" in said.stdout
    assert said.stderr == ""


def test_diff_writes_what_it_found(snapshots: Path) -> None:
    """--csv and --json write files; the page is shown all the same."""
    said = run("diff", "2026-02-10", "2026-02-11", "--csv", "found.csv", "--json", "found.json")
    found = rows(Path("found.csv").read_bytes().decode())
    assert {(row["qname"], row["resolver"], row["change"]) for row in found} == {("whatsapp.com", "nsdi-a", "vanished")}
    assert len(json.loads(Path("found.json").read_text())["anomalies"]) == len(found)
    assert "whatsapp.com" in said.stdout


@pytest.mark.parametrize("option", ["--csv", "--json"])
def test_a_dash_is_stdout(snapshots: Path, option: str) -> None:
    """`-` puts the data on stdout, and nothing but the data."""
    said = run("diff", "2026-02-10", "2026-02-11", option, "-")
    text = said.stdout_bytes.decode()
    found = rows(text) if option == "--csv" else json.loads(text)["anomalies"]
    assert {row["qname"] for row in found} == {"whatsapp.com"}


def test_stdout_holds_one_thing(snapshots: Path) -> None:
    """CSV and JSON cannot both be on stdout."""
    said = run("diff", "2026-02-10", "2026-02-11", "--csv", "-", "--json", "-")
    assert said.exit_code == 2
    assert "only one of --csv, --json and --output" in said.stderr
    assert said.stdout == ""


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("diff", "2026-02-10", "2026-02-11", "--exit-code"), 1),
        (("diff", "2026-02-10", "2026-02-11"), 0),
        (("diff", "2026-02-09", "2026-02-10", "--exit-code"), 0),
        (("diff", "2026-02-11", "2026-02-12", "--exit-code"), 0),
        (("diff", "--exit-code"), 0),
        (("anomalies", "--exit-code"), 1),
        (("anomalies", "2026-02-10", "--exit-code"), 0),
    ],
)
def test_differences_are_a_status_only_when_asked(snapshots: Path, words: Sequence[str], status: int) -> None:
    """Status 1 means differences, and only with --exit-code."""
    assert run(*words).exit_code == status


def test_latest_and_previous(snapshots: Path) -> None:
    """`latest` and `previous` are the last two dates, and what diff compares by itself."""
    shutil.rmtree(snapshots / "date=2026-02-12")
    assert run("diff").stdout == run("diff", "2026-02-10", "2026-02-11").stdout
    assert run("diff", "previous", "latest").stdout == run("diff").stdout
    assert run("anomalies").stdout == run("anomalies", "2026-02-11").stdout


def test_previous_is_the_date_before_the_other(snapshots: Path) -> None:
    """`previous` is the date before AFTER, not the last but one."""
    assert run("diff", "previous", "2026-02-11").stdout == run("diff", "2026-02-10", "2026-02-11").stdout


@pytest.mark.parametrize("words", [("diff",), ("anomalies",)])
def test_an_old_latest_is_said(snapshots: Path, words: Sequence[str]) -> None:
    """When the latest snapshot is not of today, a warning says of when it is; not when the date was typed."""
    assert "warning: the latest snapshot is not of today: 2026-02-12, " in run(*words).stderr
    typed = (*words, *DAYS[2:]) if words == ("diff",) else (*words, DAYS[3])
    assert run(*typed).stderr == ""


def test_what_cannot_be_judged_adds_up(snapshots: Path) -> None:
    """The cells that could not be judged are counted under one reason each, in the page and in the JSON."""
    (snapshots / "date=2026-02-10").rename(snapshots / "date=2026-02-08")
    said = run("diff", "2026-02-09", "2026-02-11", "--json", "found.json")
    (comparison,) = json.loads(Path("found.json").read_text())["meta"]["comparisons"]
    assert sum(comparison["not_judged_by"].values()) == comparison["not_judged"]
    assert f"{comparison['not_judged']} could not be judged." in " ".join(said.stdout.split())


def test_nothing_is_shortened_in_a_pipe(snapshots: Path) -> None:
    """Where stdout is no terminal, no table leaves anything out."""
    for words in (("history", "whatsapp.com"), ("check",), ("anomalies", "2026-02-11")):
        assert "…" not in run(*words).stdout


def test_explain_says_when_a_day_was_asked_on_another(snapshots: Path) -> None:
    """What was filed under a date and asked on another is told."""
    said = run("explain", "whatsapp.com", "nsdi-a", "--date", "2026-02-11", "--qtype", "A")
    assert ";; asked on 2026-02-11, and filed under 2026-02-10" in said.stdout
    assert "and filed under 2026-02-11" not in said.stdout


def test_previous_needs_two_dates(snapshots: Path) -> None:
    """With one date there is no previous one, and the message says so."""
    for day in DAYS[1:]:
        shutil.rmtree(snapshots / f"date={day}")
    said = run("diff")
    assert said.exit_code == 2
    assert "only one date (2026-02-09)" in said.stderr


def test_a_missing_date_names_those_there_are(snapshots: Path) -> None:
    """A date without a snapshot is an error that names the dates there are."""
    said = run("diff", "2026-02-10", "2026-03-01")
    assert said.exit_code == 2
    assert "no snapshot for 2026-03-01" in said.stderr
    assert "2026-02-11" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("diff", "yesterday", "latest"), "`yesterday` is not a date"),
        (("diff", "2026-02-11", "2026-02-10"), "2026-02-11 is not before 2026-02-10"),
        (("diff", "2026-02-11", "2026-02-11"), "2026-02-11 is not before 2026-02-11"),
        (("history", "nobody.example"), "no snapshot in snapshots holds `nobody.example`"),
        (("history", "bad name"), "`bad name` is not a domain name"),
        (("history", "whatsapp.com", "--qtype", "MX"), "hint: it was asked for A, AAAA"),
        (("history", "whatsap.com"), "do you mean whatsapp.com"),
        (("explain", "whatsapp.com", "nsdi-b"), "do you mean nsdi-a?"),
        (("explain", "whatsapp.com", "NSDI-A"), "do you mean nsdi-a?"),
        (("explain", "whatsap.com", "nsdi-a"), "do you mean whatsapp.com"),
        (("diff", "previous", "2026-02-09"), "there is no snapshot before 2026-02-09"),
        (("history", "whatsapp.com", "--snapshots", "nowhere"), "error: there are no snapshots in nowhere"),
        (("anomalies", "--csv", "x", "--json", "x"), "two of --csv, --json and --output name the same file"),
        (("anomalies", "--csv", "snapshots"), "cannot write snapshots: Is a directory"),
        (("anomalies", "--json", "no/such.json"), "hint: make the folder first: mkdir -p no"),
        (("check", "--domains", "whatsap"), "do you mean whatsapp?"),
        (("check", "--domains", "nothing-like-it"), "hint: the shipped sets are discord, facebook"),
        (("snapshot", "--date", "2999-01-01"), "2999-01-01 has not begun"),
        (("explain", "nobody.example", "nsdi-a"), "`nobody.example` was not asked of nsdi-a"),
        (("explain", "whatsapp.com", "nsdi-a", "--qtype", "MX"), "hint: it was asked for A, AAAA"),
        (("explain", "whatsapp.com", "nsdi-a", "--before", "2026-02-12"), "2026-02-12 is not before 2026-02-12"),
        (("anomalies", "--vantage", "moon"), "hint: the vantage is home"),
        (("anomalies", "--csv", "no/such/folder.csv"), "cannot write no/such/folder.csv: No such file or directory"),
        (("check", "--qtype", "AXFR"), "`AXFR` is not a type that records have"),
        (("check", "--qtype", "NOPE"), "`NOPE` is not a record type"),
        (("check", "--resolvers", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_errors_are_said_in_words(snapshots: Path, words: Sequence[str], message: str) -> None:
    """What cannot be done ends with status 2, a message on stderr, nothing on stdout, and no traceback."""
    said = run(*words)
    assert said.exit_code == 2
    assert message in said.stderr
    assert "Traceback" not in said.stderr
    assert said.stdout == ""


def test_a_damaged_file_is_named(snapshots: Path) -> None:
    """A damaged file is a warning, and the rest goes on."""
    damaged = snapshots / "date=2026-02-11" / "vantage=home" / "shops.parquet"
    damaged.write_bytes(damaged.read_bytes()[:100])
    said = run("diff", "2026-02-10", "2026-02-11")
    assert said.exit_code == 0
    assert "warning: damaged snapshot file" in said.stderr
    assert "shops.parquet" in said.stderr
    assert "whatsapp.com" in said.stdout


def test_domains_narrow(snapshots: Path, tmp_path: Path) -> None:
    """--domains looks only at the names given; if none is there, that is an error."""
    (tmp_path / "shops.txt").write_text("shop.example\n")
    said = run("diff", "2026-02-10", "2026-02-11", "--domains", "shops.txt", "--exit-code")
    assert said.exit_code == 0
    assert "whatsapp.com" not in said.stdout
    (tmp_path / "mine.txt").write_text("whatsapp.com\n")
    assert run("diff", "2026-02-10", "2026-02-11", "--domains", "mine.txt", "--exit-code").exit_code == 1
    (tmp_path / "none.txt").write_text("never-asked.example\n")
    said = run("diff", "2026-02-10", "2026-02-11", "--domains", "none.txt")
    assert said.exit_code == 2
    assert "none of the names given with --domains" in said.stderr


def test_resolvers_correct_facts(snapshots: Path, tmp_path: Path) -> None:
    """--resolvers replaces what a snapshot says about operator and country, not what was said on the wire."""
    entry = "{name: nsdi-a, address: 127.0.0.1, port: 5303, operator: Somebody Else, country: KZ, role: isp}"
    (tmp_path / "facts.yaml").write_text(f"resolvers:\n  - {entry}\n")
    said = run("diff", "2026-02-10", "2026-02-11", "--resolvers", "facts.yaml", "--csv", "-")
    row = rows(said.stdout_bytes.decode())[0]
    assert (row["operator"], row["country"], row["role"]) == ("Somebody Else", "KZ", "isp")


def test_vantages_are_compared_with_themselves(snapshots: Path) -> None:
    """Each vantage that has both dates is compared; one that has only one of them is named and left out."""
    for day in DAYS[:3]:
        shutil.copytree(snapshots / f"date={day}" / "vantage=home", snapshots / f"date={day}" / "vantage=office")
    shutil.copytree(snapshots / "date=2026-02-11" / "vantage=home", snapshots / "date=2026-02-11" / "vantage=new")
    said = run("diff", "2026-02-10", "2026-02-11", "--csv", "-")
    assert "vantage new has only one of the two dates" in said.stderr
    assert {row["vantage"] for row in rows(said.stdout_bytes.decode())} == {"home", "office"}
    said = run("diff", "2026-02-10", "2026-02-11", "--csv", "-", "--vantage", "office")
    assert {row["vantage"] for row in rows(said.stdout_bytes.decode())} == {"office"}
    assert (
        "say which: --vantage home or --vantage new or --vantage office"
        in run("explain", "whatsapp.com", "nsdi-a", "--date", "2026-02-11").stderr
    )


def test_history_compresses_dates(snapshots: Path) -> None:
    """History has one line for dates that are alike, the resolver where the name vanished first."""
    said = run("history", "WhatsApp.com.", "--qtype", "a")
    assert said.exit_code == 0
    title, *page = said.stdout.splitlines()
    lines = page[page.index("") + 2 :]
    assert title == "whatsapp.com at vantage home: 4 dates from 2026-02-09 to 2026-02-12"
    assert lines[0].split() == ["nsdi-a", "A", "2026-02-09", "2026-02-10", "2", "agrees", "157.240.205.60"]
    assert lines[1].split()[:6] == ["nsdi-a", "A", "2026-02-11", "2026-02-12", "2", "vanished"]
    assert len(lines) == 6


def test_history_fits_in_80_columns(snapshots: Path) -> None:
    """On a terminal no line is longer than its 80 columns, however long the name is, and no part of it is missing."""
    found = following.cells(Source.of(snapshots, None), "whatsapp.com", None)
    name = ".".join(["a-long-label"] * 12)
    page = plain(_runs.describe(found.with_columns(qname=pl.lit(name)), 80))
    assert max(map(len, page.splitlines())) <= 80
    assert name in page.replace("\n  ", "")


def test_explain_shows_the_witnesses(snapshots: Path) -> None:
    """Explain shows both replies as dig does, the controls, the evidence with its claim, and how to ask again."""
    said = run("explain", "whatsapp.com", "nsdi-a", "--date", "2026-02-11", "--qtype", "A")
    assert said.exit_code == 0
    for part in (
        "2026-02-10: agrees",
        "whatsapp.com. A 157.240.205.60",
        "2026-02-11: vanished by",
        "status: NXDOMAIN, flags: qr aa",
        "EDE: 15 (Blocked)",
        "EDE text: Blocked",
        "no SOA",
        "Controls on 2026-02-11",
        "cloudflare",
        "Evidence for a difference",
        "denial_without_soa",
        "Wrong when",
        "dig @127.0.0.1 -p 5303 whatsapp.com A",
    ):
        assert part in said.stdout
    assert " AAAA " not in said.stdout


def test_explain_of_the_first_date_has_no_before(snapshots: Path) -> None:
    """Where there is no earlier date, explain shows the one."""
    said = run("explain", "whatsapp.com", "google", "--date", "2026-02-09")
    assert said.exit_code == 0
    assert "2026-02-09: agrees" in said.stdout


def test_internal_errors_are_one_line(snapshots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own mistakes are one line and status 70; the traceback is there with --debug."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("by\nnothing")

    monkeypatch.setattr(diff, "anomalies", fail)
    said = run("anomalies", "2026-02-11")
    assert said.exit_code == 70
    assert said.stderr.startswith("internal error: ZeroDivisionError: by; run with --debug")
    assert said.stderr.count("\n") == 1
    said = run("--debug", "anomalies", "2026-02-11")
    assert said.exit_code == 70
    assert "Traceback" in said.stderr


def test_csv_columns_are_those_of_the_table(snapshots: Path) -> None:
    """The CSV of the command has the columns of the table, in order."""
    said = run("anomalies", "2026-02-11", "--csv", "-")
    assert said.stdout_bytes.decode().partition("\r\n")[0] == ",".join(Anomalies.schema)
