"""Every error a user can see, what it looks like, and its exit status.

    ResolverDiffError           2: what was asked cannot be done
    ├── ConfigError             resolvers.yaml or a domain set is wrong; every mistake at once
    ├── UsageError              a command was asked for something that makes no sense
    ├── SnapshotError           a snapshot is missing, damaged, already there, or cannot be written
    │   └── OtherPlanError      what broke off asked something else than what is to go on with it
    ├── AlertError              alerts cannot be sent, or what was told before cannot be read
    └── LabError                a scenario is wrong, or its resolvers cannot be started

Trouble with a resolver is not an error: it is an observation. An error is
something the user can put right, so it carries a place and a hint where there is one.
"""

import os
from dataclasses import dataclass, field
from enum import IntEnum

PROGRAM = os.environ.get("RESOLVER_DIFF_PROGRAM", "resolver-diff")  # what a person types here to start it


class ExitStatus(IntEnum):
    """How a command ends."""

    DONE = 0  # all that was asked
    DIFFERENT = 1  # differences were found; only with --exit-code
    CANNOT = 2  # what was asked cannot be done; the message says why, where, and what helps
    INCOMPLETE = 3  # done, but some resolver said nothing at all


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file a mistake stands; *line* and *column* count from 1, *text* is the line."""

    file: str
    line: int | None = None
    column: int | None = None
    text: str | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where, and what to do about it."""

    message: str
    place: Place | None = None
    hint: str | None = None

    def render(self, severity: str = "error") -> str:
        """Return the problem as lines for a terminal, the way compilers show them."""
        lines = [f"{severity}: {self.message}"]
        if self.place is not None:
            lines.append(f"  --> {self.place}")
            if self.place.text is not None and self.place.line is not None:
                lines += _excerpt(self.place)
        if self.hint is not None:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


@dataclass
class ResolverDiffError(Exception):
    """The root of all errors that are the user's to put right; holds one problem or many."""

    message: str
    place: Place | None = None
    hint: str | None = None
    problems: tuple[Problem, ...] = field(default=())

    status = ExitStatus.CANNOT

    def __post_init__(self) -> None:
        """Make a list of one when there is only the one problem."""
        super().__init__(self.message)
        if not self.problems:
            self.problems = (Problem(self.message, self.place, self.hint),)
        if self.problems != (Problem(self.message),):
            self.add_note(self.render())  # a traceback, in a notebook too, shows what helps

    def __str__(self) -> str:
        return self.message

    def render(self) -> str:
        """Return every problem, an empty line between two."""
        return "\n\n".join(problem.render() for problem in self.problems)


class ConfigError(ResolverDiffError):
    """resolvers.yaml or a domain set is wrong; all mistakes at once."""


class UsageError(ResolverDiffError):
    """A command was asked for something that makes no sense."""


class SnapshotError(ResolverDiffError):
    """A snapshot is missing, damaged, already there, or cannot be written."""


class OtherPlanError(SnapshotError):
    """What broke off asked something else than what is to go on with it."""


class AlertError(ResolverDiffError):
    """Alerts cannot be sent, or what was told before cannot be read or written."""


class LabError(ResolverDiffError):
    """A scenario is wrong, or its resolvers cannot be started."""


class ResolverDiffWarning(UserWarning):
    """What is wrong but stops nothing: a damaged file, a date that is long ago. For who uses the library."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.render("warning").partition(": ")[2])
        self.problem = problem


LONGEST_EXCERPT = 100  # columns of the source line that are shown; a 100 MB line must not fill the terminal


def _excerpt(place: Place) -> list[str]:
    """Return the source line with a caret under the column, unprintable characters made visible."""
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in place.text or "")
    column = place.column or 1
    start = max(0, column - LONGEST_EXCERPT // 2) if len(text) > LONGEST_EXCERPT else 0
    shown = text[start : start + LONGEST_EXCERPT]
    margin = " " * len(str(place.line))
    lines = [f"{margin} |", f"{place.line} | {shown}"]
    if place.column is not None:
        lines.append(f"{margin} | {' ' * (column - 1 - start)}^")
    return lines
