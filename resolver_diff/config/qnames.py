"""Domain names as people write them, one by one and a million at a time."""

import csv
import ipaddress
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from urllib.parse import urlsplit

import polars as pl

from resolver_diff.config.listed import Names, Sorting
from resolver_diff.config.text import Notes, Source, place
from resolver_diff.errors import Place

LONGEST_LABEL = 63  # octets (RFC 1035 2.3.4)
LONGEST_NAME = 253  # characters: the 255 octets of RFC 1035 2.3.4 less the root label and one length octet
CHUNK = 2**20  # octets of a list looked at in one go; bounds the memory a long list takes
NAME = r"^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$"  # underscores are no host names, but names that are asked
PLAIN = r"^(?:[a-z0-9_-]{1,63}\.)*(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})$"  # a NAME in a top-level domain as there are
NUMERIC_END = r"(?:^|\.)[0-9]+$"  # no top-level domain is a number; an address is (RFC 3696 2)
DOTS = re.compile("[.\u3002\uff0e\uff61]")  # what separates labels (RFC 3490 3.1)
GOOD = re.compile(NAME)
BAD_CHARACTER = re.compile(r"[^a-z0-9_-]")
LONGEST_LINE = 65536  # octets; a longer one is not looked at, but is a mistake
LONGEST_SHOWN = 80  # characters of what is no name
HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://([A-Za-z0-9._-]+)(?:[:/?#].*)?$"  # of a plain URL; the odd ones are parsed
WRITTEN_HOST = re.compile(r"^\s*(?:[A-Za-z][A-Za-z0-9+.-]*://)?([^/:,?#\s]*).*$")
SAMPLES = 16  # lines of a list looked at for each part it is sorted in
URL_COLUMN = "url"
ROWS = 50_000  # of a CSV file looked at in one go
NOTHING = pl.DataFrame(schema={"line": pl.UInt32, "qname": pl.String})


