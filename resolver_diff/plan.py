"""Config -> Questions: who is asked what, and when.

Politeness is a column: ``due`` spaces the questions to one address by its ``qps`` and
mixes the names, so that no resolver is hit in bursts and no two runs of the same seed
differ. Nothing here reads a clock or sends anything.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff.config import Config, Resolver
from resolver_diff.tables import Purpose, Questions

BATCH = 1 << 17  # questions; what is asked and decoded at once bounds the memory of a run
CHAOS_NAMES = ("id.server", "hostname.bind", "version.bind")  # RFC 4892, class CH
EGRESS_NAMES = (("whoami.akamai.net", "A"), ("o-o.myaddr.l.google.com", "TXT"))  # answer with the address that asked
MIXING = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))  # of SplitMix64: every bit in decides every bit out
TURN = 40  # bits of a random number that order the questions of an address; above them stand stage and address
EVERY = 200  # targets between two control questions to a resolver
TOTAL_QPS = 10_000.0  # to all resolvers together; what a home router's table of connections still bears
LEAST_WINDOW, MOST_WINDOW = 128, 1024  # queries in flight to a resolver whose entry does not say
CANARY_TLDS = ("com", "net", "org")


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing put to every resolver that *recursion* allows, apart from the targets."""

    purpose: Purpose
    qname: str
    qtype: str
    recursion: bool = True  # only resolvers that recurse can be expected to know


