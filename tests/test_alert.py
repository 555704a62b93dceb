"""What is told of events, once each, and in which words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from resolver_diff import alert
from resolver_diff.alert import Alert, Ledger, News, Silence, ledger, sending
from resolver_diff.errors import AlertError
from resolver_diff.tables import Courses, Coverage

DAY = date(2026, 2, 11)
HOME = "home"


def day(number: int) -> date:
    """Return a date so many after the first."""
    return DAY + timedelta(days=number)


def event(**given: Any) -> dict[str, Any]:
    """Return an event that began on the first date and goes on, but for what is *given*."""
    usual: dict[str, Any] = {
        "event": "e1",
        "vantage": HOME,
        "country": "RU",
        "domain_set": "set",
        "means": "denial",
        "mechanisms": ["nxdomain"],
        "qnames": ["whatsapp.com"],
        "going_on": ["whatsapp.com"],
        "resolvers": ["nsdi-a"],
        "denominator": 3,
        "last_good": DAY - timedelta(days=1),
        "first_bad": DAY,
        "reported": DAY,
        "last_bad": DAY,
        "says": "whatsapp.com is lost",
        "confidence_says": "95 %",
    }
    return {**dict.fromkeys(Courses.schema), **usual, **given}


def courses(*events: dict[str, Any]) -> Courses:
    """Return a table of *events*."""
    return Courses.of(pl.DataFrame(list(events), Courses.schema) if events else Courses.empty().frame)


def drop(on: date) -> Coverage:
    """Return a date that could tell a tenth of what it usually does."""
    row = {"date": on, "vantage": HOME, "judged": 100, "asked": 1000, "usual": 1000, "says": "100 of 1,000 cells"}
    return Coverage.of(pl.DataFrame([row]))


class Daily:
    """A ledger that is told everything, day after day."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.number = 0

    def __call__(self, *events: dict[str, Any], coverage: Coverage | None = None) -> list[Alert]:
        """Return the alerts of the next day, which has *events*."""
        today = day(self.number)
        self.number += 1
        found, quiet = alert.due(courses(*events), coverage or Coverage.empty(), today, self.ledger, HOME)
        self.ledger = quiet.with_told(found, today)
        return found


def news(found: Sequence[Alert]) -> list[News]:
    """Return the kinds of alerts."""
    return [one.news for one in found]


def test_an_event_is_told_once_while_nothing_about_it_is_new() -> None:
    """One alert an event, not one a day."""
    daily = Daily()
    assert news(daily(event())) == [News.NEW]
    for number in range(1, 20):
        assert daily(event(last_bad=day(number))) == []


def test_an_event_that_spreads_is_told_again_with_what_is_new() -> None:
    """Names and resolvers that were never told of are news; those that come back after a pause are not."""
    daily = Daily()
    daily(event())
    two = event(qnames=["m.whatsapp.com", "whatsapp.com"], resolvers=["nsdi-a", "nsdi-b"])
    (spread,) = daily(two)
    assert (spread.news, spread.title) == (News.SPREAD, "Spread: whatsapp.com and 1 more name (RU)")
    assert spread.text == "Now also m.whatsapp.com and at nsdi-b. whatsapp.com is lost. Confidence: 95 %."
    assert daily(event()) == []
    assert daily(two) == []


def test_other_means_are_news() -> None:
    """A block page that becomes an NXDOMAIN is no end: it is told as a change."""
    daily = Daily()
    daily(event())
    (changed,) = daily(event(mechanisms=["nxdomain", "refused"]))
    assert changed.news is News.CHANGED
    assert changed.text.startswith("Now also by REFUSED. ")


def test_an_end_is_told_once_and_without_confidence() -> None:
    """And what comes back after it under the same name is new again."""
    daily = Daily()
    daily(event())
    over = event(first_good=day(1), going_on=[], says="whatsapp.com was lost")
    (ended,) = daily(over)
    assert (ended.news, ended.title, ended.text) == (News.OVER, "Over: whatsapp.com (RU)", "whatsapp.com was lost.")
    assert daily(over) == []
    (again,) = daily(event())
    assert (again.news, again.text) == (News.NEW, "Again: whatsapp.com is lost. Confidence: 95 %.")


