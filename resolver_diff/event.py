"""Anomalies of many cells -> events: who, what, where, since when.

Cells that changed the same way, by the same kind of means, on the same date, at the
resolvers of one country and role, over the names of one domain set are one event.
"""

from collections.abc import Sequence
from datetime import date
from hashlib import blake2b

import polars as pl

from resolver_diff.tables import Anomalies, Change, Events, Mechanism

MEANS = {
    Mechanism.NXDOMAIN: "denial",
    Mechanism.NODATA: "denial",
    Mechanism.SERVFAIL: "failure",
    Mechanism.REFUSED: "failure",
    Mechanism.TIMEOUT: "failure",
    Mechanism.BOGON: "other address",
    Mechanism.STUB: "other address",
    Mechanism.BLOCKPAGE: "other address",
    Mechanism.FORGED: "other address",
    Mechanism.INJECTED: "injected",
    Mechanism.POLICY: "policy",
}
SHOWN = {
    Mechanism.NXDOMAIN: "NXDOMAIN",
    Mechanism.NODATA: "NODATA",
    Mechanism.SERVFAIL: "SERVFAIL",
    Mechanism.REFUSED: "REFUSED",
    Mechanism.TIMEOUT: "no reply",
    Mechanism.BOGON: "an address that cannot be public",
    Mechanism.STUB: "one address for unrelated names",
    Mechanism.BLOCKPAGE: "an address known to stand for blocked names",
    Mechanism.FORGED: "an address nobody else gives",
    Mechanism.INJECTED: "an injected reply",
}
DECLARED, FILTERED = "declared policy", "a filter of its own"
ROLES = {"isp": "ISP"}  # the others are words
NO_LONGER = {"no reply": "without a reply", DECLARED: "filtered by declared policy", FILTERED: "filtered"}
VERBS = {
    Change.VANISHED: "vanished",
    Change.DIVERGED: "diverged",
    Change.REAPPEARED: "reappeared",
    Change.CONVERGED: "converged",
}
KEY = ("change", "vantage", "country", "role", "domain_set", "means", "first_bad")
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def gather(anomalies: pl.DataFrame, judged: pl.DataFrame) -> tuple[Anomalies, Events]:
    """Gather *anomalies*, with *last_good* beside and their event not named yet, into events.

    *judged*: domain_set, qname, resolver, country, role of every cell that could be judged on the
    later date; the denominators come from there.
    """
    named = anomalies.with_columns(
        means=pl.col("mechanism").replace_strict(MEANS, return_dtype=pl.String),
        shown=_shown(),
        first_bad=pl.when(_came_back()).then("date_after").otherwise("first_seen"),
    )
    groups = named.select(KEY).unique().sort(KEY, nulls_last=True)
    groups = groups.with_columns(event=pl.Series([_name(row) for row in groups.iter_rows()], dtype=pl.String))
    named = named.drop("event", strict=False).join(groups, on=KEY, how="left", nulls_equal=True, maintain_order="left")
    gathered = named.group_by("event").agg(
        *(pl.col(name).first() for name in KEY),
        pl.col("mechanism").cast(pl.String).unique().sort().alias("mechanisms"),
        pl.col("shown").unique().sort(),
        pl.col("qname").unique().sort().alias("qnames"),
        pl.col("resolver").unique().sort().alias("resolvers"),
        pl.col("operator").unique().sort(nulls_last=True).alias("operators"),
        *(pl.col(name).max() for name in ("date_before", "date_after", "last_good")),
        *(pl.col(name).min() for name in ("controls_agreeing", "controls_asked")),
        cells=pl.len(),
        witnesses=pl.col("resolver").n_unique(),
    )
    gathered = gathered.join(_denominators(named, judged), on="event", how="left").sort(KEY, nulls_last=True)
    says = pl.Series([sentence(row) for row in gathered.iter_rows(named=True)], dtype=pl.String)
    return Anomalies.of(named), Events.of(gathered.with_columns(says=says))


def _came_back() -> pl.Expr:
    return pl.col("change").is_in([Change.REAPPEARED, Change.CONVERGED])


def _shown() -> pl.Expr:
    """Say a mechanism in words; policy is declared only where the resolver said so."""
    declared = pl.col("evidence_for").str.contains("declared_policy", literal=True).fill_null(value=False)
    policy = pl.when(declared).then(pl.lit(DECLARED)).otherwise(pl.lit(FILTERED))
    words = pl.col("mechanism").cast(pl.String).replace_strict(SHOWN, default=None, return_dtype=pl.String)
    return pl.coalesce(words, policy)


