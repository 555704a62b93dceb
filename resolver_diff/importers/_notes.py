"""What could not be read, gathered while a table is read part by part."""

from collections import Counter
from collections.abc import Iterable

from resolver_diff.errors import Place, Problem

MOST_SHOWN = 3
MOST_KEPT = 100_000  # texts of one kind; of a table of nonsense that is enough


class Notes:
    """What could not be read of *table*."""

    def __init__(self, table: str) -> None:
        self.table = table
        self._bad: dict[str, set[str]] = {}
        self._rows: Counter[str] = Counter()

    def bad(self, what: str, texts: Iterable[str]) -> None:
        """Note that rows with these *texts* are not read."""
        kept = self._bad.setdefault(what, set())
        kept.update(text for text in texts if len(kept) < MOST_KEPT)

    def silent(self, about: str, rows: int) -> None:
        """Note how many *rows* do not say something."""
        self._rows[f"not say {about}"] += rows

    def left_out(self, rows: int, why: str = "") -> None:
        """Note how many rows are missing, and *why* where nothing else says it."""
        self._rows[why] += rows

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of it."""
        found = [_bad(what, sorted(texts)) for what, texts in self._bad.items() if texts]
        found += [_rows(what, rows) for what, rows in self._rows.items() if rows]
        return tuple(Problem(says, Place(self.table)) for says in found)


def _bad(what: str, texts: list[str]) -> str:
    shown = ", ".join(f"`{text[:80]}`" for text in texts[:MOST_SHOWN])
    return f"not {what}: {shown}" + (f" and {len(texts) - MOST_SHOWN:,} more" if len(texts) > MOST_SHOWN else "")


def _rows(what: str, rows: int) -> str:
    noun = "row" if rows == 1 else "rows"
    if what.startswith("not say "):
        return f"{rows:,} {noun} {'does' if rows == 1 else 'do'} {what}"
    return f"{rows:,} {noun} left out" + (f": {what}" if what else "")
