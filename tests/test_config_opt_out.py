"""The opt-out list: who is not asked, and about what nobody is."""

import asyncio
from dataclasses import replace
from pathlib import Path
from time import process_time

import polars as pl
import pytest

from resolver_diff import probe, snapshot
from resolver_diff.config import Config, DomainSet, Names, Resolver, Why, load
from resolver_diff.config.optout import OptOut, read
from resolver_diff.config.text import Notes, Source
from resolver_diff.errors import ConfigError, Problem, UsageError
from resolver_diff.plan import Plan
from resolver_diff.probe import lookup
from test_commands import run
from test_plan import everything
from test_probe import DAY, Memory, answer

LIST = """# Who does not want to be asked
192.0.2.53
  198.51.100.0/24   # a whole network

2001:DB8::/32
Example.ORG.
bücher.example
"""


def listed(text: str) -> OptOut:
    """Return what a list says that has no mistake."""
    notes = Notes()
    found = read(Source("optout.txt", text.encode(), ""), notes)
    notes.raise_mistakes()
    return found


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.53", "192.0.2.53/32"),
        ("192.0.2.54", None),
        ("198.51.100.255", "198.51.100.0/24"),
        ("198.51.101.0", None),
        ("2001:db8:ffff::1", "2001:db8::/32"),
        ("2001:db9::1", None),
    ],
)
def test_addresses_and_prefixes(address: str, prefix: str | None) -> None:
    """An address is itself, a prefix every address in it."""
    assert listed(LIST).covering(address) == prefix


@pytest.mark.parametrize("name", ["example.org", "www.example.org", "a.b.example.org", "xn--bcher-kva.example"])
def test_a_name_covers_what_is_below_it(name: str) -> None:
    """In whatever case and script it is written."""
    found = listed(LIST)
    assert found.has_name(name)
    assert found.without(pl.Series("qname", [name])).to_list() == []


@pytest.mark.parametrize("name", ["org", "notexample.org", "example.org.uk", "example", "www.example.com"])
def test_a_name_covers_nothing_else(name: str) -> None:
    """Not what is above it, nor what only ends with the same letters."""
    found = listed(LIST)
    assert not found.has_name(name)
    assert found.without(pl.Series("qname", [name])).to_list() == [name]


WRONG = {
    "192.0.2.1/24": ("not a prefix: `192.0.2.1/24`", 1),
    "192.0.2.0/33": ("not a prefix: `192.0.2.0/33`", 1),
    "  exa mple.org": ("a space in a name", 6),
    "https://example.org/": ("a URL, not a name", 1),
    "192.0.2.1:53": ("a port does not belong to a name", 10),
    "*.example.org": ("a wildcard cannot be asked", 1),
    "1.2.3.4.5": ("a name does not end in a number", 1),
}


@pytest.mark.parametrize("line", WRONG)
def test_a_bad_line_is_named_where_it_stands(line: str) -> None:
    """The message says what it is, the place points at it; the other lines are read."""
    notes = Notes()
    found = read(Source("optout.txt", f"192.0.2.9\n{line}\nexample.com\n".encode(), ""), notes)
    with pytest.raises(ConfigError) as caught:
        notes.raise_mistakes()
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert (problem.message, problem.place.line, problem.place.column) == (WRONG[line][0], 2, WRONG[line][1])
    assert found.covering("192.0.2.9")
    assert found.has_name("example.com")


