"""Anomalies become events: one cause, one row, the same name whenever it is judged again."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

import stories
from resolver_diff.diff import Diff, diff
from resolver_diff.tables import Change

GONE = {"x.example": "nxdomain", "y.example": "nxdomain"}


def told(after: Mapping[str, Any], before: Mapping[str, Any] | None = None, *history: Mapping[str, Any]) -> Diff:
    """Judge two dates, and earlier ones, on which only this is special."""
    return stories.Story("test", {"before": before or {}, "after": after, "history": list(history)}).diff()


def test_one_cause_is_one_event() -> None:
    """Names that vanish at the registers of one country are one event with witnesses and a denominator."""
    found = told({"nsdi-a": GONE, "nsdi-b": GONE})
    (event,) = found.events.rows()
    assert (event["cells"], event["witnesses"], event["denominator"]) == (8, 2, 2)
    assert event["qnames"] == ["x.example", "y.example"]
    assert event["says"] == (
        "x.example and 1 more name vanished at both NSDI resolvers between 10 and 11 February 2026: NXDOMAIN; "
        "5 of 5 controls still answer"
    )


def test_denominator_counts_who_could_be_judged() -> None:
    """A resolver that was silent is no witness that the name is still there."""
    found = told({"nsdi-a": GONE, "nsdi-b": {"*": "timeout", "canary": "timeout"}})
    assert found.events.frame["denominator"].to_list() == [1]


def test_countries_roles_and_means_are_apart() -> None:
    """Another country, another role or another kind of means is another event."""
    found = told({"nsdi-a": GONE, "isp-ru": {**GONE, "z.example": {"A": "127.0.0.1"}}, "isp-ir": GONE})
    assert len(found.events) == 4
    assert set(found.anomalies.frame["event"]) == set(found.events.frame["event"])


def test_event_keeps_its_name() -> None:
    """Judged again, on the next date too, an event that still stands has the name it had."""
    story = stories.Story("test", {"before": {"nsdi-a": GONE}, "after": {"nsdi-a": GONE}, "history": [{}]})
    (earlier,) = story.history
    first = diff(earlier, story.before)
    again = story.today()
    assert first.events.frame["event"].to_list() == again.events.frame["event"].to_list()
    assert again.events.frame["first_bad"].to_list() == [stories.FIRST]
    assert again.anomalies.frame["first_seen"].unique().to_list() == [stories.FIRST]
    assert "since 10 February 2026" in again.events.frame["says"][0]


def test_first_seen_looks_back() -> None:
    """A name that comes back was first missed on the first date of the history that missed it without a break."""
    found = told({}, {"nsdi-a": GONE}, {"nsdi-a": GONE}, {})
    assert set(found.anomalies.frame["change"]) == {Change.REAPPEARED}
    assert found.anomalies.frame["first_seen"].unique().to_list() == [stories.FIRST]
    found = told({}, {"nsdi-a": GONE}, {}, {"nsdi-a": {"*": "servfail"}}, {"nsdi-a": GONE})
    assert found.anomalies.frame["first_seen"].unique().to_list()[0].isoformat() == "2026-02-09"


def test_onset_skips_nights_that_cannot_tell() -> None:
    """What vanished on a night when its resolver was down has the last night that shows it as its last good one."""
    found = told({"nsdi-a": GONE}, {"nsdi-a": {"*": "servfail"}}, {})
    (event,) = found.events.rows()
    assert (event["last_good"], event["first_bad"]) == (date(2026, 2, 9), date(2026, 2, 11))
    assert found.anomalies.frame["date_before"].unique().to_list() == [date(2026, 2, 10)]
    assert "between 9 and 11 February 2026" in str(event["says"])


def test_return_skips_nights_that_cannot_tell() -> None:
    """What was given back on such a night was missed from its first night on, and until the last one that shows it."""
    found = told({}, {"nsdi-a": {"*": "servfail"}}, {}, {"nsdi-a": GONE}, {"nsdi-a": GONE})
    (event,) = found.events.rows()
    assert (event["last_good"], event["first_bad"]) == (date(2026, 2, 9), date(2026, 2, 11))
    assert found.anomalies.frame["first_seen"].unique().to_list() == [date(2026, 2, 8)]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ({}, {"isp-ir": {"x.example": "timeout"}}, "no reply; 5 of 5 controls still answer"),
        ({"isp-ir": {"x.example": "timeout"}}, {}, "no longer without a reply"),
        ({"isp-ir": {"x.example": {"A": "nxdomain", "AAAA": "nodata"}}}, {}, "no longer NODATA or NXDOMAIN"),
        ({}, {"isp-ir": {"x.example": {"A": "nxdomain", "AAAA": "nodata"}}}, "NODATA and NXDOMAIN; 5 of 5"),
        ({}, {"family": {"x.example": "nxdomain ede=17"}}, "declared policy; 5 of 5"),
        ({}, {"family": {"x.example": "nxdomain"}}, "a filter of its own; 5 of 5"),
        ({"family": {"x.example": "nxdomain"}}, {}, "no longer filtered"),
        (
            {},
            {
                "nsdi-a": {"x.example": "nxdomain"},
                **{name: {"x.example": "timeout"} for name in ("google", "quad9", "opendns")},
            },
            "2 of 5 controls still answer",
        ),
    ],
)
def test_sentence_says_by_what(before: Mapping[str, Any], after: Mapping[str, Any], says: str) -> None:
    """An event says in a sentence by what, and policy is declared only where the resolver did so."""
    assert any(says in sentence for sentence in told(after, before).events.frame["says"])
