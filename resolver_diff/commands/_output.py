"""What commands say: data to stdout and to files, talk to stderr."""

import contextlib
import errno
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resolver_diff import errors
from resolver_diff.errors import Problem, UsageError
from resolver_diff.wording import visible
from resolver_diff.wording.lines import WIDTH, Line, Tone

if TYPE_CHECKING:
    from resolver_diff.commands._options import Form
    from resolver_diff.diff import Diff

STDOUT = Path("-")
PROGRAM = errors.PROGRAM
WIDEST = 120  # columns; longer lines are hard to read
STYLES = {Tone.PLAIN: "", Tone.HEADING: "bold", Tone.BAD: "red", Tone.GOOD: "green", Tone.FAINT: "dim"}


def talk(text: str) -> None:
    """Say *text* to the person, on stderr."""
    print("\n".join(map(visible, text.split("\n"))), file=sys.stderr, flush=True)  # noqa: T201


def warn(problems: Iterable[Problem]) -> None:
    """Say what is wrong but stops nothing, each once."""
    for problem in dict.fromkeys(problems):
        talk(problem.render("warning"))


def page_width() -> int | None:
    """Return how many columns a page may take; None where no terminal limits it."""
    from rich.console import Console  # a tenth of a second, which most of what we say does not need

    console = Console()
    return max(WIDTH // 2, min(console.width, WIDEST)) if console.is_terminal else None


def show(lines: Sequence[Line]) -> None:
    """Print *lines* on stdout, in color on a terminal that wants it."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as shown:  # rich would end the program itself when nobody reads stdout any more
        for spans in lines:
            console.print(Text.assemble(*((span.text, STYLES[span.tone]) for span in spans)))
    sys.stdout.write(shown.get())


def check_outputs(*files: Path | None) -> None:
    """Raise UsageError when what is to be written at the end of the work could not be."""
    wanted = [file for file in files if file is not None]
    if wanted.count(STDOUT) > 1:
        message = "stdout can hold only one of --csv, --json and --output"
        raise UsageError(message, hint="name a file for the other")
    named = [file.resolve() for file in wanted]
    if twice := [file for file, name in zip(wanted, named, strict=True) if named.count(name) > 1]:
        raise UsageError(f"two of --csv, --json and --output name the same file, {twice[0]}", hint="name two")
    for file in wanted:
        if file == STDOUT or (file.exists() and not file.is_file() and not file.is_dir()):
            continue
        try:
            _fresh(file.resolve()).unlink()
        except OSError as error:
            raise _unwritable(file, error) from error


def _unwritable(file: Path, error: OSError) -> UsageError:
    """Return the error that says why *file* cannot be written, and what helps."""
    folder = file.parent
    hint = None
    if not folder.exists():
        hint = f"make the folder first: mkdir -p {shlex.quote(str(folder))}"
    elif file.is_dir():
        hint = "name a file in it"
    elif not folder.is_dir():
        hint = f"{folder} is no folder"
    elif isinstance(error, PermissionError):
        hint = f"a file is made anew in its folder, and you may not write to {folder}"
    return UsageError(f"cannot write {file}: {error.strerror or error}", hint=hint)


def hand_over(
    diffs: Sequence["Diff"], csv: Path | None, json: Path | None, rows: "tuple[Path, Form] | None" = None
) -> None:
    """Write the files asked for, and show the page unless stdout holds one of them."""
    from resolver_diff.commands import _rows
    from resolver_diff.reports import csv as csv_report
    from resolver_diff.reports import json as json_report
    from resolver_diff.reports import text as text_report

    if csv is not None:
        write(csv, csv_report.REPORT.render(diffs))
    if json is not None:
        write(json, json_report.REPORT.render(diffs))
    if rows is not None:
        _rows.put(rows, _rows.anomalies(diffs))
    if STDOUT not in (csv, json, rows and rows[0]):
        show(text_report.describe(diffs, page_width()))


def write(file: Path, text: str) -> None:
    """Write *text* as UTF-8 to *file*, so that at no time half of it is there; or to stdout for ``-``.

    Raises UsageError when that cannot be done; what was there before then still is.
    """
    write_parts(file, [text])


def write_parts(file: Path, parts: Iterable[str]) -> None:
    """Write *parts* one after another, as ``write`` does; they are never in memory together."""
    write_octets(file, (part.encode() for part in parts))


def write_octets(file: Path, octets: Iterable[bytes]) -> None:
    """Write *octets* one after another, as ``write_parts`` does."""
    if file == STDOUT:
        sys.stdout.flush()
        sys.stdout.buffer.writelines(octets)
        sys.stdout.buffer.flush()
        return
    try:
        if file.exists() and not file.is_file():  # a pipe or a device, where nothing can be renamed to
            with file.open("wb") as stream:
                stream.writelines(octets)
            return
        _replace(file.resolve(), octets)
    except OSError as error:
        raise _unwritable(file, error) from error


def _fresh(file: Path) -> Path:
    """Make an empty file beside *file*, to be put in its place; raises OSError where nothing can be written."""
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.open("xb").close()
    return fresh


def _replace(file: Path, octets: Iterable[bytes]) -> None:
    fresh = _fresh(file)
    try:
        with fresh.open("wb") as stream:
            stream.writelines(octets)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
