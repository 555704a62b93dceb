"""Texts of the code as Markdown: shown as they are, with docstrings as prose, examples and tables."""

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence

SPECIAL = re.compile(r"([\\*_\[\]#])")
MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
CODE = re.compile(r"(`+[^`]+`+)")


def plain(text: str) -> str:
    """Return *text* so that Markdown shows it as it is; what stands in backticks stays code."""
    parts = CODE.split(" ".join(text.replace("``", "`").split()))
    return "".join(
        code(part.strip("`")) if at % 2 else SPECIAL.sub(r"\\\1", _inert(part)) for at, part in enumerate(parts)
    )


def _inert(text: str) -> str:
    return "".join(MARKUP.get(char, char) for char in text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table whose cells are Markdown already."""
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def code(text: object) -> str:
    """Return *text* as code in a cell of a table."""
    return f"<code>{_inert(str(text))}</code>"


def prose(docstring: str | None) -> Iterator[str]:
    """Yield a docstring as Markdown: paragraphs as text, what is indented or begins with ``>>>`` or a bar as it is."""
    for part in inspect.cleandoc(docstring or "").split("\n\n"):
        lines = part.splitlines()
        if part.startswith(">>>"):
            yield from ("```pycon", *lines, "```", "")
        elif lines and all(line.startswith("    ") for line in lines):
            yield from ("```text", *(line[4:] for line in lines), "```", "")
        elif part.startswith("|"):
            yield from (*(re.sub(r"\*(\w+)\*", r"`\1`", line) for line in lines), "")
        else:
            yield from (plain(re.sub(r"(?<!\w)\*(\w+(?:\.\w+)?)\*(?!\w)", r"`\1`", part)), "")
