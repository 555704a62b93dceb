"""What happened, in one paragraph; and other things that a page says in sentences."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from resolver_diff.event import day_in_words, joined
from resolver_diff.page.cards import ENDED, NEW, ON, OVER
from resolver_diff.page.sight import Sight, View
from resolver_diff.tables import Condition
from resolver_diff.wording import visible
from resolver_diff.wording.beside_events import gone
from resolver_diff.wording.lines import many, some
from resolver_diff.wording.network import trouble
from resolver_diff.wording.tally import Tally, in_words

MOST_NAMED = 6  # resolvers


def paragraph(view: View, cards: Sequence[dict[str, Any]], untold: Sequence[dict[str, Any]]) -> str:
    """Say what happened up to the date of *view*, whose events over all dates are *cards*, and what else differs."""
    tallies = [Tally.of(sight.today) for sight in view.sights]
    scale = f"{many(_most(tallies, 'names'), 'name')} were asked of {many(_most(tallies, 'resolvers'), 'resolver')}"
    places = joined([visible(sight.vantage) for sight in view.sights], "and")
    dates = max(len(sight.matrix.dates) for sight in view.sights)
    back = f"the {dates} dates since {day_in_words(view.since)}" if dates > 1 else "this date only"
    looked = f"On {day_in_words(view.date)}, {scale} from {places}; this page looks at {back}."
    if all(each.cells == each.unjudged for each in tallies):
        why = [trouble(sight.today.health.frame) or _unwell([sight]).strip() for sight in view.sights]
        going_on = f" {_events(cards)}" if cards else ""
        return f"Nothing could be judged on {day_in_words(view.date)}. {' '.join(why)} {looked}{going_on}"
    return f"{looked} {_events(cards)} {_rest(view, untold)} {_unjudged(tallies)}{_unwell(view.sights)}"


def _most(tallies: Sequence[Tally], name: str) -> int:
    return max((getattr(tally, name) for tally in tallies), default=0)


def _events(cards: Sequence[dict[str, Any]]) -> str:
    counts = {kind: sum(card["status"] == kind for card in cards) for kind in (NEW, ON, ENDED, OVER)}
    if not cards:
        return "No event was told from chance."
    parts = []
    if counts[NEW]:
        parts.append(f"{many(counts[NEW], 'event')} told from chance for the first time today")
    if counts[ON]:
        quiet = sum(card["quiet"] and card["status"] == ON for card in cards)
        parts.append(f"{counts[ON]:,} going on" + (f" ({quiet:,} not seen today)" if quiet else ""))
    if counts[ENDED]:
        parts.append(f"{counts[ENDED]:,} over since today")
    if counts[OVER]:
        parts.append(f"{counts[OVER]:,} over before")
    told = f"{joined(parts, 'and')}." if counts[NEW] else f"No new event; {joined(parts, 'and')}."
    return f"{told}{_largest(cards, NEW if counts[NEW] else ON)}"


def _largest(cards: Sequence[dict[str, Any]], kind: str) -> str:
    """Say the event of most names of one kind; the only one there is, too."""
    there = [card for card in cards if card["status"] == kind]
    if not there:
        return ""
    first = max(there, key=lambda card: len(card["names"]))
    new = "New: " if kind == NEW else ""
    if len(there) == 1:
        return f" {new}{first['says']}"
    return f" The largest{' of the new ones' if kind == NEW else ''}: {first['says']}"


def _rest(view: View, untold: Sequence[dict[str, Any]]) -> str:
    """Say what differs beside the events."""
    changed = sum(len(sight.changes.anomalies) for sight in view.sights if sight.changes is not None)
    since = {sight.changes.date_before for sight in view.sights if sight.changes is not None}
    before = max((day for day in since if day), default=None)
    said = f"Since {day_in_words(before)}, {_no(changed)} changed; " if before else ""
    wrong = sum(len(sight.today.anomalies) for sight in view.sights)
    said += f"{_no(wrong)} {'are' if wrong > 1 else 'is'} wrong today."
    said = said[:1].upper() + said[1:]
    if len(untold) == 1:
        said += f" Not told from chance: {untold[0]['says']}"
    elif untold:
        said += f" {len(untold):,} groups of what differs are not told from chance. The first: {untold[0]['says']}"
    lost = [sentence for sight in view.sights if sight.changes is not None for sentence in gone(sight.changes)]
    if lost:
        more = f", and {many(len(lost) - 1, 'more name', 'more names')}" if len(lost) > 1 else ""
        said += f" Gone for everybody since then: {lost[0]}{more}."
    return said


def _no(count: int) -> str:
    return many(count, "cell") if count else "no cell"


def _unjudged(tallies: Sequence[Tally]) -> str:
    cells, unjudged = sum(each.cells for each in tallies), sum(each.unjudged for each in tallies)
    if not unjudged:
        return f"All {many(cells, 'cell')} could be judged."
    kept: dict[str, int] = {}
    for tally in tallies:
        for reason, count in tally.kept.items():
            kept[reason] = kept.get(reason, 0) + count
    reason = max(kept, key=lambda name: (kept[name], name))
    return f"{unjudged:,} of {many(cells, 'cell')} could not be judged, most of them because: {in_words(reason)}."


def _unwell(sights: Sequence[Sight]) -> str:
    """Name the resolvers in whose place others answer, and those that were ill; count those that only lost some."""
    rows = pl.concat([sight.today.health.frame for sight in sights])
    condition = pl.col("condition").cast(pl.String)
    lossy = rows.filter(condition == Condition.LOSSY).height
    taken = rows.filter(condition == Condition.INTERCEPTED).sort("resolver", "transport")
    ill = rows.filter(
        ~condition.is_in([str(each) for each in (Condition.WELL, Condition.LOSSY, Condition.INTERCEPTED)])
    )
    places = [f"{visible(name)} over {over}" for name, over in taken.select("resolver", "transport").iter_rows()]
    told = [f"{visible(name)} ({how})" for name, how in ill.select("resolver", "condition").iter_rows()]
    said = f" Somebody else answers in the place of {some(places, MOST_NAMED)}." if places else ""
    said += f" Not well: {some(told, MOST_NAMED)}." if told else ""
    said += f" {many(lossy, 'resolver')} lost some queries of any name." if lossy else ""
    return said or " All resolvers were well."


def unjudged(sight: Sight) -> list[tuple[int, str]]:
    """Return how many cells could not be judged on the page's date, and why, the most first."""
    tally = Tally.of(sight.today)
    return [(count, in_words(reason)) for reason, count in tally.kept.items()]
