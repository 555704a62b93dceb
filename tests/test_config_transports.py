"""Several transports of one resolver: what `also` says, what --transports asks, and what is made of the replies."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from resolver_diff import probe, snapshot
from resolver_diff.config import Config, DomainSet, Names, Resolver, Why, load
from resolver_diff.diff import Diff, anomalies, diff
from resolver_diff.errors import ConfigError, UsageError
from resolver_diff.lab import reading
from resolver_diff.lab.servers import Lab
from resolver_diff.plan import Plan
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Condition
from test_commands import run
from test_compare import day
from test_plan import config as planned
from test_probe import DAY, Memory, answer

Load = Callable[[str], Config]


@pytest.fixture
def load_yaml(tmp_path: Path) -> Load:
    """Load a text as resolvers.yaml, beside a domain set of one name."""
    (tmp_path / "one.txt").write_text("example.com\n")

    def load_it(text: str) -> Config:
        (tmp_path / "resolvers.yaml").write_text(text)
        return load(tmp_path / "resolvers.yaml", [tmp_path / "one.txt"])

    return load_it


def ways(config: Config) -> list[tuple[str, str, int, str | None, str | None]]:
    """Return what a config asks: name, transport, port, hostname, path."""
    return [(each.name, str(each.transport), each.port, each.hostname, each.path) for each in config.resolvers]


QUAD9 = """
groups:
  quad9:
    role: control
    hostname: dns.quad9.net
    also: {tcp: , tls: {port: 8853}, https: {hostname: dns9.quad9.net, path: /dns-query}}
resolvers:
  - {name: a, group: quad9, address: 9.9.9.9, qps: 5}
  - {name: b, group: quad9, address: 9.9.9.10, also: {quic: }}
  - {name: c, address: 'tls://192.0.2.1', port: 853}
