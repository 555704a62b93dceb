"""Rules that others have published: what each says of a reply, and what it cannot say without facts beside it."""

import csv
import importlib
import io
import re
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from resolver_diff import family, rules
from resolver_diff.__main__ import Manner, application
from resolver_diff.config import Resolver
from resolver_diff.rules import COLUMNS, Rule, _case
from resolver_diff.snapshot import Run, Snapshot, directory, filing, sides
from resolver_diff.tables import Certificates, Observations, Origins, Tags

DAY = date(2026, 2, 11)
NOON = datetime(2026, 2, 11, 12, tzinfo=UTC)
CONTROLS = ("ctl-a", "ctl-b", "ctl-c")
TRUE, SAME_AS, SAME_OWNER, CACHE, FORGED, BOGON = (
    "198.41.0.1", "198.41.9.9", "199.7.83.42", "193.0.14.129", "192.5.5.241", "10.10.34.34",
)  # fmt: skip
ORIGINS = {TRUE: (64500, "EXAMPLE"), SAME_AS: (64500, "EXAMPLE"), SAME_OWNER: (64501, "EXAMPLE"), CACHE: (64502, "ISP")}
ORIGINS |= {FORGED: (64503, "OTHER")}
CODES = {"nxdomain": 3, "servfail": 2, "refused": 5}
SAID = ("answer", "nodata", "nxdomain", "servfail", "timeout")
MEMBERS = family.members(rules, "RULE", Rule)


def row(resolver: str, name: str, said: str, **more: object) -> dict[str, object]:
    """Return a row: *said* is an outcome that is no answer, or addresses."""
    answer = None if said in (*CODES, "nodata", "timeout", "malformed") else said
    silent = said == "timeout"
    return {
        "asked_at": NOON,
        "resolver": resolver,
        "transport": "udp",
        "purpose": "target",
        "qname": name,
        "qtype": "A",
        "attempt": 0,
        "repeat": 0,
        "reply": None if silent else 0,
        "outcome": "answer" if answer else said,
        "rcode": None if silent else CODES.get(said, 0),
        "aa": None if silent else False,
        "answer": answer,
        **more,
    }


def quiet(*resolvers: str) -> list[dict[str, object]]:
    """Return ten names that everybody answers, and a control name: nobody is dead."""
    names = [f"quiet-{number}.test" for number in range(10)]
    rows = [row(who, name, TRUE) for who in (*CONTROLS, *resolvers) for name in names]
    return rows + [row(who, "control.test", TRUE, purpose="control") for who in (*CONTROLS, *resolvers)]


def day(rows: list[dict[str, object]]) -> Snapshot:
    """Return a snapshot with these rows."""
    said = sorted({str(each["resolver"]) for each in rows})
    entries = tuple(
        Resolver(name=who, address=f"127.0.0.{place + 1}", role="control" if who in CONTROLS else "isp", country="RU")
        for place, who in enumerate(said)
    )
    run = Run(DAY, "home", NOON, NOON, "0", "test", 1, 4.0, entries, {}, {})
    frame = Observations.of(pl.DataFrame(rows, infer_schema_length=None)).frame.drop("wire")
    return Snapshot(DAY, "home", (run,), frame.with_columns(domain_set=pl.lit("set")))


def beside(*, origins: bool = True, valid: tuple[str, ...] = (), invalid: tuple[str, ...] = ()) -> _case.Beside:
    """Return side files: whose the addresses are, and at which a handshake for name.test went well or not."""
    owned = [(address, *owner) for address, owner in ORIGINS.items()] if origins else []
    known = pl.DataFrame(owned, schema={"address": pl.String, "asn": pl.Int64, "organisation": pl.String}, orient="row")
    told = [("name.test", each, each in valid) for each in (*valid, *invalid)]
    schema = {"qname": pl.String, "address": pl.String, "valid": pl.Boolean}
    certificates = pl.DataFrame(told, schema=schema, orient="row")
    return _case.Beside(Origins.of(known), Tags.empty(), Certificates.of(certificates))


def judged(said: str, controls: tuple[str, ...] = (TRUE, TRUE, TRUE), **facts: object) -> dict[str, tuple[object, str]]:
    """Return what each rule says of one reply, and by which step."""
    rows = quiet("isp") + [row(who, "name.test", each) for who, each in zip(CONTROLS, controls, strict=True)]
    there = beside(**facts)  # type: ignore[arg-type]
    cells = _case.cells(day([*rows, row("isp", "name.test", said)]), there)
    assert set(COLUMNS) <= set(cells.columns)
    cell = cells.filter(qname="name.test")
    assert cell.height == 1
    return {name: rule.judge(cell, there.known()).row(0) for name, rule in MEMBERS.items()}


