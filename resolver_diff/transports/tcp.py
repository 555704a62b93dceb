"""DNS over TCP (RFC 1035 4.2.2, RFC 7766)."""

import asyncio

from resolver_diff.transports import Endpoint, Transport
from resolver_diff.transports._connection import Connection, TcpConnection
from resolver_diff.transports._stream import stream_session


async def connect(endpoint: Endpoint, connection: Connection) -> None:
    """Open a TCP connection to *endpoint*."""
    assert isinstance(connection, TcpConnection)
    await asyncio.get_running_loop().create_connection(lambda: connection, endpoint.address, endpoint.port)


TRANSPORT = Transport(open=lambda: stream_session(connect).running())
