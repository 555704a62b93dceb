"""Databases of whose addresses are, as others publish them -> ranges.

    MMDB        MaxMind's format, with the extra ``mmdb``: GeoLite2 ASN, DB-IP, IPinfo and others
    ranges      CSV or TSV: first, last, asn[, organisation]; or prefix, asn[, organisation]; with a header or without
    pfx2as      CAIDA's Routeviews tables: address, length, asn
    our own     the Parquet file that ``installed`` keeps

Each of them may be compressed with gzip. A line that cannot be read is counted and left out, as is one that
names no AS; a file of which most lines cannot be read is refused.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff.errors import Place, UsageError
from resolver_diff.origins import ranges as spans
from resolver_diff.origins.ranges import V4_BITS, Numbers, Ranges

METADATA = "resolver_diff"  # the key in the metadata of our own file
GZIP, PARQUET, TAR = b"\x1f\x8b", b"PAR1", b"ustar"
MMDB = b"\xab\xcd\xefMaxMind.com"  # before the metadata, which are in the last 128 KiB
MMDB_TAIL = 128 << 10
LARGEST = 4 << 30  # octets, when unpacked
LONGEST = 200  # characters of an organisation's name
LOOK = 100  # lines, to see which column is which
HEADER = {
    "first": ("start", "start_ip", "ip_from", "range_start", "first", "first_ip"),
    "last": ("end", "end_ip", "ip_to", "range_end", "last", "last_ip"),
    "prefix": ("network", "prefix", "cidr", "route"),
    "asn": ("asn", "autonomous_system_number", "as_number", "as", "origin_asn"),
    "organisation": (
        *("organisation", "organization", "autonomous_system_organization", "as_name", "asname", "name", "org"),
        *("as_organization", "description"),
    ),
}
ONE_AS = r"(?i)^(?:AS)?(\d{1,10})$"
SEVERAL = r"^\{?\d+(?:[_, ]+\d+)+\}?$"  # CAIDA: `_` between several that announce it, `,` in a set


@dataclass(frozen=True, slots=True)
class Database:
    """Whose addresses are, and where that is known from."""

    ranges: Ranges
    source: str
    dated: date | None = None  # of the data, as far as is known
    licence: str | None = None
    wrong: int = 0  # lines that could not be read
    format: str = ""
    facts: dict[str, str] = field(default_factory=dict)  # more of what our own file knows

    @property
    def called(self) -> str:
        """What stands beside an address that was looked up in it."""
        return f"{self.source}, {self.dated}" if self.dated else self.source


def read(file: Path) -> Database:
    """Return what is in *file*; raises UsageError when it is nothing that can be read, and says why."""
    try:
        with _plain(file) as plain:
            return _read(plain, file)
    except (OSError, EOFError, zlib.error) as error:
        says = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot read {file}: {says}", Place(str(file)), _hint()) from error


def _read(plain: Path, file: Path) -> Database:
    changed = datetime.fromtimestamp(file.stat().st_mtime, UTC).date()
    with plain.open("rb") as stream:
        head = stream.read(512)
        stream.seek(max(0, plain.stat().st_size - MMDB_TAIL))
        tail = stream.read()
    if head.startswith(PARQUET):
        return _own(plain, file)
    if MMDB in tail:
        return _mmdb(plain, file)
    if head[257:262] == TAR:
        raise UsageError(f"{file} is an archive", hint="unpack it, and name the file in it")
    if b"\0" in head or not head.strip():
        raise UsageError(f"{file} is no database of origins", hint=_hint())
    return _text(plain, file, changed)


def _hint() -> str:
    return "MMDB, CSV or TSV (first, last, asn, organisation), and CAIDA's pfx2as can be read; gzip or not"


@contextmanager
def _plain(file: Path) -> Iterator[Path]:
    """Give *file*, or what it is when unpacked."""
    with file.open("rb") as stream:
        packed = stream.read(2) == GZIP
    if not packed:
        yield file
        return
    with TemporaryDirectory(prefix="resolver-diff-") as folder:
        plain = Path(folder) / "plain"
        written = 0
        with gzip.open(file) as stream, plain.open("wb") as out:
            while octets := stream.read(1 << 20):
                written += out.write(octets)
                if written > LARGEST:
                    raise UsageError(f"{file} is more than {LARGEST >> 30} GiB when unpacked")
        yield plain


def _own(plain: Path, file: Path) -> Database:
    try:
        facts = json.loads(pl.read_parquet_metadata(plain)[METADATA])
        ranges = Ranges(pl.read_parquet(plain))
        made = date.fromisoformat(facts["date"]) if facts["date"] else None
        known = {name: str(facts[name]) for name in ("installed", "from")}
        return Database(
            ranges, facts["source"], made, facts["licence"], int(facts["wrong"]), facts["format"], facts=known
        )
    except (pl.exceptions.PolarsError, KeyError, TypeError, ValueError) as error:
        hint = "make it anew with `resolver-diff data update --from FILE`"
        raise UsageError(f"{file} is damaged, or no database of ours", Place(str(file)), hint) from error


def _mmdb(plain: Path, file: Path) -> Database:
    """Return what a MaxMind database says about Autonomous Systems; raises UsageError when it says nothing."""
    try:
        import maxminddb  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        hint = "install it with: pip install 'resolver-diff[mmdb]'"
        raise UsageError(f"{file} is an MMDB file, and maxminddb, which reads these, is missing", hint=hint) from None
    firsts, lengths, asns, names = list[int](), list[int](), list[int](), list[str | None]()
    try:
        with maxminddb.open_database(plain, maxminddb.MODE_AUTO) as reader:
            about = reader.metadata()
            for network, record in reader:
                number, name = _of_record(record)
                if number is not None:
                    is_v4 = network.version == 4
                    firsts.append(int(network.network_address) | (0xFFFF << 32 if is_v4 else 0))
                    lengths.append(network.prefixlen + (V4_BITS if is_v4 else 0))
                    asns.append(number)
                    names.append(name)
    except (maxminddb.InvalidDatabaseError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read {file}: {error}", Place(str(file))) from error
    if not firsts:
        hint = "take one of Autonomous Systems, such as GeoLite2-ASN; one of cities or countries does not help"
        raise UsageError(f"{file} names no Autonomous System ({about.database_type})", Place(str(file)), hint)
    first = np.frombuffer(b"".join(number.to_bytes(16, "big") for number in firsts), ">u8").astype(np.uint64)
    first, length = first.reshape(-1, 2), np.array(lengths)
    facts = pl.DataFrame({"length": length, "asn": asns, "organisation": pl.Series(names, dtype=pl.String)})
    ranges = spans.disjoint(first, spans.last_of(first, length), facts.with_columns(_clean(pl.col("organisation"))))
    built = datetime.fromtimestamp(about.build_epoch, UTC).date()
    return Database(ranges, shown(about.database_type) or file.name, built, format="MMDB")


def _of_record(record: Any) -> tuple[int | None, str | None]:
    """Return the AS of a record and its name, as the publishers that there are write them."""
    if not isinstance(record, dict):
        return None, None
    said = next((record[key] for key in HEADER["asn"] if key in record), None)
    name = next((record[key] for key in HEADER["organisation"] if isinstance(record.get(key), str)), None)
    found = re.fullmatch(ONE_AS, str(said)) if isinstance(said, int | str) else None
    number = int(found[1]) if found else 0
    return (number if 0 < number < 1 << 32 else None), name


def _named(name: str) -> date | None:
    """Return the date in the name of a file."""
    for found in re.finditer(r"(20\d\d)(-?)(\d\d)\2(\d\d)", name):
        with suppress(ValueError):
            return date(int(found[1]), int(found[3]), int(found[4]))
    return None


def _text(plain: Path, file: Path, changed: date) -> Database:
    """Return what lines of text say; raises UsageError when most of them say nothing."""
    cells = _cells(plain, file)
    where, header = _columns(cells.head(LOOK), file)
    lines = cells.slice(1) if header else cells
    has = {name: lines.to_series(index) for name, index in where.items()}
    frame = _facts(has["asn"], has.get("organisation"))
    first, last, length, good = _spans(has)
    told = pl.Series(good) & frame["told"]
    wrong = int((~told).sum())
    if not told.any() or wrong > lines.height // 2:
        at = int((~told).arg_max() or 0) + 1 + header
        message = f"{wrong:,} of {lines.height:,} lines of {file} cannot be read; line {at} is one of them"
        raise UsageError(message, Place(str(file), at), _hint())
    kept = told.to_numpy() & frame["announced"].to_numpy()
    facts = frame.select("asn", "organisation").with_columns(length=pl.Series(length, dtype=pl.UInt8, strict=False))
    facts = facts.with_columns(pl.when(pl.lit(length >= 0)).then("length"))
    ranges = spans.disjoint(first[kept], last[kept], facts.filter(pl.Series(kept)))
    dated = _named(file.name) or changed
    kind = "pfx2as" if "bits" in where else "prefixes" if "prefix" in where else "ranges"
    return Database(ranges, file.name, dated, wrong=wrong, format=kind)


def _cells(plain: Path, file: Path) -> pl.DataFrame:
    """Return the lines of a text as columns of text; a comment begins with ``#``."""
    with plain.open("rb") as stream:
        line = next((line for line in stream if line.strip() and not line.startswith(b"#")), b"")
    separator = next((each for each in ("\t", ",", ";", "|") if each.encode() in line), " ")
    try:
        return pl.read_csv(
            plain,
            separator=separator,
            has_header=False,
            infer_schema=False,
            truncate_ragged_lines=True,
            quote_char=None if separator == "\t" else '"',
            comment_prefix="#",
            encoding="utf8-lossy",
        )
    except pl.exceptions.PolarsError as error:
        says = str(error).partition("\n")[0]
        raise UsageError(f"cannot read {file}: {says}", Place(str(file)), _hint()) from error