@pytest.mark.parametrize("name", MEMBERS)
def test_a_rule_says_where_it_is_from_and_where_it_is_weak(name: str) -> None:
    """Each file tells its source, the rule in words, and known weak points."""
    text = importlib.import_module(f"{rules.__name__}.{name}").__doc__ or ""
    for head in ("Source: ", "In words", r"Weak\b"):
        assert re.search(f"^{head}", text, re.MULTILINE), head


@pytest.mark.parametrize(
    ("said", "flagged"),
    [
        (TRUE, ""),
        (f"{TRUE} {FORGED}", ""),
        (SAME_AS, "naive"),
        (SAME_OWNER, "naive ooni_pipeline ooni_probe"),
        (CACHE, "iris naive ooni_pipeline ooni_probe satellite"),
        (FORGED, "iris naive ooni_pipeline ooni_probe satellite"),
        (BOGON, "iris naive ooni_pipeline ooni_probe satellite"),
        ("nxdomain", "naive ooni_pipeline ooni_probe respdiff satellite"),
        ("refused", "naive ooni_pipeline ooni_probe respdiff satellite"),
        ("nodata", "naive ooni_pipeline ooni_probe respdiff"),
        ("timeout", "naive ooni_pipeline ooni_probe respdiff"),
    ],
)
def test_what_is_flagged_without_certificates(said: str, flagged: str) -> None:
    """With origins and no certificates: who flags a true answer, a near one, a forged one, a denial, a silence."""
    assert {name for name, (flag, _) in judged(said).items() if flag} == set(flagged.split())


def test_certificates_clear_and_convict() -> None:
    """A good certificate clears a foreign cache with all who look; a failed one convicts with CERTainty and OONI."""
    good = judged(CACHE, valid=(TRUE, CACHE))
    assert {name for name, (flag, _) in good.items() if flag} == {"naive", "ooni_probe", "satellite"}
    bad = judged(SAME_AS, valid=(TRUE,), invalid=(SAME_AS,))
    assert {name for name, (flag, _) in bad.items() if flag} == {"naive", "certainty", "ooni_pipeline"}
    assert bad["ooni_pipeline"] == (True, "tls_inconsistent_not_in_ctrl")
    assert judged(SAME_AS, invalid=(SAME_AS,))["certainty"] == (None, "no_tls")


def test_who_leaves_a_dead_name_alone() -> None:
    """The controls deny it too: only a different kind of failure is inconsistent, and only to OONI's probe."""
    gone = ("nxdomain",) * 3
    assert not [name for name, (flag, _) in judged("nxdomain", gone).items() if flag]
    silent = judged("timeout", gone)
    assert silent["ooni_probe"] == (True, "both_fail_otherwise")
    assert silent["satellite"] == (None, "domain_controls_failed")
    assert silent["ooni_pipeline"] == (False, "failure_ctrl_also_failing")


def test_one_odd_control_silences_respdiff() -> None:
    """Where the controls differ from each other the question is unstable; where not, flags and types count too."""
    assert judged("nxdomain", (TRUE, "servfail", TRUE))["respdiff"] == (None, "upstream_unstable")
    assert judged(FORGED, (TRUE, SAME_AS, TRUE))["respdiff"] == (False, "agreement")
    rows = quiet("isp") + [row(who, "name.test", TRUE) for who in CONTROLS]
    for more, step in (({"aa": True}, "flags"), ({"cname": "elsewhere.test"}, "answertypes")):
        cells = _case.cells(day([*rows, row("isp", "name.test", TRUE, **more)]), beside())
        said = MEMBERS["respdiff"].judge(cells.filter(qname="name.test"), ())
        assert said.row(0) == (True, step)


