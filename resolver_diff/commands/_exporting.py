"""What an exporter is given: one date, as the options say."""

from collections.abc import Iterator
from dataclasses import replace

from resolver_diff import diff
from resolver_diff.commands._loading import Source
from resolver_diff.diff import Diff
from resolver_diff.errors import SnapshotError
from resolver_diff.exporters import Given
from resolver_diff.snapshot import Snapshot


def given(source: Source, text: str) -> Given:
    """Return the date that *text* names; raises SnapshotError when there is no snapshot of it."""
    if not source.dates():
        raise source.nothing()
    day = source.latest(text)
    runs = source.runs(day)
    if not runs:
        source.load(day, judged=True)  # which says what there is, or what is damaged
        raise SnapshotError(f"no readable snapshot for {day}")

    def judged() -> Iterator[tuple[Snapshot, Diff]]:
        for vantage in sorted({run.vantage for run in runs}):
            (today,) = replace(source, vantage=vantage).load(day, judged=True).values()
            yield today, diff.anomalies(today, source.history(day, vantage))

    return Given(source.folder, day, runs, source.names, judged)
