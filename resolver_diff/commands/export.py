"""resolver-diff export: one date for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from resolver_diff.commands import _options as options

What = Annotated[
    str, typer.Argument(metavar="WHAT", help="What is written: `observations`, `origins`, `certificates`, `ooni`.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Write the rows here, in the format that its ending names, or --format; `-`: stdout, the default.",
        readable=False,
    ),
]


def command(
    what: What,
    day: options.Day = "latest",
    output: Output = None,
    format: options.Format = None,  # noqa: A002  as it is typed
    resolvers: options.Facts = None,
    known_answers: options.KnownAnswers = None,
    domains: options.OnlyDomains = None,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.Vantage = None,
) -> int:
    """Write one date for other programs: some thousand rows at a time, however many there are.

    `observations` are facts: every query and reply, with what is known of the resolver; `origins` and `certificates`
    are what was looked up beside them. All three can be imported again; JSON Lines and Parquet lose nothing, CSV is
    made harmless for spreadsheets. `ooni` is each cell, judged, as a measurement in the manner of OONI, as JSON Lines.
    Rows go to stdout as JSON Lines unless the options say otherwise.

    \b
    Examples:
      resolver-diff export observations 2026-02-11 --output day/observations.parquet
      resolver-diff export observations --domains whatsapp | jq .outcome
      resolver-diff export ooni latest --output cells.jsonl
    """
    from resolver_diff import exporters, family
    from resolver_diff.commands import _exporting, _rows
    from resolver_diff.commands._loading import Source, did_you_mean
    from resolver_diff.commands._output import STDOUT, check_outputs, write_parts
    from resolver_diff.errors import ExitStatus, UsageError
    from resolver_diff.exporters import Exporter

    there = family.names(exporters)
    if what not in there:
        raise UsageError(f"cannot export `{what}`", hint=did_you_mean(what, there) or f"there is: {', '.join(there)}")
    form = format or (options.Form.JSONL if output is None or output == STDOUT else None)
    exporter = family.member(exporters, what, "EXPORTER", Exporter)
    if exporter.lines is not None and form is None:
        form = options.Form.JSONL  # whatever the file is called: there is no other
    where = _rows.wanted(output, form)
    assert where is not None
    check_outputs(where[0])
    given = _exporting.given(Source.of(snapshots, vantage, resolvers, domains, known_answers), day)
    if exporter.frames is not None and exporter.schema is not None:
        _rows.put(where, _rows.Rows(dict(exporter.schema), exporter.frames(given)))
    elif where[1] is not options.Form.JSONL:
        raise UsageError(f"`{what}` is written as JSON Lines only", hint="leave --format away")
    elif exporter.lines is not None:
        write_parts(where[0], exporter.lines(given))
    return ExitStatus.DONE
