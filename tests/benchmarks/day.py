"""A made-up day that weighs what a real one does: names x resolvers x A and AAAA, through the real journal.

    python tests/benchmarks/day.py FOLDER DATE [resolvers] [names]

The plan, its pace and the files are those of the program; only what resolvers say is made up. What is assumed:

- **names** as in a list of popular ones: 5 % do not exist, 40 % of the others have AAAA; 65 % are the same everywhere,
  20 % are a CDN's and differ by region (8 of them, behind a CNAME), 15 % rotate: each reply has one of six sets.
  One to four addresses. 8 % of the names are signed.
- **resolvers** as in a panel of public ones: ten controls, two registers that deny 200 names, one that is dead, one
  that loses 3 %, the others 0.5 %, and 0.4 % SERVFAIL, half of these with an Extended DNS Error. 40 % send an NSID, of
  one of three sites each. Median rtt 8 to 180 ms by resolver, log-normal (sigma 0.25); what is not in the cache takes
  some 60 ms more (sigma 0.8).
- **TTLs** of 60 s to a day. A resolver has 40 to 95 % of the names in its cache, counted down to anywhere between; of
  the others it gives the whole TTL.
- **times** as ``plan.pace`` gives them at 20 queries per second, and a sender that is late by 1 ms on average; 4 s from
  the end of a batch to the next.
- **from one date to another** 1 % of the names move, and the registers deny 200 names more.
"""

import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff.config import Config, DomainSet, Resolver
from resolver_diff.journal import SCHEMA, Journal
from resolver_diff.plan import Plan
from resolver_diff.snapshot import Run
from resolver_diff.tables import OUTCOME, TRANSPORT, Outcome

COUNTRIES = ("RU", "DE", "IN", "BR", "IR", "US")
CONTROLS, REGISTERS, REGIONS, SETS = 10, 2, 8, 6
TLDS = ("com", "net", "org", "ru", "de", "info", "io", "com.br", "in", "co.uk")
TTLS = (60, 120, 300, 300, 300, 600, 1800, 3600, 3600, 3600, 14400, 21600, 86400)
DENIED = 200  # names that the registers deny on the first date, and as many more on each later one
FIRST = date(2026, 2, 10)
CODES = {outcome: place for place, outcome in enumerate(Outcome)}
ANSWER, NODATA, NXDOMAIN, SERVFAIL, TIMEOUT = (
    CODES[one] for one in (Outcome.ANSWER, Outcome.NODATA, Outcome.NXDOMAIN, Outcome.SERVFAIL, Outcome.TIMEOUT)
)
RCODES = {ANSWER: 0, NODATA: 0, NXDOMAIN: 3, SERVFAIL: 2, TIMEOUT: 0}
Whole = NDArray[np.int64]


def panel(count: int) -> tuple[Resolver, ...]:
    """Return *count* entries: ten controls, two registers, then providers."""
    roles = ["control"] * CONTROLS + ["register"] * REGISTERS + ["isp"] * count
    return tuple(
        Resolver(
            name=f"{COUNTRIES[place % len(COUNTRIES)].lower()}-{roles[place]}-{place:03}",
            address=f"10.1.{place // 250}.{place % 250 + 1}",
            role=roles[place],
            operator=f"operator {place:03}",
            country=COUNTRIES[place % len(COUNTRIES)],
            qps=20,
        )
        for place in range(count)
    )


def qnames(count: int) -> pl.Series:
    """Return *count* made-up names, sorted."""
    dice = np.random.default_rng(1)
    letters = np.array(list("eaiorntslcudpmhgbfywkvxzjq0123456789"))
    weights = 1 / np.arange(3, 3 + len(letters))
    found: set[str] = set()
    while len(found) < count:
        drawn = dice.choice(letters, (count, 14), p=weights / weights.sum())
        lengths, ends = dice.integers(4, 15, count).tolist(), dice.integers(0, len(TLDS), count).tolist()
        made = zip(drawn, lengths, ends, strict=True)
        found.update(f"{''.join(row[:length].tolist())}.{TLDS[end]}" for row, length, end in made)
    return pl.Series("qname", sorted(found)[:count], dtype=pl.String)


