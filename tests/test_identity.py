"""Who really answers: identity and egress are asked over every transport of a resolver, and kept as they were told."""

import asyncio
from collections.abc import Sequence
from datetime import date
from itertools import product
from pathlib import Path

import dns.message
import dns.rrset
import polars as pl

from resolver_diff import origins, probe, snapshot
from resolver_diff.config import Resolver
from resolver_diff.plan import CHAOS_NAMES, EGRESS_NAMES, Plan
from resolver_diff.tables import Purpose
from test_probe import Memory, config

DAY = date(2026, 2, 11)
WAYS = tuple(Resolver(name="one", address="192.0.2.1", transport=transport) for transport in ("udp", "tcp"))
EGRESS = {"udp": "4.4.4.4", "tcp": "8.8.4.4"}


def says(transport: str, _address: str, query: dns.message.Message, _n: int) -> Sequence[bytes]:
    """Answer as a resolver of which UDP is redirected on its way: other egress, other name of the server."""
    reply = dns.message.make_response(query)
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True)
    if name == "o-o.myaddr.l.google.com":
        reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", f'"{EGRESS[transport]}"'))
    elif name == "whoami.akamai.net":
        reply.answer.append(dns.rrset.from_text(question.name, 180, "IN", "A", EGRESS[transport]))
    elif name == "id.server":
        reply.answer.append(dns.rrset.from_text(question.name, 0, "CH", "TXT", f'"{transport}.server"'))
    return [reply.to_wire()]


def taken(folder: Path) -> pl.DataFrame:
    """Take a snapshot of one resolver over two transports; return its identity rows."""
    asked = config(resolvers=WAYS)
    asyncio.run(probe.take(asked, folder=folder, day=DAY, vantage="here", carriers=Memory(says).carriers()))
    (loaded,) = snapshot.load(folder, DAY)
    return loaded.observations.filter(pl.col("purpose") == Purpose.IDENTITY)


def test_every_transport_is_asked_who_it_is(tmp_path: Path) -> None:
    """Each identity question has a row for each transport of a resolver, with what that one said."""
    rows = taken(tmp_path / "s")
    questions = [*[(name, "TXT") for name in CHAOS_NAMES], *EGRESS_NAMES]
    told = {(qname, qtype, transport): answer for qname, qtype, transport, answer in rows.select(
        "qname", "qtype", pl.col("transport").cast(pl.String), "answer"
    ).rows()}  # fmt: skip
    assert set(told) == {(*question, way) for question, way in product(questions, EGRESS)}
    for transport, address in EGRESS.items():
        assert told["whoami.akamai.net", "A", transport] == address
        assert told["o-o.myaddr.l.google.com", "TXT", transport] == f'"{address}"'
        assert told["id.server", "TXT", transport] == f'"{transport}.server"'


def test_transports_are_asked_in_one_go() -> None:
    """Where two transports are held against each other, the same question goes over both right after another."""
    plan = Plan(config(resolvers=WAYS), day=DAY, vantage="here")
    (batch,) = plan.batches()
    identity = batch.frame.filter(pl.col("purpose") == Purpose.IDENTITY)
    apart = identity.group_by("qname").agg(seconds=pl.col("due").max() - pl.col("due").min())
    pace = 1 / WAYS[0].qps
    assert apart.height == len(CHAOS_NAMES) + len(EGRESS_NAMES)
    assert apart["seconds"].max() <= pace * 1.01  # type: ignore[operator]


def test_it_is_looked_up_whose_the_egress_is(tmp_path: Path) -> None:
    """The addresses that resolvers ask from are looked up with those they answer with."""
    assert {*EGRESS.values()} <= set(origins.answered(taken(tmp_path / "s").lazy()))


def test_who_does_not_recurse_is_not_asked_where_from() -> None:
    """An authoritative server has no egress; its identity is asked for all the same."""
    silent = Resolver(name="auth", address="192.0.2.9", recursion=False)
    (batch,) = Plan(config(resolvers=(silent,)), day=DAY, vantage="here").batches()
    assert set(batch.frame.filter(pl.col("purpose") == Purpose.IDENTITY)["qname"]) == set(CHAOS_NAMES)
