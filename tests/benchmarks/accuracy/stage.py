"""A stage: resolvers, names and what happens to them -> who says what on which day, and what was true.

Everything that chance decides is drawn from a key (a hash of the seed and of what it is about), never from a
sequence: a day can be told without the ones before it, and adding a name changes no other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

SITES = 9  # places in the world; a country is near one of them
LOST = 0.7  # of the queries of a bad hour
CONTROL, TESTED = "control", "test"
ERRORS = {
    "nxdomain": "NXDOMAIN",
    "nodata": "NODATA",
    "servfail": "SERVFAIL",
    "refused": "REFUSED",
    "timeout": "TIMEOUT",
}


@dataclass(frozen=True, slots=True)
class Who:
    """One resolver. *loss*: share of its hours that are bad; in a bad one most of its replies are lost."""

    name: str
    country: str
    asn: int
    kind: str = "isp"  # control, isp, national, public, family, adblock
    site: int = 0
    loss: float = 0.0
    transports: tuple[str, ...] = ("udp",)

    @property
    def role(self) -> str:
        """Whether it is one that others are compared with."""
        return CONTROL if self.kind == "control" else TESTED


@dataclass(frozen=True, slots=True)
class Name:
    """One name, and how it is hosted at the network *asn*.

    plain: one address; ring: a window that turns over a pool; near: a pool at each site; inside: caches in the
    networks of providers; drift: addresses that are replaced one after the other.
    """

    name: str
    hosting: str = "plain"
    asn: int = 1
    pool: int = 1
    shown: int = 1
    alias: str = ""
    six: bool = False  # AAAA is asked for as well
    tls: bool = True
    role: str = TESTED


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that befalls *names* at *resolvers* (empty: all) from day *start* until before *end*.

    *how*: an RCODE or timeout in lower case, addresses with a space between, ``host:N`` (the names are at network
    N), or ``pool:N`` (a random one of N addresses of others). *share* of the queries; *over* that transport only.
    A *mechanism* makes it a block; a *cause* tells why it is none. What has *layer* 0 is about the name itself, 1
    about what a network does with it, 2 about a resolver, and takes the place of what was below.
    """

    how: str
    start: int
    end: int
    names: frozenset[str] = frozenset()
    resolvers: frozenset[str] = frozenset()
    cause: str = ""
    mechanism: str = ""
    share: float = 1.0
    over: str = ""
    alias: str = ""
    layer: int = 1
    bare: bool = False  # the denial claims authority and shows no SOA
    lag: int = 0  # days after which the last of the resolvers has it too
    open: bool = False  # neither right nor wrong to flag


@dataclass(frozen=True, slots=True)
class Reply:
    """What one resolver said once, and what was true of it."""

    rcode: str
    addresses: tuple[str, ...] = ()
    alias: str = ""
    blocked: bool | None = False
    mechanism: str = ""
    cause: str = ""
    aa: bool = False
    soa: str = ""


