"""A table with one row per question and resolver: who was asked when, for what, and what came.

    FOLDER/observations.parquet     or one FILE.parquet, or .csv, or .jsonl

| column | |
|---|---|
| resolver_id, domain, qtype, rcode, answers | must be there; answers is a list of addresses |
| run | a number; the rows of one run are one snapshot, several runs of a day are its repeats |
| ts | when it was asked (UTC); without *run*, the rows of one day are one snapshot |
| cname, cnames | the chain, as a text or a list |
| ttl | seconds; negative: none |
| aa, tc, ra, ad, soa, authority | of the header and AUTHORITY, as a snapshot has them |
| transport, error | how it was carried; what was said instead of a reply |
| cert_ok, cert_valid | whether a handshake with the first of the answers showed a good certificate |
| answer_asns, answer_certs, answer_http | aligned with answers: system, and marks of what is shown there |
| resolver_ip, resolver_cc, role | of the resolver, where there is no resolvers.csv |

Beside it in a folder: *resolvers.csv* (resolver_id, ip, country, asn, role, kind, policy), *domains.csv* (domain,
role: test, control or canary_nx) and *ip_tags.parquet* (ip, asn, asname, cert, http). What such a table does not
have is null in the snapshot. A qtype of ANY stands for a lookup of both addresses. In CSV, lists are texts with spaces
between. What ``resolver-diff export observations`` wrote is known by its columns (``_exported``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from resolver_diff.errors import Place, Problem, UsageError
from resolver_diff.importers import Day, Found, Importer, _exported, _table
from resolver_diff.importers._notes import Notes
from resolver_diff.importers._panel import Panel, names, set_name, sha256
from resolver_diff.importers._reading import KEY, MOST_TIMES, Read, canonical, reading
from resolver_diff.tables import (
    OUTCOME,
    PURPOSE,
    TIME,
    Certificates,
    Observations,
    Origins,
    Outcome,
    Purpose,
    Tags,
    TransportName,
)

TABLE, RESOLVERS, DOMAINS, TAGS = "observations", "resolvers.csv", "domains.csv", "ip_tags.parquet"
WANTED = ("resolver_id", "domain", "qtype", "rcode", "answers")
ROWS = 1_000_000  # that are read together, if a date does not have more
TEXTS: tuple[str, ...] = ("resolver_id", "domain", "qtype", "rcode", "cname", "soa", "transport", "error")
TEXTS += ("resolver_ip", "resolver_cc", "role", "kind", "policy")
KNOWN: dict[str, pl.DataType] = {
    **dict.fromkeys(TEXTS, pl.String()),
    **dict.fromkeys(("answers", "cnames", "answer_certs", "answer_http"), pl.List(pl.String())),
    **dict.fromkeys(("aa", "tc", "ra", "ad", "cert_ok", "cert_valid"), pl.Boolean()),
    **dict.fromkeys(("run", "ttl", "authority"), pl.Int64()),
    "answer_asns": pl.List(pl.Int64()),
    "ts": TIME,
}
PURPOSES = {"control": Purpose.CONTROL, "canary_nx": Purpose.CANARY, "canary": Purpose.CANARY}


def read(path: Path) -> Found:
    """Read the table at *path*; raises UsageError when it is none."""
    file = _table.named(path, TABLE) if path.is_dir() else path
    if file is None or not file.exists():
        hint = f"a folder with {TABLE}.parquet, .csv or .jsonl, or one such file"
        raise UsageError(f"there is no table of observations at {path}", hint=hint)
    if _exported.wrote(file):
        return _exported.read(path, file)
    table = _table.table(file, KNOWN, WANTED)
    if not {"run", "ts"} & {*table.columns}:
        raise UsageError("the table has no column ts", Place(str(file)))
    try:
        facts = _Facts.of(path, table)
        notes = Notes(str(file))
        parts, begun = _parts(table, notes)
        called = names(_distinct(table))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _table.unreadable(file, error) from error
    name = set_name(path.name if path.is_dir() else path.stem)
    inputs = {str(each.name): sha256(each) for each in facts.files}
    dates = tuple(day for part in parts for day in part.dates)

    def days() -> Iterator[Day]:
        for part in parts:
            found = reading(table.rows.filter(part.rows), table.columns, called, begun, notes)
            yield from _days(found, facts, name)

    return Found((name,), inputs, dates, days(), facts.problems, notes)


@dataclass(frozen=True, slots=True)
class _Part:
    """Some dates of a table, and which rows are theirs."""

    dates: tuple[date, ...]
    rows: pl.Expr


def _parts(table: _table.Table, notes: Notes) -> tuple[list[_Part], pl.DataFrame | None]:
    """Return the table in parts of whole dates, about as large as may be in memory; and the date of each run.

    What is of no date is noted.
    """
    day = pl.col("ts").cast(TIME).dt.date()
    if "run" not in table.columns:
        counts = _dated(table.rows.group_by(date=day).len().collect(engine="streaming"), notes)
        return [_Part(dates, day.is_in(list(dates))) for dates in _together(counts)], None
    begins = day.min() if "ts" in table.columns else pl.lit(None, pl.Date())
    runs = table.rows.group_by(nth=pl.col("run").cast(pl.Int64)).agg(date=begins, len=pl.len())
    begun = runs.sort("nth").collect(engine="streaming")
    counts = _dated(begun.group_by("date").agg(pl.col("len").sum()), notes)
    parts = []
    for dates in _together(counts):
        own = begun.filter(pl.col("date").is_in(list(dates)))["nth"]
        parts.append(_Part(dates, pl.col("run").cast(pl.Int64).is_in(own.to_list(), nulls_equal=True)))
    return parts, begun.select("nth", "date")


def _dated(counts: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    """Return how many rows each date has, sorted; those without a date are noted."""
    notes.left_out(int(counts.filter(pl.col("date").is_null())["len"].sum()))
    return counts.drop_nulls("date").sort("date")


def _together(counts: pl.DataFrame) -> list[tuple[date, ...]]:
    """Return the dates of *counts* in groups that have about ``ROWS`` rows, each at least one date."""
    groups: list[list[date]] = [[]]
    held = 0
    for day, rows in counts.iter_rows():
        if groups[-1] and held + rows > ROWS:
            groups.append([])
            held = 0
        groups[-1].append(day)
        held += rows
    return [tuple(group) for group in groups if group]


def _distinct(table: _table.Table) -> list[str]:
    """Return the ids of the resolvers."""
    ids = table.rows.select(pl.col("resolver_id").cast(pl.String).unique()).collect(engine="streaming")
    return ids["resolver_id"].drop_nulls().to_list()


@dataclass(frozen=True, slots=True)
class _Facts:
    """What stands beside the table."""

    files: tuple[Path, ...]
    panel: Panel
    purposes: pl.DataFrame  # qname, purpose
    origins: pl.DataFrame  # columns of Origins
    tags: pl.DataFrame  # columns of Tags
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, path: Path, table: _table.Table) -> "_Facts":
        beside = [path / name for name in (RESOLVERS, DOMAINS, TAGS)] if path.is_dir() else []
        there = {file.name: file for file in beside if file.exists()}
        tagged = _tagged(there.get(TAGS), table)
        origins = Origins.of(tagged.filter(pl.col("asn").is_not_null())).frame
        tags = tagged.filter(pl.any_horizontal(pl.col("certificate", "page").is_not_null()))
        known = origins.filter(pl.col("organisation").is_not_null())
        organisations = dict(zip(known["address"], known["organisation"], strict=True)) if RESOLVERS in there else {}
        told = pl.read_csv(there[RESOLVERS]) if RESOLVERS in there else _told_by_rows(table)
        purposes = pl.DataFrame(schema={"qname": pl.String, "purpose": PURPOSE})
        if DOMAINS in there:
            listed = pl.read_csv(there[DOMAINS]).select(qname=pl.col("domain").cast(pl.String), role="role")
            special = listed.filter(pl.col("role").is_in(list(PURPOSES)))
            purposes = special.select("qname", purpose=pl.col("role").replace_strict(PURPOSES, return_dtype=PURPOSE))
        absent = [file for file in beside if file.name not in there]
        problems = tuple(Problem(f"there is no {file.name}; what it would say stays open") for file in absent)
        return cls(
            (table.source, *there.values()),
            Panel.of(told, organisations),
            purposes,
            origins,
            Tags.of(tags).frame,
            problems,
        )


def _told_by_rows(table: _table.Table) -> pl.DataFrame:
    """Return what the rows themselves say about resolvers; one that is a control in any row is one.

    An AS number in them is the vantage's, and says nothing of who runs the resolver.
    """
    renamed = {"resolver_ip": "ip", "resolver_cc": "country", "kind": "kind", "policy": "policy"}
    there = {name: column for name, column in renamed.items() if name in table.columns}
    control = (pl.col("role") == "control").any() if "role" in table.columns else pl.lit(value=False)
    role = pl.when(control).then(pl.lit("control")).otherwise(pl.lit("test")).alias("role")
    facts = [pl.col(name).drop_nulls().first().alias(column) for name, column in there.items()]
    return table.rows.group_by("resolver_id").agg(*facts, role).collect(engine="streaming")


def _tagged(file: Path | None, table: _table.Table) -> pl.DataFrame:
    """Return what is known of each address: asn, organisation, certificate, page, and the source of it."""
    if file is not None:
        there = pl.read_parquet_schema(file)
        named = {"ip": "address", "asn": "asn", "asname": "organisation", "cert": "certificate", "http": "page"}
        told = {name: column for name, column in named.items() if name in there}
        known = pl.scan_parquet(file).select(pl.col(name).alias(column) for name, column in told.items()).collect()
    else:
        named = {"answer_asns": "asn", "answer_certs": "certificate", "answer_http": "page"}
        known = pl.DataFrame(schema={"address": pl.String})
        for name, column in named.items():
            if name in table.columns:
                known = known.join(_aligned(table, name, column), on="address", how="full", coalesce=True)
    absent = [name for name in ("asn", "organisation", "certificate", "page") if name not in known.columns]
    known = known.with_columns(pl.lit(None).alias(name) for name in absent).drop_nulls("address")
    known = known.with_columns(pl.Series("address", [canonical(text) for text in known["address"]], dtype=pl.String))
    first = known.group_by("address", maintain_order=True).agg(pl.all().drop_nulls().first())
    return first.with_columns(source=pl.lit((file or table.source).name))


def _aligned(table: _table.Table, name: str, column: str) -> pl.DataFrame:
    """Return the first that the lists of the column *name* say of each address, as *column*."""
    pairs = table.rows.select(address="answers", **{column: name})
    pairs = pairs.filter(pl.col("address").list.len() == pl.col(column).list.len(), pl.col("address").list.len() > 0)
    each = pairs.explode("address", column).drop_nulls()
    return each.group_by("address", maintain_order=True).first().collect(engine="streaming")


def _days(found: Read, facts: _Facts, domain_set: str) -> Iterator[Day]:
    """Yield the dates, oldest first."""
    purposes = pl.DataFrame({"qname": found.names}).join(facts.purposes, on="qname", how="left", maintain_order="left")
    purpose = purposes["purpose"].fill_null(Purpose.TARGET)
    for (day,), rows in found.rows.partition_by("date", as_dict=True, include_key=False).items():
        ordered = _repeats(rows.sort(*KEY, "asked_at", maintain_order=True))
        cells = ordered.with_columns(
            resolver=found.resolvers.gather(ordered["resolver"]),
            purpose=purpose.gather(ordered["name"]),
            qname=found.names.gather(ordered["name"]),
            qtype=found.qtypes.gather(ordered["qtype"]),
            **{column: found.answers[column].gather(ordered["answer"]) for column in ("answer", "answer_hash")},
            cname=found.cnames.gather(ordered["cname"]),
            soa=found.soas.gather(ordered["soa"]),
            trouble=found.errors.gather(ordered["error"]),
        )
        asked = cells.select("resolver", "transport").unique().sort("resolver", "transport").rows()
        given = found.answers.select(address=pl.col("answer").gather(rows["answer"].drop_nulls().unique()))
        given = given.select(pl.col("address").str.split(" ")).explode("address").unique()
        times = rows["asked_at"]
        yield Day(
            date=day,
            domain_set=domain_set,
            started=times.min(),  # type: ignore[arg-type]  # a column of times without null
            finished=times.max(),  # type: ignore[arg-type]
            resolvers=tuple(facts.panel.entry(found.known_as[name], name, TransportName(how)) for name, how in asked),
            observations=Observations.of(cells.with_columns(_heard())).frame,
            origins=Origins.of(facts.origins.join(given, on="address", how="semi").sort("address")),
            tags=Tags.of(facts.tags.join(given, on="address", how="semi").sort("address")),
            certificates=_certificates(cells, found),
        )


def _repeats(cells: pl.DataFrame) -> pl.DataFrame:
    """Number the times that one question was put on the date; *cells* are sorted."""
    alike = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in KEY).fill_null(value=False)
    if not cells.select(alike.any()).item():
        return cells.with_columns(repeat=pl.lit(0, pl.UInt8))
    place = pl.int_range(pl.len()).over(KEY)
    return cells.with_columns(repeat=place).filter(place < MOST_TIMES)


def _heard() -> list[pl.Expr]:
    """Return the columns that follow from how a question ended."""
    silent = pl.col("outcome").is_in([Outcome.TIMEOUT, Outcome.UNREACHABLE])
    return [
        pl.lit(0).alias("attempt"),
        pl.when(~silent).then(pl.lit(0)).alias("reply"),
        pl.col("outcome").cast(OUTCOME),
        pl.when(silent).then("trouble").alias("trouble"),
    ]


def _certificates(cells: pl.DataFrame, found: Read) -> Certificates:
    """Return per name and address whether most of the handshakes went well: one may fail as any connection may.

    Where most failed, the others are the second try.
    """
    probed = cells.lazy().filter(pl.col("good").is_not_null(), pl.col("first").is_not_null())
    told = probed.group_by("qname", "first").agg(good=pl.col("good").sum(), all=pl.len()).collect()
    why = pl.format("handshakes failed ({} of {})", pl.col("all") - pl.col("good"), "all")
    told = told.with_columns(address=found.addresses.gather(told["first"]), valid=2 * pl.col("good") >= pl.col("all"))
    several = ~pl.col("valid") & (pl.col("all") > 1)
    told = told.with_columns(why=pl.when(~pl.col("valid")).then(why), again=pl.when(several).then(pl.col("good") > 0))
    told = told.with_columns(again_why=pl.when(~pl.col("again")).then("why"))
    return Certificates.of(told.drop_nulls("address").unique(["qname", "address"]).sort("qname", "address"))


IMPORTER = Importer(says="a table with one row per question and resolver", read=read)
