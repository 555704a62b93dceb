"""resolver-diff import: what others measured, as snapshots."""  # noqa: N999 - called as what is typed

from pathlib import Path
from typing import Annotated

import typer

from resolver_diff.commands import _options as options

Form = Annotated[str, typer.Argument(metavar="FORM", help="What is read: `observations`.")]
From = Annotated[Path, typer.Argument(metavar="PATH", help="The file or folder to read.", readable=False)]
Replace = Annotated[bool, typer.Option("--replace", help="Replace the snapshots that are there.")]


def command(
    form: Form,
    path: From,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.NewVantage = "imported",
    replace: Replace = False,
) -> int:
    """Read what others measured, and keep it as snapshots, one per run or day, that every other command reads.

    `observations` is a table (Parquet, CSV or JSON Lines) with one row per question and resolver and the columns
    resolver_id, domain, qtype, rcode, answers and ts; or a folder with observations.parquet (.csv, .jsonl) and what is
    known beside it: resolvers.csv, domains.csv, ip_tags.parquet. What `export observations` wrote is read too, and
    `origins` and `certificates` that lie beside it. One date is in memory at a time. The files written are named on
    stdout.

    \b
    Examples:
      resolver-diff import observations atlas.parquet --vantage atlas
      resolver-diff import observations atlas.csv --vantage atlas
      resolver-diff import observations world/ --snapshots world --replace
    """
    from resolver_diff import family, importers
    from resolver_diff.commands._loading import did_you_mean
    from resolver_diff.commands._output import talk, warn
    from resolver_diff.errors import ExitStatus, UsageError
    from resolver_diff.importers import Importer

    known = family.names(importers)
    if form not in known:
        raise UsageError(f"cannot import `{form}`", hint=did_you_mean(form, known) or f"there is: {', '.join(known)}")
    found = family.member(importers, form, "IMPORTER", Importer).read(path)
    dates, rows = set[str](), 0
    for file, count in importers.keep(found, snapshots, vantage, replace=replace):
        rows += count
        dates.add(file.parent.parent.name)
        typer.echo(file)
    warn(found.unread)
    talk(f"{rows:,} rows of {len(dates)} date{'' if len(dates) == 1 else 's'} at vantage {vantage}")
    return ExitStatus.DONE
