"""What is known about the cells that differ from the controls: facts for the evidence to speak of.

Most cells agree, so the costly looks are taken at the others only, and at each
distinct address once.
"""

import ipaddress

import polars as pl

from resolver_diff.anomaly import chance, losses
from resolver_diff.anomaly.memory import Past
from resolver_diff.anomaly.stubs import foreign, tokens
from resolver_diff.compare import POLICY_EDE, Comparison, health, owners
from resolver_diff.compare.pools import ADDRESS, CNAME, NARROW, ORIGIN, PREFIX, Answers
from resolver_diff.compare.replies import beside
from resolver_diff.tables import State

ENOUGH = 3  # answers that agree with the controls, before a resolver's habits are known
FLAGS = (
    "failed_once",
    "failed_before",
    "bogon",
    "rewrites",
    "rewritten",
    "seen_before",
    "agreed_before",
    "published_before",
    "synthesised",
)
COUNTS = ("countries_near", "owner_domains", "stub_domains", "target_domains", "others_giving", "countries_giving")


def suspect(cells: pl.DataFrame, comparison: Comparison, stubs: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Add the columns of ``evidence.COLUMNS`` that need a look at other cells or other dates."""
    odd = foreign(cells)
    systems = _strange_systems(odd, cells, comparison.answers)
    looks = [
        _bogons(odd, comparison.answers),
        _stubs(odd, comparison, stubs),
        _rewritten(odd, cells, comparison.entries),
        _seen_before(odd, comparison.answers, past),
        _agreed_before(odd, comparison.answers, past),
        _published_before(odd, comparison.answers, past),
        _given_elsewhere(odd, cells, comparison.answers),
        _synthesised(odd, cells, comparison),
        _aa_before(odd, past),
        _failed_before(odd, comparison, past),
        _of_one_owner(systems, cells, comparison, past),
        _near_elsewhere(systems, cells, comparison.answers),
    ]
    for look in looks:
        odd = beside(odd, look, "key")
    cells = beside(cells, odd.select("key", *FLAGS, *COUNTS, "had_aa"), "key")
    cells = cells.with_columns(pl.col(name).fill_null(value=False) for name in FLAGS)
    cells = cells.with_columns(pl.col(name).fill_null(0).cast(pl.UInt32) for name in COUNTS)
    cells = losses.look(_habits(_declared(cells), past), comparison, past)
    return chance.weigh(cells, comparison.control_endings, past)


def _bogons(odd: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return the keys whose answer has an address that cannot be on the public Internet."""
    found = odd.filter(pl.col("kind") == "answer").join(answers.bogons, on="said", how="semi")
    return found.select("key", bogon=pl.lit(value=True))


def _stubs(odd: pl.DataFrame, comparison: Comparison, stubs: pl.DataFrame) -> pl.DataFrame:
    """Return per key for how many unrelated names its resolver gives this address, and this CNAME target."""
    given = tokens(odd, comparison, "key", "r").join(stubs, on=["r", "token_kind", "token"])
    return given.group_by("key").agg(
        stub_domains=pl.col("unrelated").filter(pl.col("token_kind") == ADDRESS).max(),
        target_domains=pl.col("unrelated").filter(pl.col("token_kind") == CNAME).max(),
    )


def _rewritten(odd: pl.DataFrame, cells: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return key, *rewrites* (the resolver answers names that cannot exist), *rewritten* (with this answer)."""
    told = odd.join(entries.filter(pl.col("canary").is_not_null()).select("r", "canary"), on="r")
    told = told.join(cells.select("key", "answer"), on="key", how="left", maintain_order="left")
    return told.select("key", rewrites=pl.lit(value=True), rewritten=health.told_to_canaries())


def _seen_before(odd: pl.DataFrame, answers: Answers, past: Past) -> pl.DataFrame:
    """Return the keys whose address the cell gave earlier, unconvicted."""
    given = answers.of_rows(odd.join(past.unconvicted, on="key", how="semi"), "key", kinds=(ADDRESS,))
    given = given.join(past.unconvicted, on=["key", "token_kind", "token"], how="semi")
    return given.select("key").unique().with_columns(seen_before=pl.lit(value=True))


def _agreed_before(odd: pl.DataFrame, answers: Answers, past: Past) -> pl.DataFrame:
    """Return the keys whose address or prefix an earlier answer that agreed with the controls had, of anybody."""
    found = answers.tokens.join(past.agreed, on="mark", how="semi").select("said").unique()
    return odd.join(found, on="said", how="semi").select("key", agreed_before=pl.lit(value=True))


def _published_before(odd: pl.DataFrame, answers: Answers, past: Past) -> pl.DataFrame:
    """Return the keys whose address or prefix the controls gave for the name on an earlier date."""
    near = past.published.filter(pl.col("token_kind").is_in(NARROW))
    found = answers.tokens.join(near, on="mark", how="semi").select("said").unique()
    return odd.join(found, on="said", how="semi").select("key", published_before=pl.lit(value=True))


def _given_elsewhere(odd: pl.DataFrame, cells: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return per key who in other countries gives the name such an answer.

    *others_giving*: operators with an address in its prefixes; *countries_giving*: countries in which
    somebody fit, and no control, gives one of its addresses.
    """
    who = ["op", "country"]
    wanted = answers.of_rows(odd.filter(pl.col("kind") == "answer"), "key", *who, kinds=NARROW).drop("token")
    heard = (pl.col("role") != "control") & ~pl.col("unfit")
    tokens = answers.tokens.join(wanted.select("mark").unique(), on="mark", how="semi").select("said", "mark")
    given = cells.select(*who, "said", "kind", heard=heard).filter(pl.col("kind") == "answer").drop("kind")
    given = given.join(tokens, on="said").drop("said").unique()
    met = wanted.join(given, on="mark", suffix="_other")
    met = met.filter((pl.col("op") != pl.col("op_other")) & pl.col("country").ne_missing(pl.col("country_other")))
    near, same = pl.col("token_kind") == PREFIX, (pl.col("token_kind") == ADDRESS) & pl.col("heard")
    return met.group_by("key").agg(
        others_giving=pl.col("op_other").filter(near).n_unique(),
        countries_giving=pl.col("country_other").filter(same).drop_nulls().n_unique(),
    )


def _strange_systems(odd: pl.DataFrame, cells: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return the systems of answers that lie in none of the controls': key, q, country, token."""
    strange = odd.filter(pl.col("kind") == "answer").join(cells.select("key", "shares_origin"), on="key")
    strange = strange.filter(~pl.col("shares_origin"))
    return answers.of_rows(strange, "key", "q", "country", kinds=(ORIGIN,)).select("key", "q", "country", "token")


def _near_elsewhere(systems: pl.DataFrame, cells: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return key, *countries_near*: other countries in which somebody fit is sent to the system of a strange answer."""
    heard = cells.select("q", "country", "role", "unfit", "kind", "said").join(systems, on="q", how="semi")
    heard = heard.filter((pl.col("role") != "control") & ~pl.col("unfit") & (pl.col("kind") == "answer"))
    given = answers.of_rows(heard.filter(pl.col("country").is_not_null()), "q", "country", kinds=(ORIGIN,))
    given = given.select("q", "country", "token").unique()
    world = given.group_by("q", "token").agg(everywhere=pl.len().cast(pl.Int32))
    here = given.with_columns(here=pl.lit(1, pl.Int32))
    met = systems.join(world, on=["q", "token"]).join(here, on=["q", "country", "token"], how="left")
    return met.group_by("key").agg(countries_near=(pl.col("everywhere") - pl.col("here").fill_null(0)).max())


def _synthesised(odd: pl.DataFrame, cells: pl.DataFrame, comparison: Comparison) -> pl.DataFrame:
    """Return the keys whose AAAA embeds an A of the controls or of the resolver's own (RFC 6147, RFC 6052)."""
    sixes = odd.join(cells.filter(pl.col("qtype") == "AAAA").select("key", "qname"), on="key")
    rows = comparison.answers.of_rows(sixes, "key", "r", "qname", kinds=(ADDRESS,), text=True)
    texts = rows["text"].unique()
    inside = pl.DataFrame({"text": texts, "four": [_embedded(text) for text in texts]}, schema_overrides=FOUR)
    rows = rows.join(inside.drop_nulls(), on="text").select("key", "r", "qname", "four")
    fours = cells.select("r", "qname", "votes", "said", "qtype", "kind").join(rows, on="qname", how="semi")
    fours = fours.filter((pl.col("qtype") == "A") & (pl.col("kind") == "answer"))
    fours = comparison.answers.of_rows(fours, "r", "qname", "votes", kinds=(ADDRESS,), text=True)
    fours = fours.select("r", "qname", "votes", four="text").unique()
    sane = sixes.join(comparison.answers.bogons, on="said", how="anti")  # a sinkhole is no address to translate
    own = rows.join(sane, on="key", how="semi").join(fours, on=["r", "qname", "four"], how="semi")
    controls = rows.join(fours.filter("votes"), on=["qname", "four"], how="semi")
    return pl.concat([own, controls]).select("key").unique().with_columns(synthesised=pl.lit(value=True))


FOUR = {"text": pl.String(), "four": pl.String()}


def _embedded(text: str) -> str | None:
    """Return the IPv4 address in the last 32 bits of an IPv6 address; null for mapped ones and the like: no DNS64's."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    bare = address.ipv4_mapped or int(address) >> 32 == 0
    return None if bare else str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))


def _aa_before(odd: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Return per key whether an earlier answer that was not wrong had AA set; null: there was none."""
    return past.cells.select("key", "had_aa").join(odd, on="key", how="semi")


def _failed_before(odd: pl.DataFrame, comparison: Comparison, past: Past) -> pl.DataFrame:
    """Return per key whether a handshake with an address failed today, and before today in the same way."""
    same = ["q", "token", "fault"]
    before = past.failed.with_columns(before=pl.lit(value=True))
    failed = comparison.failed.join(before, on=same, how="left").select("q", "token", "before")
    given = comparison.answers.of_rows(odd, "key", "q", kinds=(ADDRESS,))
    found = given.join(failed, on=["q", "token"]).group_by("key")
    return found.agg(failed_once=pl.lit(value=True), failed_before=pl.col("before").any())


def _of_one_owner(systems: pl.DataFrame, cells: pl.DataFrame, comparison: Comparison, past: Past) -> pl.DataFrame:
    """Return key, *owner_domains*: names that the controls answer from the answer's network and from their own here."""
    both = (comparison.published, past.published)
    published = pl.concat([one.filter(pl.col("token_kind") == ORIGIN).select("q", "token") for one in both]).unique()
    theirs = published.select("q", other="token")
    met = systems.select("key", "q", "token").join(theirs, on="q").filter(pl.col("token") != pl.col("other"))
    if met.is_empty():
        return pl.DataFrame(schema={"key": pl.UInt64(), "owner_domains": pl.UInt32()})
    names = cells.select("q", "name", "domain").unique("q")
    found = owners.groups(met.select("token", "other").unique(), published, names)
    return met.join(found, on=["token", "other"]).group_by("key").agg(owner_domains=pl.col("domains").max())


def _declared(cells: pl.DataFrame) -> pl.DataFrame:
    """Add *declared*, and *controls_chain*: every control that answers does so through a CNAME."""
    policy = pl.col("ede").list.set_intersection(pl.lit(list(POLICY_EDE), pl.List(pl.UInt16()))).list.len() > 0
    declared = cells.filter(pl.col("ede").is_not_null()).filter(policy).select("key", declared=pl.lit(value=True))
    answering = cells.select("q", "cname", "votes", "kind").filter(pl.col("votes") & (pl.col("kind") == "answer"))
    chains = answering.group_by("q").agg(controls_chain=pl.col("cname").is_not_null().all())
    both = beside(beside(cells, declared, "key"), chains, "q")
    return both.with_columns(pl.col("declared", "controls_chain").fill_null(value=False))


def _habits(cells: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Add what is usual for a resolver: *aa_usual*, *stripped* (with what), *wide* against the date before."""
    agreeing = cells.select("r", "aa", "kind", "shares_address")
    agreeing = agreeing.filter((pl.col("kind") == "answer") & pl.col("shares_address"))
    usual = agreeing.group_by("r").agg(
        aa_usual=pl.when(pl.len() >= ENOUGH).then(pl.col("aa").fill_null(value=False).mean())
    )
    stripped = health.stripped(cells).select("r", "qtype", stripped=pl.lit(value=True))
    cells = beside(beside(cells, usual, "r"), stripped, "r", "qtype")
    cells = beside(cells, _wide(cells, past), "r")
    return cells.with_columns(pl.col("stripped", "wide").fill_null(value=False))


def _wide(cells: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Return the r that lost a third, at least, of what they answered on the date before, and *wide*."""
    there = (pl.col("kind") == "answer") & (pl.col("state") != State.DIVERGENT)
    was_there = past.cells.filter(there).select("key")
    now = cells.select("key", "r", "kind", "domain", "consensus").join(was_there, on="key", how="semi")
    # what the controls fail too is no loss of this resolver's
    now = now.filter(pl.col("consensus").is_in(["answer", "nxdomain", "nodata"]))
    lost = pl.col("kind").is_in(["failure", "silence"])
    counts = now.group_by("r").agg(had=pl.len(), lost=lost.sum(), domains=pl.col("domain").filter(lost).n_unique())
    wide = (pl.col("lost") >= health.LOST * pl.col("had")) & (pl.col("domains") >= health.NAMES)
    return counts.filter(wide).select("r", wide=pl.lit(value=True))
