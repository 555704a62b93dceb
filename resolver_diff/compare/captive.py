"""Resolvers that answer nearly every name with one address: captive portals, and other ways to catch all."""

import polars as pl

from resolver_diff.compare import control_names
from resolver_diff.compare.health import NAMES, NEARLY_EVERY
from resolver_diff.compare.pools import Answers
from resolver_diff.tables import Condition, Health, Outcome


def catching(
    said: pl.DataFrame,
    answers: Answers,
    published: pl.DataFrame,
    observations: pl.DataFrame,
    entries: pl.DataFrame,
) -> pl.DataFrame:
    """Return the r that answer nearly every name, control names too, with one address: r, token, page.

    It must be one that the controls do not give, be given for three domains or more, and for a name that the
    controls deny or fail: whoever blocks a list of names has no reason to answer such a one, and answers others as
    they are. *said* is labelled, and has *consensus*.
    """
    given = said.filter(pl.col("kind") == "answer")
    odd = given.filter(~pl.col("shares_address")).select("said", "r", "domain", "consensus")
    tokens = answers.texts(odd, "r", "domain", "consensus")
    foreign = tokens.join(published, on="mark", how="anti")
    denied = (pl.col("consensus") != "answer").fill_null(value=False)
    perhaps = foreign.group_by("r", "token", "text").agg(domains=pl.col("domain").n_unique(), denied=denied.any())
    perhaps = perhaps.filter((pl.col("domains") >= NAMES) & pl.col("denied"))
    if perhaps.is_empty():
        return perhaps.select("r", "token", page="text")
    tested = _control_answers(observations, entries).join(perhaps, on="r", how="semi")
    all_given = pl.concat([given.select("r", "domain"), tested.select("r", "domain")])
    named = all_given.join(perhaps, on="r", how="semi").group_by("r").agg(all=pl.col("domain").n_unique())
    alike = tested.explode("text").join(perhaps, on=["r", "text"])
    more = alike.group_by("r", "text").agg(more=pl.col("domain").n_unique())
    found = perhaps.join(named, on="r").join(more, on=["r", "text"], how="left")
    nearly = pl.col("domains") + pl.col("more").fill_null(0) >= NEARLY_EVERY * pl.col("all")
    return found.filter(nearly).sort("r", "text").unique("r", keep="first").select("r", "token", page="text")


def beside_catches(said: pl.DataFrame, answers: Answers, found: pl.DataFrame) -> pl.DataFrame:
    """Add *catches_all*: the cell is of an entry *found*, or has its page, at the same resolver over another transport.

    What says so also makes a cell *misled*.
    """
    pages = found.join(said.select("r", "who").unique(), on="r").select("who", "token")
    answering = said.select("key", "who", "said", "kind").filter(pl.col("kind") == "answer")
    answering = answering.join(pages, on="who", how="semi")
    paged = answers.of_rows(answering, "key", "who").join(pages, on=["who", "token"], how="semi")
    catches = pl.col("r").is_in(found["r"].implode()) | pl.col("key").is_in(paged["key"].implode())
    said = said.with_columns(catches_all=catches)
    return said.with_columns(misled=pl.col("misled") | pl.col("catches_all"))


def _control_answers(observations: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return what control names got: r, domain (a number of its own), text (the addresses)."""
    tested = control_names.questions(observations, entries).filter(pl.col("outcome") == Outcome.ANSWER)
    text = pl.col("answer").cast(pl.String).str.split(" ")
    return tested.select("r", domain=pl.col("qname").cast(pl.String).hash(), text=text)


def condition(entries: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Say of the *entries* that were *found* what they are; one that is silent or ill stays so."""
    both = entries.join(found.select("r", "page"), on="r", how="left").sort("r")
    catches = pl.col("page").is_not_null() & ~pl.col("unfit")
    named = pl.when(catches).then(pl.lit(Condition.CATCH_ALL)).otherwise("condition")
    sentence = pl.format("nearly every name is answered with {}, even what the controls deny", "page")
    return both.with_columns(
        condition=named.cast(Health.schema["condition"]), says=pl.when(catches).then(sentence).otherwise("says")
    ).drop("page")
