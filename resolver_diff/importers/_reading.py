"""A table of observations -> rows of numbers, and the texts they stand for.

Millions of rows have few distinct names, resolvers and answers: each text is read once, and a row
holds its place among them. Nothing here makes sense of what was said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

import dns.ipv6
import polars as pl

from resolver_diff.config.qnames import BadNameError, qname
from resolver_diff.importers._notes import Notes
from resolver_diff.importers._panel import transport
from resolver_diff.tables import TIME, TRANSPORT, Outcome
from resolver_diff.wire.decode import content_hash

KEY = ("name", "qtype", "resolver", "transport")  # of a cell; numbers in the order of their texts
CODES = {"NOERROR": 0, "NODATA": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}
CODES |= {"YXDOMAIN": 6, "YXRRSET": 7, "NXRRSET": 8, "NOTAUTH": 9, "NOTZONE": 10, "BADVERS": 16}
ENDINGS = {"TIMEOUT": Outcome.TIMEOUT, "NETERR": Outcome.UNREACHABLE, "MALFORMED": Outcome.MALFORMED}
ENDINGS |= {"SERVFAIL": Outcome.SERVFAIL, "NXDOMAIN": Outcome.NXDOMAIN, "REFUSED": Outcome.REFUSED}
ALIASES = {"DNS_NAME_ERROR": "NXDOMAIN", "NOTIMPL": "NOTIMP", "SERVER_FAILURE": "SERVFAIL"}
HEADER = {"aa": pl.Boolean(), "tc": pl.Boolean(), "ra": pl.Boolean(), "ad": pl.Boolean(), "authority": pl.UInt16()}
BOTH = "ANY"  # of getaddrinfo: it looks for addresses of both kinds
MOST_TIMES = 256  # that a question is put on one date: a column of one octet counts them
TEXTS = ("cname", "soa", "error")  # that are kept as they came


@dataclass(frozen=True, slots=True)
class Read:
    """The rows: date, asked_at, transport, outcome, rcode, ttl, ``HEADER``, good (the certificate was), and texts.

    Texts are places in the series beside: *name*, *qtype*, *resolver*, *answer*, *cname*, *soa*, *error* and
    *first* (the first address). *known_as* has the ids of the resolvers.
    """

    rows: pl.DataFrame
    names: pl.Series
    qtypes: pl.Series
    resolvers: pl.Series
    known_as: dict[str, str]
    answers: pl.DataFrame  # answer, answer_hash
    cnames: pl.Series
    soas: pl.Series
    errors: pl.Series
    addresses: pl.Series


def reading(
    part: pl.LazyFrame,
    schema: Mapping[str, pl.DataType],
    called: dict[str, str],
    begun: pl.DataFrame | None,
    notes: Notes,
) -> Read:
    """Read *part* of a table, which has the columns of *schema*, and note what cannot be read.

    *called* has the names of the resolvers, by id; *begun* the date of each run (nth, date), where there are runs.
    """
    rows = _by_type(part.select(_columns(schema))).select(_texts()).collect()
    answers, addresses = _answers(rows, notes)
    texts = {
        "name": _names(rows["name"], notes),
        "qtype": _numbered(rows["qtype"], {text: text.upper() for text in _distinct(rows["qtype"])}),
        "resolver": _numbered(rows["resolver"], {text: called[text] for text in _distinct(rows["resolver"])}),
        "answer": answers,
        "first": addresses,
        **{name: _numbered(rows[name], {text: text for text in _distinct(rows[name])}) for name in TEXTS},
    }
    whole = rows.select("asked_at", "ttl", "good", "nth", *HEADER, said=pl.col("answer").is_not_null()).with_columns(
        *(_beside(rows[name], known.select("text", "place"))[0].alias(name) for name, known in texts.items()),
        *_beside(rows["transport"], _carriers(rows["transport"])),
        *_beside(rows["rcode"], _endings(rows["rcode"], notes)),
    )
    kept = _ended(whole).drop_nulls(["name", "qtype", "resolver", "outcome", "asked_at"])
    notes.left_out(whole.height - kept.height)
    dated = _dated(kept, begun)
    often = dated.group_by("date", *KEY).len().filter(pl.col("len") > MOST_TIMES)
    more = int(often["len"].sum()) - MOST_TIMES * often.height
    notes.left_out(more, f"a snapshot has a question at most {MOST_TIMES} times")
    return Read(
        rows=dated,
        names=_read(texts["name"]),
        qtypes=_read(texts["qtype"]),
        resolvers=_read(texts["resolver"]),
        known_as={name: text for text, name in called.items()},
        answers=_hashed(_read(answers)),
        cnames=_read(texts["cname"]),
        soas=_read(texts["soa"]),
        errors=_read(texts["error"]),
        addresses=_read(addresses),
    )


def _columns(schema: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    """Return the columns that are read, null where the table has none."""

    def column(name: str, dtype: pl.DataType) -> pl.Expr:
        return pl.col(name).cast(dtype) if name in schema else pl.lit(None, dtype=dtype)

    chain = column("cname", pl.String())
    if "cnames" in schema:
        chain = pl.col("cnames").list.join(" ")
    return [
        column("run", pl.Int64()).alias("nth"),
        column("ts", TIME).alias("asked_at"),
        pl.col("resolver_id").cast(pl.String).alias("resolver"),
        column("transport", pl.String()).str.to_lowercase().alias("transport"),
        pl.col("domain").cast(pl.String).alias("name"),
        pl.col("qtype").cast(pl.String),
        pl.col("rcode").cast(pl.String).str.to_uppercase(),
        pl.col("answers").cast(pl.List(pl.String)),
        chain.str.to_lowercase().str.replace_all(r"\.( |$)", "$1").alias("cname"),
        column("ttl", pl.Int64()).alias("ttl"),
        column("error", pl.String()).alias("error"),
        column("soa", pl.String()).str.to_lowercase().str.strip_chars_end(".").alias("soa"),
        *(column(name, dtype).alias(name) for name, dtype in HEADER.items()),
        pl.coalesce(column("cert_ok", pl.Boolean()), column("cert_valid", pl.Boolean())).alias("good"),
    ]


def _by_type(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Make of each lookup of both addresses what it says about A, and about AAAA where it got such addresses."""
    both = pl.col("qtype") == BOTH
    if not rows.select(both.any()).collect().item():
        return rows
    six = pl.element().str.contains(":", literal=True)
    told = rows.filter(both).with_columns(
        four=pl.col("answers").list.eval(pl.element().filter(~six)),
        six=pl.col("answers").list.eval(pl.element().filter(six)),
    )
    some = pl.col("six").list.len() > 0
    of_four = told.filter(~some | (pl.col("four").list.len() > 0)).with_columns(answers="four", qtype=pl.lit("A"))
    of_six = told.filter(some).with_columns(answers="six", qtype=pl.lit("AAAA"))
    return pl.concat([rows.filter(~both), *(each.drop("four", "six") for each in (of_four, of_six))])


