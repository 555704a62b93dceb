"""resolver-diff anomalies: who says something else today."""

from resolver_diff.commands import _options as options


def command(
    day: options.Day = "latest",
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
    """Say who says something else than the controls on one date, whether that is new or old.

    \b
    Examples:
      resolver-diff anomalies
      resolver-diff anomalies 2026-02-11 --csv today.csv
      resolver-diff anomalies --output today.parquet
      resolver-diff anomalies --domains whatsapp --exit-code
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
    diffs = judging.alone(source, day, measured)
    hand_over(diffs, csv, json, rows)
    wrong = any(len(each.anomalies) for each in diffs)
    return ExitStatus.DIFFERENT if exit_code and wrong else ExitStatus.DONE
