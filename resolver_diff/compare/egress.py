"""From where a resolver's own queries leave for the Internet, as names that answer with the asker's address tell."""

import ipaddress
from dataclasses import dataclass

import polars as pl

from resolver_diff.compare.pools import prefix
from resolver_diff.config.qnames import is_address
from resolver_diff.tables import Outcome, Purpose

WIDE = {4: 16, 6: 32}  # bits; of two addresses in one such block none is called foreign where no more is known


@dataclass(frozen=True, slots=True, order=True)
class Exit:
    """One address that queries leave from, and whose it is, as far as that is known."""

    address: str
    asn: int | None = None
    organisation: str | None = None

    def __str__(self) -> str:
        return f"{self.address} (AS{self.asn})" if self.asn is not None else self.address

    @property
    def wide(self) -> str:
        """The /16 or /32 it lies in."""
        bits = WIDE[ipaddress.ip_address(self.address).version]
        return str(ipaddress.ip_network(f"{self.address}/{bits}", strict=False))

    def is_comparable(self, other: "Exit") -> bool:
        """Tell whether the two can be told to lie in one network, or in two."""
        known = self.asn is not None and other.asn is not None
        return known or (":" in self.address) == (":" in other.address)

    def is_near(self, other: "Exit") -> bool:
        """Tell whether they may be of one operator: one block, one system, or one organisation."""
        system = self.asn is not None and self.asn == other.asn
        owner = self.organisation is not None and self.organisation == other.organisation
        return system or owner or self.wide == other.wide

    def is_beside(self, other: "Exit") -> bool:
        """Tell whether they are of one network, narrowly: one /24 or /48, or one system."""
        system = self.asn is not None and self.asn == other.asn
        return system or prefix(self.address) == prefix(other.address)


def exits(observations: pl.DataFrame, entries: pl.DataFrame, origins: pl.DataFrame) -> dict[int, list[Exit]]:
    """Return the exits of each entry (r), sorted; *origins* has the columns of ``Origins``."""
    asked = (pl.col("purpose") == Purpose.IDENTITY) & (pl.col("outcome") == Outcome.ANSWER)
    rows = observations.filter(asked, pl.col("answer").is_not_null())
    rows = rows.select(
        pl.col("resolver").cast(pl.String),
        "transport",
        address=pl.col("answer").cast(pl.String).str.split(" ").list.eval(pl.element().str.strip_chars('"')),
    ).explode("address")
    rows = rows.join(entries.select("r", "resolver", "transport"), on=["resolver", "transport"]).unique()
    known = origins.select("address", "asn", "organisation").unique("address")
    rows = rows.join(known, on="address", how="left").sort("r", "address")
    found: dict[int, list[Exit]] = {}
    for r, address, asn, organisation in rows.select("r", "address", "asn", "organisation").iter_rows():
        if is_address(address):
            found.setdefault(r, []).append(Exit(address, asn, organisation))
    return found
