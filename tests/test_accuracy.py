"""The ground on which judgements are measured: worlds with their truth, and the counting of right and wrong."""

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from benchmarks.accuracy import run, scenarios, score, staged, truth, world
from benchmarks.accuracy.ours import ALERTS, ours
from benchmarks.accuracy.stage import Happening, Name, Stage, Who
from resolver_diff import importers
from resolver_diff.importers import observations

TESTS = Path(__file__).parent
FIRST = date(2026, 1, 1)
DAYS = tuple(FIRST + timedelta(days=day) for day in range(10))
NOTHING = pl.DataFrame(schema=truth.BENIGN)
PLAY = """
import sys
from pathlib import Path
from benchmarks.accuracy import staged, world
staged.play(world.world(int(sys.argv[1]), names=24, days=9), Path(sys.argv[2]))
"""


def known(*events: tuple[str, str, int, int], ignored: tuple[tuple[str, str], ...] = ()) -> truth.Truth:
    """Return a truth of ten days about 30 domains and two countries: domain, country, start, end of each event."""
    rows = [
        {"event": f"e{place}", "domain": domain, "country": country, "mechanism": "nxdomain", "start": start}
        | {"end": end, "old": start == 0, "resolvers": 2, "rollout": 1.0}
        for place, (domain, country, start, end) in enumerate(events)
    ]
    countries = pl.DataFrame({"resolver": ["a", "b", "c"], "country": ["XA", "XA", "XB"]})
    empty = pl.DataFrame(), pl.DataFrame(rows, schema=truth.EVENTS)
    return truth.Truth("known", Path(), DAYS, *empty, NOTHING, countries, 30, frozenset(ignored))


def alerts(*given: tuple[str, str, int, int | None, int]) -> pl.DataFrame:
    """Return alerts: domain, country, start, end, and when each was known."""
    rows = [
        (*pair, DAYS[start], None if end is None else DAYS[end], DAYS[raised], None)
        for *pair, start, end, raised in given
    ]
    return pl.DataFrame(rows, schema=ALERTS, orient="row")


def test_an_event_is_found_once_however_often_it_is_told() -> None:
    """Two alerts on one event: found once, two alerts per event, and known on the earlier day."""
    told = alerts(("a.test", "XA", 3, 5, 5), ("a.test", "XA", 6, None, 6))
    found = score.events(told, known(("a.test", "XA", 3, 9)))
    assert (found.found, found.events, found.right, found.false) == (1, 1, 2, 0)
    assert found.alerts_per_event == 2
    assert found.delay == 2
    assert found.recall == found.precision == 1


def test_what_is_about_nothing_is_a_false_alert() -> None:
    """Another country, another name, another time are false alerts; two days beside the event are not."""
    truths = known(("a.test", "XA", 5, 6), ("b.test", "XA", 0, 10))
    wrong = alerts(("a.test", "XB", 5, 6, 5), ("z.test", "XA", 5, 6, 5), ("a.test", "XA", 0, 2, 0))
    assert score.events(wrong, truths).false == 3
    near = score.events(alerts(("a.test", "XA", 1, 3, 1), ("a.test", "XA", 7, 9, 7)), truths)
    assert (near.false, near.found) == (0, 1)
    months = 30 * 2 * 10 / 30
    assert score.events(wrong, truths).per_1000 == pytest.approx(3000 / months)


def test_what_is_open_counts_neither_way() -> None:
    """An alert on a pair that the truth leaves open is not counted at all."""
    found = score.events(alerts(("a.test", "XA", 5, 6, 5)), known(ignored=(("a.test", "XA"),)))
    assert (found.alerts, found.false) == (0, 0)