"""


def test_only_its_own_transport_is_asked_unless_more_are_wanted(load_yaml: Load) -> None:
    """`also` alone changes nothing about a run, and warns of nothing."""
    config = load_yaml(QUAD9)
    assert [each[:3] for each in ways(config)] == [("a", "udp", 53), ("b", "udp", 53), ("c", "tls", 853)]
    assert config.warnings == ()


def test_each_resolver_is_asked_over_those_it_speaks(load_yaml: Load) -> None:
    """What a transport does not say is as the entry has it, but for the port; who speaks none is left out."""
    config = load_yaml(QUAD9).over(["udp", "tls", "https"])
    assert ways(config) == [
        ("a", "udp", 53, "dns.quad9.net", None),
        ("a", "tls", 8853, "dns.quad9.net", None),
        ("a", "https", 443, "dns9.quad9.net", "/dns-query"),
        ("b", "udp", 53, "dns.quad9.net", None),
        ("c", "tls", 853, None, None),
    ]
    assert {each.qps for each in config.resolvers if each.name == "a"} == {5.0}
    narrower = load_yaml(QUAD9).over(["quic", "tcp"])
    assert [each[:2] for each in ways(narrower)] == [("a", "tcp"), ("b", "quic")]
    assert [(each.resolver, each.transport, each.why) for each in narrower.left_out] == [("c", "tls", Why.NOT_OVER)]


def test_transports_nobody_speaks_are_an_error(load_yaml: Load) -> None:
    """The error says which there are."""
    with pytest.raises(UsageError, match="no resolver speaks h3") as caught:
        load_yaml(QUAD9).over(["h3"])
    assert caught.value.hint is not None
    assert "they speak https, quic, tcp, tls, udp" in caught.value.hint


MISTAKES = {
    "also: {dot: }": ("unknown transport `dot`", 12),
    "also: [tls]": ("`also` must have keys and values", 12),
    "also: {tls: {port: 0}}": ("`port` must be a whole number from 1 to 65535, not `0`", 12),
    "also: {tls: {sni: x}}": ("unknown key `sni`", 12),
    "also: {tls: {hostname: 'a b'}}": ("`hostname`: a space in a name: `a b`", 12),
}


@pytest.mark.parametrize("also", MISTAKES)
@pytest.mark.parametrize("where", ["defaults: {%s}\n", "groups: {g: {%s}}\n", ""])
def test_what_is_wrong_with_also_is_said_once(load_yaml: Load, also: str, where: str) -> None:
    """Whether or not an entry takes it, and however many do."""
    entries = "".join(f"- {{name: {name}, address: 192.0.2.{n}, role: control%s}}\n" for n, name in enumerate("ab", 1))
    text = f"{where % also if where else ''}resolvers:\n" + entries % ("" if where else f", {also}", "")
    with pytest.raises(ConfigError) as caught:
        load_yaml(text)
    assert [problem.message for problem in caught.value.problems] == [MISTAKES[also][0]]


@pytest.mark.parametrize(
    ("entry", "warning"),
    [
        ("also: {tcp: {hostname: x.example}}", "`hostname` changes nothing over tcp"),
        ("hostname: x.example, also: {tcp: }", "`hostname` changes nothing over udp and tcp"),
        ("path: /x, also: {tls: }", "`path` changes nothing over udp and tls"),
    ],
)
def test_a_key_that_no_transport_needs_is_odd(load_yaml: Load, entry: str, warning: str) -> None:
    """A warning names all the transports that it changes nothing over."""
    config = load_yaml(f"resolvers: [{{name: a, address: 192.0.2.1, role: control, {entry}}}]")
    assert [each.message for each in config.warnings] == [warning]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("name: a, address: 192.0.2.1", "two resolvers are called `a`"),
        ("name: a, address: 192.0.2.1, transport: tcp", "two resolvers are called `a`"),
        ("name: a, address: 192.0.2.2, transport: tls", "two resolvers are called `a`"),
        ("name: a, address: 192.0.2.1, transport: tls, operator: O", "two resolvers are called `a`"),
        ("name: a, address: 192.0.2.1, transport: tls", None),
    ],
)
def test_one_name_is_one_resolver(load_yaml: Load, other: str, message: str | None) -> None:
    """Entries share a name only over different transports, and where all else that is known agrees."""
    text = (
        f"resolvers:\n- {{name: a, address: 192.0.2.1, role: control, also: {{tcp: }}}}\n- {{role: control, {other}}}\n"
    )
    if message is None:
        assert [each[:2] for each in ways(load_yaml(text))] == [("a", "udp"), ("a", "tls")]
        return
    with pytest.raises(ConfigError) as caught:
        load_yaml(text)
    assert [problem.message for problem in caught.value.problems] == [message]


def test_two_names_for_one_place_are_odd(load_yaml: Load) -> None:
    """An entry that another one speaks also is asked twice when both are wanted."""
    entries = (
        "{name: a, address: 192.0.2.1, role: control, also: {tcp: }}, {name: b, address: 192.0.2.1, transport: tcp}"
    )
    (warning,) = load_yaml(f"resolvers: [{entries}]").warnings
    assert warning.message == "`b` and `a` are one and the same resolver"


def everywhere(names: int = 40) -> Plan:
    """Return a plan of many names at one resolver over three transports, and at another one."""
    asked = [Resolver(name="one", address="192.0.2.1", transport=way, qps=20.0) for way in ("udp", "tcp", "tls")]
    listed = {"many": [f"n{number:03}.example" for number in range(names)]}
    return Plan(planned(*asked, Resolver(name="two", address="192.0.2.2"), names=listed), day=DAY, vantage="here")


def test_the_transports_of_a_resolver_are_asked_in_one_go() -> None:
    """The same question leaves over each transport next to the others, at the pace of one address."""
    plan = everywhere()
    (batch,) = plan.batches()
    mine = batch.frame.filter(pl.col("resolver") == "one").sort("due")
    together = mine.select("qname", "qtype", "purpose", chunk=pl.int_range(pl.len()) // 3)
    per_chunk = together.group_by("chunk").agg(asked=pl.struct("qname", "qtype", "purpose").n_unique(), of=pl.len())
    assert per_chunk.select("asked", "of").unique().rows() == [(1, 3)]
    assert mine["due"].diff().drop_nulls().min() == pytest.approx(1 / 20)
    order = mine["qname"].to_list()
    assert order != sorted(order)


def test_an_address_has_one_pace_whatever_the_port() -> None:
    """Kindness is to the machine; only on loopback, where many resolvers are played, does a port count."""

    def paces(address: str) -> int:
        ports = [Resolver(name=f"r{port}", address=address, port=port) for port in (53, 5353)]
        return Plan(planned(*ports), day=DAY, vantage="here").per_resolver()["pace"].n_unique()

    assert [paces(address) for address in ("192.0.2.1", "2001:db8::1", "127.0.0.1", "::1")] == [1, 1, 2, 2]


def both(names: tuple[str, ...] = ("a.example",)) -> Config:
    """Return a config of one resolver over two transports."""
    asked = tuple(Resolver(name="one", address="192.0.2.1", transport=way, qps=1000.0) for way in ("udp", "tcp"))
    sets = (DomainSet("shops", "shops.txt", Names.of(list(names))),)
    return Config(resolvers=asked, domain_sets=sets, control_names=("control.example",), qtypes=("A",), timeout=0.3)


def take(folder: Path, says: Callable[[str], bool]) -> probe.Taken:
    """Take a snapshot of a resolver that answers over the transports that *says* tells."""
    memory = Memory(lambda way, _a, query, _n: [answer(query)] if says(way) else [])
    return asyncio.run(probe.take(both(), folder=folder, day=DAY, vantage="here", carriers=memory.carriers()))


def test_both_transports_are_in_the_snapshot(tmp_path: Path) -> None:
    """One resolver, one row for each transport; the file knows the entry over both."""
    taken = take(tmp_path, lambda _: True)
    (loaded,) = snapshot.load(tmp_path, DAY)
    rows = loaded.observations.filter(pl.col("qname") == "a.example").select("resolver", pl.col("transport").cast(str))
    assert rows.rows() == [("one", "udp"), ("one", "tcp")]
    assert [(each.name, str(each.transport)) for each in loaded.resolvers] == [("one", "udp"), ("one", "tcp")]
    assert taken.silent == ()


def test_a_snapshot_of_several_transports_is_sorted(tmp_path: Path) -> None:
    """In whatever order the entries speak them, a file has its transports in one order."""
    asked = both(("b.example", "a.example"))
    asked = replace(asked, resolvers=asked.resolvers[::-1])
    memory = Memory(lambda _w, _a, query, _n: [answer(query)])
    taken = asyncio.run(probe.take(asked, folder=tmp_path, day=DAY, vantage="here", carriers=memory.carriers()))
    rows = pl.read_parquet(taken.files[0]).filter(pl.col("purpose") == "target")
    assert rows.equals(rows.sort(snapshot.ORDER, maintain_order=True))
    assert rows["transport"].cast(pl.String).to_list() == ["udp", "tcp"] * 2


def test_a_transport_that_is_silent_is_named(tmp_path: Path) -> None:
    """That a resolver answers over UDP does not hide that it says nothing over TCP; the silent one is asked once."""
    taken = take(tmp_path, lambda way: way == "udp")
    assert taken.silent == ("one over tcp",)
    assert taken.troubles == {}
    (loaded,) = snapshot.load(tmp_path, DAY)
    silent = loaded.observations.filter(pl.col("transport") == "tcp")
    assert silent["attempt"].max() == 0


def over_tcp(said: Mapping[str, Any], tcp: Mapping[str, Any], *names: str) -> Snapshot:
    """Return a date on which the resolvers *names* are asked over TCP as well, and say *tcp* there."""
    twins = {f"{name}-twin": {"transport": "tcp"} for name in names}
    cast = {}
    for name, twin in zip(names, twins, strict=True):
        facts = day({}).resolvers
        (known,) = [each for each in facts if each.name == name]
        cast[twin] = {**known.model_dump(include={"address", "country", "operator", "role", "policy"}), **twins[twin]}
    one = day({**said, **{f"{name}-twin": what for name, what in tcp.items()}}, cast)
    named = dict(zip(twins, names, strict=True))
    rows = one.observations.with_columns(pl.col("resolver").replace(named))
    entries = [each.model_copy(update={"name": named.get(each.name, each.name)}) for each in one.resolvers]
    return replace(one, observations=rows, runs=(replace(one.runs[0], resolvers=tuple(entries)),))


def cells(found: Diff, qname: str = "x.example", resolver: str = "nsdi-a") -> list[dict[str, Any]]:
    """Return the cells of one name at a resolver on the later date, transport by transport."""
    same = (pl.col("qname") == qname) & (pl.col("resolver") == resolver) & (pl.col("qtype") == "A")
    return found.cells.filter(same, pl.col("date") == found.date_after).sort("transport").to_dicts()


def test_each_transport_is_a_cell_of_its_own() -> None:
    """Denied over UDP and answered over TCP: one anomaly, over UDP, and the contradiction is evidence."""
    today = over_tcp({"nsdi-a": {"x.example": "nxdomain"}}, {"nsdi-a": {"x.example": "answer"}}, "nsdi-a")
    found = anomalies(today)
    assert [(each["transport"], each["state"]) for each in cells(found)] == [("udp", "vanished"), ("tcp", "agrees")]
    told = found.anomalies.frame
    assert told.select("resolver", pl.col("transport").cast(str), "qtype").rows() == [
        ("nsdi-a", "udp", "A"),
        ("nsdi-a", "udp", "AAAA"),
    ]
    assert all("transports_disagree" in text for text in told["evidence_for"])
    assert found.cells.select("date", "qname", "qtype", "resolver", "transport").is_duplicated().sum() == 0


def test_a_resolver_is_no_peer_of_itself() -> None:
    """What it denies over two transports is denied by one resolver, and its only peer is the other one."""
    denied = {"nsdi-a": {"x.example": "nxdomain"}}
    (udp, tcp) = cells(anomalies(over_tcp(denied, denied, "nsdi-a")))
    assert (udp["peers_asked"], udp["peers_denying"]) == (1, 0)
    assert (tcp["peers_asked"], tcp["peers_denying"]) == (1, 0)
    (other,) = cells(anomalies(over_tcp(denied, denied, "nsdi-a")), resolver="nsdi-b")
    assert (other["peers_asked"], other["peers_denying"]) == (1, 1)


def test_a_control_has_one_vote_over_however_many_transports() -> None:
    """Its second transport adds none, and one that contradicts the first takes it away."""
    plain = cells(anomalies(over_tcp({"isp-ru": {"x.example": "answer"}}, {}, "google")))[0]
    assert (plain["controls_asked"], plain["controls_agreeing"]) == (5, 5)
    torn = cells(anomalies(over_tcp({}, {"google": {"x.example": "nxdomain"}}, "google")))[0]
    assert (torn["controls_asked"], torn["controls_agreeing"]) == (5, 4)


def test_a_transport_that_is_added_enters_and_changes_nothing() -> None:
    """Two dates, the later one over TCP too: no anomaly, and the entry that only it has is named."""
    before = replace(day({}), date=date(2026, 2, 9))
    found = diff(before, over_tcp({}, {}, "nsdi-a"))
    assert len(found.anomalies) == 0
    assert found.entered == ("resolver nsdi-a (tcp)",)


def test_health_is_by_transport() -> None:
    """A resolver that is silent over one transport is well over the other."""
    found = anomalies(over_tcp({}, {"nsdi-a": {"*": "timeout"}}, "nsdi-a")).health.frame
    mine = found.filter(pl.col("resolver") == "nsdi-a").sort("transport")
    assert mine.select(pl.col("transport", "condition").cast(str)).rows() == [
        ("udp", Condition.WELL),
        ("tcp", Condition.SILENT),
    ]


def test_explain_shows_the_transports_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page for each transport, with what was said over it and a command that asks over it."""
    monkeypatch.chdir(tmp_path)
    take(tmp_path / "snapshots", lambda way: way == "udp")
    said = run("explain", "a.example", "one")
    assert said.exit_code == 0
    first, second = said.stdout.split("a.example A at one")[1:]
    assert " over udp, from vantage here" in " ".join(first.split())
    assert "198.51.100.7" in first
    assert " over tcp, from vantage here" in " ".join(second.split())
    assert "198.51.100.7" not in second
    assert "+tcp" not in first
    assert "+tcp" in second


