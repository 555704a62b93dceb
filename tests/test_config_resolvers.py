"""What resolvers.yaml may say, and what is said about one that is wrong."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from certificates import Authority
from resolver_diff.config import Config, Resolver, load
from resolver_diff.errors import ConfigError, Problem

Load = Callable[[str | bytes], Config]

CONTROL = "resolvers:\n- {name: a, address: 192.0.2.1, role: control}\n"


@pytest.fixture
def load_yaml(tmp_path: Path) -> Load:
    """Load a text as resolvers.yaml, beside a domain set of one name."""
    lists = tmp_path / "domains"
    lists.mkdir(exist_ok=True)
    (lists / "one.txt").write_text("example.com\n")
    file = tmp_path / "resolvers.yaml"

    def load_it(text: str | bytes) -> Config:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(file, [lists])

    return load_it


def mistakes(load_yaml: Load, text: str | bytes) -> tuple[Problem, ...]:
    """Load what cannot be loaded, and return why."""
    with pytest.raises(ConfigError) as caught:
        load_yaml(text)
    return caught.value.problems


def only(problems: tuple[Problem, ...]) -> Problem:
    """Return the one problem there is."""
    assert len(problems) == 1, [problem.render() for problem in problems]
    return problems[0]


def test_an_entry_wins_over_its_group_and_the_group_over_the_defaults(load_yaml: Load) -> None:
    """A field is taken from the entry, else from its group, else from `defaults`, else from the model."""
    config = load_yaml("""
defaults: {country: DE, operator: D, qps: 5}
groups: {g: {country: FR, operator: G, role: control}}
resolvers:
  - {name: a, address: 192.0.2.1, group: g, operator: E}
  - {name: b, address: 192.0.2.2}
""")
    a, b = config.resolvers
    assert (a.operator, a.country, a.qps, a.role, a.policy) == ("E", "FR", 5.0, "control", "unfiltered")
    assert (b.operator, b.country, b.qps, b.role, b.policy) == ("D", "DE", 5.0, "public", "unfiltered")


def test_an_empty_value_in_an_entry_takes_the_value_of_the_group_away(load_yaml: Load) -> None:
    """`operator:` with nothing behind it means that nobody is known to run it."""
    config = load_yaml(
        "groups: {g: {operator: G, role: control}}\nresolvers: [{name: a, address: 192.0.2.1, group: g, operator: }]"
    )
    assert config.resolvers[0].operator is None


@pytest.mark.parametrize(
    ("transport", "port"),
    [("udp", 53), ("tcp", 53), ("tls", 853), ("https", 443), ("h3", 443), ("quic", 853)],
)
def test_the_port_follows_the_transport(load_yaml: Load, transport: str, port: int) -> None:
    """An entry without a port is asked where its transport is usually found."""
    config = load_yaml(f"resolvers: [{{name: a, address: 192.0.2.1, role: control, transport: {transport}}}]")
    assert config.resolvers[0].port == port


def test_addresses_are_kept_in_canonical_form(load_yaml: Load) -> None:
    """An IPv6 address is written one way in every snapshot (RFC 5952)."""
    config = load_yaml("resolvers: [{name: a, role: control, address: '2001:DB8:0:0:0:0:0:0001'}]")
    assert config.resolvers[0].address == "2001:db8::1"


def test_norway_is_a_country(load_yaml: Load) -> None:
    """`country: NO` is Norway and not false, as it would be in YAML 1.1."""
    config = load_yaml("resolvers: [{name: a, address: 192.0.2.1, role: control, country: NO}]")
    assert config.resolvers[0].country == "NO"


def test_all_that_an_entry_may_say_is_kept(load_yaml: Load) -> None:
    """Every key of an entry reaches the model with its type."""
    config = load_yaml("""
probe: {attempts: 2, timeout: 1.5, qtypes: [A, HTTPS, TYPE65280, TYPE28]}
resolvers:
  - name: a
    address: 192.0.2.1
    port: 5301
    transport: https
    hostname: DNS.bücher.example.
    path: /dns-query
    operator: Türk Telekom
    country: TR
    role: control
    recursion: false
    qps: 0.5
    tags: [one, "2"]
    source: "a page: a title"
    date: 2026-02-11
""")
    assert config.resolvers[0] == Resolver(
        name="a",
        address="192.0.2.1",
        port=5301,
        transport="https",  # as it is written
        hostname="dns.xn--bcher-kva.example",
        path="/dns-query",
        operator="Türk Telekom",
        country="TR",
        role="control",
        recursion=False,
        qps=0.5,
        tags=("one", "2"),
        source="a page: a title",
        date=datetime.date(2026, 2, 11),
    )
    assert (config.attempts, config.timeout, config.qtypes) == (2, 1.5, ("A", "HTTPS", "TYPE65280", "AAAA"))


def test_a_resolver_survives_json(load_yaml: Load) -> None:
    """An entry in a snapshot's metadata is read back as it was."""
    resolver = load_yaml("resolvers: [{name: a, address: '2001:db8::1', role: control, date: 2026-02-11}]").resolvers[0]
    assert Resolver.model_validate(json.loads(resolver.model_dump_json())) == resolver


