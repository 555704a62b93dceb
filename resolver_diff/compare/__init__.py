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

from resolver_diff.compare import (
    captive,
    certified,
    chance,
    control_names,
    elsewhere,
    foreign,
    forwarding,
    health,
    hints,
    homes,
    identity,
    known,
    losses,
    pools,
    repeats,
    replies,
    scattered,
    stubs,
)
from resolver_diff.compare.beside import beside
from resolver_diff.compare.egress import exits
from resolver_diff.compare.replies import KEY, KINDS, SAID, domain_of
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import QUORUM, STATE, TRANSPORT, Origins, Purpose, State, TransportName

__all__ = ["CONSENSUS", "FILTERS", "KEY", "KINDS", "POLICY_EDE", "SAID", "WORLD", "Comparison", "Panel", "compare"]

WORLD = elsewhere.WORLD
CONSENSUS = pl.Enum(["answer", "nxdomain", "nodata", "failure"])
POLICY_EDE = (4, 15, 16, 17)  # RFC 8914: Forged Answer, Blocked, Censored, Filtered
FILTERS = ("family", "malware", "ads")  # policies a user of the resolver chose; a national one is what we look for
TEXTS = ("operator", "country", "role", "policy")
FACTS = ("r", "op", "address", "who", *TEXTS)


