"""One name through all dates: each resolver's cells, as strips, and compressed into runs of dates that are alike."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl
import polars.selectors as cs
from rich.cells import cell_len

import resolver_diff
from resolver_diff.commands import _strip
from resolver_diff.compare.shares import in_words
from resolver_diff.library.following import SERIES
from resolver_diff.reports.csv import as_lines
from resolver_diff.reports.json import plain_rows, written
from resolver_diff.series.panel import ENTERED, LEFT, RESOLVER, Moves, sentences
from resolver_diff.tables import State
from resolver_diff.wording.idn import Names
from resolver_diff.wording.lines import EMPTY, GAP, Cut, Line, Tone, many, paragraph, plain, some, table

WRONG = (State.VANISHED, State.DIVERGENT)
TONES = {State.VANISHED: Tone.BAD, State.DIVERGENT: Tone.BAD, State.INSUFFICIENT: Tone.FAINT, State.GONE: Tone.FAINT}
COLUMNS = (
    *("date", "vantage", "domain_set", "qname", "qtype", "resolver", "operator", "country", "role", "transport"),
    *("state", "mechanism", "outcome", "answer", "cname", "ttl", "soa", "ede", "repeats", "repeats_alike"),
    *("consensus", "controls_agreeing", "controls_asked", "evidence_for", "evidence_against"),
)  # of what is handed over to programs
HEADER = ("resolver", "over", "type", "from", "to", "dates", "state", "said")
LEAST_ROOM = 20  # columns for what was said in full
CUTS = {"said": Cut.TAIL, "from": Cut.HEAD, "to": Cut.HEAD, "resolver": Cut.MIDDLE}


def describe(
    given: pl.DataFrame,
    width: int | None,
    every: Mapping[str, Sequence[date]] | None = None,
    *,
    full: bool = False,
) -> list[Line]:
    """Return the page about the cells of one name; *every* has all dates of each vantage. If *full*, nothing is cut."""
    lines: list[Line] = []
    for (vantage,), frame in given.partition_by("vantage", as_dict=True).items():
        days = frame["date"].unique().sort()
        span = f"from {days[0]} to {days[-1]}" if len(days) > 1 else f"({days[0]})"
        title = f"{Names().name(frame['qname'][0])} at vantage {vantage}: {many(len(days), 'date')} {span}"
        lines += [EMPTY] if lines else []
        lines += paragraph(title, width=width, rest="  ", tone=Tone.HEADING)
        lines += _strip.page(frame, (every or {}).get(vantage, ()), width)
        runs = _runs(frame)
        several = frame.select("resolver", "transport").unique()["resolver"].is_duplicated().any()
        lines += _table(runs, width, several=several, full=full)
        lines += _now_and_then(frame, runs, width)
        for sentence in _moves(frame, (every or {}).get(vantage, ())):
            lines += paragraph(sentence, width=width, rest="  ", tone=Tone.FAINT)
    return lines


def _table(runs: pl.DataFrame, width: int | None, *, several: bool, full: bool) -> list[Line]:
    """Return the runs as a table; what was said goes on in lines of its own where it is wanted in *full*."""
    columns = [name for name in HEADER if several or name != "over"]
    rows = [[row[HEADER.index(name)] for name in columns] for row in map(_row, runs.iter_rows(named=True))]
    tones = [TONES.get(State(state), Tone.PLAIN) for state in runs["state"]]
    cuts = {columns.index(name): cut for name, cut in CUTS.items()}
    if not full or width is None:
        return table(columns, rows, tones=tones, width=width, cuts=cuts, indent=0)
    beside = sum(
        max(map(cell_len, column)) + GAP for column in zip(columns[:-1], *(row[:-1] for row in rows), strict=True)
    )
    room = max(width - beside, LEAST_ROOM)
    broken: list[list[str]] = []
    colours: list[Tone] = []
    for (*where, said), tone in zip(rows, tones, strict=True):
        parts = plain(paragraph(said, width=room)).splitlines()
        broken += [[*where, parts[0]], *([*("" for _ in where), part] for part in parts[1:])]
        colours += [tone] * len(parts)
    return table(columns, broken, tones=colours, width=max(width, beside + room), cuts=cuts, indent=0)


def lines(given: pl.DataFrame) -> str:
    """Return the cells as CSV, a line for each date, resolver, transport and type; lists have spaces between."""
    frame = _told(given)
    lists = [name for name, dtype in frame.schema.items() if dtype == pl.List]
    joined = {name: pl.col(name).cast(pl.List(pl.String)).list.join(" ") for name in lists}
    texts = {name: pl.when(text != "").then(text) for name, text in joined.items()}
    return as_lines(frame.with_columns(**texts), header=True)


def document(given: pl.DataFrame, every: Mapping[str, Sequence[date]]) -> str:
    """Return the cells as one JSON object, beside all dates of each vantage, with and without the name."""
    meta = {"resolver_diff": resolver_diff.__version__, "qname": given["qname"][0]}
    days = {vantage: list(dates) for vantage, dates in sorted(every.items())}
    return written({"meta": meta, "dates": days, "cells": plain_rows(_told(given))})


def _told(given: pl.DataFrame) -> pl.DataFrame:
    """Return the columns that are handed over, in order, texts as texts."""
    return given.select(COLUMNS).with_columns(cs.categorical().cast(pl.String)).sort("vantage", "date", *SERIES[1:])


def _now_and_then(frame: pl.DataFrame, runs: pl.DataFrame, width: int | None) -> list[Line]:
    """Return a line for each resolver and type that was wrong, not wrong, and wrong again: on how many dates."""
    wrong, told = pl.col("state").is_in(WRONG), pl.col("state") != State.INSUFFICIENT
    spells = (
        runs.filter(told).sort(*SERIES, "first").group_by(SERIES).agg(spells=wrong.rle_id().filter(wrong).n_unique())
    )
    counts = frame.filter(told).group_by(SERIES).agg(k=wrong.sum(), n=pl.len())
    often = counts.join(spells.filter(pl.col("spells") > 1), on=SERIES).sort(SERIES)
    several = frame.select("resolver", "transport").unique()["resolver"].is_duplicated().any()
    lines: list[Line] = []
    for row in often.iter_rows(named=True):
        over = f" over {row['transport']}" if several else ""
        says = f"wrong on {in_words(row['k'], row['n'], 'dates that tell')}"
        lines += paragraph(f"{row['resolver']}{over} {row['qtype']}: {says}", width=width, rest="  ")
    return lines


def _moves(frame: pl.DataFrame, every: Sequence[date]) -> list[str]:
    """Say on which dates the name was not asked for, and which resolvers entered or left between those it was."""
    days = frame["date"].unique().sort().to_list()
    without = [str(day) for day in every if days[0] < day < days[-1] and day not in days]
    late = (
        [f"It is asked for since {days[0]}; the snapshots begin on {every[0]}."] if every and every[0] < days[0] else []
    )
    gone = [f"It was last asked for on {days[-1]}."] if every and every[-1] > days[-1] else []
    gap = [f"It was not asked for on {some(without)}."] if without else []
    place = {day: number for number, day in enumerate(days)}
    there: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for day, resolver, transport in frame.select("date", "resolver", "transport").unique().iter_rows():
        there[resolver, transport].add(place[day])
    rows = [
        (days[number], change, RESOLVER, *who)
        for who, on in there.items()
        for number in range(1, len(days))
        for change, new, old in ((ENTERED, number, number - 1), (LEFT, number - 1, number))
        if new in on and old not in on
    ]
    columns = ("date", "change", "kind", "what", "transport")
    schema = {name: Moves.schema[name] for name in columns}
    return [*late, *gap, *gone, *sentences(pl.DataFrame(rows, schema=schema, orient="row"))]


def _runs(frame: pl.DataFrame) -> pl.DataFrame:
    """Return one row per run; resolvers where the name was ever wrong come first.

    An answer that agrees may rotate within a run; one that is wrong may not.
    """
    wrong = pl.col("state").is_in(WRONG)
    alike = pl.struct("state", "mechanism", "outcome", answer=pl.when(wrong).then("answer"))
    return (
        frame.sort(*SERIES, "date")
        .with_columns(run=alike.rle_id().over(SERIES), ever=wrong.any().over("resolver", "transport"))
        .group_by(*SERIES, "run", maintain_order=True)
        .agg(
            pl.col("ever", "state", "mechanism", "outcome").first(),
            pl.col("answer").last(),
            answers=pl.col("answer").n_unique(),
            first=pl.col("date").min(),
            last=pl.col("date").max(),
            dates=pl.len(),
        )
        .sort(~pl.col("ever"), "resolver", "transport", "qtype", "first")
    )


def _row(run: dict[str, object]) -> tuple[str, ...]:
    said = str(run["answer"] or run["outcome"])
    if isinstance(run["answers"], int) and run["answers"] > 1:
        said = f"{run['answers']} answers, last {said}"
    if run["mechanism"] is not None and run["mechanism"] != run["outcome"]:
        said = f"{run['mechanism']}: {said}"
    first, last = run["first"], run["last"]
    assert isinstance(first, date)
    assert isinstance(last, date)
    asked = (str(run["resolver"]), str(run["transport"]), str(run["qtype"]))
    return *asked, str(first), str(last), str(run["dates"]), str(run["state"]), said
