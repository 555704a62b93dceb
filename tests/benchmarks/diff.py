"""How long it takes to judge two dates: 60 resolvers x 10,000 names x 2 qtypes, and how much memory.

    python3 dev.py benchmark diff [resolvers] [names]

The made-up panel is like a real one: most names are the same everywhere, a quarter rotate through
a pool, some differ by country; a register denies 200 names from the second date on, one resolver
loses 3 % of everything, and one is dead.
"""

import resource
import sys
import time
from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from resolver_diff.config import Resolver
from resolver_diff.diff import diff
from resolver_diff.snapshot import Run, Snapshot
from resolver_diff.tables import Observations

COUNTRIES = ("RU", "DE", "IN", "BR", "IR", "US")
CONTROLS = 10


def panel(count: int) -> tuple[Resolver, ...]:
    """Return the first *count* entries: ten controls, two registers, then providers."""
    roles = ["control"] * CONTROLS + ["register"] * 2 + ["isp"] * count
    return tuple(
        Resolver(
            name=f"r{place:03}",
            address=f"10.1.{place // 250}.{place % 250 + 1}",
            port=53,
            transport="udp",
            role=roles[place],
            operator=f"o{place:03}",
            country=COUNTRIES[place % len(COUNTRIES)],
        )
        for place in range(count)
    )


def snapshot(day: date, resolvers: tuple[Resolver, ...], names: int, *, removed: int) -> Snapshot:
    """Make one date up; *removed* names are denied by the registers."""
    dice = np.random.default_rng(day.toordinal())
    width, total = len(resolvers), names * len(resolvers) * 2
    name, resolver = np.arange(total) // (width * 2), np.arange(total) % width
    sixth = (np.arange(total) // width) % 2 == 1
    pooled, regional = name % 4 == 1, name % 8 == 2
    turn = np.where(pooled, dice.integers(0, 8, total), np.where(regional, resolver % len(COUNTRIES), 0))
    frame = pl.DataFrame(
        {"name": name, "resolver": resolver, "turn": turn, "sixth": sixth, "chance": dice.random(total)}
    )
    dead, lossy, register = width - 1, width - 2, pl.col("resolver").is_in([CONTROLS, CONTROLS + 1])
    silent = (pl.col("resolver") == dead) | ((pl.col("resolver") == lossy) & (pl.col("chance") < 0.03))
    denied = register & (pl.col("name") < removed)
    outcome = pl.when(silent).then(pl.lit("timeout")).when(denied).then(pl.lit("nxdomain")).otherwise(pl.lit("answer"))
    sixes = pl.format("2001:67c:{}::{}", pl.col("name") % 9000, pl.col("turn") + 1)
    fours = pl.format("{}.{}.{}.{}", 60 + pl.col("turn"), pl.col("name") // 250, pl.col("name") % 250, 7)
    frame = frame.with_columns(outcome=outcome, text=pl.when("sixth").then(sixes).otherwise(fours))
    answered = pl.col("outcome") == "answer"
    frame = frame.select(
        asked_at=pl.lit(datetime(day.year, day.month, day.day, tzinfo=UTC)),
        resolver=pl.format("r{}", pl.col("resolver").cast(pl.String).str.zfill(3)),
        transport=pl.lit("udp"),
        purpose=pl.lit("target"),
        qname=pl.format("name-{}.example-{}.com", pl.col("name").cast(pl.String).str.zfill(5), pl.col("name") // 3),
        qtype=pl.when("sixth").then(pl.lit("AAAA")).otherwise(pl.lit("A")),
        attempt=pl.lit(0),
        reply=pl.when(silent).then(None).otherwise(0),
        outcome="outcome",
        aa=pl.when(answered | denied).then(denied),
        answer=pl.when(answered).then("text"),
        answer_hash=pl.when(answered).then(pl.col("text").hash()),
        ttl=pl.lit(300),
    )
    observations = Observations.of(frame).frame.drop("wire").with_columns(domain_set=pl.lit("made-up"))
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    run = Run(day, "bench", noon, noon, "0", "bench", 3, 4.0, resolvers, {}, {})
    return Snapshot(day, "bench", (run,), observations)


def main() -> None:
    """Make two dates up, judge them, and print what it took."""
    count, names = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (60, 10_000)
    resolvers = panel(count)
    before = snapshot(date(2026, 2, 10), resolvers, names, removed=0)
    after = snapshot(date(2026, 2, 11), resolvers, names, removed=200)
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    found = diff(before, after)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{before.observations.height + after.observations.height:,} rows, {len(found.anomalies)} anomalies,")
    print(
        f"{len(found.events)} events, {seconds:.2f} s, {peak:,.0f} MB at most, {made:,.0f} MB of it to make the rows up"
    )


if __name__ == "__main__":
    main()
