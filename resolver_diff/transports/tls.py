"""DNS over TLS, DoT (RFC 7858, RFC 8310); queries are padded (RFC 8467)."""

from resolver_diff.transports import Endpoint, Transport, _tls
from resolver_diff.transports._connection import Connection, TcpConnection
from resolver_diff.transports._stream import stream_session


async def connect(endpoint: Endpoint, connection: Connection) -> None:
    """Open a TLS connection to *endpoint*."""
    assert isinstance(connection, TcpConnection)
    await _tls.connect(endpoint, connection, "dot")


TRANSPORT = Transport(open=lambda: stream_session(connect, padding=True).running())
