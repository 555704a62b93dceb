"""Host names of resolvers, which a run looks up when it starts."""

import asyncio
import socket
import time

import pytest

from resolver_diff.config import Resolver, Why
from resolver_diff.probe import lookup


def looked_up(names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the system know *names* and no others; return the list of what is asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        if host not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_DGRAM, 17, "", (each, 0))
            for each in names[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_host_names_are_looked_up_once_when_a_run_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name once, whoever has it; what has an address is left as it is; what has none is left out, with words."""
    asked = looked_up({"dns.example": ["192.0.2.9", "192.0.2.2", "2001:db8::1"]}, monkeypatch)
    entries = [
        Resolver(name="a", address="dns.example", transport="tls", hostname="dns.example"),
        Resolver(name="b", address="dns.example", transport="https", hostname="dns.example"),
        Resolver(name="c", address="192.0.2.7"),
        Resolver(name="d", address="gone.example"),
    ]
    located, lost = asyncio.run(lookup.locate(entries))
    assert [(each.name, each.address) for each in located] == [
        ("a", "192.0.2.2"),
        ("b", "192.0.2.2"),
        ("c", "192.0.2.7"),
    ]
    assert [(each.resolver, each.why, each.says) for each in lost] == [
        ("d", Why.NOT_FOUND, "gone.example: Name or service not known")
    ]
    assert sorted(asked) == ["dns.example", "gone.example"]


def test_a_name_whose_addresses_change_their_order_is_the_same_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Round robin does not make another plan: a run that is resumed asks the same machine."""
    entry = Resolver(name="a", address="dns.example")
    for order in (["192.0.2.10", "192.0.2.9"], ["192.0.2.9", "192.0.2.10"]):
        looked_up({"dns.example": order}, monkeypatch)
        ((located,), _) = asyncio.run(lookup.locate([entry]))
        assert located.address == "192.0.2.9"


def test_a_system_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up that takes too long counts as failed."""
    monkeypatch.setattr(lookup, "SECONDS", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(0.5))
    _, ((lost),) = asyncio.run(lookup.locate([Resolver(name="a", address="slow.example")]))
    assert lost.says == "slow.example: no answer within 0.05 s"
