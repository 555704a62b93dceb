"""The shipped table of how often evidence is right; and how well it foretells sets that it was not made from.

    python3 dev.py benchmark accuracy/calibrate [--seed N ...] [--keep FOLDER] [--out FILE]
    python3 dev.py benchmark accuracy/calibrate --check SET ... [--table FILE]

The first plays our own worlds (of the seeds 1001 to 1016, if none is given) and the scenarios, and lets
`resolver-diff calibrate` count in them; it writes the shipped table, unless it is told another file. The second counts
in other labelled sets, and prints beside what the table says of the patterns there what was true.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.accuracy import scenarios, staged, world
from benchmarks.accuracy.stage import Stage
from resolver_diff import confidence
from resolver_diff.commands import _calibrating
from resolver_diff.compare.shares import interval
from resolver_diff.confidence import stored
from resolver_diff.confidence.patterns import Patterns

SEEDS = tuple(range(1001, 1017))
SHIPPED = Path(confidence.__file__).parent / stored.SHIPPED
BANDS = (0.05, 0.5, 0.8, 0.95, 0.99, 1.0)  # upper bounds of what the table says


def main(words: Sequence[str] | None = None) -> None:
    """Make the table, or hold it against other sets, as the command line says."""
    given = _parser().parse_args(words)
    if given.check:
        found = _calibrating.measure(given.check, heard=print)
        known = stored.read(given.table)
        for what, one, other in (("cells", known.cells, found.cells), ("spells", known.spells, found.spells)):
            print("\n".join(["", what, *reliability(one, other)]))
        return
    with tempfile.TemporaryDirectory() as passing:
        sets = list(_played(given.keep or Path(passing), given.seed or SEEDS))
        made = _calibrating.measure(sets, heard=print)
    given.out.write_text(stored.render(made), encoding="utf-8")
    print(f"{len(made.cells)} patterns of cells and {len(made.spells)} of spells: {given.out}")


def _played(folder: Path, seeds: Sequence[int]) -> Iterator[Path]:
    """Yield the folders of all sets, played unless they are there."""
    stages: dict[str, Callable[[], Stage]] = {f"world-{seed}": partial(world.world, seed) for seed in seeds}
    stages |= {make.__name__: make for make in scenarios.SCENARIOS}
    for name, make in stages.items():
        target = folder / name
        yield target if target.exists() else staged.play(make(), target)


def reliability(table: Patterns, found: Patterns) -> Iterator[str]:
    """Yield a line for each band of what *table* says, with what was *found*; then the patterns that disagree."""
    both = found.frame.join(table.frame, on="pattern", how="left", suffix="_said")
    both = both.with_columns(n=pl.col("true") + pl.col("false"))
    yield "said             patterns     cells     cases    said   found  95 %"
    low = 0.0
    for high in BANDS:
        above = pl.col("precision_said") > low if low else pl.col("precision_said") >= low
        yield _band(f"{low:.2f} to {high:.2f}", both.filter(above, pl.col("precision_said") <= high))
        low = high
    yield _band("never measured", both.filter(pl.col("precision_said").is_null()))
    known = both.drop_nulls("precision_said")
    apart = known.filter((pl.col("low") > pl.col("high_said")) | (pl.col("high") < pl.col("low_said")))
    yield f"intervals that meet: {known.height - apart.height} of {known.height} patterns"
    for row in apart.iter_rows(named=True):
        yield f"  apart: {row['pattern']}: said {row['precision_said']:.3f}, found {row['precision']:.3f}"


def _band(title: str, rows: pl.DataFrame) -> str:
    cells, cases = int(rows["n"].sum()), int(rows["cases"].sum())
    if not cells:
        return f"{title:<16} {0:>8}"
    said = (rows["precision_said"] * rows["n"]).sum() / cells
    share = int(rows["true"].sum()) / cells
    low, high = interval(share * cases, cases)
    told = "      -" if rows["precision_said"].null_count() else f"{said:>7.3f}"
    return f"{title:<16} {rows.height:>8} {cells:>9,} {cases:>9,} {told} {share:>7.3f}  {low:.3f} to {high:.3f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, nargs="+", help="of our own worlds")
    parser.add_argument("--keep", type=Path, help="keep what is played here, and use it again")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="where the table is written")
    parser.add_argument("--check", type=Path, nargs="+", metavar="SET", help="labelled sets to hold the table against")
    parser.add_argument("--table", type=Path, default=SHIPPED, help="the table to check")
    return parser


if __name__ == "__main__":
    main()
