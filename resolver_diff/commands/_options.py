"""Options that several commands share; one meaning each."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

SNAPSHOTS = Path("snapshots")
REPORTS = Path("reports")


class Form(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


def _folders(context: typer.Context, pattern: str) -> set[str]:
    """Return the values in the folder names that match *pattern* below the snapshots folder."""
    folder = Path(context.params.get("snapshots") or SNAPSHOTS)
    return {found.name.partition("=")[2] for found in folder.glob(pattern) if found.is_dir()}


def _dates(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Complete a date: those there are, the newest first."""
    found = ["latest", "previous", "today", *sorted(_folders(context, "date=*"), reverse=True)]
    return (day for day in found if day.startswith(incomplete))


def _vantages(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Complete a vantage: those there are."""
    return (name for name in sorted(_folders(context, "date=*/vantage=*")) if name.startswith(incomplete))


DATE_HELP = "A date (2026-02-11), `latest`, `previous` or `today`."
Day = Annotated[str, typer.Argument(metavar="DATE", help=DATE_HELP, autocompletion=_dates)]
DayBefore = Annotated[str, typer.Argument(metavar="BEFORE", help=DATE_HELP, autocompletion=_dates)]
DayAfter = Annotated[str, typer.Argument(metavar="AFTER", help=DATE_HELP, autocompletion=_dates)]
DayOption = Annotated[str, typer.Option("--date", metavar="DATE", help=DATE_HELP, autocompletion=_dates)]
NewDay = Annotated[
    str | None, typer.Option("--date", metavar="DATE", help="The date of the snapshot; today (UTC) if not given.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A domain name.")]
Resolvers = Annotated[
    Path | None,
    typer.Option("--resolvers", metavar="FILE", help="Who is asked; the shipped list if not given.", readable=False),
]
Facts = Annotated[
    Path | None,
    typer.Option(
        "--resolvers",
        metavar="FILE",
        help="Take operator, country, role and policy of resolvers from here, not from the snapshots.",
        readable=False,
    ),
]
Domains = Annotated[
    list[Path] | None,
    typer.Option(
        "--domains",
        metavar="FILE|FOLDER|NAME",
        help="Names to ask for: a file, a folder, or a shipped set (repeatable); all shipped sets if not given.",
        readable=False,
    ),
]
OnlyDomains = Annotated[
    list[Path] | None,
    typer.Option(
        "--domains",
        metavar="FILE|FOLDER|NAME",
        help="Look only at the names of these sets (repeatable).",
        readable=False,
    ),
]
Snapshots = Annotated[
    Path, typer.Option("--snapshots", metavar="FOLDER", help="Where the snapshots are kept.", file_okay=False)
]
Vantage = Annotated[
    str | None,
    typer.Option(
        "--vantage", metavar="NAME", help="Only what was seen from here; all if not given.", autocompletion=_vantages
    ),
]
NewVantage = Annotated[
    str, typer.Option("--vantage", metavar="NAME", help="Where this machine looks from.", autocompletion=_vantages)
]
Qtypes = Annotated[
    list[str] | None,
    typer.Option(
        "--qtype",
        metavar="TYPE",
        help="Record type to ask for (repeatable); default: as resolvers.yaml says, else A and AAAA.",
    ),
]
Transports = Annotated[
    str | None,
    typer.Option(
        "--transports",
        metavar="LIST",
        help="Ask each resolver over all of these that it speaks, for example `udp,tls`; default: over its own only.",
    ),
]
KnownAnswers = Annotated[
    Path | None,
    typer.Option(
        "--known-answers",
        metavar="FILE",
        help="Addresses and CNAME targets known to stand for blocked names, one a line; besides the shipped ones.",
        readable=False,
    ),
]
Calibration = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="How often evidence was right, as `calibrate` counted it; the shipped table if not given.",
        readable=False,
    ),
]
OptOut = Annotated[
    Path | None,
    typer.Option(
        "--opt-out",
        metavar="FILE",
        help="Addresses, prefixes and names that must not be asked, one a line; besides what resolvers.yaml says.",
        readable=False,
    ),
]
Repeat = Annotated[
    int | None,
    typer.Option(
        "--repeat",
        min=1,
        max=100,
        metavar="N",
        help="How often every name is asked for, spread over the run; default: as resolvers.yaml says, else 1.",
    ),
]
Origins = Annotated[
    str | None,
    typer.Option(
        "--origins",
        "--asn-db",
        metavar="dns|none|FILE",
        help="Where to look up whose the answered addresses are: a database (MMDB, CSV, TSV, pfx2as); `dns`, which "
        "tells Team Cymru what was answered; default: as resolvers.yaml says, else what `data update` has installed.",
    ),
]
VerifyTls = Annotated[
    bool,
    typer.Option(
        "--verify-tls",
        help="When all is asked, shake hands over TLS with the addresses that nothing else clears, and keep what their "
        "certificates say. Nothing is sent beyond the handshake.",
    ),
]
VerifyHttp = Annotated[
    bool,
    typer.Option(
        "--verify-http",
        help="After the handshake send one `GET /` too, over port 80 where the certificate is not valid, and keep "
        "status, title and hash. Implies --verify-tls.",
    ),
]
VerifyBudget = Annotated[
    int,
    typer.Option(
        "--verify-budget",
        min=1,
        metavar="N",
        help="Handshakes in a run at most, a quarter of them kept for second ones; 10 names in a /24 or /48.",
    ),
]
Authorities = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        metavar="FILE",
        help="For --verify-tls: the authorities to trust, as PEM, instead of the system's.",
        readable=False,
    ),
]
Reports = Annotated[
    Path,
    typer.Option(
        "--reports",
        metavar="FOLDER",
        help="Where reports, and what was told, are kept; one for each vantage.",
        file_okay=False,
    ),
]
Push = Annotated[
    str | None,
    typer.Option(
        "--push",
        metavar="URL",
        envvar="RESOLVER_DIFF_PUSH",
        show_envvar=True,
        help="Push them to this Pushgateway, each vantage as a group of the job resolver_diff.",
    ),
]
OnlyQtypes = Annotated[
    list[str] | None,
    typer.Option("--qtype", metavar="TYPE", help="Only this record type (repeatable); all if not given."),
]
Csv = Annotated[
    Path | None,
    typer.Option("--csv", metavar="FILE", help="Write the anomalies here, one line each; `-`: stdout.", readable=False),
]
Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write everything found here; `-`: stdout.", readable=False),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Write the rows here, in the format that its ending names, or --format; `-`: stdout.",
        readable=False,
    ),
]
Format = Annotated[
    Form | None,
    typer.Option("--format", help="How rows are written to --output; without it, to stdout.", show_choices=True),
]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="End with status 1 when there are anomalies.")]
