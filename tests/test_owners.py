"""Owners above autonomous systems: names made alike, and networks that the controls answer the same names from."""

import polars as pl
import pytest

import stories
from resolver_diff.compare import owners
from resolver_diff.compare.organisations import normal

pytestmark = stories.ONE_PROCESS


@pytest.mark.parametrize(
    "names",
    [
        ["AKAMAI-AS, US", "AKAMAI-ASN1, NL", "Akamai Technologies, Inc.", "Akamai International B.V.", "akamai"],
        ["Facebook, Inc.", "FACEBOOK, US", "Facebook"],
        ["AMAZON-02, US", "AMAZON-AS", "Amazon"],
        ["Example S.p.A.", "EXAMPLE LTD", "The Example Group"],
    ],
)
def test_one_organisation_has_many_names(names: list[str]) -> None:
    """Legal forms, handles and a country after a comma tell no organisation from another."""
    assert pl.DataFrame({"name": names}).select(normal(pl.col("name")).n_unique()).item() == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Telecom S.A.", "Telecom Ltd"),
        ("National Internet Company", "National Internet LLC"),
        ("AS3356", "AS3549"),
        ("Vodafone GmbH", "Vodafone-TR"),
        ("GOOGLE", "GOOGLE-CLOUD"),
        ("Cloud Example", "Example Hosting"),
        ("Iran Technology Company", "Iran International"),
        ("Hong Kong Technology", "Hong Kong International Ltd, HK"),
        ("Islamic Republic of Iran Group", "Islamic Republic of Iran Holding"),
    ],
)
def test_common_words_are_no_organisation(one: str, other: str) -> None:
    """Where only a word is left that many have in their names, the whole name counts."""
    assert pl.select((normal(pl.lit(one)) == normal(pl.lit(other))).alias("same")).item() is False


def test_no_name_stays_none() -> None:
    """Who is not named is not named alike."""
    assert pl.select(normal(pl.lit(None, pl.String))).item() is None


@pytest.mark.parametrize("name", ["", " ", "-", "N/A", "Unknown", "PRIVATE", "Reserved, US", "Not announced", "*"])
def test_who_names_nobody_shares_no_owner(name: str) -> None:
    """Two networks whose register tells no owner do not belong to one: such an answer is not cleared by it."""
    assert pl.select(normal(pl.lit(name))).item() is None


def grouped(*networks: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Return the groups of networks 1 and 2, where each name lives in *networks* as told."""
    rows = [(q, network) for q, living in enumerate(networks) for network in living]
    published = pl.DataFrame(rows, {"q": pl.UInt32, "token": pl.UInt64}, orient="row")
    places = pl.Series("q", range(len(networks)), pl.UInt32)
    names = pl.DataFrame({"q": places, "name": places.cast(pl.UInt64), "domain": places.cast(pl.UInt64)})
    pairs = pl.DataFrame({"token": [1], "other": [2]}, schema={"token": pl.UInt64, "other": pl.UInt64})
    return owners.groups(pairs, published, names).rows()


def test_three_names_in_both_make_an_owner() -> None:
    """Three unrelated names, and most of those in the smaller network; not what some customers do."""
    assert grouped((1, 2), (1, 2), (1, 2)) == [(1, 2, 3)]
    assert grouped((1, 2), (1, 2)) == []
    assert grouped((1, 2), (1, 2), (1, 2), (1,), (1,), (1,), (2,)) == [(1, 2, 3)]
    assert grouped((1, 2), (1, 2), (1, 2), (1,), (1,), (2,), (2,)) == []


@pytest.mark.parametrize(
    ("story", "by"),
    [
        ("owner_of_two_networks", "shares_owner"),
        ("owner_over_two_dates", "shares_owner"),
        ("owner_of_two_names", "shares_organisation"),
    ],
)
def test_an_owner_clears(story: str, by: str) -> None:
    """An answer from another network of the owner agrees with the controls, and says why."""
    found = stories.play(stories.FOLDER / f"{story}.yaml")
    here = (pl.col("resolver") == "isp-ru") & (pl.col("qname") == "near.example") & (pl.col("qtype") == "A")
    row = found.cells.filter(here, pl.col("date") == found.date_after).row(0, named=True)
    assert (row["state"], row["evidence_against"]) == ("agrees", [by])
