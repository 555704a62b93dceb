"""What nobody is to blame for, or cannot be told, is named on the day on which it is new."""

from resolver_diff.wording.beside_events import gone, unsettled
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


def test_a_name_that_the_controls_lost_too_is_named_once() -> None:
    """It has lapsed, or somebody denies it to all; one that only some lost is another matter, and so is an old one."""
    all_of_it = {"everyone": {"one.example": "nxdomain"}}
    found = Story("test", {"before": {}, "after": all_of_it, "truth": TRUTH}).diff()
    assert gone(found) == ["one.example (A, AAAA): no control has an answer any more; NXDOMAIN at 13 of 13 resolvers"]
    assert gone(Story("test", {"history": [{}], "before": all_of_it, "after": all_of_it, "truth": TRUTH}).diff()) == []
    some = {"isp-ru": {"one.example": "nxdomain"}, "google": {"one.example": "nxdomain"}}
    assert gone(Story("test", {"before": {}, "after": some, "truth": TRUTH}).diff()) == []
