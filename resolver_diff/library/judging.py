"""One date judged, and two dates compared, from the folder they lie in: at each vantage."""

from collections.abc import Iterator

from resolver_diff import diff
from resolver_diff.confidence import Measured
from resolver_diff.diff import Diff
from resolver_diff.errors import Problem, UsageError
from resolver_diff.library import confident
from resolver_diff.library.source import Source


def alone(source: Source, day: str, known: Measured) -> list[Diff]:
    """Judge one date; *known* tells how sure each finding is."""
    on = source.latest(day)
    found = source.load(on, judged=True)
    diffs = [diff.anomalies(today, source.history(on, name)) for name, today in sorted(found.items())]
    return confident.beside(diffs, known)


def between(source: Source, before: str, after: str, known: Measured) -> list[Diff]:
    """Compare two dates; raises UsageError when the earlier is not before the later, or no vantage has both."""
    second = source.latest(after)
    first = source.day(before, second)
    if first >= second:
        raise UsageError(f"{first} is not before {second}", hint="the earlier date comes first")
    earlier, later = source.load(first, judged=True), source.load(second, judged=True)
    both = sorted(earlier.keys() & later.keys())
    if not both:
        hint = f"{first} was seen from {', '.join(earlier)}; {second} from {', '.join(later)}"
        raise UsageError("no vantage has both dates", hint=hint)
    source.warn(_without(sorted(earlier.keys() ^ later.keys())))
    # let go of each date as soon as it was looked at: a large one is most of the memory there is
    diffs = [diff.diff(earlier.pop(name), later.pop(name), source.history(first, name)) for name in both]
    return confident.beside(diffs, known)


def _without(vantages: list[str]) -> Iterator[Problem]:
    for name in vantages:
        yield Problem(f"vantage {name} has only one of the two dates and is left out")
