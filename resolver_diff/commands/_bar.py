"""How far a run is, as a bar on a terminal."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from resolver_diff.commands._progress import says as told
from resolver_diff.wording import visible
from resolver_diff.wording.lines import many


def bar() -> "Bar | None":
    """Return a bar on stderr; None where the terminal cannot draw one."""
    console = Console(stderr=True, highlight=False)
    return Bar(console) if console.is_terminal and not console.is_dumb_terminal else None


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
            says = told(answered, silent_resolvers, rate, left_seconds)
            self._bar.update(self._task, completed=asked, says=says)

    def note(self, text: str) -> None:
        """Print *text* above the bar."""
        self._bar.console.print(visible(text), markup=False)

    def finish(self) -> None:
        """Take the bar away."""
        self._bar.stop()
