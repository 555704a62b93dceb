"""Which of several replies to a question counts, and what each is: an answer, a denial or a failure."""

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from resolver_diff import compare
from resolver_diff.compare import Panel
from resolver_diff.diff import anomalies
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Outcome, Purpose
from test_compare import day

KEY = {"domain_set": "story", "qname": "x.example", "qtype": "A", "resolver": "isp-ru", "transport": "udp"}


def tries(*replies: tuple[int, int | None, str, str | None]) -> dict[str, Any]:
    """Return the cell that comes of one question's rows: attempt, reply, outcome, answer."""
    rows = [
        {**KEY, "purpose": Purpose.TARGET, "attempt": attempt, "reply": reply, "outcome": outcome, "answer": answer}
        for attempt, reply, outcome, answer in replies
    ]
    empty = day({}).observations.clear()
    frame = pl.concat([empty, pl.DataFrame(rows, schema_overrides=empty.schema)], how="diagonal")
    snapshot = Snapshot(date(2026, 2, 11), "home", (), frame)
    return compare.cells(frame, Panel.of([snapshot])).row(0, named=True)


def test_first_reply_counts() -> None:
    """A cell is the first attempt that got an answer or a denial, whatever came before or after it."""
    found = tries((0, None, "timeout", None), (1, 0, "nxdomain", None), (2, 0, "answer", "192.0.2.1"))
    assert found["outcome"] == Outcome.NXDOMAIN
    assert (found["attempts"], found["silent_attempts"]) == (3, 1)


def test_a_failure_counts_where_nothing_else_came() -> None:
    """An error is a reply, which silence is not; but asked more slowly, the resolver may have more to say."""
    failures = (0, None, "timeout", None), (1, 0, "refused", None), (2, 0, "servfail", None)
    assert tries(*failures)["outcome"] == Outcome.REFUSED
    assert tries(*failures, (3, 0, "answer", "192.0.2.1"))["outcome"] == Outcome.ANSWER


def test_last_silence_counts() -> None:
    """A question nobody answered ends as its last attempt did."""
    assert tries((0, None, "timeout", None), (1, None, "unreachable", None))["outcome"] == Outcome.UNREACHABLE


def test_octets_that_are_no_message_are_no_reply() -> None:
    """A later reply is preferred to octets that cannot be read."""
    assert tries((0, 0, "malformed", None), (1, 0, "answer", "192.0.2.1"))["outcome"] == Outcome.ANSWER


def test_second_reply_is_kept_when_it_differs() -> None:
    """Of several replies to a query the first is the cell, and the first that differs stands beside it."""
    replies = (0, 0, "answer", "192.0.2.1"), (0, 1, "answer", "192.0.2.1"), (0, 2, "answer", "192.0.2.9")
    found = tries(*replies)
    assert (found["answer"], found["second_answer"]) == ("192.0.2.1", "192.0.2.9")
    assert tries(*replies[:2])["second_outcome"] is None


def test_silence_beside_a_reply_is_none() -> None:
    """A silence that was written down before the reply to the same query came does not count."""
    found = tries((0, None, "timeout", None), (0, 1, "answer", "192.0.2.1"))
    assert (found["outcome"], found["attempts"], found["silent_attempts"]) == (Outcome.ANSWER, 1, 0)


def test_lowest_reply_counts() -> None:
    """Where the first reply of a query is missing, the next one stands for it."""
    found = tries((0, 2, "answer", "192.0.2.9"), (0, 1, "nxdomain", None), (1, 0, "answer", "192.0.2.9"))
    assert (found["outcome"], found["second_answer"]) == (Outcome.NXDOMAIN, "192.0.2.9")


def test_failure_beside_an_answer_is_no_second_reply() -> None:
    """Of the replies to one query the first that answers or denies counts, and a failure contradicts nothing."""
    found = tries((0, 0, "servfail", None), (0, 1, "answer", "192.0.2.1"))
    assert (found["outcome"], found["second_outcome"]) == (Outcome.ANSWER, None)


def test_late_reply_to_a_control_question_counts() -> None:
    """A control question whose silence was written down before its reply came was answered."""
    one = day({})
    control = pl.col("purpose") == Purpose.CONTROL
    late = one.observations.with_columns(reply=pl.when(control).then(1).otherwise("reply").cast(pl.UInt8))
    silent = one.observations.filter(control).with_columns(
        reply=pl.lit(None, pl.UInt8), outcome=pl.lit("timeout", one.observations.schema["outcome"]), answer=None
    )
    found = anomalies(replace(one, observations=pl.concat([silent, late], how="vertical_relaxed")))
    assert found.health.frame["control_asked"].unique().to_list() == [6]
    assert found.health.frame["control_failed"].sum() == 0


def test_a_referral_is_no_denial() -> None:
    """NOERROR with NS in AUTHORITY, no SOA and no recursion says where to ask, not that there is nothing."""
    kinds = {}
    for soa, authority, ra in ((None, 13, False), ("example", 1, False), (None, 0, False), (None, 13, True)):
        one = day({"isp-ru": {"x.example": {"A": "nodata"}}})
        is_it = (pl.col("resolver") == "isp-ru") & (pl.col("qname") == "x.example") & (pl.col("qtype") == "A")
        facts = {"soa": pl.lit(soa, pl.String), "authority": pl.lit(authority, pl.UInt16), "ra": pl.lit(ra)}
        said = one.observations.with_columns(
            pl.when(is_it).then(value).otherwise(name).alias(name) for name, value in facts.items()
        )
        cells = compare.cells(said, Panel.of([one])).join(Panel.of([one]).entries, on="r")
        found = cells.filter(
            (pl.col("resolver") == "isp-ru") & (pl.col("qname") == "x.example") & (pl.col("qtype") == "A")
        )
        kinds[soa, authority, ra] = found["kind"][0]
    assert kinds == {
        (None, 13, False): "failure",
        ("example", 1, False): "denial",
        (None, 0, False): "denial",
        (None, 13, True): "denial",
    }
