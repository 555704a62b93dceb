"""Stories: what resolvers said on two dates, in a few lines of YAML, and what must be said about it.

    about: Silence after a denial is no news.
    before: {nsdi-a: {gone.example: nxdomain}}
    after: {nsdi-a: {gone.example: timeout}}
    changes: []

A story tells only what is special. The cast below is asked about every name of the story, about
thirty quiet names, control names and a canary, and says what is true where nothing else is said.
What is true is an address derived from the name, or what *truth* says about it. In place of a
resolver may stand ``everyone``, ``controls`` or a country; in place of a name ``"*"`` (every name,
control names too), ``quiet`` or ``canary``. The narrower one wins, and the later one among equals.
Where a saying may stand, ``referral`` may: name servers of the root, and nothing else; and ``withheld``:
the question was not asked. A list of sayings is what is said each time, where *repeats* says that
names are asked for so many times.

*changes* and *today* (the later date judged alone, the earlier ones its history) list exactly the
anomalies: ``vanished nxdomain nsdi-a gone.example``, with the qtype when it is not both. *evidence*
names some of the evidence on them, *silent* some that a cell must not have, *health* the conditions
that are not well, *finds* part of what is said of a resolver, *events* how many there are, *says* the
sentence of one of them, *entered* and *left* what only one date has. *moved* names the domain set
into which names go on the later date. *origins* says whose an address is (``64500 EXAMPLE``),
*identity* from which address a resolver's queries leave, ``1.2.3.4`` or ``before -> after``, and after a
comma its version and NSID; *known* what stands for blocked names; *certificates* what is wrong with the
one that an address shows for a name, null if nothing; a list says it of the first handshake and a second one.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from resolver_diff.config import Resolver
from resolver_diff.diff import Diff, anomalies, diff
from resolver_diff.lab import saying
from resolver_diff.lab.saying import Saying, Sayings
from resolver_diff.snapshot import Run, Snapshot
from resolver_diff.tables import FAILURES, SILENCES, Certificates, KnownAnswers, Observations, Origins, Outcome, Purpose

FOLDER = Path(__file__).parent / "scenarios"
ONE_PROCESS = pytest.mark.xdist_group("stories")  # for files whose tests play them: there each is played once
CAST: dict[str, dict[str, Any]] = {
    "quad9": {"role": "control", "country": "CH", "operator": "Quad9"},
    "google": {"role": "control", "country": "US", "operator": "Google"},
    "cloudflare": {"role": "control", "country": "US", "operator": "Cloudflare"},
    "opendns": {"role": "control", "country": "US", "operator": "Cisco"},
    "digitalcourage": {"role": "control", "country": "DE", "operator": "Digitalcourage"},
    "nsdi-a": {"role": "register", "country": "RU", "operator": "NSDI", "policy": "national"},
    "nsdi-b": {"role": "register", "country": "RU", "operator": "NSDI", "policy": "national"},
    "isp-ru": {"role": "isp", "country": "RU", "operator": "Beta Telecom"},
    "isp-de": {"role": "isp", "country": "DE", "operator": "Alpha Netz"},
    "isp-ir": {"role": "isp", "country": "IR", "operator": "Gamma"},
    "isp-in": {"role": "isp", "country": "IN", "operator": "Delta"},
    "isp-br": {"role": "isp", "country": "BR", "operator": "Epsilon"},
    "family": {"role": "public", "country": "CY", "operator": "Zeta", "policy": "family"},
}
QUIET = [f"quiet-{number:02}.test" for number in range(30)]
CONTROL = ["control-1.test", "control-2.test", "control-3.test"]
CANARY = "xqzjvbkwpm.test"
QTYPES = ("A", "AAAA")
ATTEMPTS = 3
FIRST = date(2026, 2, 10)


class Referral(Saying):
    """A referral to other name servers, from somebody who does not recurse."""


class Withheld(Saying):
    """Nothing: the question was not asked of a resolver in trouble."""


@dataclass(frozen=True, slots=True)
class Story:
    """One file of tests/scenarios."""

    name: str
    told: Mapping[str, Any]

    @property
    def history(self) -> list[Snapshot]:
        """The dates before the two that are compared, oldest first."""
        earlier = self.told.get("history", [])
        return [self._day(said, FIRST - timedelta(days=len(earlier) - place)) for place, said in enumerate(earlier)]

    @property
    def before(self) -> Snapshot:
        """The earlier date."""
        return self._day(self.told["before"], FIRST)

    @property
    def after(self) -> Snapshot:
        """The later date."""
        after = self._day(self.told["after"], FIRST + timedelta(days=1))
        moved = pl.col("qname").replace_strict(self.told.get("moved", {}), default=None, return_dtype=pl.String)
        told = after.observations.with_columns(domain_set=pl.coalesce(moved, "domain_set"))
        return replace(after, observations=told)

    def diff(self) -> Diff:
        """Judge the two dates."""
        return diff(self.before, self.after, self.history)

    def today(self) -> Diff:
        """Judge the later date alone, the earlier ones its history."""
        return anomalies(self.after, [*self.history, self.before])

    def alone(self) -> Diff:
        """Judge the later date alone, as if it were the first."""
        return anomalies(self.after)

    def _day(self, said: Mapping[str, Any] | None, day: date) -> Snapshot:
        return _Day(self.told, said or {}, day).snapshot()


def read(path: Path) -> Story:
    """Read a story."""
    return Story(path.stem, yaml.safe_load(path.read_text(encoding="utf-8")))


@cache
def play(path: Path) -> Diff:
    """Read a story and judge its two dates."""
    return read(path).diff()


def rows(found: Diff) -> list[str]:
    """Return the anomalies as a story writes them, sorted; both qtypes as one line."""
    seen: dict[tuple[str, ...], list[str]] = {}
    for row in found.anomalies.rows():
        key = tuple(str(row[column]) for column in ("change", "mechanism", "resolver", "qname"))
        seen.setdefault(key, []).append(str(row["qtype"]))
    return sorted(" ".join(key if sorted(types) == list(QTYPES) else (*key, *types)) for key, types in seen.items())


class _Day:
    """What everybody says on one date."""

    def __init__(self, story: Mapping[str, Any], said: Mapping[str, Any], day: date) -> None:
        self.day = day
        self.repeats: int = story.get("repeats", 1)
        self.said = [
            (who, name, [_read(each) for each in (value if isinstance(value, list) else [value])])
            for who, names in said.items()
            if who != "absent"
            for name, value in names.items()
        ]
        self.truth = {name: saying.read(value) for name, value in story.get("truth", {}).items()}
        without = said.get("absent", [])
        cast = {**CAST, **story.get("resolvers", {})}
        self.cast = [_entry(name, place, cast) for place, name in enumerate(cast) if name not in without]
        origins = [(at, *whose.split(" ", 1)) for at, whose in story.get("origins", {}).items()]
        self.origins = Origins.of(pl.DataFrame(origins, ["address", "asn", "organisation"], orient="row"))
        shown = [_handshakes(key, why) for key, why in story.get("certificates", {}).items()]
        columns = ["qname", "address", "valid", "why", "again", "again_why"]
        kinds = {name: dtype for name, dtype in Certificates.schema.items() if name in columns}
        self.certificates = Certificates.of(pl.DataFrame(shown, kinds, orient="row"))
        told = [day for day in (*story.get("history", []), story["before"], story["after"]) if day]
        named = {name for day in told for who, names in day.items() if who != "absent" for name in names}
        listed = pl.DataFrame({"value": story.get("known", [])}, schema={"value": pl.String()})
        self.known = KnownAnswers.of(listed)
        self.identity = {
            who: _shown(text.split(" -> ")[-1 if day > FIRST else 0]) for who, text in story.get("identity", {}).items()
        }
        self.names = sorted({*named, *self.truth} - {"*", "quiet", "canary", *CONTROL} - set(without)) + QUIET

    def snapshot(self) -> Snapshot:
        noon = datetime(self.day.year, self.day.month, self.day.day, 12, tzinfo=UTC)
        rows = [row for entry in self.cast for row in self._rows(entry, noon)]
        rows += [row for entry in self.cast for row in self._who(entry, noon)]
        schema = {name: dtype for name, dtype in Observations.schema.items() if name != "wire"}
        frame = pl.DataFrame(rows, schema={**schema, "domain_set": pl.String()})
        inputs: dict[str, str] = {}
        run = Run(self.day, "home", noon, noon, "0", "story", ATTEMPTS, 4.0, tuple(self.cast), inputs, {})
        return Snapshot(
            self.day, "home", (run,), frame, origins=self.origins, certificates=self.certificates, known=self.known
        )

    def _rows(self, entry: Resolver, noon: datetime) -> Iterator[dict[str, Any]]:
        asked = [(Purpose.CONTROL, name, "A") for name in CONTROL * 2] + [(Purpose.CANARY, CANARY, "A")]
        every = [(Purpose.TARGET, name, qtype) for name in self.names for qtype in QTYPES]
        rounds = [(0, *each) for each in asked]
        rounds += [(repeat, *each) for repeat in range(self.repeats) for each in every]
        for turn, (repeat, purpose, name, qtype) in enumerate(rounds):
            yield from self._question(entry, purpose, name, qtype, noon + timedelta(seconds=turn), repeat)

    def _who(self, entry: Resolver, noon: datetime) -> Iterator[dict[str, Any]]:
        """Yield what *entry* says when it is asked who it is, and from where it asks."""
        egress, version, _ = self.identity.get(entry.name, (None, None, None))
        told = {("whoami.akamai.net", "A"): egress, ("version.bind", "TXT"): version and f'"{version}"'}
        for (qname, qtype), answer in told.items():
            if answer is not None:
                known = {"resolver": entry.name, "transport": str(entry.transport), "purpose": Purpose.IDENTITY}
                asked = {"qname": qname, "qtype": qtype, "repeat": 0, "attempt": 0, "reply": 0, "asked_at": noon}
                yield {**known, **asked, "domain_set": None, "outcome": Outcome.ANSWER, "answer": answer}

    def _question(
        self, entry: Resolver, purpose: Purpose, name: str, qtype: str, at: datetime, repeat: int
    ) -> Iterator[dict[str, Any]]:
        known: dict[str, Any] = {
            "resolver": entry.name,
            "transport": str(entry.transport),
            "purpose": purpose,
            "qname": name,
            "repeat": repeat,
        }
        known |= {"qtype": qtype, "domain_set": "story" if purpose is Purpose.TARGET else None}
        spoken = self._saying(entry, purpose, name, qtype, repeat)
        if isinstance(spoken, Withheld):
            yield {**known, "attempt": 0, "outcome": Outcome.TIMEOUT, "trouble": "not asked: it was silent"}
            return
        # chance is drawn from the question, so that a story is the same whenever it is told
        dice = random.Random(f"{self.day} {entry.name} {name} {qtype} {at}")
        for attempt in range(ATTEMPTS):
            row = {**known, "attempt": attempt, "asked_at": at + timedelta(milliseconds=attempt)}
            outcome = spoken.outcome_for(name, qtype)
            mute = outcome in SILENCES and spoken.then is None
            if mute or dice.random() < spoken.loss:
                cut = True if spoken.tc else None
                yield {**row, "outcome": outcome if mute else Outcome.TIMEOUT, "reply": None, "tc": cut}
                continue
            said: Saying | None = spoken
            reply = 0
            while said is not None:
                turn = self.day.toordinal() + len(entry.name)
                nsid = self.identity.get(entry.name, (None, None, None))[2]
                yield {**row, "reply": reply, "nsid": nsid, **_message(said, name, qtype, turn)}
                said, reply = said.then, reply + 1
            if outcome not in FAILURES or spoken.then is not None:
                return

    def _saying(self, entry: Resolver, purpose: Purpose, name: str, qtype: str, repeat: int) -> Saying:
        """Return what *entry* says: the last of the narrowest words about it, or the truth."""
        whom = {entry.name: 3, entry.country: 2, "controls" if entry.role == "control" else None: 2, "everyone": 1}
        group = "canary" if purpose is Purpose.CANARY else "quiet" if name in QUIET else None
        what = {name: 3, group: 2, "*": 1}
        found: tuple[int, int, Saying] | None = None
        for who, about, each in self.said:
            word = saying.of(each[repeat % len(each)], qtype)
            rank = (what.get(about, 0), whom.get(who, 0))
            if word is not None and all(rank) and (found is None or rank >= found[:2]):
                found = (*rank, word)
        if found is not None:
            return found[2]
        truth = saying.of(self.truth.get(name, {}), qtype)
        return truth or saying.parse("nxdomain" if purpose is Purpose.CANARY else "answer")


def _handshakes(about: str, why: str | list[str | None] | None) -> tuple[object, ...]:
    """Return a row of a certificate, by what was wrong with it: each time the same, or one after the other."""
    first, *second = why if isinstance(why, list) else [why] if why is None else [why, why]
    told = (second[0] is None, second[0]) if second else (None, None)
    return (*about.split(), first is None, first, *told)


def _shown(text: str) -> tuple[str | None, str | None, str | None]:
    """Read egress, version and NSID; what is missing or empty is not told."""
    egress, version, nsid, *_ = [*(part.strip() or None for part in text.split(",")), None, None]
    return egress, version, nsid


def _entry(name: str, place: int, cast: Mapping[str, dict[str, Any]]) -> Resolver:
    facts = dict(cast[name])
    facts.setdefault("address", f"127.0.{place}.1")
    return Resolver(name=name, **{"transport": "udp", "port": 53, **facts})


def _read(value: object) -> Sayings:
    """Read what stands where a saying may stand."""
    if value == "referral":
        return {saying.EVERY_QTYPE: Referral(Outcome.NODATA, soa=False)}
    if value == "withheld":
        return {saying.EVERY_QTYPE: Withheld(Outcome.TIMEOUT)}
    if isinstance(value, Mapping) and {"referral", "withheld"} & {*map(str, value.values())}:
        return {qtype: _read(text)[saying.EVERY_QTYPE] for qtype, text in value.items()}
    return saying.read(value)


def _message(said: Saying, name: str, qtype: str, turn: int) -> dict[str, Any]:
    """Return the columns that come from a message."""
    rdata = sorted(said.rdata(name, qtype, turn))
    text = " ".join(rdata) or None
    outcome = said.outcome_for(name, qtype)
    denier = said.denier(name, qtype)
    refers = isinstance(said, Referral)
    return {
        "outcome": outcome,
        "rcode": said.rcode,
        "aa": said.aa,
        "tc": said.tc,
        "ra": not refers,
        "ad": said.ad,
        "answer": text,
        "answer_hash": None
        if text is None
        else int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little"),
        "cname": " ".join(said.cname) or None,
        "ttl": said.ttl,
        "soa": denier,
        "authority": 13 if refers else int(denier is not None),
        "ede": list(said.ede) or None,
        "ede_text": said.ede_text,
        "size": 100,
        "rtt": timedelta(milliseconds=20, seconds=said.delay),
    }
