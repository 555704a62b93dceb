"""Whose the addresses are: looked up once when a snapshot is taken, from a file, the installed database or DNS."""

import asyncio
import http.server
import ipaddress
import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import polars as pl
import pytest

from resolver_diff import config as configs
from resolver_diff import origins, probe, snapshot
from resolver_diff.commands._beside import Beside
from resolver_diff.config import Config, DomainSet, Names, Resolver
from resolver_diff.errors import UsageError
from resolver_diff.origins import asking, installed
from resolver_diff.snapshot import sides
from resolver_diff.tables import Origins
from test_commands import run

DAY = date(2026, 2, 11)
ANSWERS = {
    "a.example": ("1.2.3.4",),
    "b.example": ("1.2.3.77", "1.2.3.200"),
    "c.example": ("10.0.0.1",),
    "d.example": ("9.9.9.9", "8.8.8.8", "7.7.7.7", "6.6.6.6", "5.5.5.5"),
    "whoami.akamai.net": ("4.4.4.4",),
}
ORIGINS = {
    "4.3.2.1": ("64500 | 1.2.0.0/16 | DE | ripencc | 2001-02-03", "64501 | 1.2.3.0/25 | DE | ripencc |"),
    "200.3.2.1": ("64502 | 1.2.3.128/25 | DE | ripencc | 2001-02-03",),
    "9.9.9.9": ("64500 64501 | 9.9.9.0/24 | US | arin |",),
    "8.8.8.8": ("what \x1b is this | x",),
    "7.7.7.7": ("64500 | 6.0.0.0/8 | US | arin | 2001-01-01",),
    "4.4.4.4": ("NA | 4.4.4.0/24 | US | arin |",),
}
NAMES = {"as64501": "64501 | DE | ripencc | 2001-02-03 | EXAMPLE-AS Ex\x07ample, DE", "as64502": "nothing"}


def reply(query: dns.message.Message) -> dns.message.Message | None:
    """Answer as a resolver that knows some names, and the zones that say whose addresses are; 5.5.5.5 is silent."""
    made = dns.message.make_response(query)
    made.flags |= dns.flags.RA
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    address = name.removesuffix(".origin.asn.cymru.com")
    if address == "5.5.5.5":
        return None
    texts = ORIGINS.get(address, ()) if address != name else tuple(filter(None, [NAMES.get(name.partition(".")[0])]))
    if question.rdtype == 16 and texts:
        octets = ['"' + text.replace("\x1b", "\\027").replace("\x07", "\\007") + '"' for text in texts]
        made.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", *octets))
    elif question.rdtype == 1 and name in ANSWERS:
        made.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", *ANSWERS[name]))
    elif question.rdclass == 1:
        made.set_rcode(dns.rcode.NXDOMAIN)
    return made


class Server:
    """A resolver on loopback, over UDP; counts what it was asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        asked = self.asked

        class Handler(socketserver.BaseRequestHandler):
            """Answers one datagram."""

            def handle(self) -> None:
                """Answer, or say nothing."""
                query = dns.message.from_wire(self.request[0])
                asked[query.question[0].name.to_text(omit_final_dot=True).lower()] += 1
                if (made := reply(query)) is not None:
                    self.request[1].sendto(made.to_wire(), self.client_address)

        self.server = socketserver.UDPServer(("127.0.0.1", 0), Handler)
        self.port: int = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a resolver on loopback."""
    made = Server()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a folder of its own for the user's data."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "resolver_diff"


def config(port: int, names: tuple[str, ...] = ("a.example", "b.example", "c.example", "d.example")) -> Config:
    """Return a config of one control."""
    asked = DomainSet("shops", "shops.txt", Names.of(sorted(names)))
    control = Resolver(name="one", address="127.0.0.1", port=port, role="control", qps=2000.0)
    return Config((control,), (asked,), (), qtypes=("A",), attempts=2, timeout=0.3)


