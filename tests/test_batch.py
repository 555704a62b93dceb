"""A batch in flight: whatever comes, late, double, truncated or in trouble, each reply has one row of its own."""

from datetime import date

import dns.flags
import dns.message
import dns.rrset
import numpy as np
import polars as pl
import pytest

from resolver_diff.batch import Batch
from resolver_diff.config import Config, DomainSet, Names, Resolver
from resolver_diff.journal import SCHEMA
from resolver_diff.journal.alike import ATTEMPTS
from resolver_diff.plan import Plan
from resolver_diff.snapshot import ORDER
from resolver_diff.transports import Responses, Trouble
from resolver_diff.wire import Messages

NAMES = ("a.example", "b.example", "c.example")
Row = tuple[int, int | None, str, bool | None, str | None]


@pytest.fixture
def batch() -> Batch:
    """One address as an entry over UDP and one over TCP, both asked for the first time."""
    entries = (
        Resolver(name="over-udp", address="192.0.2.1"),
        Resolver(name="over-tcp", address="192.0.2.1", transport="tcp"),
    )
    sets = (DomainSet("shops", "shops.txt", Names.of(NAMES)),)
    plan = Plan(Config(entries, sets, (), ("A",)), day=date(2026, 2, 11), vantage="here")
    questions = pl.concat([one.frame for one in plan.batches()]).filter(pl.col("purpose") == "target")
    made = Batch(plan, questions)
    asked = made.wave(0, np.array([False, False]))
    for queries in asked.values():
        queries.sent[:] = 1_000_000_000
    return made


def said(batch: Batch, name: str, attempt: int = 0, *, resolver: str = "over-udp", **how: object) -> Responses:
    """Return one response to the question for *name*: an answer, or as *how* says (address, tc, trouble)."""
    question = batch.questions.filter((pl.col("qname") == name) & (pl.col("resolver") == resolver))
    query = dns.message.make_query(name, "A", use_edns=0)
    reply = dns.message.make_response(query)
    if how.get("tc"):
        reply.flags |= dns.flags.TC
    else:
        reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "A", str(how.get("address", "198.51.100.7"))))
    trouble = how.get("trouble", Trouble.NONE)
    assert isinstance(trouble, Trouble)
    return Responses(
        number=np.array([int(question["number"][0]) * ATTEMPTS + attempt]),
        reply=np.zeros(1, np.uint8),
        rtt=np.array([5_000_000]),
        trouble=np.array([trouble], np.uint8),
        messages=Messages.of([b"" if trouble else reply.to_wire()]),
        echoed=np.array([not trouble]),
        says={0: str(how["says"])} if "says" in how else {},
    )


def rows(batch: Batch, name: str, resolver: str = "over-udp") -> list[Row]:
    """End the batch; return (attempt, reply, outcome, tc, answer) of the rows about *name*."""
    kept = pl.concat([batch.settled_rows(), batch.remaining_rows()[0].cast(SCHEMA)])
    mine = kept.filter((pl.col("qname") == name) & (pl.col("resolver") == resolver)).sort("attempt", "reply")
    return mine.select("attempt", "reply", pl.col("outcome").cast(pl.String), "tc", "answer").rows()


def test_trouble_is_kept_in_words(batch: Batch) -> None:
    """Where the transport says what was wrong, the row repeats it; the others say nothing."""
    batch.hear("udp", said(batch, "a.example", trouble=Trouble.TLS, says="the certificate has expired"))
    told = batch.remaining_rows()[0].filter(pl.col("resolver") == "over-udp").sort("qname")
    assert told.filter(pl.col("qname") == "a.example")["trouble"].to_list() == ["the certificate has expired"]
    assert told.filter(pl.col("qname") != "a.example")["trouble"].drop_nulls().len() == 0


def test_an_error_before_the_answer_is_forgotten(batch: Batch) -> None:
    """ICMP says unreachable, and then the reply comes: the reply is the first and only one."""
    batch.hear("udp", said(batch, "a.example", trouble=Trouble.UNREACHABLE))
    batch.hear("udp", said(batch, "a.example"))
    assert rows(batch, "a.example") == [(0, 0, "answer", False, "198.51.100.7")]


def test_a_whole_reply_after_a_truncated_one_is_the_first(batch: Batch) -> None:
    """A truncated reply is no answer, so it neither hides nor displaces what comes after it."""
    batch.hear("udp", said(batch, "a.example", tc=True))
    batch.hear("udp", said(batch, "a.example", address="10.0.0.1"))
    assert rows(batch, "a.example") == [(0, 0, "answer", False, "10.0.0.1")]


