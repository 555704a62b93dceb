"""resolver-diff diff: what changed between two dates."""

from resolver_diff.commands import _options as options


def command(
    before: options.DayBefore = "previous",
    after: options.DayAfter = "latest",
    resolvers: options.Facts = None,
    known_answers: options.KnownAnswers = None,
    calibration: options.Calibration = None,
    domains: options.OnlyDomains = None,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.Vantage = None,
    csv: options.Csv = None,
    json: options.Json = None,
    output: options.Output = None,
    format: options.Format = None,  # noqa: A002  as it is typed
    exit_code: options.ExitCode = False,
) -> int:
    """Say what changed between two dates: what vanished, diverged, came back; where, and on what evidence.

    Cells measured on both dates are compared; names and resolvers that only one has are listed. Earlier dates in
    the folder (at most 30) tell what is usual. `previous` is the date before AFTER.

    \b
    Examples:
      resolver-diff diff
      resolver-diff diff 2026-02-10 2026-02-11
      resolver-diff diff previous 2026-02-11
      resolver-diff diff 2026-02-10 latest --csv changes.csv --exit-code
    """
    from resolver_diff.commands import _rows
    from resolver_diff.commands._loading import Source
    from resolver_diff.commands._output import check_outputs, hand_over
    from resolver_diff.errors import ExitStatus
    from resolver_diff.library import confident, judging

    rows = _rows.wanted(output, format)
    check_outputs(csv, json, rows and rows[0])
    measured = confident.table(calibration)
    source = Source.of(snapshots, vantage, resolvers, domains, known_answers)
    diffs = judging.between(source, before, after, measured)
    hand_over(diffs, csv, json, rows)
    found = any(len(each.anomalies) for each in diffs)
    return ExitStatus.DIFFERENT if exit_code and found else ExitStatus.DONE
