"""Addresses that cannot be on the public Internet: the IANA special-purpose address registries.

https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry:
the blocks that are not globally reachable, and multicast, which no name's address is.
"""

import ipaddress
from bisect import bisect_right
from functools import lru_cache

IPV4 = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
    "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
)
IPV6 = (
    "::/127 64:ff9b:1::/48 100::/64 2001:2::/48 2001:10::/28 2001:db8::/32 3fff::/20 5f00::/16 fc00::/7 fe80::/10 "
    "fec0::/10 ff00::/8"
)
KEPT = 1 << 20  # addresses: the same ones come back on every date
PERHAPS = r"^(0|10|100|127|169|172|192|198|203|22[4-9]|2[345]\d)\.|^(::|64:|100:|200[12]:|3fff:|5f|f)"  # a quick look
TEREDO = ipaddress.IPv6Network("2001::/32")  # RFC 4380: made by a client for itself; no server is there
SIX_TO_FOUR = ipaddress.IPv6Network(
    "2002::/16"
)  # RFC 3056; the relays are gone (RFC 7526), but the address inside tells
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: a resolver with DNS64 makes these for its own clients


def _spans(networks: str) -> tuple[list[int], list[int]]:
    ranges = sorted(ipaddress.ip_network(text) for text in networks.split())  # one version each
    return [int(one[0]) for one in ranges], [int(one[-1]) for one in ranges]


SPANS = {4: _spans(IPV4), 6: _spans(IPV6)}


@lru_cache(KEPT)
def special(text: str) -> bool:
    """Tell whether an address is special; false for what is no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return _within(int(address), 4)
    if address in TEREDO:
        return True
    inside = address.ipv4_mapped or (address.sixtofour if address in SIX_TO_FOUR else None)
    if address in TRANSLATED:
        inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if inside is not None:
        return _within(int(inside), 4)
    return _within(int(address), 6)


def _within(number: int, version: int) -> bool:
    firsts, lasts = SPANS[version]
    place = bisect_right(firsts, number) - 1
    return place >= 0 and number <= lasts[place]
