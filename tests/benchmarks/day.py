"""A made-up day that weighs what a real one does: names x resolvers x A and AAAA, through the real journal.

    python3 dev.py benchmark day FOLDER DATE [resolvers] [names]

The plan, its pace and the files are those of the program; only what resolvers say is made up. What is assumed:

- **names** as in a list of popular ones: 5 % do not exist, 40 % of the others have AAAA; 80 % are the same everywhere,
  14 % are a CDN's and differ by region (8 of them, behind a CNAME), 6 % rotate: each reply has one of six sets.
  One to four addresses. 8 % of the names are signed.
- **resolvers** as in a panel of public ones: ten controls, two registers that deny 200 names, one that is dead, one
  that loses 3 %, the others 0.5 %, and 0.4 % SERVFAIL, half of these with an Extended DNS Error. 40 % send an NSID, of
  one of three sites each. Median rtt 8 to 180 ms by resolver, log-normal (sigma 0.25); what is not in the cache takes
  some 60 ms more (sigma 0.8).
- **TTLs** of 20 s to a day, a third of them 300 s. A resolver has 20 to 80 % of the names in its cache, counted down to
  anywhere between; of the others it gives the whole TTL.
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

from resolver_diff.config import Config, DomainSet, Names, Resolver
from resolver_diff.journal import SCHEMA, Journal
from resolver_diff.plan import Plan
from resolver_diff.snapshot import Run
from resolver_diff.tables import OUTCOME, TRANSPORT, Outcome

COUNTRIES = ("RU", "DE", "IN", "BR", "IR", "US")
CONTROLS, REGISTERS, REGIONS, SETS = 10, 2, 8, 6
TLDS = ("com", "net", "org", "ru", "de", "info", "io", "com.br", "in", "co.uk")
TTLS = (20, 60, 60, 120, *[300] * 7, 600, 600, 1800, 3600, 3600, 3600, 7200, 14400, 86400)
DENIED = 200  # names that the registers deny on the first date, and as many more on each later one
FIRST = date(2026, 2, 10)
ANSWER, NODATA, NXDOMAIN, SERVFAIL, TIMEOUT = map(
    list(Outcome).index, (Outcome.ANSWER, Outcome.NODATA, Outcome.NXDOMAIN, Outcome.SERVFAIL, Outcome.TIMEOUT)
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
        variants = np.where(share < 0.8, 1, np.where(share < 0.94, REGIONS, SETS))
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
    return frame.select(
        pl.concat_list(addresses).list.drop_nulls().list.unique().list.sort().list.join(" ")
    ).to_series()


@dataclass(frozen=True)
class Asked:
    """Questions, and what they are about."""

    questions: pl.DataFrame
    resolver: Whole
    name: Whole
    qtype: Whole  # 0: A, 1: AAAA
    target: NDArray[np.bool_]
    canary: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.resolver)

    def filter(self, these: NDArray[np.bool_]) -> "Asked":
        """Return some of them."""
        questions, about = self.questions.filter(these), (self.resolver[these], self.name[these], self.qtype[these])
        return Asked(questions, *about, self.target[these], self.canary[these])


class Day:
    """What everybody says on one date."""

    def __init__(self, config: Config, day: date) -> None:
        self.config = config
        self.plan = Plan(config, day=day, vantage="bench")
        self.names = pl.concat([part for each in config.domain_sets for part in each.qnames.parts()])
        self.world = World.of(self.names, day)
        self.day = day
        dice = np.random.default_rng(3)
        count = len(config.resolvers)
        self.median = np.exp(np.linspace(np.log(8), np.log(180), count))[dice.permutation(count)]  # ms
        self.cached = dice.uniform(0.2, 0.8, count)
        self.nsid = dice.random(count) < 0.4
        self.octets = dice.integers(0, 3, count) * 12  # options that only some send
        self.validates = dice.random(count) < 0.5
        self.lost = np.full(count, 0.005)
        self.lost[-1], self.lost[-2] = 1.0, 0.03
        self.denied = DENIED * (1 + (day - FIRST).days)

    def rows(self, index: int, questions: pl.DataFrame, start: float) -> pl.DataFrame:
        """Return the rows of one batch, which begins *start* seconds after midnight."""
        dice = np.random.default_rng((self.day.toordinal(), index))
        asked = self._asked(questions)
        due = questions["due"].to_numpy()
        rows = []
        for attempt in range(3):
            outcome = self._outcome(dice, asked)
            rows.append(self._said(dice, asked, outcome, start + due).with_columns(attempt=pl.lit(attempt, pl.UInt8)))
            # who has ever spoken is asked again
            asked = asked.filter((outcome == TIMEOUT) & (self.lost[asked.resolver] < 1))
            start += float(due.max(initial=0)) + 4
            due = dice.random(len(asked)) * 10
        return pl.concat(rows)

    def _asked(self, questions: pl.DataFrame) -> "Asked":
        number, width = questions["number"].to_numpy().astype(np.int64), len(self.config.resolvers)
        place = number // width - len(self.plan.opening)
        target = (place >= 0) & (place < len(self.names) * 2)
        name, qtype = np.where(target, place // 2, 0), np.where(target, place % 2, 0)
        canary = (questions["purpose"] == "canary").to_numpy()
        return Asked(questions.drop("due"), number % width, name, qtype, target, canary)

    def _outcome(self, dice: np.random.Generator, asked: "Asked") -> Whole:
        register = (asked.resolver >= CONTROLS) & (asked.resolver < CONTROLS + REGISTERS)
        denied = asked.target & register & (asked.name * 7919 % len(self.names) < self.denied)
        lapsed = asked.canary | denied | (asked.target & self.world.lapsed[asked.name])
        none = asked.target & (asked.qtype == 1) & ~self.world.has_six[asked.name]
        outcome = np.where(lapsed, NXDOMAIN, np.where(none, NODATA, ANSWER))
        outcome = np.where(dice.random(len(asked)) < 0.004, SERVFAIL, outcome)
        return np.where(dice.random(len(asked)) < self.lost[asked.resolver], TIMEOUT, outcome)

    def _said(
        self, dice: np.random.Generator, asked: "Asked", outcome: Whole, due: NDArray[np.float64]
    ) -> pl.DataFrame:
        """Return the rows of one time of asking."""
        world, size = self.world, len(asked)
        variants = world.variants[asked.name]
        regional, rotating = variants == REGIONS, variants == SETS
        turn = np.where(regional, asked.resolver % REGIONS, np.where(rotating, dice.integers(0, SETS, size), 0))
        which = world.base[asked.name, asked.qtype] + turn
        numbers = self._numbers(dice, asked, outcome, which)
        midnight = datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC).timestamp()
        sent = np.round((midnight + due + dice.exponential(0.001, size)) * 1e6).astype(np.int64)
        frame = asked.questions.with_columns(
            *(pl.Series(label, column) for label, column in numbers.items()),
            pl.Series("asked_at", sent),
            outcome=pl.Series(list(Outcome), dtype=OUTCOME).gather(outcome),
            answer=world.texts.gather(which),
            answer_hash=world.hashes.gather(which),
            cname=world.cname.gather(asked.name),
            site=pl.Series(dice.choice([1, 2, 3], size, p=[0.9, 0.08, 0.02])),
            named=pl.Series(self.nsid[asked.resolver]),
            says=pl.Series(dice.random(size) < 0.5),
        )
        rows = frame.with_columns(_egress(asked)).with_columns(_texts_of_rows())
        rows = rows.with_columns(transport=pl.lit("udp", TRANSPORT))
        missing = [
            pl.lit(None, dtype=dtype).alias(label) for label, dtype in SCHEMA.items() if label not in rows.columns
        ]
        return rows.with_columns(missing).select(pl.col(label).cast(dtype) for label, dtype in SCHEMA.items())

    def _numbers(
        self, dice: np.random.Generator, asked: "Asked", outcome: Whole, which: Whole
    ) -> dict[str, NDArray[np.generic]]:
        """Return what a reply says in numbers; of silence it is removed later."""
        world, size = self.world, len(asked)
        denial = (outcome == NXDOMAIN) | (outcome == NODATA)
        cached = dice.random(size) < self.cached[asked.resolver]
        whole = np.where(denial, np.minimum(world.ttl[asked.name], 900), world.ttl[asked.name])
        rtt = self.median[asked.resolver] * np.exp(dice.normal(0, 0.25, size))
        rtt += np.where(cached, 0, 60 * np.exp(dice.normal(0, 0.8, size)))
        length = 29 + asked.questions["qname"].str.len_bytes().to_numpy() + self.octets[asked.resolver]
        records = np.where(outcome == ANSWER, world.records[which], 0)
        return {
            "ttl": np.where(cached, 1 + (dice.random(size) * whole).astype(np.int64), whole),
            "rtt": np.round(rtt * 1000).astype(np.int64),
            "rcode": np.select([outcome == code for code in RCODES], list(RCODES.values())),
            "size": length + records * np.where(asked.qtype == 1, 28, 16) + denial * 61,
            "reply": np.zeros(size, np.uint8),
            "authority": denial.astype(np.uint16),
            "aa": np.zeros(size, np.bool_),
            "tc": np.zeros(size, np.bool_),
            "ra": np.ones(size, np.bool_),
            "ad": world.signed[asked.name] & self.validates[asked.resolver],
        }


def _egress(asked: "Asked") -> list[pl.Expr]:
    """Return what is answered to who asks who a resolver is: an address of its own, each in another network."""
    address = pl.Series([f"193.{place // 250}.{place % 250}.53" for place in range(asked.resolver.max(initial=0) + 1)])
    own, whoami = address.gather(asked.resolver), pl.col("purpose").cast(pl.String) == "identity"
    return [
        pl.when(whoami).then(said).otherwise(pl.col(label)).alias(label)
        for label, said in (("answer", own), ("answer_hash", own.hash()))
    ]


def _texts_of_rows() -> list[pl.Expr]:
    """Return the columns that depend on how the question ended: silence says nothing, a denial no answer."""
    outcome = pl.col("outcome").cast(pl.String)
    heard, answered, lapsed = outcome != "timeout", outcome == "answer", outcome == "nxdomain"
    denial, failed = lapsed | (outcome == "nodata"), (outcome == "servfail") & pl.col("says")
    said = ("rtt", "rcode", "size", "reply", "authority", "aa", "tc", "ra", "ad")
    return [
        *(pl.when(heard).then(pl.col(label)).alias(label) for label in said),
        *(pl.when(answered).then(pl.col(label)).alias(label) for label in ("answer", "answer_hash")),
        pl.when(answered | denial).then("ttl").alias("ttl"),
        pl.when(heard & ~lapsed).then("cname").alias("cname"),
        pl.when(lapsed).then(pl.col("qname").str.extract(r"([^.]+)$")).when(denial).then("qname").alias("soa"),
        pl.when(failed).then(pl.lit([22], pl.List(pl.UInt16))).alias("ede"),
        pl.when(failed).then(pl.lit("no reachable authority")).alias("ede_text"),
        pl.when(heard & pl.col("named")).then(pl.format("{}-site-{}", "resolver", "site")).alias("nsid"),
    ]


def configured(resolvers: int, names: int) -> Config:
    """Return what is asked."""
    entries = panel(resolvers)
    control = tuple(f"control-{place}.example" for place in range(6))
    return Config(entries, (DomainSet("made-up", "made-up.txt", Names.of(qnames(names))),), control)


def write(folder: Path, day: date, config: Config, *, commit: bool = True) -> list[Path]:
    """Write the snapshot of *day* into *folder*, batch by batch, as a run does; return its files."""
    made = Day(config, day)
    sets = [domain_set.name for domain_set in config.domain_sets]
    with Journal.open(folder, day, "bench", fingerprint=made.plan.fingerprint, domain_sets=sets) as kept:
        start = 6.0 * 3600
        for index, questions in enumerate(made.plan.batches()):
            kept.finish(index, made.rows(index, questions.frame, start))
            start += float(questions.frame["due"].to_numpy().max()) + 4
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