def test_a_truncated_second_reply_is_completed_too(batch: Batch) -> None:
    """A forged first reply and a truncated true one: both are told apart, the true one as TCP gave it."""
    batch.hear("udp", said(batch, "a.example", address="10.0.0.1"))
    batch.hear("udp", said(batch, "a.example", tc=True))
    repeats = batch.follow_up(0)
    assert repeats is not None
    assert len(repeats) == 1
    batch.hear("tcp", said(batch, "a.example"))
    assert rows(batch, "a.example") == [
        (0, 0, "answer", False, "10.0.0.1"),
        (0, 1, "answer", True, "198.51.100.7"),
    ]


def test_a_doubled_truncated_reply_is_one_silence(batch: Batch) -> None:
    """TC twice and nothing over TCP: silence that says why, never an empty answer."""
    batch.hear("udp", said(batch, "a.example", tc=True))
    batch.hear("udp", said(batch, "a.example", tc=True))
    assert rows(batch, "a.example") == [(0, None, "timeout", True, None)]


def test_what_comes_late_over_tcp_finds_its_own_question(batch: Batch) -> None:
    """The session of TCP carries entries of TCP and repeats for UDP at once; neither takes the other's place."""
    batch.hear("udp", said(batch, "c.example", tc=True))
    assert batch.follow_up(0) is not None
    batch.wave(1, np.array([True, True]))
    batch.hear("tcp", said(batch, "c.example"))
    batch.hear("tcp", said(batch, "c.example", resolver="over-tcp"))
    assert rows(batch, "c.example", "over-tcp")[0] == (0, 0, "answer", False, "198.51.100.7")


def test_a_late_repeat_is_the_row_of_udp(batch: Batch) -> None:
    """The repeat of the first attempt comes during the second: it is the first attempt's reply."""
    batch.hear("udp", said(batch, "c.example", tc=True))
    batch.wave(1, np.array([True, True]))
    batch.hear("tcp", said(batch, "c.example"))
    assert rows(batch, "c.example") == [(0, 0, "answer", True, "198.51.100.7"), (1, None, "timeout", None, None)]


def test_replies_are_numbered_as_they_come(batch: Batch) -> None:
    """Three in one batch of responses and one later: 0, 1, 2, 3, whatever the transport called them."""
    three = [said(batch, "b.example", address=f"198.51.100.{last}") for last in (1, 2, 3)]
    together = Responses(
        np.concatenate([one.number for one in three]),
        np.zeros(3, np.uint8),
        np.concatenate([one.rtt for one in three]),
        np.zeros(3, np.uint8),
        Messages.join([one.messages for one in three]),
        np.concatenate([one.echoed for one in three]),
    )
    batch.hear("udp", together)
    batch.hear("udp", said(batch, "b.example", address="198.51.100.4"))
    assert [(row[1], row[4]) for row in rows(batch, "b.example")] == [(n, f"198.51.100.{n + 1}") for n in range(4)]


def test_replies_to_another_batch_are_dropped(batch: Batch) -> None:
    """A number this batch never asked adds no row."""
    stranger = said(batch, "a.example")
    batch.hear(
        "udp",
        Responses(
            stranger.number + 10_000 * ATTEMPTS,
            *(getattr(stranger, name) for name in ("reply", "rtt", "trouble", "messages", "echoed")),
        ),
    )
    assert [row[1] for row in rows(batch, "a.example")] == [None]


def test_every_question_has_a_row_at_the_end(batch: Batch) -> None:
    """Answered or not, each question of each entry is there once."""
    batch.hear("udp", said(batch, "a.example"))
    kept = pl.concat([batch.settled_rows(), batch.remaining_rows()[0].cast(SCHEMA)])
    assert kept.height == kept["number"].n_unique() == 6


def test_first_replies_are_given_in_the_order_of_a_snapshot(batch: Batch) -> None:
    """Whatever order replies come in, rows that are first replies alone need no sorting, and say so."""
    for name in ("b.example", "a.example"):
        for resolver in ("over-udp", "over-tcp"):
            batch.hear("udp" if resolver == "over-udp" else "tcp", said(batch, name, resolver=resolver))
    settled = batch.settled_rows()
    assert settled.equals(settled.sort("domain_set", *ORDER, nulls_last=False))
    assert settled.height == 4
    assert not batch.remaining_rows()[1]
