"""How far a run is: a bar on a terminal, a plain line now and then elsewhere; always on stderr."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from resolver_diff.commands._output import talk
from resolver_diff.probe import Progress as Told
from resolver_diff.reports import visible
from resolver_diff.reports._layout import duration, many

EVERY = 10.0  # seconds between plain lines


def progress() -> Told:
    """Return what suits stderr."""
    console = Console(stderr=True, highlight=False)
    return Bar(console) if console.is_terminal and not console.is_dumb_terminal else Lines()


class Bar:
    """A bar that is drawn again and again."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("{task.percentage:>3.0f}%"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[says]}"),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None

    def start(self, questions: int, resolvers: int) -> None:
        """Begin to draw."""
        says = f"{many(questions, 'question')}, {many(resolvers, 'resolver')}"
        self._task = self._bar.add_task("", total=questions, says=says)
        self._bar.start()

    def update(self, asked: int, answered: int, silent_resolvers: int, rate: float, left_seconds: float | None) -> None:
        """Draw how far it is."""
        if self._task is not None:
            says = _says(answered, silent_resolvers, rate, left_seconds)
            self._bar.update(self._task, completed=asked, says=says)

    def note(self, text: str) -> None:
        """Print *text* above the bar."""
        self._bar.console.print(visible(text), markup=False)

    def finish(self) -> None:
        """Take the bar away."""
        self._bar.stop()


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
            f"{asked:,} of {self._questions:,} asked ({share}), "
            + _says(answered, silent_resolvers, rate, left_seconds)
        )

    def note(self, text: str) -> None:
        """Say *text*."""
        talk(text)

    def finish(self) -> None:
        """Leave nothing unsaid."""
        sys.stderr.flush()


def _says(answered: int, silent: int, rate: float, left: float | None) -> str:
    parts = [f"{answered:,} answered", f"{many(silent, 'silent resolver')}", f"{rate:,.0f}/s"]
    return ", ".join([*parts, *([f"{duration(left)} left"] if left is not None else [])])
