"""Whose address is it: ranges that do not overlap, and addresses looked up in them, a column at a time.

Every address is a number of 128 bits, an IPv4 address that of ``::ffff:0:0/96`` (RFC 4291 2.5.5.2), in
two columns of 64, as polars and Parquet hold them; to be compared they are 16 octets, most significant first.
"""

import ipaddress
import socket
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff.tables import Column, Origins, Table

MAPPED = bytes(10) + b"\xff\xff"  # what an IPv4 address has before it
V4_BITS = 96  # before the first of an IPv4 address
OCTETS = "S16"  # compared octet by octet, which for numbers of one length is by size
HALF = 64

Numbers = NDArray[np.uint64]  # (n, 2): the high and the low half


class Ranges(Table):
    """A database of whose addresses are: ranges that do not overlap, in order; each address in two halves."""

    first_high = Column(pl.UInt64(), "The first address: its high half.")
    first_low = Column(pl.UInt64(), "The first address: its low half.")
    last_high = Column(pl.UInt64(), "The last address: its high half.")
    last_low = Column(pl.UInt64(), "The last address: its low half.")
    length = Column(
        pl.UInt8(),
        "Bits of the announced prefix, of 128; null where the source has ranges and no prefixes.",
        nullable=True,
    )
    asn = Column(pl.UInt32(), "Number of the Autonomous System that announces it; null: several do.", nullable=True)
    organisation = Column(pl.String(), "Who that system belongs to, as the source names it.", nullable=True)


