"""A date as metrics: what `metrics` and `daily` write for the textfile collector, or push."""

import importlib.util
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from resolver_diff.commands._loading import Source
from resolver_diff.commands._output import write
from resolver_diff.diff import Diff
from resolver_diff.errors import UsageError
from resolver_diff.series import Series

if TYPE_CHECKING:
    from resolver_diff.metrics import Measures


def check() -> None:
    """Raise UsageError when prometheus-client is not installed; to be told before the work, not after it."""
    if importlib.util.find_spec("prometheus_client") is None:
        hint = "install it with: pip install 'resolver-diff[metrics]'"
        raise UsageError("metrics need prometheus-client, which is not installed", hint=hint)


def measure(source: Source, day: date, judged: Sequence[Diff], followed: Sequence[Series]) -> "Measures":
    """Return the metrics of *day*: of the diffs whose later date it is, and the series that end on it."""
    check()
    from resolver_diff import metrics

    return metrics.measures(day, judged, followed, source.runs(day))


def deliver(measures: "Measures", output: Path | None, push: str | None) -> None:
    """Write *measures* to the file *output*, whole or not at all, and push them to the gateway at *push*.

    Raises UsageError when the one or the other cannot be done; the file is written first.
    """
    from resolver_diff import metrics
    from resolver_diff.metrics import gateway

    if output is not None:
        write(output, metrics.text(measures))
    if push is not None:
        gateway.push(push, measures)
