"""Kindness: nobody is asked more than they bear, who is in trouble is spared, and nobody waits for the dead.

Whole runs: most in the time of resolvers from memory, some on sockets.
"""

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from kindness import CONTROLS, DAY, REFUSED, SERVFAIL, Here, Limiter, Manner, World, answer, dead, failing, well
from resolver_diff import compare, probe, snapshot
from resolver_diff.compare import replies
from resolver_diff.config import Config, Resolver
from resolver_diff.plan import EVERY, Plan
from resolver_diff.probe import Taken
from resolver_diff.probe.held import together
from resolver_diff.snapshot import Held, Run
from resolver_diff.tables import TransportName
from resolver_diff.transports import _mmsg
from resolver_diff.transports._care import SLACK

LINUX = pytest.mark.skipif(not _mmsg.available(), reason="needs addresses that only Linux gives to every loopback")

SLACK_SECONDS = SLACK / 1e9 + 1e-6
NAMES = 600  # at 20 qps half a minute


def of_some_names(part: int, rcode: int | None) -> Manner:
    """Return who answers *part* of a hundred names with an error, or not at all, and every control name."""

    def says(qname: str, _now: float, query: bytes) -> list[tuple[float, bytes]]:
        bad = qname not in CONTROLS and zlib.crc32(qname.encode()) % 100 < part
        return list(answer(query)) if not bad else [] if rcode is None else list(answer(query, rcode))

    return says


def away(begin: float, end: float) -> Manner:
    """Return who says nothing for a while."""
    return lambda _qname, now, query: [] if begin <= now < end else answer(query)


def targets(taken: Taken, resolver: str) -> pl.DataFrame:
    """Return the rows of a resolver's target questions."""
    return pl.read_parquet(taken.files[0]).filter(pl.col("purpose") == "target", pl.col("resolver") == resolver)


def held(taken: Taken, resolver: str) -> Held | None:
    """Return what was held back at a resolver."""
    return next((one for one in taken.run.held if one.resolver == resolver), None)


def fastest(times: list[float], count: int) -> float:
    """Return the least time in which *count* + 1 queries came."""
    return min(last - first for first, last in zip(times, times[count:], strict=False))


def test_a_well_resolver_is_held_back_in_nothing(tmp_path: Path) -> None:
    """Everything is asked, at the pace it allows and no faster, and nothing is said to be held back."""
    world = World(one=well, two=well)
    taken = world.take(tmp_path, world.config(NAMES))
    assert taken.run.held == ()
    assert taken.counts["withheld"] == 0
    assert world.seconds == pytest.approx(taken.counts["questions"] / 2 / 20, abs=2)
    for name in ("one", "two"):
        assert fastest(world.times(name), 20) >= 1 - SLACK_SECONDS


