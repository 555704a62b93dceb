"""Columns put beside cells: as a join would, whatever the keys are."""

import numpy as np
import polars as pl
import pytest

from resolver_diff.compare.beside import FEW, beside

WHO = pl.Enum(["isp", "control", "public"])
NUMBERS = 90


@pytest.fixture(scope="module", params=[FEW // 4, 2 * FEW], ids=["few", "many"])
def cells(request: pytest.FixtureRequest) -> pl.DataFrame:
    """Return cells with every kind of key, few that are joined and many whose keys are looked up; some have none."""
    size = request.param
    random = np.random.default_rng(7)
    numbers = pl.Series(random.integers(0, NUMBERS, size), dtype=pl.UInt32)
    return pl.DataFrame(
        {
            "q": numbers,
            "key": numbers.cast(pl.UInt64) * 2**32 + 5,
            "said": pl.Series([None if one % 3 == 0 else one for one in numbers], dtype=pl.UInt32),
            "country": pl.Series(random.choice(["RU", "DE", "", "日本"], size)).cast(pl.Categorical),
            "role": pl.Series(random.choice(list(WHO.categories), size), dtype=WHO),
            "name": pl.Series(random.choice(["a.test", "b.test"], size)),
            "far": numbers * 40_000_000,
        }
    )


@pytest.mark.parametrize(
    "on",
    [
        *(("q",), ("key",), ("said",), ("country",), ("name",), ("far",)),
        *(("q", "country"), ("said", "role", "country"), ("q", "name")),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_it_says_what_a_join_says(cells: pl.DataFrame, on: tuple[str, ...], share: float) -> None:
    """Numbers close together, numbers far apart, texts; keys that are missing; nothing found, some, all."""
    found = cells.group_by(on, maintain_order=True).agg(
        least=pl.col("q").min(), some=(pl.col("q") > 40).first(), text=pl.col("name").first(), all=pl.col("q")
    )
    found = found.sample(fraction=share, seed=1, shuffle=True)
    joined = cells.join(found, on=list(on), how="left", maintain_order="left")
    assert beside(cells, found, *on).equals(joined)
    assert share < 1 or joined["least"].null_count() == (cells["said"].null_count() if "said" in on else 0)


def test_what_is_there_twice_is_an_error(cells: pl.DataFrame) -> None:
    """A join would say it by having more rows."""
    found = pl.DataFrame({"q": [1, 1], "least": [0, 1]}, schema_overrides={"q": pl.UInt32})
    with pytest.raises(AssertionError, match="twice"):
        beside(cells, found, "q")


def test_columns_of_that_name_are_replaced(cells: pl.DataFrame) -> None:
    """What is found later counts."""
    found = cells.select("q", "name").unique("q").with_columns(name=pl.lit("other"))
    assert set(beside(cells, found, "q")["name"]) == {"other"}
