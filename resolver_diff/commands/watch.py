"""resolver-diff watch: ask now, again and again, and show what changes."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resolver_diff.commands import _options as options

if TYPE_CHECKING:
    from resolver_diff.commands._seen import Watch
    from resolver_diff.commands._watching import Log
    from resolver_diff.config import Config

Watched = Annotated[list[str], typer.Argument(metavar="NAME", help="Domain names.")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="RESOLVER",
        help="Ask this resolver, beside the controls (repeatable); default: all in resolvers.yaml.",
    ),
]
Interval = Annotated[
    float,
    typer.Option(
        "--interval",
        min=0,
        metavar="SECONDS",
        help="From the beginning of a round to that of the next; 10 at least, except on this machine.",
    ),
]
Count = Annotated[
    int | None, typer.Option("--count", min=1, metavar="N", help="End after so many rounds; default: by Ctrl-C.")
]
Json = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Add each change to this file as a line of JSON, and at the end one for each cell; `-`: stdout.",
        readable=False,
    ),
]


def command(
    names: Watched,
    resolvers: options.Resolvers = None,
    only: Only = None,
    qtypes: options.Qtypes = None,
    transports: options.Transports = None,
    interval: Interval = 60.0,
    count: Count = None,
    opt_out: options.OptOut = None,
    known_answers: options.KnownAnswers = None,
    json: Json = None,
) -> int:
    """Ask everybody about a few names now, again and again, and show changes as they come. Keeps no snapshot.

    Each round is judged by what the controls say in it, as `anomalies` judges a date without a past; beside the names,
    a few control names are asked for, and who answers. A line tells each change: the time, the name, the resolver, from
    what to what, and what the controls say. On a terminal a table below shows how all is, with a mark for each round:
    . agrees, V vanished, D divergent, ? cannot be told. Ctrl-C ends, and tells in how many rounds what was seen.

    More names tell more: an answer that differs is convicted by other names that get the same. Exit status 3: some
    resolver said nothing at all.

    \b
    Examples:
      resolver-diff watch whatsapp.com
      resolver-diff watch whatsapp.com youtube.com --only nsdi-a --interval 30
      resolver-diff watch whatsapp.com --transports udp,tls --count 10
      resolver-diff watch whatsapp.com --qtype A --json changes.jsonl
    """
    from resolver_diff import config as configured
    from resolver_diff.commands import _live, _watching
    from resolver_diff.commands._output import STDOUT, warn
    from resolver_diff.commands._seen import Watch
    from resolver_diff.errors import ExitStatus
    from resolver_diff.library import costs

    wanted = _watching.wanted(names, resolvers, opt_out, qtypes, transports)
    wanted = _watching.narrowed(wanted, only) if only else wanted
    each = _watching.pace(wanted, interval)
    known = configured.known_answers(resolvers, known_answers)
    warn(costs.doubts(wanted))
    watch = Watch(several=len({entry.name for entry in wanted.resolvers}) < len(wanted.resolvers))
    with ExitStack() as at_end:
        log = at_end.enter_context(_watching.Log(json)) if json is not None else None
        _say_what(wanted, each, interval)
        at_end.callback(_conclude, watch, log, quiet=json == STDOUT)
        shown = _live.Lines() if json == STDOUT else at_end.enter_context(_live.shown())
        rounds = at_end.enter_context(_watching.Rounds(wanted, each, known))
        for taken in rounds.take(count, shown.progress):
            changes = watch.take(taken)
            if log is not None:
                log.write(change.facts() for change in changes)
            if json != STDOUT:
                shown.say(list(watch.lines(changes)))
            shown.show(watch, rounds.next_at)
    return ExitStatus.INCOMPLETE if watch.silent else ExitStatus.DONE


def _say_what(wanted: "Config", each: float, interval: float) -> None:
    """Say what a round asks, and how often."""
    from resolver_diff.commands._output import talk
    from resolver_diff.commands._watching import plan
    from resolver_diff.wording.lines import many

    names = many(sum(len(one.qnames) for one in wanted.domain_sets), "name")
    resolvers = many(len({entry.name for entry in wanted.resolvers}), "resolver")
    talk(f"watching {names} at {resolvers}: {plan(wanted).questions:,} questions every {each:g} s; Ctrl-C ends")
    if each > interval:
        talk(f"not every {interval:g} s, as at the paces of these resolvers a round takes longer")


def _conclude(watch: "Watch", log: "Log | None", *, quiet: bool) -> None:
    """Tell in how many rounds what was seen; nothing if there was none."""
    from resolver_diff.commands._output import page_width, show

    if not watch.rounds:
        return
    if log is not None:
        log.write(watch.totals())
    if not quiet:
        show(list(watch.summary(page_width())))