def _texts() -> list[pl.Expr]:
    """Return the columns with an answer as one text, and texts as categories."""
    given = pl.col("answers").list.drop_nulls()
    text = given.list.unique().list.sort().list.join(" ")
    texts = {name: pl.col(name) for name in ("resolver", "transport", "name", "qtype", "rcode", *TEXTS)}
    texts |= {"answer": text, "first": given.list.first()}
    categories = [pl.when(each != "").then(each).cast(pl.Categorical).alias(name) for name, each in texts.items()]
    return [
        pl.col("nth", "asked_at", "good", *HEADER),
        pl.when(pl.col("ttl") >= 0).then("ttl").alias("ttl"),
        *categories,
    ]


def _distinct(column: pl.Series) -> list[str]:
    return column.unique().drop_nulls().cast(pl.String).to_list()


def _numbered(column: pl.Series, read: dict[str, str]) -> pl.DataFrame:
    """Return text, place, read: what each *text* of the column is read as, and its place among these, sorted."""
    frame = pl.DataFrame(
        {"text": list(read), "read": list(read.values())}, schema=dict.fromkeys(("text", "read"), pl.String)
    )
    place = (pl.col("read").rank("dense") - 1).cast(pl.UInt32)
    return frame.with_columns(pl.col("text").cast(column.dtype), place=place)


def _read(numbered: pl.DataFrame) -> pl.Series:
    """Return the texts by their places."""
    return numbered.drop_nulls("place").unique("place").sort("place")["read"]


def _beside(column: pl.Series, known: pl.DataFrame) -> list[pl.Series]:
    """Return the columns of *known* (text and others) for the texts of *column*."""
    return (
        column.to_frame("text")
        .join(known, on="text", how="left", nulls_equal=True, maintain_order="left")
        .drop("text")
        .get_columns()
    )


