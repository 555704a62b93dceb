"""Whose addresses are, asked over DNS: the zones of Team Cymru, through the run's own controls.

https://www.team-cymru.com/ip-asn-mapping: ``4.3.2.1.origin.asn.cymru.com TXT`` is
``"64500 | 1.2.3.0/24 | DE | ripencc | 2001-02-03"``, and ``AS64500.asn.cymru.com TXT`` ends with its name. No
route on the Internet is longer than /24 or /48, so one address of each is asked for.
"""

import asyncio
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from resolver_diff import probe, snapshot
from resolver_diff.config import Config, DomainSet, Names, Resolver
from resolver_diff.origins import ZONE
from resolver_diff.origins.reading import shown
from resolver_diff.tables import Origins, Outcome, Purpose, TransportName
from resolver_diff.transports import Transport

V4, V6 = f"origin.{ZONE}", f"origin6.{ZONE}"
GROUPS = {4: 24, 6: 48}  # bits; no longer prefix is passed on between networks
DAY = date(2000, 1, 1)  # that the answers are filed under until they are read
MOST_CONTROLS = 4  # that are asked at once
WORTH = 50  # questions, for which another control is asked too
NUMBER = re.compile("[0-9]{1,10}")
SAFEST = (TransportName.TLS, TransportName.HTTPS, TransportName.QUIC, TransportName.H3, TransportName.TCP)
TRIED_AGAIN = frozenset((Outcome.TIMEOUT, Outcome.SERVFAIL, Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.MALFORMED))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Said:
    """What the zone says about an address: *why* there is no AS, where there is none."""

    asn: int | None
    prefix: Network | None
    why: str = ""


async def ask(
    addresses: Sequence[str], config: Config, controls: Sequence[Resolver], carriers: Mapping[str, Transport] | None
) -> Origins:
    """Return whose *addresses* are, a row each; what is not known is null, and ``source`` says why."""
    parsed = [ipaddress.ip_address(text) for text in addresses]
    groups: dict[Network, list[Address]] = {}
    for address in sorted(parsed, key=lambda each: (each.version, each)):
        groups.setdefault(_network(address), []).append(address)
    put = _Putting(config, controls, carriers)
    first = await put.about([members[0] for members in groups.values()])
    said: dict[Address, Said] = {}
    for members in groups.values():
        told = first[members[0]]
        covered = [each for each in members if told.prefix is None or each in told.prefix]
        said |= dict.fromkeys([members[0], *covered], told)
    said |= await put.about([address for address in parsed if address not in said])
    names = await put.names({told.asn for told in said.values() if told.asn is not None})
    rows = [_row(address, said[address], names) for address in parsed]
    return Origins.of(pl.DataFrame(rows, schema=Origins.schema, orient="row"))


def _row(address: Address, told: Said, names: Mapping[int, str | None]) -> tuple[object, ...]:
    zone = V4 if address.version == 4 else V6
    organisation = names.get(told.asn) if told.asn is not None else None
    prefix = str(told.prefix) if told.prefix is not None else None
    return str(address), told.asn, organisation, prefix, f"{zone} ({told.why})" if told.why else zone


def _network(address: Address) -> Network:
    return ipaddress.ip_network(f"{address}/{GROUPS[address.version]}", strict=False)


def question(address: Address) -> str:
    """Return the name that tells whose *address* is."""
    if isinstance(address, ipaddress.IPv4Address):
        return f"{'.'.join(reversed(str(address).split('.')))}.{V4}"
    return f"{'.'.join(reversed(address.exploded.replace(':', '')))}.{V6}"


def best_controls(config: Config, heard: pl.LazyFrame) -> list[Resolver]:
    """Return the controls that answered what they were asked, each once; best over what nobody can forge."""
    order = {name: place for place, name in enumerate(SAFEST)}
    entries: dict[str, Resolver] = {}
    for entry in sorted(config.resolvers, key=lambda each: order.get(each.transport, len(order))):
        if entry.role == "control" and entry.recursion:
            entries.setdefault(entry.name, entry)
    here = pl.col("resolver").is_in(list(entries)) & (pl.col("purpose") != Purpose.CANARY)
    answered = heard.filter(here).group_by("resolver").agg(share=(pl.col("outcome") == Outcome.ANSWER).mean()).collect()
    shares = dict(answered.rows())
    return sorted((entry for entry in entries.values() if shares.get(entry.name)), key=lambda each: -shares[each.name])