def test_the_pace_holds_when_silence_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries of one batch and first questions of the next are together no more than the pace allows."""
    world = World(lossy=of_some_names(20, None), other=well)
    monkeypatch.setattr("resolver_diff.plan.Plan.batches.__defaults__", (300,))
    monkeypatch.setattr("resolver_diff.probe.LOOK_SECONDS", 0.0)
    world.take(tmp_path, world.config(NAMES, attempts=2))
    assert fastest(world.times("lossy"), 20) >= 1 - SLACK_SECONDS
    assert fastest(world.times("lossy"), 100) >= 5 - SLACK_SECONDS


def test_entries_at_one_address_share_its_pace_over_all_transports(tmp_path: Path) -> None:
    """UDP and TCP to one address and port are asked as one."""
    world = World(one=well)
    config = world.config(100)
    over_tcp = config.resolvers[0].model_copy(update={"name": "over-tcp", "transport": TransportName.TCP})
    world.take(tmp_path, replace(config, resolvers=(*config.resolvers, over_tcp)))
    assert len(world.times("one")) > 200
    assert fastest(world.times("one"), 20) >= 1 - SLACK_SECONDS


def test_the_total_is_kept(tmp_path: Path) -> None:
    """Ten resolvers at 20 qps each, and 50 in all: 50 it is; it is said so, and the plan knows it."""
    world = World(**{f"r{number}": well for number in range(10)})
    limited = replace(world.config(50), qps=50.0)
    plan = Plan(limited, day=DAY, vantage="here")
    assert plan.seconds == pytest.approx(plan.questions / 50)
    taken = world.take(tmp_path, limited)
    every = sorted(when for name in world.manners for when in world.times(name))
    assert fastest(every, 50) >= 1 - SLACK_SECONDS
    assert world.seconds >= plan.seconds - 1
    (total,) = [one for one in taken.run.held if not one.resolver]
    assert total.why == ("total",)


@pytest.mark.parametrize(("after", "room"), [(0.8, 0.8), (2.0, 1.0)])  # what is not answered in a second may be lost
def test_no_more_than_the_window_is_in_flight(tmp_path: Path, after: float, room: float) -> None:
    """A resolver that takes its time is asked as fast as its window empties, and the reason is kept."""
    slow = World(one=lambda _qname, _now, query: answer(query, after=after))
    taken = slow.take(tmp_path, slow.config(200, resolvers={"one": {"window": 10}}))
    times = slow.times("one")
    assert fastest(times, 10) >= room - 1e-6
    assert targets(taken, "one")["outcome"].unique().to_list() == ["answer"]
    found = held(taken, "one")
    assert found is not None
    assert found.why == ("window",)
    assert found.slowed == 0


@pytest.mark.parametrize("names", [300, 1500])
def test_a_dead_resolver_costs_seconds(tmp_path: Path, names: int) -> None:
    """The run ends with the living one, a timeout later at most; what was not asked is a row that says why."""
    world = World(living=well, gone=dead)
    taken = world.take(tmp_path, world.config(names))
    assert world.seconds <= world.times("living")[-1] + 4 + 1
    rows = targets(taken, "gone")
    assert len(rows) == names  # each question in one place
    withheld = rows.filter(pl.col("asked_at").is_null())
    assert 0 < len(withheld) <= taken.counts["withheld"]  # control questions are withheld, too
    assert withheld["attempt"].unique().to_list() == [0]
    assert withheld["outcome"].unique().to_list() == ["timeout"]
    assert withheld["trouble"].str.contains(r"^not asked: silent to \d+ queries in a row$").all()
    found = held(taken, "gone")
    assert found is not None
    assert (found.why, found.withheld) == (("silent",), taken.counts["withheld"])
    assert taken.counts["silent"] == taken.counts["questions"] // 2 - taken.counts["withheld"]
    assert taken.counts["queries"] == len(world.times("living")) + len(world.times("gone"))


def test_a_dead_resolver_is_asked_while_others_work(tmp_path: Path) -> None:
    """As long as it costs nobody time, most of a short list is asked even of the dead."""
    world = World(living=well, gone=dead)
    world.take(tmp_path, world.config(300))
    assert len(world.times("gone")) > len(world.times("living")) / 2


def test_a_dead_resolver_costs_seconds_in_many_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known of it is known in the next batch; it is asked a question now and then, a control first."""
    monkeypatch.setattr("resolver_diff.plan.Plan.batches.__defaults__", (400,))
    monkeypatch.setattr("resolver_diff.probe.LOOK_SECONDS", 0.0)
    world = World(living=well, gone=dead)
    taken = world.take(tmp_path, world.config(3000, qps=100.0))
    assert world.seconds <= world.times("living")[-1] + 3 * 4
    late = [when for when in world.times("gone") if when > 20]
    assert 0 < len(late) < 0.2 * 100 * (world.seconds - 20)
    assert len(targets(taken, "gone")) == 3000


def test_a_resolver_that_was_away_gets_its_questions(tmp_path: Path) -> None:
    """It dies and comes back: while it is away it is spared, then asked more and more, and nothing is left out."""
    world = World(living=well, back=away(20, 50))
    taken = world.take(tmp_path, world.config(1500))
    per_second = [
        len([when for when in world.times("back") if second <= when < second + 10]) / 10 for second in range(0, 110, 10)
    ]
    assert per_second[0] == pytest.approx(20, abs=1)
    assert per_second[4] < 10  # away, and spared
    assert max(per_second[7:]) == pytest.approx(20, abs=1)  # full pace again
    answers = targets(taken, "back").filter(pl.col("outcome") == "answer")
    assert answers["qname"].n_unique() == 1500
    found = held(taken, "back")
    assert found is not None
    assert found.slowest is not None
    assert found.slowest < 20
    assert found.withheld == 0


@pytest.mark.parametrize("rcode", [SERVFAIL, REFUSED])
def test_who_fails_everything_is_spared(tmp_path: Path, rcode: int) -> None:
    """Half, a quarter, an eighth: errors to everything slow the asking down, and nobody waits for the rest."""
    world = World(living=well, failing=failing(rcode))
    taken = world.take(tmp_path, world.config(NAMES))
    times = world.times("failing")
    assert len([when for when in times if when > 15]) < 0.2 * 20 * (times[-1] - 15)
    assert world.seconds <= world.times("living")[-1] + 2
    found = held(taken, "failing")
    assert found is not None
    assert found.why == ("servfail" if rcode == SERVFAIL else "refused",)
    assert found.withheld > NAMES / 2


