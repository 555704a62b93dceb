"""How right the judgement is, and how right published rules are, on labelled sets.

    python tests/benchmarks/accuracy/run.py [--world DIR ...] [--replies FILE ...] [--rules NAME ...] [--keep FOLDER]

A world or a file of replies (see truth.py for their forms) is imported as snapshots, every rule and our
judgement are run over them, and what they say is held against the truth. Baselines alert when a fifth of a country's
resolvers has a cell flagged on three dates in a row.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.accuracy import page, score, truth
from benchmarks.accuracy.ours import ours
from resolver_diff import family, importers, rules, snapshot
from resolver_diff.importers import observations
from resolver_diff.rules import Rule, _case
from resolver_diff.snapshot import sides

OURS = "ours"
VANTAGE = "labelled"


@dataclass
class Tally:
    """What was counted of one labelled set."""

    names: list[str]
    counts: list[pl.DataFrame] = field(default_factory=list)
    pairs: dict[str, dict[int, list[tuple[str, str]]]] = field(default_factory=lambda: defaultdict(dict))


def imported(table: Path, folder: Path) -> Path:
    """Import *table* below *folder*, unless that was done before, and return where the snapshots are."""
    target = folder / table.stem
    if not target.exists():
        for _ in importers.keep(observations.IMPORTER.read(table), target, VANTAGE):
            pass
    return target


def flags(folder: Path, day: date, members: dict[str, Rule]) -> pl.DataFrame:
    """Return qname, qtype, resolver and what each of the rules says of the cells of *day*."""
    (found,) = snapshot.load(folder, day)
    beside = _case.Beside(*sides.all_of(snapshot.directory(folder, day, found.vantage)))
    cells = _case.cells(found, beside)
    said = {name: rule.judge(cells, beside.known())["flagged"] for name, rule in members.items()}
    each = cells.select(*truth.CELL).with_columns(**said)
    return each.group_by(truth.CELL).agg(pl.col(name).any(ignore_nulls=False) for name in members)


def measure(known: truth.Truth, folder: Path, members: dict[str, Rule], *, judge_ours: bool) -> page.Measured:
    """Run every rule, and our judgement, over the snapshots in *folder*."""
    began = time.perf_counter()
    names = [*members, *([OURS] if judge_ours else [])]
    tally = Tally(names)
    found = ours(folder) if judge_ours else None
    took = time.perf_counter() - began
    for place, (day, cells) in enumerate(known.days()):
        said = flags(folder, day, members)
        if found is not None:
            told = found.cells.filter(pl.col("date") == day).select(
                pl.col(*truth.CELL).cast(pl.String),
                told=pl.col("flagged").fill_null(value=False),
                open=pl.col("flagged").is_null(),
            )
            told = told.group_by(truth.CELL).agg(pl.col("told", "open").any())
            said = said.join(told, on=truth.CELL, how="left")
            flagged = pl.when("told").then(True).when(~pl.col("open").fill_null(value=False)).then(False)
            said = said.with_columns(flagged.alias(OURS)).drop("told", "open")
        tally.counts.append(score.count(cells, said, names))
        for name in members:
            tally.pairs[name][place] = score.flagged_pairs(said, name, known)
    alerts = {name: score.alerts(tally.pairs[name], known.dates) for name in members}
    if found is not None:
        alerts[OURS] = found.alerts
    return page.Measured(
        known.name,
        {name: score.cells(tally.counts, name) for name in names},
        {name: score.events(alerts[name], known) for name in names} if known.events.height else {},
        took,
    )


def main(words: Sequence[str] | None = None) -> None:
    """Measure what the command line names, and print one table for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--world", type=Path, nargs="+", default=[], help="folders with labelled worlds")
    parser.add_argument("--replies", type=Path, nargs="+", default=[], help="Parquet files of labelled replies")
    parser.add_argument("--rules", nargs="+", help="only these rules")
    parser.add_argument("--keep", type=Path, help="keep the imported snapshots here, and use them again")
    parser.add_argument("--without-ours", action="store_true", help="published rules only")
    given = parser.parse_args(words)
    members = family.members(rules, "RULE", Rule)
    chosen = {name: members[name] for name in given.rules or members}
    with tempfile.TemporaryDirectory() as passing:
        for path in [*given.world, *given.replies]:
            known = truth.read(path)
            folder = imported(path, given.keep or Path(passing))
            measured = measure(known, folder, chosen, judge_ours=not given.without_ours)
            print(page.render(measured), flush=True)


if __name__ == "__main__":
    main()
