"""Who and what is not asked, because somebody does not want it: a list of addresses, prefixes and names.

192.0.2.53          # one a line; a comment begins with `#`
2001:db8::/32       # every address in it
example.org         # the name, and every name below it
"""

import ipaddress
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from resolver_diff.config.qnames import BadNameError, is_address, qname
from resolver_diff.config.text import Notes, Source

LONGEST = 8 * 2**20  # octets; some 500,000 lines


@dataclass(frozen=True)
class OptOut:
    """The addresses that are not asked, and the names that are asked of nobody."""

    networks: frozenset[ipaddress.IPv4Network | ipaddress.IPv6Network] = frozenset()
    names: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.networks or self.names)

    def __or__(self, other: "OptOut") -> "OptOut":
        return OptOut(self.networks | other.networks, self.names | other.names)

    def covering(self, address: str) -> str | None:
        """Return the widest prefix of the list that *address*, an IP address, lies in; None when there is none."""
        for length in self._lengths:
            network = ipaddress.ip_network(f"{address}/{length}", strict=False) if length <= _bits(address) else None
            if network in self.networks:
                return str(network)
        return None

    def has_name(self, name: str) -> bool:
        """Say whether *name*, or one above it, is on the list."""
        labels = name.split(".")
        return any(".".join(labels[first:]) in self.names for first in range(len(labels)))

    def without(self, names: pl.Series) -> pl.Series:
        """Return *names* less those that are on the list, or below a name that is."""
        listed = pl.Series(sorted(self.names), dtype=pl.String)
        here = pl.col("name")
        kept = names.alias("name").to_frame()
        for depth in sorted({name.count(".") for name in self.names}):
            above = here.str.extract(rf"((?:[^.]+\.){{{depth}}}[^.]+)$")
            kept = kept.filter(~above.is_in(listed.implode()).fill_null(value=False))
        return kept["name"].alias(names.name)

    @cached_property
    def _lengths(self) -> list[int]:
        return sorted({network.prefixlen for network in self.networks})


def _bits(address: str) -> int:
    return 128 if ":" in address else 32


def read(source: Source, notes: Notes) -> OptOut:
    """Return what the lines of *source* list; what is wrong is noted and left out."""
    networks: set[ipaddress.IPv4Network | ipaddress.IPv6Network] = set()
    names: set[str] = set()
    for number, line in enumerate(source.lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        column = len(line) - len(line.lstrip()) + 1
        try:
            if _is_network(text):
                networks.add(ipaddress.ip_network(text))
            else:
                names.add(qname(text))
        except BadNameError as bad:
            notes.mistake(bad.message, source.place(number, column + bad.offset), bad.hint)
        except ValueError:
            hint = "an address, or a prefix whose other bits are 0: `192.0.2.0/24`, `2001:db8::/32`"
            notes.mistake(f"not a prefix: `{text[:80]}`", source.place(number, column), hint)
    return OptOut(frozenset(networks), frozenset(names))


def _is_network(text: str) -> bool:
    """Say whether *text* is meant to be an address or a prefix, and not a name."""
    host, slash, length = text.partition("/")
    return bool(slash and length.isdecimal()) or is_address(host)
