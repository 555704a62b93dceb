"""What went wrong in QUIC, in words: text of a peer is cut short, and nothing in it can move a terminal."""

from typing import TYPE_CHECKING

from aioquic.quic.events import ConnectionTerminated
from aioquic.quic.packet import QuicErrorCode
from aioquic.tls import AlertDescription

from resolver_diff.transports import Trouble

if TYPE_CHECKING:
    from resolver_diff.transports._quic import Speech

LONGEST = 100  # characters of a peer's text that are kept
CRYPTO = range(0x100, 0x200)  # CRYPTO_ERROR and a TLS alert (RFC 9000 20.1)
NO_VERSION = "Could not find a common protocol version"  # aioquic's word for it; there is no code


def plain(text: str) -> str:
    """Return *text* as printable ASCII, at most so long."""
    shown = "".join(char if " " <= char <= "~" else "?" for char in text[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 3] + "..."


def coded(name: str, code: int) -> str:
    """Return the *name* of an error code, or the *code* where it has none."""
    return name or f"error 0x{code:x}"


def closing(event: ConnectionTerminated, speech: "Speech", *, ours: bool) -> tuple[Trouble, str]:
    """Return what the end of a connection means; *ours*: we ended it, for what the peer did."""
    reason = f": {plain(event.reason_phrase)}" if event.reason_phrase else ""
    code = event.error_code
    if event.reason_phrase == NO_VERSION:
        return Trouble.TLS, "no version of QUIC in common"
    if event.frame_type is None:  # by the application: RFC 9000 19.19
        says = f"connection closed with {coded(speech.name(code), code)}{reason}"
        return speech.trouble, says
    if code in CRYPTO:
        alert = code - CRYPTO.start
        known = {each.value: each.name for each in AlertDescription}
        return Trouble.TLS, f"TLS alert {known.get(alert, alert)}{reason}"
    names = {each.value: each.name for each in QuicErrorCode}
    says = f"{coded(names.get(code, ''), code)}{reason}"
    if ours:
        return Trouble.MALFORMED, f"broken QUIC: {says}"
    return Trouble.UNREACHABLE, f"connection closed with {says}"
