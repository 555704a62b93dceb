"""What is known to have happened, and what happens every day, each as a small labelled world.

Names and resolvers are made up where the real ones do not matter; what was said, by whom and in which order is
as it was reported. A scenario without a block is right when nobody is alarmed.
"""

from collections.abc import Callable, Sequence

from benchmarks.accuracy.stage import Happening, Name, Stage, Who

DAYS = 12
QUIET = 30  # names that nothing happens to
HOST, OTHER_HOST = 40, 41
CONTROLS = tuple(Who(f"control-{place}", "US", 11 + place, "control", site=place) for place in range(6))
STEADY = tuple(Name(f"steady-{place}.test", asn=50 + place, role="control") for place in range(4))
CANARY = (Name("nothing.test", role="canary_nx"),)
ABROAD = tuple(
    Who(f"{country.lower()}-isp", country, 120 + place) for place, country in enumerate(("FR", "BR", "IN", "JP"))
)


def quiet(count: int = QUIET) -> list[Name]:
    """Return names of several kinds of hosting that nothing happens to."""
    kinds = ("plain", "plain", "ring", "near", "inside", "drift")
    return [
        Name(f"quiet-{place:02}.test", kinds[place % len(kinds)], HOST + place % 7, 1 if place % len(kinds) < 2 else 8)
        for place in range(count)
    ]


def listed(*names: str) -> list[Name]:
    """Return names that something happens to, each at a network of its own."""
    return [Name(name, "plain", 60 + place) for place, name in enumerate(names)]


def every(names: Sequence[Name]) -> frozenset[str]:
    """Return what they are called."""
    return frozenset(name.name for name in names)


def told(
    title: str,
    resolvers: Sequence[Who],
    names: Sequence[Name],
    *happenings: Happening,
    days: int = DAYS,
    runs: int = 1,
) -> Stage:
    """Return the stage of a scenario: six controls, some providers abroad, and whom it is about."""
    cast = (*CONTROLS, *ABROAD, *resolvers)
    given = {text for each in happenings for text in each.how.split() if text.startswith("20.")}
    owners = {text: int(text.split(".")[1]) for text in given}
    return Stage(title, 2026, days, cast, (*STEADY, *CANARY, *quiet(), *names), happenings, runs, owners)


def nsdi_february_2026() -> Stage:
    """Names vanish at a register, the first a day ahead; one provider forwards to it, another looks up itself."""
    who = [Who(f"nsdi-{each}", "RU", 100, "national") for each in "ab"]
    who += [Who("ru-forwards", "RU", 101), Who("ru-recurses", "RU", 102)]
    first = listed("video.test")
    then = listed(
        "video.test", "chat.test", "web.chat.test", "social.test", "photos.test", "tunnel.test", "onion.test"
    )[1:]
    there = frozenset(["nsdi-a", "nsdi-b", "ru-forwards"])
    gone = [
        Happening("nxdomain", start, DAYS, every(names), there, mechanism="nxdomain", bare=True)
        for start, names in ((5, first), (6, then))
    ]
    return told("NSDI, February 2026", who, [*first, *then], *gone)


def redirected_udp_august_2026() -> Stage:
    """From inside, UDP to public resolvers is answered by a register now and then; TCP to them tells the truth."""
    both = ("udp", "tcp")
    who = [Who(f"inside-{each}", "RU", 110 + place, "public", transports=both) for place, each in enumerate(("g", "c"))]
    names = listed("video.test", "chat.test", "tracker.test")
    there = every_resolver(who)
    forged = Happening("nxdomain", 6, DAYS, every(names), there, mechanism="nxdomain", share=0.3, over="udp", bare=True)
    return told("redirected UDP, August 2026", who, names, forged, runs=5)


def every_resolver(resolvers: Sequence[Who]) -> frozenset[str]:
    """Return what they are called."""
    return frozenset(who.name for who in resolvers)


def germany_2025() -> Stage:
    """Providers go from a notice behind a CNAME to a denial, one later than the others: nothing is unblocked."""
    who = [Who(f"de-isp-{place}", "DE", 130 + place) for place in range(4)]
    names = listed("films.test", "series.test", "books.test", "matches.test")
    changes = {"de-isp-0": 4, "de-isp-1": 4, "de-isp-2": 4, "de-isp-3": 8}
    happenings = []
    for one, day in changes.items():
        notice = Happening(
            "20.131.4.1",
            0,
            day,
            every(names),
            frozenset([one]),
            mechanism="blockpage_cname",
            alias="notice.clearing.test",
        )
        denial = Happening("nxdomain", day, DAYS, every(names), frozenset([one]), mechanism="nxdomain", bare=True)
        happenings += [notice, denial]
    return told("Germany 2025, another mechanism", who, names, *happenings)


