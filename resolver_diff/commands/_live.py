"""How a watch is shown: on a terminal as a table that is drawn anew, below the changes; elsewhere as lines only."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from resolver_diff.commands._output import STYLES
from resolver_diff.commands._progress import says
from resolver_diff.commands._seen import Key, Seen, Watch, words
from resolver_diff.commands._strip import TONES as MARK_TONES
from resolver_diff.commands._strip import WRONG
from resolver_diff.probe import Progress
from resolver_diff.tables import State
from resolver_diff.wording.lines import GAP, Cut, Line, Span, Tone, line, many, plain, table

HEADER = ("name", "type", "resolver", "in", "now")
CUTS = {4: Cut.TAIL, 0: Cut.MIDDLE, 2: Cut.MIDDLE}
TONES = {State.VANISHED: Tone.BAD, State.DIVERGENT: Tone.BAD, State.INSUFFICIENT: Tone.FAINT, State.GONE: Tone.FAINT}
MANY = {State.AGREES: "agree", State.INSUFFICIENT: "cannot be told"}
NARROW, WIDE = 10, 30  # marks of a row, by the width of the terminal
ROOM = 100  # columns from which on a terminal is wide
AROUND = 6  # lines of a terminal that the table leaves free
PER_SECOND = 2.0  # drawn anew


class Shown(Protocol):
    """Where a watch is shown; a context manager."""

    progress: Progress | None  # what is told while a round is going

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End, well or not."""

    def say(self, lines: Sequence[Line]) -> None:
        """Print *lines*, which stay."""

    def show(self, watch: Watch, next_at: float) -> None:
        """Show how all cells are; the next round begins at *next_at*, by time.monotonic."""


class Lines:
    """Lines on stdout, each of them at once."""

    progress: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, lines: Sequence[Line]) -> None:
        """Print *lines*."""
        sys.stdout.write(plain(lines))
        sys.stdout.flush()

    def show(self, watch: Watch, next_at: float) -> None:
        """Do nothing: a pipe gets what changes."""


class Screen:
    """A table that is drawn anew below the lines; a context manager, and told how far a round is."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress: Progress | None = self
        self._rows: list[Line] = []
        self._caption = "asking for the first time"
        self._next_at: float | None = None
        self._asked = ""
        self._questions = 0
        self._live = Live(
            console=console,
            get_renderable=self._drawn,
            refresh_per_second=PER_SECOND,
            transient=True,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, lines: Sequence[Line]) -> None:
        """Print *lines* above the table."""
        for each in lines:
            self.console.print(_text(each), soft_wrap=True)

    def show(self, watch: Watch, next_at: float) -> None:
        """Draw the table anew."""
        room = max(3, self.console.height - AROUND)
        self._rows = list(rows(watch, self.console.width, room))
        self._caption = f"round {watch.rounds:,}: {_counted(watch)}"
        self._next_at = next_at

    def start(self, questions: int, resolvers: int) -> None:
        """Note how much there is to ask."""
        self._questions, self._asked = questions, f"asking {many(resolvers, 'resolver')}"

    def update(self, asked: int, answered: int, silent_resolvers: int, rate: float, left_seconds: float | None) -> None:
        """Note how far it is."""
        said = says(answered, silent_resolvers, rate, left_seconds)
        self._asked = f"asked {asked:,} of {self._questions:,}, {said}"

    def finish(self) -> None:
        """Note that all is asked."""
        self._asked = ""

    def _drawn(self) -> Group:
        left = max(0, round((self._next_at or 0.0) - time.monotonic()))
        ahead = self._asked or (f"next in {left} s" if self._next_at else "")
        caption = line("; ".join(part for part in (self._caption, ahead, "Ctrl-C ends") if part), Tone.FAINT)
        drawn = [_text(each) for each in (*self._rows, caption)]
        for each in drawn:
            each.truncate(self.console.width, overflow="ellipsis")
        return Group(Text(""), *drawn)


def shown() -> Shown:
    """Return what suits stdout."""
    console = Console(highlight=False)
    return Screen(console) if console.is_terminal and not console.is_dumb_terminal else Lines()


def rows(watch: Watch, width: int, room: int) -> Iterator[Line]:
    """Yield the table in at most *room* lines, the worst and the latest changed first; then how many more there are."""
    told = sorted(watch.cells.items(), key=_worst_first)
    joined = [list(alike) for _, alike in groupby(told, key=_look)]
    shown = joined[: room - 2] if len(joined) > room - 1 else joined
    marks = WIDE if width >= ROOM else NARROW
    left = width - marks - GAP
    labels = [_label(cells) for cells in shown]
    tones = [TONES.get(State(cells[0][1].now["state"]), Tone.PLAIN) for cells in shown]
    head, *body = table(HEADER, labels, tones=tones, width=left, cuts=CUTS, indent=0)
    yield (*head, Span(" " * max(GAP, left + GAP - len(_plain(head))) + "rounds", Tone.FAINT))
    for label, cells in zip(body, shown, strict=True):
        pad = " " * max(GAP, left + GAP - Text(_plain(label)).cell_len)
        latest = "".join(list(cells[0][1].marks)[-marks:])
        alike = groupby(latest, lambda mark: MARK_TONES.get(mark, Tone.FAINT))
        spans = (Span("".join(marked), tone) for tone, marked in alike)
        yield (*label, Span(pad), *spans)
    if len(shown) < len(joined):
        rest = Counter(str(cells[0][1].now["state"]) for cells in joined[len(shown) :])
        yield line(f"and {many(sum(rest.values()), 'more row')}: {_listed(rest)}", Tone.FAINT)


def _worst_first(each: tuple[Key, Seen]) -> tuple[object, ...]:
    """Put what is wrong first, then what was, then what changed latest, then what cannot be told."""
    key, seen = each
    state = State(seen.now["state"])
    changed = -seen.changed.timestamp() if seen.changed else 0.0
    qname, qtype, resolver, transport = key
    return (state not in WRONG, not seen.wrong, changed, state is State.AGREES, qname, resolver, transport, qtype)


def _look(each: tuple[Key, Seen]) -> tuple[object, ...]:
    """Return what must be alike for types of one name and resolver to share a row."""
    (qname, _, resolver, transport), seen = each
    now = seen.now
    said = None if now["state"] == State.AGREES else words(now)
    return (qname, resolver, transport, now["state"], said, tuple(seen.marks))


def _label(cells: Sequence[tuple[Key, Seen]]) -> tuple[str, ...]:
    (qname, _, resolver, transport), seen = cells[0]
    types = " ".join(key[1] for key, _ in cells)
    over = resolver if transport == "udp" else f"{resolver} ({transport})"
    now = words(seen.now) if len(cells) == 1 or seen.now["state"] != State.AGREES else State.AGREES
    return (qname, types, over, seen.now["country"] or "", str(now))


def _counted(watch: Watch) -> str:
    return _listed(Counter(str(seen.now["state"]) for seen in watch.cells.values()))


def _listed(states: Counter[str]) -> str:
    return ", ".join(f"{count:,} {MANY.get(State(state), state)}" for state, count in states.most_common())


def _plain(spans: Line) -> str:
    return "".join(span.text for span in spans)


def _text(spans: Line) -> Text:
    return Text.assemble(*((span.text, STYLES[span.tone]) for span in spans))
