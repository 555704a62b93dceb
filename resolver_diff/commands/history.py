"""resolver-diff history: one name, all dates."""

from resolver_diff.commands import _options as options


def command(
    name: options.Name,
    qtypes: options.OnlyQtypes = None,
    resolvers: options.Facts = None,
    known_answers: options.KnownAnswers = None,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.Vantage = None,
) -> int:
    """Say what every resolver said about one name, on all dates there are; dates with the same are one line.

    Resolvers that entered or left, and dates without the name, are listed. Each date is judged by the names of the
    sets that hold the name, and by the dates before it.

    \b
    Examples:
      resolver-diff history whatsapp.com
      resolver-diff history whatsapp.com --qtype A --vantage home
    """
    from resolver_diff.commands import _runs
    from resolver_diff.commands._loading import Source, parse_name
    from resolver_diff.commands._output import page_width, show
    from resolver_diff.errors import ExitStatus
    from resolver_diff.library import following

    source = Source.of(snapshots, vantage, resolvers, None, known_answers)
    cells = following.cells(source, parse_name(name), qtypes)
    show(_runs.describe(cells, page_width(), following.dates(source, cells)))
    return ExitStatus.DONE
