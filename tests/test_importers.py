"""What others measured, read as snapshots: what is kept, what is named as unread, and who reads it then."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from resolver_diff import snapshot
from resolver_diff.__main__ import Manner, application
from resolver_diff.config.qnames import BadNameError, qname
from resolver_diff.snapshot import sides
from resolver_diff.tables import Certificates, Observations, Origins, Tags
from resolver_diff.wire.decode import content_hash

DAY = date(2026, 2, 10)
SIX = datetime(2026, 2, 10, 6, tzinfo=UTC)
CONTROLS, NAMES = ("ctl-a", "ctl-b", "ctl-c"), [f"name-{number}.test" for number in range(12)]
CATALOGUE = [
    ("ctl-a", "198.18.0.1", "US", 64500, "control", "control", "none"),
    ("ctl-b", "198.18.0.2", "DE", 64501, "control", "control", "none"),
    ("ctl-c", "198.18.0.3", "CH", 64502, "control", "control", "none"),
    ("ru-a", "198.18.0.4", "RU", 64503, "test", "national", "none"),
    ("ru-b", "198.18.0.5", "RU", 64504, "test", "isp", "none"),
    ("kids", "198.18.0.6", "CY", 64505, "test", "family", "family"),
]
COLUMNS = ("resolver_id", "ip", "country", "asn", "role", "kind", "policy")


def typed(*words: str) -> Result:
    """Type a command."""
    return CliRunner().invoke(application(Manner()), list(words))


def row(resolver: str, name: str, run: int = 0, **said: Any) -> dict[str, Any]:
    """Return a row of a world: an answer derived from the name, unless *said* otherwise."""
    address = f"62.76.{len(name)}.{1 + NAMES.index(name) if name in NAMES else 99}"
    usual = {"rcode": "NOERROR", "answers": [address], "cname": "", "ttl": 300, "cert_ok": None, "qtype": "A"}
    at = SIX + timedelta(days=run)
    return {"run": run, "ts": at, "resolver_id": resolver, "domain": name, **usual, **said}


def world(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Write a folder with a table, and what is known beside it."""
    folder.mkdir()
    frame = pl.DataFrame(rows, infer_schema_length=None)
    frame.with_columns(pl.col("ts").dt.cast_time_unit("ms")).write_parquet(folder / "observations.parquet")
    pl.DataFrame(CATALOGUE, schema=COLUMNS, orient="row").write_csv(folder / "resolvers.csv")
    roles = {"control-1.test": "control", "xq.test": "canary_nx"}
    listed = [(name, roles.get(name, "test")) for name in sorted(frame["domain"].unique())]
    pl.DataFrame(listed, schema=("domain", "role"), orient="row").write_csv(folder / "domains.csv")
    tags = [("62.76.11.1", 64600, "EXAMPLE", "c1", None), ("10.10.34.34", *[None] * 4)]
    tags.append(("198.18.0.1", 64500, "CONTROLS", None, None))
    pl.DataFrame(tags, schema=("ip", "asn", "asname", "cert", "http"), orient="row").write_parquet(
        folder / "ip_tags.parquet"
    )
    return folder


