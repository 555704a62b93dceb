"""resolver-diff judge: what rules that others have published say of a date."""

from pathlib import Path
from typing import Annotated

import typer

from resolver_diff.commands import _options as options

Rules = Annotated[
    str,
    typer.Option(
        "--rules",
        metavar="NAME",
        help="Whose: certainty, iris, naive, ooni_pipeline, ooni_probe, respdiff or satellite.",
    ),
]
Given = Annotated[
    str | None,
    typer.Argument(metavar="DATE", help="A date; the latest one if not given, and with --csv all there are."),
]
Csv = Annotated[
    Path | None,
    typer.Option(
        "--csv", metavar="FILE", help="Write the flagged cells here, one line each; `-`: stdout.", readable=False
    ),
]


def command(
    rules: Rules,
    day: Given = None,
    resolvers: options.Facts = None,
    domains: options.OnlyDomains = None,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.Vantage = None,
    csv: Csv = None,
    exit_code: options.ExitCode = False,
) -> int:
    """Say which cells of a date a published rule flags: OONI's, Satellite's, and others, each known for its mistakes.

    None of it is our verdict; it is there to be compared. Rules that look at whose an address is, what it shows, or at
    certificates need files beside the snapshot (_origins.parquet, _tags.parquet, _certificates.parquet).

    \b
    Examples:
      resolver-diff judge --rules satellite
      resolver-diff judge 2026-02-11 --rules ooni_probe --csv flagged.csv
      resolver-diff judge --rules iris --csv all-dates.csv
    """
    from resolver_diff.commands import _verdicts
    from resolver_diff.commands._loading import Source
    from resolver_diff.commands._output import STDOUT, check_outputs, page_width, show, write_parts
    from resolver_diff.errors import ExitStatus
    from resolver_diff.library.verdicts import Verdicts

    check_outputs(csv)
    source = Source.of(snapshots, vantage, resolvers, domains)
    found = Verdicts(source, rules)
    days = [source.latest(day or "latest")] if day is not None or csv is None else source.dates()
    if not days:
        raise source.nothing()
    if csv is not None:
        write_parts(csv, _verdicts.lines(found, days))
    else:
        for _ in found.judge(days[0]):
            pass
    if csv != STDOUT:
        show(_verdicts.page(found, days, page_width()))
    return ExitStatus.DIFFERENT if exit_code and found.counts["flagged"] else ExitStatus.DONE
