"""What each published rule says of one cell, beside our own judgement."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl

from resolver_diff import family, rules
from resolver_diff.event import joined
from resolver_diff.rules import NOTHING, Rule, _case
from resolver_diff.snapshot import Snapshot, sides
from resolver_diff.wording.lines import EMPTY, Line, Tone, line, paragraph, table

SAYS = {True: "flagged", False: "not flagged", None: "left out of account"}
HEADER = ("rule", "the cell is", "by its step")


def verdicts(today: Snapshot, place: Path, cell: tuple[str, str]) -> pl.DataFrame:
    """Return what each rule says of the *cell*, a name and a resolver, over all types and transports.

    *place* holds the side files of the date. Columns: qtype, transport, and a struct for each rule: flagged, rule
    (its step), and lacks (the side files that it rests on and that are not there). Of controls there are none.
    """
    beside = _case.Beside(*sides.all_of(place))
    cells = _case.cells(today, beside).filter(pl.col("qname") == cell[0], pl.col("resolver") == cell[1])
    known = beside.known()
    found = cells.select("qtype", pl.col("transport").cast(pl.String))
    for name, rule in sorted(family.members(rules, "RULE", Rule).items()):
        lacks = pl.lit([need for need in rule.needs() if need not in known], pl.List(pl.String)).alias("lacks")
        found = found.with_columns(rule.judge(cells, known).with_columns(lacks).to_struct(name))
    return found


def page(found: pl.DataFrame, over: tuple[str, str], day: date, width: int | None) -> Iterator[Line]:
    """Yield what the rules say of a type over a transport; *found* is from ``verdicts``."""
    cells = found.filter(pl.col("qtype") == over[0], pl.col("transport") == over[1])
    for cell in cells.iter_rows(named=True):
        said = {name: cell[name] for name in found.columns[2:]}
        rows = [(name, SAYS[one["flagged"]], _step(one["rule"])) for name, one in said.items()]
        tones = [Tone.BAD if one["flagged"] else Tone.PLAIN for one in said.values()]
        yield EMPTY
        yield line(f"Published rules on {day}, for comparison", Tone.HEADING)
        yield from table(HEADER, rows, tones=tones, width=width)
        lacks = sorted({need for one in said.values() for need in one["lacks"]})
        if lacks:
            text = f"This date has no {joined(lacks, 'or')} beside it; steps that need them were passed over."
            yield from paragraph(text, width=width, first="  ", rest="  ", tone=Tone.FAINT)


def _step(name: str) -> str:
    return "none applies" if name == NOTHING else name
