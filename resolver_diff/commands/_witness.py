"""The witnesses of a cell: who said what, when; what speaks for and against; how to ask again."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import polars as pl

from resolver_diff.commands import _again, _considered, _dig, _published, _weighing
from resolver_diff.compare.shares import in_words
from resolver_diff.confidence import pattern
from resolver_diff.config import Resolver
from resolver_diff.library import printable
from resolver_diff.library.weighed import Followed
from resolver_diff.library.witness import Witnesses
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Condition, Purpose, State
from resolver_diff.wording.idn import Names
from resolver_diff.wording.lines import EMPTY, Cut, Line, Tone, line, paragraph, table

CONTROLS = ("control", "operator", "transport", "outcome", "said")
CUTS = {4: Cut.TAIL, 1: Cut.MIDDLE, 0: Cut.MIDDLE}
TONES = {State.VANISHED: Tone.BAD, State.DIVERGENT: Tone.BAD}


def describe(found: Witnesses, flagged: pl.DataFrame, width: int | None) -> list[Line]:
    """Return the page about what was *found*; *flagged* is what published rules say, from ``_published.verdicts``."""
    own = found.cells.filter(pl.col("resolver") == found.entries[0].name)
    lines: list[Line] = []
    for qtype in found.qtypes:
        asked = found.cells.filter(pl.col("qtype") == qtype)
        over = own.filter(pl.col("qtype") == qtype)["transport"].cast(pl.String).unique()
        for entry in found.entries:
            if str(entry.transport) in over:
                lines += [EMPTY] if lines else []
                lines += _page(found, asked, entry, flagged, width)
    return lines


def _page(
    found: Witnesses, cells: pl.DataFrame, entry: Resolver, flagged: pl.DataFrame, width: int | None
) -> Iterator[Line]:
    """Yield the page about the *cells* of one name and type, all resolvers; each transport has a page."""
    judged, snapshots, told = found.judged, found.snapshots, found.told
    today, several = snapshots[-1], len(found.entries) > 1
    of_entry = (pl.col("resolver") == entry.name) & (pl.col("transport") == str(entry.transport))
    own = cells.filter(of_entry)
    qname, qtype = own["qname"][0], own["qtype"][0]
    carried = f" over {entry.transport}" if several else ""
    title = f"{Names().name(qname)} {qtype} at {_called(entry)}{carried}, from vantage {today.vantage}"
    yield from paragraph(title, width=width, tone=Tone.HEADING)
    now = own.filter(pl.col("date") == today.date).to_dicts()
    earlier = own.filter(pl.col("date") != today.date).to_dicts()
    for row in now:
        health = judged.health.frame.filter(pl.col("date") == today.date, of_entry).to_dicts()
        yield from _summary(row, earlier[0] if earlier else None, entry, health, today, told, width)
    for snapshot in snapshots:
        verdict = own.filter(pl.col("date") == snapshot.date).to_dicts()
        yield EMPTY
        yield from _verdict(snapshot.date, verdict, width)
        asked = (pl.col("qname") == qname) & (pl.col("qtype") == qtype) & (pl.col("purpose") == Purpose.TARGET)
        rows = snapshot.observations.filter(asked, of_entry)
        for row in rows.sort("repeat", "asked_at", "attempt", "reply").iter_rows(named=True):
            yield from _dig.show(row, width)
        others = sorted({str(asked_at.date()) for asked_at in rows["asked_at"].drop_nulls()} - {str(snapshot.date)})
        if others:
            yield line(f"  ;; asked on {' and '.join(others)}, and filed under {snapshot.date}", Tone.BAD)
    yield from _others(cells.filter(pl.col("date") == today.date), entry, today.date, width)
    over = (qtype, str(entry.transport))
    yield from _weighing.page(told, over, entry.country, width)
    for row in now:
        yield from _considered.page(row, told.inputs.get(over, {}), width)
    yield from _published.page(flagged, over, today.date, width)
    control = _control(cells.filter(pl.col("date") == today.date), entry, today.resolvers)
    yield from _again.page(entry, control, qname, qtype, width)


def _control(cells: pl.DataFrame, entry: Resolver, entries: Sequence[Resolver]) -> Resolver | None:
    """Return a control to ask for comparison: one that said what the controls say, over the same transport if any."""
    controls = cells.filter(pl.col("role") == "control", pl.col("resolver") != entry.name)
    agrees, alike = pl.col("state") == State.AGREES, pl.col("transport") == str(entry.transport)
    order = controls.sort(~agrees, ~alike, "resolver", "transport").select("resolver", "transport").rows()
    known = {(each.name, str(each.transport)): each for each in entries}
    return known.get((str(order[0][0]), str(order[0][1]))) if order else None


def _summary(
    row: dict[str, Any],
    before: dict[str, Any] | None,
    entry: Resolver,
    health: list[dict[str, Any]],
    today: Snapshot,
    told: Followed,
    width: int | None,
) -> Iterator[Line]:
    """Yield the cell in a sentence, and how often cells like it were right."""
    name = Names().name(row["qname"])
    yield EMPTY
    condition = health[0]["condition"] if health else ""
    yield from paragraph(printable.sentence(row, before, entry, condition, name, today.vantage), width=width)
    for about in health:
        how = "" if about["condition"] == Condition.WELL else f" ({about['condition']})"
        if how or about["says"]:
            text = f"About {entry.name}{how}: {about['says'] or 'nothing more is known'}"
            yield from paragraph(text, width=width, tone=Tone.BAD if how else Tone.PLAIN)
    if row["mechanism"] is not None:
        names = [*(row["evidence_for"] or ()), *(row["evidence_against"] or ())]
        confidence = told.measured.of(row["mechanism"], names)
        text = printable.sure(confidence, pattern(row["mechanism"], " ".join(names)), told.measured.where)
        yield from paragraph(f"Confidence: {text}", width=width)


def _called(entry: Resolver) -> str:
    about = [entry.address, entry.operator, entry.country, entry.role, str(entry.policy)]
    return f"{entry.name} ({', '.join(part for part in about if part)})"


def _verdict(day: date, found: list[dict[str, Any]], width: int | None) -> list[Line]:
    if not found:
        return [line(f"{day}: not asked", Tone.FAINT)]
    cell = found[0]
    by = f" by {cell['mechanism']}" if cell["mechanism"] else ""
    by += f", in {in_words(cell['repeats_alike'], cell['repeats'], 'repeats')}" if cell["repeats"] != 1 else ""
    controls = f"{cell['controls_agreeing'] or 0} of {cell['controls_asked'] or 0} control operators"
    said = f"{controls} say {cell['consensus']}" if cell["consensus"] else f"no consensus of {controls}"
    said = said if cell["controls_asked"] else "no control has a vote"
    tone = TONES.get(State(str(cell["state"])), Tone.HEADING)
    return paragraph(f"{day}: {cell['state']}{by}; {said}", width=width, tone=tone)


def _others(cells: pl.DataFrame, entry: Resolver, day: date, width: int | None) -> Iterator[Line]:
    """Yield what each control said, and how many of the others said the same."""
    others = cells.filter(pl.col("resolver") != entry.name)
    controls = others.filter(pl.col("role") == "control").sort("resolver", "transport")
    if controls.height:
        rows = [
            (row["resolver"], row["operator"] or "", row["transport"], row["outcome"], row["answer"] or "")
            for row in controls.iter_rows(named=True)
        ]
        yield EMPTY
        yield line(f"Controls on {day}", Tone.HEADING)
        yield from table(CONTROLS, rows, tones=[Tone.PLAIN] * len(rows), width=width, cuts=CUTS)
    rest = others.filter(pl.col("role") != "control")
    if rest.height:
        counts = rest["outcome"].cast(pl.String).value_counts().sort("count", "outcome", descending=[True, False])
        said = ", ".join(f"{count} {outcome}" for outcome, count in counts.iter_rows())
        yield EMPTY
        yield from paragraph(f"Others on {day}: {said}", width=width)