def _columns(head: pl.DataFrame, file: Path) -> tuple[dict[str, int], bool]:
    """Return which column is which, and whether the first line names them."""
    titles = [(cell or "").strip().lower() for cell in head.row(0)]
    named = {name: titles.index(word) for name, words in HEADER.items() for word in reversed(words) if word in titles}
    if "asn" in named and ("prefix" in named or {"first", "last"} <= named.keys()):
        return named, True
    for row in head.rows():
        cells = [(cell or "").strip() for cell in row]
        isgood = spans.numbers(cells)[1].tolist()
        if "/" in cells[0] and len(cells) > 1:
            return {"prefix": 0, "asn": 1, **({"organisation": 2} if len(cells) > 2 else {})}, False
        if len(cells) > 2 and isgood[0] and isgood[1]:
            country = len(cells) > 4 and re.fullmatch("[A-Za-z]{2}|None", cells[3])
            name = 4 if country else 3
            return {"first": 0, "last": 1, "asn": 2, **({"organisation": name} if len(cells) > name else {})}, False
        if len(cells) > 2 and isgood[0] and cells[1].isdecimal():
            return {"first": 0, "bits": 1, "asn": 2}, False
    raise UsageError(f"no line of {file} begins with addresses or a prefix", Place(str(file), 1), _hint())


