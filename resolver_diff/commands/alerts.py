"""resolver-diff alerts: what was told of events, and what is not to be."""

from enum import StrEnum
from typing import Annotated

import typer

from resolver_diff.commands import _options as options


class Action(StrEnum):
    """What is to be done."""

    SHOW = "show"
    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    UNSILENCE = "unsilence"
    TEST = "test"


ACTIONS = "|".join(Action)
What = Annotated[
    list[str] | None,
    typer.Argument(metavar="EVENT|NAME", help="Events as `show` names them; for silence domain names too."),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="DATE", help="For silence: its last date; for good if not given."),
]


def command(
    action: Annotated[Action, typer.Argument(metavar=ACTIONS, help="What to do.")] = Action.SHOW,
    what: What = None,
    until: Until = None,
    reports: options.Reports = options.REPORTS,
) -> int:
    """Show what `daily` has told of events that go on, and say what it is not to tell.

    Of an event that is acknowledged only the end is told. What is silenced is not told at all, until the date given: an
    event, or a domain name with all below it. What still goes on then is told. `test` sends a message wherever
    RESOLVER_DIFF_ALERTS in the environment says, to see whether it arrives.

    \b
    Examples:
      resolver-diff alerts
      resolver-diff alerts acknowledge df36ca3a68
      resolver-diff alerts silence tinder.com --until 2026-12-31
      resolver-diff alerts test
    """
    from resolver_diff.commands import _told
    from resolver_diff.commands._loading import parse_day
    from resolver_diff.errors import ExitStatus, UsageError

    wanted = tuple(what or ())
    if until is not None and action is not Action.SILENCE:
        raise UsageError("--until is for `alerts silence`")
    needs_what = action in (Action.ACKNOWLEDGE, Action.SILENCE, Action.UNSILENCE)
    if needs_what and not wanted:
        raise UsageError(f"`alerts {action}` needs an event or a name", hint="`alerts show` has the events")
    if wanted and not needs_what:
        raise UsageError(f"`alerts {action}` takes no event and no name")
    if action is Action.TEST:
        _told.test()
    elif action is Action.SHOW:
        _told.show(reports)
    else:
        _told.change(reports, action, wanted, parse_day(until) if until else None)
    return ExitStatus.DONE
