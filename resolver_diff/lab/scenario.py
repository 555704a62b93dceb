"""A scenario: who says what about which name on which day.

    names:                            # the truth: domain set -> name -> saying
      whatsapp: {whatsapp.com: 157.240.205.60}
      control: {example.org: answer}
    resolvers:
      nsdi-a: {operator: MSK-IX, country: RU, role: register}
      google: {operator: Google, role: control, transports: [udp, tcp]}
    days:                             # each changes what the day before said
      2026-02-10:
      2026-02-11:
        nsdi-a: {whatsapp.com: nxdomain aa no-soa}
      2026-08-10:
        google/udp: {"*": as nsdi-a}  # redirected on the way
        everywhere: {example.org: nxdomain}
      2026-08-11:
        google/udp: {"*": honest}

What a rule is about is a name, ``*.name`` (the names below it), a domain set,
``absent`` (names that do not exist) or ``*`` (everything, a resolver's identity
too). A later day wins over an earlier one; within a day the narrower rule wins.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from resolver_diff.config import Config, DomainSet, Names, Resolver
from resolver_diff.lab import saying
from resolver_diff.lab.saying import Saying, Sayings
from resolver_diff.tables import Outcome, TransportName

CONTROL = "control"  # the domain set of the control names
ABSENT, EVERYTHING = "absent", "*"
NODATA = saying.parse("nodata")
NXDOMAIN = saying.parse("nxdomain")
IDENTITY = ("id.server", "hostname.bind", "version.bind")  # asked in class CH
EGRESS = ("whoami.akamai.net", "o-o.myaddr.l.google.com")  # answer with the address that asked


@dataclass(frozen=True, slots=True)
class Rule:
    """What is said about some questions: *sayings*, what the resolver *like* says, or else the truth."""

    about: str
    sayings: Sayings | None = None
    like: str | None = None
    transport: TransportName | None = None  # null: over every transport

    def width(self, qname: str, domain_set: str | None, *, absent: bool) -> int | None:
        """Return how widely the rule reaches beyond this name, 0 being the name itself; null when it does not apply."""
        if self.about == qname:
            return 0
        if self.about.startswith("*.") and qname.endswith(self.about[1:]):
            return 1 + len(qname) - len(self.about)
        if self.about == domain_set:
            return 1000
        if self.about == ABSENT and absent:
            return 1001
        return 1002 if self.about == EVERYTHING else None


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A resolver as it is played: the fields of resolvers.yaml that matter, and its ways."""

    name: str
    operator: str | None = None
    country: str | None = None
    role: str = "public"
    policy: str = "unfiltered"
    transports: tuple[TransportName, ...] = (TransportName.UDP,)
    forwards: str | None = None  # the resolver it asks instead of the Internet
    delay: float = 0.0  # seconds before each reply
    loss: float = 0.0  # share of queries that stay unanswered, over UDP
    egress: str | None = None  # the address authoritative servers see; null: one made from the name
    drops: int = 0  # how many attempts of each question stay unanswered, over UDP
    says: tuple[Rule, ...] = ()  # on every day, until a day says otherwise

    def entry(self, transport: TransportName) -> str:
        """Return the name of its entry in resolvers.yaml; entries after the first say their transport."""
        return self.name if transport == self.transports[0] else f"{self.name}-{transport}"


@dataclass(frozen=True, slots=True)
class Day:
    """What changes on a date: at single resolvers, and everywhere."""

    date: date
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    everywhere: tuple[Rule, ...] = ()