@pytest.mark.parametrize(
    ("flagged", "raised"),
    [
        ([2, 3], []),
        ([2, 3, 4], [(2, 5, 4)]),
        ([2, 3, 4, 6, 9], [(2, None, 4)]),
        ([0, 1, 2, 7, 8, 9], [(0, 3, 2), (7, None, 9)]),
        ([1, 3, 5, 7], []),
    ],
)
def test_baselines_alert_on_the_third_day_in_a_row(
    flagged: list[int], raised: list[tuple[int, int | None, int]]
) -> None:
    """Three dates in a row raise an alert, three without end it; it begins with the first, is known with the third."""
    told = score.alerts({day: [("a.test", "XA")] for day in flagged}, DAYS)
    expected = alerts(*(("a.test", "XA", *each) for each in raised))
    assert told.rows() == expected.rows()


def test_a_fifth_of_a_country_makes_a_pair() -> None:
    """One of two resolvers is enough, and one of a country that is not asked about is not."""
    flags = pl.DataFrame(
        {
            "qname": ["a.test", "a.test", "b.test"],
            "qtype": "A",
            "resolver": ["a", "c", "elsewhere"],
            "rule": [True, None, True],
        }
    )
    assert score.flagged_pairs(flags, "rule", known()) == [("a.test", "XA")]


def test_cells_are_counted_by_what_was_true() -> None:
    """Flagged, honest, not judged and unknowable cells are told apart."""
    cells = pl.DataFrame(
        {
            "qname": [f"{place}.test" for place in range(6)],
            "qtype": "A",
            "resolver": "a",
            "blocked": [True, True, False, False, False, None],
            "mechanism": ["nxdomain", "timeout", "", "", "", ""],
            "cause": ["", "", "loss", "loss", "", ""],
        }
    )
    says = [True, None, True, False, False, True]
    flags = cells.select("qname", "qtype", "resolver", rule=pl.Series(says))
    counted = score.cells([score.count(cells, flags, ["rule"])] * 2, "rule")
    assert (counted.recall, counted.precision) == (0.5, 0.5)
    assert counted.false_positives == pytest.approx(1 / 3)
    assert counted.abstained == pytest.approx(1 / 5)
    assert counted.by("cause") == {"none": (0, 2), "loss": (2, 4)}
    assert counted.by("mechanism") == {"nxdomain": (2, 2), "timeout": (0, 2)}


def test_a_world_is_the_same_from_the_same_seed(tmp_path: Path) -> None:
    """Two processes with another order of hashes tell the same world of a seed; another seed tells another."""
    for name, seed, order in (("one", "4", "1"), ("two", "4", "2"), ("other", "5", "1")):
        environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}", "PYTHONHASHSEED": order}
        subprocess.run([sys.executable, "-c", PLAY, seed, str(tmp_path / name)], check=True, env=environment)
    one, two, other = (
        [pl.read_parquet(tmp_path / name / f"{table}.parquet") for table in ("observations", "labels", "truth_events")]
        for name in ("one", "two", "other")
    )
    assert all(here.equals(there) for here, there in zip(one, two, strict=True))
    assert not one[0].equals(other[0])


def test_a_world_has_events_of_many_kinds() -> None:
    """Blocks by most means, old ones and new ones; and beside them what happens anyway."""
    told = world.world(1)
    blocks = [each for each in told.happenings if each.mechanism]
    assert len({each.mechanism for each in blocks}) >= 8
    assert {each.start == 0 for each in blocks} == {True, False}
    causes = {each.cause for each in told.happenings if each.cause}
    assert causes >= {"migration", "provider_outage", "captive", "rate_limited", "policy_filter", "dead", "expiry"}


@pytest.mark.parametrize("make", scenarios.SCENARIOS, ids=lambda make: make.__name__)
def test_a_scenario_is_labelled_as_it_is_told(make: object, tmp_path: Path) -> None:
    """What is blocked lies within an event, and an event has blocked cells; where nobody blocks there is neither."""
    assert callable(make)
    stage = make()
    found = truth.read(staged.play(stage, tmp_path / "world"))
    blocked = found.cells.filter("blocked").with_columns(pl.col("qname", "resolver").cast(pl.String))
    pairs = set(blocked.join(found.countries, on="resolver").select("qname", "country").rows())
    assert pairs == set(found.events.select("domain", "country").rows())
    assert bool(pairs) == any(each.mechanism for each in stage.happenings)
    assert len(found.dates) == stage.days


