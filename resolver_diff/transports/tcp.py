"""DNS over TCP (RFC 1035 4.2.2, RFC 7766)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from resolver_diff.transports import Endpoint, Transport
from resolver_diff.transports._stream import StreamSession


async def connect(endpoint: Endpoint, protocol: Callable[[], asyncio.Protocol]) -> asyncio.Transport:
    """Open a TCP connection to *endpoint*."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(protocol, endpoint.address, endpoint.port)
    return transport


@asynccontextmanager
async def open_session() -> AsyncIterator[StreamSession]:
    """Open a session; its connections are closed at the end."""
    session = StreamSession(connect)
    try:
        yield session
    finally:
        session.close()
        await asyncio.sleep(0)  # asyncio closes sockets in its next round


TRANSPORT = Transport(open=open_session)