class Plan:
    """All questions of a run, in a fixed order, made batch by batch.

    A question's number is ``place * len(resolvers) + resolver``, where place counts the
    opening asks (control names, identity, canaries), every (name, qtype) of the domain
    sets, as often as they are repeated, the closing asks (control names again), and those during
    the run: one control name in turn for every ``EVERY`` targets. All names are asked once before
    the first is asked again.
    """

    def __init__(self, config: Config, *, day: date, vantage: str, seed: str | None = None) -> None:
        self.config = config
        self.seed = seed if seed is not None else f"{day.isoformat()} {vantage}"
        self.resolvers: tuple[Resolver, ...] = config.resolvers
        qtypes = config.qtypes
        control = [Ask(Purpose.CONTROL, name, qtypes[0]) for name in config.control_names]
        identity = [Ask(Purpose.IDENTITY, name, "TXT", recursion=False) for name in CHAOS_NAMES]
        identity += [Ask(Purpose.IDENTITY, name, qtype) for name, qtype in EGRESS_NAMES]
        canaries = [Ask(Purpose.CANARY, f"{self._label(tld)}.{tld}", "A") for tld in CANARY_TLDS]
        self.opening = [ask for ask in (*control, *identity, *canaries) if not config.opt_out.has_name(ask.qname)]
        self.closing = control
        self._ends = np.cumsum([0, *(len(domain_set.qnames) for domain_set in config.domain_sets)])
        self.address, self.qps = _paces(self.resolvers)
        self.window = np.full(len(self.qps), np.iinfo(np.int64).max)  # of each address, as qps is
        np.minimum.at(self.window, self.address, np.array([_window(r) for r in self.resolvers], np.int64))
        self.total_qps = config.qps or (None if all(map(_is_here, self.resolvers)) else TOTAL_QPS)
        names: dict[str, int] = {}
        self._who = np.array([names.setdefault(r.name, len(names)) for r in self.resolvers], np.uint64)
        self._apart = len(names) == len(self.resolvers)  # nobody is asked over two transports

    def _label(self, salt: str) -> str:
        """Return a label nobody has registered: 20 letters that depend on the seed."""
        digest = blake2b(f"{self.seed} {salt}".encode(), digest_size=20).digest()
        return "".join(chr(ord("a") + octet % 26) for octet in digest)

    @property
    def names(self) -> int:
        """How many names the domain sets hold together."""
        return int(self._ends[-1])

    @property
    def targets(self) -> int:
        """How many questions each resolver is asked for the names' sake, each of them repeated."""
        return self.names * len(self.config.qtypes) * self.config.repeat

    @property
    def during(self) -> list[Ask]:
        """The control questions between the targets, in their order."""
        count = (self.targets + EVERY // 2) // EVERY if self.closing else 0
        return [self.closing[index % len(self.closing)] for index in range(count)]

    @property
    def questions(self) -> int:
        """How many questions the run will ask, retries not counted."""
        return int(self.per_resolver()["questions"].sum())

    @property
    def seconds(self) -> float:
        """The least time the run takes: that of the address with the most questions for its qps, or of the total."""
        total = self.questions / self.total_qps if self.total_qps else 0.0
        per_address = self.per_resolver().group_by("pace").agg(pl.col("questions").sum(), pl.col("qps").min())
        return max(total, float(per_address.select((pl.col("questions") / pl.col("qps")).max()).item() or 0.0))

    @property
    def fingerprint(self) -> str:
        """Name the plan by everything that decides which question bears which number, and which batch has it."""
        digest = blake2b(digest_size=16)
        entries = [f"{r.name} {r.address} {r.port} {r.transport} {r.recursion}" for r in self.resolvers]
        asks = [f"{ask.purpose} {ask.qname} {ask.qtype}" for ask in (*self.opening, *self.closing)]
        for part in (self.seed, str(BATCH), str(EVERY), str(self.config.repeat), *entries, *asks, *self.config.qtypes):
            digest.update(part.encode() + b"\0")
        for domain_set in self.config.domain_sets:
            digest.update(domain_set.name.encode() + b"\0")
            for text in domain_set.qnames.texts():
                digest.update(text.encode())
            digest.update(b"\0")
        return digest.hexdigest()

    def per_resolver(self) -> pl.DataFrame:
        """Return one row per resolver: questions, qps, seconds; ``pace`` numbers its address."""
        asks = [*self.opening, *self.during, *self.closing]
        for_all = sum(not ask.recursion for ask in asks)
        questions = [self.targets + (len(asks) if resolver.recursion else for_all) for resolver in self.resolvers]
        qps = self.qps[self.address]
        return pl.DataFrame(
            {
                "resolver": [resolver.name for resolver in self.resolvers],
                "transport": [str(resolver.transport) for resolver in self.resolvers],
                "questions": pl.Series(questions, dtype=pl.UInt64),
                "qps": qps,
                "seconds": np.array(questions) / qps,
                "pace": self.address,
            }
        )

    def batches(self, limit: int = BATCH) -> Iterator[Questions]:
        """Yield the questions in order of their number, at most about *limit* at a time."""
        width = len(self.resolvers) * len(self.config.qtypes)
        step = max(1, limit // max(1, width))
        edges = self._edges(step)
        for index, (first, last) in enumerate(pairwise(edges)):
            parts = [self._targets(first, last), self._during(first, last)]
            if index == 0:
                parts.insert(0, self._asked(self.opening, 0))
            if last == edges[-1]:
                parts.append(self._asked(self.closing, len(self.opening) + self.targets))
            yield self.pace(pl.concat(parts), salt=index)

    def _edges(self, step: int) -> list[int]:
        """Return which name begins each batch, and where the last one ends; no batch has a name twice.

        Names are counted through all rounds of repeats.
        """
        names, rounds = max(1, self.names), self.config.repeat if self.names else 1
        starts = [name for first in range(0, names * rounds, names) for name in range(first, first + names, step)]
        return [*starts, self.names * rounds]

    def resolver_index(self, number: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return which of ``resolvers`` each question number is put to."""
        return (number % len(self.resolvers)).astype(np.int64)

    def pace(self, questions: pl.DataFrame, salt: int = 0) -> Questions:
        """Say when each question is due: control names first or last, the others mixed, each address at its qps.

        Entries that share an address share its pace, at the lowest qps among them. What is asked of
        one resolver over several transports is asked in one go.
        """
        number = questions["number"].to_numpy()
        digest = blake2b(f"{self.seed} {salt}".encode(), digest_size=8).digest()
        generator = np.random.default_rng(int.from_bytes(digest, "little"))
        place = number // np.uint64(max(1, len(self.resolvers)))
        key = self.address[(number - place * np.uint64(len(self.resolvers))).astype(np.int64)]
        stage = (place >= len(self.opening)).astype(np.uint64)
        stage += place >= len(self.opening) + self.targets
        turn = generator.integers(0, 1 << TURN, len(number), np.uint64)
        if not self._apart:
            turn = self._mixed(place, number, digest) >> np.uint64(64 - TURN)
        during = place >= self._during_place
        if during.any():
            stage[during] = 1
            turn[during] = (self._spread(place[during]) * (1 << TURN)).astype(np.uint64)
        order = np.argsort(key.astype(np.uint64) << np.uint64(TURN + 2) | stage << np.uint64(TURN) | turn)
        counts = np.bincount(key, minlength=len(self.qps))
        rank = np.empty(len(order), np.float64)
        rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        offset = generator.random(len(self.qps))  # addresses do not tick together
        due = (rank + offset[key]) / self.qps[key]
        return Questions(questions.with_columns(due=pl.Series(due, dtype=pl.Float64)).select(*Questions.schema))

    def _mixed(self, place: NDArray[np.integer], number: NDArray[np.integer], seed: bytes) -> NDArray[np.uint64]:
        """Return numbers by which questions are in no order; one place and resolver has one, whatever the transport."""
        mixed = place.astype(np.uint64) * np.uint64(len(self.resolvers)) + self._who[self.resolver_index(number)]
        mixed ^= np.uint64(int.from_bytes(seed, "little"))
        for shift, factor in MIXING:
            mixed ^= mixed >> np.uint64(shift)
            mixed *= np.uint64(factor)
        return mixed ^ (mixed >> np.uint64(31))

    @property
    def _during_place(self) -> int:
        return len(self.opening) + self.targets + len(self.closing)

    def _during(self, first: int, last: int) -> pl.DataFrame:
        """Return the control questions between the targets of the names from *first* up to *last*."""
        begin, end = (_before(name * len(self.config.qtypes)) for name in (first, last))
        return self._asked(self.during[begin:end], self._during_place + begin)

    def _spread(self, place: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return where control questions come among targets that are mixed at random: at an even distance."""
        if not len(place):
            return np.zeros(0)
        least = int(place.min())
        return (place - least + 0.5) / (int(place.max()) - least + 1)

    def _asked(self, asks: list[Ask], place: int) -> pl.DataFrame:
        """Return the questions for *asks*, the first of which has *place*."""
        rows = [
            (ask, (place + index) * len(self.resolvers) + column, resolver.name)
            for index, ask in enumerate(asks)
            for column, resolver in enumerate(self.resolvers)
            if resolver.recursion or not ask.recursion
        ]
        columns = {
            "number": [number for _, number, _ in rows],
            "domain_set": [None] * len(rows),
            "purpose": [ask.purpose for ask, _, _ in rows],
            "qname": [ask.qname for ask, _, _ in rows],
            "qtype": [ask.qtype for ask, _, _ in rows],
            "resolver": [name for _, _, name in rows],
            "repeat": [0] * len(rows),
        }
        schema = {name: dtype for name, dtype in Questions.schema.items() if name != "due"}
        return pl.DataFrame(columns, schema=schema)

    def _targets(self, first: int, last: int) -> pl.DataFrame:
        """Return the questions for the names from *first* up to *last* of one round, set by set."""
        qtypes = self.config.qtypes
        start = (len(self.opening) + first * len(qtypes)) * len(self.resolvers)
        repeat = first // max(1, self.names)
        first, last = first - repeat * self.names, last - repeat * self.names
        parts = [
            domain_set.qnames.slice(max(0, first - begin), min(last, end) - max(first, begin))
            .to_frame("qname")
            .with_columns(domain_set=pl.lit(domain_set.name))
            for domain_set, (begin, end) in zip(self.config.domain_sets, pairwise(self._ends.tolist()), strict=True)
            if begin < last and first < end
        ]
        if not parts:
            return self._asked([], 0)
        names = pl.concat(parts)
        width = len(qtypes) * len(self.resolvers)
        count = names.height * width
        each = np.arange(max(names.height, width), dtype=np.uint32)
        of_name = pl.DataFrame(
            {
                "qtype": pl.Series(qtypes, dtype=pl.String).gather(each[:width] // len(self.resolvers)),
                "resolver": pl.Series([r.name for r in self.resolvers] * len(qtypes), dtype=pl.String),
            }
        )
        asked = pl.concat(
            [
                names[pl.Series(np.repeat(each[: names.height], width))],
                of_name[pl.Series(np.tile(each[:width], names.height))],
            ],
            how="horizontal",
        )
        return asked.select(
            pl.Series("number", np.arange(start, start + count, dtype=np.uint64)),
            "domain_set",
            pl.lit(Purpose.TARGET, dtype=Questions.schema["purpose"]).alias("purpose"),
            "qname",
            "qtype",
            "resolver",
            pl.lit(repeat, dtype=pl.UInt8).alias("repeat"),
        )


def _before(target: int) -> int:
    """Return how many control questions come before a target; the first is in the middle of the first ``EVERY``."""
    return (target + EVERY // 2) // EVERY


def _is_here(resolver: Resolver) -> bool:
    """Say whether a resolver is on this machine; of one whose address is not looked up yet, no."""
    return resolver.located and ipaddress.ip_address(resolver.address).is_loopback


def _window(resolver: Resolver) -> int:
    """Return how many queries may be in flight to a resolver; more than it answers in time pile up there."""
    return resolver.window or max(LEAST_WINDOW, min(MOST_WINDOW, int(resolver.qps / 4)))


def _paces(resolvers: tuple[Resolver, ...]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each resolver the index of its address, and for each of these its qps.

    Kindness is to the machine, whatever the port. Only on loopback do many resolvers share an address.
    """
    keys: dict[tuple[str, int | None], int] = {}
    places = [(r.address, r.port if _is_here(r) else None) for r in resolvers]
    index = np.array([keys.setdefault(place, len(keys)) for place in places], np.int64)
    qps = np.full(len(keys), np.inf)
    np.minimum.at(qps, index, np.array([r.qps for r in resolvers], np.float64))
    return index, qps
