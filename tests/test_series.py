"""Names followed through many dates: what is told, when, and what is left to chance."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from resolver_diff import compare, series
from resolver_diff.series import Series
from resolver_diff.series.telling import tell
from resolver_diff.snapshot import Run, Snapshot
from stories import FIRST, Story

QUIET = 12  # dates on which nothing happens, so that habits are known
NAMES = ("one.example", "two.example", "three.example", "four.example")


def follow(days: Sequence[dict[str, Any]], **told: Any) -> Series:
    """Follow the cast through *days*, each as a story tells one; the names of ``NAMES`` are asked for on all."""
    story = Story("series", {"history": list(days), "before": {}, "after": {}, "truth": TRUTH, **told})
    snapshots: list[Snapshot] = story.history
    panel = compare.Panel.of_asked([day.observations for day in snapshots])
    return series.follow("home", snapshots, panel)


HOSTS = ("151.101.1.1", "104.16.1.1", "52.1.1.1", "23.1.1.1")  # unrelated ones
TRUTH = {name: {"A": address} for name, address in zip(NAMES, HOSTS, strict=True)}


def _withdrawn(run: Run) -> Run:
    """Return a run of which the German resolver is a control."""
    changed = [one.model_copy(update={"role": "control"}) if one.country == "DE" else one for one in run.resolvers]
    return replace(run, resolvers=tuple(changed))


def day(number: int, days: int) -> date:
    """Return the date of the day *number* of so many."""
    return FIRST - timedelta(days=days - number)


def told(found: Series) -> list[tuple[str, str, list[str]]]:
    """Return name, country and mechanisms of each spell."""
    return list(found.spells.frame.select("qname", "country", "mechanisms").iter_rows())


def test_a_name_that_a_register_drops_is_told_on_its_first_date() -> None:
    """Two resolvers of one register deny it, all at once, and never denied anything else."""
    days: list[dict[str, Any]] = [{}] * QUIET
    days += [{"nsdi-a": {"one.example": "nxdomain"}, "nsdi-b": {"one.example": "nxdomain"}}] * 3
    spell = follow(days).spells.frame.row(0, named=True)
    assert (spell["qname"], spell["country"], spell["mechanisms"]) == ("one.example", "RU", ["nxdomain"])
    assert spell["resolvers"] == ["nsdi-a", "nsdi-b"]
    assert (spell["last_good"], spell["first_bad"]) == (day(QUIET - 1, len(days)), day(QUIET, len(days)))
    assert spell["reported"] == day(QUIET, len(days))
    assert spell["first_good"] is None
    assert spell["says"] == "one.example is lost at 2 of 3 resolvers in RU since 7 February 2026: NXDOMAIN"


@pytest.mark.parametrize(("losing", "later"), [(("nsdi-a", "isp-ru"), 0), (("isp-ru",), 1)], ids=["two", "one"])
def test_a_panel_of_five_and_three_names_is_told_of_as_soon(losing: Sequence[str], later: int) -> None:
    """Two dates without a denial are no habit yet; two resolvers of a country that deny a name are told at once."""
    panel = ["quad9", "google", "cloudflare", "nsdi-a", "isp-ru"]
    denied = {who: {"one.example": "nxdomain"} for who in losing}
    story = Story("series", {"history": [{}, {}, denied, denied], "before": {}, "after": {}, "truth": TRUTH})
    asked = pl.col("resolver").is_in(panel) & ~pl.col("qname").str.starts_with("quiet-") & (pl.col("qname") != NAMES[3])
    days = [replace(one, observations=one.observations.filter(asked)) for one in story.history]
    found = series.follow("home", days, compare.Panel.of_asked([one.observations for one in days]))
    assert told(found) == [("one.example", "RU", ["nxdomain"])]
    assert found.spells.frame["reported"].item() == day(2 + later, len(days))


def test_large_dates_are_told_as_small_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many dates are looked at ahead of the one that is judged changes nothing that is said."""
    denied = {"nsdi-a": {"one.example": "nxdomain"}, "nsdi-b": {"one.example": "nxdomain"}}
    days: list[dict[str, Any]] = [{}] * QUIET + [denied] * 3 + [{}] * 2
    ahead = follow(days)
    monkeypatch.setattr(series, "SMALL", 0)
    alone = follow(days)
    assert alone.spells.frame.height == 1
    assert alone.spells.frame.equals(ahead.spells.frame)


