"""What every resolver said on one date, next to what the controls say.

A cell is one question put to one entry of resolvers.yaml over one transport. The
controls' consensus on a question is the kind of reply (an answer, a denial, a
failure) that more than half of the voting operators gave, at least two voting:
one vote per operator, however many addresses and transports it is asked at, and
none where its own entries contradict each other. A control is held against the
others: its own operator's vote is left out. Nothing here is a verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from resolver_diff import _health as health
from resolver_diff import _pools as pools
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import DENIALS, FAILURES, OUTCOME, TRANSPORT, Outcome, Purpose, TransportName

QUORUM = 2  # operators; one control alone is an opinion, not a consensus
KEY = ("domain_set", "qname", "qtype", "resolver", "transport")  # the order of cells in tables
KINDS = pl.Enum(["answer", "denial", "failure", "silence"])
CONSENSUS = pl.Enum(["answer", "nxdomain", "nodata", "failure"])
SEVERAL = 3  # registrable domains, below which one answer for all of them may be chance
POLICY_EDE = (4, 15, 16, 17)  # RFC 8914: Forged Answer, Blocked, Censored, Filtered
FILTERS = ("family", "malware", "ads")  # policies a user of the resolver chose; a national one is what we look for
SAID = (
    "outcome",
    "rcode",
    "aa",
    "answer",
    "cname",
    "soa",
    "ttl",
    "authority",
    "ede",
    "ede_text",
    "nsid",
    "rtt",
    "asked_at",
)


@dataclass(frozen=True, slots=True)
class Panel:
    """The questions and entries of all dates compared, numbered in sorted order.

    *questions*: q (u32), domain_set (where the name was listed on the latest date: a name that moves
    to another set stays the same cell), qname, qtype, domain (the last two labels: near enough to
    the registrable domain, and where it is too wide, as under co.uk, it errs towards doubt).
    *entries*: r (u32), resolver, transport.
    """

    questions: pl.DataFrame
    entries: pl.DataFrame

    @classmethod
    def of(cls, snapshots: Sequence[Snapshot]) -> "Panel":
        """Number everything that was asked on any of the dates."""
        entry = ["resolver", "transport"]
        targets = [day.observations.lazy().filter(pl.col("purpose") == Purpose.TARGET) for day in snapshots]
        listed = pl.concat(
            [
                target.select("domain_set", "qname", "qtype").unique().with_columns(day=place)
                for place, target in enumerate(targets)
            ]
        )
        latest = pl.col("domain_set").sort_by("day", "domain_set").last()
        questions = listed.group_by("qname", "qtype").agg(domain_set=latest).collect()
        questions = questions.select("domain_set", "qname", "qtype").sort("domain_set", "qname", "qtype")
        entries = pl.concat([day.observations.lazy().select(entry) for day in snapshots]).unique().sort(entry).collect()
        domain = pl.col("qname").str.extract(r"([^.]+\.[^.]+)$").fill_null(pl.col("qname")).alias("domain")
        return cls(questions.with_row_index("q").with_columns(domain), entries.with_row_index("r"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One date. *cells* has the columns named in ``evidence.COLUMNS`` that one date can give.

    *entries* is the panel's entries as they were that day, with their condition; *answers* tells
    apart the distinct answers (said) to each question by their tokens; *published* is the tokens
    that the voting controls gave; *control_endings* how each entry's control questions ended.
    """

    date: date
    vantage: str
    cells: pl.DataFrame
    entries: pl.DataFrame
    answers: pools.Answers
    published: pl.DataFrame
    control_endings: pl.DataFrame


def compare(day: Snapshot, panel: Panel) -> Comparison:
    """Put what was said on *day* beside what its controls say."""
    entries = _entries(day, panel)
    said = cells(day.observations, panel).join(entries.select(FACTS), on="r", how="left", maintain_order="left")
    entries = health.profile(day.observations, said, entries)
    said = said.join(entries.select("r", "votes", "unfit"), on="r", how="left", maintain_order="left")
    entries = health.disown(entries, opposed(said))
    said = said.drop("votes").join(entries.select("r", "votes"), on="r", how="left", maintain_order="left")
    said = _beside_controls(said)
    answers = pools.Answers.of(said, panel.questions)
    published = answers.published(said)
    said = answers.sharing(said, published)
    if (alone := _given_alone(said, answers)).height:
        published = published.join(alone, on=["q", "token_kind", "token"], how="anti")
        said = answers.sharing(said.drop("said", "second_said", "second_shares", *pools.SHARES.values()), published)
    said = _elsewhere(_contradicted(said))
    endings = health.control_endings(day.observations, entries)
    return Comparison(day.date, day.vantage, said, entries, answers, published, endings)


