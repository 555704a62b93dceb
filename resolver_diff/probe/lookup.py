"""Host names of resolvers -> their addresses, as this machine's own resolver gives them, when a run starts."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from resolver_diff.config import LeftOut, Resolver, Why

SECONDS = 15.0  # for all names together; the system itself gives up on one after 10 to 30


async def locate(resolvers: Sequence[Resolver]) -> tuple[tuple[Resolver, ...], tuple[LeftOut, ...]]:
    """Return *resolvers* with the addresses of those that have a host name only, and the ones that have none.

    Each name is looked up once. Of several addresses of the kind that the system prefers
    (RFC 6724), the lowest is taken, so that a run which is resumed asks the same machine.
    """
    names = list(dict.fromkeys(resolver.address for resolver in resolvers if not resolver.located))
    found = dict(zip(names, await asyncio.gather(*map(_find, names)), strict=True))
    located, lost = [], []
    for resolver in resolvers:
        address, trouble = found.get(resolver.address, (resolver.address, ""))
        if address:
            located.append(resolver.model_copy(update={"address": address}))
        else:
            says = f"{resolver.address}: {trouble}"
            lost.append(LeftOut(resolver.name, str(resolver.transport), Why.NOT_FOUND, says))
    return tuple(located), tuple(lost)


async def _find(name: str) -> tuple[str, str]:
    """Return the address of *name*, or nothing and what the trouble is."""
    asking = asyncio.get_running_loop().getaddrinfo(name, 0, type=socket.SOCK_DGRAM)
    try:
        found = await asyncio.wait_for(asking, SECONDS)
    except TimeoutError:
        return "", f"no answer within {SECONDS:g} s"
    except (OSError, UnicodeError) as error:
        return "", getattr(error, "strerror", None) or str(error)
    preferred = [str(place[0]) for family, _, _, _, place in found if family == found[0][0]]
    return (min(preferred, key=ipaddress.ip_address), "") if preferred else ("", "it has no address")