def _facts(asn: pl.Series, organisation: pl.Series | None) -> pl.DataFrame:
    """Return asn and organisation; ``told``: the line says something; ``announced``: somebody announces it."""
    text = pl.col("text").str.strip_chars().fill_null("")
    number = text.str.extract(ONE_AS).cast(pl.UInt32, strict=False)
    nobody = text.is_in(["", "-", "NA", "None"])
    name = pl.lit(None, dtype=pl.String) if organisation is None else _clean(organisation.alias("organisation"))
    return (
        asn.alias("text")
        .to_frame()
        .select(
            asn=pl.when(number > 0).then(number),
            organisation=pl.when(number > 0).then(name),
            told=number.is_not_null() | nobody | text.str.contains(SEVERAL),
            announced=(number > 0).fill_null(value=False) | text.str.contains(SEVERAL),
        )
    )


def _spans(has: dict[str, pl.Series]) -> tuple[Numbers, Numbers, NDArray[np.int64], NDArray[np.bool_]]:
    """Return first and last number of each line, its prefix's length of 128 (-1: none), and which lines are good."""
    if "last" in has:
        first, begins = spans.numbers(_stripped(has["first"]))
        last, ends = spans.numbers(_stripped(has["last"]))
        good = begins & ends & (spans.comparable(first) <= spans.comparable(last))
        good &= (first[:, 1] >> np.uint64(32) == 0xFFFF) == (last[:, 1] >> np.uint64(32) == 0xFFFF)
        return first, last, np.full(len(first), -1), good
    bits = has.get("bits")
    if bits is None:
        parts = has["prefix"].str.strip_chars().str.split_exact("/", 1).struct.unnest()
        address, bits = parts["field_0"], parts["field_1"]
    else:
        address = has["first"]
    first, good = spans.numbers(_stripped(address))
    written = bits.str.strip_chars().cast(pl.Int64, strict=False).fill_null(-1).to_numpy()
    is_v4 = ~address.str.contains(":", literal=True).fill_null(value=True).to_numpy()
    good &= (written >= 0) & (written <= np.where(is_v4, 32, 128))
    length = np.where(good, written + np.where(is_v4, V4_BITS, 0), 128)
    return spans.first_of(first, length), spans.last_of(first, length), length, good


def _stripped(texts: pl.Series) -> list[str | None]:
    return texts.str.strip_chars().to_list()


def _clean(text: pl.Expr | pl.Series) -> Any:
    """Return a name without what could harm a terminal or a table; null where it is empty."""
    cleaned = text.str.replace_all(r"\p{C}", "?").str.strip_chars().str.slice(0, LONGEST)
    return cleaned.replace("", None)


def shown(text: str) -> str:
    """Return a name fit for a terminal and a table, not long."""
    return "".join(char if char.isprintable() else "?" for char in text[:LONGEST]).strip()
