"""What a published rule flags, date by date."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import polars as pl

from resolver_diff import family, rules
from resolver_diff.errors import Problem, UsageError
from resolver_diff.library.source import Source, did_you_mean
from resolver_diff.library.tables import Flagged
from resolver_diff.rules import Rule, _case
from resolver_diff.snapshot import directory, sides

MOST_SHOWN = 20  # cells on a page


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
        self.first: list[dict[str, Any]] = []  # of the flagged cells, so many as a page shows
        self._absent: set[str] = set()

    def judge(self, day: date) -> Iterator[pl.DataFrame]:
        """Yield the flagged cells of *day*, vantage by vantage, with the columns of ``Flagged``."""
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
            self.first += flagged.head(MOST_SHOWN - len(self.first)).to_dicts()
            yield flagged.select(list(Flagged.schema))

    def _say_absent(self, known: Sequence[str]) -> None:
        """Say which steps do not apply, the first time that a date has no file for them."""
        for need in self.rule.needs():
            if need not in known and need not in self._absent:
                self._absent.add(need)
                steps = ", ".join(step.name for step in self.rule.steps if step.needs == need)
                hint = f"a file _{need}.parquet beside a snapshot holds them"
                message = f"there are no {need}, so that these steps of {self.name} do not apply: {steps}"
                self.source.warn([Problem(message, hint=hint)])