def test_satellite_throws_away_who_errs_or_is_not_alive() -> None:
    """A resolver that denies most of a list is broken to it, and so is one that fails its control name."""
    names = [f"listed-{number}.test" for number in range(40)]
    rows = quiet("isp", "ill") + [row(who, name, TRUE) for who in CONTROLS for name in names]
    rows += [row("isp", name, "nxdomain") for name in names]
    rows = [each for each in rows if (each["resolver"], each["purpose"]) != ("ill", "control")]
    rows += [row("ill", "control.test", "servfail", purpose="control"), row("ill", "listed-0.test", "nxdomain")]
    cells = _case.cells(day(rows), beside())
    said = cells.with_columns(MEMBERS["satellite"].judge(cells, ["origins"]).get_columns()).filter(
        qname="listed-0.test"
    )
    assert dict(said.select("resolver", "rule").iter_rows()) == {"isp": "resolver_errors", "ill": "not_alive"}
    assert said["flagged"].null_count() == 2


def test_the_first_reply_of_the_first_time_counts() -> None:
    """Of attempts, repeats and second replies one is judged; what was withheld is no cell."""
    rows = quiet("isp") + [row(who, "name.test", TRUE) for who in CONTROLS]
    rows.append(row("isp", "name.test", "timeout"))
    rows.append(row("isp", "name.test", FORGED, attempt=1))
    rows.append(row("isp", "name.test", TRUE, attempt=1, reply=1))
    rows.append(row("isp", "name.test", TRUE, repeat=1))
    rows.append(row("isp", "other.test", "timeout", asked_at=None, trouble="not asked: it was silent"))
    cells = _case.cells(day(rows), beside()).filter(~pl.col("qname").str.starts_with("quiet"))
    assert cells.select("qname", "answer").rows() == [("name.test", FORGED)]


def typed(*words: str) -> Result:
    """Type a command."""
    return CliRunner().invoke(application(Manner()), list(words))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of two dates: an address of another's system, and a denial, at a provider."""
    for after in range(2):
        rows = quiet("isp") + [row(who, name, TRUE) for who in CONTROLS for name in ("name.test", "other.test")]
        found = day([*rows, row("isp", "name.test", SAME_AS), row("isp", "other.test", "nxdomain")])
        run = Run(
            **{name: getattr(found.runs[0], name) for name in Run.__slots__} | {"date": date(2026, 2, 11 + after)}
        )
        rows_of_set = Observations.of(found.observations.sort("qname", "resolver")).frame
        facts = (beside().origins,) if after else ()
        filing.put(tmp_path, run, "set", rows_of_set, facts, replace=False)
    return tmp_path


def test_help_names_every_rule() -> None:
    """The list in the help is written by hand, so that no rule is imported for it."""
    said = re.sub(r"[\s\u2502]+", " ", typed("judge", "--help").stdout)
    *others, last = MEMBERS
    assert f"Whose: {', '.join(others)} or {last}." in said


def test_judge_prints_a_date_and_keeps_all(folder: Path) -> None:
    """The latest date as a page; with --csv and no date every date; steps that cannot apply are said once."""
    said = typed("judge", "--rules", "ooni_probe", "--snapshots", str(folder))
    assert said.exit_code == 0, said.output
    assert "1 of 12 cells flagged" in said.stdout
    assert "shared_asn" not in said.stderr
    kept = typed("judge", "--rules", "ooni_probe", "--snapshots", str(folder), "--csv", "-")
    rows = list(csv.DictReader(io.StringIO(kept.stdout, newline="")))
    assert [(each["date"], each["qname"], each["rule"]) for each in rows] == [
        ("2026-02-11", "name.test", "inconsistent"),
        ("2026-02-11", "other.test", "inconsistent"),
        ("2026-02-12", "other.test", "inconsistent"),
    ]
    assert kept.stderr.count("there are no origins") == 1
    assert "shared_asn" in kept.stderr


def test_judge_ends_as_asked(folder: Path) -> None:
    """Status 1 with --exit-code where a cell is flagged, 2 for a rule that nobody published here."""
    where = ("--snapshots", str(folder))
    assert typed("judge", "2026-02-11", "--rules", "naive", *where, "--exit-code").exit_code == 1
    assert typed("judge", "2026-02-11", "--rules", "certainty", *where, "--exit-code").exit_code == 0
    refused = typed("judge", "--rules", "satelite", *where)
    assert refused.exit_code == 2
    assert "do you mean satellite?" in refused.stderr


def test_a_damaged_side_file_is_said(folder: Path) -> None:
    """Facts that cannot be read stop a rule, and the message names the file."""
    file = sides.place(directory(folder, date(2026, 2, 12), "home"), Origins)
    file.write_bytes(b"no parquet")
    refused = typed("judge", "--rules", "naive", "--snapshots", str(folder))
    assert refused.exit_code == 2
    assert "_origins.parquet" in refused.stderr
