"""What a page is made from: everything that was found at each vantage, up to one date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from resolver_diff.diff import Diff
from resolver_diff.page.matrix import Matrix
from resolver_diff.series import Series
from resolver_diff.snapshot import Run
from resolver_diff.tables import Courses


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen from one vantage.

    *series* follows all dates up to the page's; *courses* are its events, as one row each. *today* is what is wrong
    on that date, *changes* what changed since the date before; null where there is none. *matrix* has the states of
    the dates that the page looks back to. *cells* are those that the page lists, as ``listed`` returns them, with
    *says*: the cell as a sentence in which ``{name}`` and ``{answer}`` stand for these; *left_out* is how many more
    there are. *said* has their observations, with *day*: 0 on the date before, 1 on the page's. *runs* are of the
    page's date.
    """

    vantage: str
    series: Series
    courses: Courses
    today: Diff
    changes: Diff | None
    matrix: Matrix
    cells: pl.DataFrame
    left_out: int
    said: pl.DataFrame
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows: of *date*, looking back to *since*, as *version* of the program found it."""

    version: str
    since: date
    date: date
    sights: Sequence[Sight]