@pytest.mark.parametrize("rcode", [SERVFAIL, REFUSED])
@pytest.mark.parametrize("part", [30, 60, 100])
def test_who_fails_some_names_is_asked_them_all(tmp_path: Path, part: int, rcode: int) -> None:
    """Names that are blocked by an error, even all of a list, are no reason to be slow: control questions tell."""
    world = World(living=well, filtering=of_some_names(part, rcode))
    taken = world.take(tmp_path, world.config(NAMES))
    assert taken.counts["withheld"] == 0
    assert world.times("filtering")[-1] <= world.times("living")[-1] * 1.25
    assert len(targets(taken, "filtering")) == NAMES


@pytest.mark.parametrize("part", [30, 100])
def test_who_drops_some_names_is_asked_them_all(tmp_path: Path, part: int) -> None:
    """Names that are blocked by silence, even all of a list, are asked at nearly the whole pace."""
    world = World(living=well, dropping=of_some_names(part, None))
    taken = world.take(tmp_path, world.config(NAMES, attempts=1))
    assert taken.counts["withheld"] == 0
    assert world.times("dropping")[-1] <= world.times("living")[-1] * 1.4


@pytest.mark.parametrize("rcode", [REFUSED, None])
def test_the_pace_comes_down_to_what_a_limiter_bears(tmp_path: Path, rcode: int | None) -> None:
    """Asked 100 a second, it answers 40 and refuses or drops the rest: soon it is asked 40, and loses little."""
    limiter = Limiter(40, rcode)
    world = World(living=well, limiting=limiter)
    taken = world.take(tmp_path, world.config(1800, qps=100.0, attempts=1))
    settled = [when for when in world.times("limiting") if 15 <= when < 40]
    assert 30 <= len(settled) / 25 <= 45
    assert len([when for when in limiter.beyond if 15 <= when < 40]) < 0.1 * len(settled)
    found = held(taken, "limiting")
    assert found is not None
    assert found.why[0] == ("refused" if rcode else "silent")
    assert found.slowest == pytest.approx(40, rel=0.3)


def test_what_a_limiter_refused_is_asked_again(tmp_path: Path) -> None:
    """An error from who limits its rate is no answer: at the pace it bears there is one, and that one counts."""
    world = World(living=well, limiting=Limiter(40, REFUSED))
    taken = world.take(tmp_path, world.config(1000, qps=100.0))
    rows = targets(taken, "limiting")
    refused = rows.filter(pl.col("outcome") == "refused")["qname"]
    answered = rows.filter(pl.col("outcome") == "answer")["qname"]
    assert 0 < len(refused) == rows.filter(pl.col("attempt") == 1, pl.col("reply") == 0)["qname"].len()
    assert answered.n_unique() == 1000
    (loaded,) = snapshot.load(tmp_path, DAY)
    cells = compare.cells(loaded.observations, compare.Panel.of([loaded]))
    assert cells["outcome"].unique().to_list() == ["answer"]


def test_a_hundred_resolvers_half_of_them_dead(tmp_path: Path) -> None:
    """The living are asked everything in their time, whoever is silent beside them."""
    world = World(**{f"r{number}": well if number % 2 else dead for number in range(100)})
    taken = world.take(tmp_path, world.config(40))
    assert world.seconds < 60 / 20 + 4 * 4
    for name in ("r1", "r99"):
        assert targets(taken, name)["outcome"].unique().to_list() == ["answer"]
    assert len(taken.silent) == 50


def test_withheld_questions_are_no_cells(tmp_path: Path) -> None:
    """What was not asked is no silence about the name: the judgement does not see it."""
    world = World(living=well, gone=dead)
    world.take(tmp_path, world.config(300))
    (loaded,) = snapshot.load(tmp_path, DAY)
    rows = loaded.observations.filter(pl.col("resolver") == "gone")
    measured = rows.filter(replies.was_asked())
    assert 0 < len(measured) < len(rows)
    assert not measured["asked_at"].has_nulls()


def test_what_was_held_back_survives(tmp_path: Path) -> None:
    """It stands in the file's own metadata, as it was told."""
    world = World(living=well, gone=dead)
    taken = world.take(tmp_path, world.config(300))
    (loaded,) = snapshot.load(tmp_path, DAY)
    assert loaded.runs[0].held == taken.run.held
    assert Run.from_json(taken.run.to_json()) == taken.run
    assert 'held": [' in taken.run.to_json()


