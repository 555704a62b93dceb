"""Scenario files: YAML -> Scenario, or every mistake at once with its place."""

import difflib
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TypeVar, get_args

from resolver_diff.config import Resolver
from resolver_diff.config.qnames import BadNameError, qname
from resolver_diff.config.text import Notes, Source, read
from resolver_diff.config.yaml import Node, parse
from resolver_diff.errors import ConfigError, LabError
from resolver_diff.lab import saying
from resolver_diff.lab.saying import Sayings
from resolver_diff.lab.scenario import ABSENT, EVERYTHING, Day, Part, Rule, Scenario
from resolver_diff.tables import TransportName

SHIPPED = Path(__file__).parent / "scenarios"
LARGEST = 4 << 20  # octets; a scenario is written by hand
TOP = ("about", "names", "resolvers", "days")
ROLES: tuple[str, ...] = get_args(Resolver.model_fields["role"].annotation)
POLICIES: tuple[str, ...] = get_args(Resolver.model_fields["policy"].annotation)
CARRIED = (TransportName.UDP, TransportName.TCP)  # what the lab's resolvers speak
MOST_DROPS = 9
LONGEST_DELAY = 60.0  # seconds

T = TypeVar("T")


def shipped() -> list[str]:
    """Return the names of the scenarios that come with resolver_diff."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load(scenario: str | Path) -> Scenario:
    """Read a shipped scenario by its name, or any other by its path.

    Raises LabError with every mistake and its place.
    """
    path = SHIPPED / f"{scenario}.yaml" if scenario in shipped() else Path(scenario)
    if not path.is_file():
        hint = f"the scenarios that come with resolver_diff: {', '.join(shipped())}"
        raise LabError(f"there is no scenario `{scenario}`", hint=hint)
    notes = Notes()
    return _scenario(read(path, str(path), LARGEST, notes), path.stem, notes)


def loads(text: str, file: str = "scenario.yaml") -> Scenario:
    """Read a scenario from *text*; *file* is where mistakes are said to stand."""
    octets = text.encode()
    return _scenario(Source(file, octets, hashlib.sha256(octets).hexdigest()), Path(file).stem, Notes())


def _scenario(source: Source | None, name: str, notes: Notes) -> Scenario:
    root = None if source is None else parse(source, notes)
    scenario = None if source is None or root is None else _Reader(source, notes).scenario(root, name)
    try:
        notes.raise_mistakes()
    except ConfigError as error:
        problems = sorted(error.problems, key=lambda problem: (problem.place and problem.place.line) or 0)
        raise LabError(error.message, problems=tuple(problems)) from None
    if scenario is None:
        raise LabError(f"there is nothing in the scenario {name}")
    return scenario


class _Reader:
    """One file being read; what is wrong is noted, and reading goes on."""

    def __init__(self, source: Source, notes: Notes) -> None:
        self.source = source
        self.notes = notes

    def scenario(self, root: Node, name: str) -> Scenario:
        """Read the whole file."""
        top = self.fields(root, TOP)
        for needed in TOP[1:]:
            if needed not in top or top[needed].value in (None, {}):
                self.wrong(top.get(needed, root), f"a scenario needs `{needed}`")
        about = self.text(top["about"]) if "about" in top else ""
        names = {str(key.value): self.name_set(key, node) for key, node in self.keyed(top.get("names"))}
        parts = {str(key.value): self.part(key, node) for key, node in self.keyed(top.get("resolvers"))}
        days = [self.day(key, node) for key, node in self.keyed(top.get("days"))]
        in_order = sorted((day for day in days if day is not None), key=lambda day: day.date)
        scenario = Scenario(name, about, names, parts, tuple(in_order), self.source.sha256)
        self.check_names(top, scenario)
        self.check_resolvers(top, scenario)
        return scenario

    def name_set(self, key: Node, node: Node) -> dict[str, Sayings]:
        """Read one domain set: name -> saying."""
        self.check_word(key, "domain set")
        found = {}
        for name, value in self.keyed(node):
            text = str(name.value)
            if not _is_qname(text):
                self.wrong(
                    name, f"`{text}` is no name to ask for", "lower case, A-labels, a dot in it, none at its end"
                )
            if (said := self.sayings(value)) is not None:
                found[text] = said
        if node.value in (None, {}):
            self.wrong(key, f"there is no name in `{key.value}`")
        return found

    def part(self, key: Node, node: Node) -> Part:
        """Read one resolver."""
        self.check_word(key, "resolver")
        readers: dict[str, Callable[[Node], object]] = {
            "operator": self.text,
            "country": self.country,
            "role": lambda value: self.one_of(value, ROLES),
            "policy": lambda value: self.one_of(value, POLICIES),
            "transports": self.transports,
            "forwards": self.text,
            "delay": lambda value: self.number(value, LONGEST_DELAY),
            "loss": lambda value: self.number(value, 1),
            "egress": self.text,
            "drops": lambda value: int(self.number(value, MOST_DROPS)),
            "says": self.rules,
        }
        found = {field: readers[field](value) for field, value in self.fields(node, readers).items()}
        return Part(str(key.value), **found)  # type: ignore[arg-type]  # the readers make what the fields are

    def day(self, key: Node, node: Node) -> Day | None:
        """Read what changes on one date."""
        try:
            day = date.fromisoformat(str(key.value))
        except ValueError:
            self.wrong(key, f"`{key.value}` is no date", "write it as 2026-02-11")
            return None
        everywhere: list[Rule] = []
        rules: dict[str, list[Rule]] = {}
        for who, what in self.keyed(node):
            for word in str(who.value).split():
                resolver, slash, transport = word.partition("/")
                over = self.one_of(who, CARRIED, transport) if slash else None
                if resolver == "everywhere":
                    everywhere += self.rules(what)
                else:
                    rules.setdefault(resolver, []).extend(self.rules(what, over))
        return Day(day, {resolver: tuple(said) for resolver, said in rules.items()}, tuple(everywhere))

    def rules(self, node: Node, transport: TransportName | None = None) -> tuple[Rule, ...]:
        """Read a mapping from what is spoken of to what is said about it."""
        found: list[Rule] = []
        for key, value in self.pairs(node):
            for about in key.split():
                if value.value == "honest":
                    found.append(Rule(about, transport=transport))
                elif (upstream := _upstream(value)) is not None:
                    found.append(Rule(about, like=upstream, transport=transport))
                elif (said := self.sayings(value)) is not None:
                    found.append(Rule(about, said, transport=transport))
        return tuple(found)

    def sayings(self, node: Node) -> Sayings | None:
        """Read a saying, or one for each qtype; null when it is wrong."""
        try:
            return saying.read(node.plain())
        except LabError as error:
            self.wrong(node, error.message, error.hint)
            return None

    def check_names(self, top: Mapping[str, Node], scenario: Scenario) -> None:
        """Note every rule about a name or set that is not there, and names that stand in two sets."""
        seen: dict[str, str] = {}
        for domain_set, names in self.pairs(top.get("names")):
            for key, _ in self.keyed(names):
                if (other := seen.setdefault(str(key.value), domain_set)) != domain_set:
                    self.wrong(key, f"`{key.value}` is in `{other}` already")
        known = {*seen, *scenario.names, EVERYTHING, ABSENT}
        said = [rules for _, day in self.pairs(top.get("days")) for _, rules in self.pairs(day)]
        said += [
            rules
            for _, part in self.pairs(top.get("resolvers"))
            for field, rules in self.pairs(part)
            if field == "says"
        ]
        for rules in said:
            for key, _ in self.keyed(rules):
                for about in str(key.value).split():
                    below = about.startswith("*.") and any(name.endswith(about[1:]) for name in seen)
                    if about not in known and not below:
                        self.unknown(key, "name or domain set", about, known)

    def check_resolvers(self, top: Mapping[str, Node], scenario: Scenario) -> None:
        """Note every resolver that is spoken of and not there, and those that ask each other in a circle."""
        asks: dict[str, set[str]] = {name: set() for name in scenario.parts}
        for name, part in self.pairs(top.get("resolvers")):
            for field, value in self.pairs(part):
                if field == "forwards":
                    self.ask(value, name, str(value.value), asks)
                elif field == "says":
                    self.ask_as(value, [name], asks)
        for _, day in self.pairs(top.get("days")):
            for who, rules in self.keyed(day):
                words = [word.partition("/")[0] for word in str(who.value).split()]
                for word in words:
                    if word not in asks and word != "everywhere":
                        self.unknown(who, "resolver", word, [*asks, "everywhere"])
                self.ask_as(rules, words, asks)

    def ask_as(self, rules: Node, words: Iterable[str], asks: dict[str, set[str]]) -> None:
        """Note that *words* ask every resolver that *rules* liken them to."""
        for _, value in self.pairs(rules):
            if (upstream := _upstream(value)) is not None:
                for word in words:
                    self.ask(value, word, upstream, asks)

    def ask(self, node: Node, who: str, upstream: str, asks: dict[str, set[str]]) -> None:
        """Note that *who* asks *upstream*, unless it cannot."""
        if who == "everywhere":
            self.wrong(node, "`as` is said of a resolver, not of everywhere")
        elif upstream not in asks:
            self.unknown(node, "resolver", upstream, asks)
        elif who in _reached(upstream, asks):
            self.wrong(node, f"`{who}` and `{upstream}` would ask each other in a circle")
        else:
            asks.setdefault(who, set()).add(upstream)

    def fields(self, node: Node, known: Collection[str]) -> dict[str, Node]:
        """Read a mapping whose keys are fields."""
        found = {}
        for key, value in self.keyed(node):
            if (field := str(key.value)) in known:
                found[field] = value
            else:
                self.unknown(key, "field", field, known)
        return found

    def pairs(self, node: Node | None) -> Iterator[tuple[str, Node]]:
        """Yield the pairs of a mapping; nothing counts as an empty one."""
        return ((str(key.value), value) for key, value in self.keyed(node))

    def keyed(self, node: Node | None) -> list[tuple[Node, Node]]:
        """Return the pairs of a mapping, the key with its place."""
        if node is None or node.value is None:
            return []
        if isinstance(node.value, dict):
            return [(node.keys[name], value) for name, value in node.value.items()]
        self.wrong(node, "expected a mapping: `key: value`")
        node.value = None  # say it once, however often it is read
        return []

    def text(self, node: Node) -> str:
        if isinstance(node.value, str) and node.value.strip() and node.value.isprintable():
            return node.value
        self.wrong(node, "expected text")
        return ""

    def country(self, node: Node) -> str:
        text = self.text(node)
        if not re.fullmatch("[A-Z]{2}", text):
            self.wrong(node, "expected a country: two capital letters, ISO 3166-1")
        return text

    def check_word(self, key: Node, what: str) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", str(key.value)):
            self.wrong(key, f"`{key.value}` is no name for a {what}", "small letters, digits, `-` and `_`")

    def number(self, node: Node, most: float) -> float:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool) and 0 <= node.value <= most:
            return float(node.value)
        self.wrong(node, f"expected a number from 0 to {most:g}")
        return 0.0

    def transports(self, node: Node) -> tuple[TransportName, ...]:
        listed = node.value if isinstance(node.value, list) else [node]
        return tuple(dict.fromkeys(self.one_of(each, CARRIED) for each in listed)) or CARRIED[:1]

    def one_of(self, node: Node, choices: tuple[T, ...], text: str | None = None) -> T:
        text = str(node.value) if text is None else text
        for choice in choices:
            if str(choice) == text:
                return choice
        self.unknown(node, "word", text, [str(choice) for choice in choices])
        return choices[0]

    def unknown(self, node: Node, what: str, text: str, known: Iterable[str]) -> None:
        """Note a word that is none of *known*."""
        words = sorted(known)
        close = difflib.get_close_matches(text, words, 1)
        hint = f"did you mean `{close[0]}`?" if close else f"known: {', '.join(words)}"
        self.wrong(node, f"unknown {what} `{text}`", hint)

    def wrong(self, node: Node, message: str, hint: str | None = None) -> None:
        """Note a mistake, and where it stands."""
        self.notes.mistake(message, self.source.place(node.line, node.column), hint)


def _is_qname(text: str) -> bool:
    """Return whether *text* is a name in the form it is stored in; one without a dot would be taken for a set."""
    try:
        return "." in text and qname(text) == text
    except BadNameError:
        return False


def _upstream(node: Node) -> str | None:
    """Return the resolver that `as ...` names; null for any other rule."""
    return node.value[3:].strip() if isinstance(node.value, str) and node.value.startswith("as ") else None


def _reached(start: str, asks: Mapping[str, set[str]]) -> set[str]:
    """Return every resolver that *start* asks, itself included."""
    reached, left = {start}, [start]
    while left:
        new = asks.get(left.pop(), set()) - reached
        reached |= new
        left += new
    return reached
