"""Dates on which much less than usual could be judged are said to be such; and that is not said of others."""

from collections.abc import Mapping
from typing import Any

import stories
from resolver_diff.diff import Diff
from resolver_diff.reports import json, text

SILENT = {"*": "timeout", "canary": "timeout"}
QUIET: list[Mapping[str, Any]] = [{}, {}, {}]


MORE = {f"more-{number:02}.test": {"A": f"11.7.{number}.1", "AAAA": f"2400:{number:x}1::1"} for number in range(30)}


def told(after: Mapping[str, Any], *history: Mapping[str, Any]) -> Diff:
    """Judge the last date of several."""
    story = {"before": {}, "after": after, "history": [*QUIET, *history]}
    return stories.Story("test", story).today()


def groups(found: Diff) -> list[tuple[str | None, str | None]]:
    """Return country and resolver of what is told."""
    return found.coverage.frame.select("country", "resolver").rows()


def test_usual_dates_are_not_told_of() -> None:
    """A date like the others, and one on which a single name is lost, are no drop."""
    assert groups(told({})) == []
    assert groups(told({"nsdi-a": {"x.example": "nxdomain"}})) == []


def test_a_silent_country_is_a_drop() -> None:
    """All resolvers of a country are silent: it is told with counts, what is usual, and who was missing."""
    found = told(dict.fromkeys(("nsdi-a", "nsdi-b", "isp-ru"), SILENT))
    assert ("RU", None) in groups(found)
    (row,) = [row for row in found.coverage.rows() if (row["country"], row["resolver"]) == ("RU", None)]
    assert (row["judged"], row["asked"], row["usual"], row["least"]) == (0, 180, 180, 180)
    assert row["unfit"] == 180
    assert row["says"] == (
        "0 of 180 cells at RU could be judged, usually 180, and never fewer than 180 on 4 earlier dates; "
        "missing: 180 at resolvers that were silent or ill (isp-ru, nsdi-a, nsdi-b)"
    )
    assert not len(found.anomalies)


def test_controls_without_a_vote_are_named() -> None:
    """Where the controls are lost nothing can be judged, which is told of the vantage, and why."""
    lost = ("quad9", "google", "cloudflare", "opendns")
    found = told(dict.fromkeys(lost, SILENT))
    (row,) = [row for row in found.coverage.rows() if (row["country"], row["resolver"]) == (None, None)]
    assert row["undecided"] == row["usual"] == 480
    assert "on which too few controls agree (without a vote: cloudflare, google, opendns, quad9)" in str(row["says"])


def test_names_not_asked_are_counted() -> None:
    """Names that were left out of a run are missing, though nothing of what was asked is."""
    story = {"before": {}, "after": {"absent": list(MORE)}, "history": QUIET, "truth": MORE}
    found = stories.Story("test", story).diff()
    (row,) = [row for row in found.coverage.rows() if (row["country"], row["resolver"]) == (None, None)]
    assert (row["asked"], row["usual"], row["not_asked"]) == (480, 960, 480)
    assert str(row["says"]).endswith("missing: 480 that were not asked")


def test_a_resolver_that_left_is_no_drop_of_its_own() -> None:
    """Who is not asked any more is told of as such; there is nothing of him to be judged."""
    found = told({"absent": ["isp-br"]})
    assert "isp-br" not in {resolver for _, resolver in groups(found)}


def test_a_drop_that_lasts_becomes_usual() -> None:
    """A country that stays silent is told of for three dates, and when it is back that is no drop either."""
    down = dict.fromkeys(("nsdi-a", "nsdi-b", "isp-ru"), SILENT)
    story = {"after": down, "history": [*QUIET, {}, down], "before": down}
    assert groups(stories.Story("test", story).today())
    assert groups(stories.Story("test", {**story, "history": [*QUIET, {}, down, down]}).today()) == []
    assert groups(stories.Story("test", {**story, "history": [*QUIET, {}, down, down], "after": {}}).today()) == []


def test_the_end_of_a_long_drop_hides_no_other() -> None:
    """Once a country has been back for three dates, what it was like while it was silent is no longer usual."""
    down = dict.fromkeys(("nsdi-a", "nsdi-b", "isp-ru"), SILENT)
    dates: list[Mapping[str, Any]] = [*QUIET, {}, down, down, down, {}, {}]
    story = {"history": dates, "before": {}, "after": down}
    assert ("RU", None) in groups(stories.Story("test", story).today())
    assert groups(stories.Story("test", {**story, "after": {}}).today()) == []


def test_too_few_dates_tell_nothing() -> None:
    """What is usual is not known on the first dates."""
    story = {"before": {}, "after": {"nsdi-a": SILENT, "nsdi-b": SILENT, "isp-ru": SILENT}, "history": [{}]}
    assert groups(stories.Story("test", story).today()) == []


def test_nothing_is_too_little_whatever_is_usual() -> None:
    """Where not one cell can be judged that is told on the first date too: by an offline network, or one that lies."""
    for said in ({"*": "timeout", "canary": "timeout"}, {"*": "nxdomain"}):
        found = stories.Story("test", {"before": {}, "after": {"everyone": said}}).alone()
        (row,) = found.coverage.rows()
        assert (row["country"], row["judged"], row["usual"], row["dates"]) == (None, 0, 0, 0)
        assert str(row["says"]).startswith("0 of 480 cells at this vantage (controls left out) could be ")
        assert {cell["state"] for cell in found.cells.iter_rows(named=True)} == {"insufficient"}


def test_reports_tell_it_once() -> None:
    """The page names the widest place only; the JSON has all of them."""
    found = told(dict.fromkeys(("nsdi-a", "nsdi-b", "isp-ru"), SILENT))
    page = text.REPORT.render([found])
    assert page.count("could be judged, usually") == 1
    assert "Could tell less than usual" in page
    assert '"coverage"' in json.REPORT.render([found])
    assert '"coverage"' not in json.REPORT.render([told({})])
