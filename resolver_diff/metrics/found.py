"""What was found as samples: cells by state and by mechanism, drops of coverage, events."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import product

import polars as pl

from resolver_diff.compare import FILTERS
from resolver_diff.diff import Diff
from resolver_diff.metrics.declared import Sample
from resolver_diff.metrics.resolvers import CONTROL
from resolver_diff.series import Series
from resolver_diff.series.course import courses
from resolver_diff.snapshot import Run
from resolver_diff.tables import Mechanism, State

ROLE = ("country", "role")
WRONG = (State.VANISHED, State.DIVERGENT)


def cells(diff: Diff) -> Iterator[Sample]:
    """Yield how many cells of the later date are in each state, and by what means they are wrong.

    Every country and role that has a cell has all states and mechanisms, so that none of them comes and goes.
    """
    today = diff.cells.lazy().filter(pl.col("date") == diff.date_after)
    today = today.select(pl.col("country", "role").cast(pl.String).fill_null(""), "state", "mechanism")
    wrong = today.filter(pl.col("state").is_in(WRONG), pl.col("mechanism").is_not_null())
    states, means = (_counted(rows, column) for rows, column in ((today, "state"), (wrong, "mechanism")))
    places = sorted({(country, role) for country, role, _ in states})
    for (country, role), state in product(places, State):
        yield Sample("cells", (diff.vantage, country, role, state), states.get((country, role, state), 0))
    for (country, role), by in product(places, Mechanism):
        yield Sample("wrong_cells", (diff.vantage, country, role, by), means.get((country, role, by), 0))


def _counted(rows: pl.LazyFrame, column: str) -> dict[tuple[str, str, str], int]:
    counts = rows.group_by(*ROLE, pl.col(column).cast(pl.String)).len().collect()
    return {(country, role, word): count for country, role, word, count in counts.iter_rows()}


def drops(diff: Diff) -> Iterator[Sample]:
    """Yield of how many vantages (0 or 1, this one), countries and resolvers too little could be judged."""
    rows = diff.coverage.frame.filter(pl.col("date") == diff.date_after)
    resolver, country = pl.col("resolver").is_not_null(), pl.col("country").is_not_null()
    kinds = {"vantage": ~resolver & ~country, "country": ~resolver & country, "resolver": resolver}
    for scope, rule in kinds.items():
        yield Sample("coverage_drops", (diff.vantage, scope), rows.filter(rule).height)


def events(series: Series, day: date, runs: Sequence[Run]) -> Iterator[Sample]:
    """Yield how many events go on, were seen and were told of first on *day*, the last date of *series*.

    Every country of which names are followed is there, also without an event.
    """
    found = courses(series.spells).frame
    asked = [each for run in runs for each in run.resolvers if each.role != CONTROL and each.policy not in FILTERS]
    for country in sorted({*found["country"], *(each.country for each in asked if each.country)}):
        here = found.filter(pl.col("country") == country)
        goes_on = here.filter(pl.col("first_good").is_null())
        counts = {
            "events_open": goes_on.height,
            "events_seen": goes_on.filter(pl.col("last_bad") == day).height,
            "events_reported": here.filter(pl.col("reported") == day).height,
            "events_over": here.height - goes_on.height,
            "events_open_names": goes_on.select(pl.col("going_on").explode().drop_nulls().n_unique()).item(),
        }
        for name, count in counts.items():
            yield Sample(name, (series.vantage, country), count)