class _Putting:
    """Puts questions to controls: each to one of them, and to the next where that one has no reply."""

    def __init__(self, config: Config, controls: Sequence[Resolver], carriers: Mapping[str, Transport] | None) -> None:
        self.config = replace(
            config, control_names=(), qtypes=("TXT",), repeat=1, also=(), left_out=(), names_left_out=0
        )
        self.controls = controls
        self.carriers = carriers

    async def about(self, addresses: Sequence[Address]) -> dict[Address, Said]:
        """Return what is said about each of *addresses*."""
        replies = await self._replies([question(address) for address in addresses])
        return {address: _said(address, *replies[question(address)]) for address in addresses}

    async def names(self, asns: Iterable[int]) -> dict[int, str | None]:
        """Return the name of each Autonomous System, null where it has none."""
        asked = {f"as{asn}.{ZONE}": asn for asn in asns}
        replies = await self._replies(list(asked))
        return {asn: organisation(replies[name][1]) for name, asn in asked.items()}

    async def _replies(self, qnames: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """Return outcome and answer of each name."""
        found: dict[str, tuple[str, str | None]] = {}
        left = sorted(set(qnames))
        for turn in range(min(2, len(self.controls))):
            if not left:
                break
            several = max(1, min(MOST_CONTROLS, len(self.controls), -(-len(left) // WORTH)))
            shares = [left[place::several] for place in range(several)]
            parts = await asyncio.gather(
                *(self._ask(self._control(place + turn), share) for place, share in enumerate(shares))
            )
            for part in parts:
                found |= part
            left = [name for name in left if found[name][0] in TRIED_AGAIN]
        return found

    def _control(self, place: int) -> Resolver:
        return self.controls[place % len(self.controls)]

    async def _ask(self, control: Resolver, qnames: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        names = DomainSet("origins", "", Names.of(sorted(qnames)))
        config = replace(self.config, resolvers=(control,), domain_sets=(names,))
        with TemporaryDirectory(prefix="resolver-diff-") as folder:
            place = Path(folder) / "asked"
            await probe.take(config, folder=place, day=DAY, vantage="origins", carriers=self.carriers)
            (taken,) = snapshot.load(place, DAY)
        rows = taken.observations.filter(pl.col("purpose") == Purpose.TARGET, pl.col("reply").fill_null(0) == 0)
        last = rows.sort("attempt").group_by("qname").last()
        replies = {row["qname"]: (str(row["outcome"]), row["answer"]) for row in last.iter_rows(named=True)}
        return {name: replies.get(name, (str(Outcome.TIMEOUT), None)) for name in qnames}


def _said(address: Address, outcome: str, answer: str | None) -> Said:
    """Return what the TXT records about *address* say: the longest prefix counts, if it has one origin."""
    if answer is None:
        return Said(None, None, outcome)
    found: dict[Network, set[int]] = {}
    for text in texts(answer):
        fields = [part.strip() for part in text.split("|")]
        try:
            prefix = ipaddress.ip_network(fields[1])
            origins = {int(word) for word in fields[0].split() if NUMBER.fullmatch(word) and 0 < int(word) < 1 << 32}
        except (IndexError, ValueError):
            continue
        if address in prefix:
            found.setdefault(prefix, set()).update(origins)
    if not found:
        return Said(None, None, "malformed")
    longest = max(found, key=lambda each: each.prefixlen)
    origins = found[longest]
    why = "" if len(origins) == 1 else "several origins" if origins else "no origin"
    return Said(next(iter(origins)) if len(origins) == 1 else None, longest, why)


def organisation(answer: str | None) -> str | None:
    """Return the name in ``64500 | DE | ripencc | 2001-02-03 | EXAMPLE, DE``; None where there is none."""
    for text in texts(answer or ""):
        fields = text.split("|", 4)
        if len(fields) == 5 and fields[0].strip().isdecimal():
            return shown(fields[4].strip()) or None
    return None


def texts(answer: str) -> list[str]:
    """Return the strings of TXT records, as the column ``answer`` has them; those of one record joined."""
    records = []
    for record in answer.split(" "):
        parts = re.findall(r'"((?:[^"\\]|\\.)*)"', record.replace("\\032", " "))
        octets = re.sub(r"\\(\d{3}|.)", lambda found: _octet(found[1]), "".join(parts))
        records.append(octets.encode("latin-1", "replace").decode("utf-8", "replace"))
    return records


def _octet(escaped: str) -> str:
    return chr(int(escaped) & 0xFF) if len(escaped) == 3 else escaped
