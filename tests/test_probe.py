"""The probe: every attempt a row, every question in exactly one place; over transports that replay from memory."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import polars as pl
import pytest

from resolver_diff import family, probe, snapshot
from resolver_diff.config import Config, DomainSet, Names, Resolver, Why
from resolver_diff.errors import UsageError
from resolver_diff.probe import Taken, lookup
from resolver_diff.transports import Endpoint, Transport
from resolver_diff.transports._replay import replaying

DAY = date(2026, 2, 11)
Reply = Callable[[dns.message.Message, int], Sequence[bytes]]


def config(names: Sequence[str] = ("a.example", "b.example"), **how: Any) -> Config:
    """Return a config of two resolvers and one domain set."""
    resolvers = (Resolver(name="one", address="192.0.2.1"), Resolver(name="two", address="192.0.2.2"))
    made: dict[str, Any] = {
        "resolvers": resolvers,
        "control_names": ("control.example",),
        "qtypes": ("A",),
        "attempts": 3,
        **how,
    }
    return Config(domain_sets=(DomainSet("shops", "shops.txt", Names.of(list(names))),), **made)


def answer(query: dns.message.Message, address: str = "198.51.100.7", *, truncated: bool = False) -> bytes:
    """Return a reply to *query* with one A record."""
    reply = dns.message.make_response(query)
    if truncated:
        reply.flags |= dns.flags.TC
    elif query.question[0].rdclass == 1:
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", address))
    return reply.to_wire()


def is_a(query: dns.message.Message) -> bool:
    """Say whether a.example is asked for."""
    return query.question[0].name.to_text() == "a.example."


class Memory:
    """Resolvers from memory: *says* gives the replies to a query asked for the nth time (from 0)."""

    def __init__(self, says: Callable[[str, str, dns.message.Message, int], Sequence[bytes]]) -> None:
        self.says = says
        self.asked: Counter[tuple[str, str, str]] = Counter()

    def carriers(self) -> dict[str, Transport]:
        """Return the transports that ask this memory."""
        return {name: replaying(self.answering(name)) for name in ("udp", "tcp")}

    def answering(self, transport: str) -> Callable[[Endpoint, bytes], Sequence[tuple[float, bytes]]]:
        """Return what answers over *transport*."""

        def respond(endpoint: Endpoint, wire: bytes) -> Sequence[tuple[float, bytes]]:
            query = dns.message.from_wire(wire)
            qname = query.question[0].name.to_text(omit_final_dot=True)
            key = (transport, endpoint.address, qname)
            self.asked[key] += 1
            return [(0.01, reply) for reply in self.says(transport, endpoint.address, query, self.asked[key] - 1)]

        return respond


def take(folder: Path, memory: Memory, asked: Config | None = None, **how: Any) -> Taken:
    """Take a snapshot of what *memory* says."""
    made = asked or config()
    return asyncio.run(probe.take(made, folder=folder, day=DAY, vantage="here", carriers=memory.carriers(), **how))


def rows_of(folder: Path, qname: str, resolver: str = "one") -> list[tuple[object, ...]]:
    """Return (attempt, reply, outcome, answer) of a name at a resolver, as loaded."""
    (loaded,) = snapshot.load(folder, DAY)
    mine = loaded.observations.filter((pl.col("qname") == qname) & (pl.col("resolver") == resolver))
    return mine.select("attempt", "reply", pl.col("outcome").cast(pl.String), "answer").rows()


def test_each_question_has_one_row_when_all_answer(tmp_path: Path) -> None:
    """Targets once each; control names twice, before and after; facts of the run in the file."""
    memory = Memory(lambda _t, _a, query, _n: [answer(query)])
    taken = take(tmp_path / "s", memory)
    (loaded,) = snapshot.load(tmp_path / "s", DAY)
    per_purpose = dict(loaded.observations.group_by("purpose").len().iter_rows())
    assert per_purpose == {"target": 4, "control": 4, "identity": 10, "canary": 6}
    assert rows_of(tmp_path / "s", "a.example") == [(0, 0, "answer", "198.51.100.7")]
    assert taken.silent == ()
    assert taken.counts["questions"] == 24
    assert taken.counts["silent"] == 0
    assert not loaded.observations["asked_at"].has_nulls()


def test_every_attempt_is_a_row(tmp_path: Path) -> None:
    """A question answered at the third asking has two rows of silence and one of answer."""
    memory = Memory(lambda _t, _a, query, n: [answer(query)] if n == 2 or not is_a(query) else [])
    take(tmp_path / "s", memory)
    silence = (None, "timeout", None)
    assert rows_of(tmp_path / "s", "a.example") == [(0, *silence), (1, *silence), (2, 0, "answer", "198.51.100.7")]


def test_a_dead_resolver_is_asked_each_question_once(tmp_path: Path) -> None:
    """Who never says anything is not asked again; each question still is a row, and the resolver is named."""
    memory = Memory(lambda _t, address, query, _n: [answer(query)] if address == "192.0.2.1" else [])
    taken = take(tmp_path / "s", memory)
    assert taken.silent == ("two",)
    assert rows_of(tmp_path / "s", "a.example", "two") == [(0, None, "timeout", None)]
    assert (
        max(
            count
            for (_, address, qname), count in memory.asked.items()
            if address == "192.0.2.2" and "a.example" in qname
        )
        == 1
    )


def test_silence_about_one_name_is_asked_to_the_end(tmp_path: Path) -> None:
    """A resolver that answers others is asked all attempts, each a row."""
    memory = Memory(lambda _t, _a, query, _n: [] if is_a(query) else [answer(query)])
    take(tmp_path / "s", memory)
    assert [row[2] for row in rows_of(tmp_path / "s", "a.example")] == ["timeout"] * 3


def test_a_second_reply_is_a_row(tmp_path: Path) -> None:
    """Two different replies to one query are both kept, in order of arrival."""
    memory = Memory(lambda _t, _a, query, _n: [answer(query, "10.0.0.1"), answer(query)])
    taken = take(tmp_path / "s", memory)
    assert rows_of(tmp_path / "s", "b.example") == [(0, 0, "answer", "10.0.0.1"), (0, 1, "answer", "198.51.100.7")]
    assert taken.counts["second_replies"] == 24


def test_a_truncated_reply_is_completed_over_tcp(tmp_path: Path) -> None:
    """The row is what TCP said, with tc set; it still is the UDP entry's row."""
    memory = Memory(lambda transport, _a, query, _n: [answer(query, truncated=transport == "udp")])
    take(tmp_path / "s", memory)
    (loaded,) = snapshot.load(tmp_path / "s", DAY)
    row = loaded.observations.filter((pl.col("qname") == "a.example") & (pl.col("resolver") == "one")).row(
        0, named=True
    )
    assert (row["transport"], row["tc"], row["outcome"], row["answer"]) == ("udp", True, "answer", "198.51.100.7")


