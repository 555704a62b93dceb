"""A whole snapshot over QUIC and HTTP/3: the same answers as over UDP, and what went wrong in words."""

import asyncio
import socket
from datetime import date
from typing import Any

import polars as pl
import pytest

from hostile import Hostile, reply
from quic_servers import NAME, Authority, QuicResolver, Talk
from resolver_diff import probe, snapshot
from resolver_diff.config import Config, DomainSet, Names, Resolver

DAY = date(2026, 2, 11)
NAMES = [f"plain-{number}.test" for number in range(30)]
CONTROLS = [f"plain-control-{number}.test" for number in range(3)]


def answer(talk: Talk) -> None:
    """Answer over either."""
    if talk.peer.http is None:
        talk.say(reply(talk.asked))
    else:
        talk.respond(reply(talk.asked))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The observations of one run: three honest resolvers, one with the papers of another, one that hangs."""
    folder = tmp_path_factory.mktemp("run")
    authority = Authority()
    (folder / "ca.pem").write_bytes(authority.pem)
    good, wrong = authority.issue(NAME), authority.issue("other.example")
    with (
        Hostile() as udp,
        QuicResolver(good, answer) as quic,
        QuicResolver(good, answer, alpn="h3") as h3,
        QuicResolver(wrong, answer) as stranger,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute,
    ):
        mute.bind(("127.0.0.1", 0))
        shared: dict[str, Any] = {"address": "127.0.0.1", "hostname": NAME, "ca": str(folder / "ca.pem"), "qps": 1000.0}
        resolvers = (
            Resolver(name="udp", address="127.0.0.1", port=udp.endpoint.port, qps=1000.0),
            Resolver(name="quic", transport="quic", port=quic.port, **shared),
            Resolver(name="h3", transport="h3", port=h3.port, **shared),
            Resolver(name="stranger", transport="quic", port=stranger.port, **shared),
            Resolver(name="mute", transport="h3", port=mute.getsockname()[1], **shared),
        )
        config = Config(
            resolvers=resolvers,
            domain_sets=(DomainSet("plain", "plain.txt", Names.of(NAMES)),),
            control_names=tuple(CONTROLS),
            qtypes=("A",),
            attempts=2,
            timeout=1.0,
        )
        taken = asyncio.run(probe.take(config, folder=folder / "snapshots", day=DAY, vantage="here"))
        assert set(taken.silent) == {"stranger", "mute"}
        assert taken.troubles["stranger"] == f"certificate is for other.example, not {NAME}"
        assert taken.left_out == ()
    return snapshot.load(folder / "snapshots", DAY)[0].observations.filter(pl.col("qname").is_in(NAMES))


def test_the_answers_are_those_of_udp(rows: pl.DataFrame) -> None:
    """What a resolver says does not depend on how it was carried."""
    said = {
        name: rows.filter(pl.col("resolver") == name).sort("qname").select("qname", "outcome", "answer", "ttl")
        for name in ("udp", "quic", "h3")
    }
    assert said["udp"]["outcome"].to_list() == ["answer"] * 30
    assert said["quic"].equals(said["udp"])
    assert said["h3"].equals(said["udp"])
    assert rows.filter(pl.col("resolver").is_in(list(said)))["rtt"].min() is not None
    assert rows.filter(pl.col("resolver").is_in(list(said)))["trouble"].null_count() == 90


def test_a_fault_of_the_certificate_is_in_every_row(rows: pl.DataFrame) -> None:
    """A tls-error says what was wrong."""
    of = rows.filter(pl.col("resolver") == "stranger")
    assert of.select("outcome", "trouble").unique().rows() == [
        ("tls-error", f"certificate is for other.example, not {NAME}")
    ]
    assert of.height == 30


def test_silence_may_say_why(rows: pl.DataFrame) -> None:
    """A timeout before there was a connection is a timeout, and is told from others."""
    of = rows.filter(pl.col("resolver") == "mute")
    assert of.select("outcome", "trouble").unique().rows() == [("timeout", "no answer to the QUIC handshake")]
    assert of["rtt"].null_count() == of.height == 30
