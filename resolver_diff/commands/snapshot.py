"""resolver-diff snapshot: ask everybody, keep what they said."""

from typing import Annotated

import typer

from resolver_diff.commands import _options as options

Attempts = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=255,
        metavar="N",
        help="How often a question is asked until somebody says something; default: as resolvers.yaml says, else 3.",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        metavar="SECONDS",
        help="How long to wait for a reply; default: as resolvers.yaml says, else 4.",
    ),
]
Seed = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Decides the order of the questions; default: the date and the vantage."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that broke off.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace the snapshot that is there, or start anew.")]
KeepWire = Annotated[bool, typer.Option("--keep-wire", help="Keep the DNS messages too.")]


def command(
    resolvers: options.Resolvers = None,
    domains: options.Domains = None,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.NewVantage = "local",
    day: options.NewDay = None,
    qtypes: options.Qtypes = None,
    transports: options.Transports = None,
    repeat: options.Repeat = None,
    opt_out: options.OptOut = None,
    origins: options.Origins = None,
    attempts: Attempts = None,
    timeout: Timeout = None,
    seed: Seed = None,
    resume: Resume = False,
    replace: Replace = False,
    keep_wire: KeepWire = False,
    verify_tls: options.VerifyTls = False,
    verify_http: options.VerifyHttp = False,
    verify_budget: options.VerifyBudget = 1000,
    ca: options.Authorities = None,
) -> int:
    """Ask every resolver every question, and keep what they said as the snapshot of a date.

    The files written are named on stdout. Ctrl-C keeps what was heard so far; --resume then asks only the rest.
    A --date that is over is for that, and for rehearsals: what is filed under it was asked today.
    Exit status 3: the snapshot is there, but some resolver said nothing at all, or could not be asked.

    \b
    Examples:
      resolver-diff check
      resolver-diff snapshot
      resolver-diff snapshot --domains whatsapp --vantage home
      resolver-diff snapshot --origins GeoLite2-ASN.mmdb
      resolver-diff snapshot --verify-tls --verify-budget 200
      resolver-diff snapshot --date 2026-02-11 --resume
    """
    from resolver_diff import origins as known_by
    from resolver_diff import probe
    from resolver_diff.commands._beside import Beside
    from resolver_diff.commands._loading import asked
    from resolver_diff.commands._output import talk, warn
    from resolver_diff.commands._progress import progress
    from resolver_diff.commands._taken import summary
    from resolver_diff.errors import ExitStatus
    from resolver_diff.library.asking import handshakes
    from resolver_diff.library.taking import filed_under, finished, warn_backdated

    date = filed_under(day, warn, resume=resume)
    config = asked(
        resolvers, domains, opt_out, qtypes, transports=transports, repeat=repeat, attempts=attempts, timeout=timeout
    )
    wanted = handshakes(verify_budget, ca, http=verify_http) if verify_tls or verify_http else None
    taking = probe.take(
        config,
        folder=snapshots,
        day=date,
        vantage=vantage,
        seed=seed,
        replace=replace,
        resume=resume,
        keep_wire=keep_wire,
        progress=progress(),
        beside=Beside(known_by.source(origins, config), wanted),
    )
    try:
        taken = finished(taking)
    except KeyboardInterrupt:
        talk(f"what was heard is kept; go on with: {_again(str(date))}")
        raise
    if resume and taken.run.started.date() > date:
        warn_backdated(date, warn)
    talk(summary(taken))
    for file in taken.files:
        typer.echo(file)
    return ExitStatus.INCOMPLETE if taken.silent or taken.missed else ExitStatus.DONE


def _again(date: str) -> str:
    """Return the command line that goes on with this run, also after midnight."""
    import shlex
    import sys

    from resolver_diff.commands._output import PROGRAM

    words = [word for word in sys.argv[1:] if word not in ("--resume", "--replace")]
    if not any(word == "--date" or word.startswith("--date=") for word in words):
        words += ["--date", date]
    return f"{PROGRAM} {shlex.join([*words, '--resume'])}"
