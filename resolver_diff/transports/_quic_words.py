"""What went wrong, in words: text of a peer is cut short, and nothing in it can move a terminal."""

import os

LONGEST = 100  # characters of a peer's text that are kept


def plain(text: str | bytes) -> str:
    """Return *text* as printable ASCII, at most so long."""
    if isinstance(text, bytes):
        text = text[: LONGEST + 1].decode("ascii", "replace")
    shown = "".join(char if " " <= char <= "~" else "?" for char in text[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 3] + "..."


def coded(name: str, code: int) -> str:
    """Return the *name* of an error code, or the *code* where it has none."""
    return name or f"error 0x{code:x}"


def in_words(error: OSError) -> str:
    """Return the system's words for *error*, without its number."""
    return plain(os.strerror(error.errno).lower() if error.errno else str(error))