@dataclass(frozen=True)
class Stage:
    """Who is there, and what happens."""

    title: str
    seed: int
    days: int
    resolvers: Sequence[Who]
    names: Sequence[Name]
    happenings: Sequence[Happening]
    runs: int = 1  # a day
    owners: dict[str, int] = field(default_factory=dict)  # of addresses given

    def chance(self, *key: object) -> float:
        """Return a number from 0 up to 1 that belongs to *key*."""
        digest = blake2b(repr((self.seed, key)).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") / 2**64

    def pick(self, count: int, *key: object) -> int:
        """Return a number below *count* that belongs to *key*."""
        return int(self.chance(*key) * count)

    def address(self, asn: int, host: int, *, six: bool = False) -> str:
        """Return an address of the network *asn*; a network has a prefix of its own."""
        text = f"2a10:{asn:x}::{host + 1:x}" if six else f"{20 + asn // 200}.{asn % 200}.{host // 250}.{1 + host % 250}"
        self.owners[text] = asn
        return text

    def replies(self, day: int, run: int) -> Iterator[tuple[Who, str, Name, str, Reply]]:
        """Yield resolver, transport, name, qtype and reply of each question of one run."""
        active = [each for each in self.happenings if each.start <= day < each.end]
        for who in self.resolvers:
            mine = [each for each in active if not each.resolvers or who.name in each.resolvers]
            everywhere = sorted((each for each in mine if not each.names), key=lambda each: each.layer)
            by_name: dict[str, list[Happening]] = {}
            for each in mine:
                for befallen in each.names:
                    by_name.setdefault(befallen, []).append(each)
            for name in self.names:
                befalls = sorted([*by_name.get(name.name, ()), *everywhere], key=lambda each: each.layer)
                for qtype in ("A", "AAAA") if name.six else ("A",):
                    for over in who.transports:
                        yield who, over, name, qtype, self._reply(who, over, name, qtype, (day, run), befalls)

    def _reply(
        self, who: Who, over: str, name: Name, qtype: str, when: tuple[int, int], befalls: Sequence[Happening]
    ) -> Reply:
        """Return what is said: the truth, and then layer by layer what becomes of it."""
        cell = (who.name, over, name.name, qtype, *when)
        said = self._truth(who, name, qtype, when)
        for each in befalls:
            late = each.lag and when[0] < each.start + self.pick(each.lag + 1, "lag", who.name, each.how, each.start)
            if (
                late
                or (each.over and each.over != over)
                or self.chance("applies", each.how, each.start, *cell) >= each.share
            ):
                continue
            said = self._befallen(said, each, who, name, qtype, when)
        bad = who.loss and self.chance("hour", who.name, *when, self.pick(12, "hour of", name.name, *when)) < who.loss
        return self._over(said, Reply("TIMEOUT", cause="loss")) if bad and self.chance("lost", *cell) < LOST else said

    def _befallen(self, said: Reply, each: Happening, who: Who, name: Name, qtype: str, when: tuple[int, int]) -> Reply:
        """Return what becomes of a reply."""
        six = qtype == "AAAA"
        if each.how.startswith("host:"):
            moved = Name(name.name, "plain", int(each.how[5:]), six=name.six)
            return Reply("NOERROR", self._truth(who, moved, qtype, when).addresses, cause=each.cause)
        if each.how.startswith("pool:"):
            turn = self.pick(int(each.how[5:]), "pool", who.name, name.name, qtype, *when)
            given: tuple[str, ...] = (self.address(900 + turn % 7, 3000 + turn, six=six),)
        elif each.how in ERRORS:
            given = ()
        else:
            given = tuple(text for text in each.how.split() if (":" in text) == six)
        rcode = ERRORS.get(each.how, "NOERROR")
        rcode = "NOERROR" if rcode == "NODATA" else rcode
        proof = "" if each.bare or given or rcode not in ("NXDOMAIN", "NOERROR") else "test"
        new = Reply(rcode, given, each.alias, aa=each.bare, soa=proof, cause=each.cause, mechanism=each.mechanism)
        if not each.mechanism:
            return self._over(said, new)
        same = rcode == said.rcode and not given and not said.addresses
        return replace(new, blocked=None if same else True)

    @staticmethod
    def _over(said: Reply, new: Reply) -> Reply:
        """Return *new* in the place of *said*; whether that was blocked cannot be known any more."""
        return replace(new, blocked=None if said.blocked is not False else False)

    def _truth(self, who: Who, name: Name, qtype: str, when: tuple[int, int]) -> Reply:
        """Return what is said where nothing happens."""
        day, six = when[0], qtype == "AAAA"
        if name.role == "canary_nx":
            return Reply("NXDOMAIN", soa="test", cause="canary")
        turn, pool = self.pick(name.pool, "turn", who.name, name.name, qtype, *when), name.pool
        asn, first = name.asn, 1000 + self.pick(200, "first", name.name) * 100
        if name.hosting == "near":
            first += who.site * 20
            pool = max(2, name.pool // 2)
        elif (
            name.hosting == "inside"
            and who.kind in ("isp", "national")
            and self.chance("cached", *when, who.name) < 0.8
        ):
            asn, first, pool = who.asn, 5000 + self.pick(400, "first", name.name) * 8, 4
        elif name.hosting == "drift":
            first += day // 2
        hosts = sorted({first + (turn + step) % pool for step in range(name.shown)})
        return Reply("NOERROR", tuple(self.address(asn, host, six=six) for host in hosts), name.alias)
