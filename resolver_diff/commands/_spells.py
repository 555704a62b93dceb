"""What `events` shows: the dates followed, and the spells found in them."""

from collections.abc import Sequence
from typing import Any

import polars as pl

import resolver_diff
from resolver_diff.compare.shares import percent
from resolver_diff.reports.csv import as_lines
from resolver_diff.reports.json import plain_rows, written
from resolver_diff.series import Series
from resolver_diff.series.extent import Extents, growth
from resolver_diff.series.panel import Moves, sentences
from resolver_diff.series.telling import course
from resolver_diff.tables import Coverage, Spells
from resolver_diff.wording.lines import EMPTY, Line, Tone, many, paragraph, some
from resolver_diff.wording.tally import widest

MOST_SHOWN = 20  # names of one event
MOST_DROPS, MOST_MOVES = 10, 20  # lines
SURE = (
    "confidence: the share of such cases that was a block, in labelled data (made-up worlds, unless --calibration says "
    "otherwise), not the chance that this one is; in brackets its 95 % interval, and how many cases. told from chance: "
    "the first date with enough evidence. never good: nor on the first date there is, so it may be older. held against "
    "it: by chance, how likely a resolver shows such a sign by itself, at most, when it was told; elsewhere, the "
    "share of resolvers in other countries that show it too; at once, the share of all names that most of the "
    "country's resolvers lost on the same date."
)


def lines(found: Sequence[Series]) -> str:
    """Return the spells as CSV; lists are texts with spaces between."""
    frame = pl.concat([Spells.empty().frame, *(each.spells.frame for each in found)])
    lists = [name for name, dtype in frame.schema.items() if dtype == pl.List]
    return as_lines(frame.with_columns(pl.col(lists).list.join(" ")), header=True)


def document(found: Sequence[Series]) -> str:
    """Return everything as one JSON object: spells, events with how far each reached, moves and coverage."""
    spells = pl.concat([Spells.empty().frame, *(each.spells.frame for each in found)])
    extents = pl.concat([Extents.empty().frame, *(each.extents.frame for each in found)])
    of_event = ("event", "vantage", "country", "domain_set", "says")
    events = plain_rows(spells.select(of_event).unique("event", maintain_order=True))
    reached = extents.sort("event", "date").partition_by("event", as_dict=True, include_key=False)
    meta = [
        {"vantage": each.vantage, "dates": len(each.dates), "first": each.dates[0], "last": each.dates[-1]}
        for each in found
    ]
    return written(
        {
            "meta": {"resolver_diff": resolver_diff.__version__, "vantages": meta},
            "events": [row | {"reached": plain_rows(reached[row["event"],])} for row in events],
            "spells": plain_rows(spells),
            "moves": plain_rows(pl.concat([Moves.empty().frame, *(each.moves.frame for each in found)])),
            "coverage": plain_rows(pl.concat([Coverage.empty().frame, *(each.coverage.frame for each in found)])),
        }
    )


def page(found: Sequence[Series], width: int | None) -> list[Line]:
    """Return the events as lines for a person, the latest first."""
    told: list[Line] = []
    for each in found:
        spells = each.spells.frame
        dates = many(len(each.dates), "date")
        told += paragraph(
            f"{each.dates[0]} to {each.dates[-1]} at vantage {each.vantage}", width=width, tone=Tone.HEADING
        )
        told += _less(each, width)
        events = many(spells["event"].n_unique(), "event")
        names = f"{many(spells.height, 'name')} lost, or answered otherwise, in a country"
        said = f"{events} in {dates}: {names}." if spells.height else f"{dates}: nothing that chance would not explain."
        told += paragraph(said, width=width)
        latest = spells.sort("first_bad", "event", descending=[True, False], maintain_order=True)
        for event in latest.partition_by("event", maintain_order=True):
            reach = each.extents.frame.filter(pl.col("event") == event["event"][0])
            told += _event(event, reach, width)
        if spells.height:
            told += [EMPTY, *paragraph(SURE, width=width, tone=Tone.FAINT)]
        told += _moves(each, width)
    return told


def _less(series: Series, width: int | None) -> list[Line]:
    """Return a line for each date and place of which much less than usual could be told."""
    rows = widest(series.coverage.frame)
    told: list[Line] = []
    for row in rows.tail(MOST_DROPS).iter_rows(named=True):
        told += paragraph(f"{row['date']}: {row['says']}.", width=width, first="! ", rest="  ")
    if rows.height > MOST_DROPS:
        text = f"and {many(rows.height - MOST_DROPS, 'such date')} before; `--json FILE` has all"
        told += paragraph(text, width=width, first="  ", rest="  ")
    return told


def _moves(series: Series, width: int | None) -> list[Line]:
    """Return a line for each date on which resolvers or names entered or left."""
    said = sentences(series.moves.frame)
    if not said:
        return []
    heading = "Entered and left; only what two dates both have is compared"
    told = [EMPTY, *paragraph(heading, width=width, tone=Tone.HEADING)]
    for sentence in said[-MOST_MOVES:]:
        told += paragraph(sentence, width=width, first="* ", rest="  ")
    if len(said) > MOST_MOVES:
        text = f"and {many(len(said) - MOST_MOVES, 'change')} before; `--json FILE` has all"
        told += paragraph(text, width=width, first="  ", rest="  ")
    return told


def _event(event: pl.DataFrame, reach: pl.DataFrame, width: int | None) -> list[Line]:
    over = event["first_good"].null_count() == 0
    told = [EMPTY, *paragraph(f"{event['says'][0]}.", width=width, tone=Tone.GOOD if over else Tone.BAD)]
    for text in filter(None, (growth(reach), _rejected(event))):
        told += paragraph(text, width=width, first="  ", rest="  ", tone=Tone.FAINT)
    told += _confidence(event, width)
    for row in event.head(MOST_SHOWN).iter_rows(named=True):
        told += paragraph(_spell(row), width=width, first="  ", rest="    ")
    if event.height > MOST_SHOWN:
        text = f"and {many(event.height - MOST_SHOWN, 'name')} more; `--csv FILE` has all"
        told += paragraph(text, width=width, first="  ", rest="  ")
    return told


def _rejected(event: pl.DataFrame) -> str:
    """Say how much each innocent explanation had for it, at its best for any of the names; ``SURE`` says what it is."""
    chance, outside, once = (float(event[name].max() or 0.0) for name in ("by_chance", "elsewhere", "at_once"))  # type: ignore[arg-type]
    return f"held against it: by chance {percent(chance)}, elsewhere {percent(outside)}, at once {percent(once)}"


def _confidence(event: pl.DataFrame, width: int | None) -> list[Line]:
    """Say how often spells by the same means were right; that is one line, unless the names were lost by several."""
    says = event["confidence_says"].drop_nulls().unique(maintain_order=True).to_list()
    return paragraph(f"confidence {'; '.join(says)}", width=width, first="  ", rest="    ") if says else []


def _spell(row: dict[str, Any]) -> str:
    """Say one name: where, since when, and when there was enough to tell."""
    return f"{row['qname']} at {some(row['resolvers'])}: {course(row)}"
