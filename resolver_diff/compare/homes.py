"""Names that live in one network for all the world, and who is sent out of it."""

import polars as pl

from resolver_diff.compare.beside import beside
from resolver_diff.compare.pools import ADDRESS, CNAME, ORGANISATION, ORIGIN, PREFIX, Answers

OPERATORS = 3  # of controls that must all be sent to one network; two may meet there by chance
CLOSE = (ADDRESS, PREFIX, CNAME)  # shared with a control, whatever network it is


def beside_homes(said: pl.DataFrame, answers: Answers, published: pl.DataFrame) -> pl.DataFrame:
    """Add to answers that the controls do not give how many resolvers of other countries are sent to the name's home.

    A name has a home where every control that answers has addresses in one autonomous system, or in networks of
    one organisation. *home_asked*: resolvers elsewhere that answer; null where the name has no home,
    or the answer lies there.
    *home_countries*: where these are. *home_left*: of these, the ones without an address at home. *astray*: this
    answer has none. Answers of private addresses count as any other; controls and resolvers that are
    misled do not. *said* is labelled.
    """
    homes = _homes(said, answers)
    near = published.filter(pl.col("token_kind").is_in(CLOSE)).join(homes, on="q", how="semi").select("mark")
    inside = answers.tokens().join(pl.concat([homes.select("mark"), near]), on="mark", how="semi")
    inside = inside.select("said").unique().with_columns(inside=pl.lit(value=True))
    answering = said.filter(pl.col("kind") == "answer")
    counted = answering.filter((pl.col("role") != "control") & ~pl.col("misled"))
    counted = counted.group_by("q", "country", "said").agg(given=pl.len())
    counted = counted.join(homes.select("q").unique(), on="q", how="semi").join(inside, on="said", how="left")
    left = pl.col("given").filter(pl.col("inside").is_null()).sum()
    countries = pl.col("country").drop_nulls().n_unique()
    total = counted.group_by("q").agg(all_asked=pl.col("given").sum(), all_left=left, countries=countries)
    here = counted.group_by("q", "country").agg(asked=pl.col("given").sum(), left_here=left)
    odd = answering.filter(~pl.col("shares_address") & ~pl.col("shares_prefix")).select("key", "q", "country", "said")
    found = odd.join(total, on="q").join(inside, on="said", how="anti")
    found = found.join(here, on=["q", "country"], how="left", nulls_equal=True)
    elsewhere = pl.col("countries") - (pl.col("country").is_not_null() & (pl.col("asked") > 0)).fill_null(value=False)
    found = found.select(
        "key",
        astray=pl.lit(value=True),
        home_countries=elsewhere.cast(pl.UInt32),
        home_asked=(pl.col("all_asked") - pl.col("asked").fill_null(0)).cast(pl.UInt32),
        home_left=(pl.col("all_left") - pl.col("left_here").fill_null(0)).cast(pl.UInt32),
    )
    return beside(said, found, "key").with_columns(pl.col("astray").fill_null(value=False))


def _homes(said: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return the networks that every operator of controls shares: q, mark."""
    voting = said.filter(pl.col("votes") & (pl.col("kind") == "answer")).select("said", "q", "op")
    operators = voting.group_by("q").agg(all=pl.col("op").n_unique()).filter(pl.col("all") >= OPERATORS)
    given = answers.of_rows(voting, "q", "op", kinds=(ORIGIN, ORGANISATION))
    held = given.group_by("mark").agg(pl.col("q").first(), holders=pl.col("op").n_unique())
    common = held.join(operators, on="q").filter(pl.col("holders") == pl.col("all"))
    return common.select("q", "mark")
