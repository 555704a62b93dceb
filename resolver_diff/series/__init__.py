"""All dates of a vantage, one after the other: which names a country's resolvers lost, since when, by more than chance.

One date shows signs, and judges those that it can settle. Here they are added up over dates and resolvers,
each weighed against the best of its innocent explanations, until they are enough to be told: a clean
denial on its first date, a silence on a lossy path when chance has run out of excuses. A spell is the run
of dates of one name in one country. What it rests on is kept, and so is what was held against it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from resolver_diff import anomaly, compare
from resolver_diff.anomaly import Judged
from resolver_diff.compare import FILTERS, Comparison, Panel
from resolver_diff.series.chance import Tested
from resolver_diff.series.extent import Extents, Row, extents
from resolver_diff.series.panel import Asked, Moves
from resolver_diff.series.shared import Shared
from resolver_diff.series.signs import FOREIGN, SIGNS, signs
from resolver_diff.series.sums import ALARM, NEVER, Sums, Weighing
from resolver_diff.series.telling import tell
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Coverage, Mechanism, Spells

__all__ = ["ALARM", "Series", "Sums", "Weighing", "follow"]

COMMON = SIGNS.index(Mechanism.STUB)
AHEAD = 3  # dates compared while one is judged, which is faster than comparing
SMALL = 1_000_000  # rows of a date; of larger ones there is no room for many
UNPROVEN = ("uncertified", "foreign")
MECHANISMS = [Mechanism.FORGED if sign in UNPROVEN else sign for sign in SIGNS]


@dataclass(frozen=True, slots=True)
class Series:
    """What became of the names of one vantage over all *dates*."""

    vantage: str
    dates: tuple[date, ...]
    spells: Spells
    extents: Extents
    moves: Moves
    coverage: Coverage  # dates on which much less than usual could be told


def _judged(days: Iterable[Snapshot], panel: Panel) -> Iterator[Judged]:
    """Judge each of *days*, oldest first, by what the ones before it showed."""
    dates = anomaly.Dates()
    for comparison in _compared(days, panel):
        dates.mark(comparison)
        found = dates.judge(comparison)
        dates.remember(found)
        yield found


def _compared(days: Iterable[Snapshot], panel: Panel) -> Iterator[Comparison]:
    """Yield each of *days* as it is next to its controls, in order; the next ones are compared meanwhile.

    What one date shows by itself needs nothing of the others.
    """
    waiting: deque[Future[Comparison]] = deque()
    with ThreadPoolExecutor(AHEAD, "compare") as aside:
        for day in days:
            many = AHEAD if day.observations.height <= SMALL else 1
            done = [waiting.popleft().result() for _ in range(len(waiting) - many + 1)]
            waiting.append(aside.submit(compare.compare, day, panel))
            del day
            yield from done
        while waiting:
            yield waiting.popleft().result()


def _ahead(items: Iterable[Judged]) -> Iterator[Judged]:
    """Yield *items*, each made while the one before it is used, where both have room."""
    each = iter(items)
    with ThreadPoolExecutor(1, "judge") as aside:
        item = next(each, None)
        while item is not None:
            coming = aside.submit(next, each, None) if item.cells.height <= SMALL else None
            yield item
            item = next(each, None) if coming is None else coming.result()


def follow(
    vantage: str,
    days: Iterable[Snapshot],
    panel: Panel,
    heard: Callable[[Judged, Sums], None] | None = None,
) -> Series:
    """Follow the names through *days*, oldest first; *panel* numbers everything asked on any of them.

    *heard* is told of each date once it is judged, and of the sums that it led to.
    """
    who, names = (
        column.rank("dense").to_numpy() - 1 for column in (panel.entries["resolver"], panel.questions["qname"])
    )
    place, countries = np.full(panel.entries.height, -1), dict[str, int]()
    sums = Sums(names.astype(np.int64), who.astype(np.int64))
    shared = Shared()
    dates: list[date] = []
    asked, drops = Asked(panel), [Coverage.empty().frame]
    for day in _ahead(_judged(days, panel)):
        _learn(place, countries, day.comparison.entries)
        sums.rates.learn_handshakes(*_handshakes(day.cells))
        q, r, found = (day.cells[column].to_numpy().astype(np.int64) for column in ("q", "r", "found"))
        sign = signs(day).to_numpy().copy()
        odd = day.cells.filter(pl.Series(sign == FOREIGN) & pl.col("r").is_in(np.flatnonzero(place >= 0)))
        sign[day.cells["key"].is_in(shared.keys(day, odd).implode()).to_numpy()] = COMMON
        number = max(1, len(countries))  # where nobody has one, too
        tested = Tested(place.copy(), number, panel.questions.height)
        sums.add(len(dates), tested, q, r, sign, found)
        dates.append(day.date)
        asked.add(day.date, q, r)
        drops.append(day.coverage.frame)
        if heard is not None:
            heard(day, sums)
    rows = _told(vantage, sums, dates, panel, countries, place)
    told = pl.DataFrame([{name: row.get(name) for name in Spells.schema} for row in rows], schema=Spells.schema)
    spells = Spells.of(told.sort("first_bad", "country", "event", "qname"))
    return Series(vantage, tuple(dates), spells, extents(rows), asked.moves(vantage), Coverage(pl.concat(drops)))


def _learn(place: np.ndarray, countries: dict[str, int], entries: pl.DataFrame) -> None:
    """Write into *place* in which country each entry is tested, as the facts of this date have it."""
    for r, country, role, policy in entries.select("r", "country", "role", "policy").iter_rows():
        tested = role != "control" and policy not in FILTERS and country is not None
        place[r] = countries.setdefault(country, len(countries)) if tested else -1


def _handshakes(cells: pl.DataFrame) -> tuple[int, int]:
    """Return how many handshakes with other addresses in the controls' networks failed, and how many were tried.

    An address that everybody gives is tried often, and the handshakes are one fact.
    """
    network = pl.col("shares_origin") | pl.col("shares_organisation") | pl.col("shares_cname")
    told = (
        cells.filter(network & ~pl.col("shares_address") & pl.col("controls_certified"))
        .select("certified")
        .drop_nulls()
    )
    return int((~told["certified"]).sum()), told.height


def _told(
    vantage: str, sums: Sums, dates: list[date], panel: Panel, countries: dict[str, int], place: np.ndarray
) -> list[Row]:
    """Return the spells by column, and *days*: who showed each on which date, and how many could be told of."""
    named = list(countries)
    entries = panel.entries["resolver"].to_list()
    asked = panel.questions.select("domain_set", "qname", "qtype").rows()
    rows = []
    for spell in sums.spells:
        questions = sorted(spell.questions)
        witnesses = sorted({entries[r] for r in spell.witnesses})
        there = {entries[r] for r in np.flatnonzero(place == spell.country)}
        last = spell.last_bad if spell.last_bad != NEVER else spell.reported
        rows.append(
            {
                "vantage": vantage,
                "domain_set": asked[questions[0]][0],
                "qname": asked[questions[0]][1],
                "qtypes": sorted({asked[q][2] for q in questions}),
                "country": named[spell.country],
                "mechanisms": sorted({str(MECHANISMS[sign]) for sign in spell.signs}),
                "resolvers": witnesses,
                "denominator": len(there),
                "last_good": dates[spell.last_good] if spell.last_good != NEVER else None,
                "first_bad": dates[spell.first_bad],
                "reported": dates[spell.reported],
                "last_bad": dates[last],
                "first_good": dates[spell.first_good] if spell.over else None,
                "weight": spell.weight,
                "by_chance": spell.instead[0],
                "elsewhere": spell.instead[1],
                "at_once": spell.instead[2],
                "evidence": sorted(_names(spell.found)),
                "days": {
                    dates[day]: ({entries[r] for r in shown}, sums.heard(day, spell.country))
                    for day, shown in spell.days.items()
                },
            }
        )
    return tell(rows)


def _names(found: int) -> list[str]:
    return [name for place, name in enumerate(anomaly.reasons()) if found >> place & 1]
