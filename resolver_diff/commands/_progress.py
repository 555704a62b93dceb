"""How far a run is: a bar on a terminal, a plain line now and then elsewhere; always on stderr."""

import sys
import time

from resolver_diff.commands._output import talk
from resolver_diff.probe import Progress as Told
from resolver_diff.wording.lines import duration, many

EVERY = 10.0  # seconds between plain lines


def progress() -> Told:
    """Return what suits stderr."""
    if not sys.stderr.isatty():
        return Lines()
    from resolver_diff.commands._bar import bar

    return bar() or Lines()


class Lines:
    """A line every ten seconds, for logs."""

    def __init__(self) -> None:
        self._questions = 0
        self._told = 0.0

    def start(self, questions: int, resolvers: int) -> None:
        """Say how much there is to do."""
        self._questions = questions
        self._told = time.monotonic()
        talk(f"asking {many(questions, 'question')} of {many(resolvers, 'resolver')}")

    def update(self, asked: int, answered: int, silent_resolvers: int, rate: float, left_seconds: float | None) -> None:
        """Say how far it is, if it is time to."""
        if time.monotonic() - self._told < EVERY:
            return
        self._told = time.monotonic()
        share = f"{100 * asked / max(1, self._questions):.0f} %"
        talk(
            f"{asked:,} of {self._questions:,} asked ({share}), " + says(answered, silent_resolvers, rate, left_seconds)
        )

    def note(self, text: str) -> None:
        """Say *text*."""
        talk(text)

    def finish(self) -> None:
        """Leave nothing unsaid."""
        sys.stderr.flush()


def says(answered: int, silent: int, rate: float, left: float | None) -> str:
    """Say how it goes."""
    parts = [f"{answered:,} answered", f"{many(silent, 'silent resolver')}", f"{rate:,.0f}/s"]
    return ", ".join([*parts, *([f"{duration(left)} left"] if left is not None else [])])