@pytest.mark.parametrize("small", [0, series.SMALL])
def test_a_date_that_cannot_be_read_is_an_error(monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    """What goes wrong beside the judging, or where the dates come from, is not lost there."""
    monkeypatch.setattr(series, "SMALL", small)
    compared, turns = compare.compare, iter(range(99))

    def broken(day: Snapshot, panel: compare.Panel) -> compare.Comparison:
        if next(turns) == QUIET:
            raise OSError("gone")
        return compared(day, panel)

    monkeypatch.setattr(compare, "compare", broken)
    with pytest.raises(OSError, match="gone"):
        follow([{}] * (QUIET + 3))


def test_a_name_that_comes_back_has_an_end() -> None:
    """The first date on which it is there again is kept; one date alone does not make it a second spell."""
    lost = {"nsdi-a": {"one.example": "nxdomain"}, "nsdi-b": {"one.example": "nxdomain"}}
    days: list[dict[str, Any]] = [{}] * QUIET + [lost] * 4 + [{}] + [lost] * 3 + [{}] * 12
    spell = follow(days).spells.frame.row(0, named=True)
    assert (spell["last_bad"], spell["first_good"]) == (day(QUIET + 7, len(days)), day(QUIET + 8, len(days)))
    assert spell["says"].startswith("one.example was lost at 2 of 3 resolvers in RU from ")


def test_a_date_that_tells_nothing_ends_nothing() -> None:
    """A name is good again on the first date on which a witness said so, not on one on which none was asked."""
    lost = {"nsdi-a": {"one.example": "nxdomain"}, "nsdi-b": {"one.example": "nxdomain"}}
    unasked = {"nsdi-a": {"*": "withheld"}, "nsdi-b": {"*": "withheld"}}
    days: list[dict[str, Any]] = [{}] * QUIET + [lost] * 4 + [unasked] * 2 + [{}] * 12
    spell = follow(days).spells.frame.row(0, named=True)
    assert (spell["last_bad"], spell["first_good"]) == (day(QUIET + 3, len(days)), day(QUIET + 6, len(days)))


def test_who_is_no_longer_tested_testifies_in_no_other_country() -> None:
    """A resolver that is taken for a control later on takes its weight with it: a slip elsewhere is a slip."""
    lost = {"isp-de": {"one.example": "nxdomain"}}
    slip = {"isp-ru": {"four.example": "nxdomain"}}  # by name and country the next number
    days: list[dict[str, Any]] = [{}] * QUIET + [lost] * 5 + [lost | slip]
    story = Story("series", {"history": days, "before": {}, "after": {}, "truth": TRUTH})
    snapshots: list[Snapshot] = story.history
    snapshots[-1] = replace(snapshots[-1], runs=tuple(map(_withdrawn, snapshots[-1].runs)))
    found = series.follow("home", snapshots, compare.Panel.of_asked([one.observations for one in snapshots]))
    assert told(found) == [("one.example", "DE", ["nxdomain"])]
    assert found.spells.frame["last_bad"].to_list() == [day(QUIET + 4, len(days))]
    assert found.spells.frame["first_good"].to_list() == [None]


def test_silence_on_a_lossy_path_is_chance_until_it_goes_on() -> None:
    """Of names that are lost now and then none is told; one that is lost every time is."""
    lossy = [
        {"isp-in": {f"quiet-{(7 * turn + step) % 30:02}.test": "timeout" for step in range(5)}} for turn in range(30)
    ]
    assert told(follow(lossy)) == []
    for turn in range(QUIET, 30):
        lossy[turn] = {"isp-in": {**lossy[turn]["isp-in"], "two.example": "timeout"}}
    assert told(follow(lossy)) == [("two.example", "IN", ["timeout"])]


def test_what_fails_in_several_countries_is_the_names_own_trouble() -> None:
    """A name whose servers are down fails everywhere, whoever it is that asks."""
    down = {who: {"three.example": "servfail"} for who in ("isp-ru", "isp-ir", "isp-in", "isp-br", "nsdi-a")}
    assert told(follow([{}] * QUIET + [down] * 6)) == []


def test_many_names_lost_at_once_for_a_date_are_a_line_that_was_cut() -> None:
    """A country's resolvers fail a third of all names on one date, and none on the next."""
    names = {f"quiet-{number:02}.test": "servfail" for number in range(10)}
    cut = {"nsdi-a": names, "nsdi-b": names, "isp-ru": names}
    assert told(follow([{}] * QUIET + [cut] + [{}] * 3)) == []


def test_one_address_for_unrelated_names_tells_over_dates() -> None:
    """A page for two names, of which one date would not convict, is one for what the dates have in common."""
    page = {"isp-ru": {"one.example": {"A": "95.167.13.50"}}}
    both = {"isp-ru": {"one.example": {"A": "95.167.13.50"}, "two.example": {"A": "95.167.13.50"}}}
    found = told(follow([{}] * QUIET + [page] * 2 + [both] * 6))
    assert [(name, country) for name, country, _ in found] == [("one.example", "RU"), ("two.example", "RU")]
    assert all("stub" in mechanisms for _, _, mechanisms in found)


def test_an_address_of_its_own_that_a_country_always_had_is_none_of_it() -> None:
    """Nobody else gives it, nothing convicts it, and it was there from the first date on."""
    own = {"RU": {"four.example": {"A": "95.167.13.77"}}}
    assert told(follow([own] * (QUIET + 6))) == []


def rotating(turn: int) -> dict[str, Any]:
    """Return a date on which some names have an address of their own in every country, as those of large pools do."""
    names = [f"quiet-{(turn + step) % 10:02}.test" for step in range(3)]
    who = ("nsdi-a", "nsdi-b", "isp-ru", "isp-de", "isp-ir", "isp-in", "isp-br")
    return {
        one: {name: {"A": f"61.{place}.{turn}.{step}"} for step, name in enumerate(names)}
        for place, one in enumerate(who, 1)
    }


def test_growth_is_counted_date_by_date() -> None:
    """An event says for each date how many names were lost at how many resolvers, of how many that were heard."""
    first = {"nsdi-a": {"one.example": "nxdomain"}}
    more = dict.fromkeys(("nsdi-a", "nsdi-b"), dict.fromkeys(NAMES[:2], "nxdomain"))
    silent = {"isp-ru": {"*": "timeout", "canary": "timeout"}}
    found = follow([{}] * QUIET + [first, more, {**more, **silent}])
    dates = [day(QUIET + number, QUIET + 3) for number in range(3)]
    assert found.extents.frame.drop("event").rows() == [
        (dates[0], 1, 1, 3),
        (dates[1], 2, 2, 3),
        (dates[2], 2, 2, 2),
    ]


def test_names_that_go_together_are_one_event() -> None:
    """Three names lost at the same resolvers on the same date are told in one sentence."""
    names = dict.fromkeys(NAMES[:3], "nxdomain")
    found = follow([{}] * QUIET + [{"nsdi-a": names, "nsdi-b": names}] * 3).spells.frame
    assert found["qname"].to_list() == ["one.example", "three.example", "two.example"]
    assert found["event"].n_unique() == 1
    assert found["says"][0].startswith("one.example and 2 more names are lost at 2 of 3 resolvers in RU since ")


def test_events_of_two_sets_are_two_however_their_dates_alternate() -> None:
    """Each has one name for all its spells, and one sentence."""
    lost = dict.fromkeys(NAMES, "nxdomain")
    found = follow([{}] * QUIET + [{"nsdi-a": lost, "nsdi-b": lost}] * 3).spells.frame
    rows = found.with_columns(domain_set=pl.Series(["a", "b", "a", "b"])).to_dicts()
    spells = pl.DataFrame(tell(rows), schema=found.schema)
    assert spells.group_by("event").agg(pl.col("domain_set", "says").n_unique()).drop("event").rows() == [(1, 1)] * 2


@pytest.mark.parametrize("dates", [1, 2])
def test_few_dates_tell_only_what_they_can(dates: int) -> None:
    """On the first date nothing is known of anybody's habits: no chance is taken for nothing."""
    found = follow([{"isp-ru": {"one.example": "timeout"}}] * dates)
    assert len(found.dates) == dates
    assert told(found) == []


def test_a_controls_own_loss_is_no_countrys() -> None:
    """Controls and filters that people choose are not followed as resolvers of a country."""
    lost = {"cloudflare": {"one.example": "nxdomain"}, "family": {"two.example": "nxdomain"}}
    assert told(follow([{}] * QUIET + [lost] * 5)) == []


def test_the_weights_are_what_they_say() -> None:
    """What was held against a spell is kept beside it: how likely the sign is by chance, elsewhere, at once."""
    lost = {"nsdi-a": {"one.example": "nxdomain"}, "nsdi-b": {"one.example": "nxdomain"}}
    days: list[dict[str, Any]] = [{}] * QUIET + [lost] * 3
    spells = follow(days).spells.frame
    assert spells.select((pl.col("weight") > 10) & (pl.col("by_chance") < 0.01)).to_series().all()
    assert spells.select("elsewhere", "at_once").row(0) == (0.0, 0.0)


def test_a_beginning_that_nobody_saw_may_have_been_before() -> None:
    """What is lost on the first date there is was lost since then, or before."""
    lost = {name: {"one.example": "nxdomain"} for name in ("nsdi-a", "nsdi-b")}
    (says,) = follow([lost] * QUIET).spells.frame["says"]
    assert says.endswith(" in RU since 29 January 2026 or before: NXDOMAIN"), says
