"""Networks of one owner, as where the controls are sent tells them."""

import polars as pl

DOMAINS = 3  # unrelated; two may have chosen the same two hosts
MOSTLY = 3 / 4  # of the smaller network's names; customers of two hosts are fewer


def groups(pairs: pl.DataFrame, published: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Return the *pairs* (token, other) of autonomous systems that belong to one owner, with *domains*.

    They do where controls answer three unrelated names from both, on whatever dates, and these are most of
    the names that live in the smaller one: whose networks they were, if not one owner's, would also be used alone.
    *published*: q, token of systems, of all dates; *names*: q, name, domain.
    """
    wanted = pl.concat([pairs["token"], pairs["other"].alias("token")]).unique().to_frame()
    living = (
        published.join(wanted, on="token", how="semi").join(names, on="q").select("name", "domain", "token").unique()
    )
    sizes = living.group_by("token").agg(all=pl.col("domain").n_unique())
    here = living.join(pairs, on="token")
    both = here.join(living.select("name", other="token"), on=["name", "other"], how="semi")
    counts = both.group_by("token", "other").agg(domains=pl.col("domain").n_unique())
    counts = counts.join(sizes, on="token").join(sizes.rename({"token": "other", "all": "others"}), on="other")
    smaller = pl.min_horizontal("all", "others")
    return counts.filter((pl.col("domains") >= DOMAINS) & (pl.col("domains") >= MOSTLY * smaller)).select(
        "token", "other", "domains"
    )
