"""Addresses as people write them -> the keys of an entry: URLs, DNS stamps, the system's own resolvers.

tls://9.9.9.9                           transport: tls, address: 9.9.9.9
https://dns.google/dns-query            transport: https, hostname: dns.google, path: /dns-query
quic://[2a10:50c0::1:ff]:853            transport: quic, address: 2a10:50c0::1:ff, port: 853
sdns://AAYAAAAAAAAACTE5Mi4wLjIuMQ       what is in the stamp
system                                  what /etc/resolv.conf names
"""

import re
from dataclasses import dataclass, field

from resolver_diff.config import stamps
from resolver_diff.config.model import RefusedError, host_name, ip_address, is_ip
from resolver_diff.tables import TransportName

SYSTEM = "system"
SYSTEM_FILE = "/etc/resolv.conf"
URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(\[[^\]]*\]|[^/?#:\[\]]*)(?::([0-9]*))?([/?#].*)?")
PLACE = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?")
TEMPLATE = "{?dns}"  # what RFC 8484 4.1.1 expands; its own documents write DoH resolvers so
MEANT = {
    "dot": "tls",
    "doh": "https",
    "doq": "quic",
    "doh3": "h3",
    "http3": "h3",
    "http": "https",
    "dns": "udp",
}
HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Written:
    """What a URL or a stamp says, under the keys of an entry that say the same."""

    host: str  # an IP address, or a name that the address is to be found by
    keys: dict[str, str | int] = field(default_factory=dict)  # transport, port, hostname, path; what it says only
    hashes: int = 0  # of certificates, that nobody checks


def is_written(text: object) -> bool:
    """Say whether *text* is meant to be a URL or a stamp."""
    return isinstance(text, str) and "://" in text


def parse(text: str) -> Written:
    """Return what a URL or a stamp says; raises RefusedError when it says nothing that can be asked."""
    found = URL.fullmatch(text)
    scheme = text.partition("://")[0].lower()
    if scheme == stamps.SCHEME:
        return _of_stamp(stamps.decode(text))
    if scheme not in set(TransportName):
        known = ", ".join(f"`{name}://`" for name in sorted(TransportName))
        meant = f"write `{MEANT[scheme]}://`; " if scheme in MEANT else ""
        raise RefusedError("not a URL of a resolver", f"{meant}there are {known} and `sdns://`")
    if found is None:
        raise RefusedError("not a URL of a resolver", "an IPv6 address stands in brackets: `tls://[2620:fe::fe]:853`")
    transport = TransportName(scheme)
    host, port, path = _host(found[2]), _port(found[3]), _path(transport, found[4] or "")
    return Written(host, _keys(transport, host, port, path))


def _of_stamp(stamp: stamps.Stamp) -> Written:
    """Return what a stamp says: the address, or the host name to find it by, and whose certificate it must be."""
    name, port = _split(stamp.hostname)
    address, port_of_address = _split(stamp.address)
    if port and port_of_address and port != port_of_address:
        raise RefusedError("not a DNS stamp", f"it says two ports, {port_of_address} and {port}")
    if not (address or name):
        raise RefusedError("not a DNS stamp", "it names nobody")
    path = _path(stamp.transport, stamp.path) if stamp.path else None
    host = _host(address or name)
    keys = _keys(stamp.transport, _host(name) if name else host, port_of_address or port, path)
    return Written(host, keys, len(stamp.hashes))


def _keys(transport: TransportName, host: str, port: int | None, path: str | None) -> dict[str, str | int]:
    keys: dict[str, str | int] = {"transport": str(transport)}
    if port is not None:
        keys["port"] = port
    if not is_ip(host) and transport not in (TransportName.UDP, TransportName.TCP):
        keys["hostname"] = host
    if path is not None:
        keys["path"] = path
    return keys


def _split(text: str) -> tuple[str, int | None]:
    """Return host and port of a place in a stamp; either may be missing."""
    found = PLACE.fullmatch(text)
    if found is None:
        raise RefusedError("not a DNS stamp", "an IPv6 address stands in brackets in it")
    return found[1], _port(found[2])


def _host(text: str) -> str:
    """Return an IP address, or a host name, in canonical form."""
    if not text:
        raise RefusedError("not a URL of a resolver", "there is no host in it")
    if text.startswith("["):
        return ip_address(text[1:-1])
    if "@" in text:
        raise RefusedError("not a URL of a resolver", "resolvers know no users: take away what is before the `@`")
    return ip_address(text) if re.fullmatch(r"[0-9.]+", text) else host_name(text)


def _port(text: str | None) -> int | None:
    if not text:
        return None
    if not 1 <= int(text[:6]) <= HIGHEST_PORT:
        raise RefusedError("not a URL of a resolver", f"a port is a number from 1 to {HIGHEST_PORT}")
    return int(text)


def _path(transport: TransportName, text: str) -> str | None:
    """Return the path behind a host; None where there is none."""
    path = text.removesuffix(TEMPLATE)
    if transport in (TransportName.HTTPS, TransportName.H3):
        if not re.fullmatch(r"(?:/[!-~]*)?", path) or "?" in path or "#" in path:
            raise RefusedError(
                "not a URL of a resolver", "a path like `/dns-query` is all that may stand behind the host"
            )
        return path or None
    if path not in ("", "/"):
        raise RefusedError("not a URL of a resolver", f"nothing may stand behind the host over {transport}")
    return None


def system(file: str | None = None) -> tuple[str, ...]:
    """Return the addresses of the resolvers that this system uses, as *file* names them.

    Windows is asked for them, and has no file. Raises RefusedError when there is none.
    """
    import dns.exception  # noqa: PLC0415 - as below
    import dns.resolver  # noqa: PLC0415 - it brings what only those who ask for the system's resolvers need

    file = SYSTEM_FILE if file is None else file
    hint = f"{file} needs lines like `nameserver 192.0.2.53`"
    try:
        found = dns.resolver.Resolver(filename=file, configure=True).nameservers
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise RefusedError(f"the system's resolvers cannot be found: {file}: {error}", hint) from None
    return tuple(dict.fromkeys(str(each) for each in found))
