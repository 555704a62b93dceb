"""What `events` shows: the dates followed, and the spells found in them."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from resolver_diff import compare, series, snapshot
from resolver_diff.commands._loading import Source
from resolver_diff.errors import SnapshotError
from resolver_diff.reports._layout import EMPTY, Line, Tone, many, paragraph, some
from resolver_diff.reports.csv import as_lines
from resolver_diff.series import Series
from resolver_diff.tables import Spells

MOST_SHOWN = 20  # names of one event


def follow(source: Source) -> list[Series]:
    """Follow each vantage through all its dates; raises SnapshotError when there is none."""
    days = source.dates()
    if not days:
        raise source.nothing()
    places = {place.name.partition("=")[2] for place in source.folder.glob("date=*/vantage=*")}
    vantages = [name for name in sorted(places) if source.vantage in (None, name) and source.dates(name)]
    followed = [_one(source, name) for name in vantages]
    readable = [each for each in followed if each.dates]
    if not readable:
        raise SnapshotError(f"none of the snapshots in {source.folder} can be read")
    return readable


def _one(source: Source, vantage: str) -> Series:
    asked = [snapshot.asked(source.folder, day, vantage) for day in source.dates(vantage)]
    return series.follow(vantage, source.all_dates(vantage), compare.Panel.of_asked(asked))


def lines(found: Sequence[Series]) -> str:
    """Return the spells as CSV; lists are texts with spaces between."""
    frame = pl.concat([Spells.empty().frame, *(each.spells.frame for each in found)])
    lists = [name for name, dtype in frame.schema.items() if dtype == pl.List]
    numbers = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
    frame = frame.with_columns(*(pl.col(name).list.join(" ") for name in lists))
    return as_lines(frame.with_columns(pl.col(numbers).round_sig_figs(4)), header=True)


def page(found: Sequence[Series], width: int | None) -> list[Line]:
    """Return the events as lines for a person, the latest first."""
    told: list[Line] = []
    for each in found:
        spells = each.spells.frame
        dates = many(len(each.dates), "date")
        told += paragraph(
            f"{each.dates[0]} to {each.dates[-1]} at vantage {each.vantage}", width=width, tone=Tone.HEADING
        )
        events = many(spells["event"].n_unique(), "event")
        names = f"{many(spells.height, 'name')} lost, or answered otherwise, in a country"
        said = f"{events} in {dates}: {names}." if spells.height else f"{dates}: nothing that chance would not explain."
        told += paragraph(said, width=width)
        latest = spells.sort("first_bad", "event", descending=[True, False], maintain_order=True)
        for event in latest.partition_by("event", maintain_order=True):
            told += _event(event, width)
    return told


def _event(event: pl.DataFrame, width: int | None) -> list[Line]:
    over = event["first_good"].null_count() == 0
    told = [EMPTY, *paragraph(f"{event['says'][0]}.", width=width, tone=Tone.GOOD if over else Tone.BAD)]
    told += _confidence(event, width)
    for row in event.head(MOST_SHOWN).iter_rows(named=True):
        told += paragraph(_spell(row), width=width, first="  ", rest="    ")
    if event.height > MOST_SHOWN:
        told += paragraph(f"and {many(event.height - MOST_SHOWN, 'name')} more; `--csv FILE` has all", first="  ")
    return told


def _confidence(event: pl.DataFrame, width: int | None) -> list[Line]:
    """Say how often spells by the same means were right; that is one line, unless the names were lost by several."""
    says = event["confidence_says"].drop_nulls().unique(maintain_order=True).to_list()
    return paragraph(f"confidence {'; '.join(says)}", width=width, first="  ", rest="    ") if says else []


def _spell(row: dict[str, Any]) -> str:
    """Say one name: where, since when, and when there was enough to tell."""
    good = f"last good {row['last_good']}" if row["last_good"] else "never good"
    end = f", good again {row['first_good']}" if row["first_good"] else ""
    enough = f"told from chance on {row['reported']}"
    return f"{row['qname']} at {some(row['resolvers'])}: {good}, first bad {row['first_bad']}{end}; {enough}"