def test_a_truncated_reply_without_tcp_is_silence_that_says_why(tmp_path: Path) -> None:
    """TC over UDP and nothing over TCP: timeout, with tc set, at every attempt."""
    memory = Memory(lambda transport, _a, query, _n: [answer(query, truncated=True)] if transport == "udp" else [])
    assert take(tmp_path / "s", memory).silent == ()  # it said something
    (loaded,) = snapshot.load(tmp_path / "s", DAY)
    rows = loaded.observations.filter((pl.col("qname") == "a.example") & (pl.col("resolver") == "one"))
    assert rows.select(pl.col("outcome").cast(pl.String), "tc").rows() == [("timeout", True)] * 3


def test_octets_that_are_no_message_are_asked_again(tmp_path: Path) -> None:
    """A malformed reply is a row, and no reason to stop asking."""
    memory = Memory(lambda _t, _a, query, n: [answer(query)] if n else [answer(query)[:-6]])
    take(tmp_path / "s", memory)
    assert [row[2] for row in rows_of(tmp_path / "s", "a.example")] == ["malformed", "answer"]


def test_the_message_is_kept_when_asked_for(tmp_path: Path) -> None:
    """With keep_wire the octets stand in the row; without, the column is null."""
    memory = Memory(lambda _t, _a, query, _n: [answer(query)])
    (kept,) = take(tmp_path / "kept", memory, keep_wire=True).files
    wire = pl.read_parquet(kept).filter(pl.col("qname") == "a.example")["wire"][0]
    assert dns.message.from_wire(wire).answer
    (plain,) = take(tmp_path / "plain", memory).files
    assert pl.read_parquet(plain)["wire"].null_count() == 24


