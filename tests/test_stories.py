"""Every story in tests/scenarios is judged as it says: nothing more, nothing less."""

from pathlib import Path

import polars as pl
import pytest

import stories
from resolver_diff.diff import Diff
from resolver_diff.tables import Condition

pytestmark = stories.ONE_PROCESS

STORIES = sorted(stories.FOLDER.glob("*.yaml"))
KNOWN = {
    "about", "truth", "moved", "resolvers", "repeats", "history", "before", "after", "changes", "today",
    "evidence", "origins", "identity", "known", "finds", "certificates", "health", "events", "says", "entered", "left",
    "silent",
}  # fmt: skip


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story(path: Path) -> None:
    """What the story calls a change is found, with the evidence it names, and nothing else is."""
    story = stories.read(path)
    assert not set(story.told) - KNOWN
    found = stories.play(path)
    assert stories.rows(found) == sorted(story.told["changes"])
    assert list(found.entered) == story.told.get("entered", [])
    assert list(found.left) == story.told.get("left", [])
    assert _conditions(found.health.frame) == story.told.get("health", {})
    for resolver, part in story.told.get("finds", {}).items():
        rows = found.health.frame.filter(pl.col("resolver") == resolver, pl.col("date") == found.date_after)
        said = rows["says"].item()
        assert said is None if part is None else part in (said or ""), resolver
    for cell, names in story.told.get("evidence", {}).items():
        resolver, qname = cell.split()
        rows = found.anomalies.frame.filter(pl.col("resolver") == resolver, pl.col("qname") == qname)
        given = " ".join(
            part for row in rows.rows(named=True) for part in (row["evidence_for"], row["evidence_against"]) if part
        )
        assert set(names) <= set(given.split()), cell
    for cell, names in story.told.get("silent", {}).items():
        assert not set(names) & _found(found, *cell.split()), cell
    if "events" in story.told:
        assert len(found.events) == story.told["events"]
    if "says" in story.told:
        assert story.told["says"] in found.events.frame["says"].to_list()


@pytest.mark.parametrize(
    "path", [path for path in STORIES if "today" in stories.read(path).told], ids=lambda path: path.stem
)
def test_story_of_one_date(path: Path) -> None:
    """The later date, judged alone, shows what the story says is wrong on it."""
    story = stories.read(path)
    assert stories.rows(story.today()) == sorted(story.told["today"])


def test_innocent_stories_are_not_outnumbered() -> None:
    """At least as many stories are innocent as guilty, and there are at least 25."""
    innocent = [path for path in STORIES if not stories.read(path).told["changes"]]
    assert len(STORIES) >= 25
    assert 2 * len(innocent) >= len(STORIES)


def _found(found: Diff, resolver: str, qname: str) -> set[str]:
    """Return all evidence on the cells of a name at a resolver on the later date."""
    rows = found.cells.filter(pl.col("resolver") == resolver, pl.col("qname") == qname)
    rows = rows.filter(pl.col("date") == found.date_after)
    assert rows.height
    return {name for row in rows.iter_rows(named=True) for name in (*row["evidence_for"], *row["evidence_against"])}


def _conditions(health: pl.DataFrame) -> dict[str, str]:
    """Return the conditions on the later date that are not well."""
    latest = health.filter((pl.col("date") == pl.col("date").max()) & (pl.col("condition") != Condition.WELL))
    return dict(latest.select("resolver", pl.col("condition").cast(pl.String)).iter_rows())
