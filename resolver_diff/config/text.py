"""Files a person wrote, as text: their encoding, their lines, and everything that is wrong with them."""

import codecs
import hashlib
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from resolver_diff.errors import ConfigError, Place, Problem

MOST_PROBLEMS = 20  # shown of one file; more of them teach nobody anything
LONGEST_LINE = 4096  # characters of a source line kept for an excerpt, so that a line of 100 MB is not carried about
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # before UTF-16: the one begins like the other
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


class Notes:
    """Every mistake and every warning met while reading, in the order they were met."""

    def __init__(self) -> None:
        self._mistakes: dict[str, list[Problem]] = defaultdict(list)
        self._unshown: dict[str, int] = defaultdict(int)
        self._warnings: list[Problem] = []

    def mistake(self, message: str, place: Place, hint: str | None = None) -> None:
        """Note what is wrong; beyond the first MOST_PROBLEMS of a file they are only counted."""
        noted = self._mistakes[place.file]
        if len(noted) < MOST_PROBLEMS:
            noted.append(Problem(message, place, hint))
        else:
            self._unshown[place.file] += 1

    def warning(self, message: str, place: Place, hint: str | None = None) -> None:
        """Note what is odd, but can be lived with."""
        self._warnings.append(Problem(message, place, hint))

    def wrong(self, file: str) -> bool:
        """Say whether a mistake was noted in *file*."""
        return file in self._mistakes

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """All warnings."""
        return tuple(self._warnings)

    def raise_mistakes(self) -> None:
        """Raise ConfigError with every mistake, if there is one."""
        problems: list[Problem] = []
        for file, noted in self._mistakes.items():
            problems += sorted(noted, key=_order)
            if unshown := self._unshown[file]:
                problems.append(Problem(f"and {unshown:,} more", Place(file)))
        if problems:
            count = sum(map(len, self._mistakes.values())) + sum(self._unshown.values())
            summary = problems[0].message if count == 1 else f"{count:,} mistakes in {', '.join(self._mistakes)}"
            raise ConfigError(summary, problems=tuple(problems))


def _order(problem: Problem) -> tuple[int, int]:
    at = problem.place
    return (at.line or 0, at.column or 0) if at is not None else (0, 0)


@dataclass(frozen=True)
class Source:
    """One file: *octets* are UTF-8 without a byte order mark, every line ends in LF."""

    file: str  # as the user knows it
    octets: bytes
    sha256: str  # of the file as it lies on disk

    @cached_property
    def lines(self) -> list[str]:
        """The lines, without their ends."""
        return self.octets.decode().split("\n")

    def place(self, line: int, column: int | None = None) -> Place:
        """Return where *line* and *column* (both from 1) are, with the text that stands there."""
        text = self.lines[line - 1] if line <= len(self.lines) else None
        return place(self.file, line, column, text)


def place(file: str, line: int, column: int | None, text: str | None) -> Place:
    """Return a place; of a very long line only what an excerpt can show is kept."""
    if text is not None and len(text) > LONGEST_LINE:
        text = text[: max(LONGEST_LINE, (column or 0) + 100)]
    return Place(file, line, column, text)


def read(path: Path, file: str, limit: int, notes: Notes) -> Source | None:
    """Read a file of at most *limit* octets as text; None, and a mistake noted, when that cannot be done."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(limit + 1)
    except FileNotFoundError:
        notes.mistake("there is no such file", Place(file))
        return None
    except OSError as error:
        notes.mistake(f"it cannot be read: {error.strerror}", Place(file))
        return None
    if len(raw) > limit:
        notes.mistake(f"it is longer than {limit // 2**20:,} MiB", Place(file), "split it into several files")
        return None
    octets = _decode(raw, file, notes)
    if octets is None:
        return None
    return Source(file, octets, hashlib.sha256(raw).hexdigest())


def _decode(raw: bytes, file: str, notes: Notes) -> bytes | None:
    """Return *raw* as UTF-8 with LF line ends; None, and a mistake noted, when it is no text."""
    for mark, codec, name in MARKS:
        if raw.startswith(mark):
            notes.warning(f"byte order mark: it was read as {name}", Place(file), "save it as UTF-8 without one")
            try:
                raw = raw.decode(codec).encode()
            except UnicodeError as error:
                notes.mistake(f"it says that it is {name}, but is not: {error}", Place(file), "save it as UTF-8")
                return None
            break
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            octet = raw[error.start]
            where = _place_of_octet(raw, error.start, file)
            notes.mistake(f"octet 0x{octet:02x} is not UTF-8", where, "save the file as UTF-8")
            return None
    nul = raw.find(b"\0")
    if nul >= 0:
        half = raw.count(b"\0", 0, 4096) * 3 > min(len(raw), 4096)
        hint = "this looks like UTF-16 without a byte order mark; save it as UTF-8" if half else "this is no text file"
        notes.mistake("a NUL octet", _place_of_octet(raw, nul, file), hint)
        return None
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return raw


def _place_of_octet(raw: bytes, position: int, file: str) -> Place:
    """Return the place of an octet of something that may be no text."""
    before = raw[:position].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    line = before.count(b"\n") + 1
    start = before.rfind(b"\n") + 1
    head = before[start:].decode(errors="replace")
    tail = raw[position : position + 80].splitlines()
    text = head + (tail[0].decode(errors="replace") if tail else "")
    return place(file, line, len(head) + 1, text)
