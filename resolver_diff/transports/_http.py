"""What a request for a DNS message and its response look like, whatever the version of HTTP (RFC 8484)."""

import base64
import re

from resolver_diff.transports import Endpoint
from resolver_diff.transports._words import shown

PATH = "/dns-query"
PORT = 443
MEDIA_TYPE = b"application/dns-message"
LARGEST = 65_535  # octets of a DNS message
TOO_LONG = f"the body is longer than {LARGEST} octets"
EMPTY = "the body is empty"
SUCCESS = re.compile(rb"2[0-9]{2}")  # statuses (RFC 9110 15.3)
LONGEST_STATUS = 10  # characters shown of what should have three

Headers = list[tuple[bytes, bytes]]


class Asking:
    """How messages are put to one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        host = endpoint.hostname or (f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address)
        authority = host if endpoint.port == PORT else f"{host}:{endpoint.port}"
        path = (endpoint.path or PATH).removesuffix("{?dns}").encode("ascii")
        self.posts = endpoint.method == "POST"
        self._path = path if self.posts else path + (b"&dns=" if b"?" in path else b"?dns=")
        self._head = [
            (b":method", endpoint.method.encode("ascii")),
            (b":scheme", b"https"),
            (b":authority", authority.encode("ascii")),
            (b"accept", MEDIA_TYPE),
            (b"user-agent", b"resolver_diff"),
        ]

    def path(self, message: bytes) -> bytes:
        """Return the path of the request, which in a GET is the query too."""
        return self._path if self.posts else self._path + base64.urlsafe_b64encode(message).rstrip(b"=")

    def rest(self, message: bytes) -> Headers:
        """Return all headers but the path; pseudo-headers come first."""
        if not self.posts:
            return self._head
        return [*self._head, (b"content-type", MEDIA_TYPE), (b"content-length", b"%d" % len(message))]


def fault(headers: Headers) -> str | None:
    """Say why a response with *headers* carries no DNS message; None when it may. Of equal ones the first counts."""
    found = {bytes(name).lower(): bytes(value) for name, value in reversed(headers)}
    status = found.get(b":status", b"")
    if not SUCCESS.fullmatch(status):
        to = found.get(b"location") if status.startswith(b"3") else None
        return f"HTTP {shown(status, LONGEST_STATUS)}" + (f" to {shown(to)}" if to else "")
    encoding = found.get(b"content-encoding", b"identity")
    if encoding.strip().lower() not in {b"identity", b""}:
        return f"content-encoding is {shown(encoding)}"
    kind = found.get(b"content-type")
    if kind is None:
        return "there is no content-type"
    if kind.partition(b";")[0].strip().lower() != MEDIA_TYPE:
        return f"content-type is {shown(kind)}"
    return None
