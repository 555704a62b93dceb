"""What was found, for a person: one page of 80 columns that reads the same without colour.

First what was compared and how much could not be judged, then the events as
sentences, the anomalies as a table, the resolvers that were not well (one line
each, never one per name), what only one date has, and what was innocent and why.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from resolver_diff.diff import Diff
from resolver_diff.reports import Report
from resolver_diff.reports._layout import EMPTY, WIDTH, Line, Tone, line, paragraph, plain, table
from resolver_diff.reports._tally import Tally, unwell
from resolver_diff.tables import Change, Mechanism, TransportName

MOST_ROWS = 40  # of the table of anomalies; the CSV has all
MOST_EVENTS = 20
MOST_FINDINGS = 20
MOST_MOVES = 10
TONES = {
    Change.VANISHED: Tone.BAD,
    Change.DIVERGED: Tone.BAD,
    Change.REAPPEARED: Tone.GOOD,
    Change.CONVERGED: Tone.GOOD,
    Change.MECHANISM_CHANGED: Tone.PLAIN,
}
BY_ADDRESS = (Mechanism.BOGON, Mechanism.STUB, Mechanism.FORGED, Mechanism.INJECTED, Mechanism.POLICY)
HEADER = ("name", "type", "resolver", "by", "controls")
SHRINKING = (0, 2, 3)


def describe(diffs: Sequence[Diff], width: int = WIDTH) -> list[Line]:
    """Return the page about *diffs*, *width* columns wide."""
    lines: list[Line] = []
    for diff in diffs:
        lines += [EMPTY] if lines else []
        lines += _page(diff, width)
    return lines


def render(diffs: Sequence[Diff]) -> str:
    """Return the page about *diffs* as plain text."""
    return plain(describe(diffs))


def _page(diff: Diff, width: int) -> Iterator[Line]:
    tally = Tally.of(diff)
    yield from _summary(diff, tally, width)
    for heading, lines in (
        ("Events", events(diff, width)),
        ("Anomalies", _anomalies(diff, width)),
        ("Resolvers that were not well", findings(diff, width)),
        (f"Only on {diff.date_after}", _moves(diff.entered, width)),
        (f"Only on {diff.date_before}", _moves(diff.left, width)),
        ("Could not be judged", _reasons(tally.kept, width)),
        ("Changed, and explained", _reasons(tally.cleared, width)),
    ):
        if lines:
            yield EMPTY
            yield line(heading, Tone.HEADING)
            yield from lines


def _summary(diff: Diff, tally: Tally, width: int) -> Iterator[Line]:
    alone = diff.date_before is None
    days = str(diff.date_after) if alone else f"{diff.date_before} and {diff.date_after}"
    scale = f"{_many(tally.names, 'name')} at {_many(tally.resolvers, 'resolver')}"
    found = f"{len(diff.anomalies):,}" if len(diff.anomalies) else "none"
    yield from paragraph(f"{days} at vantage {diff.vantage}", width=width, tone=Tone.HEADING)
    yield from paragraph(
        f"{_many(tally.cells, 'cell')} {'judged' if alone else 'compared'} ({scale}): "
        f"{found} {'wrong' if alone else 'changed'}, {tally.unjudged:,} could not be judged.",
        width=width,
    )


def events(diff: Diff, width: int = WIDTH) -> list[Line]:
    """Return the events as sentences, those of most cells first."""
    frame = diff.events.frame.sort("cells", "event", descending=[True, False])
    lines = []
    for row in frame.head(MOST_EVENTS).iter_rows(named=True):
        text = f"{row['says']} [{row['event']}]"
        lines += paragraph(text, width=width, first="* ", rest="  ", tone=TONES[Change(row["change"])])
    return lines + _more(frame.height - MOST_EVENTS, "event", "--json")


def _anomalies(diff: Diff, width: int) -> list[Line]:
    """Return the table, change by change; rows that differ only in their qtype are one."""
    frame = diff.anomalies.frame
    if not frame.height:
        return []
    apart = ("change", "qname", "resolver", "transport", "mechanism", "outcome_before")
    shown = ("outcome_after", "answer_after", "controls_agreeing", "controls_asked")
    merged = (
        frame.sort("qtype")
        .group_by(apart, maintain_order=True)
        .agg("qtype", pl.col(shown).sort_by("controls_agreeing").first(), cells=pl.len())
        .sort(apart)
    )
    rows = merged.head(MOST_ROWS).to_dicts()
    tones = [TONES[Change(row["change"])] for row in rows]
    header, *body = table(HEADER, [_row(row) for row in rows], tones=tones, width=width, flexible=SHRINKING, indent=4)
    lines = [header]
    for index, row in enumerate(rows):
        if index == 0 or row["change"] != rows[index - 1]["change"]:
            lines.append(line(f"  {row['change']}", tones[index]))
        lines.append(body[index])
    lines += _more(int(merged["cells"].slice(MOST_ROWS).sum()), "cell", "--csv")
    advice = "`resolver-diff explain NAME RESOLVER` shows the witnesses of a row."
    return lines + paragraph(advice, width=width, first="  ", rest="  ", tone=Tone.FAINT)


def _row(row: dict[str, object]) -> tuple[str, ...]:
    qtypes = row["qtype"]
    assert isinstance(qtypes, list)
    controls = f"{row['controls_agreeing']}/{row['controls_asked']}"
    names = (str(row["qname"]), " ".join(qtypes), _at(row))
    return (*names, _means(row), controls)


def _at(row: dict[str, object]) -> str:
    """Return the resolver, and how it was asked where that was not by UDP."""
    return str(row["resolver"]) + ("" if row["transport"] == TransportName.UDP else f"/{row['transport']}")


def _means(row: dict[str, object]) -> str:
    """Return by what it changed: the mechanism, and the answer where that is the matter."""
    mechanism = str(row["mechanism"])
    if row["change"] in (Change.REAPPEARED, Change.CONVERGED):
        return f"was {mechanism}"
    if row["change"] == Change.MECHANISM_CHANGED:
        return f"{mechanism}, was {row['outcome_before']}"
    if row["mechanism"] in BY_ADDRESS:
        first, *others = str(row["answer_after"] or row["outcome_after"]).split(" ")
        return f"{mechanism} {first}" + (f" +{len(others)}" if others else "")
    return mechanism


def findings(diff: Diff, width: int = WIDTH) -> list[Line]:
    """Return a line for each resolver that was not well, the later date first; one that still is so is one line."""
    rows = unwell(diff).with_columns(lasts=pl.len().over("resolver", "transport", "condition") > 1)
    rows = rows.filter((pl.col("date") == diff.date_after) | ~pl.col("lasts"))
    lines = []
    for row in rows.head(MOST_FINDINGS).iter_rows(named=True):
        days = f"{diff.date_before} and {diff.date_after}" if row["lasts"] else row["date"]
        why = f": {row['says']}" if row["says"] else ""
        says = f"{_at(row)} ({row['condition']}) on {days}{why}"
        lines += paragraph(says, width=width, first="* ", rest="  ")
    return lines + _more(rows.height - MOST_FINDINGS, "finding", "--json")


def _moves(moved: Sequence[str], width: int) -> list[Line]:
    lines = []
    for what in moved[:MOST_MOVES]:
        lines += paragraph(what, width=width, first="* ", rest="  ")
    return lines + _more(len(moved) - MOST_MOVES, "line", "--json")


def _reasons(reasons: dict[str, int], width: int) -> list[Line]:
    lines = []
    for evidence, cells in reasons.items():
        lines += paragraph(f"{_many(cells, 'cell')}: {evidence}", width=width, first="* ", rest="  ")
    return lines


def _more(count: int, noun: str, option: str) -> list[Line]:
    if count <= 0:
        return []
    return [line(f"  and {_many(count, f'more {noun}')}; `{option} FILE` has all.", Tone.FAINT)]


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


REPORT = Report(suffix=".txt", render=render)
