"""The cells that said something else on another date, unjudged: those that a database finds in the same files."""

import random
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolver_diff.errors import SnapshotError
from resolver_diff.snapshot import ORDER, changed
from resolver_diff.tables import Observations

NOON = datetime(2026, 2, 11, 12, tzinfo=UTC)
BY_DATABASE = """
    with cells as (select *, parse_filename(filename) as day from read_parquet(['{before}', '{after}'], filename=true)
        where purpose = 'target' and reply is not null
        qualify row_number() over (
            partition by day, qname, qtype, resolver, transport order by repeat, attempt, reply) = 1)
    select qname, qtype, resolver, transport, a.outcome, b.outcome, a.answer, b.answer
    from (from cells where day = 'before.parquet') a join (from cells where day = 'after.parquet') b
    using (qname, qtype, resolver, transport)
    where a.outcome <> b.outcome or a.answer_hash is distinct from b.answer_hash order by all
"""


def written(file: Path, rows: list[dict[str, object]]) -> Path:
    """Write *rows* as a snapshot lies: control rows before and among the targets, these in the order of cells."""
    known = {"asked_at": NOON, "transport": "udp", "purpose": "target", "repeat": 0, "attempt": 0, "qtype": "A"}
    schema = {name: dtype for name, dtype in Observations.schema.items() if name != "wire"}
    frame = Observations.of(pl.DataFrame([known | row for row in rows], schema=schema)).frame
    targets = frame.filter(pl.col("purpose") == "target").sort(ORDER, nulls_last=False)
    half, control = targets.height // 2, frame.filter(pl.col("purpose") != "target")
    pl.concat([control, targets[:half], control, targets[half:]]).write_parquet(file)
    return file


def tries(dice: random.Random, cell: dict[str, object]) -> list[dict[str, object]]:
    """Make up what comes of one question: up to three attempts, with no reply, one, or two."""
    rows: list[dict[str, object]] = []
    for attempt in range(3):
        if dice.random() < 0.3:
            rows.append({**cell, "attempt": attempt, "outcome": "timeout"})
            continue
        for reply in range(dice.choice([1, 1, 2])):
            answer = dice.randrange(3)
            outcome = "answer" if answer else "nxdomain"
            told = {"answer": f"192.0.2.{answer}", "answer_hash": answer} if answer else {}
            rows.append({**cell, "attempt": attempt, "outcome": outcome, "reply": reply, **told})
        if dice.random() < 0.8:
            break
    return rows


def said(dice: random.Random, names: int) -> list[dict[str, object]]:
    """Make up what five resolvers say: answers, denials, silences, late and second replies; some are not asked."""
    rows: list[dict[str, object]] = [{"qname": "zz.control", "resolver": "r0", "purpose": "control", "reply": 0}]
    rows[0]["outcome"] = "answer"
    for name in dice.sample(range(20), names):
        for resolver, qtype in [(f"r{number}", qtype) for number in range(5) for qtype in ("A", "AAAA")]:
            if dice.random() < 0.1:
                continue
            for repeat in range(dice.choice([1, 1, 1, 2])):
                cell = {"qname": f"n{name:02}.example", "resolver": resolver, "qtype": qtype, "repeat": repeat}
                rows += tries(dice, cell)
    return rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(seed=st.integers(0, 2**32), rows=st.sampled_from([3, 50, 1 << 17]))
def test_it_finds_what_a_database_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, rows: int) -> None:
    """Names, resolvers and replies that only one date has; pieces of any size; names that fill several pieces."""
    monkeypatch.setattr(changed, "ROWS", rows)
    dice = random.Random(seed)
    before = written(tmp_path / "before.parquet", said(dice, dice.randrange(20)))
    after = written(tmp_path / "after.parquet", said(dice, dice.randrange(20)))
    found = pl.concat([pl.DataFrame(), *changed.changed(before, after, answers=True)], how="diagonal")
    wanted = duckdb.execute(BY_DATABASE.format(before=before, after=after)).fetchall()
    assert found.rows() == wanted


def test_without_answers_the_same_cells_are_found(tmp_path: Path) -> None:
    """Answers are read only where somebody wants to see them."""
    dice = random.Random(7)
    files = [written(tmp_path / f"{day}.parquet", said(dice, 15)) for day in ("before", "after")]
    with_answers, without = (pl.concat(changed.changed(*files, answers=wanted)) for wanted in (True, False))
    assert without.equals(with_answers.drop("answer_before", "answer_after"))
    assert without.height > 20


@pytest.mark.parametrize("order", [["qname", "attempt"], ["attempt"]])
def test_a_file_out_of_order_is_refused(tmp_path: Path, order: list[str]) -> None:
    """Read side by side with another it would lose rows without a word."""
    rows = [
        {"qname": f"n{name}.example", "resolver": f"r{resolver}", "attempt": attempt, "outcome": "answer", "reply": 0}
        for name in range(3)
        for resolver in range(2)
        for attempt in range(2)
    ]
    good = written(tmp_path / "good.parquet", rows)
    assert not list(changed.changed(good, good))
    pl.read_parquet(good).sort(order, maintain_order=True).write_parquet(tmp_path / "bad.parquet")
    with pytest.raises(SnapshotError, match="order"):
        list(changed.changed(good, tmp_path / "bad.parquet"))
