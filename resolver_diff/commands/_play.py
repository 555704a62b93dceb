"""A scenario played: a snapshot of each day, what changed since the day before, and how it is told."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from resolver_diff import probe, snapshot
from resolver_diff.commands._output import PROGRAM
from resolver_diff.config import CONTROL
from resolver_diff.diff import Diff, diff
from resolver_diff.lab.scenario import Scenario
from resolver_diff.lab.servers import Lab
from resolver_diff.library.taking import finished
from resolver_diff.probe import Taken
from resolver_diff.reports.text import TONES
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Change, Condition
from resolver_diff.wording.lines import EMPTY, Line, Span, Tone, line, many, paragraph

VANTAGE = "lab"
ATTEMPTS = 3
TIMEOUT = 0.25  # seconds; loopback is quick, and silent resolvers are waited for every day
QPS = 1000.0
BY = {Change.REAPPEARED: "was ", Change.CONVERGED: "was ", Change.MECHANISM_CHANGED: "now "}
MOST_NAMES = 10  # of a line; the CSV has all


def days(lab: Lab, snapshots: Path) -> Iterator[tuple[Taken, Diff | None]]:
    """Play each day and take its snapshot; yield what came of it, and what changed since the day before."""
    earlier: list[Snapshot] = []
    for date in lab.scenario.dates:
        lab.play(date)
        config = lab.config(timeout=TIMEOUT, attempts=ATTEMPTS, qps=QPS)
        taken = finished(probe.take(config, folder=snapshots, day=date, vantage=VANTAGE))
        (today,) = snapshot.load(snapshots, date, VANTAGE)
        yield taken, diff(earlier[-1], today, earlier[:-1]) if earlier else None
        earlier.append(today)


def opening(scenario: Scenario, width: int | None) -> list[Line]:
    """Return what is played, and with whom; a resolver is an entry, one for each transport it is asked over."""
    about = f"{scenario.name}: {scenario.about}" if scenario.about else scenario.name
    entries = sum(len(part.transports) for part in scenario.parts.values())
    names = sum(len(names) for domain_set, names in scenario.names.items() if domain_set != CONTROL)
    scale = (
        f"{many(entries, 'resolver')} on 127.0.0.1, {many(names, 'name')}, "
        f"{many(len(scenario.dates), 'day')}; nothing leaves this machine."
    )
    return [*paragraph(about, width=width, tone=Tone.HEADING), line(scale, Tone.FAINT), EMPTY]


def day(taken: Taken, found: Diff | None, width: int | None) -> list[Line]:
    """Return what is told of a day: how it was measured, what changed, and which resolvers were not well."""
    run, counts = taken.run, taken.counts
    took = (run.finished - run.started).total_seconds()
    measured = f"  {many(counts['questions'], 'question')}, {many(counts['replies'], 'reply', 'replies')}, {took:.1f} s"
    lines: list[Line] = [(Span(str(run.date), Tone.HEADING), Span(measured, Tone.FAINT))]
    if found is None:
        lines += paragraph("the first day: nothing to compare it with", width=width, first="  ")
    else:
        lines += [*_events(found, width), *_unwell(found, width)]
    return [*lines, EMPTY]


def _events(found: Diff, width: int | None) -> list[Line]:
    """Return a line for everything that changed alike, whatever the names' sets and the resolvers' roles."""
    alike: dict[tuple[str, tuple[str, ...], tuple[str, ...]], set[str]] = {}
    for event in found.events.frame.iter_rows(named=True):
        where = tuple(event["resolvers"])
        alike.setdefault((event["change"], tuple(event["mechanisms"]), where), set()).update(event["qnames"])
    joined: dict[tuple[str, tuple[str, ...], tuple[str, ...]], set[str]] = {}
    for (change, mechanisms, where), qnames in alike.items():
        joined.setdefault((change, mechanisms, tuple(sorted(qnames))), set()).update(where)
    lines = []
    for (change, mechanisms, names), resolvers in sorted(joined.items(), key=lambda item: -len(item[0][2])):
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        by = f"{BY.get(Change(change), '')}{', '.join(mechanisms)}"
        text = f"{change} at {', '.join(sorted(resolvers))} ({by}): {', '.join(names[:MOST_NAMES])}{more}"
        lines += paragraph(text, width=width, first="* ", rest="  ", tone=TONES[Change(change)])
    return lines or paragraph("no name vanished anywhere, and none came back", width=width, first="  ")


def _unwell(found: Diff, width: int | None) -> list[Line]:
    """Return a line for each resolver that is not well, unless it was so on the day before."""
    health_rows = found.health.frame.filter(pl.col("condition") != Condition.WELL)
    today = pl.col("date") == found.date_after
    before = health_rows.filter(~today)
    unwell = health_rows.filter(today).join(before, on=["resolver", "transport", "condition"], how="anti")
    unwell = unwell.sort("resolver", "transport")
    lines = []
    for health in unwell.iter_rows(named=True):
        text = f"{health['resolver']} ({health['condition']}): {health['says']}"
        lines += paragraph(text, width=width, first="  ", rest="    ", tone=Tone.FAINT)
    return lines


def closing(diffs: Sequence[Diff], folder: Path) -> list[Line]:
    """Return where everything is, and how to go on."""
    where = f"--snapshots {shlex.quote(str(folder / 'snapshots'))}"
    changed = sum(len(each.anomalies) for each in diffs)
    return [
        line(f"{many(changed, 'cell')} changed, one line each:", Tone.HEADING),
        line(f"  {folder / 'anomalies.csv'}"),
        EMPTY,
        line("Look closer:", Tone.HEADING),
        *(line(f"  {PROGRAM} {words} {where}") for words in _witnesses(diffs)),
        EMPTY,
        line("The folder stays until you delete it:", Tone.HEADING),
        line(f"  {folder}"),
        EMPTY,
        line("The same for real, today and every day from now on:", Tone.HEADING),
        line(f"  {PROGRAM} check"),
        line(f"  {PROGRAM} snapshot"),
        line(f"  {PROGRAM} diff previous latest --csv anomalies.csv"),
    ]


def _witnesses(diffs: Sequence[Diff]) -> Iterator[str]:
    """Yield commands that show more: the day with the most changes, and one cell of it."""
    if not diffs:
        return
    most = max(diffs, key=lambda each: len(each.anomalies))
    yield f"diff {most.date_before} {most.date_after}"
    vanished_first = most.anomalies.frame.sort(pl.col("change") != Change.VANISHED, maintain_order=True)
    for row in vanished_first.head(1).iter_rows(named=True):
        yield f"history {row['qname']}"
        yield f"explain {row['qname']} {row['resolver']} --date {row['date_after']}"
