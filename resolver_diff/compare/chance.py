"""How probable it is on one date that a resolver loses a name as it may lose any name."""

import polars as pl

from resolver_diff.compare.replies import ending

SETTLED = ("answer", "nxdomain", "nodata")


def losses(cells: pl.DataFrame, endings: pl.DataFrame) -> pl.DataFrame:
    """Return per entry, ending and name that lost questions so: *luck*, on this date alone, *names*, *sharing*.

    *luck*: how probable that is by chance; *names*: of how many names; *sharing*: how many entries lose names so.
    Every question counts that the controls settle, by an answer or a denial, and every control question
    (*endings*).
    """
    settled = pl.col("consensus").is_in(SETTLED) & ~pl.col("unfit")
    asked = cells.select("r", "domain", "name", "consensus", "unfit", ending=ending())
    questions = asked.filter(settled).select("r", "domain", "name", "ending")
    return _each_name(pl.concat([questions, endings]))


def _each_name(trials: pl.DataFrame) -> pl.DataFrame:
    names = trials.group_by("r", "domain", "name").agg(asked=pl.len())
    ended = trials.filter(pl.col("ending").is_not_null())
    lost = ended.group_by("r", "ending", "domain", "name").agg(lost=pl.len()).join(names, on=["r", "domain", "name"])
    in_domain = names.group_by("r", "domain").agg(
        domain_asked=pl.col("asked").sum(), domain_singles=(pl.col("asked") == 1).sum()
    )
    per_domain = lost.group_by("r", "ending", "domain").agg(
        domain_lost=pl.col("lost").sum(), domain_alone=(pl.col("asked") == 1).sum()
    )
    each = lost.join(per_domain, on=["r", "ending", "domain"]).join(in_domain, on=["r", "domain"])
    each = each.join(_seen(names, lost), on=["r", "ending"]).with_columns(rate=_rate())
    whole = pl.col("domain_lost") == pl.col("domain_asked")
    together = pl.when(whole).then("domain_lost").otherwise("lost")
    losers = each.filter("loses").group_by("ending").agg(losers=pl.col("r").n_unique())
    each = each.join(losers, on="ending", how="left")
    # a resolver that loses nothing else takes no part of the false alarms that the others may cause
    sharing = pl.when("loses").then("losers").otherwise(1)
    return each.select("r", "ending", "name", "names", luck=pl.col("rate") ** together, sharing=sharing)


def _seen(names: pl.DataFrame, lost: pl.DataFrame) -> pl.DataFrame:
    """Return per entry and ending what it lost, and of how much.

    Names that lost all of several questions are what is to be explained: *spent* is theirs. *part* are the
    questions that other names lost, *alone* those of names asked one question only. *loses*: some
    name was lost that is not asked for here.
    """
    several = pl.col("asked") > 1
    asked = names.group_by("r").agg(
        questions=pl.col("asked").filter(several).sum().cast(pl.Int64),
        singles=(~several).sum().cast(pl.Int64),
        names=pl.len(),
    )
    whole = several & (pl.col("lost") == pl.col("asked"))
    seen = lost.group_by("r", "ending").agg(
        part=pl.col("lost").filter(several & ~whole).sum().cast(pl.Int64),
        spent=pl.col("asked").filter(whole).sum().cast(pl.Int64),
        alone=(~several).sum().cast(pl.Int64),
        domains=pl.col("domain").filter(~several).n_unique(),
    )
    seen = seen.with_columns(loses=(pl.col("part") > 0) | (pl.col("domains") > 1))
    return seen.join(asked, on="r")


def _rate() -> pl.Expr:
    """Return the chance that one question of this name ends so, taken from other names.

    Of two questions with loss p each, p (1 - p) / (1 - p^2) = p / (1 + p) are lost where not both are;
    of single ones, those of other domains, p are, so that p is at most what comes of taking all for the
    former. One loss is added to what was seen, so that nothing is impossible.
    """
    seen = pl.col("part") + pl.col("alone") - pl.col("domain_alone")
    of = pl.col("questions") - pl.col("spent") + pl.col("singles") - pl.col("domain_singles")
    share = (seen + 1) / (of + 2)
    return (share / (1 - share)).clip(0, 1)
