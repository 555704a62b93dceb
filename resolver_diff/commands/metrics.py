"""resolver-diff metrics: one date as numbers for Prometheus."""

from pathlib import Path
from typing import Annotated

import typer

from resolver_diff.commands import _options as options

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Write them here, for the textfile collector; `-`: stdout, which is the default.",
        readable=False,
    ),
]


def command(
    day: options.Day = "latest",
    output: Output = None,
    push: options.Push = None,
    resolvers: options.Facts = None,
    known_answers: options.KnownAnswers = None,
    domains: options.OnlyDomains = None,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.Vantage = None,
) -> int:
    """Say one date in numbers, for Prometheus: cells, events, resolvers, and the run.

    All are gauges, named resolver_diff_...; none has a label for a name. Needs the extra `metrics`. The dashboard
    contrib/grafana/resolver-diff.json shows them.

    \b
    Examples:
      resolver-diff metrics
      resolver-diff metrics --output /var/lib/prometheus/node-exporter/resolver_diff.prom
      resolver-diff metrics 2026-02-11 --push http://localhost:9091
    """
    from dataclasses import replace

    from resolver_diff import diff
    from resolver_diff.commands import _measuring
    from resolver_diff.commands._loading import Source
    from resolver_diff.commands._output import STDOUT, check_outputs
    from resolver_diff.errors import ExitStatus
    from resolver_diff.library import following

    _measuring.check()
    check_outputs(output)
    source = Source.of(snapshots, vantage, resolvers, domains, known_answers)
    date = source.latest(day)
    today = source.load(date, judged=True)
    judged = [diff.anomalies(today.pop(name), source.history(date, name)) for name in sorted(today)]
    followed = [each for each in following.follow(replace(source, until=date)) if each.dates[-1] == date]
    measures = _measuring.measure(source, date, judged, followed)
    _measuring.deliver(measures, STDOUT if output is None and push is None else output, push)
    return ExitStatus.DONE