def test_trouble_over_a_block_is_unknowable(tmp_path: Path) -> None:
    """A query lost on its way to a block is neither blocked nor honest; a block on a dead name neither."""
    who = (Who("control", "US", 1, "control"), Who("isp", "XA", 2))
    one, dead = frozenset(["a.test"]), frozenset(["dead.test"])
    happenings = (
        Happening("nxdomain", 0, 2, one | dead, mechanism="nxdomain", resolvers=frozenset(["isp"])),
        Happening("nxdomain", 0, 2, dead, cause="expiry", layer=0),
        Happening("timeout", 1, 2, resolvers=frozenset(["isp"]), cause="dead", layer=2),
    )
    stage = Stage("t", 1, 2, who, (Name("a.test"), Name("dead.test")), happenings)
    cells = truth.read(staged.play(stage, tmp_path / "world")).cells
    told = {(day, str(name)): blocked for day, name, blocked in cells.select("day", "qname", "blocked").rows()}
    assert told == {(0, "a.test"): True, (1, "a.test"): None, (0, "dead.test"): None, (1, "dead.test"): None}


def test_labelled_replies_are_read(tmp_path: Path) -> None:
    """A file of replies: only what was tested counts, by day, with the names that an import gives its resolvers."""
    rows: list[dict[str, object]] = [
        {"resolver_id": "8.8.8.8@p1", "domain": "A.test", "label_blocked": None, "label_mechanism": "no_answer"},
        {"resolver_id": "8.8.8.8@p1", "domain": "A.test", "label_blocked": True, "label_mechanism": "injected"},
        {"resolver_id": "8.8.8.8@p2", "domain": "A.test", "label_blocked": False, "label_mechanism": "genuine"},
        {
            "resolver_id": "ctl",
            "domain": "A.test",
            "label_blocked": False,
            "label_mechanism": "genuine",
            "role": "control",
        },
    ]
    at = pl.datetime(2026, 1, 1, 4, time_unit="ms", time_zone="UTC")
    usual: dict[str, object] = {"role": "test", "qtype": "A", "rcode": "NOERROR", "answers": ["198.41.0.1"]}
    file = tmp_path / "replies.parquet"
    pl.DataFrame([usual | each for each in rows]).with_columns(ts=at).write_parquet(file)
    found = truth.read(file)
    assert found.cells.sort("resolver").select("qname", "resolver", "blocked", "mechanism", "cause").rows() == [
        ("a.test", "8.8.8.8-p1", True, "injected", None),
        ("a.test", "8.8.8.8-p2", False, None, "genuine"),
    ]
    (day,) = observations.IMPORTER.read(file).days
    assert set(found.cells["resolver"]) < set(day.observations["resolver"])


def test_the_register_of_february_is_found(tmp_path: Path) -> None:
    """Our own judgement, asked as the benchmark asks it: every name at the register, on its first day, and no other."""
    folder = staged.play(scenarios.nsdi_february_2026(), tmp_path / "world")
    for _ in importers.keep(observations.IMPORTER.read(folder), tmp_path / "snapshots", "labelled"):
        pass
    found = score.events(ours(tmp_path / "snapshots").alerts, truth.read(folder))
    assert (found.found, found.false, found.delay) == (7, 0, 0)


def test_the_benchmark_prints_a_line_for_each_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way: a world is imported, two rules and our judgement are run over it, and scored."""
    folder = staged.play(scenarios.captive_vantage(), tmp_path / "captive")
    run.main(["--world", str(folder), "--rules", "naive", "respdiff", "--keep", str(tmp_path / "kept")])
    said = capsys.readouterr().out
    lines: dict[str, list[str]] = {}
    for line in said.splitlines():
        if line.strip():
            lines.setdefault(line.split()[0], line.split())
    assert lines["ours"][5] == "0/0"
    assert lines["captive"][0] == "captive"
    assert float(lines["naive"][3]) > float(lines["ours"][3])