def test_check_counts_what_the_transports_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each transport, resolvers counted once, and the ones left out named."""
    monkeypatch.chdir(tmp_path)
    Path("mine.txt").write_text("a.example\n")
    Path("mine.yaml").write_text(
        "resolvers:\n"
        "  - {name: one, address: 192.0.2.1, operator: O, role: control, also: {tcp: }}\n"
        "  - {name: two, address: 192.0.2.2, operator: P, role: control, transport: tcp}\n"
        "  - {name: three, address: 192.0.2.3, operator: Q, role: control}\n"
    )
    said = run("check", "--resolvers", "mine.yaml", "--domains", "mine.txt", "--transports", "tcp")
    assert said.exit_code == 0
    assert "warning: 1 resolver would not be asked, as they speak none of the transports wanted: three\n" in said.stderr
    both = run("check", "--resolvers", "mine.yaml", "--domains", "mine.txt", "--transports", "udp,tcp")
    assert [line.split()[:2] for line in both.stdout.splitlines() if "192.0.2." in line] == [
        ["one", "udp"],
        ["one", "tcp"],
        ["two", "tcp"],
        ["three", "udp"],
    ]
    assert "to 3 resolvers over udp, tcp, each at most" in " ".join(both.stdout.split())


@pytest.mark.parametrize(("words", "message"), [("dot", "unknown transport `dot`"), (" , ", "names no transport")])
def test_transports_that_are_none_are_an_error(words: str, message: str) -> None:
    """A word of elsewhere is translated."""
    said = run("check", "--transports", words)
    assert said.exit_code == 2
    assert message in said.stderr
    assert "tls" in said.stderr


def test_a_query_is_asked_with_its_own_transport_and_port() -> None:
    """The numbers of questions lead back to name and transport."""
    plan = everywhere(2)
    for batch in plan.batches():
        index = plan.resolver_index(batch.frame["number"].to_numpy())
        assert [plan.resolvers[place].name for place in index] == batch.frame["resolver"].to_list()
    assert plan.per_resolver()["transport"].to_list() == ["udp", "tcp", "tls", "udp"]


REDIRECTED = """
about: UDP to one resolver is redirected on the second day; over TCP it goes on telling the truth.
names:
  shops: {shop.example: 93.184.215.14, other.example: 93.184.215.15}
  control: {example.org: answer, example.net: answer, example.com: answer}
