"""Trouble in words: what the system, OpenSSL or a peer says when there is no reply."""

import os
import ssl

from resolver_diff.transports import Trouble

LONGEST = 120  # characters of a peer's own words that are kept
NO_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "HTTPS_PROXY_REQUEST",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
)
OLD_TLS = ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION")
ALERTS = ("SSLV3_ALERT_", "TLSV1_ALERT_", "TLSV13_ALERT_", "TLSV1_")


class RefusedError(Exception):
    """No connection can be had; *trouble* and *says* go to every query that was to use it."""

    def __init__(self, trouble: Trouble, says: str) -> None:
        super().__init__(says)
        self.trouble = trouble
        self.says = says


def shown(text: bytes | str, longest: int = LONGEST) -> str:
    """Return a peer's *text* fit for a terminal and a table: printable ASCII, not long."""
    decoded = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    cut = decoded if len(decoded) <= longest else decoded[: longest - 3] + "..."
    return "".join(char if " " <= char <= "~" else "?" for char in cut)


def coded(name: str, code: int) -> str:
    """Return the *name* of an error code, or the *code* where it has none."""
    return name or f"error 0x{code:x}"


def in_words(error: BaseException | None) -> str | None:
    """Return what *error* of a socket or of TLS says; None where it says nothing."""
    if isinstance(error, ssl.SSLError):
        return _of_tls(error)
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else None


def _of_tls(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if reason in NO_TLS:
        return "the peer speaks no TLS"
    if reason in OLD_TLS:
        return "the peer speaks no TLS of version 1.2 or later"
    plain = reason.replace("_", " ").lower()
    for prefix in ALERTS:
        if reason.startswith(prefix):
            return f"the peer refuses TLS: {plain[len(prefix) :]}"
    return f"TLS fails: {plain or 'for no reason given'}"
