"""What is known about the cells that differ from the controls: facts for the evidence to speak of.

Most cells agree, so the costly looks are taken at the others only, and at each
distinct address once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from resolver_diff import _health as health
from resolver_diff._pools import ADDRESS, CNAME, PREFIX, Answers
from resolver_diff.compare import POLICY_EDE, Comparison
from resolver_diff.evidence._special import PERHAPS, special
from resolver_diff.tables import FAILURES, Outcome, State

ENOUGH = 3  # answers that agree with the controls, before a resolver's habits are known
KEPT = ("key", "q", "r", "op", "country", "said", "domain", "kind", "answer", "shares_cname", "unfit")
RELATED = {ADDRESS: 3, CNAME: 2}  # registrable domains below which nobody asks whether names are related


@dataclass(frozen=True, slots=True)
class Past:
    """What stays known of an earlier date.

    *cells*: key, r, q, kind, said, state, mechanism. *answers* and *published* as in the comparison.
    """

    date: date
    cells: pl.DataFrame
    answers: Answers
    published: pl.DataFrame


def suspect(cells: pl.DataFrame, comparison: Comparison, stubs: pl.DataFrame, past: Sequence[Past]) -> pl.DataFrame:
    """Add the columns of ``evidence.COLUMNS`` that need a look at other cells or other dates."""
    odd = foreign(cells)
    looks = [
        _bogons(odd, comparison.answers),
        _stubs(odd, comparison.answers, stubs),
        _rewritten(odd, comparison.entries),
        _seen_before(odd, comparison.answers, past),
        _published_before(odd, comparison.answers, past),
        _given_elsewhere(odd, cells, comparison.answers),
    ]
    for look in looks:
        odd = odd.join(look, on="key", how="left", maintain_order="left")
    flags = ("bogon", "rewrites", "rewritten", "seen_before", "published_before")
    counts = ("stub_domains", "target_domains", "others_giving")
    cells = cells.join(odd.select("key", *flags, *counts), on="key", how="left", maintain_order="left")
    cells = cells.with_columns(pl.col(name).fill_null(value=False) for name in flags)
    cells = cells.with_columns(pl.col(name).fill_null(0).cast(pl.UInt32) for name in counts)
    cells = _habits(_declared(cells), past)
    return _chance(cells, comparison)


def foreign(cells: pl.DataFrame) -> pl.DataFrame:
    """Return the cells, with what is looked at, whose answer or CNAME the controls do not share."""
    here = (pl.col("apparent") == State.DIVERGENT) & ~pl.col("shares_address") & ~pl.col("shares_prefix")
    return cells.filter(here).select(*KEPT)


def stubs(cells: pl.DataFrame, comparison: Comparison) -> pl.DataFrame:
    """Return the tokens that one resolver gives for several unrelated names: r, token_kind, token, unrelated.

    Names are related when they lie under one registrable domain, or when the controls publish another
    common token for them; relations chain among the names that one resolver gives one token.
    """
    odd = foreign(cells).filter(~pl.col("shares_cname") & ~pl.col("unfit"))
    rows = comparison.answers.of_rows(odd, "q", "r", "domain").filter(pl.col("token_kind") != PREFIX)
    stub = ["r", "token_kind", "token"]
    many = rows.group_by(stub).agg(domains=pl.col("domain").n_unique())
    enough = pl.col("domains") >= pl.col("token_kind").replace_strict(RELATED, return_dtype=pl.UInt32)
    many = many.filter(enough).sort(stub).with_row_index("stub")
    named = rows.join(many, on=stub).select("stub", "q", "domain", "token").unique()
    links = named.join(comparison.published.select("q", pl.col("token").alias("link")), on="q")
    links = links.filter(pl.col("link") != pl.col("token"))  # who gives the token too does not make the names related
    groups = _components(named.select("stub", "domain").unique(), links.select("stub", "domain", "link").unique())
    return many.join(groups, on="stub").select(*stub, "unrelated")


def _components(members: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Return per stub how many groups its domains form; *links* tie domains that publish the same.

    Each domain takes the least label among those it is tied to, until nothing changes.
    """
    labels = members.with_columns(label=pl.col("domain").rank("dense").over("stub").cast(pl.UInt32))
    while True:
        least = links.join(labels, on=["stub", "domain"]).group_by("stub", "link").agg(pl.col("label").min())
        reach = links.join(least, on=["stub", "link"]).group_by("stub", "domain").agg(reached=pl.col("label").min())
        joined = labels.join(reach, on=["stub", "domain"], how="left")
        better = pl.min_horizontal("label", "reached")
        if not joined.select((better != pl.col("label")).any()).item():
            return labels.group_by("stub").agg(unrelated=pl.col("label").n_unique().cast(pl.UInt32))
        labels = joined.with_columns(label=better).drop("reached")


