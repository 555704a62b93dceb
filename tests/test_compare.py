"""What each resolver said, next to what the controls say: cells, votes, consensus, health, shared tokens."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import stories
from resolver_diff import compare
from resolver_diff.compare.pools import prefix
from resolver_diff.diff import Diff, anomalies, diff
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Condition, Purpose, State


def day(said: Mapping[str, Any], resolvers: Mapping[str, Any] | None = None) -> Snapshot:
    """Return a date on which *said* is said; the cast and the rest as in stories."""
    return stories.Story("test", {"before": {}, "after": said, "resolvers": resolvers or {}}).after


def judged(said: Mapping[str, Any], resolvers: Mapping[str, Any] | None = None) -> Diff:
    """Judge one such date alone."""
    return anomalies(day(said, resolvers))


def cell(found: Diff, resolver: str, qname: str = "x.example", qtype: str = "A") -> dict[str, Any]:
    """Return one cell of the latest date."""
    same = (pl.col("resolver") == resolver) & (pl.col("qname") == qname) & (pl.col("qtype") == qtype)
    return found.cells.filter(same & (pl.col("date") == pl.col("date").max())).row(0, named=True)


def test_consensus_needs_two_operators() -> None:
    """One control that answers is an opinion; without a second nothing can be told."""
    others = {name: {"x.example": "timeout"} for name in ("google", "cloudflare", "opendns", "digitalcourage")}
    found = cell(judged({**others, "isp-ru": {"x.example": "nxdomain"}}), "isp-ru")
    assert found["consensus"] is None
    assert found["state"] == State.INSUFFICIENT
    del others["google"]
    found = cell(judged({**others, "isp-ru": {"x.example": "nxdomain"}}), "isp-ru")
    assert (found["consensus"], found["state"]) == ("answer", State.VANISHED)


def test_what_most_lose_makes_nobody_ill() -> None:
    """Where most resolvers fail a name, as one whose signatures are bad, failing it says nothing about any of them."""
    names = pl.col("qname").is_in(["x.example", "y.example"]) & (pl.col("purpose") == Purpose.TARGET)

    def conditions(said: Mapping[str, Any]) -> set[str]:
        asked = day(said)
        health = anomalies(replace(asked, observations=asked.observations.filter(names))).health.frame
        return set(health.filter(pl.col("resolver") == "isp-ru")["condition"])

    y: dict[str, Any] = {"isp-de": {"y.example": "192.0.2.1"}}
    assert conditions({**y, "everyone": {"x.example": "servfail"}}) == {Condition.WELL}
    assert conditions({**y, "isp-ru": {"x.example": "servfail"}}) == {Condition.ILL}


def test_operator_has_one_vote() -> None:
    """An operator asked at many addresses is one voice among the controls."""
    more = {f"google-{n}": {"role": "control", "country": "US", "operator": "Google"} for n in range(9)}
    denial = {name: {"x.example": "nxdomain"} for name in ("google", *more)}
    found = cell(judged(denial, more), "isp-ru")
    assert found["consensus"] == "answer"
    assert (found["controls_agreeing"], found["controls_asked"]) == (4, 5)


def test_operator_that_contradicts_itself_has_no_vote() -> None:
    """Where one transport of a control denies and another answers, neither counts."""
    tcp = {"google-tcp": {"role": "control", "country": "US", "operator": "Google", "transport": "tcp"}}
    silent = {name: {"x.example": "timeout"} for name in ("cloudflare", "opendns", "digitalcourage")}
    found = cell(judged({**silent, "google": {"x.example": "nxdomain"}}, tcp), "isp-ru")
    assert found["consensus"] is None  # Quad9 is left alone


def test_control_is_held_against_the_others() -> None:
    """A control does not vote about itself."""
    found = cell(judged({"google": {"x.example": "nxdomain"}}), "google")
    assert (found["state"], found["controls_agreeing"], found["controls_asked"]) == (State.VANISHED, 4, 4)


def test_control_cannot_tip_a_tie() -> None:
    """Where the controls are divided evenly, none of them is judged by the others."""
    said = {name: {"x.example": "nxdomain"} for name in ("google", "quad9")} | {"opendns": {"x.example": "timeout"}}
    found = judged(said)
    assert {cell(found, name)["state"] for name in ("google", "quad9", "cloudflare")} == {State.INSUFFICIENT}


def test_ill_control_has_no_vote() -> None:
    """A control that fails its control names is not asked for its opinion."""
    found = judged({"google": {"*": "servfail"}})
    health = found.health.frame.filter(pl.col("resolver") == "google").row(0, named=True)
    assert (health["condition"], health["votes"]) == (Condition.ILL, False)
    assert cell(found, "isp-ru", "quiet-00.test")["controls_asked"] == 4


def test_control_with_another_view_loses_its_vote() -> None:
    """A control that stands alone on a third of everything is no control, though it answers its control names."""
    found = judged({"google": {"quiet": "nxdomain"}})
    health = found.health.frame.filter(pl.col("resolver") == "google").row(0, named=True)
    assert not health["votes"]
    assert "the other controls contradict it on 60 of 60 questions" in health["says"]
    assert cell(found, "isp-ru", "quiet-00.test")["controls_asked"] == 4


def test_register_is_not_ill() -> None:
    """A resolver that denies everything but its control names is judged name by name."""
    found = judged({"nsdi-a": {"quiet": "nxdomain aa no-soa"}})
    assert len(found.anomalies) == 60
    health = found.health.frame.filter(pl.col("resolver") == "nsdi-a").row(0, named=True)
    assert health["condition"] == Condition.WELL


def test_votes_that_do_not_count_are_told() -> None:
    """A control whose denials claim authority and show no SOA is named, with how many they are."""
    found = judged({"google": {"x.example": "nxdomain aa no-soa"}})
    (says,) = found.health.frame.filter(pl.col("resolver") == "google")["says"]
    assert says == "denials that claim authority and show no SOA, and are no votes: 2"


def test_controls_that_the_world_contradicts_are_told() -> None:
    """Controls that deny what most countries answer are named, and nobody is judged by them."""
    found = judged({"controls": {"x.example": {"A": "nxdomain"}}})
    says = found.health.frame.filter(pl.col("resolver").is_in(["google", "quad9"]))["says"].unique().to_list()
    assert says == ["questions that it denies and most countries answer, not judged: 1"]
    assert cell(found, "isp-ru")["consensus"] is None


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("unreachable", "all 66 questions were refused: nothing listens at its address"),
        ("timeout", "none of 66 questions got a reply"),
    ],
)
def test_refused_is_told_from_silent(said: str, says: str) -> None:
    """An address where nothing listens is told from one that says nothing."""
    found = judged({"isp-de": {"*": said, "canary": said}})
    assert found.health.frame.filter(pl.col("resolver") == "isp-de")["says"].to_list() == [says]


@pytest.mark.parametrize(
    ("said", "trouble", "says"),
    [
        ("timeout", "certificate has expired", "none of 66 questions got a reply: certificate has expired"),
        ("unreachable", "Network is unreachable", "none of 66 questions got a reply: Network is unreachable"),
        ("unreachable", "Connection refused", "all 66 questions were refused: nothing listens at its address"),
    ],
)
def test_why_a_resolver_says_nothing_is_told(said: str, trouble: str, says: str) -> None:
    """A certificate that expired overnight is one finding, and it says so; words of few queries are no reason."""
    today = day({"isp-de": {"*": said, "canary": said}})
    lost = pl.when(pl.col("outcome") == said)

    def found(words: pl.Expr) -> Diff:
        return diff(day({}), replace(today, observations=today.observations.with_columns(trouble=words)))

    assert not len(found(lost.then(pl.lit(trouble))).anomalies)
    (row,) = found(lost.then(pl.lit(trouble))).health.frame.filter(pl.col("condition") != "well").rows(named=True)
    assert (row["resolver"], row["says"]) == ("isp-de", says)
    once = pl.when(pl.col("outcome") == said, pl.col("qname") == "quiet-00.test").then(pl.lit("certificate revoked"))
    assert "revoked" not in str(found(once).health.frame["says"].to_list())


@pytest.mark.parametrize(
    ("canary", "says"),
    [
        ("referral", "names that cannot exist end in a referral: it does not look names up"),
        ("servfail", "names that cannot exist end in SERVFAIL: it does not look names up"),
        ("nodata", "names that cannot exist end in NODATA, and not in NXDOMAIN"),
    ],
)
def test_canaries_that_are_not_denied_are_told(canary: str, says: str) -> None:
    """A resolver whose canaries end in anything but NXDOMAIN is not well, and the health row says why."""
    found = judged({"isp-de": {"canary": canary}})
    assert found.health.frame.filter(pl.col("resolver") == "isp-de")["says"].to_list() == [says]


def test_nothing_without_controls() -> None:
    """Where no resolver is a control, every cell is insufficient and nothing is an anomaly."""
    nobody = {name: {**facts, "role": "public"} for name, facts in stories.CAST.items()}
    found = judged({"nsdi-a": {"x.example": "nxdomain"}}, nobody)
    assert set(found.cells["state"]) == {State.INSUFFICIENT}
    assert not len(found.anomalies)


def test_order_of_rows_does_not_matter() -> None:
    """The same observations in another order give the same judgement, in the same order."""
    said = {"nsdi-a": {"x.example": "nxdomain"}, "isp-ir": {"y.example": {"A": "127.0.0.1"}}}
    story = stories.Story("test", {"before": {}, "after": said})
    before, after = (
        Snapshot(one.date, one.vantage, one.runs, one.observations.sample(fraction=1, shuffle=True, seed=7))
        for one in (story.before, story.after)
    )
    plain, mixed = story.diff(), diff(before, after)
    assert len(plain.anomalies) == 3
    for name in ("anomalies", "events", "health"):
        assert_frame_equal(getattr(plain, name).frame, getattr(mixed, name).frame)
    assert_frame_equal(plain.cells, mixed.cells)


def test_every_cell_is_there() -> None:
    """The cells of both dates are all there, each once, sorted, also those that are fine."""
    story = stories.Story("test", {"before": {}, "after": {}})
    found = story.diff().cells
    asked = story.before.observations.filter(pl.col("purpose") == Purpose.TARGET).height
    assert found.height == 2 * asked
    assert found.sort("date", *compare.KEY).equals(found)
    assert set(found["state"]) == {State.AGREES}


def test_snapshot_without_rows() -> None:
    """Two dates on which nothing was asked have no difference."""
    empty = day({})
    empty = Snapshot(empty.date, empty.vantage, empty.runs, empty.observations.clear())
    found = diff(empty, empty)
    assert (len(found.anomalies), len(found.events), found.cells.height) == (0, 0, 0)


def test_a_name_in_two_domain_sets_is_one_cell() -> None:
    """However many sets list a name, what one resolver says about it is one cell, and one row."""
    one = day({"nsdi-a": {"x.example": {"A": "nxdomain"}}})
    again = one.observations.filter(pl.col("domain_set") == "story").with_columns(domain_set=pl.lit("b"))
    found = anomalies(Snapshot(one.date, one.vantage, one.runs, pl.concat([one.observations, again])))
    assert found.anomalies.frame["domain_set"].to_list() == ["story"]


def test_a_name_that_moves_to_another_set_is_compared() -> None:
    """What vanishes on the day its name changes its set is found, in the set where it is listed now."""
    before, after = (day({"nsdi-a": {"x.example": {"A": said}}}) for said in ("answer", "nxdomain"))
    before = Snapshot(date(2026, 2, 10), before.vantage, before.runs, before.observations)
    listed = pl.when(pl.col("domain_set").is_not_null()).then(pl.lit("aaa"))
    moved = Snapshot(after.date, after.vantage, after.runs, after.observations.with_columns(domain_set=listed))
    found = diff(before, moved)
    rows = found.anomalies.frame.select("domain_set", "qname", "resolver").rows()
    assert rows == [("aaa", "x.example", "nsdi-a")]
    assert (found.entered, found.left) == ((), ())


def test_other_record_types_are_compared_as_they_are() -> None:
    """RDATA that is no address is shared when one record is the same, and foreign when none is."""
    one = day({})
    text = (
        pl.when(pl.col("resolver") == "isp-ru")
        .then(pl.lit("a b"))
        .when(pl.col("resolver") == "isp-de")
        .then(pl.lit("c"))
    )
    asked = pl.col("qname") == "quiet-00.test"
    changed = one.observations.with_columns(
        qtype=pl.when(asked).then(pl.lit("TXT")).otherwise("qtype"),
        answer=pl.when(asked).then(text.otherwise(pl.lit("b"))).otherwise("answer"),
    ).unique(["resolver", "purpose", "qname", "qtype", "asked_at"])
    found = anomalies(Snapshot(one.date, one.vantage, one.runs, changed))
    assert cell(found, "isp-ru", "quiet-00.test", "TXT")["state"] == State.AGREES
    assert cell(found, "isp-de", "quiet-00.test", "TXT")["state"] == State.INSUFFICIENT


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2"),
        ("2001:db8:1:2::3", "2001:db8:1"),
        ("::ffff:192.0.2.77", "0:0:0"),
        ("not-an-address", None),
        ("300.1.1.1", None),
    ],
)
def test_prefix(address: str, network: str | None) -> None:
    """Addresses are neighbours within a /24 or a /48; what is no address has none."""
    assert prefix(address) == network


def test_loss_is_not_stripping() -> None:
    """Where half of all is lost and the rest of AAAA is denied, names are judged by what was replied to."""
    quiet = {"A": "answer loss=0.5", "AAAA": "nodata loss=0.5"}
    found = judged({"isp-de": {"quiet": quiet}})
    assert cell(found, "isp-de", "quiet-01.test", "AAAA")["state"] == State.INSUFFICIENT
    assert len(found.anomalies) == 0


def test_one_question_a_name_is_enough_to_see_a_domain_lost() -> None:
    """Asked for A alone, a thousand names that answer say that three lost together are no chance."""
    names = [f"n{number}.example{number}.test" for number in range(1000)]
    lost = ["gone.example", "www.gone.example", "m.gone.example"]
    said = {name: {"A": "servfail" if name in lost else "answer"} for name in (*names, *lost)}
    one = day({"isp-ru": said})
    only_a = one.observations.filter((pl.col("qtype") == "A") | (pl.col("purpose") != Purpose.TARGET))
    found = anomalies(Snapshot(one.date, one.vantage, one.runs, only_a))
    assert sorted(found.anomalies.frame["qname"]) == sorted(lost)


def test_resolvers_that_lose_at_random_share_the_false_alarms() -> None:
    """Each resolver that loses questions at random has its chance to lose a name, so their number counts."""
    lossy = {"quiet": "answer loss=0.5", "x.example": "timeout"}
    alone, together = judged({"isp-in": lossy}), judged({"isp-in": lossy, "isp-br": lossy, "isp-ir": lossy})
    expected = [cell(found, "isp-in")["expected_by_chance"] for found in (alone, together)]
    assert expected[1] == pytest.approx(3 * expected[0])
    calm = judged({"isp-in": lossy, "isp-br": lossy, "isp-ir": {"x.example": "timeout"}})
    assert cell(calm, "isp-ir")["state"] == State.VANISHED  # it loses nothing else


def test_name_denied_where_only_the_type_is_missing() -> None:
    """NXDOMAIN where the controls say NODATA cannot be told, unless the name's other type is lost in the same way."""
    said: dict[str, Any] = {
        "everyone": {"x.example": {"AAAA": "nodata"}},
        "isp-de": {"x.example": {"AAAA": "nxdomain"}},
    }
    found = cell(judged(said), "isp-de", qtype="AAAA")
    assert (found["state"], found["evidence_against"]) == (State.INSUFFICIENT, ["denies_whole_name"])
    said["isp-de"] = {"x.example": "nxdomain"}
    both = judged(said)
    assert cell(both, "isp-de", qtype="AAAA")["state"] == State.VANISHED
    assert both.anomalies.frame["qtype"].to_list() == ["A"]
