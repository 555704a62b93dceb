"""Queries over QUIC, each on a stream of its own: what DoQ and DoH3 share but for the connection itself.

``aioquic`` is an extra: only ``_quic_link`` imports it, and that when a session is opened.
"""

import importlib.util
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from resolver_diff.errors import Problem, UsageError
from resolver_diff.transports import Endpoint, Session, Trouble
from resolver_diff.transports._connections import ConnectionSession

if TYPE_CHECKING:
    from resolver_diff.transports._quic_link import Link


class Speech(Protocol):
    """What is said on the streams of one connection; *event* is one of ``aioquic.quic.events``."""

    alpn: str
    no_error: int  # application error codes: all is well; a query is no longer waited for
    cancelled: int
    trouble: Trouble  # what the end of a connection or of a stream means, where the peer says why

    def begin(self) -> None:
        """The handshake is done: say what comes before the first query."""

    def ask(self, message: bytes) -> int:
        """Write the query *message*, whole; return its stream."""

    def data(self, event: Any) -> None:
        """Octets came on a stream."""

    def reset(self, event: Any) -> None:
        """The peer sends no more on a stream."""

    def stopped(self, event: Any) -> None:
        """The peer reads no more of a stream."""

    def grace(self) -> None:
        """Give what is whole to the link, though the stream goes on; called now and then."""

    def name(self, code: int) -> str:
        """Return what an application error code is called, or nothing."""


Speak = Callable[["Link", Endpoint], Speech]


def lack() -> Problem | None:
    """Return what keeps this Python from asking over QUIC, if anything does."""
    if importlib.util.find_spec("aioquic") is not None:
        return None
    return Problem(
        "DNS over QUIC and over HTTP/3 need aioquic, which is not installed",
        hint="`pip install '.[quic]'` in the checkout, or `pipx inject resolver-diff aioquic`",
    )


def open_session(speak: Speak) -> AbstractAsyncContextManager[Session]:
    """Open a session in which *speak* makes what is said on each connection; they are closed at the end.

    Raises UsageError when aioquic is not installed.
    """
    problem = lack()
    if problem is not None:
        raise UsageError(problem.message, hint=problem.hint)
    from resolver_diff.transports._quic_link import STREAMS, Link, connect  # noqa: PLC0415  it imports aioquic

    return ConnectionSession(connect, partial(Link, speak), most=STREAMS, exact=True).running()
