"""The commands that ask the same again: what they are, that they do it, and that names do nothing else in them."""

import base64
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.name
import pytest

import quic_servers
from hostile import Hostile, answer_all, reply
from hostile_http import NAME, Secure, Web, web
from resolver_diff.commands import _again
from resolver_diff.config import Resolver
from resolver_diff.wire.encode import encode
from resolver_diff.wording.lines import plain

Find = Callable[[str, str], Path]

ENTRY = {"name": "one", "address": "192.0.2.1"}
HOSTILE = [
    r"\$\(touch\ owned\).example",
    r"a\;touch\ owned\;.example",
    r"'touch owned'.example",
    r"`touch\ owned`.example",
    r"a'$(touch\032owned)'\".example",
    r"\010touch\032owned\010.example",
    r"!!.example",
    r"*.example",
    "-x.example",
    "--help.example",
    "+short.example",
    r"\@127.0.0.1",
    "-f",
    "any",
    "in",
    "a",
    "_dns.resolver.arpa",
    "xn--zzzzzzz--.example",
    r"\000\255.example",
]


def command(asked: tuple[str, str], **entry: Any) -> str:
    """Return the command for a question to an entry."""
    return _again.command(Resolver.model_validate(ENTRY | entry), *asked)


@pytest.mark.parametrize(
    ("entry", "typed"),
    [
        ({}, "dig @192.0.2.1 a.example A +nsid +bufsize=1232 +nocookie"),
        (
            {"address": "2001:db8::1", "transport": "tcp", "port": 5353, "recursion": False},
            "dig @2001:db8::1 -p 5353 a.example A +nsid +bufsize=1232 +nocookie +tcp +norecurse",
        ),
        (
            {"transport": "tls", "hostname": "dns.example", "ca": "my ca.pem"},
            (
                "kdig +noidn @192.0.2.1 a.example A +nsid +bufsize=1232 +adflag +nopadding '+tls-ca=my ca.pem' "
                "+tls-hostname=dns.example +tls"
            ),
        ),
        (
            {"transport": "https", "hostname": "d.example", "path": "/q"},
            (
                "kdig +noidn @192.0.2.1 a.example A +nsid +bufsize=1232 +adflag +nopadding +tls-ca "
                "+tls-hostname=d.example +https=d.example/q +https-get"
            ),
        ),
        (
            {"transport": "https", "path": "/q", "method": "POST", "pins": ["A" * 43 + "="]},
            f"kdig +noidn @192.0.2.1 a.example A +nsid +bufsize=1232 +adflag +nopadding +tls-pin={'A' * 43}= +https=/q",
        ),
        (
            {"transport": "quic", "hostname": "dns.example", "port": 8853},
            (
                "kdig +noidn @192.0.2.1 -p 8853 a.example A +nsid +bufsize=1232 +adflag +nopadding +tls-ca "
                "+tls-hostname=dns.example +quic"
            ),
        ),
    ],
)
def test_every_transport_has_its_words(entry: dict[str, object], typed: str) -> None:
    """For every transport there is a command that asks the same question over it."""
    assert command(("a.example", "A"), **entry) == typed


def test_http_3_is_asked_with_curl() -> None:
    """Neither dig nor kdig speaks HTTP/3; curl sends the query of RFC 8484 as it is."""
    typed = command(("a.example", "A"), transport="h3", hostname="dns.example", path="/q")
    assert typed.startswith(
        "curl --http3-only -H 'accept: application/dns-message' --resolve dns.example:443:192.0.2.1 "
    )
    (ours,) = encode(["a.example"], ["A"])
    octets = typed.partition("?dns=")[2].partition(" ")[0].strip("'")
    assert base64.urlsafe_b64decode(octets + "=" * (-len(octets) % 4)) == ours


def test_the_page_has_the_control_and_who_answers() -> None:
    """Beside the resolver a control is asked the same, and the resolver who it is and from where it asks."""
    entry = Resolver.model_validate(ENTRY)
    control = Resolver.model_validate({"name": "two", "address": "192.0.2.2", "role": "control", "transport": "tcp"})
    page = plain(list(_again.page(entry, control, "a.example", "A", 80)))
    for words in (
        "one, over udp:\n    dig @192.0.2.1 a.example A ",
        "a control, two, over tcp:\n    dig @192.0.2.2 a.example A ",
        "dig @192.0.2.1 id.server CH TXT ",
        "dig @192.0.2.1 whoami.akamai.net A ",
    ):
        assert words in page
    alone = entry.model_copy(update={"recursion": False})
    assert "whoami" not in plain(list(_again.page(alone, None, "a.example", "A", 80)))


def pasted(typed: str, program: Path, folder: Path) -> str:
    """Paste a command into a shell as a person does; return what it says."""
    home = {"HOME": str(folder), "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", typed],
        cwd=folder,
        env=os.environ | home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def ours(qname: str, qtype: str) -> bytes:
    """Return our own query without its ID."""
    (message,) = encode([qname], [qtype])
    return bytes(message)[2:]


