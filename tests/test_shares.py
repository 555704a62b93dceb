"""How often something was seen is told with its interval: in CSV and JSON, in the report, by explain and by history."""

import csv
import io
import json

import polars as pl
import pytest

import stories
from resolver_diff.commands import _runs
from resolver_diff.compare import shares
from resolver_diff.diff import anomalies
from resolver_diff.reports import csv as as_csv
from resolver_diff.reports import json as as_json
from resolver_diff.reports import text
from resolver_diff.wording.lines import plain
from stories import FOLDER, Story

pytestmark = stories.ONE_PROCESS


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        # by hand: (p + z2/2n -+ z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), p = k/n, z2 = 3.841459
        (2, 5, 0.1176, 0.7693),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (9, 10, 0.5958, 0.9821),
        (15, 50, 0.1910, 0.4375),
        (50, 100, 0.4038, 0.5962),
        (1.96, 2, 0.3289, 0.9998),
    ],
)
def test_interval_is_wilsons(k: float, n: int, low: float, high: float) -> None:
    """The ends are those that a person finds with a pocket calculator, of one share and of a column of them."""
    assert shares.interval(k, n) == pytest.approx((low, high), abs=5e-5)
    columns = shares.low(pl.lit(k), pl.lit(n)), shares.high(pl.lit(k), pl.lit(n))
    assert pl.select(low=columns[0], high=columns[1]).row(0) == pytest.approx((low, high), abs=5e-5)


def test_never_is_0_and_always_is_1() -> None:
    """Whatever floating point makes of it: the ends are 0 and 1 there, and nowhere else."""
    for n in range(1, 2000):
        assert shares.interval(0, n)[0] == 0
        assert shares.interval(n, n)[1] == 1
        assert 0 < shares.interval(1, n + 1)[0] < shares.interval(n, n + 1)[1] < 1
    ends = pl.select(n=pl.int_range(1, 2000)).select(
        low=shares.low(pl.lit(0), pl.col("n")), high=shares.high(pl.col("n"), pl.col("n"))
    )
    assert ends.unique().rows() == [(0, 1)]


@pytest.mark.parametrize(("n", "p"), [(5, 0.2), (5, 0.5), (10, 0.3), (20, 0.1)])
def test_interval_holds_its_level(n: int, p: float) -> None:
    """Over all that may be seen it covers the true share about as often as it says."""
    from math import comb

    covered = 0.0
    for k in range(n + 1):
        low, high = shares.interval(k, n)
        covered += comb(n, k) * p**k * (1 - p) ** (n - k) * (low <= p <= high)
    assert 0.91 < covered <= 1


def test_nothing_of_nothing_is_null() -> None:
    """Where nothing was asked there is no share."""
    assert pl.select(shares.low(pl.lit(0), pl.lit(0))).item() is None


def test_reports_tell_how_often() -> None:
    """What was seen in two of five repeats says so, with the ends of the interval, wherever it is reported."""
    found = [stories.play(FOLDER / "forged_now_and_then.yaml")]
    rows = {(row["resolver"], row["qtype"]): row for row in csv.DictReader(io.StringIO(as_csv.render(found)))}
    row = rows["nsdi-a", "A"]
    assert (row["repeats"], row["repeats_alike"]) == ("5", "2")
    assert (float(row["share_low"]), float(row["share_high"])) == pytest.approx((0.1176, 0.7693), abs=1e-4)
    told = [row for row in json.loads(as_json.render(found))["anomalies"] if row["resolver"] == "nsdi-a"]
    assert {(row["repeats_alike"], row["repeats"], row["share_low"], row["share_high"]) for row in told} == {
        (2, 5, 0.1176, 0.7693)
    }
    assert "nxdomain, in 2 of 5 repeats (12 % to 77 %)" in text.render(found)


def test_what_was_asked_once_has_no_share() -> None:
    """One time tells nothing of how often: the ends are empty, and the page is silent."""
    found = [stories.play(FOLDER / "vanished_by_nodata.yaml")]
    (row, *_) = csv.DictReader(io.StringIO(as_csv.render(found)))
    assert (row["repeats"], row["repeats_alike"], row["share_low"], row["share_high"]) == ("1", "1", "", "")
    assert "repeats" not in text.render(found)


def test_history_tells_what_is_wrong_now_and_then() -> None:
    """A name that is denied on two of four dates, with a good one between, is said to be so; a lasting loss is not."""
    gone = {"nsdi-a": {"x.example": "nxdomain"}}
    lasting = {"nsdi-b": {"x.example": "nxdomain"}}
    told = {"history": [{**gone}, {**lasting}], "before": {**gone, **lasting}, "after": {**lasting}}
    story = Story("test", told)
    days = [*story.history, story.before, story.after]
    every = [anomalies(day, days[:place]).cells for place, day in enumerate(days)]
    page = plain(_runs.describe(pl.concat(every).filter(pl.col("qname") == "x.example"), None))
    assert "nsdi-a A: wrong on 2 of 4 dates that tell (15 % to 85 %)" in page
    assert "nsdi-b A: wrong on" not in page