def _bogons(odd: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return the keys whose answer has an address that cannot be on the public Internet."""
    tokens = answers.of_rows(odd.filter(pl.col("kind") == "answer"), "key").filter(pl.col("token_kind") == ADDRESS)
    addresses = tokens.select("text").unique().filter(pl.col("text").str.contains(PERHAPS))["text"]
    known = pl.DataFrame(
        {"text": addresses, "bogon": pl.Series([special(text) for text in addresses], dtype=pl.Boolean)}
    )
    return tokens.join(known.filter("bogon"), on="text").select("key", "bogon").unique()


def _stubs(odd: pl.DataFrame, answers: Answers, stubs: pl.DataFrame) -> pl.DataFrame:
    """Return per key for how many unrelated names its resolver gives this address, and this CNAME target."""
    given = answers.of_rows(odd.filter(~pl.col("shares_cname")), "key", "r")
    given = given.join(stubs, on=["r", "token_kind", "token"])
    return given.group_by("key").agg(
        stub_domains=pl.col("unrelated").filter(pl.col("token_kind") == ADDRESS).max(),
        target_domains=pl.col("unrelated").filter(pl.col("token_kind") == CNAME).max(),
    )


def _rewritten(odd: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return key, *rewrites* (the resolver answers names that cannot exist), *rewritten* (with this answer)."""
    told = odd.join(entries.filter(pl.col("canary").is_not_null()).select("r", "canary"), on="r")
    return told.select("key", rewrites=pl.lit(value=True), rewritten=health.told_to_canaries())


def _seen_before(odd: pl.DataFrame, answers: Answers, past: Sequence[Past]) -> pl.DataFrame:
    """Return the keys whose address or prefix the same cell had earlier, when it was not divergent."""
    tokens = answers.of_rows(odd, "key").filter(pl.col("token_kind") != CNAME).select("key", "token_kind", "token")
    found = [tokens.clear().select("key")]
    for day in past:
        fine = day.cells.filter((pl.col("kind") == "answer") & (pl.col("state") != State.DIVERGENT))
        then = day.answers.of_rows(fine.join(odd, on="key", how="semi"), "key")
        found.append(tokens.join(then, on=["key", "token_kind", "token"], how="semi").select("key"))
    return pl.concat(found).unique().with_columns(seen_before=pl.lit(value=True))


def _published_before(odd: pl.DataFrame, answers: Answers, past: Sequence[Past]) -> pl.DataFrame:
    """Return the keys whose address or prefix the controls gave for the name on an earlier date."""
    tokens = (
        answers.of_rows(odd, "key", "q").filter(pl.col("token_kind") != CNAME).select("key", "q", "token_kind", "token")
    )
    found = [tokens.clear().select("key")]
    found += [tokens.join(day.published, on=["q", "token_kind", "token"], how="semi").select("key") for day in past]
    return pl.concat(found).unique().with_columns(published_before=pl.lit(value=True))


def _given_elsewhere(odd: pl.DataFrame, cells: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return per key *others_giving*: operators in other countries that give the name an address in its prefixes."""
    who = ["q", "op", "country"]
    wanted = answers.of_rows(odd.filter(pl.col("kind") == "answer"), "key", *who)
    wanted = wanted.filter(pl.col("token_kind") == PREFIX).select("key", *who, "token")
    given = cells.filter(pl.col("kind") == "answer").join(wanted, on="q", how="semi")
    given = answers.of_rows(given, *who).filter(pl.col("token_kind") == PREFIX).select(*who, "token").unique()
    met = wanted.join(given, on=["q", "token"], suffix="_other").filter(pl.col("op") != pl.col("op_other"))
    abroad = pl.col("country").ne_missing(pl.col("country_other"))
    return met.filter(abroad).group_by("key").agg(others_giving=pl.col("op_other").n_unique())


def _declared(cells: pl.DataFrame) -> pl.DataFrame:
    """Add *declared*, and *controls_chain*: every control that answers does so through a CNAME."""
    policy = pl.col("ede").list.set_intersection(pl.lit(list(POLICY_EDE), pl.List(pl.UInt16()))).list.len() > 0
    declared = cells.filter(pl.col("ede").is_not_null()).filter(policy).select("key", declared=pl.lit(value=True))
    answering = cells.filter(pl.col("votes") & (pl.col("kind") == "answer"))
    chains = answering.group_by("q").agg(controls_chain=pl.col("cname").is_not_null().all())
    both = cells.join(declared, on="key", how="left", maintain_order="left")
    both = both.join(chains, on="q", how="left", maintain_order="left")
    return both.with_columns(pl.col("declared", "controls_chain").fill_null(value=False))


def _habits(cells: pl.DataFrame, past: Sequence[Past]) -> pl.DataFrame:
    """Add what is usual for a resolver: *aa_usual*, *stripped* (with what), *wide* against the date before."""
    agreeing = cells.filter((pl.col("kind") == "answer") & pl.col("shares_address"))
    usual = agreeing.group_by("r").agg(
        aa_usual=pl.when(pl.len() >= ENOUGH).then(pl.col("aa").fill_null(value=False).mean())
    )
    stripped = health.stripped(cells).select("r", "qtype", stripped=pl.lit(value=True))
    cells = cells.join(usual, on="r", how="left", maintain_order="left")
    cells = cells.join(stripped, on=["r", "qtype"], how="left", maintain_order="left")
    cells = cells.join(_wide(cells, past), on="r", how="left", maintain_order="left")
    return cells.with_columns(pl.col("stripped", "wide").fill_null(value=False))


def _wide(cells: pl.DataFrame, past: Sequence[Past]) -> pl.DataFrame:
    """Return the r that lost a third, at least, of what they answered on the date before, and *wide*."""
    if not past:
        return pl.DataFrame(schema={"r": pl.UInt32(), "wide": pl.Boolean()})
    was_there = past[-1].cells.filter((pl.col("kind") == "answer") & (pl.col("state") != State.DIVERGENT)).select("key")
    now = cells.select("key", "r", "kind", "domain", "consensus").join(was_there, on="key", how="semi")
    # what the controls fail too is no loss of this resolver's
    now = now.filter(pl.col("consensus").is_in(["answer", "nxdomain", "nodata"]))
    lost = pl.col("kind").is_in(["failure", "silence"])
    counts = now.group_by("r").agg(had=pl.len(), lost=lost.sum(), domains=pl.col("domain").filter(lost).n_unique())
    wide = (pl.col("lost") >= health.LOST * pl.col("had")) & (pl.col("domains") >= health.NAMES)
    return counts.filter(wide).select("r", wide=pl.lit(value=True))


def _ending() -> pl.Expr:
    """Return how a question ended, if in a way that may be chance: silence, or one of the error RCODEs; else null."""
    silent = pl.col("kind") == "silence"
    failed = pl.col("outcome").is_in([str(one) for one in FAILURES])
    return pl.when(silent).then(pl.lit("silence")).when(failed).then(pl.col("outcome").cast(pl.String))


def _chance(cells: pl.DataFrame, comparison: Comparison) -> pl.DataFrame:
    """Add *expected_by_chance*: how many names this resolver would lose so by chance.

    Every question counts that the controls settle, by an answer or a denial, and every control question.
    What carries a mark of intent (declared as policy, contradicted by a second reply) is not weighed.
    """
    settled = pl.col("consensus").is_in(["answer", "nxdomain", "nodata"]) & ~pl.col("unfit")
    questions = cells.filter(settled).select("r", "domain", "qname", ending=_ending())
    trials = pl.concat([questions, comparison.control_endings])
    names = trials.group_by("r", "domain", "qname").agg(asked=pl.len())
    ended = trials.filter(pl.col("ending").is_not_null())
    lost = ended.group_by("r", "ending", "domain", "qname").agg(lost=pl.len()).join(names, on=["r", "domain", "qname"])
    in_domain = names.group_by("r", "domain").agg(domain_asked=pl.col("asked").sum())
    per_domain = lost.group_by("r", "ending", "domain").agg(domain_lost=pl.col("lost").sum())
    each = lost.join(per_domain, on=["r", "ending", "domain"]).join(in_domain, on=["r", "domain"])
    each = each.join(_rates(names, lost), on=["r", "ending"])
    whole = pl.col("domain_lost") == pl.col("domain_asked")
    together = pl.when(whole).then("domain_lost").otherwise("lost")
    each = each.select("r", "ending", "qname", expected_by_chance=pl.col("names") * pl.col("rate") ** together)
    marked = pl.col("declared") | (pl.col("second_outcome") == Outcome.ANSWER).fill_null(value=False)
    wanting = cells.filter((pl.col("apparent") == State.VANISHED) & (pl.col("kind") != "denial") & ~marked)
    wanting = wanting.select("key", "r", "qname", ending=_ending()).join(each, on=["r", "ending", "qname"])
    return cells.join(wanting.select("key", "expected_by_chance"), on="key", how="left", maintain_order="left")


def _rates(names: pl.DataFrame, lost: pl.DataFrame) -> pl.DataFrame:
    """Return per entry and ending *rate*, the chance that one question ends so, and *names*, how many there are.

    Names that lost every question are what is to be explained, so the rate is taken from the
    others: of two questions with loss p each, p (1 - p) / (1 - p^2) = p / (1 + p) are lost where not
    both are. Names asked one question only cannot be told apart so, and all count. One loss is
    added to what was seen, so that nothing is impossible.
    """
    asked = names.group_by("r").agg(all_asked=pl.col("asked").sum().cast(pl.Int64), names=pl.col("qname").n_unique())
    whole = pl.col("lost") == pl.col("asked")
    counted = lost.filter(pl.col("asked") > 1).group_by("r", "ending")
    seen = counted.agg(part=pl.col("lost").filter(~whole).sum(), spent=pl.col("asked").filter(whole).sum())
    singles = lost.filter(pl.col("asked") == 1).group_by("r", "ending").agg(single=pl.len())
    rates = lost.select("r", "ending").unique().join(asked, on="r")
    rates = rates.join(seen, on=["r", "ending"], how="left").join(singles, on=["r", "ending"], how="left")
    part, spent, single = (pl.col(name).fill_null(0).cast(pl.Int64) for name in ("part", "spent", "single"))
    share = (part + single + 1) / (pl.col("all_asked") - spent + 2)
    rate = (share / (1 - share)).clip(0, 1)
    return rates.select("r", "ending", "names", rate=rate)
