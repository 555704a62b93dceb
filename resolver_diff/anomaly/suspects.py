"""What is known about the cells that differ from the controls: facts for the evidence to speak of."""

import polars as pl

from resolver_diff.anomaly import chance, losses
from resolver_diff.anomaly.memory import Past
from resolver_diff.compare import Comparison, health, owners
from resolver_diff.compare.beside import beside
from resolver_diff.compare.foreign import strange_systems
from resolver_diff.compare.pools import ADDRESS, CNAME, NARROW, ORIGIN, Answers
from resolver_diff.compare.stubs import tokens
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
    odd = comparison.foreign
    systems = strange_systems(odd, cells, comparison.answers)
    looks = [
        _stubs(odd, comparison, stubs),
        _seen_before(odd, comparison.answers, past),
        _agreed_before(odd, comparison.answers, past),
        _published_before(odd, comparison.answers, past),
        _aa_before(odd, past),
        _failed_before(odd, comparison, past),
        _of_one_owner(systems, cells, comparison, past),
    ]
    for look in looks:
        odd = beside(odd, look, "key")
    cells = beside(cells, odd.select("key", *FLAGS, *COUNTS, "had_aa"), "key")
    cells = cells.with_columns(pl.col(name).fill_null(value=False) for name in FLAGS)
    cells = cells.with_columns(pl.col(name).fill_null(0).cast(pl.UInt32) for name in COUNTS)
    cells = losses.look(_habits(cells, past), comparison, past)
    return chance.weigh(cells, comparison.chances, past)


def _stubs(odd: pl.DataFrame, comparison: Comparison, stubs: pl.DataFrame) -> pl.DataFrame:
    """Return per key for how many unrelated names its resolver gives this address, and this CNAME target."""
    given = tokens(odd, comparison.answers, comparison.published, "key", "r")
    given = given.join(stubs, on=["r", "token_kind", "token"])
    return given.group_by("key").agg(
        stub_domains=pl.col("unrelated").filter(pl.col("token_kind") == ADDRESS).max(),
        target_domains=pl.col("unrelated").filter(pl.col("token_kind") == CNAME).max(),
    )


def _seen_before(odd: pl.DataFrame, answers: Answers, past: Past) -> pl.DataFrame:
    """Return the keys whose address the cell gave earlier, unconvicted."""
    given = answers.of_rows(odd.join(past.unconvicted, on="key", how="semi"), "key", kinds=(ADDRESS,))
    given = given.join(past.unconvicted, on=["key", "token_kind", "token"], how="semi")
    return given.select("key").unique().with_columns(seen_before=pl.lit(value=True))


def _agreed_before(odd: pl.DataFrame, answers: Answers, past: Past) -> pl.DataFrame:
    """Return the keys whose address or prefix an earlier answer that agreed with the controls had, of anybody."""
    found = answers.tokens(*NARROW).join(past.agreed, on="mark", how="semi").select("said").unique()
    return odd.join(found, on="said", how="semi").select("key", agreed_before=pl.lit(value=True))


def _published_before(odd: pl.DataFrame, answers: Answers, past: Past) -> pl.DataFrame:
    """Return the keys whose address or prefix the controls gave for the name on an earlier date."""
    near = past.published.filter(pl.col("token_kind").is_in(NARROW))
    found = answers.tokens(*NARROW).join(near, on="mark", how="semi").select("said").unique()
    return odd.join(found, on="said", how="semi").select("key", published_before=pl.lit(value=True))


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