FACTS = ("r", "operator", "op", "address", "country", "role", "policy")


def _entries(day: Snapshot, panel: Panel) -> pl.DataFrame:
    """Return the entries asked on *day* with their facts; *op* and *address* are numbers."""
    facts = pl.DataFrame(
        [(e.name, e.operator, e.address, e.country, str(e.role), str(e.policy)) for e in day.resolvers],
        schema=dict.fromkeys(("resolver", "operator", "at", "country", "role", "policy"), pl.String()),
        orient="row",
    )
    asked = day.observations.select("resolver", "transport").unique()
    known = panel.entries.join(asked, on=["resolver", "transport"], how="semi").join(facts, on="resolver", how="left")
    voter = pl.coalesce("operator", pl.col("resolver"))
    return known.with_columns(
        pl.col("role").fill_null("public"),
        pl.col("policy").fill_null("unfiltered"),
        op=voter.rank("dense").cast(pl.UInt32),
        address=pl.coalesce("at", "resolver").rank("dense").cast(pl.UInt32),
    ).sort("r")


def cells(observations: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """Return one row per target question and entry, sorted: the first attempt that got a reply, else the last.

    Adds *q*, *r*, *key* (both in one number), *kind*, *attempts*, *silent_attempts*, and of a second
    reply that differs from the first *second_outcome*, *second_answer*, *second_cname*.
    """
    asked = observations.filter(pl.col("purpose") == Purpose.TARGET).drop("domain_set")
    # an inner join: what the panel does not hold is not compared
    asked = asked.join(panel.questions, on=["qname", "qtype"], maintain_order="left")
    asked = asked.join(panel.entries, on=["resolver", "transport"], maintain_order="left")
    key = pl.col("q").cast(pl.UInt64) * 2**32 + pl.col("r")
    asked = asked.with_columns(
        key=key, kind=pl.when(_referral()).then(pl.lit("failure")).otherwise(kind_of(pl.col("outcome"))).cast(KINDS)
    )
    # a reply sorts before silence, an early reply before a late one, late silence before early; an
    # error is no reply where a second one says something: a doubled query at a hurried resolver
    silent, attempt = pl.col("kind") == "silence", 2 * pl.col("attempt").cast(pl.Int32)
    rank = pl.when(silent).then(1023 - attempt).otherwise(attempt + (pl.col("kind") == "failure").cast(pl.Int32))
    order = asked.with_row_index("row").with_columns(rank=rank, nth=pl.col("reply").fill_null(0))
    firsts = order.filter(pl.col("nth") == 0)
    chosen = order.sort("key", "rank", "nth", "row").unique("key", keep="first", maintain_order=True)
    tries = firsts.group_by("key").agg(
        attempts=pl.col("attempt").n_unique().cast(pl.UInt8), silent_attempts=silent.sum().cast(pl.UInt8)
    )
    found = chosen.select("key", "q", "r", *KEY, "domain", "kind", *SAID).join(tries, on="key", how="left")
    seconds = asked.filter(pl.col("reply") > 0).select(
        "key",
        "reply",
        second_outcome="outcome",
        second_answer="answer",
        second_cname="cname",
    )
    seconds = seconds.join(found.select("key", "outcome", "answer"), on="key").filter(
        (pl.col("outcome") != pl.col("second_outcome")) | pl.col("answer").ne_missing(pl.col("second_answer"))
    )
    seconds = seconds.sort("key", "reply").unique("key", keep="first").drop("reply", "outcome", "answer")
    return found.join(seconds, on="key", how="left").sort("key")


def _referral() -> pl.Expr:
    """Tell a referral, which says where to ask and not that there is nothing (RFC 2308 2.2.1), from NODATA."""
    bare = (pl.col("authority") > 0) & pl.col("soa").is_null() & ~pl.col("ra") & ~pl.col("aa")
    return ((pl.col("outcome") == Outcome.NODATA) & bare).fill_null(value=False)


def kind_of(outcome: pl.Expr) -> pl.Expr:
    """Sort an outcome into answer, denial, failure, silence."""
    kinds = dict.fromkeys(DENIALS, "denial") | dict.fromkeys(FAILURES, "failure") | {Outcome.ANSWER: "answer"}
    every = [kinds.get(one, "silence") for one in Outcome]
    return outcome.cast(OUTCOME).replace_strict(list(Outcome), every, return_dtype=KINDS)


def _votes(said: pl.DataFrame) -> pl.DataFrame:
    """Return one row per question and operator of controls: its vote; null when it was silent or contradicts itself."""
    spoken = pl.col("kind") != "silence"
    ballot = (
        pl.when(pl.col("kind") == "denial")
        .then(pl.col("outcome").cast(pl.String))
        .when(spoken)
        .then(pl.col("kind").cast(pl.String))
        .cast(CONSENSUS)
    )
    polled = said.filter(pl.col("votes")).select("q", "op", vote=ballot)
    return polled.group_by("q", "op").agg(
        vote=pl.when(pl.col("vote").drop_nulls().n_unique() == 1).then(pl.col("vote").drop_nulls().first()),
        split=pl.col("vote").drop_nulls().n_unique() > 1,
    )


def _beside_controls(said: pl.DataFrame) -> pl.DataFrame:
    """Add *consensus*, *controls_asked*, *controls_agreeing*, *controls_voting*, the cell's own operator left out."""
    votes = _votes(said)
    options = CONSENSUS.categories.to_list()
    counts = [(pl.col("vote") == option).sum().cast(pl.Int32).alias(f"n_{option}") for option in options]
    tally = votes.group_by("q").agg(*counts, n_asked=pl.len().cast(pl.Int32))
    own = votes.select("q", "op", own="vote", was_asked=pl.lit(1, pl.Int32))
    beside = said.join(tally, on="q", how="left").join(own, on=["q", "op"], how="left").sort("key")
    left = {
        option: pl.col(f"n_{option}").fill_null(0) - (pl.col("own") == option).fill_null(value=False).cast(pl.Int32)
        for option in options
    }
    beside = beside.with_columns(*(count.alias(f"n_{option}") for option, count in left.items()))
    return _consensus(beside.with_columns(n_asked=pl.col("n_asked").fill_null(0) - pl.col("was_asked").fill_null(0)))


def _consensus(counted: pl.DataFrame) -> pl.DataFrame:
    """Turn counts of votes into the consensus.

    It must be more than half of the votes with the cell's own one too: a control held against
    the others must not tip a tie.
    """
    answer, denied, failure = pl.col("n_answer"), pl.col("n_nxdomain") + pl.col("n_nodata"), pl.col("n_failure")
    voting = answer + denied + failure
    everybody = voting + pl.col("own").is_not_null().cast(pl.Int32)
    quorate = voting >= QUORUM
    consensus = (
        pl.when(quorate & (2 * answer > everybody))
        .then(pl.lit("answer"))
        .when(quorate & (2 * denied > everybody))
        .then(pl.when(pl.col("n_nxdomain") >= pl.col("n_nodata")).then(pl.lit("nxdomain")).otherwise(pl.lit("nodata")))
        .when(quorate & (2 * failure > everybody))
        .then(pl.lit("failure"))
    )
    agreeing = (
        pl.when(consensus == "answer")
        .then(answer)
        .when(consensus == "failure")
        .then(failure)
        .when(consensus.is_not_null())
    ).then(denied)
    return counted.with_columns(
        consensus=consensus.cast(CONSENSUS),
        controls_agreeing=agreeing.fill_null(0).cast(pl.UInt32),
        controls_asked=pl.col("n_asked").cast(pl.UInt32),
        controls_voting=voting.cast(pl.UInt32),
    ).drop([column for column in counted.columns if column.startswith("n_")] + ["own", "was_asked"])


def opposed(said: pl.DataFrame) -> pl.DataFrame:
    """Return per control *unanimous*, questions on which the others were, and *opposed*, where it was not with them."""
    beside = _beside_controls(said).filter(pl.col("votes") & (pl.col("kind") != "silence"))
    unanimous = (pl.col("controls_agreeing") == pl.col("controls_voting")) & pl.col("consensus").is_not_null()
    denies = pl.col("consensus").is_in(["nxdomain", "nodata"])
    differs = (
        ((pl.col("consensus") == "answer") & (pl.col("kind") != "answer"))
        | (denies & (pl.col("kind") != "denial"))
        | ((pl.col("consensus") == "failure") & (pl.col("kind") != "failure"))
    )
    return beside.group_by("r").agg(
        unanimous=unanimous.sum().cast(pl.UInt32), opposed=(unanimous & differs).sum().cast(pl.UInt32)
    )


def _contradicted(said: pl.DataFrame) -> pl.DataFrame:
    """Add *stream_answers* and *stream_agrees*: over a connection, the same address answers, and as the controls do.

    The address must be the same operator's: behind one loopback address stand many. Only for UDP,
    which anybody on the path can answer; a connection takes a handshake with the other end.
    """
    stream = pl.col("transport").is_in([str(one) for one in TransportName if one is not TransportName.UDP])
    shares = pl.col("shares_address") | pl.col("shares_prefix") | pl.col("shares_cname")
    told = (
        said.filter(stream)
        .group_by("q", "op", "address")
        .agg(
            stream_answers=(pl.col("kind") == "answer").any(),
            stream_agrees=((pl.col("kind") == "answer") & shares).any(),
        )
    )
    udp = pl.col("transport") == pl.lit(str(TransportName.UDP), dtype=TRANSPORT)
    joined = said.join(told, on=["q", "op", "address"], how="left").sort("key")
    return joined.with_columns(
        pl.col(name).fill_null(value=False) & udp for name in ("stream_answers", "stream_agrees")
    )


def _given_alone(said: pl.DataFrame, answers: pools.Answers) -> pl.DataFrame:
    """Return the tokens (q, token_kind, token) that one control alone gives for names of several domains.

    The other operators' controls agree among themselves on each of these names: what this one gives
    is its own page, or that of whoever answers in its place, and must clear nobody.
    """
    control = said.filter(pl.col("votes") & (pl.col("kind") == "answer"))
    shares = pl.any_horizontal(pools.SHARES.values())
    settled = control.filter(shares).group_by("q").agg(operators=pl.col("op").n_unique())
    settled = settled.filter(pl.col("operators") >= QUORUM).select("q")
    lonely = control.filter(~shares).join(settled, on="q", how="semi")
    tokens = answers.of_rows(lonely, "q", "op", "domain").select("q", "op", "domain", "token_kind", "token")
    widely = tokens.group_by("op", "token_kind", "token").agg(domains=pl.col("domain").n_unique())
    widely = widely.filter(pl.col("domains") >= SEVERAL)
    return tokens.join(widely, on=["op", "token_kind", "token"], how="semi").select("q", "token_kind", "token").unique()


def _elsewhere(said: pl.DataFrame) -> pl.DataFrame:
    """Add what became of the question in other countries, one vote each, and at peers: same country and role.

    *countries_asked*, *countries_lost* (most of the country's resolvers got no answer),
    *peers_asked*, *peers_lost*. Controls and resolvers that are unfit say nothing here.
    """
    lost = pl.col("kind") != "answer"
    heard = said.filter((pl.col("role") != "control") & ~pl.col("unfit") & pl.col("country").is_not_null())
    by_role = heard.group_by("q", "country", "role").agg(asked=pl.len().cast(pl.Int32), lost=lost.sum().cast(pl.Int32))
    by_country = by_role.group_by("q", "country").agg(pl.col("asked", "lost").sum())
    by_country = by_country.select("q", "country", gone=(2 * pl.col("lost") > pl.col("asked")).cast(pl.Int32), here=1)
    world = by_country.group_by("q").agg(all_asked=pl.len().cast(pl.Int32), all_lost=pl.col("gone").sum())
    beside = (
        said.join(world, on="q", how="left")
        .join(by_country, on=["q", "country"], how="left")
        .join(by_role, on=["q", "country", "role"], how="left")
        .sort("key")
    )
    zero = [pl.col(name).fill_null(0) for name in ("all_asked", "all_lost", "here", "gone", "asked", "lost")]
    mine = (~pl.col("unfit") & (pl.col("role") != "control")).cast(pl.Int32)
    return (
        beside.with_columns(zero)
        .with_columns(
            countries_asked=(pl.col("all_asked") - pl.col("here")).cast(pl.UInt32),
            countries_lost=(pl.col("all_lost") - pl.col("gone")).cast(pl.UInt32),
            peers_asked=(pl.col("asked") - mine).clip(0).cast(pl.UInt32),
            peers_lost=(pl.col("lost") - mine * lost.cast(pl.Int32)).clip(0).cast(pl.UInt32),
        )
        .drop("all_asked", "all_lost", "here", "gone", "asked", "lost")
    )