def taken(given: Config, folder: Path, source: origins.Source | None) -> tuple[probe.Taken, pl.DataFrame]:
    """Take a snapshot, and return it with the origins that lie beside it."""
    made = asyncio.run(probe.take(given, folder=folder, day=DAY, vantage="here", beside=Beside(source)))
    return made, sides.read(snapshot.directory(folder, DAY, "here"), Origins).frame


def test_origins_are_asked_over_dns(server: Server, tmp_path: Path) -> None:
    """Each /24 is asked about once, by the longest prefix with one origin; what is not told is null, and says why."""
    made, found = taken(config(server.port), tmp_path / "s", origins.OverDns())
    zone = "origin.asn.cymru.com"
    assert found.rows() == [
        ("1.2.3.200", 64502, None, "1.2.3.128/25", zone),
        ("1.2.3.4", 64501, "EXAMPLE-AS Ex?ample, DE", "1.2.3.0/25", zone),
        ("1.2.3.77", 64501, "EXAMPLE-AS Ex?ample, DE", "1.2.3.0/25", zone),
        ("4.4.4.4", None, None, "4.4.4.0/24", f"{zone} (no origin)"),
        ("5.5.5.5", None, None, None, f"{zone} (timeout)"),
        ("6.6.6.6", None, None, None, f"{zone} (nxdomain)"),
        ("7.7.7.7", None, None, None, f"{zone} (malformed)"),
        ("8.8.8.8", None, None, None, f"{zone} (malformed)"),
        ("9.9.9.9", None, None, "9.9.9.0/24", f"{zone} (several origins)"),
    ]
    about = {name.removesuffix(f".{zone}"): count for name, count in server.asked.items() if name.endswith(zone)}
    assert about.pop("5.5.5.5") == 2  # attempts
    assert about == dict.fromkeys(("4.3.2.1", "200.3.2.1", "9.9.9.9", "8.8.8.8", "7.7.7.7", "6.6.6.6", "4.4.4.4"), 1)
    assert (made.counts["origins"], made.counts["origins_unknown"]) == (9, 6)


def test_addresses_that_cannot_be_public_are_nobodys(server: Server, tmp_path: Path) -> None:
    """10.0.0.1 was answered, and is not looked up."""
    _, found = taken(config(server.port), tmp_path / "s", origins.OverDns())
    assert "10.0.0.1" not in found["address"].to_list()
    assert not server.asked["1.0.0.10.origin.asn.cymru.com"]


def test_an_address_is_looked_up_once(server: Server, tmp_path: Path) -> None:
    """Another set of the same date asks only for what is new, and what was known stays as it was."""
    taken(config(server.port, ("a.example",)), tmp_path / "s", origins.OverDns())
    server.asked.clear()
    other = DomainSet("others", "others.txt", Names.of(["a.example", "b.example"]))
    given = replace(config(server.port), domain_sets=(other,))
    _, found = taken(given, tmp_path / "s", origins.OverDns())
    assert not server.asked["4.3.2.1.origin.asn.cymru.com"]
    assert found["address"].to_list() == ["1.2.3.200", "1.2.3.4", "1.2.3.77", "4.4.4.4"]
    assert snapshot.dates(tmp_path / "s") == [DAY]


def test_nothing_is_looked_up_unless_asked_for(server: Server, tmp_path: Path) -> None:
    """Without a source there is no side file, and no question to a third party."""
    made, found = taken(config(server.port), tmp_path / "s", origins.source(None, config(server.port)))
    assert found.is_empty()
    assert not [name for name in server.asked if name.endswith("cymru.com")]
    assert [file.name for file in made.files[0].parent.iterdir()] == ["shops.parquet"]