def _name(key: Sequence[object]) -> str:
    """Return a short name that depends on nothing but what the event is."""
    text = "\0".join("" if part is None else str(part) for part in key)
    return blake2b(text.encode(), digest_size=5).hexdigest()


def _denominators(named: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """Return per event how many resolvers of its country and role could be judged on one of its names."""
    where = ["domain_set", "qname", "country", "role"]
    wanted = named.select("event", *where).unique()
    able = judged.select(*where, "resolver").join(wanted, on=where, nulls_equal=True)
    return able.group_by("event").agg(denominator=pl.col("resolver").n_unique())


def sentence(event: dict[str, object]) -> str:
    """Say an event in one sentence."""
    change = Change(str(event["change"]))
    names = counted(leading_first(_texts(event["qnames"])), "name")
    verb = VERBS[change] if change is not Change.MECHANISM_CHANGED else _changed(event)
    shown = _texts(event["shown"])
    how, ended = joined(shown, "and"), joined([NO_LONGER.get(words, words) for words in shown], "or")
    agreeing, asked = event["controls_agreeing"], event["controls_asked"]
    against = f"{agreeing} of {asked} controls still answer{'s' if agreeing == 1 else ''}"
    # where two replies came, one of them may be what the controls say
    alone = "" if shown == [SHOWN[Mechanism.INJECTED]] else f"; none of {asked} controls says so"
    tails = {
        Change.VANISHED: f"{how}; {against}",
        Change.DIVERGED: f"{how}{alone}",
        Change.REAPPEARED: f"no longer {ended}",
        Change.CONVERGED: f"no longer {ended}",
        Change.MECHANISM_CHANGED: f"now {how}",
    }
    return f"{names} {verb} {_where(event)} {_when(event)}: {tails[change]}"


def _changed(event: dict[str, object]) -> str:
    return "is lost in another way" if len(_texts(event["qnames"])) == 1 else "are lost in another way"


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def leading_first(names: list[str]) -> list[str]:
    """Put that name in front below which most of the others lie, or else the one of fewest labels."""
    below = dict.fromkeys(names, 0)
    for name in names:
        labels = name.split(".")
        for parent in (".".join(labels[cut:]) for cut in range(1, len(labels))):
            if parent in below:
                below[parent] += 1
    leading = min(names, key=lambda name: (-below[name], name.count("."), name))
    return [leading, *(name for name in names if name != leading)]


def joined(words: list[str], last: str) -> str:
    """Join words as a sentence does."""
    *most, end = words
    return f"{', '.join(most)} {last} {end}" if most else end


def counted(listed: list[str], noun: str) -> str:
    """Name the first of what is *listed*, and say how many more there are."""
    first, *rest = listed
    if not rest:
        return first
    return f"{first} and {len(rest)} more {noun}{'s' if len(rest) > 1 else ''}"


def _where(event: dict[str, object]) -> str:
    """Say at which resolvers; that it is all there are, when it is."""
    resolvers, operators = _texts(event["resolvers"]), _texts(event["operators"])
    if len(resolvers) > 1 and event["witnesses"] == event["denominator"]:
        every = "both" if len(resolvers) == 2 else f"all {len(resolvers)}"
        if len(operators) == 1:
            return f"at {every} {operators[0]} resolvers"
        role, country = str(event["role"]), event["country"]
        return f"at {every} {ROLES.get(role, role)} resolvers" + (f" in {country}" if country else "")
    return f"at {joined(resolvers, 'and')}" if len(resolvers) <= 2 else f"at {counted(resolvers, 'resolver')}"


def _when(event: dict[str, object]) -> str:
    before, after = event["date_before"], event["date_after"]
    if not isinstance(after, date):
        return ""
    if not isinstance(before, date):
        since = event["first_bad"]
        if isinstance(since, date) and since != after:
            return f"since {day_in_words(since)}"
        return f"on {day_in_words(after)}"
    good = event["last_good"]
    before = min(before, good) if isinstance(good, date) else before
    if (before.year, before.month) == (after.year, after.month):
        return f"between {before.day} and {day_in_words(after)}"
    return f"between {day_in_words(before)} and {day_in_words(after)}"


def day_in_words(day: date) -> str:
    """Return a date as a sentence has it."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
