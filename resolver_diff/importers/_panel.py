"""Who was asked, as a table of measurements tells it -> entries as a snapshot's metadata has them."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from resolver_diff.config import Resolver
from resolver_diff.tables import TransportName

LONGEST = 63  # characters of a resolver's name
UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
ROLES = {"control": "control", "national": "register", "register": "register", "isp": "isp"}  # all others are public
POLICIES = {"family": "family", "adblock": "ads", "ads": "ads", "malware": "malware", "national": "national"}
TRANSPORTS = {
    "tcp": TransportName.TCP,
    "dot": TransportName.TLS,
    "tls": TransportName.TLS,
    "doh": TransportName.HTTPS,
    "https": TransportName.HTTPS,
    "doh3": TransportName.H3,
    "h3": TransportName.H3,
    "doq": TransportName.QUIC,
    "quic": TransportName.QUIC,
}
NOWHERE = "invalid"  # RFC 6761 6.4: a name that stands for no address


def names(ids: Iterable[str]) -> dict[str, str]:
    """Return what each resolver is called here: its id where that is a name, else the nearest that is one."""
    found: dict[str, str] = {}
    used: set[str] = set()
    for text in sorted(ids, key=lambda text: (bool(UNFIT.search(text)), text)):
        stem = UNFIT.sub("-", text).strip("-._")[:LONGEST] or "resolver"
        name, turn = stem, 1
        while name in used:
            turn += 1
            name = f"{stem[: LONGEST - len(str(turn)) - 1]}-{turn}"
        used.add(name)
        found[text] = name
    return found


def transport(text: str | None) -> TransportName:
    """Return how a query was carried; UDP where it is not said, or in words that name no transport."""
    return TRANSPORTS.get(text or "", TransportName.UDP)


@dataclass(frozen=True, slots=True)
class Panel:
    """What is known of the resolvers of a table, by their ids: *facts* has the columns of its resolvers.csv."""

    facts: dict[str, dict[str, Any]]
    organisations: dict[str, str]  # of addresses

    @classmethod
    def of(cls, rows: pl.DataFrame, organisations: dict[str, str] | None = None) -> "Panel":
        """Read rows with *resolver_id* and whatever else there is of ip, country, asn, role, kind, policy."""
        return cls({row["resolver_id"]: row for row in rows.iter_rows(named=True)}, organisations or {})

    def entry(self, known_as: str, name: str, over: TransportName) -> Resolver:
        """Return the entry for the resolver with the id *known_as*."""
        told = self.facts.get(known_as, {})
        kind, address = str(told.get("kind") or "").lower(), str(told.get("ip") or "")
        role = ROLES.get(str(told.get("role") or "").lower()) or ROLES.get(kind, "public")
        policy = POLICIES.get(str(told.get("policy") or "").lower()) or POLICIES.get(kind, "unfiltered")
        country = str(told.get("country") or "").upper()
        return entry_of(
            name=name,
            address=_address(address, name),
            transport=over,
            operator=self._operator(told.get("asn"), address),
            country=country if re.fullmatch("[A-Z]{2}", country) else None,
            role=role,
            policy=policy,
            tags=() if name == known_as else (known_as,),
        )

    def _operator(self, asn: object, address: str) -> str | None:
        """Return who runs it, as far as an Autonomous System tells: several of one system are one voter."""
        if not asn:
            return None
        organisation = self.organisations.get(address)
        return f"{organisation} (AS{asn})" if organisation else f"AS{asn}"


def entry_of(**facts: Any) -> Resolver:
    """Return the entry; without what its model refuses of what others wrote."""
    try:
        return Resolver(**facts)
    except ValidationError as error:
        refused = {str(each["loc"][0]) for each in error.errors() if each["loc"]} - {"name", "address"}
        kept = {key: value for key, value in facts.items() if key not in refused}
        return Resolver(**{**kept, "address": _nowhere(facts["name"])})


def _address(text: str, name: str) -> str:
    """Return an address in canonical form; where there is none, a name that no address has."""
    bare = re.sub(r":53$", "", text) if text.count(":") == 1 else text
    try:
        address = ip_address(bare)
    except ValueError:
        return _nowhere(name)
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        return _nowhere(name)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return _nowhere(name) if getattr(address, "scope_id", None) else str(address)


def _nowhere(name: str) -> str:
    return f"{re.sub('[^a-z0-9-]+', '-', name.lower()).strip('-')}.{NOWHERE}"


def set_name(stem: str) -> str:
    """Return what the files are called: as the folder or file, where a domain set can be called that."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in stem)
    return kept.strip("._-") or "observations"


def sha256(file: Path) -> str:
    """Return the hash of *file*, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
