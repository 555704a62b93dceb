"""The facts of runs as samples: when, how long, how much was asked and how much was lost."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

import resolver_diff
from resolver_diff.metrics.declared import Sample
from resolver_diff.snapshot import Run

COUNTS = {
    "run_questions": "questions",
    "run_queries": "queries",
    "run_replies": "replies",
    "run_silent_questions": "silent",
    "run_withheld_questions": "withheld",
}


def version() -> Iterator[Sample]:
    """Yield which version measures."""
    yield Sample("build_info", (resolver_diff.__version__,), 1)


def samples(vantage: str, runs: Sequence[Run]) -> Iterator[Sample]:
    """Yield what is known of the *runs* of one date at *vantage*; what any of them did not count is left out."""
    where = (vantage,)
    yield Sample("snapshot_date_timestamp_seconds", where, _midnight(runs[-1].date))
    yield Sample("last_success_timestamp_seconds", where, max(run.finished for run in runs).timestamp())
    took = sum((run.finished - run.started).total_seconds() for run in runs)
    yield Sample("run_duration_seconds", where, took)
    counted = {}
    for name, count in COUNTS.items():
        if all(count in run.counts for run in runs):
            counted[count] = sum(run.counts[count] for run in runs)
            yield Sample(name, where, counted[count])
    if {"questions", "silent", "withheld"} <= counted.keys():
        asked = counted["questions"] - counted["withheld"]
        if asked:
            yield Sample("run_loss_ratio", where, counted["silent"] / asked)


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
