"""How right the judgement is, and how right published rules are, on labelled sets.

    python3 dev.py benchmark accuracy/run [--seed N ...] [--world DIR ...] [--replies FILE ...]

Without --world and --replies it plays our own: the world of each seed (1, if none is given), and the scenarios.
Each set is imported as snapshots; every rule and our judgement are run over them, and what they say is held against
the truth (see truth.py for its forms). Baselines alert when a fifth of a country's resolvers has a cell flagged on
three dates in a row.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.accuracy import page, scenarios, score, staged, truth, world
from benchmarks.accuracy.ours import ours
from benchmarks.accuracy.stage import Stage
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


def measure(known: truth.Truth, folder: Path, members: dict[str, Rule], *, certificates: bool | None) -> page.Measured:
    """Run every rule over the snapshots in *folder*, and our own, with *certificates* or not; null: not ours."""
    began = time.perf_counter()
    names = [*members, *([] if certificates is None else [OURS])]
    tally = Tally(names)
    found = None if certificates is None else ours(folder, certificates=certificates)
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
        {name: score.events(alerts[name], known) for name in names} if known.countries.height else {},
        took,
    )


def main(words: Sequence[str] | None = None) -> None:
    """Measure what the command line names, and print a table for each, and one for all scenarios."""
    given = _parser().parse_args(words)
    members = family.members(rules, "RULE", Rule)
    chosen = {name: members[name] for name in given.rules or members}
    with tempfile.TemporaryDirectory() as passing:
        kept = given.keep or Path(passing)

        def measured(path: Path) -> page.Measured:
            known = truth.read(path)
            if given.only:
                known = replace(known, cells=known.cells.filter(pl.col("qname").is_in(given.only)))
            certificates = None if given.without_ours else not given.without_certificates
            return measure(known, imported(path, kept), chosen, certificates=certificates)

        for path in [*given.world, *given.replies]:
            print(page.render(measured(path)), flush=True)
        if given.world or given.replies:
            return
        for seed in given.seed or [1]:
            stage = world.world(seed)
            print(page.render(measured(_played(stage, kept / "played" / stage.title))), flush=True)
        stages = [make() for make in scenarios.SCENARIOS]
        found = [
            (stage.title, measured(_played(stage, kept / "played" / make.__name__)))
            for make, stage in zip(scenarios.SCENARIOS, stages, strict=True)
        ]
        print(page.summary(found), flush=True)


def _played(stage: Stage, folder: Path) -> Path:
    return folder if folder.exists() else staged.play(stage, folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, nargs="+", help="of our own worlds")
    parser.add_argument("--world", type=Path, nargs="+", default=[], help="folders with labelled worlds")
    parser.add_argument("--replies", type=Path, nargs="+", default=[], help="Parquet files of labelled replies")
    parser.add_argument("--rules", nargs="+", help="only these rules")
    parser.add_argument("--only", metavar="NAME", nargs="+", help="count only cells of these names")
    parser.add_argument("--keep", type=Path, help="keep what is played and imported here, and use it again")
    parser.add_argument("--without-certificates", action="store_true", help="let our judgement see none")
    parser.add_argument("--without-ours", action="store_true", help="published rules only")
    return parser


if __name__ == "__main__":
    main()
