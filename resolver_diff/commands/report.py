"""resolver-diff report: one date as a page for a browser."""

from pathlib import Path
from typing import Annotated

import typer

from resolver_diff.commands import _options as options

Since = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", help="How far it looks back; 14 dates if not given, or all there are."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Write the page here; report-DATE.html if not given; `-`: stdout.",
        readable=False,
    ),
]


def command(
    day: options.Day = "latest",
    since: Since = None,
    output: Output = None,
    resolvers: options.Facts = None,
    known_answers: options.KnownAnswers = None,
    calibration: options.Calibration = None,
    domains: options.OnlyDomains = None,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.Vantage = None,
) -> int:
    """Write one date as a page: one HTML file that needs no network and no other file, to keep, to send, to print.

    It tells what happened, each event with its witnesses and how sure it is, every cell that is wrong or changed with
    what was said before and after, how each resolver was, and what could not be told. Later dates are not looked at.

    \b
    Examples:
      resolver-diff report
      resolver-diff report 2026-02-11 --since 2026-02-01 --output february.html
    """
    from resolver_diff.commands import _paging
    from resolver_diff.commands._loading import Source
    from resolver_diff.commands._output import STDOUT, check_outputs, talk, write
    from resolver_diff.errors import ExitStatus, UsageError
    from resolver_diff.library import confident

    check_outputs(output)
    measured = confident.table(calibration)
    source = Source.of(snapshots, vantage, resolvers, domains, known_answers)
    date = source.latest(day)
    first = source.day(since, date) if since is not None else None
    if first is not None and first > date:
        raise UsageError(f"{first} is after {date}", hint="--since is the earlier date")
    file = output or Path(f"report-{date}.html")
    check_outputs(file)
    write(file, _paging.page(source, date, first, measured))
    if file != STDOUT:
        talk(f"{file} is the page of {date}: open it in a browser")
    return ExitStatus.DONE
