"""--repeat: each name is asked for several times, spread over the run, and every reply is kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import polars as pl
import pytest

import stories
from resolver_diff import probe, snapshot
from resolver_diff.diff import Diff, anomalies, diff
from resolver_diff.plan import Plan
from resolver_diff.snapshot import ORDER, Run, Snapshot
from resolver_diff.tables import Purpose
from test_commands import run
from test_plan import config as planned
from test_plan import everything
from test_probe import DAY, Memory, answer, config, is_a

NAMES = [f"n{number}.example" for number in range(9)]


def repeated(times: int, **how: Any) -> Plan:
    """Return a plan that asks every name so many times."""
    return Plan(replace(planned(names={"a": NAMES[:4], "b": NAMES[4:]}, **how), repeat=times), day=DAY, vantage="here")


@pytest.mark.parametrize("limit", [1, 7, 1 << 18])
def test_every_target_is_asked_so_many_times(limit: int) -> None:
    """Each time is a question with a number of its own; control, canary and identity questions stay as they are."""
    plan = repeated(3)
    questions = everything(plan, limit)
    targets = questions.filter(pl.col("purpose") == Purpose.TARGET)
    times = targets.group_by("qname", "qtype", "resolver", "domain_set").agg(pl.col("repeat").sort())
    assert times.height == 9 * 2 * 2
    assert times["repeat"].to_list() == [[0, 1, 2]] * times.height
    assert questions["number"].n_unique() == questions.height == plan.questions
    others = questions.filter(pl.col("purpose") != Purpose.TARGET)
    assert others.drop("due", "number").equals(
        everything(repeated(1), limit).filter(pl.col("purpose") != Purpose.TARGET).drop("due", "number")
    )


def test_repeats_are_spread_over_the_run() -> None:
    """All names are asked before one is asked again, in batches that come one after another, each in its own order."""
    batches = [batch.frame for batch in repeated(3).batches()]
    targets = [batch.filter(pl.col("purpose") == Purpose.TARGET, pl.col("resolver") == "one") for batch in batches]
    assert [batch["repeat"].unique().to_list() for batch in targets] == [[0], [1], [2]]
    first, second = (batch.sort("due").select("qname", "qtype").rows() for batch in targets[:2])
    assert sorted(first) == sorted(second)
    assert first != second


def test_control_names_are_asked_in_every_round() -> None:
    """Between the targets of each round, in numbers of their own; what `check` counts is what is asked."""
    listed = {"many": [f"m{number:04}.example" for number in range(450)]}
    plan = Plan(replace(planned(names=listed), repeat=3), day=DAY, vantage="here")
    batches = [batch.frame for batch in plan.batches(500)]
    questions = pl.concat(batches)
    assert questions["number"].n_unique() == questions.height == plan.questions
    rounds = [batch for batch in batches if (batch["purpose"] == Purpose.TARGET).any()]
    assert len(rounds) == 3 * 4
    first_and_last = {id(batches[0]), id(batches[-1])}
    between = [batch for batch in rounds if id(batch) not in first_and_last]
    assert sum((batch["purpose"] == Purpose.CONTROL).any() for batch in between) >= len(between) // 2


def test_repeats_make_another_plan_and_a_longer_run() -> None:
    """A run that broke off is not resumed with another number of repeats."""
    assert repeated(2).fingerprint != repeated(3).fingerprint
    assert repeated(3).seconds > 2 * repeated(1).seconds


def test_no_names_are_repeated_for_nothing() -> None:
    """Without a name there is one batch, whatever is repeated."""
    plan = Plan(replace(planned(names={}), repeat=5), day=DAY, vantage="here")
    assert len(list(plan.batches())) == 1


def forging(_t: str, _a: str, query: dns.message.Message, nth: int) -> Sequence[bytes]:
    """Answer everything, and a.example otherwise the second and third time."""
    return [answer(query, "10.0.0.1" if is_a(query) and nth in (1, 2) else "198.51.100.7")]


def take(folder: Path, says: Any, **how: Any) -> probe.Taken:
    """Take a snapshot of four rounds."""
    asked = replace(config(), repeat=4)
    memory = Memory(says)
    taking = probe.take(asked, folder=folder, day=DAY, vantage="here", carriers=memory.carriers(), **how)
    return asyncio.run(taking)


def test_every_reply_of_every_repeat_is_kept(tmp_path: Path) -> None:
    """A name that is forged now and then shows it: one row each time."""
    taken = take(tmp_path, forging)
    (loaded,) = snapshot.load(tmp_path, DAY)
    rows = loaded.observations.filter(pl.col("qname") == "a.example", pl.col("resolver") == "one")
    assert rows.select("repeat", "attempt", "reply", "answer").rows() == [
        (0, 0, 0, "198.51.100.7"),
        (1, 0, 0, "10.0.0.1"),
        (2, 0, 0, "10.0.0.1"),
        (3, 0, 0, "198.51.100.7"),
    ]
    assert taken.counts["second_replies"] == 0
    assert loaded.runs[0].repeat == 4


@pytest.mark.parametrize("limit", [1, 5, 1 << 17])
def test_a_snapshot_of_repeats_is_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Rounds come one after another, and a file has all of a name together, however small the batches were."""
    monkeypatch.setattr("resolver_diff.plan.BATCH", limit)
    batches = Plan.batches
    monkeypatch.setattr(Plan, "batches", lambda plan: batches(plan, limit))
    asked = replace(config(NAMES), repeat=3)
    memory = Memory(lambda _t, _a, query, _n: [answer(query)])
    taking = probe.take(asked, folder=tmp_path, day=DAY, vantage="here", carriers=memory.carriers())
    (file,) = asyncio.run(taking).files
    targets = pl.read_parquet(file).filter(pl.col("purpose") == Purpose.TARGET)
    assert targets.height == 9 * 2 * 3
    assert targets.equals(targets.sort(ORDER, maintain_order=True))