def test_a_run_that_is_cancelled_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted in the middle and resumed, it asks only the rest, and has the rows of an undisturbed run."""
    names = [f"n{index}.example" for index in range(20)]
    monkeypatch.setattr("resolver_diff.plan.Plan.batches.__defaults__", (8,))
    undisturbed = Memory(lambda _t, _a, query, _n: [answer(query)])
    take(tmp_path / "whole", undisturbed, config(names))

    async def interrupted() -> None:
        """Take the snapshot as a task that is cancelled, as Ctrl-C does, when one of the last names is asked for."""
        task = asyncio.current_task()
        assert task is not None

        def interrupt(_t: str, _a: str, query: dns.message.Message, _n: int) -> Sequence[bytes]:
            if query.question[0].name.to_text() == "n18.example.":
                task.cancel()
            return [answer(query)]

        carriers = Memory(interrupt).carriers()
        await probe.take(config(names), folder=tmp_path / "broken", day=DAY, vantage="here", carriers=carriers)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    rest = Memory(lambda _t, _a, query, _n: [answer(query)])
    take(tmp_path / "broken", rest, config(names), resume=True)
    assert 0 < sum(rest.asked.values()) < sum(undisturbed.asked.values())
    facts = ["qname", "qtype", "resolver", "purpose", "attempt", "reply", "outcome", "answer"]
    whole, broken = (snapshot.load(tmp_path / name, DAY)[0].observations.select(facts) for name in ("whole", "broken"))
    assert whole.equals(broken)


def test_an_entry_over_a_transport_this_version_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not asked and not forgotten; when there is no other entry, that is an error."""
    names = family.names
    monkeypatch.setattr(family, "names", lambda of: [name for name in names(of) if name != "quic"])
    memory = Memory(lambda _t, _a, query, _n: [answer(query)])
    quic = Resolver(name="q", address="192.0.2.9", transport="quic", hostname="dns.example")
    taken = take(tmp_path / "s", memory, config(resolvers=(*config().resolvers, quic)))
    assert [(each.resolver, each.transport, each.why) for each in taken.left_out] == [("q", "quic", Why.NOT_CARRIED)]
    with pytest.raises(UsageError, match="no resolver"):
        take(tmp_path / "t", memory, config(resolvers=(quic,)))


def test_a_host_name_is_looked_up_and_what_was_found_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot says which address was asked; a resolver whose name has none is left out, and the run goes on."""
    monkeypatch.setattr(lookup, "_find", _find)
    memory = Memory(lambda _t, _a, query, _n: [answer(query)])
    entries = [Resolver(name=name, address=f"{name}.example") for name in ("found", "lost")]
    taken = take(tmp_path / "s", memory, config(resolvers=tuple(entries)))
    run = snapshot.load(tmp_path / "s", DAY)[0].runs[0]
    assert [(each.name, each.address) for each in run.resolvers] == [("found", "192.0.2.77")]
    assert {address for _, address, _ in memory.asked} == {"192.0.2.77"}
    (lost,) = run.left_out
    assert run.left_out == taken.left_out
    assert (lost.resolver, lost.why, lost.says) == ("lost", Why.NOT_FOUND, "lost.example: no such name")
    with pytest.raises(UsageError, match="no address was found for any resolver"):
        take(tmp_path / "t", memory, config(resolvers=(entries[1],)))


async def _find(name: str) -> tuple[str, str]:
    return ("192.0.2.77", "") if name == "found.example" else ("", "no such name")


@pytest.mark.parametrize("transport", ["h3", "quic"])
def test_an_extra_that_is_missing_is_told_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    """It is an error that says what to install, and no run is left behind to be resumed."""
    monkeypatch.setitem(sys.modules, "aioquic", None)
    memory = Memory(lambda _t, _a, query, _n: [answer(query)])
    entry = Resolver(name="q", address="192.0.2.9", transport=transport, hostname="dns.example")
    with pytest.raises(UsageError, match="aioquic, which is not installed") as caught:
        take(tmp_path / "s", memory, config(resolvers=(*config().resolvers, entry)))
    assert "pip install '.[quic]'" in str(caught.value.hint)
    assert not memory.asked
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("vantage", ["", "../up", "a/b", ".hidden", "a\nb"])
def test_a_vantage_must_be_able_to_name_a_folder(tmp_path: Path, vantage: str) -> None:
    """Nothing that could lead out of the snapshots folder."""
    with pytest.raises(UsageError, match="vantage"):
        asyncio.run(probe.take(config(), folder=tmp_path, day=DAY, vantage=vantage))
