"""Answers with an address or a CNAME target of which it is known that it stands for blocked names."""

import polars as pl

from resolver_diff.compare.pools import ADDRESS, CNAME, Answers

HIT = {"q": pl.UInt32(), "token_kind": pl.UInt8(), "token": pl.UInt64(), "mark": pl.UInt64(), "said": pl.UInt32()}


def hits(said: pl.DataFrame, answers: Answers, known: pl.DataFrame) -> pl.DataFrame:
    """Return the tokens of answers that are on the list: q, token_kind, token, mark, said.

    What most of the controls give is the owner's own, whatever the list says. *said* is labelled;
    *known* has the columns of ``KnownAnswers``.
    """
    values = known["value"].unique()
    tokens = pl.concat([answers.by_kind[ADDRESS], answers.by_kind[CNAME]])
    tokens = tokens.filter(pl.col("text").is_in(values.implode()))
    tokens = tokens.select("said", "token", "mark", pl.col("kind").alias("token_kind"))
    if not tokens.height:
        return pl.DataFrame(schema=HIT)
    found = tokens.join(answers.distinct.select("said", "q"), on="said").select(*HIT)
    votes = said.filter(pl.col("votes") & (pl.col("kind") == "answer")).select("q", "op", "said").unique()
    votes = votes.join(found, on="q", how="semi")
    everybody = votes.group_by("q").agg(all=pl.col("op").n_unique())
    givers = votes.select("said", "op").join(found, on="said").group_by("q", "mark").agg(some=pl.col("op").n_unique())
    usual = givers.join(everybody, on="q").filter(2 * pl.col("some") > pl.col("all"))
    return found.join(usual, on="mark", how="anti")


def without(published: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Return what the controls *published* without what was *found* on the list: a control may be misled itself."""
    return published.join(found, on="mark", how="anti") if found.height else published


def beside_answers(said: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Add *listed*: the answer has something that was *found* on the list."""
    if not found.height:
        return said.with_columns(listed=pl.lit(value=False))
    return said.with_columns(listed=pl.col("said").is_in(found["said"].unique().implode()).fill_null(value=False))
