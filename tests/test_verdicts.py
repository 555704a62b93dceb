"""Where a verdict on one date ends: how many must be sent home, who is captive, and what is denied here and there."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

import stories
from resolver_diff.diff import Diff, anomalies
from resolver_diff.tables import Condition, State

HOME, AWAY, OTHER = "20.1.1.1", "30.1.1.1", "40.1.1.1"
NETWORKS = {HOME: "64500 HOME", AWAY: "64501 ELSEWHERE", OTHER: "64502 OTHER"}
PAGE = "95.167.13.50"


def judged(after: Mapping[str, Any], resolvers: Mapping[str, Any] | None = None, **more: Any) -> Diff:
    """Judge one date alone on which *after* is said."""
    return anomalies(stories.Story("test", {"before": {}, "after": after, "resolvers": resolvers or {}, **more}).after)


def state(found: Diff, resolver: str, qname: str) -> str:
    """Return the state of a cell of type A."""
    same = (pl.col("resolver") == resolver) & (pl.col("qname") == qname) & (pl.col("qtype") == "A")
    return str(found.cells.filter(same)["state"].item())


def isps(count: int, *countries: str) -> dict[str, Any]:
    """Return the facts of so many providers, spread over *countries*."""
    return {f"isp-{n}": {"role": "isp", "country": countries[n % len(countries)]} for n in range(count)}


def sent(said: Mapping[str, Any], count: int, *countries: str) -> str:
    """Return the state of an answer elsewhere in Russia, where so many others are sent home but for what is *said*."""
    after = {"isp-ru": {"x.example": {"A": AWAY}}, **{who: {"x.example": {"A": at}} for who, at in said.items()}}
    found = judged(after, isps(count, *countries), truth={"x.example": {"A": HOME}}, origins=NETWORKS)
    return state(found, "isp-ru", "x.example")


@pytest.mark.parametrize(
    ("said", "count", "expected"),
    [
        ({}, 100, State.DIVERGENT),
        ({}, 60, State.INSUFFICIENT),
        ({"isp-0": OTHER}, 100, State.DIVERGENT),
        ({f"isp-{n}": OTHER for n in range(5)}, 100, State.INSUFFICIENT),
        ({"google": OTHER}, 100, State.INSUFFICIENT),
    ],
    ids=["all at home", "too few", "one elsewhere", "five elsewhere", "a control elsewhere"],
)
def test_a_name_has_a_home(said: Mapping[str, Any], count: int, expected: State) -> None:
    """A hundred others and all controls must be sent to one network; a few of the others may be away themselves."""
    assert sent(said, count, "PL", "JP", "CL") == expected


def test_a_home_is_known_to_several_countries() -> None:
    """What a hundred resolvers of the same country say is one country's view."""
    assert sent({"isp-de": "timeout", "isp-ir": "timeout", "isp-in": "timeout", "isp-br": "timeout"}, 100, "RU") == (
        State.INSUFFICIENT
    )


def test_a_list_with_a_lapsed_name_makes_nobody_captive() -> None:
    """A page for blocked names, one of which the controls deny, is a page: other names are answered as they are."""
    blocked = ("one.example", "two.example", "three.example", "lapsed.example")
    found = judged({"isp-ru": dict.fromkeys(blocked, PAGE)}, truth={"lapsed.example": "nxdomain"})
    assert set(found.health.frame.filter(pl.col("resolver") == "isp-ru")["condition"]) == {Condition.WELL}
    assert state(found, "isp-ru", "one.example") == State.DIVERGENT


def test_most_of_a_country_is_no_here_and_there() -> None:
    """A name that is denied here and there is still lost where most of a country's resolvers deny it."""
    countries = ["AR", "AU", "AT", "BE", "CL", "DK", "EE", "FI", "GR", "HU", "IS", "JP"]
    everywhere = {f"isp-{n}": {"x.example": "nodata"} for n in range(6)}
    panel = {**isps(36, *countries), "isp-ru-b": {"role": "isp", "country": "RU"}}
    one = judged({**everywhere, "isp-ru": {"x.example": "nodata"}}, panel)
    assert state(one, "isp-ru", "x.example") == State.INSUFFICIENT
    both = {who: {"x.example": "nodata"} for who in ("isp-ru", "isp-ru-b", "nsdi-a", "nsdi-b")}
    assert state(judged({**everywhere, **both}, panel), "isp-ru", "x.example") == State.VANISHED