@dataclass(frozen=True, eq=False)
class Scenario:
    """Names with the truth about them, resolvers, and days."""

    name: str
    about: str
    names: Mapping[str, Mapping[str, Sayings]]  # domain set -> name -> what an honest resolver says
    parts: Mapping[str, Part]
    days: tuple[Day, ...]
    sha256: str = ""  # of the file

    @cached_property
    def dates(self) -> tuple[date, ...]:
        """The dates of the scenario, in order."""
        return tuple(day.date for day in self.days)

    @cached_property
    def domain_set_of(self) -> Mapping[str, str]:
        """Every name of the scenario, and the set it is in."""
        return {qname: domain_set for domain_set, names in self.names.items() for qname in names}

    def said(self, day: date, part: Part, transport: TransportName, qname: str, qtype: str) -> tuple[Saying, Part]:
        """Return what is said to a question, and by which resolver in the end."""
        domain_set, absent = self.domain_set_of.get(qname), self._absent(day, qname)
        for rules in self._layers(day, part):
            heard = [rule for rule in rules if rule.transport in (None, transport)]
            for rule in _narrowest_first(heard, qname, domain_set, absent=absent):
                if rule.like is not None:
                    return self.said(day, self.parts[rule.like], transport, qname, qtype)
                if rule.sayings is None:
                    return self.truth(day, qname, qtype, part), part
                if (found := saying.of(rule.sayings, qtype)) is not None:
                    return found, part
        if part.forwards is not None:
            return self.said(day, self.parts[part.forwards], transport, qname, qtype)
        return self.truth(day, qname, qtype, part), part

    def truth(self, day: date, qname: str, qtype: str, part: Part) -> Saying:
        """Return what *part* says to a question when it hides nothing."""
        changes = (
            rule
            for rules in self._layers(day, None)
            for rule in _narrowest_first(rules, qname, self.domain_set_of.get(qname), absent=False)
        )
        for rule in changes:
            if rule.sayings is None:  # as it was on the first day
                break
            if (found := saying.of(rule.sayings, qtype)) is not None:
                return found
        if (domain_set := self.domain_set_of.get(qname)) is not None:
            return saying.of(self.names[domain_set][qname], qtype) or NODATA
        return self._identity(part, qname, qtype) or NXDOMAIN

    def listens(self, day: date, part: Part, transport: TransportName) -> bool:
        """Return whether a resolver takes queries that day, be it only to stay silent."""
        said, _ = self.said(day, part, transport, EVERYTHING, "A")
        return said.outcome is not Outcome.UNREACHABLE

    def config(
        self, ports: Mapping[str, int], *, timeout: float = 0.25, attempts: int = 3, qps: float = 1000.0
    ) -> Config:
        """Return the config that asks these resolvers, on 127.0.0.1 at *ports*, for all names of the scenario."""
        resolvers = [
            Resolver.model_validate(
                {
                    "name": part.entry(transport),
                    "address": "127.0.0.1",
                    "port": ports[part.name],
                    "transport": transport,
                    "operator": part.operator,
                    "country": part.country,
                    "role": part.role,
                    "policy": part.policy,
                    "qps": qps,
                }
            )
            for part in self.parts.values()
            for transport in part.transports
        ]
        sets = [
            DomainSet(name, f"{self.name}.yaml", Names.of(sorted(names)))
            for name, names in sorted(self.names.items())
            if name != CONTROL
        ]
        return Config(
            resolvers=tuple(resolvers),
            domain_sets=tuple(sets),
            control_names=tuple(sorted(self.names.get(CONTROL, ()))),
            qtypes=("A", "AAAA"),
            attempts=attempts,
            timeout=timeout,
            warnings=(),
            inputs={f"{self.name}.yaml": self.sha256},
        )

    def _layers(self, day: date, part: Part | None) -> Iterator[tuple[Rule, ...]]:
        """Yield the rules of a resolver, or those that hold everywhere, from *day* back to the beginning."""
        for earlier in reversed(self.days):
            if earlier.date <= day:
                yield earlier.everywhere if part is None else earlier.rules.get(part.name, ())
        if part is not None:
            yield part.says

    def _absent(self, day: date, qname: str) -> bool:
        if qname == EVERYTHING or qname in IDENTITY or qname in EGRESS:
            return False
        return self.truth(day, qname, "A", next(iter(self.parts.values()))).outcome is Outcome.NXDOMAIN

    def _identity(self, part: Part, qname: str, qtype: str) -> Saying | None:
        """Return what *part* says about itself; null when it is not asked."""
        wanted = "A" if qname == EGRESS[0] else "TXT"
        if qname not in (*IDENTITY, *EGRESS):
            return None
        if qtype != wanted:
            return NODATA
        text = "lab" if qname == "version.bind" else part.name
        if qname in EGRESS:
            text = part.egress or str(saying.address(f"egress.{part.name}", "A"))
        return Saying(Outcome.ANSWER, answer=(text if wanted == "A" else f'"{text}"',), ttl=0)


def _narrowest_first(
    rules: tuple[Rule, ...] | list[Rule], qname: str, domain_set: str | None, *, absent: bool
) -> list[Rule]:
    reach = [(rule.width(qname, domain_set, absent=absent), rule.transport is None, rule) for rule in rules]
    fitting = [(width, any_transport, rule) for width, any_transport, rule in reach if width is not None]
    return [rule for _, _, rule in sorted(fitting, key=lambda found: found[:2])]