ENTRY = "resolvers: [{{name: a, address: 192.0.2.1, role: control, {}}}]"
WRONG_VALUES = {
    "transport: dot": ("unknown transport `dot`", "DNS over TLS is called `tls` here"),
    "transport: DoH": ("unknown transport `DoH`", "DNS over HTTPS is called `https` here"),
    "transport: doq": ("unknown transport `doq`", "DNS over QUIC is called `quic` here"),
    "transport: http/3": ("unknown transport `http/3`", "called `h3` here"),
    "transport: upd": ("unknown transport `upd`", "did you mean `udp`?"),
    "transport: 5": ("unknown transport `5`", "the transports are"),
    "policy: none": ("unknown policy `none`", "no filter is called `unfiltered` here; the policies are"),
    "port: 053": ("`port` must be a whole number from 1 to 65535, not `053`", "write `53`"),
    "port: '53'": ("`port` must be a whole number from 1 to 65535, not `53`", "without quotes"),
    "port: 0": ("`port` must be a whole number from 1 to 65535, not `0`", None),
    "port: 70000": ("`port` must be a whole number from 1 to 65535, not `70000`", None),
    "port: 53.5": ("`port` must be a whole number from 1 to 65535, not `53.5`", None),
    "port: true": ("`port` must be a whole number from 1 to 65535, not `true`", None),
    "port: ": ("`port` must be a whole number from 1 to 65535, not nothing", None),
    "recursion: no": ("`recursion` must be `true` or `false`, not `no`", "write `false`"),
    "qps: -1": ("`qps` must be a number above 0, at most 1,000,000, not `-1`", None),
    "qps: .nan": ("`qps` must be a number above 0, at most 1,000,000, not `.nan`", None),
    "country: no": ("`country`: not a country: two capital letters, ISO 3166-1: `no`", "write `NO`"),
    "country: Norway": ("`country`: not a country: two capital letters, ISO 3166-1: `Norway`", None),
    "operator: 12": ("`operator`: not a line of text: `12`", "put it in quotes"),
    "tags: one": ("`tags` must be a list of words: `[one, two]`, not `one`", None),
    "tags: [1]": ("`tags` must be a list of words: `[one, two]`, not `1`", None),
    "date: 20260211": ("`date`: not a date: `20260211`", "`2026-02-11`"),
    "date: 2026-02-30": ("`date`: not a date: `2026-02-30`", "`2026-02-11`"),
    "path: dns-query": ("`path`: not a path: `dns-query`", "begins with `/`"),
    "hostname: 'https://x.example/'": ("`hostname`: a URL, not a name: `https://x.example/`", "`x.example`"),
    "adress: x": ("unknown key `adress`", "did you mean `address`?"),
    "sni: x": ("unknown key `sni`", "did you mean `hostname`?"),
    "group: g": ("no group is called `g`", None),
}


@pytest.mark.parametrize("field", WRONG_VALUES)
def test_a_wrong_value_is_named_where_it_stands(load_yaml: Load, field: str) -> None:
    """The message quotes the value, the place points at it, the hint says what would be right."""
    message, hint = WRONG_VALUES[field]
    line = ENTRY.format(field)
    problem = only(mistakes(load_yaml, line))
    assert problem.message == message
    assert (hint in problem.hint) if hint and problem.hint else problem.hint is None
    assert problem.place is not None
    assert problem.place.text == line
    assert problem.place.column is not None
    at = line[problem.place.column - 1 :].lstrip("[")
    value = field.partition(": ")[2].lstrip("[")
    assert at.startswith(field.partition(":")[0] if "key" in message else value)


WRONG_ADDRESSES = {
    "dns.google": "its host name goes into `hostname`",
    "1.1.1.1/dns-query": "write the address alone, or a whole URL",
    "1.1.1.1:53": "write `address: 1.1.1.1` and `port: 53`",
    "[2001:db8::1]:53": "write `address: 2001:db8::1` and `port: 53`",
    "1.1.1.256": "four numbers from 0 to 255",
    "1.1.1.01": "without leading zeros",
    "fe80::1%eth0": "write a global IPv6 address",
    "::ffff:1.1.1.1": "the IPv4 address in it",
    "0.0.0.0": None,
    "224.0.0.1": None,
}


@pytest.mark.parametrize("address", WRONG_ADDRESSES)
def test_what_is_no_address_is_told_from_one(load_yaml: Load, address: str) -> None:
    """Host names, URLs, ports, zones and addresses that nobody answers from are refused, with a way out."""
    problem = only(mistakes(load_yaml, f"resolvers: [{{name: a, role: control, address: '{address}'}}]"))
    hint = WRONG_ADDRESSES[address]
    assert problem.message.startswith("`address`: ")
    assert (hint in problem.hint) if hint and problem.hint else problem.hint is None


