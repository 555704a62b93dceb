"""DNS over HTTPS, DoH (RFC 8484), by HTTP/2; queries are padded (RFC 8467).

No redirect is followed, no cookie kept, no proxy used: what is measured is the resolver that was asked.
"""

from resolver_diff.transports import Endpoint, Transport, _tls
from resolver_diff.transports._connection import Connection
from resolver_diff.transports._connections import ConnectionSession
from resolver_diff.transports._http2 import MOST_STREAMS, Http2


async def connect(endpoint: Endpoint, connection: Connection) -> None:
    """Open an HTTP/2 connection to *endpoint*."""
    assert isinstance(connection, Http2)
    await _tls.connect(endpoint, connection, "h2")
    if _tls.spoken(connection) != "h2":
        raise _tls.unspoken("h2")
    connection.awaited = "beginning of HTTP/2"
    await connection.begin()


TRANSPORT = Transport(
    open=lambda: ConnectionSession(connect, Http2, most=MOST_STREAMS, padding=True, exact=True).running()
)