def test_a_run_of_repeats_is_resumed(tmp_path: Path) -> None:
    """What one round has heard is not asked again, and what it has not heard is."""
    whole = Memory(forging)
    asyncio.run(
        probe.take(
            replace(config(NAMES), repeat=3), folder=tmp_path / "w", day=DAY, vantage="v", carriers=whole.carriers()
        )
    )

    async def interrupted() -> None:
        task = asyncio.current_task()
        assert task is not None

        def interrupt(_t: str, _a: str, query: dns.message.Message, nth: int) -> Sequence[bytes]:
            if nth == 1 and query.question[0].name.to_text() == "n6.example.":
                task.cancel()
            return [answer(query)]

        carriers = Memory(interrupt).carriers()
        asked = replace(config(NAMES), repeat=3)
        await probe.take(asked, folder=tmp_path / "b", day=DAY, vantage="v", carriers=carriers)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    rest = Memory(forging)
    asked = replace(config(NAMES), repeat=3)
    asyncio.run(probe.take(asked, folder=tmp_path / "b", day=DAY, vantage="v", carriers=rest.carriers(), resume=True))
    assert 0 < sum(rest.asked.values()) < sum(whole.asked.values())
    counted = ["qname", "resolver", "repeat", "outcome"]
    whole_rows, broken = (snapshot.load(tmp_path / each, DAY)[0].observations.select(counted) for each in "wb")
    assert whole_rows.equals(broken)


def test_a_snapshot_of_before_has_one_repeat(tmp_path: Path) -> None:
    """A file without the column is of questions that were put once."""
    (file,) = take(tmp_path, forging).files
    metadata = pl.read_parquet_metadata(file)
    facts = metadata[snapshot.METADATA].replace('"repeat": 4, ', "")
    once = pl.read_parquet(file).filter(pl.col("repeat") == 0).drop("repeat")
    once.write_parquet(file, metadata={snapshot.METADATA: facts})
    (loaded,) = snapshot.load(tmp_path, DAY)
    assert loaded.observations["repeat"].to_list() == [0] * once.height
    assert isinstance(loaded.runs[0], Run)
    assert loaded.runs[0].repeat == 1


def judged(said: dict[str, Any], times: int = 5) -> Diff:
    """Judge a date on which names were asked for several times."""
    return anomalies(stories.Story("test", {"before": {}, "after": said, "repeats": times}).after)


def cell(found: Diff, resolver: str, qname: str = "x.example") -> dict[str, Any]:
    """Return a cell of the type A."""
    same = (pl.col("resolver") == resolver) & (pl.col("qname") == qname) & (pl.col("qtype") == "A")
    return found.cells.filter(same).row(0, named=True)


def test_what_is_denied_now_and_then_is_denied() -> None:
    """One denial among answers is a fact, and so is that it was one of five; it is no retry and no second reply."""
    found = cell(judged({"isp-ru": {"x.example": ["answer", "answer", "nxdomain", "answer", "timeout"]}}), "isp-ru")
    assert (found["outcome"], found["state"]) == ("nxdomain", "vanished")
    assert (found["repeats"], found["repeats_alike"], found["repeats_agreeing"]) == (5, 1, 3)
    assert (found["attempts"], found["silent_attempts"]) == (1, 0)
    assert found["second_answer"] is None
    assert "repeats_differ" in found["evidence_for"]


def test_what_is_heard_counts_before_what_is_not() -> None:
    """Silence and failures are lost packets as long as one repeat was answered."""
    found = cell(judged({"isp-ru": {"x.example": ["timeout", "servfail", "timeout", "timeout", "answer"]}}), "isp-ru")
    assert (found["outcome"], found["state"]) == ("answer", "agrees")
    assert found["evidence_for"] == []
    silent = cell(judged({"isp-ru": {"x.example": "timeout"}}), "isp-ru")
    assert (silent["outcome"], silent["repeats"], silent["repeats_alike"]) == ("timeout", 5, 5)


