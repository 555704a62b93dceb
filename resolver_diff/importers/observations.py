"""A table with one row per question and resolver: who was asked when, for what, and what came.

    FOLDER/observations.parquet     or one FILE.parquet

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
have is null in the snapshot. A qtype of ANY stands for a lookup of both addresses.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from resolver_diff.errors import Place, Problem, UsageError
from resolver_diff.importers import Day, Found, Importer
from resolver_diff.importers._panel import Panel
from resolver_diff.importers._reading import KEY, MOST_TIMES, Read, canonical, reading
from resolver_diff.tables import (
    OUTCOME,
    PURPOSE,
    Certificates,
    Observations,
    Origins,
    Outcome,
    Purpose,
    Tags,
    TransportName,
)

TABLE, RESOLVERS, DOMAINS, TAGS = "observations.parquet", "resolvers.csv", "domains.csv", "ip_tags.parquet"
WANTED = ("resolver_id", "domain", "qtype", "rcode", "answers")
PURPOSES = {"control": Purpose.CONTROL, "canary_nx": Purpose.CANARY, "canary": Purpose.CANARY}


def read(path: Path) -> Found:
    """Read the table at *path*; raises UsageError when it is none."""
    table = path / TABLE if path.is_dir() else path
    if not table.exists():
        hint = f"a folder with {TABLE}, or one Parquet file"
        raise UsageError(f"there is no table of observations at {path}", hint=hint)
    try:
        schema = pl.read_parquet_schema(table)
        missing = [name for name in WANTED if name not in schema] + ([] if {"run", "ts"} & {*schema} else ["ts"])
        if missing:
            raise UsageError(f"the table has no column {', '.join(missing)}", Place(str(table)))
        facts = _Facts.of(path, table, schema)
        found = reading(table, schema)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"not a table of observations ({reason})", Place(str(table))) from error
    dates = tuple(found.rows["date"].unique().sort())
    stem = path.name if path.is_dir() else path.stem
    inputs = {str(file.name): _sha256(file) for file in facts.files}
    return Found(_set_name(stem), inputs, dates, _days(found, facts), (*facts.problems, *found.unread))


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
    def of(cls, path: Path, table: Path, schema: Mapping[str, pl.DataType]) -> "_Facts":
        beside = [path / name for name in (RESOLVERS, DOMAINS, TAGS)] if path.is_dir() else []
        there = {file.name: file for file in beside if file.exists()}
        tagged = _tagged(there.get(TAGS), table, schema)
        origins = Origins.of(tagged.filter(pl.col("asn").is_not_null())).frame
        tags = tagged.filter(pl.any_horizontal(pl.col("certificate", "page").is_not_null()))
        known = origins.filter(pl.col("organisation").is_not_null())
        organisations = dict(zip(known["address"], known["organisation"], strict=True)) if RESOLVERS in there else {}
        told = pl.read_csv(there[RESOLVERS]) if RESOLVERS in there else _told_by_rows(table, schema)
        purposes = pl.DataFrame(schema={"qname": pl.String, "purpose": PURPOSE})
        if DOMAINS in there:
            listed = pl.read_csv(there[DOMAINS]).select(qname=pl.col("domain").cast(pl.String), role="role")
            special = listed.filter(pl.col("role").is_in(list(PURPOSES)))
            purposes = special.select("qname", purpose=pl.col("role").replace_strict(PURPOSES, return_dtype=PURPOSE))
        absent = [file for file in beside if file.name not in there]
        problems = tuple(Problem(f"there is no {file.name}; what it would say stays open") for file in absent)
        return cls(
            (table, *there.values()), Panel.of(told, organisations), purposes, origins, Tags.of(tags).frame, problems
        )


def _told_by_rows(table: Path, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return what the rows themselves say about resolvers; one that is a control in any row is one.

    An AS number in them is the vantage's, and says nothing of who runs the resolver.
    """
    renamed = {"resolver_ip": "ip", "resolver_cc": "country", "kind": "kind", "policy": "policy"}
    there = {name: column for name, column in renamed.items() if name in schema}
    control = (pl.col("role") == "control").any() if "role" in schema else pl.lit(value=False)
    role = pl.when(control).then(pl.lit("control")).otherwise(pl.lit("test")).alias("role")
    facts = [pl.col(name).drop_nulls().first().alias(column) for name, column in there.items()]
    return pl.scan_parquet(table).group_by("resolver_id").agg(*facts, role).collect()


def _tagged(file: Path | None, table: Path, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
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
            if name in schema:
                known = known.join(_aligned(table, name, column), on="address", how="full", coalesce=True)
    absent = [name for name in ("asn", "organisation", "certificate", "page") if name not in known.columns]
    known = known.with_columns(pl.lit(None).alias(name) for name in absent).drop_nulls("address")
    known = known.with_columns(pl.Series("address", [canonical(text) for text in known["address"]], dtype=pl.String))
    first = known.group_by("address", maintain_order=True).agg(pl.all().drop_nulls().first())
    return first.with_columns(source=pl.lit((file or table).name))


def _aligned(table: Path, name: str, column: str) -> pl.DataFrame:
    """Return the first that the lists of the column *name* say of each address, as *column*."""
    pairs = pl.scan_parquet(table).select(address="answers", **{column: name})
    pairs = pairs.filter(pl.col("address").list.len() == pl.col(column).list.len(), pl.col("address").list.len() > 0)
    each = pairs.explode("address", column).drop_nulls()
    return each.group_by("address", maintain_order=True).first().collect()


def _days(found: Read, facts: _Facts) -> Iterator[Day]:
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


def _set_name(stem: str) -> str:
    """Return what the files are called: as the folder or file, where a domain set can be called that."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in stem)
    return kept.strip("._-") or "observations"


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


IMPORTER = Importer(says="a table with one row per question and resolver (Parquet)", read=read)
