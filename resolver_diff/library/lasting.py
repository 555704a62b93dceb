"""What happened over all dates, what became of one name, and why one cell is told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from resolver_diff.anomaly import reasons
from resolver_diff.library import confident, following, given, printable, witness
from resolver_diff.library.given import Day, FileName, Names
from resolver_diff.library.source import parse_name
from resolver_diff.library.tables import Considered, Weighed
from resolver_diff.library.witness import Witnesses
from resolver_diff.series.course import courses
from resolver_diff.series.extent import Extents
from resolver_diff.series.panel import Moves
from resolver_diff.tables import Courses, Coverage, Purpose, Spells
from resolver_diff.wording.idn import Names as Readable


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened over all dates, at all vantages; each frame has the columns of its table."""

    events: pl.DataFrame
    """``Courses``: names that a country's resolvers lost together, since when, until when."""
    spells: pl.DataFrame
    """``Spells``: one name in one country and run of dates; as in the CSV."""
    extents: pl.DataFrame
    """``Extents``: how far each event reached on each date."""
    moves: pl.DataFrame
    """``Moves``: resolvers and names that entered or left."""
    coverage: pl.DataFrame
    """``Coverage``: dates on which much less than usual could be judged."""


@dataclass(frozen=True, slots=True)
class Explained:
    """The witnesses of one cell: one name at one resolver; of several types and transports where it was asked so."""

    says: tuple[str, ...]
    """One sentence for each, which can be printed."""
    cells: pl.DataFrame
    """``Cells``: the cell on the date, and on the one before."""
    replies: pl.DataFrame
    """``Observations`` but wire, and date: what was asked and said on both dates."""
    controls: pl.DataFrame
    """``Cells``: what each control said on the date."""
    evidence: pl.DataFrame
    """``Considered``: each piece of evidence, whether it applied or not."""
    dates: pl.DataFrame
    """``Weighed``: the cell on all dates, and what `events` weighs of it."""
    spells: pl.DataFrame
    """``Spells`` of the name, in all countries."""


def events(
    *,
    snapshots: FileName = "snapshots",
    vantage: str | None = None,
    domains: Names | None = None,
    resolvers: FileName | None = None,
    known_answers: FileName | None = None,
    calibration: FileName | None = None,
) -> Happened:
    """Say which names were lost, or answered otherwise, in which country, since when: the command `events`.

    All dates in the folder are followed, and what one date cannot tell from chance, many may. Parameters, warnings
    and errors as for ``anomalies``.

    >>> import resolver_diff
    >>> happened = resolver_diff.events(snapshots="rehearsal/snapshots")
    >>> lost = happened.spells.filter(qname="whatsapp.com", country="RU")
    >>> lost.select("mechanisms", "last_good", "first_bad", "first_good").rows()
    [(['nxdomain'], datetime.date(2026, 2, 10), datetime.date(2026, 2, 11), None)]
    """
    known = confident.table(given.path(calibration))
    found = following.follow(given.source(snapshots, vantage, resolvers, domains, known_answers))
    found = confident.beside_spells(found, known)
    return Happened(
        events=pl.concat([Courses.empty().frame, *(courses(each.spells).frame for each in found)]),
        spells=pl.concat([Spells.empty().frame, *(each.spells.frame for each in found)]),
        extents=pl.concat([Extents.empty().frame, *(each.extents.frame for each in found)]),
        moves=pl.concat([Moves.empty().frame, *(each.moves.frame for each in found)]),
        coverage=pl.concat([Coverage.empty().frame, *(each.coverage.frame for each in found)]),
    )


def history(
    name: str,
    *,
    qtypes: str | Sequence[str] | None = None,
    snapshots: FileName = "snapshots",
    vantage: str | None = None,
    resolvers: FileName | None = None,
    known_answers: FileName | None = None,
) -> pl.DataFrame:
    """Return the judged cells of one name on all dates, with the columns of ``Cells``: the command `history`.

    *name*: in any script; *qtypes*: only these. All else as for ``anomalies``; raises UsageError where no snapshot
    holds the name, or it was not asked for with that type.

    >>> import resolver_diff
    >>> life = resolver_diff.history("whatsapp.com", qtypes="A", snapshots="rehearsal/snapshots")
    >>> [str(day) for day in life.filter(resolver="nsdi-a", state="vanished")["date"]]
    ['2026-02-11', '2026-02-12', '2026-08-20', '2026-08-21', '2026-08-22']
    """
    source = given.source(snapshots, vantage, resolvers, None, known_answers)
    return following.cells(source, parse_name(name), given.words(qtypes))


