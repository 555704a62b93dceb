"""resolver-diff snapshot: ask everybody, keep what they said."""

from typing import TYPE_CHECKING, Annotated

import typer

from resolver_diff.commands import _options as options

if TYPE_CHECKING:
    from resolver_diff.probe import Taken

Attempts = Annotated[int | None, typer.Option(min=1, max=255, help="How often a silent resolver is asked.")]
Timeout = Annotated[float | None, typer.Option(min=0.01, help="Seconds to wait for a reply.")]
Seed = Annotated[str | None, typer.Option(help="Decides the order of the questions; date and vantage if not given.")]
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
    attempts: Attempts = None,
    timeout: Timeout = None,
    seed: Seed = None,
    resume: Resume = False,
    replace: Replace = False,
    keep_wire: KeepWire = False,
) -> int:
    """Ask every resolver every question, and keep what they said as the snapshot of a date.

    The files written are named on stdout. Ctrl-C keeps what was heard so far; --resume then asks only the rest.
    Exit status 3: the snapshot is there, but some resolver said nothing at all, or could not be asked.

    \b
    Examples:
      resolver-diff check
      resolver-diff snapshot
      resolver-diff snapshot --domains domains/whatsapp.txt --vantage home
      resolver-diff snapshot --date 2026-02-11 --resume
    """
    import asyncio
    from datetime import UTC, datetime

    from resolver_diff import probe
    from resolver_diff.commands._loading import asked, parse_day
    from resolver_diff.commands._output import talk
    from resolver_diff.commands._progress import progress
    from resolver_diff.errors import ExitStatus

    config = asked(resolvers, domains, qtypes=qtypes, attempts=attempts, timeout=timeout)
    date = parse_day(day) if day else datetime.now(UTC).date()
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
    )
    try:
        taken = asyncio.run(taking)
    except KeyboardInterrupt:
        talk(f"what was heard is kept; go on with: {_again(str(date))}")
        raise
    talk(_summary(taken))
    for file in taken.files:
        typer.echo(file)
    return ExitStatus.INCOMPLETE if taken.silent or taken.not_carried else ExitStatus.DONE


def _again(date: str) -> str:
    """Return the command line that goes on with this run, also after midnight."""
    import shlex
    import sys

    words = [word for word in sys.argv[1:] if word not in ("--resume", "--replace")]
    if not any(word == "--date" or word.startswith("--date=") for word in words):
        words += ["--date", date]
    return shlex.join(["resolver-diff", *words, "--resume"])


def _summary(taken: "Taken") -> str:
    """Return what was taken, and who was not heard."""
    from resolver_diff.commands._progress import duration

    run, counts = taken.run, taken.counts
    took = duration((run.finished - run.started).total_seconds())
    text = (
        f"{run.date} at vantage {run.vantage}: {counts['questions']:,} questions put to {len(run.resolvers):,} "
        f"resolvers in {took}; {counts['queries']:,} queries, {counts['replies']:,} replies, "
        f"{counts['silent']:,} questions without any."
    )
    if taken.silent:
        text += f"\nsaid nothing at all: {', '.join(taken.silent)}"
    if taken.not_carried:
        text += f"\nnot asked, as this version lacks their transport: {', '.join(taken.not_carried)}"
    return text