@dataclass(frozen=True)
class World:
    """What is true of each name: arrays by name, and the texts of all answers."""

    lapsed: NDArray[np.bool_]
    has_six: NDArray[np.bool_]
    variants: Whole  # 1: the same everywhere; REGIONS: by region; SETS: by chance
    signed: NDArray[np.bool_]
    ttl: Whole
    base: Whole  # of name and qtype: the place of its first variant in *texts*
    texts: pl.Series
    hashes: pl.Series
    records: Whole  # by place: how many addresses
    cname: pl.Series

    @classmethod
    def of(cls, names: pl.Series, day: date) -> "World":
        """Make up what is true on *day*."""
        dice, count = np.random.default_rng(2), len(names)
        share = dice.random(count)
        variants = np.where(share < 0.65, 1, np.where(share < 0.85, REGIONS, SETS))
        lapsed, has_six, signed = dice.random(count) < 0.05, dice.random(count) < 0.4, dice.random(count) < 0.08
        ttl = np.array(TTLS)[dice.integers(0, len(TTLS), count)]
        ends = np.cumsum(np.repeat(variants, 2))
        base = np.r_[0, ends[:-1]].reshape(count, 2)
        total, owner = int(ends[-1]), np.repeat(np.arange(count * 2), np.repeat(variants, 2))
        records = np.array([1, 1, 1, 2, 2, 4])[dice.integers(0, 6, count * 2)][owner]
        nets = dice.integers(0, 1 << 24, (count * 2, 1))[owner] + dice.integers(0, 9, (total, 4))
        hosts = dice.integers(1, 255, (total, 4))
        for late in range((day - FIRST).days):  # each day one in a hundred moves
            moved = np.random.default_rng(1000 + late).random(count * 2) < 0.01
            hosts[moved[owner]] = np.random.default_rng(2000 + late).integers(1, 255, (int(moved[owner].sum()), 4))
        texts = _texts(nets, hosts, records, owner % 2 == 1)
        hashes = [int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") for text in texts]
        behind = pl.Series(np.where(variants == REGIONS, dice.integers(0, 9999, count), -1))
        cname = pl.select(pl.when(behind >= 0).then(pl.format("d{}.edge.cdn-{}.example", behind, behind % 20)))
        return cls(
            lapsed,
            has_six,
            variants,
            signed,
            ttl,
            base,
            texts,
            pl.Series(hashes, dtype=pl.UInt64),
            records,
            cname.to_series(),
        )


def _texts(nets: Whole, hosts: Whole, records: Whole, six: NDArray[np.bool_]) -> pl.Series:
    """Return the answers as text: *records* addresses each, sorted."""
    columns = {f"n{place}": nets[:, place] for place in range(4)} | {f"h{place}": hosts[:, place] for place in range(4)}
    frame = pl.DataFrame({**columns, "records": records, "six": six})
    addresses = []
    for place in range(4):
        net, host = pl.col(f"n{place}"), pl.col(f"h{place}")
        four = pl.format("{}.{}.{}.{}", 1 + net % 222, net // 222 % 256, net // 56832 % 256, host)
        hexadecimal = pl.col(f"h{place}") * 257 + net % 1021
        made = pl.when("six").then(pl.format("2a0{}:{}:{}::{}", net % 10, net % 9000, net // 9000, hexadecimal))
        addresses.append(pl.when(pl.col("records") > place).then(made.otherwise(four)))
    return frame.select(pl.concat_list(addresses).list.drop_nulls().list.unique().list.sort().list.join(" ")).to_series()


class Day:
    """What everybody says on one date."""

    def __init__(self, config: Config, day: date) -> None:
        self.config = config
        self.plan = Plan(config, day=day, vantage="bench")
        self.names = pl.concat([domain_set.qnames for domain_set in config.domain_sets])
        self.world = World.of(self.names, day)
        self.day = day
        dice = np.random.default_rng(3)
        count = len(config.resolvers)
        self.median = np.exp(np.linspace(np.log(8), np.log(180), count))[dice.permutation(count)]  # ms
        self.cached = dice.uniform(0.4, 0.95, count)
        self.nsid = dice.random(count) < 0.4
        self.octets = dice.integers(0, 3, count) * 12  # options that only some send
        self.validates = dice.random(count) < 0.5
        self.lost = np.full(count, 0.005)
        self.lost[-1], self.lost[-2] = 1.0, 0.03
        self.denied = DENIED * (1 + (day - FIRST).days)

    def rows(self, index: int, questions: pl.DataFrame, start: float) -> pl.DataFrame:
        """Return the rows of one batch, which begins *start* seconds after midnight."""
        dice = np.random.default_rng((self.day.toordinal(), index))
        size, width = len(questions), len(self.config.resolvers)
        number = questions["number"].to_numpy().astype(np.int64)
        resolver = number % width
        place = number // width - len(self.plan.opening)
        target = (place >= 0) & (place < len(self.names) * 2)
        name, qtype = np.where(target, place // 2, 0), np.where(target, place % 2, 0)
        canary = (questions["purpose"] == "canary").to_numpy()
        outcome = self._outcome(dice, target, canary, name, qtype, resolver)
        rows = [
            self._facts(dice, questions, np.arange(size), outcome, name, qtype, resolver, start, 0)
        ]
        open_ = np.flatnonzero((outcome == TIMEOUT) & (self.lost[resolver] < 1))
        for attempt in (1, 2):  # who has ever spoken is asked again
            again = self._outcome(dice, target[open_], canary[open_], name[open_], qtype[open_], resolver[open_])
            late = start + attempt * 4 + float(questions["due"].max())
            rows.append(self._facts(
                dice, questions, open_, again, name[open_], qtype[open_], resolver[open_], late, attempt
            ))
            open_ = open_[again == TIMEOUT]
        return pl.concat(rows)

    def _outcome(
        self, dice: np.random.Generator, target: NDArray[np.bool_], canary: NDArray[np.bool_],
        name: Whole, qtype: Whole, resolver: Whole,
    ) -> Whole:
        chance = dice.random(len(name))
        register = (resolver >= CONTROLS) & (resolver < CONTROLS + REGISTERS)
        denied = target & register & (name * 7919 % len(self.names) < self.denied)
        lapsed = canary | denied | (target & self.world.lapsed[name])
        none = target & (qtype == 1) & ~self.world.has_six[name]
        outcome = np.where(lapsed, NXDOMAIN, np.where(none, NODATA, ANSWER))
        outcome = np.where(chance < 0.004, SERVFAIL, outcome)
        return np.where(dice.random(len(name)) < self.lost[resolver], TIMEOUT, outcome)

    def _facts(
        self, dice: np.random.Generator, questions: pl.DataFrame, at: Whole, outcome: Whole,
        name: Whole, qtype: Whole, resolver: Whole, start: float, attempt: int,
    ) -> pl.DataFrame:
        world, size = self.world, len(at)
        asked = questions[at]
        variants = world.variants[name]
        turn = np.where(variants == REGIONS, resolver % REGIONS, np.where(variants == SETS, dice.integers(0, SETS, size), 0))
        which = world.base[name, qtype] + turn
        heard, answered, denial = outcome != TIMEOUT, outcome == ANSWER, (outcome == NXDOMAIN) | (outcome == NODATA)
        cached = dice.random(size) < self.cached[resolver]
        whole = np.where(denial, np.minimum(world.ttl[name], 900), world.ttl[name])
        ttl = np.where(cached, 1 + (dice.random(size) * whole).astype(np.int64), whole)
        rtt = self.median[resolver] * np.exp(dice.normal(0, 0.25, size))
        rtt += np.where(cached, 0, 60 * np.exp(dice.normal(0, 0.8, size)))
        due = asked["due"].to_numpy() if attempt == 0 else dice.random(size) * 10
        midnight = datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)
        sent = np.round((start + due + dice.exponential(0.001, size)) * 1e6).astype(np.int64) + int(midnight.timestamp() * 1e6)
        rcode = np.select([outcome == code for code in RCODES], list(RCODES.values()))
        length = 12 + asked["qname"].str.len_bytes().to_numpy() + 6 + 11 + self.octets[resolver]
        length = length + np.where(answered, world.records[which] * np.where(qtype == 1, 28, 16), 0) + denial * 61
        texts = pl.DataFrame({
            "heard": heard, "answered": answered, "denial": denial, "lapsed": outcome == NXDOMAIN,
            "which": which, "name": name, "site": dice.random(size), "nsid": self.nsid[resolver] & heard,
            "failed": (outcome == SERVFAIL) & (dice.random(size) < 0.5),
        })
        answers, hashes, aliases = world.texts.gather(which), world.hashes.gather(which), world.cname.gather(name)
        site = pl.when(pl.col("site") < 0.9).then(1).when(pl.col("site") < 0.98).then(2).otherwise(3)
        told = texts.select(
            answer=pl.when("answered").then(answers),
            answer_hash=pl.when("answered").then(hashes),
            cname=pl.when(pl.col("heard") & ~pl.col("lapsed")).then(aliases),
            soa=pl.when("lapsed").then(asked["qname"].str.extract(r"([^.]+)$")).when("denial").then(asked["qname"]),
            authority=pl.when("heard").then(pl.col("denial").cast(pl.UInt16)),
            ede=pl.when("failed").then(pl.lit([22], pl.List(pl.UInt16))),
            ede_text=pl.when("failed").then(pl.lit("no reachable authority")),
            nsid=pl.when("nsid").then(pl.format("{}-site-{}", asked["resolver"], site)),
        )
        told = told.with_columns(
            *(_where(heard, label, column) for label, column in {
                "rcode": rcode, "size": length, "rtt": np.round(rtt * 1000).astype(np.int64), "reply": np.zeros(size, np.int64),
            }.items()),
            *(_where(heard, label, column) for label, column in {
                "aa": np.zeros(size, np.bool_), "tc": np.zeros(size, np.bool_), "ra": np.ones(size, np.bool_),
                "ad": world.signed[name] & self.validates[resolver],
            }.items()),
            _where(answered | denial, "ttl", ttl),
            pl.Series("asked_at", sent),
            attempt=pl.lit(attempt, pl.UInt8),
            outcome=pl.Series(list(Outcome), dtype=OUTCOME).gather(outcome),
            transport=pl.lit("udp", TRANSPORT),
        )
        rows = asked.drop("due").with_columns(told)
        missing = [pl.lit(None, dtype=dtype).alias(label) for label, dtype in SCHEMA.items() if label not in rows.columns]
        return rows.with_columns(missing).select(pl.col(label).cast(dtype) for label, dtype in SCHEMA.items())


def _where(has: NDArray[np.bool_], label: str, column: NDArray[np.generic]) -> pl.Series:
    return pl.select(pl.when(pl.Series(has)).then(pl.Series(label, column)).alias(label)).to_series()


def configured(resolvers: int, names: int) -> Config:
    """Return what is asked."""
    entries = panel(resolvers)
    control = tuple(f"control-{place}.example" for place in range(6))
    return Config(entries, (DomainSet("made-up", "made-up.txt", qnames(names)),), control)


def write(folder: Path, day: date, config: Config, *, commit: bool = True) -> list[Path]:
    """Write the snapshot of *day* into *folder*, batch by batch, as a run does; return its files."""
    made = Day(config, day)
    sets = [domain_set.name for domain_set in config.domain_sets]
    with Journal.open(folder, day, "bench", fingerprint=made.plan.fingerprint, domain_sets=sets) as kept:
        start = 6.0 * 3600
        for index, questions in enumerate(made.plan.batches()):
            kept.append(index, made.rows(index, questions.frame, start))
            kept.finish(index)
            start += float(questions.frame["due"].max()) + 4
        if not commit:
            return []
        return kept.commit(facts(config, day, made.plan.seed, kept), sets)


def facts(config: Config, day: date, seed: str, kept: Journal) -> Run:
    """Return the facts of the run that *kept* has."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    counts = kept.count()
    return Run(day, "bench", kept.started, noon, "0", seed, 3, 4.0, config.resolvers, {}, counts)


def main() -> None:
    """Write one day."""
    folder, day = Path(sys.argv[1]), date.fromisoformat(sys.argv[2])
    count, names = (int(sys.argv[3]), int(sys.argv[4])) if len(sys.argv) > 4 else (60, 80_000)
    for file in write(folder, day, configured(count, names)):
        print(file, file.stat().st_size)


if __name__ == "__main__":
    main()
