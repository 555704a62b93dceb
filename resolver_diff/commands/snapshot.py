"""resolver-diff snapshot: ask everybody, keep what they said."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resolver_diff.commands import _options as options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from resolver_diff.probe import Taken
    from resolver_diff.snapshot import Held
    from resolver_diff.verify import Wanted

MOST_HELD = 12  # resolvers that are told of one by one

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
    verify_tls: VerifyTls = False,
    verify_http: VerifyHttp = False,
    verify_budget: VerifyBudget = 1000,
    ca: Authorities = None,
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
    import asyncio

    from resolver_diff import origins as known_by
    from resolver_diff import probe
    from resolver_diff.commands._beside import Beside
    from resolver_diff.commands._loading import asked
    from resolver_diff.commands._output import talk
    from resolver_diff.commands._progress import progress
    from resolver_diff.errors import ExitStatus

    date = _filed_under(day, resume=resume)
    config = asked(
        resolvers, domains, opt_out, qtypes, transports=transports, repeat=repeat, attempts=attempts, timeout=timeout
    )
    handshakes = _handshakes(verify_budget, ca, http=verify_http) if verify_tls or verify_http else None
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
        beside=Beside(known_by.source(origins, config), handshakes),
    )
    try:
        taken = asyncio.run(taking)
    except KeyboardInterrupt:
        talk(f"what was heard is kept; go on with: {_again(str(date))}")
        raise
    if resume and taken.run.started.date() > date:
        _say_backdated(date)
    talk(_summary(taken))
    for file in taken.files:
        typer.echo(file)
    return ExitStatus.INCOMPLETE if taken.silent or taken.missed else ExitStatus.DONE


def _handshakes(budget: int, ca: Path | None, *, http: bool) -> "Wanted":
    from resolver_diff.verify import Budget, Wanted, authorities

    return Wanted(Budget(total=budget), authorities(ca), http)


def _filed_under(day: str | None, *, resume: bool) -> "date":
    """Return the date of the snapshot; says so when it is over, and raises UsageError when it has not begun."""
    from resolver_diff.commands._loading import TODAY, parse_day, utc_today
    from resolver_diff.errors import UsageError

    today = utc_today()
    wanted = today if day in (None, TODAY) else parse_day(str(day))
    if wanted > today:
        hint = f"today is {today} (UTC); without --date a snapshot is filed under it"
        raise UsageError(f"{wanted} has not begun, so nothing can be asked on it", hint=hint)
    if wanted < today and not resume:
        _say_backdated(wanted)
    return wanted


def _say_backdated(wanted: "date") -> None:
    from resolver_diff.commands._loading import utc_today
    from resolver_diff.commands._output import warn
    from resolver_diff.errors import Problem

    hint = "a past --date is for --resume, and for rehearsals; whoever reads the snapshot will take it for that day's"
    warn([Problem(f"filed under {wanted}; it was asked today, {utc_today()}", hint=hint)])


def _again(date: str) -> str:
    """Return the command line that goes on with this run, also after midnight."""
    import shlex
    import sys

    from resolver_diff.commands._output import PROGRAM

    words = [word for word in sys.argv[1:] if word not in ("--resume", "--replace")]
    if not any(word == "--date" or word.startswith("--date=") for word in words):
        words += ["--date", date]
    return f"{PROGRAM} {shlex.join([*words, '--resume'])}"


def _held(held: "Sequence[Held]") -> "Iterator[str]":
    """Yield who was slowed down, and who was not asked everything, and why; the most held back come first."""
    from resolver_diff.reports._layout import many

    spared = sorted((one for one in held if one.slowed or one.withheld), key=lambda one: -one.withheld)
    for one in spared[:MOST_HELD]:
        slowed = f"slowed to {one.slowest:.3g} a second" if one.slowest is not None else "let alone"
        left = f"; {many(one.withheld, 'question')} not asked" if one.withheld else ""
        yield f"{one.resolver} ({one.transport}) was {slowed}, as it was {_why(one.why)}{left}"
    if len(spared) > MOST_HELD:
        yield f"and {len(spared) - MOST_HELD:,} more resolvers were slowed down; the files' metadata has all of them"


def _why(reasons: "Sequence[str]") -> str:
    said = {"servfail": "failing", "refused": "refusing", "unreachable": "in trouble"}
    return " and ".join(said.get(reason, reason) for reason in reasons if reason not in ("window", "total"))


def _summary(taken: "Taken") -> str:
    """Return what was taken, and who was not heard."""
    from resolver_diff.commands._cost import left_out
    from resolver_diff.reports._layout import duration, many, some

    run, counts = taken.run, taken.counts
    took = duration((run.finished - run.started).total_seconds())
    text = (
        f"{run.date} at vantage {run.vantage}: {many(counts['questions'], 'question')} put to "
        f"{many(len({entry.name for entry in run.resolvers}), 'resolver')} in {took}; {counts['queries']:,} sent, "
        f"{many(counts['replies'], 'reply', 'replies')}, {many(counts['silent'], 'question')} without any."
    )
    text += "".join(f"\n{told}" for told in _held(run.held))
    silent: dict[str, list[str]] = {}
    for name in taken.silent:
        silent.setdefault(taken.troubles.get(name, ""), []).append(name)
    for trouble, names in sorted(silent.items()):
        text += f"\nsaid nothing at all{f' ({trouble})' if trouble else ''}: {some(names)}"
    for why, names in left_out(taken.left_out):
        text += f"\nnot asked, as {why}: {some(names)}"
    if fewer := counts.get("names_left_out"):
        text += f"\nnot asked for, as the opt-out list has them: {many(fewer, 'name')}"
    return text