def heise_2023() -> Stage:
    """A news site that nobody meant gets the notice at some resolvers of one provider, now and then, five days."""
    who = [Who(f"de-one-{place}", "DE", 140) for place in range(4)] + [
        Who("de-two", "DE", 141),
        Who("de-three", "DE", 142),
    ]
    names = listed("news.test", "films.test")
    notice = {"mechanism": "blockpage_cname", "alias": "notice.clearing.test"}
    some, all_ = frozenset(["de-one-0", "de-one-2"]), every_resolver(who)
    meant = Happening("20.141.4.1", 0, DAYS, frozenset(["films.test"]), all_, **notice)  # type: ignore[arg-type]
    strayed = Happening("20.141.4.1", 4, 9, frozenset(["news.test"]), some, share=0.5, **notice)  # type: ignore[arg-type]
    return told("1&1 and a news site, 2023", who, names, meant, strayed)


def injection() -> Stage:
    """Every resolver of a country gives random addresses of other companies for some names."""
    who = [Who(f"cn-isp-{place}", "CN", 150 + place) for place in range(4)]
    names = listed("search.test", "social.test", "wiki.test")
    forged = Happening("pool:300", 3, DAYS, every(names), every_resolver(who), mechanism="injected")
    return told("injection", who, names, forged)


def captive_vantage() -> Stage:
    """One resolver gives one address for every name for three days."""
    who = [Who("hotel", "IT", 160), Who("it-isp", "IT", 161)]
    portal = Happening("20.160.0.9", 5, 8, resolvers=frozenset(["hotel"]), cause="captive", layer=2)
    return told("captive vantage", who, [], portal)


def provider_outage() -> Stage:
    """A host's name servers fail for two days: its names end in SERVFAIL nearly everywhere, and come back."""
    who = [Who(f"tr-isp-{place}", "TR", 170 + place) for place in range(3)]
    names = [Name(f"shop-{place}.test", "plain", OTHER_HOST) for place in range(8)]
    failing = Happening("servfail", 5, 7, every(names), cause="provider_outage", share=0.9, layer=0)
    return told("provider outage", who, names, failing)


def cdn_moves() -> Stage:
    """Names move to another network, at some resolvers days later; a whole CDN drifts through its addresses."""
    who = [Who(f"in-isp-{place}", "IN", 180 + place, site=4) for place in range(3)]
    names = [Name(f"moving-{place}.test", "ring", HOST + place % 3, 6, 2, "edge.cdn.test") for place in range(8)]
    moves = [
        Happening(
            f"host:{OTHER_HOST + place}", 3 + place, DAYS, frozenset([name.name]), cause="migration", layer=0, lag=3
        )
        for place, name in enumerate(names)
    ]
    return told("CDN moves", who, names, *moves)


def domain_expiry() -> Stage:
    """Names lapse: denied by everybody, one by one as caches run out; some are parked days later."""
    who = [Who(f"pk-isp-{place}", "PK", 190 + place) for place in range(3)]
    names = listed("lapsed-1.test", "lapsed-2.test", "lapsed-3.test")
    gone = Happening("nxdomain", 4, DAYS, every(names), cause="expiry", layer=0, lag=2)
    parked = Happening("20.39.0.77", 8, DAYS, frozenset(["lapsed-3.test"]), cause="parking", layer=0)
    return told("domain expiry", who, names, gone, parked)


def resolver_outage() -> Stage:
    """One resolver is dead for three days, another fails everything for one, a third loses half of its replies."""
    who = [Who(f"by-isp-{place}", "BY", 195 + place) for place in range(3)]
    dead = Happening("timeout", 4, 7, resolvers=frozenset(["by-isp-0"]), cause="dead", layer=2)
    failing = Happening("servfail", 6, 7, resolvers=frozenset(["by-isp-1"]), cause="servfail_storm", layer=2)
    losing = Happening("timeout", 3, 9, resolvers=frozenset(["by-isp-2"]), cause="loss", share=0.5, layer=2)
    return told("resolver outage", who, [], dead, failing, losing)


def rate_limit() -> Stage:
    """One resolver refuses a third of what it is asked, another now and then says nothing."""
    who = [Who("id-isp-0", "ID", 198), Who("id-isp-1", "ID", 199)]
    refusing = Happening(
        "refused", 2, DAYS, resolvers=frozenset(["id-isp-0"]), cause="rate_limited", share=0.33, layer=2
    )
    silent = Happening("timeout", 2, DAYS, resolvers=frozenset(["id-isp-1"]), cause="rate_limited", share=0.1, layer=2)
    return told("rate limit", who, [], refusing, silent)


SCENARIOS: tuple[Callable[[], Stage], ...] = (
    nsdi_february_2026,
    redirected_udp_august_2026,
    germany_2025,
    heise_2023,
    injection,
    captive_vantage,
    provider_outage,
    cdn_moves,
    domain_expiry,
    resolver_outage,
    rate_limit,
)
