"""resolver-diff daily: everything that is to be done on a day."""

from pathlib import Path
from typing import Annotated

import typer

from resolver_diff.commands import _options as options

Keep = Annotated[
    int | None,
    typer.Option(
        min=2,
        metavar="DAYS",
        help="Remove snapshots of this vantage that are older; never the last good one. Nothing is removed if not "
        "given. 30 dates are what a day is judged by.",
    ),
]
Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Where people find the reports folder; alerts link there.")
]
Metrics = Annotated[
    Path | None,
    typer.Option(
        "--metrics",
        metavar="FILE",
        help="Write the day as metrics here, for Prometheus' textfile collector.",
        readable=False,
    ),
]
Schedule = Annotated[
    bool,
    typer.Option(
        "--schedule",
        help="Run this every day from now on, with these options and in this folder: by a timer of systemd, or by a "
        "line for cron, which is printed.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the alerts instead of sending them; they stay to be told.")
]


def command(
    resolvers: options.Resolvers = None,
    domains: options.Domains = None,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.NewVantage = "local",
    reports: options.Reports = options.REPORTS,
    keep: Keep = None,
    url: Url = None,
    dry_run: DryRun = False,
    schedule: Schedule = False,
    metrics: Metrics = None,
    push: options.Push = None,
    qtypes: options.Qtypes = None,
    transports: options.Transports = None,
    repeat: options.Repeat = None,
    opt_out: options.OptOut = None,
    origins: options.Origins = None,
    verify_tls: options.VerifyTls = False,
    verify_http: options.VerifyHttp = False,
    verify_budget: options.VerifyBudget = 1000,
    ca: options.Authorities = None,
    known_answers: options.KnownAnswers = None,
    calibration: options.Calibration = None,
    exit_code: options.ExitCode = False,
) -> int:
    """Do what is to be done every day: take the snapshot, compare it, tell what is new, tidy up. For cron or a timer.

    A run that broke off today goes on; where today's snapshot is there, it is not taken again. It is compared with the
    last good day: not with one that failed. What changed is written to anomalies-DATE.csv, and everything to a page,
    report-DATE.html, with an index of all pages and a feed of events. Days that were missed are named, and never made
    up; reports that are missing are made.

    Alerts go wherever RESOLVER_DIFF_ALERTS in the environment says (URLs of apprise, spaces between; the extra
    `alerts`): one for an event when it is new, spreads, changes or is over.

    One line on stdout says what happened, and one each what is told (`*`), and what else to hear of (`-`).
    Exit status 3: the day is not complete.

    \b
    Examples:
      resolver-diff daily --vantage home
      resolver-diff daily --vantage home --keep 400 --url https://example.org/dns
      resolver-diff daily --vantage home --schedule
      RESOLVER_DIFF_ALERTS="mailto://..." resolver-diff daily --dry-run
    """
    from resolver_diff import config as read
    from resolver_diff import origins as known_by
    from resolver_diff.commands import _day, _measuring, _schedule, _siting, _told
    from resolver_diff.commands._beside import Beside
    from resolver_diff.commands._loading import Source, asked
    from resolver_diff.commands._output import check_outputs, talk
    from resolver_diff.daily.lock import alone
    from resolver_diff.errors import PROGRAM, ExitStatus
    from resolver_diff.library import confident
    from resolver_diff.library.asking import handshakes

    if metrics is not None or push is not None:
        _measuring.check()
        check_outputs(metrics)
    _siting.check_url(url)
    wanted = handshakes(verify_budget, ca, http=verify_http) if verify_tls or verify_http else None
    config = asked(resolvers, domains, opt_out, qtypes, transports=transports, repeat=repeat)
    source = Source(snapshots, vantage, known=read.known_answers(resolvers, known_answers))
    post = None if dry_run else _told.post()
    beside = Beside(known_by.source(origins, config), wanted)
    day = _day.Day(config, source, vantage, reports, keep, url, confident.table(calibration), beside)
    if schedule:  # what is wrong with the options was said by now
        line = _schedule.every_day(vantage)
        if line is not None:
            talk("there is no systemd of yours here; `crontab -e`, and put this line there:")
            typer.echo(line)
        return ExitStatus.DONE
    with alone(reports):
        done = day.run()
        told = day.tell(done, post, dry_run=dry_run)
        day.tidy(done)
    typer.echo("\n".join(done.lines(told)))
    talk(f"the page is {reports / f'report-{done.day}.html'}")
    if done.day in done.bad:
        talk(f"to ask once more on that day: `{PROGRAM} snapshot --replace`, then `{PROGRAM} daily`, as you typed it")
    if metrics is not None or push is not None:  # last: all else is done and said where a gateway is not there
        _measuring.deliver(_measuring.measure(source, done.day, [done.found], [done.followed]), metrics, push)
    return done.status(different=exit_code and bool(told))
