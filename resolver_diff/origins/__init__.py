"""Whose the addresses are that somebody answered with, looked up once, when the snapshot is taken.

Reference data are pinned to the day: an address that changes hands next year was somebody's on the day it
was given. Three sources: a file of the user's, the database installed by ``data update``, or DNS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from resolver_diff.config import Config
from resolver_diff.config.qnames import is_address
from resolver_diff.errors import UsageError
from resolver_diff.origins import installed, ranges
from resolver_diff.origins.reading import Database, read
from resolver_diff.tables import Origins, Purpose
from resolver_diff.transports import Transport

DNS, NONE = "dns", "none"
ZONE = "asn.cymru.com"  # of Team Cymru, who answer whose an address is
ADDRESSES = ("A", "AAAA")


class Source(Protocol):
    """Where it is looked up whose an address is."""

    @property
    def about(self) -> str:
        """What it is, in words."""

    async def look_up(self, addresses: pl.Series, config: Config, heard: pl.LazyFrame) -> Origins:
        """Return whose *addresses* are, a row each; *heard* is what the resolvers of *config* have said."""


@dataclass(frozen=True, slots=True)
class FromFile:
    """A database on this machine."""

    database: Database

    @property
    def about(self) -> str:
        """What it is, in words."""
        return self.database.called

    async def look_up(self, addresses: pl.Series, config: Config, heard: pl.LazyFrame) -> Origins:  # noqa: ARG002
        """Return whose *addresses* are."""
        return ranges.look_up(addresses, self.database.ranges, self.database.called)


@dataclass(frozen=True, slots=True)
class OverDns:
    """Team Cymru's zones, through the controls."""

    carriers: Mapping[str, Transport] | None = None

    @property
    def about(self) -> str:
        """What it is, in words."""
        return f"{ZONE}, through the controls"

    async def look_up(self, addresses: pl.Series, config: Config, heard: pl.LazyFrame) -> Origins:
        """Return whose *addresses* are; no row when there is no control to ask."""
        from resolver_diff.origins import asking  # noqa: PLC0415  (it can take snapshots, which few who ask for origins do)

        controls = asking.best_controls(config, heard)
        if not controls or config.opt_out.has_name(ZONE):
            return Origins.empty()
        return await asking.ask(addresses.to_list(), config, controls, self.carriers)


def source(wanted: str | None, config: Config) -> Source | None:
    """Return where origins are looked up: as *wanted* (``dns``, ``none`` or a file), or resolvers.yaml, says.

    Without a word from either it is the installed database, and nothing where there is none: DNS would tell
    somebody else what was answered. Raises UsageError when a file cannot be read.
    """
    word = wanted if wanted is not None else config.origins
    if word == NONE:
        return None
    if word == DNS:
        return OverDns()
    if word is not None:
        if not Path(word).is_file():
            hint = "`dns`, `none`, or a file: MMDB, CSV, TSV or pfx2as"
            raise UsageError(f"there is no file `{word}` to take origins from", hint=hint)
        return FromFile(read(Path(word)))
    there = installed.load()
    return FromFile(there) if there is not None else None


def told(wanted: str | None, config: Config) -> str:
    """Say what ``source`` would do, without reading any database."""
    word = wanted if wanted is not None else config.origins
    if word == DNS:
        return f"Whose the answered addresses are would be asked over DNS: {ZONE} would learn what was answered."
    if word is None and installed.file().exists():
        word = str(installed.file())
    if word is None or word == NONE:
        return "It would not be looked up whose the answered addresses are."
    lacks = "" if Path(word).is_file() else ", which is not there"
    return f"Whose the answered addresses are would be looked up in {word}{lacks}."


def answered(heard: pl.LazyFrame) -> pl.Series:
    """Return the distinct addresses that *heard* answers targets with, and by which resolvers are seen; sorted.

    Those that cannot be on the public Internet are nobody's, and left out.
    """
    from resolver_diff.compare.special import PERHAPS, special  # noqa: PLC0415  (all of compare/, before anything is asked)

    target = (pl.col("purpose") == Purpose.TARGET) & pl.col("qtype").is_in(ADDRESSES)
    egress = (pl.col("purpose") == Purpose.IDENTITY) & pl.col("qtype").is_in([*ADDRESSES, "TXT"])
    given = heard.filter((target | egress) & pl.col("answer").is_not_null())
    rdata = given.select("purpose", "qtype", "answer").unique().with_columns(pl.col("answer").str.split(" "))
    texts = rdata.explode("answer").with_columns(pl.col("answer").str.strip_chars('"')).unique().collect()
    said = texts.filter(pl.col("qtype") != "TXT")["answer"]
    shown = [text for text in texts.filter(pl.col("qtype") == "TXT")["answer"].to_list() if is_address(text)]
    every = pl.concat([said, pl.Series("answer", shown, dtype=pl.String)]).unique().sort()
    perhaps = every.filter(every.str.contains(PERHAPS))
    bad = pl.Series([text for text in perhaps.to_list() if special(text)], dtype=pl.String)
    return every.filter(~every.is_in(bad.implode())).alias("address")