def explain(
    name: str,
    resolver: str,
    day: Day = "latest",
    *,
    before: Day | None = None,
    qtypes: str | Sequence[str] | None = None,
    quick: bool = False,
    snapshots: FileName = "snapshots",
    vantage: str | None = None,
    resolvers: FileName | None = None,
    known_answers: FileName | None = None,
    calibration: FileName | None = None,
) -> Explained:
    """Say what one resolver said about one name, before and after, and what to make of it: the command `explain`.

    *before*: the date to set beside *day*; the one before it if not given. *quick*: do not weigh all names on all
    dates, as ``events`` does; ``dates`` then has no weights. All else as for ``anomalies``; raises UsageError where the
    resolver was not asked for the name.

    >>> import resolver_diff
    >>> cell = resolver_diff.explain(
    ...     "whatsapp.com", "nsdi-a", "2026-02-11", qtypes="A", quick=True, snapshots="rehearsal/snapshots"
    ... )
    >>> cell.says[0].partition(",")[0], cell.cells["state"].to_list()
    ('On 11 February 2026', ['agrees', 'vanished'])
    >>> cell.evidence.filter(applied=True)["evidence"].to_list()
    ['denial_with_aa', 'denial_without_soa', 'denied_alone', 'register_peers_deny']
    """
    source = given.source(snapshots, vantage, resolvers, None, known_answers)
    wanted = [qtype.upper() for qtype in given.words(qtypes) or ()]
    days = (None if before is None else given.text(before), given.text(day))
    known = confident.table(given.path(calibration))
    found = witness.hear(source, (parse_name(name), resolver), wanted, days, known, whole=not quick)
    asked = found.cells.filter(pl.col("qtype").is_in(found.qtypes))
    own = asked.filter(pl.col("resolver") == resolver).sort("qtype", "transport", "date")
    today = pl.col("date") == found.snapshots[-1].date
    return Explained(
        says=tuple(_sentences(found, own)),
        cells=own,
        replies=_replies(found, own),
        controls=asked.filter(today, pl.col("role") == "control", pl.col("resolver") != resolver),
        evidence=Considered.of(pl.DataFrame(list(_considered(own.filter(today))), schema=Considered.schema)).frame,
        dates=Weighed.of(pl.DataFrame(list(_weighed(found)), schema=Weighed.schema)).frame,
        spells=found.told.spells,
    )


def _sentences(found: Witnesses, own: pl.DataFrame) -> Iterator[str]:
    """Yield the cell of each type and transport as a sentence."""
    today = found.snapshots[-1]
    entries = {str(entry.transport): entry for entry in found.entries}
    for cells in own.partition_by("qtype", "transport", maintain_order=True):
        rows = {row["date"]: row for row in cells.iter_rows(named=True)}
        if today.date not in rows:
            continue
        row, before = rows.pop(today.date), next(iter(rows.values()), None)
        entry = entries[row["transport"]]
        at = (pl.col("resolver") == entry.name) & (pl.col("transport") == row["transport"])
        conditions = found.judged.health.frame.filter(pl.col("date") == today.date, at)["condition"]
        name = Readable().name(row["qname"])
        yield printable.sentence(row, before, entry, next(iter(conditions), ""), name, today.vantage)


def _replies(found: Witnesses, own: pl.DataFrame) -> pl.DataFrame:
    """Return what was asked and said about the cell on the dates judged."""
    qname, resolver = own["qname"][0], own["resolver"][0]
    asked = (pl.col("qname") == qname) & (pl.col("resolver") == resolver) & (pl.col("purpose") == Purpose.TARGET)
    rows = [
        each.observations.filter(asked, pl.col("qtype").is_in(found.qtypes)).select(
            pl.lit(each.date).alias("date"), pl.exclude("domain_set")
        )
        for each in found.snapshots
    ]
    return pl.concat(rows).sort("date", "qtype", "transport", "repeat", "asked_at", "attempt", "reply")


def _considered(cells: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield a row for each cell and piece of evidence."""
    for cell in cells.iter_rows(named=True):
        applied = {*(cell["evidence_for"] or ()), *(cell["evidence_against"] or ())}
        for name, piece in reasons().items():
            yield {
                "qtype": cell["qtype"],
                "transport": cell["transport"],
                "evidence": name,
                "applied": name in applied,
                "claim": str(piece.claim),
                "bearing": str(piece.bearing),
                "decides": piece.decides,
                "says": piece.sentence(cell) if name in applied else None,
            }


def _weighed(found: Witnesses) -> Iterator[dict[str, Any]]:
    """Yield a row for each question of the cell and date."""
    for (qtype, transport), nights in sorted(found.told.nights.items()):
        for cell, weighing in nights if qtype in found.qtypes else ():
            row = {name: cell[name] for name in ("date", "outcome", "answer", "state", "mechanism")}
            row |= {"qtype": qtype, "transport": transport}
            if weighing is not None and found.told.whole:
                row |= {name: getattr(weighing, name) for name in ("weight", "by_chance", "elsewhere", "at_once")}
            yield {name: row.get(name) for name in Weighed.schema}
