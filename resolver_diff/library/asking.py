"""What a run would ask, and the run."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from resolver_diff import origins as known_by
from resolver_diff import probe
from resolver_diff.library import given
from resolver_diff.library.beside import Beside
from resolver_diff.library.costs import asked_of, costs, doubts
from resolver_diff.library.given import Day, FileName, Names
from resolver_diff.library.saying import warn_caller
from resolver_diff.library.source import utc_today
from resolver_diff.library.taking import filed_under, finished
from resolver_diff.library.wanted import asked
from resolver_diff.plan import Plan
from resolver_diff.probe import Progress, Taken
from resolver_diff.verify import Budget, Wanted, authorities


def check(
    resolvers: FileName | None = None,
    domains: Names | None = None,
    *,
    qtypes: str | Sequence[str] | None = None,
    transports: str | None = None,
    repeat: int | None = None,
    opt_out: FileName | None = None,
) -> pl.DataFrame:
    """Return what a run would ask of each resolver, and for how long, with the columns of ``Costs``. Sends nothing.

    *resolvers*: a ``resolvers.yaml``; *domains*: files, folders or shipped sets of names; without them, those in the
    current folder, else what is shipped. *qtypes*, *transports* (``"udp,tls"``), *repeat* and *opt_out* as
    ``take_snapshot`` has them. What stops no run but makes it worth less is a ResolverDiffWarning. Raises ConfigError
    with all that is wrong in the files, and UsageError where what is asked for makes no sense.

    >>> import resolver_diff
    >>> asked = resolver_diff.check("my-resolvers.yaml", "my-names.txt", qtypes="A")
    >>> asked.select("resolver", "transport", "questions").rows()
    [('quad9', 'udp', 31), ('google', 'udp', 31), ('nsdi-a', 'udp', 31)]
    """
    of, words = given.paths(domains), given.words(qtypes)
    config = asked(given.path(resolvers), of, given.path(opt_out), words, transports=transports, repeat=repeat)
    warn_caller(doubts(config))
    return costs(config, Plan(asked_of(config), day=utc_today(), vantage="local")).frame


def take_snapshot(
    resolvers: FileName | None = None,
    domains: Names | None = None,
    *,
    snapshots: FileName = "snapshots",
    vantage: str = "local",
    day: Day | None = None,
    qtypes: str | Sequence[str] | None = None,
    transports: str | None = None,
    repeat: int | None = None,
    opt_out: FileName | None = None,
    origins: str | None = None,
    attempts: int | None = None,
    timeout: float | None = None,
    seed: str | None = None,
    resume: bool = False,
    replace: bool = False,
    keep_wire: bool = False,
    verify_tls: bool = False,
    verify_http: bool = False,
    verify_budget: int = 1000,
    ca: FileName | None = None,
    progress: Progress | None = None,
) -> Taken:
    """Ask every resolver every question, and keep what they said as the snapshot of a date: the command `snapshot`.

    *resolvers*, *domains* as for ``check``. The parameters are the options of the command; ``resolver-diff snapshot
    --help`` says what each does. *progress* is told how far it is. Works in a notebook, too, where an event loop
    runs already, and waits until all is asked; an interrupt keeps what was heard, for *resume*.

    Returns ``Taken``: ``files`` that were written, ``run`` (the facts of the run), ``silent`` (resolvers that said
    nothing at all), ``counts``; ``observations`` reads what was said. Raises ConfigError, UsageError, and
    SnapshotError where the date has a snapshot already and *replace* is false.

    >>> import resolver_diff
    >>> taken = resolver_diff.take_snapshot("my-resolvers.yaml", "my-names.txt", vantage="home")
    >>> taken.silent, [file.name for file in taken.files]
    ((), ['my-names.parquet'])
    """
    on = filed_under(None if day is None else given.text(day), warn_caller, resume=resume)
    of, words, out = given.paths(domains), given.words(qtypes), given.path(opt_out)
    config = asked(
        given.path(resolvers),
        of,
        out,
        words,
        transports=transports,
        repeat=repeat,
        attempts=attempts,
        timeout=timeout,
    )
    wanted = handshakes(verify_budget, given.path(ca), http=verify_http) if verify_tls or verify_http else None
    taking = probe.take(
        config,
        folder=Path(snapshots),
        day=on,
        vantage=vantage,
        seed=seed,
        replace=replace,
        resume=resume,
        keep_wire=keep_wire,
        progress=progress,
        beside=Beside(known_by.source(origins, config), wanted),
    )
    return finished(taking)


def handshakes(budget: int, ca: Path | None, *, http: bool) -> Wanted:
    """Return which handshakes a run is to try when all is asked."""
    return Wanted(Budget(total=budget), authorities(ca), http)
