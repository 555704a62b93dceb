"""One GET of /, asked for by name: its status, its title, and a hash. What comes is hostile, and never rendered."""

import asyncio
import hashlib
import html
import re
from dataclasses import dataclass

import resolver_diff
from resolver_diff.verify.handshake import Streams

LARGEST = 64 << 10  # octets of a page that are read
HEAD = 32 << 10  # octets of status and headers
LONGEST = 200  # characters of a title
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\r?$)")


@dataclass(frozen=True, slots=True)
class Page:
    """What came; all null where nothing did."""

    status: int | None = None
    title: str | None = None
    body_hash: str | None = None


NONE = Page()


async def get_plainly(qname: str, place: tuple[str, int], seconds: float) -> Page:
    """Return the page that is at *place* (address, port), without TLS."""
    try:
        async with asyncio.timeout(seconds):
            streams = await asyncio.open_connection(*place)
    except (OSError, TimeoutError):
        return NONE
    try:
        return await get(qname, streams, seconds)
    finally:
        streams[1].transport.abort()


async def get(qname: str, streams: Streams, seconds: float) -> Page:
    """Return the page on an open connection. Redirects are not followed, and what is not HTTP is nothing."""
    reader, writer = streams
    agent = f"resolver-diff/{resolver_diff.__version__}"
    # HTTP/1.0, so that the page comes as it is, not in chunks (RFC 9112 7.1), and ends with the connection
    writer.write(f"GET / HTTP/1.0\r\nHost: {qname}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n".encode("ascii"))
    received = bytearray()
    try:
        async with asyncio.timeout(seconds):
            await writer.drain()
            while len(received) < HEAD + LARGEST and (octets := await reader.read(1 << 14)):
                received += octets
    except (OSError, TimeoutError):
        pass  # what came until then is what there is
    return read(bytes(received))


def read(octets: bytes) -> Page:
    """Return what is kept of a response."""
    head, _, body = octets.replace(b"\r\n\r\n", b"\n\n", 1).partition(b"\n\n")
    status = STATUS.match(head.partition(b"\n")[0])
    if status is None or len(head) > HEAD:
        return NONE
    body = body[:LARGEST]
    return Page(int(status[1]), _title(body), hashlib.sha256(body).hexdigest())


def _title(body: bytes) -> str | None:
    """Return the title of a page, fit for a terminal and a table; null where there is none."""
    lower = body.lower()
    begin = lower.find(b"<title")
    start = lower.find(b">", begin) + 1
    end = lower.find(b"</title", start)
    if begin < 0 or not start or end < 0:
        return None
    text = " ".join(html.unescape(body[start:end][: 8 * LONGEST].decode("utf-8", "replace")).split())
    return "".join(char if char.isprintable() else "?" for char in text[:LONGEST]) or None
