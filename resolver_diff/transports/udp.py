"""DNS over UDP (RFC 1035 4.2.1), the way almost all of it travels."""

from resolver_diff.transports import Transport, _bulk, _datagrams, _mmsg

TRANSPORT = Transport(open=_bulk.open_session if _mmsg.available() else _datagrams.open_session)