def numbers(addresses: Sequence[str | None]) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return *addresses* as numbers, and which of them are addresses; the others are 0."""
    octets = [_octets(text) for text in addresses]
    good = np.fromiter((each is not None for each in octets), np.bool_, len(octets))
    joined = b"".join(each or bytes(16) for each in octets)
    return np.frombuffer(joined, ">u8").astype(np.uint64).reshape(-1, 2), good


def _octets(text: str | None) -> bytes | None:
    try:
        if text is None or ":" not in text:
            return MAPPED + socket.inet_pton(socket.AF_INET, text or "")
        return socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        return None


def last_of(first: Numbers, length: NDArray[np.integer]) -> Numbers:
    """Return the last number of each prefix that begins at *first* and has *length* bits, of 128."""
    return first | ~_mask(length)


def first_of(within: Numbers, length: NDArray[np.integer]) -> Numbers:
    """Return the first number of the prefix of *length* bits that each of *within* lies in."""
    return within & _mask(length)


def _mask(length: NDArray[np.integer]) -> Numbers:
    """Return numbers of which the first *length* bits are set."""
    ones = np.uint64(2**HALF - 1)
    bits = np.stack([np.clip(length, 0, HALF), np.clip(length.astype(np.int64) - HALF, 0, HALF)], axis=1)
    shift = (HALF - bits).astype(np.uint64)
    return np.where(bits == 0, np.uint64(0), ones << np.minimum(shift, np.uint64(HALF - 1)))


def comparable(given: Numbers) -> NDArray[np.bytes_]:
    """Return numbers as octets that are in the same order."""
    return np.ascontiguousarray(given.astype(">u8")).view(OCTETS).reshape(-1)


def halves(ranges: pl.DataFrame, end: str) -> Numbers:
    """Return the *end* (``first`` or ``last``) of each range as numbers."""
    return np.stack([ranges[f"{end}_high"].to_numpy(), ranges[f"{end}_low"].to_numpy()], axis=1)


def disjoint(first: Numbers, last: Numbers, facts: pl.DataFrame) -> Ranges:
    """Return *facts* (columns length, asn, organisation) of ranges as ranges that do not overlap.

    Of two that do, the one within the other holds, which is how routes are chosen; of two that
    begin and end together and name several Autonomous Systems, neither: the AS is null.
    """
    names = ("first_high", "first_low", "last_high", "last_low")
    halves_of = np.concatenate([first, last], axis=1)
    frame = facts.with_columns(pl.Series(name, halves_of[:, place]) for place, name in enumerate(names))
    several = pl.col("asn").n_unique() > 1
    if frame.select(names).is_duplicated().any():
        one = [pl.when(~several).then(pl.col(name).first()).alias(name) for name in ("asn", "organisation")]
        frame = frame.group_by(names, maintain_order=True).agg(pl.col("length").first(), *one)
    frame = frame.sort(*names, descending=[False, False, True, True])
    begins, ends = comparable(halves(frame, "first")), comparable(halves(frame, "last"))
    if (begins[1:] <= ends[:-1]).any():
        frame = _cut(frame)
    return Ranges.of(frame)


def _cut(frame: pl.DataFrame) -> pl.DataFrame:
    """Cut ranges, which are sorted, the wider ones first, where others begin within them."""
    ends = [_integers(halves(frame, end)) for end in ("first", "last")]
    rows: list[int] = []
    pieces: list[tuple[int, int]] = []
    open_ones: list[tuple[int, int]] = []  # last number and row; each within the one before
    at = 0

    def close(before: int) -> None:
        """Write what is left of the innermost range below *before*."""
        nonlocal at
        last, row = open_ones[-1]
        if at <= min(last, before - 1):
            rows.append(row)
            pieces.append((at, min(last, before - 1)))
            at = min(last, before - 1) + 1

    for row, (begin, end) in enumerate(zip(*ends, strict=True)):
        while open_ones and open_ones[-1][0] < end:
            close(begin)
            open_ones.pop()
        if open_ones:
            close(begin)
        at = max(at, begin)
        open_ones.append((end, row))
    while open_ones:
        close(2**128)
        open_ones.pop()
    first, last = (_from_integers([piece[side] for piece in pieces]) for side in (0, 1))
    names = ("first_high", "first_low", "last_high", "last_low")
    cut = np.concatenate([first, last], axis=1)
    return frame[rows].with_columns(pl.Series(name, cut[:, place]) for place, name in enumerate(names))


def _integers(given: Numbers) -> list[int]:
    return [high << HALF | low for high, low in given.tolist()]


def _from_integers(given: list[int]) -> Numbers:
    octets = b"".join(number.to_bytes(16, "big") for number in given)
    return np.frombuffer(octets, ">u8").astype(np.uint64).reshape(-1, 2)


def look_up(addresses: pl.Series, ranges: Ranges, source: str) -> Origins:
    """Return whose *addresses* are, a row each; what no range holds, and what is no address, is null."""
    known = ranges.frame
    if known.is_empty():
        return Origins.of(addresses.alias("address").to_frame().with_columns(source=pl.lit(source)))
    asked, good = numbers(addresses.to_list())
    keys = comparable(asked)
    order = np.argsort(keys)  # neighbours are found where their neighbours were
    place = np.full(len(keys), -1, np.int64)
    place[order] = np.searchsorted(comparable(halves(known, "first")), keys[order], side="right") - 1
    found = (place >= 0) & good & (keys <= comparable(halves(known, "last"))[place])
    row = pl.Series(np.where(found, place, 0)).set(~pl.Series(found), None)
    taken = {name: known[name].gather(row) for name in ("asn", "organisation", "length")}
    prefix = _prefixes(asked, taken["length"])
    columns = {"address": addresses, "asn": taken["asn"], "organisation": taken["organisation"], "prefix": prefix}
    return Origins.of(pl.DataFrame(columns).with_columns(source=pl.lit(source)))


def _prefixes(within: Numbers, length: pl.Series) -> pl.Series:
    """Return as text the prefix of *length* bits that each address lies in; null where *length* is."""
    first = first_of(within, length.fill_null(0).to_numpy())
    frame = pl.DataFrame({"high": first[:, 0], "low": first[:, 1], "length": length})
    distinct = frame.unique().drop_nulls()
    texts = [_prefix_text(high << HALF | low, bits) for high, low, bits in distinct.rows()]
    named = distinct.with_columns(prefix=pl.Series(texts, dtype=pl.String))
    return frame.join(named, on=["high", "low", "length"], how="left", maintain_order="left")["prefix"]


def _prefix_text(number: int, length: int) -> str:
    if number >> 32 == 0xFFFF and length >= V4_BITS:
        return f"{ipaddress.IPv4Address(number & 0xFFFFFFFF)}/{length - V4_BITS}"
    return f"{ipaddress.IPv6Address(number)}/{length}"


def coverage(ranges: Ranges) -> dict[str, float]:
    """Return the share of IPv4 addresses, and of IPv6 addresses of 2000::/3, that ranges with an AS hold."""
    known = ranges.frame.filter(pl.col("asn").is_not_null())
    first, last = halves(known, "first"), halves(known, "last")
    is_v4 = (first[:, 0] == 0) & (first[:, 1] >> np.uint64(32) == 0xFFFF)
    in_v4 = int((last[is_v4, 1] - first[is_v4, 1]).sum()) + int(is_v4.sum())
    v6 = ~is_v4 & (first[:, 0] >> np.uint64(61) == 1)
    nets = (last[v6, 0] - first[v6, 0]).astype(np.float64)
    nets += (last[v6, 1].astype(np.float64) - first[v6, 1].astype(np.float64) + 1) / 2**HALF
    return {"IPv4": in_v4 / 2**32, "IPv6": float(nets.sum()) / 2**61}
