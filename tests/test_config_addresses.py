"""Addresses as URLs, and as what the system uses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resolver_diff.config import Config, Resolver, addresses, load
from resolver_diff.errors import ConfigError, Problem
from test_commands import run

Load = Callable[[str], Config]


def loading(folder: Path) -> Load:
    """Return what loads a resolvers.yaml in *folder* of one control with the keys given, beside one domain set."""
    (folder / "domains").mkdir()
    (folder / "domains" / "one.txt").write_text("example.com\n")

    def load_it(keys: str) -> Config:
        file = folder / "resolvers.yaml"
        file.write_text(f"resolvers: [{{name: a, role: control, {keys}}}]\n")
        return load(file, [folder / "domains"])

    return load_it


@pytest.fixture
def load_entry(tmp_path: Path) -> Load:
    """Load a resolvers.yaml of one control with the keys given."""
    return loading(tmp_path)


def mistake(load_entry: Load, keys: str) -> Problem:
    """Load what cannot be loaded, and return the one reason why."""
    with pytest.raises(ConfigError) as caught:
        load_entry(keys)
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert problem.place.column is not None
    return problem


def said(resolver: Resolver) -> dict[str, Any]:
    """Return what an address says of a resolver."""
    return resolver.model_dump(mode="json", exclude_defaults=True, exclude={"name", "role"})


def test_check_says_whose_address_it_does_not_know(
    departures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host name is shown where the address will be, and that the system will be asked for it; nobody is yet."""
    monkeypatch.chdir(tmp_path)
    Path("mine.txt").write_text("a.example\n")
    Path("mine.yaml").write_text(
        "resolvers:\n"
        "- {name: one, address: 'udp://dns.example', operator: O, role: control}\n"
        "- {name: two, address: 'tcp://dns.example:5353', operator: P, role: control}\n"
    )
    said = run("check", "--resolvers", "mine.yaml", "--domains", "mine.txt")
    assert said.exit_code == 0
    assert "two tcp dns.example:5353" in " ".join(said.stdout.split())
    asks = "When the run starts, the system is asked for the addresses of dns.example."
    assert asks in " ".join(said.stdout.split())
    assert departures == []


URLS = {
    "udp://192.0.2.1": {"address": "192.0.2.1", "transport": "udp", "port": 53},
    "tcp://192.0.2.1:5353/": {"address": "192.0.2.1", "transport": "tcp", "port": 5353},
    "tls://9.9.9.9": {"address": "9.9.9.9", "transport": "tls", "port": 853},
    "tls://[2620:FE::fe]:853": {"address": "2620:fe::fe", "transport": "tls", "port": 853},
    "https://8.8.8.8/dns-query": {"address": "8.8.8.8", "transport": "https", "port": 443, "path": "/dns-query"},
    "https://8.8.8.8/q{?dns}": {"address": "8.8.8.8", "transport": "https", "port": 443, "path": "/q"},
    "h3://[2001:4860:4860::8888]": {"address": "2001:4860:4860::8888", "transport": "h3", "port": 443},
    "quic://94.140.14.14:853": {"address": "94.140.14.14", "transport": "quic", "port": 853},
    "TLS://DNS.Example.": {"address": "dns.example", "transport": "tls", "port": 853, "hostname": "dns.example"},
    "tls://dns.bücher.example": {
        "address": "dns.xn--bcher-kva.example",
        "transport": "tls",
        "port": 853,
        "hostname": "dns.xn--bcher-kva.example",
    },
    "https://dns.example:8443": {
        "address": "dns.example",
        "transport": "https",
        "port": 8443,
        "hostname": "dns.example",
    },
    "udp://dns.example": {"address": "dns.example", "transport": "udp", "port": 53},
}


@pytest.mark.parametrize("url", URLS)
def test_a_url_says_transport_port_host_and_path(load_entry: Load, url: str) -> None:
    """A URL in `address` stands for the keys that say the same; what it does not say is as always."""
    (resolver,) = load_entry(f"address: '{url}'").resolvers
    assert {key: getattr(resolver, key) for key in URLS[url]} == URLS[url]
    assert set(said(resolver)) <= set(URLS[url])


