"""A made-up world of two hundred names, forty-odd resolvers in ten countries, and thirty days, from a seed.

Blocks come as lists: a country has some names denied or answered otherwise at once, by one means, at all or some of its
providers, who follow within days; now and then a single one, or one that leaks. Beside them happens what happens
anyway: names move, lapse and come back, networks fail, resolvers lose hours of replies, are captive, refuse what is too
fast, or filter what their users asked them to. Countries have codes that ISO 3166-1 leaves to users.
"""

from collections.abc import Iterator, Sequence

from benchmarks.accuracy.stage import SITES, Happening, Name, Stage, Who

COUNTRIES = ("XA", "XB", "XC", "XD", "XE", "XF", "XG", "XH", "XI", "XJ")
OPERATORS = (11, 12, 13, 14, 15, 11, 12, 16)  # networks of the controls: some have two
HOSTINGS = ("plain", "plain", "plain", "plain", "ring", "ring", "near", "near", "inside", "drift")
MEANS = (
    "nxdomain",
    "nodata",
    "servfail",
    "refused",
    "timeout",
    "bogon",
    "blockpage",
    "blockpage_cloud",
    "blockpage_cname",
    "injected",
)
NETWORK, HOST = 100, 40  # the first ones of providers, and of those that host
HOSTS = 24


def world(seed: int, names: int = 200, days: int = 30) -> Stage:
    """Return the stage of one seed."""
    empty = Stage("world", seed, days, (), (), ())
    resolvers, given = tuple(_resolvers(empty)), tuple(_names(empty, names))
    told = [*_innocent(empty, resolvers, given), *_troubles(empty, resolvers, given), *_blocks(empty, resolvers, given)]
    return Stage(f"world-{seed}", seed, days, resolvers, given, told, owners=empty.owners)


def _resolvers(dice: Stage) -> Iterator[Who]:
    for place, asn in enumerate(OPERATORS):
        yield Who(f"control-{place}", "US", asn, "control", site=place % SITES)
    for place, country in enumerate(COUNTRIES):
        for nth in range(3 + dice.pick(2, "providers", country)):
            bad = dice.chance("bad", country, nth)
            loss = 0.002 if bad > 0.15 else 0.05 + bad
            kind = "national" if nth == 0 and place % 5 == 0 else "isp"
            yield Who(f"{country.lower()}-{kind}-{nth}", country, NETWORK + place * 5 + nth, kind, place % SITES, loss)
    yield Who("filter-family", "XA", 17, "family", 3)
    yield Who("filter-ads", "XD", 18, "adblock", 5)


def _names(dice: Stage, count: int) -> Iterator[Name]:
    for place in range(8):
        yield Name(f"steady-{place}.test", asn=HOST + place, role="control")
    for place in range(2):
        yield Name(f"nothing-{place}.test", role="canary_nx")
    for place in range(count):
        hosting = HOSTINGS[dice.pick(len(HOSTINGS), "hosting", place)]
        pool = 1 if hosting == "plain" else 3 + dice.pick(14, "pool", place)
        name = f"n{place:03}.s{place // 2}.test"
        alias = f"edge{dice.pick(40, 'edge', place)}.host.test" if dice.chance("alias", place) < 0.35 else ""
        shown = 1 + dice.pick(min(pool, 3), "shown", place)
        asn = HOST + dice.pick(HOSTS, "host", place)
        six, tls = dice.chance("six", place) < 0.2, dice.chance("tls", place) < 0.93
        yield Name(name, hosting, asn, pool, shown, alias, six, tls)


def _innocent(dice: Stage, resolvers: Sequence[Who], names: Sequence[Name]) -> Iterator[Happening]:
    """Yield what befalls names, wherever they are asked for."""
    tested = [name for name in names if name.role == "test"]
    for nth, name in enumerate(tested):
        fate, day = dice.chance("fate", nth), 3 + dice.pick(dice.days - 6, "when", nth)
        one = frozenset([name.name])
        if fate < 0.04:
            move = f"host:{HOST + dice.pick(HOSTS, 'new host', nth)}"
            yield Happening(move, day, dice.days, one, cause="migration", layer=0, lag=3)
        elif fate < 0.065:
            how, cause = ("nxdomain", "expiry") if fate < 0.055 else (dice.address(39, 77), "parking")
            yield Happening(how, day, dice.days, one, cause=cause, layer=0)
        elif fate < 0.075:
            yield Happening("nxdomain", 0, day, one, cause="not_yet_registered", layer=0)
        elif fate < 0.085:
            half = frozenset(who.name for who in resolvers if dice.chance("validates", who.name) < 0.5)
            yield Happening("servfail", day, day + 2, one, half, cause="dnssec_failure", layer=0)
    for nth in range(4):
        host, day = HOST + dice.pick(HOSTS, "failing", nth), dice.pick(dice.days - 2, "failing on", nth)
        there = frozenset(name.name for name in tested if name.asn == host)
        area = dice.pick(SITES, "area", nth)
        who = frozenset(who.name for who in resolvers if nth % 2 and who.site == area)
        cause = "regional_outage" if who else "provider_outage"
        if there:
            yield Happening("servfail", day, day + 1 + nth % 2, there, who, cause, share=0.9, layer=0)