@pytest.fixture
def resolver() -> Iterator[Hostile]:
    """A resolver on loopback that answers everything over UDP."""
    with Hostile() as hostile:
        hostile._silent = hostile._plain  # type: ignore[method-assign]  # whatever it is asked
        yield hostile


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("qtype", ["A", "TXT", "TYPE65280"])
def test_dig_asks_what_we_ask(
    transport: str, qtype: str, resolver: Hostile, debian_server: Find, tmp_path: Path
) -> None:
    """Over UDP and TCP what dig sends is octet by octet what we send, but for the ID."""
    dig = debian_server("dig", "bind9-dnsutils")
    port = resolver.endpoint.port if transport == "udp" else resolver.listen(answer_all).port
    pasted(command(("plain-1.test", qtype), address="127.0.0.1", port=port, transport=transport), dig, tmp_path)
    assert {asked[2:] for _, _, asked in resolver.seen} == {ours("plain-1.test", qtype)}


def test_dig_asks_who_answers(resolver: Hostile, debian_server: Find, tmp_path: Path) -> None:
    """The identity question is of class CHAOS, as ours."""
    dig = debian_server("dig", "bind9-dnsutils")
    entry = Resolver.model_validate(
        ENTRY | {"address": "127.0.0.1", "port": resolver.listen(answer_all).port, "transport": "tcp"}
    )
    pasted(_again.command(entry, "id.server", "TXT", "CH"), dig, tmp_path)
    assert {asked[2:] for _, _, asked in resolver.seen} == {ours("id.server", "TXT")}


@pytest.mark.parametrize("qname", HOSTILE)
def test_no_name_becomes_shell_code_or_an_option(
    qname: str, resolver: Hostile, debian_server: Find, tmp_path: Path
) -> None:
    """Whatever a name holds, the command asks for it, and does nothing else, whether dig or kdig is to ask."""
    dig, kdig = debian_server("dig", "bind9-dnsutils"), debian_server("kdig", "knot-dnsutils")
    port = resolver.listen(answer_all).port
    over_tcp = command((qname, "A"), address="127.0.0.1", port=port, transport="tcp")
    entry = Resolver.model_validate(ENTRY | {"address": "127.0.0.1", "port": port, "transport": "tls"})
    bare = shlex.split(_again.command(entry, qname, "A"))
    by_kdig = shlex.join([word for word in bare if not word.startswith("+tls")] + ["+tcp"])
    said = [pasted(over_tcp, dig, tmp_path), pasted(by_kdig, kdig, tmp_path)]
    wanted = dns.name.from_text(qname).to_wire() or b""
    assert [asked[12 : 12 + len(wanted)] for _, _, asked in resolver.seen] == [wanted] * 2, said
    assert not (tmp_path / "owned").exists()


def test_kdig_asks_over_tls(debian_server: Find, tmp_path: Path) -> None:
    """Over TLS kdig trusts whom we trust, checks the same name, and sends what we send."""
    kdig = debian_server("kdig", "knot-dnsutils")
    with Secure(tmp_path) as resolver:
        at = resolver.listen(answer_all, resolver.authority.issue(NAME).serving("dot"))
        entry = {"address": "127.0.0.1", "port": at.port, "transport": "tls", "hostname": NAME}
        ca = str(resolver.authority.file)
        said = pasted(command(("plain-1.test", "A"), **entry, ca=ca), kdig, tmp_path)
        assert {asked[2:] for _, _, asked in resolver.seen} == {ours("plain-1.test", "A")}, said
        resolver.seen.clear()
        wrong = entry | {"hostname": "other.example"}
        said = pasted(command(("plain-1.test", "A"), **wrong, ca=ca), kdig, tmp_path)
        assert not resolver.seen, said


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_kdig_asks_over_https(method: str, debian_server: Find, tmp_path: Path) -> None:
    """Over HTTPS kdig uses the method, the path and the name of the entry, and sends what we send."""
    kdig = debian_server("kdig", "knot-dnsutils")
    seen = []

    async def converse(connection: Web) -> None:
        while True:
            seen.append(request := await connection.next())
            await connection.answer(request)

    with Secure(tmp_path) as resolver:
        at = resolver.at(web(converse))
        entry = {"address": "127.0.0.1", "port": at.port, "transport": "https", "hostname": NAME, "path": "/q"}
        typed = command(("plain-1.test", "A"), **entry, method=method, ca=at.ca)
        said = pasted(typed, kdig, tmp_path)
    assert [request.message[2:] for request in seen] == [ours("plain-1.test", "A")], said
    assert seen[0].headers[":method"] == method
    assert seen[0].headers[":path"].startswith("/q")
    assert seen[0].headers[":authority"].startswith(NAME)


def test_kdig_asks_over_quic(debian_server: Find, tmp_path: Path) -> None:
    """Over QUIC, too, where this kdig speaks it."""
    kdig = debian_server("kdig", "knot-dnsutils")
    authority = quic_servers.Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    served = authority.issue(quic_servers.NAME)
    with quic_servers.QuicResolver(served, lambda talk: talk.say(reply(talk.asked))) as resolver:
        entry = {"address": "127.0.0.1", "port": resolver.port, "transport": "quic", "hostname": quic_servers.NAME}
        said = pasted(command(("plain-1.test", "A"), **entry, ca=str(tmp_path / "ca.pem")), kdig, tmp_path)
        if "invalid option" in said:
            pytest.skip("needs a kdig that speaks QUIC: apt install knot-dnsutils")
    assert {octets[2:] for octets, _ in resolver.seen} == {ours("plain-1.test", "A")}, said