def test_ip_says_where_the_host_of_a_url_is(load_entry: Load) -> None:
    """With `ip` nobody has to be asked for the address; the name is still that of the certificate."""
    (resolver,) = load_entry("address: https://dns.google/dns-query, ip: 8.8.8.8").resolvers
    assert (resolver.address, resolver.hostname, resolver.path) == ("8.8.8.8", "dns.google", "/dns-query")
    assert resolver.located


def test_an_entry_may_add_to_its_url_and_say_the_same_again(load_entry: Load) -> None:
    """A host name beside a URL with an address is what the certificate is checked for; an equal key is no quarrel."""
    (resolver,) = load_entry(
        "address: 'tls://9.9.9.9:853', port: 853, transport: tls, hostname: DNS.quad9.net"
    ).resolvers
    assert (resolver.address, resolver.port, resolver.hostname) == ("9.9.9.9", 853, "dns.quad9.net")


def test_a_url_wins_over_the_group_and_the_defaults(tmp_path: Path) -> None:
    """A URL is part of the entry, and an entry wins."""
    (tmp_path / "one.txt").write_text("example.com\n")
    file = tmp_path / "resolvers.yaml"
    file.write_text(
        "defaults: {transport: udp, hostname: else.example}\n"
        "groups: {g: {transport: tcp, hostname: group.example, qps: 5}}\n"
        "resolvers: [{name: a, role: control, group: g, address: 'tls://dns.example'}]\n"
    )
    (resolver,) = load(file, [tmp_path / "one.txt"]).resolvers
    assert (resolver.transport, resolver.hostname, resolver.qps) == ("tls", "dns.example", 5.0)


WRONG = {
    "address: 'dot://9.9.9.9'": ("`address`: not a URL of a resolver: `dot://9.9.9.9`", "write `tls://`"),
    "address: 'http://9.9.9.9/'": ("`address`: not a URL of a resolver: `http://9.9.9.9/`", "write `https://`"),
    "address: 'ftp://9.9.9.9'": ("`address`: not a URL of a resolver: `ftp://9.9.9.9`", "`udp://` and `sdns://`"),
    "address: 'tls://'": ("`address`: not a URL of a resolver: `tls://`", "no host"),
    "address: 'tls://2620:fe::fe'": ("`address`: not a URL of a resolver: `tls://2620:fe::fe`", "in brackets"),
    "address: 'tls://9.9.9.9:0'": ("`address`: not a URL of a resolver: `tls://9.9.9.9:0`", "from 1 to 65535"),
    "address: 'tls://9.9.9.9:99999999999'": ("`address`: not a URL of a resolver: `tls://9.9.9.9:99999999999`", "port"),
    "address: 'tls://9.9.9.9/x'": ("`address`: not a URL of a resolver: `tls://9.9.9.9/x`", "nothing may stand"),
    "address: 'https://9.9.9.9/q?dns=x'": (
        "`address`: not a URL of a resolver: `https://9.9.9.9/q?dns=x`",
        "a path like `/dns-query`",
    ),
    "address: 'https://me@dns.example/q'": (
        "`address`: not a URL of a resolver: `https://me@dns.example/q`",
        "before the `@`",
    ),
    "address: 'tls://9.9.9.999'": ("`address`: not an IP address: `tls://9.9.9.999`", "four numbers"),
    "address: 'tls://[fe80::1%eth0]'": (
        "`address`: an address of this machine's own making: `tls://[fe80::1%eth0]`",
        "a global IPv6 address",
    ),
    "address: 'tls://9.9.9.9', transport: quic": ("`transport` is `quic`, the address says `tls`", "one of them"),
    "address: 'tls://9.9.9.9:853', port: 53": ("`port` is `53`, the address says `853`", "one of them"),
    "address: 'tls://a.example', hostname: b.example": (
        "`hostname` is `b.example`, the address says `a.example`",
        "one of them",
    ),
    "address: 'https://9.9.9.9/a', path: /b": ("`path` is `/b`, the address says `/a`", "one of them"),
    "address: 'tls://a.example', hostname: 7": ("`hostname`: not a host name: `7`", None),
    "address: 'tls://9.9.9.9', ip: 9.9.9.10": ("`ip` is `9.9.9.10`, the address says `9.9.9.9`", "one of them"),
    "address: 'tls://a.example', ip: b.example": ("`ip`: not an IP address: `b.example`", "`hostname`"),
    "address: 192.0.2.1, ip: 192.0.2.1": ("`ip` goes with a URL", "`address: tls://dns.example`"),
    "address: system, ip: 192.0.2.1": ("`ip` goes with a URL", "`address: tls://dns.example`"),
    "address: 192.0.2.1, transport: https, method: post": ("unknown method `post`", "called `POST` here"),
    "address: 192.0.2.1, transport: tls, pins: AAAA": ('`pins` must be a list of pins: `["...="]`, not `AAAA`', None),
    "address: 192.0.2.1, transport: tls, pins: [AAAA]": ("`pins`: not a pin: `AAAA`", "44 characters"),
}