def test_what_was_held_back_before_a_resume_is_kept(tmp_path: Path) -> None:
    """A run that broke off while it spared somebody says so when it is finished."""
    world = World(living=well, gone=dead)
    config = world.config(400)

    async def interrupted() -> None:
        task = asyncio.current_task()
        assert task is not None

        def says(_qname: str, now: float, query: bytes) -> list[tuple[float, bytes]]:
            if now > 15:
                task.cancel()
            return list(answer(query))

        world.manners["living"] = says
        carriers = world.carriers()
        await probe.take(config, folder=tmp_path / "s", day=DAY, vantage="here", carriers=carriers)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    again = World(living=well, gone=well)
    taken = again.take(tmp_path / "s", config, resume=True)
    found = held(taken, "gone")
    assert found is not None
    assert found.why == ("silent",)
    assert found.slowed > 0


def test_two_parts_of_a_run_are_told_as_one() -> None:
    """Times slowed are added, the slowest pace and the whole span are kept, and so is every reason."""
    times = [datetime.fromisoformat(f"2026-02-11T0{hour}:00:00+00:00") for hour in range(4)]
    one = Held("r", "udp", ("silent",), 2, 5.0, 0, times[0], times[1])
    other = Held("r", "udp", ("refused", "silent"), 1, 2.5, 0, times[2], times[3])
    alone = Held("s", "udp", ("window",), 0, None, 0, times[0], times[1])
    assert together([one, alone], [other], {("r", "udp"): 7}) == [
        Held("r", "udp", ("silent", "refused"), 3, 2.5, 7, times[0], times[3]),
        alone,
    ]


def test_control_questions_come_during_the_run(tmp_path: Path) -> None:
    """About one for every 200 targets, in turn, at an even distance, at every resolver that recurses."""
    world = World(one=well, two=well)
    config = world.config(1000)
    plan = Plan(config, day=DAY, vantage="here")
    assert [ask.qname for ask in plan.during] == [CONTROLS[place % 3] for place in range(1000 // EVERY)]
    taken = world.take(tmp_path, config)
    rows = pl.read_parquet(taken.files[0]).filter(pl.col("purpose") == "control", pl.col("resolver") == "one")
    assert len(rows) == 3 + 5 + 3
    times = sorted(when for when, qname in world.asked["one"] if qname in CONTROLS)
    gaps = [after - before for before, after in pairwise(times[2:-2])]
    assert min(gaps) > 4
    assert max(gaps) < 1000 / 20 / 4


def beside(folder: Path, config: Config, entries: Sequence[Resolver]) -> Taken:
    """Take a snapshot of *entries* over real sockets."""
    return asyncio.run(probe.take(replace(config, resolvers=tuple(entries)), folder=folder, day=DAY, vantage="here"))


@LINUX
def test_the_pace_holds_on_sockets(tmp_path: Path) -> None:
    """No second has more queries than the pace allows, by far not as many as a busy machine could send."""
    with Here(well) as one:
        entry = Resolver(name="one", address="127.0.0.1", port=one.port, qps=100.0)
        taken = beside(tmp_path, World(one=well).config(200), [entry])
    times = pl.read_parquet(taken.files[0])["asked_at"].dt.timestamp("us").sort().to_list()
    assert taken.counts["silent"] == 0
    assert max(sum(first <= when < first + 1_000_000 for when in times) for first in times) < 150


@LINUX
def test_a_limiter_on_a_socket_is_asked_less(tmp_path: Path) -> None:
    """Asked 200 a second, it refuses beyond 40: it refuses ever less, and the run says that it was slowed."""
    limiter = Limiter(40, REFUSED)
    with Here(limiter) as limiting:
        entry = Resolver(name="limiting", address="127.0.0.1", port=limiting.port, qps=200.0)
        taken = beside(tmp_path, World(one=well).config(300), [entry])
    middle = limiting.asked[-1] / 2
    refused, asked = (len([when for when in times if when > middle]) for times in (limiter.beyond, limiting.asked))
    assert refused < 0.25 * asked
    found = held(taken, "limiting")
    assert found is not None
    assert found.slowest is not None
    assert found.slowest < 100


@LINUX
def test_five_thousand_resolvers(tmp_path: Path) -> None:
    """Each at an address of its own: all are asked and answer, and none is held back."""
    with Here(well) as everywhere:
        entries = [
            Resolver(
                name=f"r{number}",
                address=f"127.{1 + number // 250}.0.{1 + number % 250}",
                port=everywhere.port,
                recursion=False,
                qps=2.0,
            )
            for number in range(5000)
        ]
        taken = beside(tmp_path, World(one=well).config(2, timeout=20.0), entries)
    assert taken.counts["questions"] == 5000 * (2 + 3)
    assert taken.counts["silent"] == 0
    assert taken.run.held == ()
