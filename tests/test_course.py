"""Spells gathered into events over all dates."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from resolver_diff.series.course import asked, courses
from resolver_diff.tables import Spells

FIRST = date(2026, 2, 10)


def spells(*given: dict[str, Any]) -> Spells:
    """Return spells of one event that differ as *given* says."""
    usual: dict[str, Any] = {
        "vantage": "home",
        "domain_set": "set",
        "qname": "one.example",
        "qtypes": ["A"],
        "country": "RU",
        "mechanisms": ["nxdomain"],
        "resolvers": ["nsdi-a"],
        "denominator": 3,
        "last_good": FIRST - timedelta(days=1),
        "first_bad": FIRST,
        "reported": FIRST,
        "last_bad": FIRST,
        "first_good": None,
        "weight": 20.0,
        "by_chance": 0.1,
        "elsewhere": 0.0,
        "at_once": 0.0,
        "evidence": ["denied_alone"],
        "event": "e1",
        "says": "all of it",
    }
    frame = pl.DataFrame([{name: {**usual, **one}.get(name) for name in Spells.schema} for one in given], Spells.schema)
    return Spells.of(frame)


def test_an_event_has_all_names_and_resolvers_of_its_spells() -> None:
    """Each once, sorted; numbers are the worst of them."""
    other = {"qname": "a.example", "resolvers": ["nsdi-b", "nsdi-a"], "by_chance": 0.3, "mechanisms": ["timeout"]}
    (event,) = courses(spells({}, other, {"event": "e2"})).frame.filter(pl.col("event") == "e1").to_dicts()
    assert event["qnames"] == event["going_on"] == ["a.example", "one.example"]
    assert event["resolvers"] == ["nsdi-a", "nsdi-b"]
    assert event["mechanisms"] == ["nxdomain", "timeout"]
    assert event["by_chance"] == 0.3


def test_an_event_goes_on_while_one_of_its_names_is_lost() -> None:
    """It is over on the date when the last of them came back."""
    back = {"first_good": FIRST + timedelta(days=2)}
    (event,) = courses(spells(back, {"qname": "a.example"})).rows()
    assert (event["first_good"], event["going_on"]) == (None, ["a.example"])
    late = {"qname": "a.example", "first_good": FIRST + timedelta(days=5)}
    (event,) = courses(spells(back, late)).rows()
    assert (event["first_good"], event["going_on"]) == (FIRST + timedelta(days=5), [])


def test_a_beginning_counts_as_seen_where_all_that_began_first_were_seen_to() -> None:
    """A name that joined later says nothing of the beginning."""
    unseen = {"last_good": None, "qname": "a.example"}
    (event,) = courses(spells({}, unseen)).rows()
    assert event["last_good"] is None
    (event,) = courses(spells({}, unseen | {"first_bad": FIRST + timedelta(days=1)})).rows()
    assert event["last_good"] == FIRST - timedelta(days=1)


def test_an_event_has_the_confidence_of_most_of_its_spells() -> None:
    """One odd name does not speak for the others."""
    sure = {"confidence": 0.9, "confidence_says": "90 %"}
    given = spells(sure, sure | {"qname": "b.example"}, {"qname": "c.example", "confidence": 0.1})
    (event,) = courses(given).rows()
    assert (event["confidence"], event["confidence_says"]) == (0.9, "90 %")


def test_nothing_found_is_no_event() -> None:
    """An empty table stays one."""
    assert len(courses(Spells.empty())) == 0


def test_an_event_of_which_nobody_is_asked_any_more_is_known() -> None:
    """Neither another name at its witness nor its name at others shows whether it goes on."""
    more = {"qname": "two.example", "resolvers": ["nsdi-b"]}
    found = courses(spells({}, more, {"event": "e2", "qname": "c.example"}))
    cells = {"qname": ["two.example", "one.example", "other.example"], "resolver": ["nsdi-b", "isp-de", "nsdi-a"]}
    assert asked(found.frame, pl.DataFrame(cells)) == {"e1"}
    assert asked(found.frame, pl.DataFrame(cells)[1:]) == set()
