"""resolver-diff explain: the witnesses of one cell."""

from typing import Annotated

import typer

from resolver_diff.commands import _options as options

Quick = Annotated[
    bool, typer.Option("--quick", help="Do not weigh all names on all dates, as `events` does: it takes as long.")
]


def command(
    name: options.Name,
    resolver: Annotated[str, typer.Argument(metavar="RESOLVER", help="A resolver, as the snapshots call it.")],
    day: options.DayOption = "latest",
    before: Annotated[
        str | None, typer.Option(metavar="DATE", help="The date to set beside it; the one before it if not given.")
    ] = None,
    qtypes: options.OnlyQtypes = None,
    resolvers: options.Facts = None,
    known_answers: options.KnownAnswers = None,
    calibration: options.Calibration = None,
    quick: Quick = False,
    snapshots: options.Snapshots = options.SNAPSHOTS,
    vantage: options.Vantage = None,
) -> int:
    """Show what one resolver said about one name, before and after, next to the controls, and what to make of it.

    First a sentence that can be printed, and how often cells like this were right. Then every query and reply as `dig`
    would show it; what each control said; all dates, with what `events` weighs; the evidence for and against, with
    what it claims and when it is wrong; what decided; the evidence that did not apply, with what it looked at; what
    published rules say; and commands that ask the same again, of the resolver and of a control.

    \b
    Examples:
      resolver-diff explain whatsapp.com nsdi-a
      resolver-diff explain whatsapp.com nsdi-a --date 2026-02-11 --qtype A
    """
    from resolver_diff.commands import _published, _witness
    from resolver_diff.commands._loading import Source, parse_name
    from resolver_diff.commands._output import page_width, show
    from resolver_diff.errors import ExitStatus
    from resolver_diff.library import confident, witness
    from resolver_diff.snapshot import directory

    source = Source.of(snapshots, vantage, resolvers, None, known_answers)
    wanted = [each.upper() for each in qtypes or ()]
    measured = confident.table(calibration)
    cell = (parse_name(name), resolver)
    found = witness.hear(source, cell, wanted, (before, day), measured, whole=not quick)
    today = found.snapshots[-1]
    flagged = _published.verdicts(today, directory(source.folder, today.date, today.vantage), cell)
    show(_witness.describe(found, flagged, page_width()))
    return ExitStatus.DONE
