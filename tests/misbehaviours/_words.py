"""What the column `trouble` says, where several cases share it."""

REFUSED = "Connection refused"
CLOSED = "the peer closed the connection"
RESET = "Connection reset by peer"
MIDDLE = "the connection ended in the middle of a message"
NO_QUERY = "a message that answers no query"
NOTHING_GOES = "the peer lets nothing be asked on its connection"
ANOTHER = "the message answers another question, or is no reply"


class Either:
    """One of several texts, where it depends on the system's haste which one; equal to each."""

    def __init__(self, *texts: str) -> None:
        self._texts = texts

    def __eq__(self, other: object) -> bool:
        return other in self._texts

    def __hash__(self) -> int:
        return hash(self._texts)

    def __repr__(self) -> str:
        return " or ".join(self._texts)


class Begins:
    """Any text that begins in this way; what follows is a library's."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.startswith(self._text)

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return f"{self._text}..."
