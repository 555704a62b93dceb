"""The limits of TLS: open files, and handshakes with a resolver that has nothing good to show."""

import contextlib
import os
import resource
import socket
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from certificates import Authority, Issued
from hostile import Hostile, all_of, answer_all, asking
from resolver_diff.errors import UsageError
from resolver_diff.transports import Endpoint, Queries, Responses, Trouble
from resolver_diff.transports.tls import TRANSPORT

NAME = "dns.example"


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    """The resolver at 127.0.0.1."""
    with Hostile() as resolver:
        yield resolver


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the endpoints trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def good(authority: Authority) -> Issued:
    """A certificate that is as it should be."""
    return authority.issue(NAME, "127.0.0.1", "::1")


async def exchange(queries: Queries, *, patience: float = 5.0) -> Responses:
    """Return what comes of *queries* in a session of their own."""
    async with TRANSPORT.open() as session:
        return await all_of(session, queries, patience=patience)


async def test_a_bad_certificate_is_not_looked_at_for_every_query(hostile: Hostile, authority: Authority) -> None:
    """Queries that are due within a second of a bad certificate share its trouble: two handshakes, not a hundred."""
    endpoint = replace(
        hostile.listen(answer_all, authority.issue("other.example").served), hostname=NAME, ca=str(authority.file)
    )
    attempts: list[None] = []
    qnames = [f"plain-{number}.test" for number in range(50)]
    with counting_connections(attempts):
        got = await exchange(asking(qnames, endpoint, due=np.arange(50) * 0.005))
    assert got.trouble.tolist() == [Trouble.TLS] * 50
    assert set(got.says.values()) == {"certificate is for other.example, not dns.example"}
    assert 2 <= len(attempts) <= 8


@contextlib.contextmanager
def counting_connections(attempts: list[None]) -> Iterator[None]:
    """Count the TCP connections that are opened."""
    from resolver_diff.transports import _tls

    plain = _tls._tcp

    async def counted(endpoint: Endpoint) -> socket.socket:
        attempts.append(None)
        return await plain(endpoint)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_tls, "_tcp", counted)
        yield


async def test_more_resolvers_than_connections(
    hostile: Hostile, authority: Authority, good: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where connections are scarce they take turns, and everybody is asked."""
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_OPEN_MAX": 8}[name])
    ca = str(authority.file)
    endpoints = [replace(hostile.listen(answer_all, good.served), hostname=NAME, ca=ca) for _ in range(12)]
    got = await exchange(asking([f"plain-{number}.test" for number in range(48)], endpoints), patience=30.0)
    assert sorted(got.number.tolist()) == list(range(48))
    assert not got.trouble.any()


async def test_without_an_open_file_to_spare_the_user_is_told(
    hostile: Hostile, authority: Authority, good: Issued
) -> None:
    """Where not one connection can be had, that is no fault of the resolver's."""
    endpoint = replace(hostile.listen(answer_all, good.served), hostname=NAME, ca=str(authority.file))
    async with TRANSPORT.open() as session:
        assert len(await all_of(session, asking(["plain-1.test"], endpoint))) == 1  # the context is read
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        async with TRANSPORT.open() as session:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            with pytest.raises(UsageError, match="cannot open a connection"):
                await all_of(session, asking(["plain-1.test"], endpoint))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
