"""The certificates of resolvers that misbehave, good and bad, all of one authority but for those that are not."""

import atexit
import shutil
import ssl
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from certificates import Authority, Issued

NAME = "dns.example"  # of every resolver
HERE = (NAME, "127.0.0.1", "::1")  # what a good certificate is for
ENDED = datetime(2026, 1, 31, 12, tzinfo=UTC)  # the expired one; at noon, so that a second makes it no other day
BEGINS = datetime(2046, 1, 31, 12, tzinfo=UTC)  # the one that is not valid yet
AUTHORITY = "Test Authority"
STRANGER = "Another Authority"
ROGUE = "\x1b]0;pwned\x07<b>"  # an authority that is nobody's, with a name that would have an effect


@cache
def authority(name: str) -> Authority:
    """Return the authority of that *name*; ``AUTHORITY`` is the one that is trusted."""
    return Authority(_folder(), name)


@cache
def issued(kind: str) -> Issued:
    """Return the certificate that is as *kind* says."""
    now = datetime.now(UTC)
    kinds: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
        "good": (AUTHORITY, HERE, {}),
        "another": (AUTHORITY, HERE, {}),  # good too, with another key
        "expired": (AUTHORITY, HERE, {"begins": ENDED.replace(month=1, day=1) - now, "ends": ENDED - now}),
        "future": (AUTHORITY, HERE, {"begins": BEGINS - now, "ends": BEGINS.replace(year=2047) - now}),
        "wrong-name": (AUTHORITY, ("www.other.example",), {}),
        "nine-names": (AUTHORITY, tuple(f"n{number}.example" for number in range(9)), {}),
        "no-name": (AUTHORITY, (), {}),
        "ansi-name": (AUTHORITY, ("*.evil.example", "<b>.example"), {}),
        "wrong-address": (AUTHORITY, (NAME, "192.0.2.1"), {}),
        "unknown": (STRANGER, HERE, {}),
        "rogue": (ROGUE, HERE, {}),
        "self-signed": (AUTHORITY, HERE, {"self_signed": True}),
    }
    signer, names, details = kinds[kind]
    return authority(signer).issue(*names, **details)


@cache
def served(kind: str, *protocols: str, asks: bool = False) -> ssl.SSLContext:
    """Return what a server needs that speaks *protocols* (ALPN); *asks*: for a certificate of the client's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued(kind).file)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority(AUTHORITY).file)
    return context


def trusting(**more: Any) -> dict[str, Any]:
    """Return what resolvers.yaml says of who must be at the other end; *more* wins."""
    return {"hostname": NAME, "ca": str(authority(AUTHORITY).file), **more}


@cache
def _folder() -> Path:
    """Return a folder that is gone when the program ends."""
    folder = tempfile.mkdtemp(prefix="papers-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