def test_without_a_control_nobody_is_asked(server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Resolvers that are judged are not asked about their own answers."""
    given = config(server.port)
    given = replace(given, resolvers=(given.resolvers[0].model_copy(update={"role": "isp"}),))
    _, found = taken(given, tmp_path / "s", origins.OverDns())
    assert found.is_empty()
    assert "nobody could be asked whose 9 addresses are" in capfd.readouterr().err


def test_a_file_is_enough(server: Server, tmp_path: Path) -> None:
    """With a database nobody is asked, and the snapshot says which database it was."""
    file = tmp_path / "mine-20260201.csv"
    file.write_text("1.2.0.0,1.2.255.255,64500,Mine\n8.0.0.0/8,1\n")
    _, found = taken(config(server.port), tmp_path / "s", origins.source(str(file), config(server.port)))
    assert found.filter(pl.col("asn").is_not_null()).rows() == [
        (address, 64500, "Mine", None, "mine-20260201.csv, 2026-02-01")
        for address in ("1.2.3.200", "1.2.3.4", "1.2.3.77")
    ]
    assert not [name for name in server.asked if name.endswith("cymru.com")]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("1.2.3.4", "4.3.2.1.origin.asn.cymru.com"),
        ("2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.origin6.asn.cymru.com"),
    ],
)
def test_questions_are_written_backwards(address: str, name: str) -> None:
    """As in in-addr.arpa and ip6.arpa."""
    assert asking.question(ipaddress.ip_address(address)) == name


def test_data_update_installs_and_show_tells(tmp_path: Path, data_folder: Path) -> None:
    """What was installed is shown with source, date, licence and coverage, and used by default."""
    file = tmp_path / "x-2026-02-01.pfx2as"
    file.write_text("0.0.0.0\t1\t64500\n2000::\t6\t64501\nnonsense\n")
    said = run("data", "update", "--from", str(file), "--source", "A test", "--licence", "CC0")
    assert said.exit_code == 0, said.stderr
    shown = run("data", "show").stdout
    for wanted in ("A test", "2026-02-01", "CC0", "50.0% of IPv4, 12.50% of IPv6", "1 lines could not be read"):
        assert wanted in shown
    assert str(file) in shown
    source = origins.source(None, config(1))
    assert source is not None
    assert source.about == "A test, 2026-02-01"
    assert [each.name for each in data_folder.iterdir()] == ["origins.parquet"]


def test_data_show_without_a_database_says_what_to_do() -> None:
    """That there is none is an answer, not an error: status 0, and how to get one."""
    said = run("data", "show")
    assert said.exit_code == 0
    assert said.stdout == (
        "no database of whose addresses are is installed; `resolver-diff data update --from FILE` installs one\n"
    )
    assert not said.stderr


def test_a_bad_database_replaces_nothing(tmp_path: Path) -> None:
    """An update that fails leaves what was installed."""
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("1.0.0.0/24,1\n")
    bad.write_text("no such thing\n")
    assert run("data", "update", "--from", str(good)).exit_code == 0
    assert run("data", "update", "--from", str(bad)).exit_code == 2
    assert "good.csv" in run("data", "show").stdout


Serve = Callable[[dict[str, tuple[int, dict[str, str], bytes]]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves pages over HTTP on loopback, and gives their address."""
    servers = []

    def begin(pages: dict[str, tuple[int, dict[str, str], bytes]]) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            """Gives a page."""

            def do_GET(self) -> None:
                """Answer."""
                status, headers, body = pages[self.path]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        made = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        servers.append((made, thread))
        return f"http://127.0.0.1:{made.server_address[1]}"

    yield begin
    for made, thread in servers:
        made.shutdown()
        thread.join()
        made.server_close()


def test_data_update_fetches_what_it_is_told_to(serve: Serve) -> None:
    """A database is fetched through a redirect, and is as old as its server says."""
    changed = {"Last-Modified": "Sun, 01 Feb 2026 10:00:00 GMT"}
    address = serve({"/a": (302, {"Location": "/b.csv"}, b""), "/b.csv": (200, changed, b"1.0.0.0/24,1,X\n")})
    said = run("data", "update", "--from", f"{address}/a")
    assert said.exit_code == 0, said.stderr
    assert f"fetching {address}/a" in said.stderr
    known = installed.load()
    assert known is not None
    assert (str(known.dated), known.facts["from"]) == ("2026-02-01", f"{address}/a")


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ((404, {}, b"no"), "404"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "cannot fetch"),
        ((200, {"Content-Length": "100"}, b"1.0.0.0/24,1\n"), "broke off after 13 of 100"),
        ((200, {}, b"<html>"), "no line of"),
    ],
)
def test_what_cannot_be_fetched_is_said(serve: Serve, page: tuple[int, dict[str, str], bytes], says: str) -> None:
    """A page that is missing, elsewhere, cut off or no database: status 2, and nothing is installed."""
    said = run("data", "update", "--from", f"{serve({'/a': page})}/a")
    assert said.exit_code == 2
    assert says in said.stderr
    assert installed.load() is None