def test_a_long_list_takes_no_time() -> None:
    """A hundred thousand lines against a thousand resolvers and a hundred thousand names."""
    prefixes = [f"10.{number >> 8}.{number & 255}.0/24" for number in range(50_000)]
    found = listed("\n".join([*prefixes, *(f"n{number}.example" for number in range(50_000))]))
    names = pl.Series("qname", [f"www.n{number}.example" for number in range(100_000)])
    start = process_time()
    assert len(found.without(names)) == 50_000
    assert sum(found.covering(f"10.0.{number % 256}.{number % 200}") is not None for number in range(1000)) == 1000
    assert process_time() - start < 3


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with resolvers.yaml, that names an opt-out list, and a domain set; the current one."""
    monkeypatch.chdir(tmp_path)
    Path("mine.txt").write_text("a.example\nexample.org\nwww.example.org\n")
    Path("lists").mkdir()
    Path("lists/optout.txt").write_text(LIST)
    Path("lists/mine.yaml").write_text(
        "probe: {opt_out: optout.txt}\nresolvers:\n"
        "- {name: one, address: 192.0.2.1, operator: O, role: control}\n"
        "- {name: two, address: 192.0.2.53, also: {tcp: }, operator: P, role: control}\n"
        "- {name: three, address: 203.0.113.1, operator: Q, role: control}\n"
    )
    return tmp_path


def asked(mine: Path, more: str | None = None) -> Config:
    """Return the config of *mine*, with a list of --opt-out if there is more."""
    extra = None
    if more is not None:
        extra = mine / "more.txt"
        extra.write_text(more)
    return load(Path("lists/mine.yaml"), [Path("mine.txt")], extra)


def test_both_lists_are_heeded(mine: Path) -> None:
    """That of resolvers.yaml, seen from its folder, and that of --opt-out; both are inputs of the run."""
    config = asked(mine, "203.0.113.1\n").heeding()
    assert [each.name for each in config.resolvers] == ["one"]
    assert [(each.resolver, each.why, each.says) for each in config.left_out] == [
        ("two", Why.OPTED_OUT, "192.0.2.53/32"),
        ("three", Why.OPTED_OUT, "203.0.113.1/32"),
    ]
    assert config.domain_sets[0].qnames.to_list() == ["a.example"]
    assert config.names_left_out == 2
    assert {Path(name).name for name in config.inputs} >= {"optout.txt", "more.txt"}
    assert config.heeding().left_out == config.left_out


def test_who_is_left_out_is_left_out_over_every_transport(mine: Path) -> None:
    """--transports brings nobody back."""
    config = asked(mine).heeding().over(["tcp", "udp"])
    assert {each.name for each in config.resolvers} == {"one", "three"}


def test_reading_alone_leaves_nobody_out(mine: Path) -> None:
    """Who compares dates gets the facts about everybody: the list is about asking."""
    config = asked(mine)
    assert len(config.resolvers) == 3
    assert len(config.domain_sets[0].qnames) == 3


@pytest.mark.parametrize(
    ("more", "message"),
    [("0.0.0.0/0\n", "leaves no resolver to ask"), ("example\n", "leaves no name to ask for")],
)
def test_a_list_that_leaves_nothing_is_an_error(mine: Path, more: str, message: str) -> None:
    """There is nothing to run."""
    with pytest.raises(UsageError, match=message):
        asked(mine, more).heeding()


def test_a_missing_list_is_a_mistake(mine: Path) -> None:
    """Nobody is asked as long as it is not known who must not be."""
    (mine / "lists" / "optout.txt").unlink()
    with pytest.raises(ConfigError) as caught:
        asked(mine)
    problem: Problem = caught.value.problems[0]
    assert (problem.message, str(problem.place)) == ("there is no such file", "lists/optout.txt")


def test_control_identity_and_canary_names_are_heeded() -> None:
    """Nobody is asked for a name on the list, for whatever purpose."""
    opt_out = listed("akamai.net\ncom\ncontrol.example\n")
    sets = (DomainSet("s", "s.txt", Names.of(["a.example"])),)
    config = Config((Resolver(name="a", address="192.0.2.1"),), sets, ("control.example", "other.example"))
    plan = Plan(replace(config, opt_out=opt_out).heeding(), day=DAY, vantage="here")
    names = set(everything(plan)["qname"])
    assert "other.example" in names
    assert "control.example" not in names
    assert "whoami.akamai.net" not in names
    assert not [name for name in names if name.endswith(".com")]


def test_a_run_asks_nobody_on_the_list_whoever_made_its_config(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run itself looks at the list, also at addresses that it found by a host name; the snapshot says it."""

    async def find(_: str) -> tuple[str, str]:
        return "198.51.100.7", ""

    monkeypatch.setattr(lookup, "_find", find)
    given = asked(mine)
    given = replace(given, resolvers=(*given.resolvers, Resolver(name="found", address="dns.example")), qtypes=("A",))
    memory = Memory(lambda _t, _a, query, _n: [answer(query)])
    folder = tmp_path / "s"
    asyncio.run(probe.take(given, folder=folder, day=DAY, vantage="here", carriers=memory.carriers()))
    assert {address for _, address, _ in memory.asked} == {"192.0.2.1", "203.0.113.1"}
    assert not [name for _, _, name in memory.asked if name.endswith("example.org")]
    (facts,) = snapshot.load(folder, DAY)[0].runs
    assert [(each.resolver, each.why, each.says) for each in facts.left_out] == [
        ("two", Why.OPTED_OUT, "192.0.2.53/32"),
        ("found", Why.OPTED_OUT, "198.51.100.0/24"),
    ]
    assert facts.counts["names_left_out"] == 2


def test_check_says_who_and_how_much_is_left_out(mine: Path) -> None:
    """Resolvers by name and prefix, names by number."""
    (mine / "more.txt").write_text("203.0.113.0/24\n")
    said = run("check", "--resolvers", "lists/mine.yaml", "--domains", "mine.txt", "--opt-out", "more.txt")
    assert said.exit_code == 0
    text = " ".join(said.stderr.split())
    who = "two (192.0.2.53/32), three (203.0.113.0/24)"
    assert f"2 resolvers would not be asked, as they are on the opt-out list: {who}" in text
    assert "2 names would not be asked for, as the opt-out list has them" in text
    assert "1 name of 1 domain set" in said.stdout


def test_a_run_says_who_and_how_much_was_left_out(mine: Path) -> None:
    """At its end, in the same words; to have heeded the list makes no run incomplete."""
    (mine / "here.yaml").write_text(
        "probe: {opt_out: lists/optout.txt, timeout: 0.2, attempts: 1}\nresolvers:\n"
        "- {name: one, address: 127.0.0.1, port: 9, role: control, qps: 1000}\n"
        "- {name: two, address: 192.0.2.53}\n"
    )
    said = run("snapshot", "--resolvers", "here.yaml", "--domains", "mine.txt")
    text = " ".join(said.stderr.split())
    assert "not asked, as they are on the opt-out list: two (192.0.2.53/32)" in text
    assert "not asked for, as the opt-out list has them: 2 names" in text