def _troubles(dice: Stage, resolvers: Sequence[Who], names: Sequence[Name]) -> Iterator[Happening]:
    """Yield what befalls resolvers, whatever they are asked for."""
    tested = [name for name in names if name.role == "test"]
    providers = [who for who in resolvers if who.kind == "isp"]

    def one(key: str) -> Who:
        return providers[dice.pick(len(providers), "who", key)]

    def day(key: str) -> int:
        return 2 + dice.pick(dice.days - 6, "day", key)

    for key, how, cause, lasts, share in (
        ("dead", "timeout", "dead", dice.days, 1.0),
        ("dying", "timeout", "dead", dice.days, 1.0),
        ("storm", "servfail", "servfail_storm", 1, 0.5),
        ("storm 2", "servfail", "servfail_storm", 2, 0.2),
        ("limited", "refused", "rate_limited", dice.days, 0.03),
        ("limited 2", "refused", "rate_limited", 5, 0.3),
        ("captive", "", "captive", 3, 1.0),
    ):
        who = one(key)
        start = 0 if key in ("dead", "limited") else day(key)
        answer = how or dice.address(who.asn, 9)
        yield Happening(
            answer,
            start,
            min(start + lasts, dice.days),
            frozenset(),
            frozenset([who.name]),
            cause,
            share=share,
            layer=2,
        )
    for filtering, answer in (("filter-family", dice.address(17, 3)), ("filter-ads", "0.0.0.0 ::")):
        some = frozenset(name.name for name in tested if dice.chance("filtered", filtering, name.name) < 0.06)
        yield Happening(answer, 0, dice.days, some, frozenset([filtering]), "policy_filter")


def _blocks(dice: Stage, resolvers: Sequence[Who], names: Sequence[Name]) -> Iterator[Happening]:
    """Yield the lists of each country; a name is on one list only."""
    free = [name.name for name in names if name.role == "test"]
    free.sort(key=lambda name: dice.chance("listed", name))
    for nth, country in enumerate([*COUNTRIES[:7], *COUNTRIES[:3]]):
        key = (country, nth)
        mechanism = MEANS[(nth + dice.pick(len(MEANS), "first means")) % len(MEANS)]
        providers = [who for who in resolvers if who.country == country and who.kind in ("isp", "national")]
        partly = dice.chance("partly", *key) < 0.4
        struck = [who for who in providers if not partly or dice.chance("struck", who.name, *key) < 0.6] or providers[
            :1
        ]
        taken, free = free[: 1 + dice.pick(6, "how many", *key)], free[1 + dice.pick(6, "how many", *key) :]
        start = 0 if dice.chance("old", *key) < 0.3 else 4 + dice.pick(dice.days - 8, "start", *key)
        ends = dice.chance("ends", *key) < 0.35
        end = min(dice.days, start + 3 + dice.pick(10, "lasts", *key)) if ends else dice.days
        share = 0.6 if dice.chance("leaks", *key) < 0.2 else 1.0
        alias = f"notice.{country.lower()}.test" if mechanism == "blockpage_cname" else ""
        for who in struck:
            how = _how(dice, mechanism, who)
            late = 0 if start == 0 else dice.pick(3, "late", who.name, *key)
            if start + late < end:
                yield Happening(
                    how, start + late, end, frozenset(taken), frozenset([who.name]), "", mechanism, share, alias=alias,
                    bare=dice.chance("bare", country) < 0.5,
                )  # fmt: skip


def _how(dice: Stage, mechanism: str, who: Who) -> str:
    """Return what a block says at one provider."""
    pages = {
        "bogon": "10.66.6.6 fd00::66",
        "blockpage": " ".join(dice.address(who.asn, 66, six=six) for six in (False, True)),
        "blockpage_cloud": " ".join(dice.address(HOST + 1, 9066, six=six) for six in (False, True)),
        "blockpage_cname": " ".join(dice.address(who.asn, 67, six=six) for six in (False, True)),
        "injected": "pool:60",
    }
    return pages.get(mechanism, mechanism)