def test_only_the_web_is_fetched_from() -> None:
    """file: and ftp: are refused before anything is opened."""
    said = run("data", "update", "--from", "ftp://127.0.0.1/x")
    assert said.exit_code == 2
    assert "ftp:" in said.stderr


def test_resolvers_yaml_says_where_origins_are_from(tmp_path: Path) -> None:
    """`probe: origins:` names a file beside it; --origins wins; what is not there is an error, or told by check."""
    (tmp_path / "x.csv").write_text("1.0.0.0/24,1\n")
    mine = tmp_path / "mine.yaml"
    mine.write_text("probe: {origins: x.csv}\nresolvers:\n- {name: a, address: 127.0.0.1, role: control}\n")
    names = tmp_path / "names.txt"
    names.write_text("a.example\n")
    read = configs.load(mine, [names])
    source = origins.source(None, read)
    assert source is not None
    assert source.about.startswith("x.csv, ")
    assert origins.source("none", read) is None
    assert isinstance(origins.source("dns", read), origins.OverDns)
    with pytest.raises(UsageError, match=r"no file `gone\.csv`"):
        origins.source("gone.csv", read)
    words = ("check", "--resolvers", str(mine), "--domains", str(names))
    assert "x.csv" in run(*words).stdout
    assert "which is not there" in " ".join(run(*words, "--origins", "gone.csv").stdout.split())
    assert "would learn what was answered" in " ".join(run(*words, "--origins", "dns").stdout.split())
    assert "not be looked up" in " ".join(run(*words, "--asn-db", "none").stdout.split())


def test_a_file_can_hold_no_answers(tmp_path: Path) -> None:
    """A snapshot without origins has none: an empty table, not an error."""
    assert sides.read(snapshot.directory(tmp_path, DAY, "here"), Origins).frame.schema == Origins.schema


def test_the_command_looks_up_and_verifies(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`snapshot --asn-db FILE --verify-tls`: origins lie beside the day; what a control gives needs no handshake."""
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("a.example\nc.example\n")
    Path("db.csv").write_text("1.2.0.0/16,64500,Mine\n")
    entry = "{{name: {name}, address: 127.0.0.1, port: {port}, role: {role}, operator: {name}}}"
    entries = [entry.format(name=name, port=server.port, role=role) for name, role in (("c", "control"), ("r", "isp"))]
    Path("mine.yaml").write_text("resolvers:\n" + "".join(f"- {line}\n" for line in entries))
    words = ("--resolvers", "mine.yaml", "--domains", "names.txt", "--qtype", "A", "--date", "today", "--timeout", "1")
    said = run("snapshot", *words, "--asn-db", "db.csv", "--verify-tls", "--transports", "udp")
    assert said.exit_code in (0, 3), said.stderr
    assert "looked up whose 2 addresses are, in db.csv" in said.stderr
    assert "0 handshakes" in said.stderr
    (day,) = snapshot.dates(Path("snapshots"))
    found = sides.read(snapshot.directory(Path("snapshots"), day, "local"), Origins).frame
    assert found.select("address", "asn", "prefix").rows() == [
        ("1.2.3.4", 64500, "1.2.0.0/16"),
        ("4.4.4.4", None, None),
    ]