def _carriers(column: pl.Series) -> pl.DataFrame:
    """Return text and transport; a text of null stands for those that do not say."""
    told = [(text, str(transport(text))) for text in (*_distinct(column), None)]
    frame = pl.DataFrame(told, schema={"text": pl.String, "transport": TRANSPORT}, orient="row")
    return frame.with_columns(pl.col("text").cast(column.dtype))


def _names(column: pl.Series, notes: Notes) -> pl.DataFrame:
    read: dict[str, str] = {}
    bad: list[str] = []
    for text in _distinct(column):
        try:
            read[text] = qname(text)
        except BadNameError:
            bad.append(text)
    notes.bad("a domain name", bad)
    return _numbered(column, read)


def _endings(column: pl.Series, notes: Notes) -> pl.DataFrame:
    """Return text, outcome and rcode for each way to end that the table knows."""
    rows: list[tuple[str, str | None, int | None]] = []
    for text in _distinct(column):
        known = ALIASES.get(text, text)
        outcome = ENDINGS.get(known) or (Outcome.OTHER_RCODE if CODES.get(known) else None)
        rows.append((text, outcome or (Outcome.NODATA if known in CODES else None), CODES.get(known)))
    notes.bad("a way to end", [text for text, outcome, _ in rows if outcome is None])
    notes.silent("how it ended", column.null_count())
    schema = {"text": pl.String, "outcome": pl.String, "rcode": pl.UInt16}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("text").cast(column.dtype))


def _ended(rows: pl.DataFrame) -> pl.DataFrame:
    """Make answers of what came without an error and with addresses; where none of these can be read, of nothing."""
    noerror, read = pl.col("rcode") == 0, pl.col("answer").is_not_null()
    outcome = (
        pl.when(noerror & read).then(pl.lit(str(Outcome.ANSWER))).when(~(noerror & pl.col("said"))).then("outcome")
    )
    answered = noerror & read
    return rows.with_columns(
        outcome=outcome, **{name: pl.when(answered).then(name) for name in ("answer", "first", "good")}
    ).drop("said")


def _answers(rows: pl.DataFrame, notes: Notes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the distinct answers and first addresses, with each address in canonical form."""
    texts = rows["answer"].unique().drop_nulls().cast(pl.String).to_frame("text")
    parts = texts.select("text", part=pl.col("text").str.split(" ")).explode("part")
    given = parts["part"].unique().to_list()
    spelled = {text: canonical(text) for text in given}
    notes.bad("an address", [text for text, read in spelled.items() if read is None])
    odd = {text: read for text, read in spelled.items() if read != text}
    if odd:
        as_read = pl.col("part").replace_strict(odd, default=pl.col("part"), return_dtype=pl.String)
        again = parts.with_columns(part=as_read).drop_nulls().unique().sort("text", "part")
        again = again.group_by("text", maintain_order=True).agg(read=pl.col("part").str.join(" "))
        texts = texts.join(again, on="text", how="left")
    else:
        texts = texts.with_columns(read="text")
    place = (pl.col("read").rank("dense") - 1).cast(pl.UInt32)
    answers = texts.with_columns(pl.col("text").cast(rows["answer"].dtype), place=place)
    return answers, _numbered(
        rows["first"], {text: read for text in _distinct(rows["first"]) if (read := spelled.get(text))}
    )


def canonical(text: str) -> str | None:
    """Return an address as the decoder writes it; null for what is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return dns.ipv6.inet_ntoa(address.packed) if isinstance(address, IPv6Address) else str(address)


def _hashed(answers: pl.Series) -> pl.DataFrame:
    hashes = pl.Series([content_hash(text) for text in answers], dtype=pl.UInt64)
    return pl.DataFrame({"answer": answers, "answer_hash": hashes})


def _dated(rows: pl.DataFrame, begun: pl.DataFrame | None) -> pl.DataFrame:
    """Add *date*: of the run where there are runs, of the row itself where not."""
    if begun is None:
        dated = rows.with_columns(date=pl.col("asked_at").dt.date())
    else:
        dated = rows.join(begun, on="nth", how="left", nulls_equal=True, maintain_order="left")
    return dated.drop("nth").sort("date", maintain_order=True)