def test_the_same_event_under_another_name_is_no_new_one() -> None:
    """The first dates are tidied away, or other means decide what it is called: it shares names, dates and place."""
    daily = Daily()
    daily(event())
    assert daily(event(event="e2", first_bad=day(1), last_bad=day(1), last_good=None)) == []
    assert news(daily(event(event="e2", first_good=day(2), first_bad=day(1), last_bad=day(1)))) == [News.OVER]
    assert daily.ledger.events[0].also == ("e1",)


@pytest.mark.parametrize("other", [{"country": "DE"}, {"domain_set": "other"}, {"qnames": ["bbc.com"]}])
def test_another_event_is_told_though_it_begins_on_that_day(other: dict[str, Any]) -> None:
    """Another country, set or name is another event."""
    daily = Daily()
    daily(event())
    assert news(daily(event(), event(event="e2", **other))) == [News.NEW]


def test_what_is_not_found_any_more_is_withdrawn_and_not_over() -> None:
    """Nobody saw it end; that is said once."""
    daily = Daily()
    daily(event())
    (back,) = daily()
    assert back.news is News.WITHDRAWN
    assert "not the same as over" in back.text
    assert daily() == []


def test_history_is_not_told() -> None:
    """Whoever begins to listen hears what goes on; what came and went since is told as over."""
    daily = Daily()
    old = event(event="e0", qnames=["old.example"], first_good=day(0), last_bad=day(-5), reported=day(-9))
    assert news(daily(event(), old)) == [News.NEW]
    short = event(event="e3", qnames=["new.example"], first_bad=day(1), reported=day(1), first_good=day(1))
    assert news(daily(event(), old, short)) == [News.OVER]


def test_a_drop_in_coverage_is_told_once_and_takes_nothing_back() -> None:
    """A date that tells little ends no event; when it is over, another drop is news."""
    daily = Daily()
    daily(event())
    (told,) = daily(coverage=drop(day(1)))
    assert (told.news, told.title) == (News.COVERAGE, "Coverage: 10 % of what can usually be judged at home")
    assert daily(coverage=drop(day(2))) == []
    assert daily(event()) == []
    assert news(daily(event(), coverage=drop(day(4)))) == [News.COVERAGE]


def test_silence_holds_for_names_below_and_until_its_date() -> None:
    """What goes on when it ends is told then."""
    daily = Daily()
    daily.ledger = Ledger(silences=(Silence("whatsapp.com", day(1)),))
    lower = event(qnames=["m.whatsapp.com"])
    assert daily(lower) == daily(lower) == []
    assert news(daily(lower)) == [News.NEW]


def test_an_event_is_silenced_by_any_of_its_names() -> None:
    """As it was called when it was told, and as it is called now; not even its end is told."""
    daily = Daily()
    daily(event())
    daily.ledger = Ledger(daily.ledger.until, daily.ledger.events, (Silence("e1"),))
    assert daily(event(event="e2", qnames=["a.example", "whatsapp.com"])) == []
    assert daily(event(event="e2", first_good=day(2))) == []


def test_of_an_acknowledged_event_only_the_end_is_told() -> None:
    """Somebody knows."""
    daily = Daily()
    daily(event())
    known = tuple(replace(one, acknowledged=True) for one in daily.ledger.events)
    daily.ledger = replace(daily.ledger, events=known)
    assert daily(event(resolvers=["nsdi-a", "nsdi-b"])) == []
    assert news(daily(event(first_good=day(2)))) == [News.OVER]


def test_what_comes_back_is_no_longer_acknowledged() -> None:
    """Somebody knew of what was over; what begins again is told, and so is each change of it."""
    daily = Daily()
    daily(event())
    known = tuple(replace(one, acknowledged=True) for one in daily.ledger.events)
    daily.ledger = replace(daily.ledger, events=known)
    daily(event(first_good=day(2)))
    assert news(daily(event())) == [News.NEW]
    assert news(daily(event(resolvers=["nsdi-a", "nsdi-b"]))) == [News.SPREAD]


def test_a_silenced_event_is_not_withdrawn_aloud() -> None:
    """Silence is silence."""
    daily = Daily()
    daily(event())
    daily.ledger = replace(daily.ledger, silences=(Silence("e1"),))
    assert daily() == []


