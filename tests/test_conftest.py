"""The net below all other tests holds."""

import asyncio
import socket

import pytest

ELSEWHERE = ("192.0.2.1", 53)  # RFC 5737: nobody lives there, should the net ever fail


def test_a_connection_elsewhere_is_refused(departures: list[str]) -> None:
    """Connecting a socket to another machine fails, and is noted."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(PermissionError):
        sock.connect(ELSEWHERE)
    assert departures.pop() == "socket.connect to '192.0.2.1'"


def test_a_datagram_elsewhere_is_refused(departures: list[str]) -> None:
    """Sending one datagram to another machine fails, also from an unconnected socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(PermissionError):
        sock.sendto(b"", ELSEWHERE)
    assert departures.pop() == "socket.sendto to '192.0.2.1'"


def test_a_name_is_not_looked_up(departures: list[str]) -> None:
    """Asking the system's resolver for a name fails: it would leave the machine."""
    with pytest.raises(PermissionError):
        socket.getaddrinfo("name.example", 53)
    assert departures.pop() == "socket.getaddrinfo to 'name.example'"


async def test_asyncio_is_held_too(departures: list[str]) -> None:
    """A library's connection is caught as well as our own."""
    with pytest.raises(PermissionError):
        await asyncio.open_connection(*ELSEWHERE)
    assert departures.pop() == "socket.connect to '192.0.2.1'"


def test_this_machine_can_be_reached() -> None:
    """Loopback stays open, over IPv4 and by the name localhost."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        server.bind(("localhost", 0))
        sock.sendto(b"here", server.getsockname())
        assert server.recv(4) == b"here"