@dataclass(frozen=True, slots=True)
class Panel:
    """The questions and entries of all dates compared, numbered in sorted order.

    *questions*: q (u32), domain_set (where the name was listed on the latest date: a name that moves
    to another set stays the same cell), qname, qtype, name and domain: numbers for qname and for its last two labels,
    which are near enough to the registrable domain, and where they are too wide, as under co.uk, err
    towards doubt.
    *entries*: r (u32), resolver, transport.
    """

    questions: pl.DataFrame
    entries: pl.DataFrame

    @classmethod
    def of(cls, snapshots: Sequence[Snapshot]) -> "Panel":
        """Number everything that was asked on any of the dates, which come oldest first."""
        return cls.of_asked([day.observations for day in snapshots])

    @classmethod
    def of_asked(cls, asked_on: Sequence[pl.DataFrame]) -> "Panel":
        """Number everything in observations of targets, of which who was asked what is enough; a frame per date."""
        question, entry = ["domain_set", "qname", "qtype"], ["resolver", "transport"]
        targets = [rows.lazy().filter(pl.col("purpose") == Purpose.TARGET) for rows in asked_on]
        listed = pl.concat(
            [target.select(question).unique().with_columns(day=place) for place, target in enumerate(targets)]
        )
        latest = pl.col("domain_set").sort_by("day", "domain_set").last()
        texts = pl.col(question).cast(pl.String)
        questions = listed.group_by("qname", "qtype").agg(domain_set=latest).select(texts).sort(question).collect()
        asked = pl.concat([rows.lazy().select(entry).unique() for rows in asked_on])
        entries = asked.unique().with_columns(pl.col("resolver").cast(pl.String)).sort(entry).collect()
        questions = questions.with_columns(name=pl.col("qname").hash(), domain=domain_of(pl.col("qname")).hash())
        return cls(questions.with_row_index("q"), entries.with_row_index("r"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One date. *cells* has the columns named in ``evidence.COLUMNS`` that one date can give.

    *entries* is the panel's entries as they were that day, with their condition; *answers* tells
    apart the distinct answers (said) to each question by their tokens; *published* is the tokens
    that the voting controls gave; *failed* the handshakes that did not go well; *chances* how probable it is that
    names are lost by chance. *lost*: the cells without the answer that the controls have; *foreign*: the ones whose
    answer they do not share; each with what the date shows of them. *stubs*: what one resolver gives for several
    unrelated names.
    """

    date: date
    vantage: str
    cells: pl.DataFrame
    entries: pl.DataFrame
    answers: pools.Answers
    published: pl.DataFrame
    failed: pl.DataFrame
    chances: pl.DataFrame
    lost: pl.DataFrame
    foreign: pl.DataFrame
    stubs: pl.DataFrame


def compare(day: Snapshot, panel: Panel) -> Comparison:
    """Put what was said on *day* beside what its controls say."""
    entries = _entries(day, panel)
    controls = entries.filter(pl.col("role") == "control")["r"]
    said = cells(day.observations, panel, controls, day.origins.frame)
    said = beside(said, replies.as_categories(entries.select(FACTS), *TEXTS), "r")
    entries = health.profile(day.observations, said, entries)
    leaves = exits(day.observations, entries, day.origins.frame)
    entries = health.replaced(entries, identity.intercepted(day.observations, entries, leaves))
    said = beside(said, entries.select("r", "votes", "unfit", "misled", "rewriter", "replaced"), "r")
    entries = health.disown(entries, opposed(said))
    said = beside(said.drop("votes"), entries.select("r", "votes"), "r")
    said = elsewhere.beside_countries(_beside_controls(said))
    entries = health.doubt(entries, said.filter(_unproven()), said.filter(_contradicted_by_the_world()))
    said = said.with_columns(consensus=pl.when(~_contradicted_by_the_world()).then("consensus"))
    answers = pools.Answers.of(said, panel.questions, day.origins.frame)
    said = answers.label(said)
    found = known.hits(said, answers, day.known.frame)
    published = known.without(answers.published(said), found)
    said = known.beside_answers(said, found)
    said = answers.sharing(said, published)
    caught = captive.catching(said, answers, published, day.observations, entries)
    entries = captive.condition(entries, caught)
    said = captive.beside_catches(said, answers, caught)
    said = certified.beside_answers(said, answers, panel.questions, day.certificates.frame)
    said = scattered.beside_denials(said)
    said = health.beside_untried(said, day.observations, entries)
    said = homes.beside_homes(said, answers, published)
    said = _declared(hints.beside_hints(_contradicted(said).with_columns(apparent=_apparent())))
    entries = health.tell(entries, forwarding.forwarding(said, entries, leaves), "forwards")
    chances = chance.losses(said, control_names.endings(day.observations, entries))
    failed = certified.failed(answers, panel.questions, day.certificates.frame)
    gone, odd = losses.look(said), foreign.look(said, entries, answers)
    alike = stubs.stubs(odd, said, answers, published)
    return Comparison(day.date, day.vantage, said, entries, answers, published, failed, chances, gone, odd, alike)


def _entries(day: Snapshot, panel: Panel) -> pl.DataFrame:
    """Return the entries asked on *day* with their facts; *op*, *address* and *who* (the name) are numbers."""
    facts = pl.DataFrame(
        [
            (e.name, str(e.transport), e.operator, e.address, e.country, str(e.role), str(e.policy))
            for e in day.resolvers
        ],
        schema=dict.fromkeys(("resolver", "transport", "operator", "at", "country", "role", "policy"), pl.String()),
        orient="row",
    ).with_columns(pl.col("transport").cast(TRANSPORT))
    asked = day.observations.select("resolver", "transport").unique().with_columns(pl.col("resolver").cast(pl.String))
    entry = ["resolver", "transport"]
    known = panel.entries.join(asked, on=entry, how="semi").join(facts, on=entry, how="left")
    voter = pl.coalesce("operator", pl.col("resolver"))
    return known.with_columns(
        pl.col("role").fill_null("public"),
        pl.col("policy").fill_null("unfiltered"),
        op=voter.rank("dense").cast(pl.UInt32),
        address=pl.coalesce("at", "resolver").rank("dense").cast(pl.UInt32),
        who=pl.col("resolver").rank("dense").cast(pl.UInt32),
    ).sort("r")


def cells(
    observations: pl.DataFrame,
    panel: Panel,
    controls: pl.Series | None = None,
    origins: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return one row per target question and entry of the panel, sorted: the reply that counts.

    See ``_replies``, and ``_repeats`` for questions that were put several times; *controls* are numbers of entries.
    """
    controls = pl.Series([], dtype=pl.UInt32) if controls is None else controls
    rounds = replies.cells(observations, panel.questions, panel.entries)
    origins = Origins.empty().frame if origins is None else origins
    return repeats.counting(rounds, panel.questions, controls, origins)


def _votes(said: pl.DataFrame) -> pl.DataFrame:
    """Return one row per question and operator of controls: its vote.

    null when it was silent, contradicts itself, or denies without proof.
    """
    spoken = pl.col("kind") != "silence"
    said = said.select("q", "op", "outcome", "kind", "aa", "soa", "votes")
    ballot = (
        pl.when(_unproven())
        .then(None)
        .when(pl.col("kind") == "denial")
        .then(pl.col("outcome").cast(pl.String))
        .when(spoken)
        .then(pl.col("kind").cast(pl.String))
        .cast(CONSENSUS)
    )
    polled = said.filter(pl.col("votes")).select("q", "op", vote=ballot)
    least, most = pl.col("vote").to_physical().min(), pl.col("vote").to_physical().max()
    one = (least == most).fill_null(value=False)
    return polled.group_by("q", "op").agg(vote=pl.when(one).then(pl.col("vote").drop_nulls().first()))


def _unproven() -> pl.Expr:
    """Tell a control's denial that it claims to be authoritative and that shows no SOA.

    A resolver that looked the name up says neither (RFC 2308 2, RFC 1035 4.1.1): somebody on the path does.
    """
    bare = (pl.col("kind") == "denial") & pl.col("aa") & pl.col("soa").is_null()
    return pl.col("votes") & bare.fill_null(value=False)


def _contradicted_by_the_world() -> pl.Expr:
    """Tell questions that the controls deny and most countries answer: the controls may be the ones misled."""
    return pl.col("consensus").is_in(["nxdomain", "nodata"]).fill_null(value=False) & pl.col("world_answers")


def _apparent() -> pl.Expr:
    """Return the state of a cell next to the consensus, before any evidence."""
    kind, consensus = pl.col("kind"), pl.col("consensus")
    elsewhere = pl.col("cname").is_not_null() & ~pl.col("shares_cname") & (kind == "denial")
    denied = consensus.is_in(["nxdomain", "nodata"])
    return (
        pl.when((consensus == "answer") & ((kind == "answer") | elsewhere))
        .then(pl.lit(State.DIVERGENT, STATE))
        .when((consensus == "answer") | ((consensus == "nodata") & (pl.col("outcome") == "nxdomain")))
        .then(pl.lit(State.VANISHED, STATE))
        .when(denied & (kind == "answer"))
        .then(pl.lit(State.DIVERGENT, STATE))
        .when((consensus == "nxdomain") & (kind == "denial"))
        .then(pl.lit(State.GONE, STATE))
        .when((consensus == "nodata") & (kind == "denial"))
        .then(pl.lit(State.AGREES, STATE))
        .when((consensus == "failure") & kind.is_in(["failure", "silence"]))
        .then(pl.lit(State.GONE, STATE))
        .otherwise(pl.lit(State.INSUFFICIENT, STATE))
    )


def _beside_controls(said: pl.DataFrame) -> pl.DataFrame:
    """Add *consensus* and *controls_asked*, *_agreeing*, *_voting*, *_denying*, the cell's own operator left out."""
    votes = _votes(said)
    options = CONSENSUS.categories.to_list()
    counts = [(pl.col("vote") == option).sum().cast(pl.Int32).alias(f"n_{option}") for option in options]
    tally = votes.group_by("q").agg(*counts, n_asked=pl.len().cast(pl.Int32))
    own = votes.select("q", "op", own="vote", was_asked=pl.lit(1, pl.Int32))
    counted = beside(beside(said.select("q", "op"), tally, "q"), own, "q", "op")
    left = {
        option: pl.col(f"n_{option}").fill_null(0) - (pl.col("own") == option).fill_null(value=False).cast(pl.Int32)
        for option in options
    }
    counted = counted.with_columns(*(count.alias(f"n_{option}") for option, count in left.items()))
    counted = counted.with_columns(n_asked=pl.col("n_asked").fill_null(0) - pl.col("was_asked").fill_null(0))
    return said.with_columns(_consensus(counted).get_columns())


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
        .then(pl.lit("answer", CONSENSUS))
        .when(quorate & (2 * denied > everybody))
        .then(
            pl.when(pl.col("n_nxdomain") >= pl.col("n_nodata"))
            .then(pl.lit("nxdomain", CONSENSUS))
            .otherwise(pl.lit("nodata", CONSENSUS))
        )
        .when(quorate & (2 * failure > everybody))
        .then(pl.lit("failure", CONSENSUS))
    )
    agreeing = (
        pl.when(consensus == "answer")
        .then(answer)
        .when(consensus == "failure")
        .then(failure)
        .when(consensus.is_not_null())
    ).then(denied)
    return counted.select(
        consensus=consensus,
        controls_agreeing=agreeing.fill_null(0).cast(pl.UInt32),
        controls_asked=pl.col("n_asked").cast(pl.UInt32),
        controls_voting=voting.cast(pl.UInt32),
        controls_denying=denied.cast(pl.UInt32),
    )


def opposed(said: pl.DataFrame) -> pl.DataFrame:
    """Return per control *unanimous*, questions on which the others were, and *opposed*, where it was not with them."""
    spoken = _beside_controls(
        said.select("q", "r", "op", "outcome", "kind", "aa", "soa", "votes").filter("votes")
    ).filter(pl.col("kind") != "silence")
    unanimous = (pl.col("controls_agreeing") == pl.col("controls_voting")) & pl.col("consensus").is_not_null()
    denies = pl.col("consensus").is_in(["nxdomain", "nodata"])
    differs = (
        ((pl.col("consensus") == "answer") & (pl.col("kind") != "answer"))
        | (denies & (pl.col("kind") != "denial"))
        | ((pl.col("consensus") == "failure") & (pl.col("kind") != "failure"))
    )
    return spoken.group_by("r").agg(
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
    return beside(said, told, "q", "op", "address").with_columns(
        pl.col(name).fill_null(value=False) & udp for name in ("stream_answers", "stream_agrees")
    )


def _declared(cells: pl.DataFrame) -> pl.DataFrame:
    """Add *declared*, and *controls_chain*: every control that answers does so through a CNAME."""
    policy = pl.col("ede").list.set_intersection(pl.lit(list(POLICY_EDE), pl.List(pl.UInt16()))).list.len() > 0
    declared = cells.filter(pl.col("ede").is_not_null()).filter(policy).select("key", declared=pl.lit(value=True))
    answering = cells.select("q", "cname", "votes", "kind").filter(pl.col("votes") & (pl.col("kind") == "answer"))
    chains = answering.group_by("q").agg(controls_chain=pl.col("cname").is_not_null().all())
    both = beside(beside(cells, declared, "key"), chains, "q")
    return both.with_columns(pl.col("declared", "controls_chain").fill_null(value=False))
