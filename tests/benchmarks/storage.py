"""What a day takes on disk, and what it takes to find what changed between two of them, next to DuckDB.

    python3 dev.py benchmark storage [--resolvers N] [--names N] [--rounds N] [--folder FOLDER]

Two dates are made up (``day.py`` says what is assumed), by the program's own journal. Then, in turns, each in a
process of its own: DuckDB joins the two files and writes the cells that said something else to Parquet;
``snapshot.changed`` finds the same and writes them too; the whole judged diff of the two dates, if --judged is given.
Time is without imports; memory is the most the process ever had. DuckDB is asked in two ways. *first reply* is what is
meant: of each cell the first reply, the few cells with several looked for apart. *reply 0* leaves that out: it is right
only while no reply comes late.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KEY = "qname, qtype, resolver, transport"
LATE = f"(select distinct {KEY} from {{day}} where repeat > 0 or attempt > 0 or reply > 0)"
DUCKDB = {
    "duckdb, first reply": f"""
        select {KEY}, outcome, answer_hash from (select * from {{day}} where repeat = 0 and attempt = 0 and reply = 0)
        anti join {LATE} using ({KEY}) union all
        select {KEY}, outcome, answer_hash from (select * from {{day}} semi join {LATE} using ({KEY}))
        qualify row_number() over (partition by {KEY} order by repeat, attempt, reply) = 1""",
    "duckdb, reply 0": f"select {KEY}, outcome, answer_hash from {{day}} where repeat = 0 and reply = 0",
}
OURS, JUDGED = "resolver_diff, first reply", "resolver_diff, judged"
DATES = ("2026-02-10", "2026-02-11")


def by_duckdb(way: str, before: str, after: str, found: str) -> float:
    """Let DuckDB find what changed; return the seconds it took."""
    import duckdb

    connection = duckdb.connect()
    connection.sql("set threads = 2")
    connection.sql("set preserve_insertion_order = false")
    start = time.perf_counter()
    for name, file in (("before", before), ("after", after)):
        heard = "purpose = 'target' and reply is not null"
        day = f"(select * from read_parquet('{file}', hive_partitioning = false) where {heard})"
        connection.sql(f"create view cells_{name} as {DUCKDB[way].format(day=day)}")
    connection.sql(f"""
        copy (select {KEY}, b.outcome as outcome_before, a.outcome as outcome_after
        from cells_before b join cells_after a using ({KEY})
        where b.outcome <> a.outcome or b.answer_hash is distinct from a.answer_hash)
        to '{found}' (format parquet)""")
    return time.perf_counter() - start


def by_us(before: str, after: str, found: str) -> float:
    """Find what changed as the program does; return the seconds it took."""
    import polars as pl

    from resolver_diff.snapshot.changed import changed

    start = time.perf_counter()
    pl.concat(changed(Path(before), Path(after))).write_parquet(found)
    return time.perf_counter() - start


def judged(folder: str) -> float:
    """Judge the two dates as `resolver-diff diff` does; return the seconds it took."""
    from datetime import date

    from resolver_diff import snapshot
    from resolver_diff.diff import diff

    start = time.perf_counter()
    before, after = (snapshot.load(Path(folder), date.fromisoformat(day))[0] for day in DATES)
    found = diff(before, after)
    print(f"{len(found.anomalies):,} anomalies, {len(found.events):,} events", file=sys.stderr)
    return time.perf_counter() - start


def compete(contestant: str, folder: str, found: str) -> None:
    """Do the work in this process; print seconds, and MB at most, as JSON."""
    before, after = (str(next(Path(folder).glob(f"date={day}/*/*.parquet"))) for day in DATES)
    if contestant in DUCKDB:
        seconds = by_duckdb(contestant, before, after, found)
    else:
        seconds = by_us(before, after, found) if contestant == OURS else judged(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "MB": peak, "cpu": time.process_time()}))


def columns(file: Path) -> None:
    """Print what each column takes."""
    import duckdb

    (rows,) = duckdb.execute(f"select count(*) from '{file}'").fetchone() or (0,)
    query = f"""select path_in_schema, sum(total_compressed_size) from parquet_metadata('{file}')
        group by all order by 2 desc"""
    sizes = [(str(name).partition(",")[0], size / rows) for name, size in duckdb.execute(query).fetchall()]
    shown = ", ".join(f"{name} {size:.2f}" for name, size in sizes if size >= 0.01)
    print(f"{rows:,} rows, {file.stat().st_size / rows:.2f} octets each: {shown}")


def main() -> None:
    """Make two dates up, let everybody compete in turns, and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolvers", type=int, default=60)
    parser.add_argument("--names", type=int, default=80_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the two dates are made, or lie already")
    parser.add_argument("--judged", action="store_true", help="judge them too")
    parser.add_argument("--compete", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--columns", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.compete:
        compete(*options.compete)
    elif options.columns:
        columns(options.columns)
    elif options.folder:
        _all(options, options.folder)
    else:
        with tempfile.TemporaryDirectory() as folder:
            _all(options, Path(folder) / "snapshots")


def _all(options: argparse.Namespace, folder: Path) -> None:
    here = Path(__file__)
    for day in DATES:
        if not list(folder.glob(f"date={day}/*/*.parquet")):
            made = [str(here.with_name("day.py")), str(folder), day, str(options.resolvers), str(options.names)]
            subprocess.run([sys.executable, *made], check=True, stdout=subprocess.DEVNULL)
    for file in sorted(folder.glob("date=*/*/*.parquet")):
        subprocess.run([sys.executable, str(here), "--columns", str(file)], check=True)
    names = [*DUCKDB, OURS, *([JUDGED] if options.judged else [])]
    took: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(options.rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                command = [sys.executable, str(here), "--compete", name, str(folder), str(Path(scratch) / name)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                took[name].append(json.loads(done.stdout))
        _agree(Path(scratch), [*DUCKDB, OURS])
    for against in DUCKDB:
        print(f"\nin the same round, of {against}: median (least to most) of {options.rounds}")
        for name in names:
            cells = [_ratios(took[name], took[against], what) for what in ("seconds", "cpu", "MB")]
            print(f"{name:28} time {cells[0]}   CPU {cells[1]}   memory {cells[2]}")


def _agree(scratch: Path, names: list[str]) -> None:
    """Say how many cells each found; end when they differ."""
    script = "import sys, polars as pl\nfor file in sys.argv[1:]: print(pl.read_parquet(file).height)"
    command = [sys.executable, "-c", script, *(str(scratch / name) for name in names)]
    counts = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    told = ", ".join(f"{name}: {int(count):,}" for name, count in zip(names, counts, strict=True))
    print(f"cells that said something else: {told}")
    if len(set(counts)) > 1:
        sys.exit("they do not agree")


def _ratios(mine: list[dict[str, float]], theirs: list[dict[str, float]], what: str) -> str:
    ratios = [one[what] / other[what] for one, other in zip(mine, theirs, strict=True)]
    middle = statistics.median(one[what] for one in mine)
    shown = f"{middle:,.0f} MB" if what == "MB" else f"{middle:.2f} s"
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) {shown}"


if __name__ == "__main__":
    main()
