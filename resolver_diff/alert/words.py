"""Alerts in words: a title that fits on a watch, and a text that fits on the screen of a phone."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from resolver_diff.event import SHOWN, counted, day_in_words, joined, leading_first
from resolver_diff.tables import Mechanism
from resolver_diff.wording import visible

if TYPE_CHECKING:
    from resolver_diff.alert import Told

LONGEST_TITLE, LONGEST_TEXT = 80, 480  # characters
ELISION = "\N{HORIZONTAL ELLIPSIS}"
TITLES = {"new": "New", "spread": "Spread", "changed": "Changed", "over": "Over"}


def of_event(news: str, row: dict[str, Any], told: "Told | None") -> tuple[str, str]:
    """Return title and text about an event; *row* is one of ``Courses``, *told* what was said of it before."""
    since = _since(news, row, told)
    sure = f" Confidence: {row['confidence_says']}." if row["confidence_says"] and news != "over" else ""
    return _cut(_title(TITLES[news], row["qnames"], row["country"]), LONGEST_TITLE), _cut(
        f"{since}{row['says']}.{sure}", LONGEST_TEXT
    )


def withdrawn(qnames: Sequence[str], country: str, first_bad: date) -> tuple[str, str]:
    """Return title and text about an event that is not found any more."""
    names = counted(leading_first(list(qnames)), "name")
    text = (
        f"What was told of {names} in {country} since {day_in_words(first_bad)} is no longer told from chance by the "
        "dates there are. That is not the same as over."
    )
    return _cut(_title("Withdrawn", qnames, country), LONGEST_TITLE), _cut(text, LONGEST_TEXT)


def drop(row: dict[str, Any]) -> tuple[str, str]:
    """Return title and text about a date that tells much less than usual; *row* is one of ``Coverage``."""
    share = round(100 * row["judged"] / row["usual"]) if row["usual"] else 0
    told = f"{share} % of what can usually be judged" if row["judged"] else "nothing could be judged"
    title = f"Coverage: {told} at {row['vantage']}"
    text = f"{row['says']}. What is not reported on {day_in_words(row['date'])} may be missing for that reason."
    return _cut(title, LONGEST_TITLE), _cut(text, LONGEST_TEXT)


def _title(news: str, qnames: Sequence[str], country: str) -> str:
    return f"{news}: {counted(leading_first(list(qnames)), 'name')} ({country})"


def _since(news: str, row: dict[str, Any], told: "Told | None") -> str:
    """Return what is new, next to what was told before."""
    if told is None:
        return ""
    more = []
    for column, noun in (("qnames", "name"), ("resolvers", "resolver")):
        new = sorted({*row[column]} - {*getattr(told, column)})
        if new and news in ("spread", "changed"):
            more.append(f"at {counted(new, noun)}" if noun == "resolver" else counted(leading_first(new), noun))
    by = sorted({*row["mechanisms"]} - {*told.mechanisms})
    if news == "changed" and by:
        more.append(f"by {joined([SHOWN.get(Mechanism(one), one) for one in by], 'and')}")
    if news == "new":
        return "Again: "
    return f"Now also {joined(more, 'and')}. " if more else ""


def _cut(text: str, longest: int) -> str:
    text = visible(text)
    return text if len(text) <= longest else text[: longest - 1].rstrip() + ELISION
