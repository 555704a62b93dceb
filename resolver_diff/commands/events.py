"""resolver-diff events: what happened over all dates."""

from resolver_diff.commands import _options as options


def command(
    resolvers: options.Facts = None,
    domains: options.OnlyDomains = None,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.Vantage = None,
    known_answers: options.KnownAnswers = None,
    calibration: options.Calibration = None,
    csv: options.Csv = None,
    json: options.Json = None,
    output: options.Output = None,
    format: options.Format = None,  # noqa: A002  as it is typed
    exit_code: options.ExitCode = False,
) -> int:
    """Say which names were lost, or answered otherwise, in which country; since when, and until when.

    All dates in the folder are followed. What one date cannot tell from chance, many may: each sign is weighed against
    the best innocent explanation, and a name is reported on the date on which there is enough. Resolvers and names that
    entered or left are listed, and dates on which much less than usual could be told.

    \b
    Examples:
      resolver-diff events
      resolver-diff events --domains whatsapp --csv events.csv
      resolver-diff events --format jsonl | jq .says
    """
    from resolver_diff.commands import _rows, _spells
    from resolver_diff.commands._loading import Source
    from resolver_diff.commands._output import STDOUT, check_outputs, page_width, show, write
    from resolver_diff.errors import ExitStatus
    from resolver_diff.library import confident, following

    rows = _rows.wanted(output, format)
    check_outputs(csv, json, rows and rows[0])
    measured = confident.table(calibration)
    found = following.follow(Source.of(snapshots, vantage, resolvers, domains, known_answers))
    found = confident.beside_spells(found, measured)
    if csv is not None:
        write(csv, _spells.lines(found))
    if json is not None:
        write(json, _spells.document(found))
    if rows is not None:
        _rows.put(rows, _rows.spells(found))
    if STDOUT not in (csv, json, rows and rows[0]):
        show(_spells.page(found, page_width()))
    going_on = any(each.spells.frame["first_good"].null_count() for each in found)
    return ExitStatus.DIFFERENT if exit_code and going_on else ExitStatus.DONE
