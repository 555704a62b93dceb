"""A DoH server by hypercorn, as a program: `python doh3_server.py CERTIFICATE KEY [UPSTREAM]`.

It says its ports first: that of HTTP/3, that of HTTP/2. It answers by itself, or with what
a resolver at the port *UPSTREAM* says over TCP.
"""

import asyncio
import base64
import sys
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from hostile import kind_of, reply

UPSTREAM: list[int] = []


async def answer(asked: bytes) -> bytes:
    """Return the reply to a query; the label `big` is answered at length."""
    if not UPSTREAM:
        return reply(asked, octets=40_000 if kind_of(asked) == "big" else 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", UPSTREAM[0])
    writer.write(len(asked).to_bytes(2, "big") + asked)
    said = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    writer.close()
    return said


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer DNS over HTTP, as RFC 8484 says."""
    if scope["type"] != "http":
        return
    if scope["method"] == "GET":
        text = scope["query_string"].partition(b"dns=")[2]
        asked = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    else:
        asked, more = b"", True
        while more:
            part = await receive()
            asked, more = asked + part["body"], part["more_body"]
    fine = scope["http_version"] in {"2", "3"} and scope["path"] == "/dns-query" and asked[:2] == b"\0\0"
    fine &= dict(scope["headers"])[b"accept"] == b"application/dns-message"
    body = await answer(asked)
    headers = [(b"content-type", b"application/dns-message"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200 if fine else 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Config(Config):
    """Tells the ports that the system chose."""

    def create_sockets(self) -> Any:
        sockets = super().create_sockets()
        for opened in (*sockets.quic_sockets, *sockets.secure_sockets):
            sys.stdout.write(f"{opened.getsockname()[1]}\n")
        sys.stdout.flush()
        return sockets


def main() -> None:
    """Serve until stopped."""
    config = _Config()
    config.certfile, config.keyfile = sys.argv[1:3]
    UPSTREAM[:] = map(int, sys.argv[3:])
    config.bind, config.quic_bind = ["127.0.0.1:0"], ["127.0.0.1:0"]
    asyncio.run(serve(application, config))


if __name__ == "__main__":
    main()