@pytest.mark.parametrize("keys", WRONG)
def test_what_is_no_url_and_what_contradicts_one_is_named_where_it_stands(
    load_entry: Load, keys: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A URL that cannot be asked, or that says something else than a key beside it, is one mistake with a way out."""
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.53\n")
    monkeypatch.setattr(addresses, "SYSTEM_FILE", str(tmp_path / "resolv.conf"))
    message, hint = WRONG[keys]
    problem = mistake(load_entry, keys)
    assert problem.message == message
    assert (hint in (problem.hint or "")) if hint else problem.hint is None


@pytest.mark.parametrize("last", ["A", "B"])
def test_a_pin_is_the_hash_of_a_key(load_entry: Load, last: str) -> None:
    """Forty-three characters and `=`; a last one that no SHA-256 ends with is a slip of the pen."""
    pin = "A" * 42 + last + "="
    keys = f"address: 192.0.2.1, transport: tls, pins: ['{pin}']"
    if last == "A":
        assert load_entry(keys).resolvers[0].pins == (pin,)
    else:
        assert mistake(load_entry, keys).message == f"`pins`: not a pin: `{pin}`"


@pytest.fixture
def resolv_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system's resolvers are read from."""
    file = tmp_path / "resolv.conf"
    monkeypatch.setattr(addresses, "SYSTEM_FILE", str(file))
    return file


def test_the_resolver_of_the_system_is_an_entry(load_entry: Load, resolv_conf: Path) -> None:
    """`address: system` is whom this machine asks, under the entry's own name, with its facts."""
    resolv_conf.write_text("search example.org\nnameserver 127.0.0.53\noptions edns0\n")
    (found,) = load_entry("address: system, operator: Mine").resolvers
    assert (found.name, found.address, found.transport, found.operator) == ("a", "127.0.0.53", "udp", "Mine")


def test_several_resolvers_of_the_system_are_numbered(load_entry: Load, resolv_conf: Path) -> None:
    """Each address once; one that only this machine can mean is left out, with a warning."""
    resolv_conf.write_text(
        "".join(f"nameserver {each}\n" for each in ("192.0.2.1", "fe80::1%lo", "2001:DB8::1", "192.0.2.1"))
    )
    config = load_entry("address: system, transport: tcp, also: {udp: }")
    assert [(each.name, each.address, each.transport) for each in config.resolvers] == [
        ("a-1", "192.0.2.1", "tcp"),
        ("a-2", "2001:db8::1", "tcp"),
    ]
    assert [(each.name, each.transport) for each in config.also] == [("a-1", "udp"), ("a-2", "udp")]
    (warning,) = config.warnings
    assert "`fe80::1%lo`" in warning.message


@pytest.mark.parametrize(
    "text", [None, "search example.org\n", "nameserver nowhere\n", "domain ..\nnameserver 192.0.2.1\n"]
)
def test_a_system_without_a_resolver_is_a_mistake_that_names_the_file(
    load_entry: Load, resolv_conf: Path, text: str | None
) -> None:
    """No file, no nameserver, or nonsense in it: the error says what was read."""
    if text is not None:
        resolv_conf.write_text(text)
    problem = mistake(load_entry, "address: system")
    assert str(resolv_conf) in problem.message
    assert "nameserver 192.0.2.53" in (problem.hint or "")


@pytest.mark.parametrize("keys", ["transport: tls", "also: {tls: {hostname: dns.example}}"])
def test_the_system_names_resolvers_for_plain_dns_only(load_entry: Load, resolv_conf: Path, keys: str) -> None:
    """Over TLS nobody could say whose certificate it must be."""
    resolv_conf.write_text("nameserver 127.0.0.53\n")
    assert mistake(load_entry, f"address: system, {keys}").message == "the system's resolvers are not asked over `tls`"
