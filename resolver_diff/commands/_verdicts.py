"""What a published rule flags, as CSV and as a page."""

from collections.abc import Iterator, Sequence
from datetime import date

from resolver_diff.library.tables import Flagged
from resolver_diff.library.verdicts import Verdicts
from resolver_diff.reports.csv import as_lines
from resolver_diff.wording.lines import Cut, Line, Tone, many, paragraph, table

HEADER = ("name", "type", "resolver", "country", "said", "step")


def lines(found: Verdicts, days: Sequence[date]) -> Iterator[str]:
    """Yield the CSV of the flagged cells of *days*, its header first."""
    yield as_lines(Flagged.empty().frame, header=True)
    for day in days:
        yield from (as_lines(flagged, header=False) for flagged in found.judge(day))


def page(found: Verdicts, days: Sequence[date], width: int | None) -> list[Line]:
    """Return what was flagged, in numbers and by the first cells."""
    when = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
    lines = paragraph(f"{when}, by the rule {found.name}", width=width, tone=Tone.HEADING)
    flagged, cells, left = (found.counts[name] for name in ("flagged", "cells", "open"))
    said = f"{flagged:,} of {many(cells, 'cell')} flagged; {left:,} left out of account."
    lines += paragraph(said, width=width)
    for step, count in found.steps.most_common():
        lines += paragraph(f"{count:,} by {step}", width=width, first="  ", rest="    ")
    rows = [_row(cell) for cell in found.first]
    if rows:
        cuts = {4: Cut.TAIL, 0: Cut.MIDDLE, 2: Cut.MIDDLE}
        lines += table(HEADER, rows, tones=[Tone.PLAIN] * len(rows), width=width, cuts=cuts)
    if flagged > len(rows):
        lines += paragraph(f"and {flagged - len(rows):,} more; `--csv FILE` has all.", width=width)
    advice = "This is what the authors of the rule would say. `resolver-diff anomalies` has our own judgement."
    return lines + paragraph(advice, width=width, tone=Tone.FAINT)


def _row(cell: dict[str, object]) -> tuple[str, ...]:
    said = str(cell["answer"] or cell["outcome"])
    return (
        str(cell["qname"]),
        str(cell["qtype"]),
        str(cell["resolver"]),
        str(cell["country"] or ""),
        said,
        str(cell["rule"]),
    )