def test_an_older_day_takes_nobody_back_in_time() -> None:
    """When a day is done again, what came and went before the last one that was told stays history."""
    daily = Daily()
    for number in range(3):
        daily(event(last_bad=day(number)))
    daily.number = 1
    daily(event(last_bad=day(1)))
    assert daily.ledger.until == day(2)
    assert daily.ledger.events[0].last_bad == day(2)
    short = event(event="e3", qnames=["new.example"], first_bad=day(2), reported=day(2), first_good=day(2))
    assert daily(event(last_bad=day(2)), short) == []


def test_two_events_are_not_taken_for_the_same_one_that_was_told() -> None:
    """One of the two is what was told, the one that shares most names with it; the other is news."""
    daily = Daily()
    daily(event(qnames=["a.example", "b.example", "c.example"]))
    split = [event(event="e2", qnames=["a.example"]), event(event="e3", qnames=["b.example", "c.example"])]
    (new,) = daily(*split)
    assert (new.news, new.event) == (News.NEW, "e2")


def test_events_that_grow_together_are_one() -> None:
    """Nothing of them is withdrawn, what they have together was told, and their end is told once."""
    daily = Daily()
    assert len(daily(event(qnames=["a.example"]), event(event="e2", qnames=["b.example", "c.example"]))) == 2
    names = ["a.example", "b.example", "c.example"]
    assert daily(event(event="e3", qnames=names)) == []
    assert [(one.event, one.qnames) for one in daily.ledger.events] == [("e3", tuple(names))]
    assert {*daily.ledger.events[0].also} == {"e1", "e2"}
    assert news(daily(event(event="e3", qnames=[*names, "d.example"]))) == [News.SPREAD]
    assert news(daily(event(event="e3", qnames=names, first_good=day(3)))) == [News.OVER]
    assert daily(event(event="e3", qnames=names, first_good=day(3))) == []


def test_the_words_fit_on_a_phone_and_are_harmless() -> None:
    """Long lists are cut; what a terminal or a reader could take for something else is written out."""
    daily = Daily()
    (told,) = daily(event(qnames=["a" * 63 + "." + "b" * 63 + ".example"], says="x\x1b[31m\u202e" * 100))
    assert len(told.title) <= 80
    assert len(told.text) <= 480
    assert (told.title + told.text).isprintable()


def test_a_ledger_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Dates, tuples and all; where there is none, nothing was told."""
    daily = Daily()
    daily(event())
    file = tmp_path / "alerts.json"
    assert ledger.read(file) == Ledger()
    kept = replace(daily.ledger, silences=(Silence("a.example", DAY), Silence("e9")))
    ledger.write(file, kept)
    assert ledger.read(file) == kept
    assert [one.name for one in tmp_path.iterdir()] == ["alerts.json"]


def test_a_broken_ledger_is_an_error_that_says_where(tmp_path: Path) -> None:
    """Taking it for an empty one would tell everything again."""
    file = tmp_path / "alerts.json"
    file.write_text('{"events": 3}')
    with pytest.raises(AlertError) as told:
        ledger.read(file)
    assert str(file) in told.value.render()


def test_many_alerts_are_few_messages() -> None:
    """The first nine alone, the rest in one; each with a link to its page."""
    found = [Alert(News.NEW, HOME, f"t{number}", "text", f"e{number}") for number in range(25)]
    links = {f"e{number}": f"https://example.org/report-2026-02-11.html#event-e{number}" for number in range(25)}
    sent = sending.messages(found, links)
    assert len(sent) == sending.MOST
    assert sent[0].body == f"text\n{links['e0']}"
    assert sent[-1].title == "And 16 more alerts"
    assert sent[-1].body.splitlines()[-2:] == ["and 6 more", "https://example.org/report-2026-02-11.html"]
    assert sum(len(one.alerts) for one in sent) == 25


def test_an_address_that_means_nothing_is_named_without_its_secret() -> None:
    """Only its number and its kind are told."""
    with pytest.raises(AlertError) as told:
        sending.Post("json://localhost nonsense://user:secret@example.org")
    assert "2 (nonsense)" in told.value.render()
    assert "secret" not in told.value.render()