def everyone(run: int, **odd: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each resolver says of each name; *odd* is what ru-a and others say of the first name."""
    rows = [
        row(who, name, run, **(odd.get(who.replace("-", "_"), {}) if name == NAMES[0] else {}))
        for who, *_ in CATALOGUE
        for name in NAMES
    ]
    rows += [row(who, "control-1.test", run) for who, *_ in CATALOGUE]
    gone = {"rcode": "NXDOMAIN", "answers": []}
    return rows + [row(who, "xq.test", run, **gone) for who, *_ in CATALOGUE]


def load(folder: Path, day: date = DAY) -> snapshot.Snapshot:
    """Return the only snapshot of a date."""
    (found,) = snapshot.load(folder, day)
    return found


def test_a_world_becomes_snapshots(tmp_path: Path) -> None:
    """One snapshot per run: entries with role and policy, purposes, answers as the decoder writes them."""
    odd = {"answers": ["62.76.11.9", "62.76.11.10", "62.76.11.9"], "cname": "Edge.Example."}
    given = world(tmp_path / "world", everyone(0, ru_a=odd) + everyone(1))
    done = typed("import", "observations", str(given), "--snapshots", str(tmp_path / "snapshots"))
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 2
    assert snapshot.dates(tmp_path / "snapshots") == [DAY, DAY + timedelta(days=1)]
    found = load(tmp_path / "snapshots")
    entries = {entry.name: entry for entry in found.resolvers}
    assert [(entries[name].role, entries[name].policy) for name in ("ctl-a", "ru-a", "ru-b", "kids")] == [
        ("control", "unfiltered"),
        ("register", "national"),
        ("isp", "unfiltered"),
        ("public", "family"),
    ]
    assert entries["ctl-a"].operator == "CONTROLS (AS64500)"
    assert (entries["ru-a"].address, entries["ru-a"].country) == ("198.18.0.4", "RU")
    counts = dict(found.observations["purpose"].cast(pl.String).value_counts().rows())
    assert counts == {"target": 72, "control": 6, "canary": 6}
    told = found.observations.filter(qname=NAMES[0], resolver="ru-a").row(0, named=True)
    assert told["answer"] == "62.76.11.10 62.76.11.9"
    assert told["answer_hash"] == content_hash(told["answer"])
    assert (told["cname"], told["rcode"], told["reply"], told["outcome"]) == ("edge.example", 0, 0, "answer")
    assert told["authority"] is None


@pytest.mark.parametrize(
    ("rcode", "answers", "outcome", "reply"),
    [
        ("NOERROR", [], "nodata", 0),
        ("NXDOMAIN", [], "nxdomain", 0),
        ("SERVFAIL", [], "servfail", 0),
        ("REFUSED", [], "refused", 0),
        ("FORMERR", [], "other-rcode", 0),
        ("TIMEOUT", [], "timeout", None),
        ("NETERR", [], "unreachable", None),
        ("MALFORMED", [], "malformed", 0),
    ],
)
def test_every_way_to_end_is_an_outcome(
    tmp_path: Path, rcode: str, answers: list[str], outcome: str, reply: int | None
) -> None:
    """A RCODE, a silence and a broken reply are told apart, and a silence is no reply."""
    said = {"rcode": rcode, "answers": answers, "ttl": -1}
    given = world(tmp_path / "world", everyone(0, ru_a=said))
    assert typed("import", "observations", str(given), "--snapshots", str(tmp_path / "s")).exit_code == 0
    told = load(tmp_path / "s").observations.filter(qname=NAMES[0], resolver="ru-a").row(0, named=True)
    assert (told["outcome"], told["reply"], told["answer"], told["ttl"]) == (outcome, reply, None, None)


def test_facts_lie_beside_and_are_no_observations(tmp_path: Path) -> None:
    """Origins of the addresses given, and most handshakes of each name and address; readers pass over these files."""
    rows = everyone(0, ru_a={"cert_ok": False}, ru_b={"cert_ok": True}, kids={"cert_ok": True})
    given = world(tmp_path / "world", rows)
    folder = tmp_path / "s"
    typed("import", "observations", str(given), "--snapshots", str(folder), "--vantage", "there")
    place = snapshot.directory(folder, DAY, "there")
    assert sides.read(place, Origins).frame.rows() == [("62.76.11.1", 64600, "EXAMPLE", None, "ip_tags.parquet")]
    assert sides.read(place, Tags).frame.rows() == [("62.76.11.1", "c1", None)]
    told = sides.read(place, Certificates).frame.select("qname", "address", "valid", "why")
    assert told.rows() == [(NAMES[0], "62.76.11.1", True, None)]
    assert sorted(file.name for file in place.iterdir()) == [
        "_certificates.parquet",
        "_origins.parquet",
        "_tags.parquet",
        "world.parquet",
    ]
    assert [file.stem for file in snapshot.files(place)] == ["world"]
    assert not load(folder).damaged
    (place / "world.parquet").unlink()
    assert snapshot.dates(folder) == []


def test_what_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    """A second import ends with status 2 and leaves the files alone; --replace takes their place."""
    given = world(tmp_path / "world", everyone(0))
    words = ("import", "observations", str(given), "--snapshots", str(tmp_path / "s"))
    assert typed(*words).exit_code == 0
    refused = typed(*words)
    assert refused.exit_code == 2
    assert "--replace" in refused.stderr
    rows = everyone(0, ru_a={"rcode": "NXDOMAIN", "answers": []})
    frame = pl.DataFrame(rows, infer_schema_length=None)
    frame.write_parquet(given / "observations.parquet")
    assert typed(*words).exit_code == 2
    assert typed(*words, "--replace").exit_code == 0
    told = load(tmp_path / "s").observations.filter(qname=NAMES[0], resolver="ru-a")
    assert told["outcome"].to_list() == ["nxdomain"]


def test_one_file_of_replies_is_read_by_the_day(tmp_path: Path) -> None:
    """Rows without runs: a snapshot per day; ids that are no names get one; a question put twice is a repeat."""
    at = datetime(2017, 6, 22, 20, tzinfo=UTC)
    known: dict[str, Any] = {"qtype": "A", "rcode": "NOERROR", "cnames": ["a.Example.", "b.example"], "error": None}
    rows: list[dict[str, Any]] = [
        {"resolver_id": "8.8.8.8@prb1", "resolver_ip": "8.8.8.8", "resolver_cc": "NL", "role": "control", "ts": at}
        | {"domain": "Facebook.com.", "transport": "tcp", "answers": ["31.13.64.35"], "answer_asns": [32934]},
        {"resolver_id": "fe80::1@prb2", "resolver_ip": None, "resolver_cc": "uk", "role": "test", "ts": at}
        | {"domain": "facebook.com", "transport": "getaddrinfo", "answers": ["2A03::1", "31.13.64.36"], "qtype": "ANY"}
        | {"answer_asns": [None, 32934]},
    ]
    rows.append(rows[0] | {"ts": at + timedelta(minutes=1)})
    rows.append(rows[0] | {"ts": at + timedelta(days=1)})
    file = tmp_path / "atlas.parquet"
    pl.DataFrame([known | each for each in rows], infer_schema_length=None).write_parquet(file)
    done = typed("import", "observations", str(file), "--snapshots", str(tmp_path / "s"))
    assert done.exit_code == 0, done.output
    found = load(tmp_path / "s", date(2017, 6, 22))
    kept = found.observations.select("resolver", pl.col("transport").cast(pl.String), "qtype", "repeat", "answer")
    assert kept.rows() == [
        ("8.8.8.8-prb1", "tcp", "A", 0, "31.13.64.35"),
        ("8.8.8.8-prb1", "tcp", "A", 1, "31.13.64.35"),
        ("fe80-1-prb2", "udp", "A", 0, "31.13.64.36"),
        ("fe80-1-prb2", "udp", "AAAA", 0, "2a03::1"),
    ]
    assert set(found.observations["qname"]) == {"facebook.com"}
    assert found.observations["cname"][0] == "a.example b.example"
    entries = {entry.name: entry for entry in found.resolvers}
    assert entries["8.8.8.8-prb1"].tags == ("8.8.8.8@prb1",)
    assert entries["8.8.8.8-prb1"].role == "control"
    assert not entries["fe80-1-prb2"].located
    assert entries["fe80-1-prb2"].country == "UK"
    place = snapshot.directory(tmp_path / "s", date(2017, 6, 22), "imported")
    assert len(sides.read(place, Origins).frame) == 2
    assert len(snapshot.dates(tmp_path / "s")) == 2


def test_header_and_authority_are_kept_where_they_are_known(tmp_path: Path) -> None:
    """Flags and the SOA of a table that has them stand in the snapshot; where a row has none, nothing does."""
    gone = {"rcode": "NXDOMAIN", "answers": [], "aa": True, "ad": False, "soa": None, "authority": 0}
    proven = {"rcode": "NXDOMAIN", "answers": [], "aa": False, "ad": False, "soa": "Test.", "authority": 1}
    given = world(tmp_path / "world", everyone(0, ru_a=gone, ru_b=proven))
    typed("import", "observations", str(given), "--snapshots", str(tmp_path / "s"))
    found = load(tmp_path / "s").observations.filter(qname=NAMES[0])
    told = {row["resolver"]: row for row in found.iter_rows(named=True)}
    said = {
        who: tuple(told[who][name] for name in ("aa", "ra", "soa", "authority")) for who in ("ru-a", "ru-b", "kids")
    }
    assert said == {
        "ru-a": (True, None, None, 0),
        "ru-b": (False, None, "test", 1),
        "kids": (None, None, None, None),
    }


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """Names that are none, addresses that are none and endings nobody knows are named, counted and left out."""
    rows = everyone(0, ru_a={"rcode": "WHATEVER"}, ru_b={"answers": ["not-an-address"]}, kids={"rcode": None})
    rows.append(row("ru-a", "two..dots"))
    rows += [row("ru-b", NAMES[3]) for _ in range(300)]
    given = world(tmp_path / "world", rows)
    (given / "domains.csv").unlink()
    done = typed("import", "observations", str(given), "--snapshots", str(tmp_path / "s"))
    assert done.exit_code == 0
    for said in (
        "`WHATEVER`",
        "`not-an-address`",
        "`two..dots`",
        "4 rows left out",
        "no domains.csv",
        "1 row does",
        "45 rows left out: ",
    ):
        assert said in done.stderr
    with pytest.raises(BadNameError):
        qname("two..dots")
    first = load(tmp_path / "s").observations.filter(qname=NAMES[0])
    assert sorted(first["resolver"]) == ["ctl-a", "ctl-b", "ctl-c"]


@pytest.mark.parametrize("words", [("nothing-here",), ("world",), ("text.parquet",)])
def test_what_is_no_table_is_refused(tmp_path: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that does not exist, a table without its columns, a file that is no Parquet: status 2, and why."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "world").mkdir()
    pl.DataFrame({"domain": ["a.test"]}).write_parquet(tmp_path / "world" / "observations.parquet")
    (tmp_path / "text.parquet").write_text("not a table")
    done = typed("import", "observations", *words)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert not (tmp_path / "snapshots").exists()
    assert typed("import", "observation", "world").exit_code == 2


def test_the_other_commands_read_it(tmp_path: Path) -> None:
    """A name that vanishes at a register between two imported runs is found by diff, changes and history."""
    gone = {"rcode": "NXDOMAIN", "answers": []}
    given = world(tmp_path / "world", everyone(0) + everyone(1, ru_a=gone))
    where = ("--snapshots", str(tmp_path / "s"))
    typed("import", "observations", str(given), *where)
    found = typed("diff", *where, "--csv", "-")
    assert [line.split(",")[4:7] for line in found.stdout.splitlines()[1:]] == [[NAMES[0], "A", "ru-a"]]
    assert "1 cell said something else" in typed("changes", *where).stdout
    assert "nxdomain" in typed("history", NAMES[0], *where).stdout.lower()


def test_rows_lie_in_the_order_of_a_snapshot(tmp_path: Path) -> None:
    """What is imported is sorted as what is asked, so that two dates can be read side by side."""
    given = world(tmp_path / "world", list(reversed(everyone(0))))
    typed("import", "observations", str(given), "--snapshots", str(tmp_path / "s"))
    (file,) = snapshot.files(snapshot.directory(tmp_path / "s", DAY, "imported"))
    rows = pl.read_parquet(file, hive_partitioning=False)
    assert rows.schema == {**Observations.schema}
    order = rows.select(snapshot.ORDER)
    assert order.equals(order.sort(snapshot.ORDER, nulls_last=False))


def test_side_files_of_two_sets_are_joined(tmp_path: Path) -> None:
    """A second set of the same date adds to the facts; what it knows anew takes the place of what was known."""
    table = Origins.of(pl.DataFrame({"address": ["192.0.2.1", "192.0.2.2"], "asn": [64500, 64501]}))
    table.frame.write_parquet(sides.place(tmp_path, Origins))
    newer = Origins.of(pl.DataFrame({"address": ["192.0.2.2", "192.0.2.3"], "asn": [64510, 64511]}))
    assert sides.joined(tmp_path, newer).frame["asn"].to_list() == [64500, 64510, 64511]
    assert not len(sides.read(tmp_path, Certificates))
