"""Answers of which nothing can be told are named on the day on which they are new."""

from resolver_diff.reports._unsettled import unsettled
from stories import Story

TRUTH = {"one.example": {"A": "151.101.1.1"}}
OTHER = {who: {"one.example": {"A": "45.33.32.156"}} for who in ("isp-ru", "isp-de")}


def test_a_new_address_that_nothing_settles_is_named_once() -> None:
    """Who gives it, and which; on the next date it is no news."""
    found = Story("test", {"before": {}, "after": OTHER, "truth": TRUTH}).diff()
    assert unsettled(found) == [
        "one.example is answered with 45.33.32.156 at isp-de and isp-ru, as no control answers it"
    ]
    assert unsettled(Story("test", {"history": [{}], "before": OTHER, "after": OTHER, "truth": TRUTH}).diff()) == []


def test_what_is_judged_is_not_named_here() -> None:
    """A loss, and an address that cannot be public, are findings; an answer as ever is none."""
    lost = {"isp-ru": {"one.example": "nxdomain"}, "isp-de": {"one.example": {"A": "10.10.34.35"}}}
    assert unsettled(Story("test", {"before": {}, "after": lost, "truth": TRUTH}).diff()) == []