class BadNameError(ValueError):
    """This cannot be asked as a name; *offset* is the character that shows it."""

    def __init__(self, message: str, hint: str | None = None, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.offset = offset


def qname(text: str) -> str:
    """Return a name in A-label form (RFC 5890 2.3.2.1), lower case, no final dot; raise BadNameError."""
    name = text.lower() if text.isascii() else _a_labels(text)
    if name != ".":
        name = name.removesuffix(".")
    if GOOD.fullmatch(name) and len(name) <= LONGEST_NAME and not re.search(NUMERIC_END, name):
        return name
    raise _why_not(text, name)


def _a_labels(text: str) -> str:
    """Return a name with letters beyond ASCII as A-labels; raise BadNameError."""
    if stop := _looks_like_something_else(text):
        raise stop
    labels = []
    start = 0
    for label in DOTS.split(text):
        try:
            labels.append(label if label.isascii() else _a_label(label))
        except UnicodeError as error:
            raise BadNameError(str(error), offset=start) from None
        start += len(label) + 1
    return ".".join(labels).lower()


@lru_cache(maxsize=65536)
def _a_label(label: str) -> str:
    """Return a label as IDNA 2008 and UTS 46 without transition have it; raise UnicodeError."""
    import dns.exception  # noqa: PLC0415 - 50 ms that lists in plain ASCII do not pay
    import dns.name  # noqa: PLC0415 - as above

    try:
        return dns.name.IDNA_2008_Practical.encode(label).decode()
    except dns.name.LabelTooLong:
        raise UnicodeError(f"a label longer than {LONGEST_LABEL} octets") from None
    except dns.exception.DNSException as error:
        raise UnicodeError(f"no IDNA 2008 label: {error}") from None


def _why_not(text: str, name: str) -> BadNameError:
    """Return what is wrong with *name*, which was written as *text*."""
    if stop := _looks_like_something_else(text):
        return stop
    if name in {"", "."}:
        return BadNameError("the root is not a name to ask about" if name else "an empty name")
    start = 0
    for label, written in zip(name.split("."), DOTS.split(text), strict=False):  # *text* may end in a dot
        if not label:
            return BadNameError("an empty label", "two dots stand together, or one stands in front", start)
        if len(label) > LONGEST_LABEL:
            return BadNameError(f"a label of {len(label)} octets; the longest has {LONGEST_LABEL}", None, start)
        if bad := BAD_CHARACTER.search(label):
            offset = bad.start() if len(label) == len(written) else 0
            return BadNameError(f"`{bad[0]}` cannot stand in a name", None, start + offset)
        start += len(written) + 1
    if len(name) > LONGEST_NAME:
        return BadNameError(f"a name of {len(name) + 2} octets; the longest has 255")
    return BadNameError("a name does not end in a number")


def _looks_like_something_else(text: str) -> BadNameError | None:
    """Recognise what people paste instead of names, and show the name in it."""
    first, *others = text.split() or [""]
    if others and is_address(first):
        return BadNameError("a line of a hosts file, not a name", f"write `{others[0]}`")
    if others:
        return BadNameError("a space in a name", "write one name a line; a comment begins with `#`", len(first))
    if text.startswith("||"):
        name = text.strip("|^")
        return BadNameError("a rule of an ad blocker, not a name", f"write `{name}`" if GOOD.match(name) else None)
    if "/" in text or "?" in text:
        host = url_host(text if "://" in text else f"//{text}")
        return BadNameError("a URL, not a name", f"write the name alone: `{host}`" if host else None)
    if is_address(text.strip("[]")):
        return BadNameError("an IP address, not a name")
    if text.startswith("*."):
        return BadNameError("a wildcard cannot be asked", f"write a name: `{text[2:]}` or one under it")
    if "@" in text:
        return BadNameError("a mail address, not a name", f"write `{text.rpartition('@')[2]}`", text.index("@"))
    if ":" in text:
        return BadNameError("a port does not belong to a name", f"write `{text.partition(':')[0]}`", text.index(":"))
    return None


def is_address(text: str) -> bool:
    """Tell an IPv4 or IPv6 address from a name, a version or any other text."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def url_host(url: str) -> str | None:
    """Return the host of a URL as it is written there; None when there is none."""
    try:
        return urlsplit(url).hostname or None
    except ValueError:
        return None


def names(source: Source, notes: Notes) -> Names:
    """Return the names of a list, sorted, each once; mistakes are noted, the names without them returned."""
    is_csv = source.file.lower().endswith(".csv")
    sorting = Sorting(_edges(source.octets))
    for part in _from_csv(source, notes) if is_csv else _from_lines(source, notes):
        sorting.add(part)
    found = sorting.names()
    if sorting.first is not None and not is_csv:  # a test list has many URLs of one host
        count, (line, name) = sorting.repeated, sorting.first
        again = f"{count:,} lines repeat a name, the first of them `{name}`"
        notes.warning(f"`{name}` is there twice" if count == 1 else again, Place(source.file, line))
    if not len(found) and not notes.wrong(source.file):
        notes.mistake("there is no name in it", Place(source.file), "write one name a line, or take the file away")
    return found


def _edges(octets: bytes) -> list[str]:
    """Return names, sorted, between which there are some CHUNK octets of a list each, as far as a sample tells."""
    count = len(octets) // CHUNK
    starts = (octets.find(b"\n", place * len(octets) // (count * SAMPLES)) + 1 for place in range(count * SAMPLES))
    lines = (octets[start : start + LONGEST_NAME].partition(b"\n")[0].decode(errors="ignore") for start in starts)
    return sorted(WRITTEN_HOST.sub(r"\1", line).lower() for line in lines)[SAMPLES::SAMPLES]


def _from_lines(source: Source, notes: Notes) -> Iterator[pl.DataFrame]:
    """Yield line and qname of a list of one name a line, some ten thousand at a time."""
    first = 1
    for chunk, cut in _chunks(source.octets):
        lines = pl.Series("text", [chunk.decode(errors="ignore")]).str.split("\n").explode()
        read = _split_off_comments(lines, first, any_comment=b"#" in chunk, is_lower=chunk.islower())
        yield _checked(read, qname, source, notes)
        first += len(lines)
        if cut:
            at = place(source.file, first - 1, 1, lines[-1])
            notes.mistake(f"a line of {cut:,} octets", at, "write one name a line")


def _chunks(octets: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield *octets* in pieces of about CHUNK octets, without the LF where they were cut.

    A line that is too long ends its piece and is cut short; its length comes with the piece,
    else 0.
    """
    start = 0
    while start <= len(octets):
        end = octets.find(b"\n", start + CHUNK)
        end = len(octets) if end < 0 else end
        if end - start > CHUNK + LONGEST_LINE:
            begin = octets.rfind(b"\n", start, start + CHUNK) + 1 or start  # of the long line
            yield octets[start : begin + LONGEST_LINE], end - begin
        else:
            yield octets[start:end], 0
        start = end + 1


def _split_off_comments(lines: pl.Series, first: int, *, any_comment: bool, is_lower: bool) -> pl.DataFrame:
    """Return line, text, written (without comment and space) and qname (lower case, no final dot); no empty lines.

    *any_comment* says that there may be some, *is_lower* that there is no capital letter of ASCII.
    """
    written = pl.col("text")
    if any_comment:
        written = written.str.replace("#.*", "")
    lower = pl.col("written") if is_lower else pl.col("written").str.to_lowercase()
    return (
        lines.to_frame()
        .select(
            pl.int_range(first, first + pl.len(), dtype=pl.UInt32).alias("line"),
            "text",
            written.str.strip_chars().alias("written"),
        )
        .filter(pl.col("written") != "")
        .with_columns(lower.str.strip_suffix(".").alias("qname"))
    )


def _checked(read: pl.DataFrame, name_of: Callable[[str], str], source: Source, notes: Notes) -> pl.DataFrame:
    """Return line and qname of the names that are names.

    *read* has line, text, written and qname, of which the last is right when it is ``PLAIN``,
    as nearly all names are; they are checked as columns. Only the others are looked
    at one by one: *name_of* gives the name in what was written, or raises BadNameError.
    """
    name = pl.col("qname")
    good = name.str.contains(PLAIN) & (name.str.len_bytes() <= LONGEST_NAME)
    checked = read.with_columns(good=good.fill_null(value=False))
    lines: list[int] = []
    found: list[str] = []
    for line, text, written in checked.filter(~pl.col("good")).select("line", "text", "written").iter_rows():
        try:
            found.append(name_of(written))
            lines.append(line)
        except BadNameError as bad:
            column = max(text.find(written), 0) + bad.offset + 1
            shown = written if len(written) <= LONGEST_SHOWN else f"{written[:LONGEST_SHOWN]}..."
            notes.mistake(f"{bad.message}: `{shown}`", place(source.file, line, column, text), bad.hint)
    odd = pl.DataFrame({"line": lines, "qname": found}, schema=NOTHING.schema)
    return pl.concat([checked.filter("good").select("line", "qname"), odd])


def _from_csv(source: Source, notes: Notes) -> Iterator[pl.DataFrame]:
    """Yield line and qname of the hosts of the URLs in a test list of the Citizen Lab's form."""
    addresses = 0
    try:
        for lines, urls in _urls(source):
            read = pl.DataFrame({"line": lines, "written": urls}, schema_overrides={"line": pl.UInt32})
            read = read.with_columns(qname=pl.col("written").str.extract(HOST).str.to_lowercase().str.strip_suffix("."))
            numeric = read.filter(pl.col("qname").is_null() | pl.col("qname").str.contains(NUMERIC_END))
            bare = [
                line for line, url in numeric.select("line", "written").iter_rows() if is_address(url_host(url) or "")
            ]
            addresses += len(bare)
            hosts = read.filter(~pl.col("line").is_in(bare)).with_columns(text=pl.col("written"))
            yield _checked(hosts, _host_name, source, notes)
    except csv.Error as error:
        notes.mistake(f"this is not CSV: {error}", Place(source.file))
    except KeyError:
        hint = "this is read: `url,category_code,...`; a plain list of names ends in .txt"
        notes.mistake(f"no column is called `{URL_COLUMN}`", source.place(1, 1), hint)
    if addresses:
        notes.warning(f"{addresses:,} URLs name an IP address instead of a host and were left out", Place(source.file))


def _urls(source: Source) -> Iterator[tuple[list[int], list[str]]]:
    """Yield lines and URLs of a CSV file, some ten thousand at a time; raise KeyError when it has no such column."""
    rows = csv.reader(_lines(source.octets), strict=True)
    header = [title.strip().lower() for title in next(rows, [])]
    if URL_COLUMN not in header:
        raise KeyError(URL_COLUMN)
    index = header.index(URL_COLUMN)
    while batch := [(rows.line_num, row) for row in islice(rows, ROWS)]:
        full = [(line, row) for line, row in batch if any(row)]
        yield [line for line, _ in full], [row[index].strip() if len(row) > index else "" for _, row in full]


def _lines(octets: bytes) -> Iterator[str]:
    """Yield the lines of a list with their ends."""
    start = 0
    while start < len(octets):
        end = octets.find(b"\n", start) + 1 or len(octets)
        yield octets[start:end].decode()
        start = end


def _host_name(url: str) -> str:
    """Return the host of a URL as a name; raise BadNameError."""
    if not url:
        raise BadNameError("there is no URL in this row")
    host = url_host(url)
    if host is None:
        raise BadNameError("no URL", "it begins with `http://` or `https://`")
    try:
        return qname(host)
    except BadNameError as bad:
        raise BadNameError(bad.message, bad.hint, max(url.find(host), 0) + bad.offset) from None
