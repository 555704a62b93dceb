"""What other programs get: rows as CSV, JSON Lines and Parquet, cells in OONI's manner, and what comes back of it."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner, Result

import stories
from resolver_diff import snapshot
from resolver_diff.__main__ import PIPE_CLOSED, Manner, application
from resolver_diff.importers import observations
from resolver_diff.snapshot import ORDER, directory, filing
from resolver_diff.tables import Anomalies, Certificates, Observations, Origins, Outcome, State

TXT = "=1+1 \x1b[2J <script>"
TOLD: dict[str, Any] = {
    "before": {},
    "after": {
        "nsdi-a": {"one.example": "nxdomain", "two.example": "nxdomain"},
        "nsdi-b": {"one.example": "nxdomain"},
        "isp-ru": {"three.example": "127.0.0.1"},
        "isp-ir": {"one.example": "10.10.34.34"},
        "isp-br": {"*": "timeout", "canary": "timeout"},
        "isp-in": {"one.example": "servfail", "two.example": "refused"},
    },
    "truth": {"one.example": "192.0.2.7", "two.example": "192.0.2.8", "three.example": "192.0.2.9"},
    "origins": {"192.0.2.7": "64500 EXAMPLE", "10.10.34.34": "64501 OTHER"},
    "certificates": {"one.example 192.0.2.7": None, "one.example 10.10.34.34": ["expired", "expired"]},
}
DAYS = (date(2026, 2, 10), date(2026, 2, 11))
FORMS = ("csv", "jsonl", "parquet")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the snapshots of two dates, each of two domain sets, with side files."""
    folder = tmp_path_factory.mktemp("kept") / "snapshots"
    story = stories.Story("export", TOLD)
    for day in (story.before, story.after):
        two = pl.col("qname") == "two.example"
        odd = (pl.col("resolver") == "isp-ir") & (pl.col("qname") == "one.example")
        said = {"ede": pl.lit([15, 22]), "ede_text": pl.lit(TXT)}
        rows = day.observations.with_columns(pl.when(odd).then(text).alias(name) for name, text in said.items())
        rows = Observations.of(rows.sort(ORDER)).frame
        others = pl.col("purpose") != "target"
        filing.put(folder, day.runs[0], "a", rows.filter(others | ~two), (day.origins, day.certificates), replace=False)
        filing.put(folder, day.runs[0], "b", rows.filter(others | two), replace=False)
    return folder


