"""resolver-diff changes: which cells said something else on another date, unjudged."""

from resolver_diff.commands import _options as options


def command(
    before: options.DayBefore = "previous",
    after: options.DayAfter = "latest",
    domains: options.OnlyDomains = None,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.Vantage = None,
    csv: options.Csv = None,
    output: options.Output = None,
    format: options.Format = None,  # noqa: A002  as it is typed
    exit_code: options.ExitCode = False,
) -> int:
    """List every cell whose first reply was another one on the earlier date, whatever the reason.

    Nothing is judged: addresses that rotate are there beside names that vanished. What `diff` says is drawn from these
    cells, the controls and earlier dates; this is for who wants to draw it himself, and for days of millions of cells,
    of which it never holds more than a part in memory.

    \b
    Examples:
      resolver-diff changes
      resolver-diff changes 2026-02-10 2026-02-11 --csv changes.csv
      resolver-diff changes --domains whatsapp --csv - | head
      resolver-diff changes --output changes.parquet
    """
    from resolver_diff.commands import _raw, _rows
    from resolver_diff.commands._loading import Source
    from resolver_diff.commands._output import STDOUT, check_outputs, page_width, show
    from resolver_diff.errors import ExitStatus, UsageError
    from resolver_diff.library.tables import Changed
    from resolver_diff.library.unjudged import Changes

    if csv is not None and (output is not None or format is not None):
        raise UsageError("--csv and --output are the same rows", hint="give one of them")
    rows = _rows.wanted(csv or output, options.Form.CSV if csv is not None else format)
    check_outputs(rows and rows[0])
    source = Source.of(snapshots, vantage, None, domains)
    found = Changes.of(source, before, after)
    if rows is None:
        found.count()
    else:
        _rows.put(rows, _rows.Rows(Changed.schema, found.pieces()))
    if rows is None or rows[0] != STDOUT:
        show(_raw.page(found, page_width()))
    return ExitStatus.DIFFERENT if exit_code and found.cells else ExitStatus.DONE
