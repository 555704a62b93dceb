"""resolver-diff history: one name, all dates."""

from pathlib import Path
from typing import Annotated

import typer

from resolver_diff.commands import _options as options

Full = Annotated[bool, typer.Option("--full", help="Cut no answer: go on in more lines.")]
Csv = Annotated[
    Path | None,
    typer.Option(
        "--csv", metavar="FILE", help="Write the cells here, one line for each date; `-`: stdout.", readable=False
    ),
]


def command(
    name: options.Name,
    qtypes: options.OnlyQtypes = None,
    resolvers: options.Facts = None,
    known_answers: options.KnownAnswers = None,
    full: Full = False,
    csv: Csv = None,
    json: options.Json = None,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.Vantage = None,
) -> int:
    """Say what every resolver said about one name, on all dates there are: as a strip of dates, then in words.

    The strip has a character for each date, and as many dates as fit; in a pipe it has all. Below it, dates in a row
    with the same are one line. Resolvers that entered or left, and dates without the name, are listed. Each date is
    judged by the names of the sets that hold the name, and by the dates before it.

    \b
    Examples:
      resolver-diff history whatsapp.com
      resolver-diff history whatsapp.com --qtype A --vantage home
      resolver-diff history whatsapp.com --csv cells.csv
    """
    from resolver_diff.commands import _runs
    from resolver_diff.commands._loading import Source, parse_name
    from resolver_diff.commands._output import STDOUT, check_outputs, page_width, show, write
    from resolver_diff.errors import ExitStatus
    from resolver_diff.library import following

    check_outputs(csv, json)
    source = Source.of(snapshots, vantage, resolvers, None, known_answers)
    cells = following.cells(source, parse_name(name), qtypes)
    every = following.dates(source, cells)
    if csv is not None:
        write(csv, _runs.lines(cells))
    if json is not None:
        write(json, _runs.document(cells, every))
    if STDOUT not in (csv, json):
        show(_runs.describe(cells, page_width(), every, full=full))
    return ExitStatus.DONE