def test_every_mistake_is_reported_at_once_in_the_order_of_the_file(load_yaml: Load) -> None:
    """A file with mistakes in defaults, a group and two entries says all of them, each once."""
    problems = mistakes(
        load_yaml,
        """
defaults: {transport: dot}
groups: {g: {qps: fast}}
resolvers:
  - {name: a, address: 192.0.2.1, group: g}
  - {name: b, address: 192.0.2.2, group: g, port: 0}
  - {name: c, group: g}
  - just text
resolver: x
""",
    )
    assert [(problem.message, problem.place and problem.place.line) for problem in problems] == [
        ("unknown transport `dot`", 2),
        ("`qps` must be a number above 0, at most 1,000,000, not `fast`", 3),
        ("`port` must be a whole number from 1 to 65535, not `0`", 6),
        ("`address` is missing", 7),
        ("an entry must have keys and values", 8),
        ("unknown key `resolver`", 9),
    ]


def test_an_error_looks_as_the_manual_says(load_yaml: Load, tmp_path: Path) -> None:
    """Message, file:line:column, the line, a caret and a hint."""
    with pytest.raises(ConfigError) as caught:
        load_yaml("resolvers:\n  - name: a\n    address: 192.0.2.1\n    transport: dot\n")
    assert caught.value.render().replace(str(tmp_path), "") == (
        "error: unknown transport `dot`\n"
        "  --> /resolvers.yaml:4:16\n"
        "  |\n"
        "4 |     transport: dot\n"
        "  |                ^\n"
        "hint: DNS over TLS is called `tls` here; "
        "the transports are `h3`, `https`, `quic`, `tcp`, `tls` and `udp`"
    )


def test_two_thousand_mistakes_do_not_fill_the_screen(load_yaml: Load) -> None:
    """Twenty mistakes of a file are shown, the others counted."""
    problems = mistakes(load_yaml, "resolvers:\n" + "- {name: a}\n" * 2000)
    assert len(problems) == 21
    assert problems[-1].message == "and 1,980 more"


@pytest.mark.parametrize(
    ("entries", "warning"),
    [
        ("- {name: a, address: 192.0.2.1}", "no resolver has the role `control`"),
        (
            "- {name: a, address: '2001:db8::1', role: control}\n- {name: b, address: '2001:DB8:0::1', port: 53}",
            "`b` and `a` are one and the same resolver",
        ),
        ("- {name: a, address: 192.0.2.1, role: control, policy: ads}", "`a` is a control that filters"),
        ("- {name: a, address: 192.0.2.1, role: control, path: /x}", "`path` changes nothing over udp"),
    ],
)
def test_what_is_odd_but_possible_is_a_warning(load_yaml: Load, entries: str, warning: str) -> None:
    """A warning does not stop a run."""
    config = load_yaml(f"resolvers:\n{entries}\n")
    assert [each.message[: len(warning)] for each in config.warnings] == [warning]


def test_the_same_address_over_another_transport_is_another_resolver(load_yaml: Load) -> None:
    """UDP and TCP to one address are two entries on purpose, and no duplicates."""
    config = load_yaml(CONTROL + "- {name: b, address: 192.0.2.1, transport: tcp}\n")
    assert config.warnings == ()


def test_a_ca_file_is_found_from_the_folder_of_the_file(load_yaml: Load, tmp_path: Path) -> None:
    """`ca: ca.pem` lies beside resolvers.yaml, wherever the command runs."""
    Authority(tmp_path).file.rename(tmp_path / "ca.pem")
    config = load_yaml("resolvers: [{name: a, address: 192.0.2.1, role: control, transport: tls, ca: ca.pem}]")
    assert config.resolvers[0].ca == str(tmp_path / "ca.pem")
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("ca", "message"),
    [
        ("no.pem", "`ca`: a file that cannot be read (No such file or directory): `no.pem`"),
        (".", "`ca`: a file that cannot be read (Is a directory): `.`"),
        ("junk.pem", "`ca`: a file that holds no certificate: `junk.pem`"),
    ],
)
def test_a_ca_file_that_vouches_for_nobody_is_a_mistake(load_yaml: Load, tmp_path: Path, ca: str, message: str) -> None:
    """It would make trouble of every row, and can be put right; it is told once, however many entries share it."""
    (tmp_path / "junk.pem").write_text("junk\n")
    entries = [f"{{name: r{number}, address: 192.0.2.{number}, group: g, also: {{quic: }}}}" for number in (1, 2)]
    told = mistakes(load_yaml, f"groups: {{g: {{transport: tls, ca: {ca}}}}}\nresolvers: [{', '.join(entries)}]\n")
    assert [problem.message for problem in told] == [message]
