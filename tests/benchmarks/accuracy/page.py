"""What was measured, as a table for a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.accuracy.score import Cells, Events

MOST_CAUSES = 24  # lines


@dataclass(frozen=True, slots=True)
class Measured:
    """One labelled set: what each rule got right of its cells, and of its events where it has any."""

    name: str
    cells: Mapping[str, Cells]
    events: Mapping[str, Events]
    seconds: float  # that our judgement took


def render(found: Measured) -> str:
    """Return the table: a line for each rule, then shares by cause and by mechanism."""
    lines = [f"\n{found.name}"]
    heads = ["rule", "precision", "recall", "FPR", "open"]
    if found.events:
        heads += ["events", "recall", "visible", "precision", "false", "/1000 mo", "per event", "delay", "> 3 d"]
    lines += _table([heads, *(_line(found, name) for name in found.cells)])
    for what, whose in (("cause", "honest"), ("mechanism", "blocked")):
        lines += ["", f"share of {whose} cells flagged, by {what}"]
        lines += _table(_by(found.cells, what))
    if found.events:
        lines += ["", "events found, by mechanism"]
        kinds = sorted({kind for each in found.events.values() for kind in each.mechanisms})
        rows = [
            [kind, *("/".join(map(str, each.mechanisms[kind])) for each in found.events.values())] for kind in kinds
        ]
        lines += _table([["", *found.events], *rows])
        lines += ["", "false alerts, by what befell the name"]
        causes = sorted({cause for each in found.events.values() for cause in each.causes})
        lines += _table(
            [
                ["", *found.events],
                *([cause, *(str(each.causes.get(cause, 0)) for each in found.events.values())] for cause in causes),
            ]
        )
    lines.append(f"\nour judgement took {found.seconds:.0f} s")
    return "\n".join(lines)


def _line(found: Measured, name: str) -> list[str]:
    cells = found.cells[name]
    line = [
        name,
        *map(_share, (cells.precision, cells.recall)),
        _share(cells.false_positives, 5),
        _share(cells.abstained),
    ]
    if found.events:
        events = found.events[name]
        line += [
            f"{events.found}/{events.events}",
            _share(events.recall),
            "/".join(map(str, events.visible)),
            _share(events.precision),
            f"{events.false:,}",
            f"{events.per_1000:.2f}",
            _share(events.alerts_per_event, 2),
            "-" if events.delay is None else f"{events.delay:g}",
            _share(events.late, 2),
        ]
    return line


def _share(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _by(cells: Mapping[str, Cells], what: str) -> list[list[str]]:
    """Return a line for each cause or mechanism, the most frequent first."""
    shares = {name: each.by(what) for name, each in cells.items()}
    total = {key: count for each in shares.values() for key, (_, count) in each.items()}
    keys = sorted(total, key=lambda key: (-total[key], key))[:MOST_CAUSES]
    rows = [[key, f"{total[key]:,}", *(_part(each.get(key)) for each in shares.values())] for key in keys]
    return [["", "cells", *cells], *rows]


def _part(counts: tuple[int, int] | None) -> str:
    return "-" if counts is None or not counts[1] else f"{counts[0] / counts[1]:.4f}"


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return *rows* in columns: the first to the left, the others to the right."""
    given = [list(row) for row in rows]
    widths = [max(len(row[place]) for row in given) for place in range(len(given[0]))]
    return [
        "  ".join(
            text.ljust(width) if not place else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in given
    ]
