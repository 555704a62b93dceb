"""resolver-diff data: the database that says whose addresses are."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from resolver_diff.origins.reading import Database


class Action(StrEnum):
    """What is to be done."""

    SHOW = "show"
    UPDATE = "update"


From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FILE|URL",
        help="For update: where the database is. MMDB (GeoLite2 ASN and the like), CSV or TSV, or CAIDA's pfx2as.",
    ),
]
About = Annotated[str | None, typer.Option("--source", metavar="TEXT", help="What the database is called.")]
Licence = Annotated[str | None, typer.Option("--licence", metavar="TEXT", help="Under which licence it came.")]


def command(
    action: Annotated[Action, typer.Argument(metavar="show|update", help="Say what is installed, or install it.")],
    origin: From = None,
    source: About = None,
    licence: Licence = None,
) -> int:
    """Show the installed database of whose addresses are, or install one. Nothing is fetched without --from.

    No such database is shipped, as none is free for that. An installed one is used by every `snapshot` that is told
    nothing else, and what it said is kept beside the snapshot. `show` says how to install one where there is none.

    \b
    Examples:
      resolver-diff data show
      resolver-diff data update --from GeoLite2-ASN.mmdb --licence "GeoLite2 End User License Agreement"
      resolver-diff data update --from routeviews-rv2-20261101-1200.pfx2as.gz --source "CAIDA pfx2as"
    """
    from resolver_diff.commands._output import PROGRAM, talk
    from resolver_diff.errors import ExitStatus, UsageError
    from resolver_diff.origins import installed

    if action is Action.UPDATE:
        if origin is None:
            raise UsageError("`data update` needs --from", hint="a file, or an address that begins with https://")
        talk(f"installed as {_update(origin, source, licence)}")
    elif origin or source or licence:
        raise UsageError("--from, --source and --licence are for `data update`")
    database = installed.load()
    if database is None:
        typer.echo(f"no database of whose addresses are is installed; `{PROGRAM} data update --from FILE` installs one")
    else:
        typer.echo(_described(database))
    return ExitStatus.DONE


def _update(given: str, source: str | None, licence: str | None) -> str:
    from pathlib import Path

    from resolver_diff.commands._output import talk
    from resolver_diff.origins import fetching, installed, reading

    if not installed.is_url(given):
        return str(installed.install(reading.read(Path(given)), given, source=source, licence=licence))
    talk(f"fetching {given}")
    with fetching.fetched(given) as file:
        return str(installed.install(reading.read(file), given, source=source, licence=licence))


def _described(database: "Database") -> str:
    from resolver_diff.origins import installed
    from resolver_diff.origins.ranges import coverage
    from resolver_diff.wording import visible

    facts = database.facts
    shares = coverage(database.ranges)
    announced = database.ranges.frame["asn"]
    lines = {
        "source": database.source,
        "date": str(database.dated or "not said"),
        "licence": database.licence or "not said",
        "from": f"{facts['from']} ({database.format}), installed {facts['installed']}",
        "ranges": f"{len(database.ranges):,} of {announced.n_unique() - bool(announced.null_count()):,} "
        f"Autonomous Systems; {database.wrong:,} lines could not be read",
        "covers": f"{shares['IPv4']:.1%} of IPv4, {shares['IPv6']:.2%} of IPv6 (2000::/3)",
        "file": str(installed.file()),
    }
    return "\n".join(f"{name + ':':<9}{visible(text)}" for name, text in lines.items())