def test_a_control_counts_by_what_it_says_most_often() -> None:
    """One bad moment does not cost its vote; most moments do."""
    once = cell(judged({"google": {"x.example": ["nxdomain", "answer", "answer", "answer", "answer"]}}), "isp-ru")
    assert (once["controls_asked"], once["controls_agreeing"]) == (5, 5)
    mostly = judged({"google": {"x.example": ["nxdomain", "answer", "nxdomain", "nxdomain", "answer"]}})
    assert cell(mostly, "isp-ru")["controls_agreeing"] == 4
    own = cell(mostly, "google")
    assert (own["outcome"], own["repeats_alike"], own["repeats_agreeing"]) == ("nxdomain", 3, 0)


def test_an_answer_that_no_control_ever_gave_counts() -> None:
    """A foreign address among the controls' own is the one that is judged; what a control gave once is not foreign."""
    foreign = {"isp-ru": {"x.example": ["answer", "answer", "198.18.0.9", "answer", "198.18.0.9"]}}
    found = cell(judged(foreign), "isp-ru")
    assert (found["answer"], found["repeats_alike"], found["repeats_agreeing"]) == ("198.18.0.9", 2, 3)
    assert "bogon_address" in found["evidence_for"]
    shared = {**foreign, "quad9": {"x.example": ["answer", "198.18.0.9", "answer", "answer", "answer"]}}
    assert cell(judged(shared), "isp-ru")["answer"] != "198.18.0.9"


def test_an_answer_to_what_the_controls_deny_counts() -> None:
    """Among denials that agree with the controls the answer is what differs."""
    said = {"everyone": {"x.example": "nxdomain"}, "isp-ru": {"x.example": ["nxdomain", "198.18.0.9", "nxdomain"]}}
    found = cell(judged(said, 3), "isp-ru")
    assert (found["answer"], found["repeats_alike"], found["repeats_agreeing"]) == ("198.18.0.9", 1, 2)


def test_one_repeat_is_judged_as_ever() -> None:
    """A date of one repeat has one of one, and no evidence of repeats."""
    found = judged({"isp-ru": {"x.example": "nxdomain"}}, 1)
    assert found.cells.select("repeats", "repeats_alike", "repeats_agreeing").unique().rows() == [(1, 1, 0)]


def test_explain_says_how_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says in how many repeats it was so, and shows each."""
    monkeypatch.chdir(tmp_path)

    def says(_t: str, address: str, query: dns.message.Message, nth: int) -> Sequence[bytes]:
        forged = address == "192.0.2.9" and is_a(query) and nth in (1, 2)
        if not query.question[0].name.to_text().endswith(".example."):  # what cannot exist is denied
            reply = dns.message.make_response(query)
            reply.set_rcode(dns.rcode.NXDOMAIN)
            return [reply.to_wire()]
        return [answer(query, "10.0.0.1" if forged else "198.51.100.7")]

    entries = tuple(
        entry.model_copy(update={"role": role, "operator": entry.name, "address": address, "name": name})
        for entry, role, address, name in zip(
            config().resolvers * 2,
            ("control", "control", "control", "isp"),
            ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.9"),
            ("c1", "c2", "c3", "isp"),
            strict=True,
        )
    )
    entries = tuple(entry.model_copy(update={"operator": entry.name}) for entry in entries)
    asked = replace(config(resolvers=entries, control_names=()), repeat=4)
    folder = tmp_path / "snapshots"
    asyncio.run(probe.take(asked, folder=folder, day=DAY, vantage="here", carriers=Memory(says).carriers()))
    said = run("explain", "a.example", "isp", "--date", str(DAY))
    assert said.exit_code == 0
    text = " ".join(said.stdout.split())
    assert "divergent by bogon, in 2 of 4 repeats (15 % to 85 %); 3 of 3 control operators say answer" in text
    assert "repeats_differ: 2 of 4 repeats ended so, 2 as the controls say" in text
    assert text.count("10.0.0.1") >= 2
    assert ", repeat 4" in text


def test_check_says_how_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`repeat` of the file is what --repeat is without it, and is in the numbers."""
    monkeypatch.chdir(tmp_path)
    Path("mine.txt").write_text("a.example\n")
    Path("mine.yaml").write_text("probe: {repeat: 3}\nresolvers: [{name: a, address: 192.0.2.1, role: control}]\n")
    plain = run("check", "--resolvers", "mine.yaml", "--domains", "mine.txt")
    assert "Each is asked for 3 times, spread over the run." in " ".join(plain.stdout.split())
    once = run("check", "--resolvers", "mine.yaml", "--domains", "mine.txt", "--repeat", "1")
    assert "Each is asked for" not in " ".join(once.stdout.split())
    assert run("check", "--repeat", "0").exit_code == 2


def test_old_and_new_dates_are_compared(tmp_path: Path) -> None:
    """A date of one repeat and one of several are two dates like any others."""
    before = stories.Story("test", {"before": {}, "after": {"isp-ru": {"x.example": "answer"}}}).after
    after = stories.Story(
        "test", {"before": {}, "after": {"isp-ru": {"x.example": ["answer", "nxdomain"]}}, "repeats": 2}
    ).after
    assert isinstance(after, Snapshot)
    found = diff(replace(before, date=date(2026, 2, 10)), after)
    assert stories.rows(found) == ["vanished nxdomain isp-ru x.example"]