resolvers:
  c1: {operator: A, country: US, role: control}
  c2: {operator: B, country: CH, role: control}
  c3: {operator: C, country: DE, role: control}
  isp: {operator: D, country: RU, role: isp, transports: [udp, tcp]}
days:
  2026-02-10:
  2026-02-11:
    isp/udp: {shop.example: nxdomain aa no-soa}
"""


def test_over_sockets_udp_and_tcp_to_one_resolver_are_told_apart(tmp_path: Path) -> None:
    """Asked over both in one run, on loopback: what vanished vanished over UDP, and TCP is the witness."""
    with Lab(reading.loads(REDIRECTED)) as lab:
        asked = lab.config()
        named = tuple(each.model_copy(update={"name": each.name.removesuffix("-tcp")}) for each in asked.resolvers)
        for today in lab.scenario.dates:
            lab.play(today)
            config = replace(asked, resolvers=named)
            taken = asyncio.run(probe.take(config, folder=tmp_path, day=today, vantage="here"))
            assert taken.silent == ()
    before, after = (snapshot.load(tmp_path, today)[0] for today in (date(2026, 2, 10), date(2026, 2, 11)))
    found = diff(before, after).anomalies.frame.filter(pl.col("qtype") == "A")
    told = found.select("qname", "resolver", pl.col("transport", "change").cast(str)).rows()
    assert told == [("shop.example", "isp", "udp", "vanished")]
    assert "transports_disagree" in found["evidence_for"][0]
