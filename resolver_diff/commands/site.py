"""resolver-diff site: a folder of pages, with an index and a feed."""

from pathlib import Path
from typing import Annotated

import typer

from resolver_diff.commands import _options as options

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the pages are kept.", readable=False)]
Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="Where the folder will be on the web, for the links of the feed."),
]
Since = Annotated[str | None, typer.Option("--since", metavar="DATE", help="Make no pages of earlier dates.")]
Anew = Annotated[bool, typer.Option("--anew", help="Make pages again that are there, with the rules of today.")]


def command(
    folder: Folder = Path("reports"),
    url: Url = None,
    since: Since = None,
    anew: Anew = False,
    resolvers: options.Facts = None,
    known_answers: options.KnownAnswers = None,
    calibration: options.Calibration = None,
    domains: options.OnlyDomains = None,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.Vantage = None,
) -> int:
    """Keep a folder of pages, one for each date, with an index over all and a feed of events, to be put on any server.

    Only pages that are missing are made: the first time all of them, which takes a while, and one a day from then on.
    index.html says what goes on and what happened on each date; feed.xml (Atom) has an entry for each event, updated
    when it begins, spreads, is done by other means, and is over. Pages of dates whose snapshots are gone stay.

    \b
    Examples:
      resolver-diff site
      resolver-diff site /srv/www/dns --url https://example.org/dns/ --since 2026-02-01
    """
    from resolver_diff.commands import _siting
    from resolver_diff.commands._loading import Source
    from resolver_diff.commands._output import talk
    from resolver_diff.errors import ExitStatus
    from resolver_diff.library import confident

    _siting.check_url(url)
    measured = confident.table(calibration)
    source = Source.of(snapshots, vantage, resolvers, domains, known_answers)
    if not source.dates():
        raise source.nothing()
    first = source.day(since) if since is not None else None
    kept = _siting.update(folder, source, measured, url, since=first, anew=anew)
    talk(f"{kept.index} has {kept.pages:,} page{'' if kept.pages == 1 else 's'}, {len(kept.made):,} of them made now")
    return ExitStatus.DONE
