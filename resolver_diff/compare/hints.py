"""What hints at a forger without proving it: TTLs that no cache would give, replies too soon, answers not validated.

Each is held against the habits of the resolver itself on that date, as its answers that agree with the controls
show them. Only cells that differ are looked at.
"""

import polars as pl

from resolver_diff.compare.beside import beside
from resolver_diff.tables import State, TransportName

ENOUGH = 10  # answers that agree with the controls, before a resolver's habits with TTLs are known
ENOUGH_REPLIES = 20  # before its times are
ENOUGH_SIGNED = 5  # names that the controls validate, before it is known whether the resolver does
EARLIEST = 0.05  # the share of its replies that may come sooner than what is called usual
RAISED = 2  # times the greatest TTL of the controls; one time in eight, three caches all have less than half left
NO_TTL_OF_A_ZONE = (0, 30)  # what caches give beside what zones say: nothing is kept, or it is stale (RFC 8767 5)
MORE, TIMES = 2.8, 8  # names by chance: so many more than these times as many are met once in a million (Poisson)
USUAL = 0.05  # of its answers; what more of them show is a habit
MOST = 0.9  # of the names that the controls validate
OF_DATAGRAMS = str(TransportName.UDP)

COLUMNS = {
    "controls_ttl": pl.UInt32,
    "controls_timed": pl.UInt32,
    "raises_ttl": pl.Boolean,
    "ttl_names": pl.UInt16,
    "rtt_usual": pl.UInt32,
    "controls_validate": pl.Boolean,
    "validates": pl.Boolean,
}


def beside_hints(said: pl.DataFrame) -> pl.DataFrame:
    """Add to cells that differ what ``COLUMNS`` names; null elsewhere, and where it cannot be told.

    - *controls_ttl*: the greatest TTL that voting controls gave with an answer, *controls_timed*: their operators.
    - *raises_ttl*: this resolver gives such TTLs to names that it answers as the controls do.
    - *ttl_names*: unrelated names that it gives foreign answers with this very TTL, which is not theirs.
    - *rtt_usual*: microseconds below which hardly any reply of it comes.
    - *controls_validate*: most of the controls say that they validated their answer (RFC 4035 3.2.3).
    - *validates*: this resolver says so of the names that the controls validate, and of no others.
    """
    differs = pl.col("apparent").is_in([State.VANISHED, State.DIVERGENT])
    told = ("key", "q", "r", "op", "kind", "domain", "cname", "transport", "ad", "ttl", "rtt", "tc", "role", "votes")
    cells = said.select(*told, "shares_address", "shares_prefix", differs=differs)
    odd = cells.filter("differs")
    controls = _controls(cells)
    usual = cells.filter((pl.col("kind") == "answer") & pl.col("shares_address")).join(odd, on="r", how="semi")
    usual = usual.join(controls, on="q", how="left")
    found = odd.join(controls, on="q", how="left").join(_habits(usual), on="r", how="left")
    found = beside(found, _alike(found, usual), "key")
    # a control would be held against itself
    found = found.filter(pl.col("role") != "control")
    return beside(said, found.select("key", *(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())), "key")


def _controls(cells: pl.DataFrame) -> pl.DataFrame:
    """Return per question the greatest TTL of the controls' answers, and whether most say that they validated it."""
    given = cells.filter(pl.col("votes") & (pl.col("kind") == "answer"))
    timed = given.group_by("q", "op").agg(pl.col("ttl").max(), ad=pl.col("ad").any())
    validate = (pl.col("ad").sum() > 1) & (2 * pl.col("ad").sum() > pl.len())
    return timed.group_by("q").agg(
        controls_ttl=pl.col("ttl").max(),
        controls_timed=pl.col("ttl").count(),
        controls_validate=validate,
        nobody_validates=~pl.col("ad").any(),
    )


def _habits(usual: pl.DataFrame) -> pl.DataFrame:
    """Return per resolver *raises_ttl*, *rtt_usual* and *validates*, from its answers that agree with the controls."""
    raised = pl.col("ttl") > RAISED * pl.col("controls_ttl")
    known = raised.is_not_null()
    timed = pl.col("rtt").filter((pl.col("transport") == OF_DATAGRAMS) & ~pl.col("tc").fill_null(value=False))
    signed = pl.col("ad").filter("controls_validate")
    unsigned = pl.col("ad").filter("nobody_validates")
    # one that says so of everything echoes what it was asked
    honest = (signed.mean() >= MOST) & (unsigned.mean() <= USUAL)
    return usual.group_by("r").agg(
        raises_ttl=pl.when(known.sum() >= ENOUGH).then(raised.mean() > USUAL),
        rtt_usual=pl.when(timed.count() >= ENOUGH_REPLIES).then(timed.quantile(EARLIEST)),
        validates=pl.when((signed.count() >= ENOUGH_SIGNED) & (unsigned.count() >= ENOUGH_SIGNED)).then(honest),
    )


def _by_chance(rows: pl.DataFrame) -> pl.DataFrame:
    """Return r, *below*, *expected*: foreign answers that have any one TTL up to *below* by chance, sorted by it.

    One that has counted down from a TTL to anywhere below it has a given one by a chance of one in that many.
    """
    each = rows.group_by("r", "controls_ttl").agg(chance=pl.len() / pl.col("controls_ttl").first())
    each = each.sort("controls_ttl")
    summed = pl.col("chance").cum_sum(reverse=True).over("r")
    return each.select("r", below=pl.col("controls_ttl") - 1, expected=summed)


def _alike(found: pl.DataFrame, usual: pl.DataFrame) -> pl.DataFrame:
    """Return key, *ttl_names*: in how many unrelated names the resolver's foreign answers have this one TTL.

    Names count of which the controls gave a greater TTL. Caches count down, and meet now and then, at small TTLs
    mostly: there must be many more than would (see ``_by_chance``). Names behind one CNAME target are one.
    """
    foreign = (pl.col("kind") == "answer") & ~pl.col("shares_address") & ~pl.col("shares_prefix")
    lower = pl.col("controls_ttl") > pl.col("ttl")
    rows = found.filter(foreign & lower & ~pl.col("ttl").is_in(NO_TTL_OF_A_ZONE))
    target = pl.col("cname").cast(pl.String).str.extract(r"(\S+)$").hash()
    behind = pl.when(pl.col("cname").is_not_null()).then(target).otherwise("domain")
    owned = rows.group_by("r", "ttl").agg(ttl_names=behind.n_unique()).filter(pl.col("ttl_names") > 1).sort("ttl")
    owned = owned.join_asof(
        _by_chance(rows), left_on="ttl", right_on="below", by="r", strategy="forward", check_sortedness=False
    )
    owned = owned.filter(pl.col("ttl_names") > MORE + TIMES * pl.col("expected"))
    habits = usual.drop_nulls("ttl").group_by("r", "ttl").agg(n=pl.len())
    every = usual.drop_nulls("ttl").group_by("r").agg(all=pl.len()).filter(pl.col("all") >= ENOUGH)
    owned = owned.join(every, on="r").join(habits, on=["r", "ttl"], how="left")
    owned = owned.filter(pl.col("n").fill_null(0) <= USUAL * pl.col("all"))
    return rows.select("key", "r", "ttl").join(owned.select("r", "ttl", "ttl_names"), on=["r", "ttl"]).drop("r", "ttl")
