"""Names that are denied here and there all over the world."""

import polars as pl

from resolver_diff.compare.beside import beside


def beside_denials(said: pl.DataFrame) -> pl.DataFrame:
    """Add in how many other countries somebody denies a question, and how many do in the cell's own country.

    *countries_denying*: other countries with a resolver that denies it; *here_denying* of *here_heard*: resolvers of
    the country that deny it, of those that reply, the cell's own among them. Controls and resolvers that are unfit
    are left out, and so are countries that are not known.
    """
    heard = said.select("q", "country", "role", "kind", "unfit")
    heard = heard.filter(pl.col("role") != "control", ~pl.col("unfit"), pl.col("kind").is_in(["answer", "denial"]))
    denies = pl.col("kind") == "denial"
    denied = heard.filter(denies).select("q").unique()
    here = heard.join(denied, on="q", how="semi").filter(pl.col("country").is_not_null())
    here = here.group_by("q", "country").agg(
        here_denying=denies.sum().cast(pl.UInt32), here_heard=pl.len().cast(pl.UInt32)
    )
    world = here.group_by("q").agg(all_denying=(pl.col("here_denying") > 0).sum().cast(pl.Int32))
    said = beside(beside(said, here, "q", "country"), world, "q")
    counts = ("here_denying", "here_heard", "all_denying")
    said = said.with_columns(pl.col(name).fill_null(0) for name in counts)
    others = pl.col("all_denying") - (pl.col("here_denying") > 0).cast(pl.Int32)
    return said.with_columns(countries_denying=others.cast(pl.UInt32)).drop("all_denying")
