"""The confidence that is shown beside what was found, from the table of what was measured."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from resolver_diff.confidence import Measured, stored
from resolver_diff.diff import Diff
from resolver_diff.series import Series


def table(file: Path | None) -> Measured:
    """Return the table in *file*, or the shipped one; raises ConfigError when it is none."""
    return stored.shipped() if file is None else stored.read(file)


def beside(diffs: Sequence[Diff], known: Measured) -> list[Diff]:
    """Return *diffs* with the confidence in each anomaly and event."""
    found = []
    for each in diffs:
        anomalies, events = known.beside(each.anomalies, each.events)
        found.append(replace(each, anomalies=anomalies, events=events))
    return found


def beside_spells(followed: Sequence[Series], known: Measured) -> list[Series]:
    """Return *followed* with the confidence in each spell."""
    return [replace(each, spells=known.beside_spells(each.spells)) for each in followed]