@pytest.fixture(autouse=True)
def folder(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand beside the snapshots."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "snapshots").symlink_to(kept)
    return tmp_path


def typed(*words: str, status: int = 0) -> Result:
    """Type a command, which ends with this status."""
    done = CliRunner().invoke(application(Manner()), list(words))
    assert done.exit_code == status, done.output
    return done


def found(snapshots: str) -> tuple[str, str]:
    """Return what `diff` and `events` find in a folder of snapshots."""
    return (
        typed("diff", *map(str, DAYS), "--snapshots", snapshots, "--csv", "-").stdout,
        typed("events", "--snapshots", snapshots, "--csv", "-").stdout,
    )


@pytest.mark.parametrize("form", FORMS)
def test_what_is_exported_can_be_imported(form: str) -> None:
    """Observations, origins and certificates come back as the same rows, and are judged as before, in each form."""
    for text in map(str, DAYS):
        Path(text).mkdir()
        for what in ("observations", "origins", "certificates"):
            typed("export", what, text, "--output", f"{text}/{what}.{form}")
        typed("import", "observations", text, "--snapshots", "again", "--vantage", "home")
    for day in DAYS:
        for name in ("a", "b", "_origins", "_certificates"):
            before, after = (
                pl.read_parquet(directory(Path(at), day, "home") / f"{name}.parquet", hive_partitioning=False)
                for at in ("snapshots", "again")
            )
            if form == "csv" and "ede_text" in before.columns:  # made harmless, which cannot be undone
                before = before.with_columns(pl.col("ede_text").str.replace_all("\x1b", r"\x1b", literal=True))
            key = [each for each in (*ORDER, "address") if each in before.columns]
            assert after.sort(key).equals(before.sort(key))
    assert found("again") == found("snapshots")
    assert "vanished" in found("again")[0]


def test_exported_rows_are_facts() -> None:
    """A row is a query or reply with its domain set and its resolver; control questions are there once, of no set."""
    rows = [json.loads(line) for line in typed("export", "observations", str(DAYS[1])).stdout.splitlines()]
    (told,) = [row for row in rows if (row["resolver"], row["qname"], row["qtype"]) == ("nsdi-a", "two.example", "A")]
    assert told["domain_set"] == "b"
    assert told["outcome"] == "nxdomain"
    assert told["asked_at"].startswith("2026-02-11T12:")
    assert told["asked_at"].endswith("Z")
    assert told["rtt_us"] == 20_000
    assert (told["operator"], told["country"], told["role"], told["policy"]) == ("NSDI", "RU", "register", "national")
    controls = [row for row in rows if row["purpose"] == "control" and row["resolver"] == "nsdi-a"]
    assert len(controls) == 2 * len(stories.CONTROL)
    assert {row["domain_set"] for row in controls} == {None}
    assert not {"state", "wire"} & {*told}


def test_exported_of_some_names_only(tmp_path: Path) -> None:
    """--domains leaves out the other names, but no control question."""
    Path("mine.txt").write_text("one.example\n")
    lines = typed("export", "observations", "latest", "--domains", "mine.txt").stdout.splitlines()
    targets = {row["qname"] for row in map(json.loads, lines) if row["purpose"] == "target"}
    assert targets == {"one.example"}
    assert [row for row in map(json.loads, lines) if row["purpose"] == "control"]


@pytest.mark.parametrize(
    "command", [("diff", *map(str, DAYS)), ("anomalies",), ("events",), ("changes",)], ids=" ".join
)
def test_rows_are_the_same_in_every_form(command: tuple[str, ...]) -> None:
    """--output writes what --csv does, as the ending or --format says; DuckDB reads the same number of rows of each."""
    typed(*command, "--csv", "old.csv")
    for form in FORMS:
        typed(*command, "--output", f"new.{form}")
        assert typed(*command, "--format", form, "--output", "named.txt").exit_code == 0
        assert Path("named.txt").read_bytes() == Path(f"new.{form}").read_bytes()
    assert Path("new.csv").read_bytes() == Path("old.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(Path("old.csv").read_text())))
    lines = [json.loads(line) for line in Path("new.jsonl").read_text().splitlines()]
    table = duckdb.sql("SELECT * FROM 'new.parquet'")
    assert table is not None
    assert [list(row) for row in rows[:1]] == [list(line) for line in lines[:1]] == [table.columns][: len(rows)]
    assert len(rows) == len(lines) == len(table.fetchall())
    assert [row["qname"] for row in rows] == [line["qname"] for line in lines]


def test_parquet_of_anomalies_is_plain() -> None:
    """Its columns are those of the CSV; words are texts and evidence is a list, which every reader knows."""
    typed("anomalies", "--output", "today.parquet")
    schema = pl.read_parquet_schema("today.parquet")
    assert list(schema) == list(Anomalies.schema)
    assert schema["change"] == schema["mechanism"] == pl.String
    assert schema["evidence_for"] == pl.List(pl.String)
    assert set(pl.read_parquet("today.parquet")["change"]) == {"vanished", "diverged"}


def test_format_alone_is_stdout() -> None:
    """Without --output rows are on stdout, and the page is not; Parquet too, where stdout is no terminal."""
    lines = typed("anomalies", "--format", "jsonl").stdout.splitlines()
    assert all("qname" in json.loads(line) for line in lines)
    done = CliRunner().invoke(application(Manner()), ["anomalies", "--format", "parquet"])
    assert done.stdout_bytes[:4] == done.stdout_bytes[-4:] == b"PAR1"


def test_parquet_is_nothing_for_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets an error instead of octets that would garble it."""
    from resolver_diff.commands import _rows
    from resolver_diff.commands._options import Form
    from resolver_diff.errors import UsageError

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with pytest.raises(UsageError, match="nothing for a terminal"):
        _rows.wanted(None, Form.PARQUET)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("anomalies", "--output", "found.txt"), "does not say in which format"),
        (("anomalies", "--format", "xlsx"), "csv"),
        (("anomalies", "--csv", "-", "--format", "jsonl"), "stdout can hold only one"),
        (("anomalies", "--csv", "x.csv", "--output", "x.csv"), "name the same file"),
        (("changes", "--csv", "x.csv", "--output", "y.csv"), "the same rows"),
        (("export", "everything"), "cannot export `everything`"),
        (("export", "obserwations"), "do you mean observations?"),
        (("export", "ooni", "--format", "csv"), "JSON Lines only"),
        (("export", "ooni", "2026-01-01"), "no snapshot for 2026-01-01"),
        (("export", "observations", "--output", "no/such.csv"), "mkdir -p no"),
    ],
)
def test_what_makes_no_sense_is_said(words: tuple[str, ...], says: str) -> None:
    """A wrong option is an error before any work, with a hint, and no file is written."""
    done = typed(*words, status=2)
    assert says in done.stderr
    assert done.stdout == ""
    assert {path.name for path in Path().iterdir()} == {"snapshots"}


@pytest.mark.parametrize("words", [("export", "observations"), ("export", "ooni"), ("anomalies", "--format", "jsonl")])
def test_a_reader_who_leaves_ends_it(folder: Path, words: tuple[str, ...]) -> None:
    """`| head` closes the pipe: the status is that of SIGPIPE, without a traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "resolver_diff", *words], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert done.returncode == PIPE_CLOSED
    assert "Traceback" not in done.stderr


def measurements() -> list[dict[str, Any]]:
    """Return the later date in OONI's manner."""
    return [json.loads(line) for line in typed("export", "ooni", str(DAYS[1])).stdout.splitlines()]


def cell(resolver: str, name: str, qtype: str = "A") -> dict[str, Any]:
    """Return the measurement of one cell."""
    (told,) = [
        each
        for each in measurements()
        if (each["annotations"]["resolver"], each["input"]) == (resolver, name)
        and each["test_keys"]["queries"][0]["query_type"] == qtype
    ]
    return told


def test_every_cell_is_a_measurement() -> None:
    """Each cell of the date is there once, under an id of its own that stays the same, with the envelope of OONI's."""
    told = measurements()
    assert len(told) == 2 * (3 + len(stories.QUIET)) * len(stories.CAST)
    assert len({each["id"] for each in told}) == len(told)
    assert told == measurements()
    envelope = {"annotations", "data_format_version", "id", "input", "measurement_start_time", "probe_asn", "probe_cc"}
    envelope |= {"probe_ip", "report_id", "software_name", "software_version", "test_keys", "test_name"}
    envelope |= {"test_runtime", "test_start_time", "test_version"}
    assert all({*each} == envelope for each in told)
    assert {each["data_format_version"] for each in told} == {"0.2.0"}
    assert {(each["probe_asn"], each["probe_cc"], each["report_id"]) for each in told} == {("AS0", "ZZ", "")}


@pytest.mark.parametrize(
    ("resolver", "name", "failure", "answer", "state", "consistency"),
    [
        ("nsdi-a", "one.example", "dns_nxdomain_error", None, State.VANISHED, "inconsistent"),
        ("isp-ru", "three.example", None, "127.0.0.1", State.DIVERGENT, "inconsistent"),
        ("isp-de", "one.example", None, "192.0.2.7", State.AGREES, "consistent"),
        ("isp-br", "one.example", "generic_timeout_error", None, State.INSUFFICIENT, None),
        ("isp-in", "one.example", "dns_servfail_error", None, None, None),
        ("isp-in", "two.example", "dns_refused_error", None, None, None),
    ],
)
def test_a_measurement_says_what_was_said(
    resolver: str, name: str, failure: str | None, answer: str | None, state: State | None, consistency: str | None
) -> None:
    """Queries, answers and failures are in OONI's words, each attempt for itself; our state and theirs stand beside."""
    told = cell(resolver, name)
    keys = told["test_keys"]
    for query in keys["queries"]:
        assert (query["hostname"], query["query_type"], query["engine"]) == (name, "A", "udp")
        assert query["failure"] == failure
        assert [each["ipv4"] for each in query["answers"]] == ([answer] if answer else [])
        assert query["resolver_address"].endswith(":53")
        assert 0 <= query["t0"] <= query["t"] <= told["test_runtime"]
    assert len(keys["queries"]) == (1 if failure in (None, "dns_nxdomain_error") else stories.ATTEMPTS)
    if state is not None:
        assert (keys["resolver_diff"]["state"], keys["dns_consistency"]) == (state, consistency)


def test_every_outcome_has_a_word() -> None:
    """A failure is one of OONI's words, or `unknown_failure` and ours: none is taken for an answer."""
    from resolver_diff.exporters import ooni

    assert [outcome for outcome, word in ooni.FAILURES.items() if word is None] == [Outcome.ANSWER]
    told = cell("isp-de", "one.example")
    assert told["test_keys"]["queries"][0]["answers"][0]["asn"] == 64500
    assert told["test_keys"]["queries"][0]["answers"][0]["as_org_name"] == "EXAMPLE"


def test_measurements_claim_nothing_more() -> None:
    """There is no word of blocking, and no name for the test that is OONI's."""
    text = typed("export", "ooni", str(DAYS[1])).stdout
    assert '"test_name": "resolver_diff"' in text
    assert "blocking" not in text
    assert "accessible" not in text


@pytest.mark.parametrize("words", [("observations", "--format", "csv"), ("observations",), ("ooni",)], ids=" ".join)
def test_exported_text_is_harmless(words: tuple[str, ...]) -> None:
    """What a resolver writes reaches no terminal as it is, and no cell of a sheet begins as a formula."""
    text = typed("export", words[0], str(DAYS[1]), *words[1:]).stdout
    assert text.replace("\n", "").replace("\r", "").isprintable()
    if "csv" in words:
        assert not [
            field for row in csv.reader(io.StringIO(text)) for field in row if field.startswith(("=", "+", "@"))
        ]


def table(days: int) -> pl.DataFrame:
    """Return a table of somebody else's measurements."""
    at = pl.datetime(2026, 3, 1, 6, time_unit="us", time_zone="UTC")
    rows = [
        {"resolver_id": f"r{who}", "domain": f"name-{name}.test", "qtype": "A", "day": day, "role": "control"}
        | {"rcode": "NXDOMAIN" if name == who else "NOERROR", "answers": [] if name == who else [f"192.0.2.{name + 1}"]}
        for day in range(days)
        for who in range(3)
        for name in range(4)
    ]
    return pl.DataFrame(rows).with_columns(ts=at + pl.duration(days=pl.col("day")), aa=pl.lit(value=True)).drop("day")


def put(frame: pl.DataFrame) -> None:
    """Write *frame* in each form."""
    frame.write_parquet("them.parquet")
    texts = frame.with_columns(ts=pl.col("ts").dt.strftime("%Y-%m-%d %H:%M:%S"))
    texts.with_columns(pl.col("answers").list.join(" ")).write_csv("them.csv")
    frame.with_columns(ts=pl.col("ts").dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")).write_ndjson("them.jsonl")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [1, 1_000_000])
def test_tables_of_others_are_read_in_every_form(form: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """CSV, JSON Lines and Parquet become the same snapshots, whether read date by date or at once."""
    put(table(3))
    monkeypatch.setattr(observations, "ROWS", rows)
    done = typed("import", "observations", f"them.{form}", "--snapshots", "got")
    assert "36 rows of 3 dates" in done.stderr
    for place in range(3):
        (day,) = snapshot.load(Path("got"), date(2026, 3, 1) + timedelta(days=place))
        said = day.observations.filter(qname="name-1.test").sort("resolver")
        assert said["outcome"].to_list() == ["answer", "nxdomain", "answer"]
        assert said["answer"].to_list() == ["192.0.2.2", None, "192.0.2.2"]
        assert said["aa"].all()
        assert {each.role for each in day.resolvers} == {"control"}


def test_runs_are_kept_together_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that goes past midnight is of the date on which it began, also where parts are small."""
    late = pl.col("ts") + pl.when(pl.col("resolver_id") == "r2").then(pl.duration(hours=20)).otherwise(pl.duration())
    table(2).with_columns(run=pl.col("ts").dt.day().cast(pl.Int64), ts=late).write_parquet("them.parquet")
    monkeypatch.setattr(observations, "ROWS", 1)
    typed("import", "observations", "them.parquet", "--snapshots", "got")
    assert snapshot.dates(Path("got")) == [date(2026, 3, 1), date(2026, 3, 2)]


def test_times_that_are_none_are_left_out() -> None:
    """A row without a time that can be read is left out, and counted; times with a zone are read as they are meant."""
    lines = ["resolver_id,domain,qtype,rcode,answers,ts"]
    times = ("2026-03-01T06:00:00+03:00", "2026-03-01T06:00:00Z", "yesterday", "2026-03-01 06:00:00.25")
    lines += [f"r{place},a.test,A,NOERROR,192.0.2.1,{text}" for place, text in enumerate(times)]
    Path("them.csv").write_text("\n".join(lines))
    done = typed("import", "observations", "them.csv", "--snapshots", "got")
    assert "1 row left out" in done.stderr
    (day,) = snapshot.load(Path("got"), date(2026, 3, 1))
    assert sorted(each.hour for each in day.observations["asked_at"]) == [3, 6, 6]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"resolver_id": "r", "domain"\n'),
        ("a.jsonl", "[1, 2]\n"),
        ("a.jsonl", '{"date": "2026-02-10", "resolver": 5}\n'),
        ("a.csv", ""),
        ("a.csv", "resolver_id,domain\nx,y\n"),
        ("a.parquet", "PAR1"),
        ("a.jsonl", ""),
    ],
)
def test_what_is_no_table_is_refused(name: str, text: str) -> None:
    """Damaged or foreign files are an error with their name, not a crash."""
    Path(name).write_text(text)
    done = typed("import", "observations", name, "--snapshots", "got", status=2)
    assert name in done.stderr
    assert not Path("got").exists()


def test_several_vantages_are_imported_apart() -> None:
    """A table of two vantages is refused, as one import is one vantage; each alone is taken."""
    shutil.copytree("snapshots", "two")
    shutil.copytree("two/date=2026-02-11/vantage=home", "two/date=2026-02-11/vantage=away")
    typed("export", "observations", str(DAYS[1]), "--snapshots", "two", "--output", "both.jsonl")
    assert "several vantages" in typed("import", "observations", "both.jsonl", status=2).stderr


def test_certificates_and_origins_have_their_columns() -> None:
    """The side files are exported as they are, after date and vantage."""
    for what, kind in (("origins", Origins), ("certificates", Certificates)):
        text = typed("export", what, str(DAYS[1]), "--format", "csv").stdout
        assert text.splitlines()[0].split(",") == ["date", "vantage", *kind.schema]
        assert len(text.splitlines()) == 3
