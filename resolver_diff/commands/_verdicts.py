"""What a published rule flags, date by date."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

import polars as pl

from resolver_diff import family, rules
from resolver_diff.commands._loading import Source, did_you_mean
from resolver_diff.commands._output import warn
from resolver_diff.errors import Problem, UsageError
from resolver_diff.reports._layout import Cut, Line, Tone, many, paragraph, table
from resolver_diff.reports.csv import as_lines
from resolver_diff.rules import Rule, _case
from resolver_diff.snapshot import directory, sides

MOST_SHOWN = 20  # cells on a page
HEADER = ("name", "type", "resolver", "country", "said", "step")
COLUMNS = ("date", "vantage", *_case.WHERE, "rule")


def rule_called(name: str) -> Rule:
    """Return the rule; raises UsageError when there is none of that name."""
    known = family.names(rules)
    if name not in known:
        hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
        raise UsageError(f"there is no rule `{name}`", hint=hint)
    return family.member(rules, name, "RULE", Rule)


class Verdicts:
    """What the rule *name* says of the cells of some dates, counted while they are judged."""

    def __init__(self, source: Source, name: str) -> None:
        self.source = source
        self.name = name
        self.rule = rule_called(name)
        self.counts: Counter[str] = Counter()
        self.steps: Counter[str] = Counter()
        self.shown: list[tuple[str, ...]] = []
        self._absent: set[str] = set()

    def lines(self, days: Sequence[date]) -> Iterator[str]:
        """Yield the CSV of the flagged cells of *days*, its header first."""
        yield as_lines(self._empty(), header=True)
        for day in days:
            yield from (as_lines(flagged, header=False) for flagged in self.judge(day))

    def judge(self, day: date) -> Iterator[pl.DataFrame]:
        """Yield the flagged cells of *day*, vantage by vantage, with the columns of ``COLUMNS``."""
        for vantage, found in sorted(self.source.load(day).items()):
            beside = _case.Beside(*sides.all_of(directory(self.source.folder, day, vantage)))
            self._say_absent(beside.known())
            cells = _case.cells(found, beside)
            judged = cells.with_columns(
                *self.rule.judge(cells, beside.known()).get_columns(), date=pl.lit(day), vantage=pl.lit(vantage)
            )
            flagged = judged.filter("flagged").sort(_case.CELL)
            self.counts["cells"] += judged.height
            self.counts["open"] += judged["flagged"].null_count()
            self.counts["flagged"] += flagged.height
            self.steps.update(dict(flagged["rule"].value_counts().iter_rows()))
            room = MOST_SHOWN - len(self.shown)
            self.shown += map(_row, flagged.head(room).iter_rows(named=True))
            yield flagged.select(COLUMNS)

    def _empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))

    def _say_absent(self, known: Sequence[str]) -> None:
        """Say which steps do not apply, the first time that a date has no file for them."""
        for need in self.rule.needs():
            if need not in known and need not in self._absent:
                self._absent.add(need)
                steps = ", ".join(step.name for step in self.rule.steps if step.needs == need)
                hint = f"a file _{need}.parquet beside a snapshot holds them"
                warn(
                    [
                        Problem(
                            f"there are no {need}, so that these steps of {self.name} do not apply: {steps}", hint=hint
                        )
                    ]
                )

    def page(self, days: Sequence[date], width: int | None) -> list[Line]:
        """Return what was flagged, in numbers and by the first cells."""
        when = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
        lines = paragraph(f"{when}, by the rule {self.name}", width=width, tone=Tone.HEADING)
        flagged, cells, left = (self.counts[name] for name in ("flagged", "cells", "open"))
        said = f"{flagged:,} of {many(cells, 'cell')} flagged; {left:,} left out of account."
        lines += paragraph(said, width=width)
        for step, count in self.steps.most_common():
            lines += paragraph(f"{count:,} by {step}", width=width, first="  ", rest="    ")
        if self.shown:
            cuts = {4: Cut.TAIL, 0: Cut.MIDDLE, 2: Cut.MIDDLE}
            lines += table(HEADER, self.shown, tones=[Tone.PLAIN] * len(self.shown), width=width, cuts=cuts)
        if flagged > len(self.shown):
            lines += paragraph(f"and {flagged - len(self.shown):,} more; `--csv FILE` has all.", width=width)
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
