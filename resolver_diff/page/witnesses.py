"""What stands behind each cell that a page lists: replies, controls, the others, and the evidence in sentences."""

import importlib
import inspect
import string
from collections.abc import Iterable, Mapping
from typing import Any

import dns.edns
import dns.rcode
import polars as pl
import polars.selectors as cs

from resolver_diff import evidence
from resolver_diff.anomaly import reasons
from resolver_diff.evidence import Bearing
from resolver_diff.page.listed import CELL
from resolver_diff.page.packed import columns
from resolver_diff.wording import visible

QUESTION = ("qname", "qtype")
REPLY = (
    "asked_at", "attempt", "repeat", "reply", "outcome", "rcode", "aa", "tc", "ra", "ad", "answer", "cname", "ttl",
    "soa", "authority", "ede", "ede_text", "nsid", "size", "rtt", "trouble",
)  # fmt: skip


def replies(said: pl.DataFrame, cells: pl.DataFrame) -> dict[str, Any]:
    """Return what was said in *cells*, by column; *cell* is the place of the cell, *day* 0 for the date before."""
    numbered = cells.select(CELL).with_row_index("cell")
    plain = said.with_columns(cs.categorical().cast(pl.String), cs.by_dtype(pl.Enum).cast(pl.String))
    rows = plain.join(numbered, on=CELL, how="inner")
    rows = rows.with_columns(rcode=pl.col("rcode").cast(pl.Int64).replace_strict(_rcodes(rows), return_dtype=pl.String))
    order = ("cell", "day", "repeat", "asked_at", "attempt", "reply")
    return columns(rows.sort(order).select("cell", "day", *REPLY))


def _rcodes(rows: pl.DataFrame) -> dict[int, str]:
    """Return the mnemonics of the RCODEs that are there."""
    return {
        int(code): dns.rcode.to_text(dns.rcode.Rcode.make(int(code))) for code in rows["rcode"].drop_nulls().unique()
    }


def extended(said: pl.DataFrame) -> dict[str, str]:
    """Return the INFO-CODEs that were said with their names (RFC 8914 5.2)."""
    assigned = {int(member): name for name, member in dns.edns.EDECode.__members__.items()}
    codes = said["ede"].explode(empty_as_null=True).drop_nulls().unique().sort()
    return {str(code): assigned.get(code, "unassigned").replace("_", " ").capitalize() for code in codes}


def controls(today: pl.DataFrame, cells: pl.DataFrame) -> dict[str, Any]:
    """Return what each control said to the questions of *cells*, by column."""
    asked = cells.select(QUESTION).unique()
    rows = _as_text(today.filter(pl.col("role") == "control")).join(asked, on=QUESTION, how="semi")
    shown = (*QUESTION, "resolver", "operator", "transport", "outcome", "answer", "cname")
    return columns(rows.sort(*QUESTION, "resolver", "transport").select(shown))


def others(today: pl.DataFrame, cells: pl.DataFrame) -> dict[str, Any]:
    """Return how many of those that are no controls said what to the questions of *cells*, by column."""
    asked = cells.select(QUESTION).unique()
    rows = _as_text(today.filter(pl.col("role") != "control")).join(asked, on=QUESTION, how="semi")
    counted = rows.group_by(*QUESTION, "outcome").agg(resolvers=pl.len())
    return columns(counted.sort(*QUESTION, "resolvers", "outcome", descending=[False, False, True, False]))


def _as_text(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(cs.categorical().cast(pl.String), cs.by_dtype(pl.Enum).cast(pl.String))


def sentences(cells: pl.DataFrame) -> pl.DataFrame:
    """Return for each of *cells* its evidence as sentences: *speaks_for* and *speaks_against*, ``name: sentence``."""
    wanted = {name: _wanted(one.says) & set(cells.columns) for name, one in reasons().items()}
    known: dict[tuple[str, tuple[object, ...]], str] = {}
    told: dict[str, list[list[str]]] = {"speaks_for": [], "speaks_against": []}
    needed = sorted({"evidence_for", "evidence_against"}.union(*wanted.values()))
    for row in cells.select(needed).iter_rows(named=True):
        for column, names in (("speaks_for", row["evidence_for"]), ("speaks_against", row["evidence_against"])):
            told[column].append([_sentence(name, row, wanted, known) for name in names or ()])
    return cells.select(CELL).with_columns(
        pl.Series(column, each, dtype=pl.List(pl.String())) for column, each in told.items()
    )


def _sentence(
    name: str, row: Mapping[str, Any], wanted: Mapping[str, set[str]], known: dict[tuple[str, tuple[object, ...]], str]
) -> str:
    """Return the evidence *name* about a cell; cells that are alike in what it looks at share one sentence."""
    if name not in wanted:
        return name
    key = (name, tuple(str(row[column]) for column in sorted(wanted[name])))
    if key not in known:
        known[key] = f"{name}: {reasons()[name].sentence(row)}"
    return known[key]


def _wanted(says: str) -> set[str]:
    return {field.partition(".")[0] for _, field, _, _ in string.Formatter().parse(says) if field}


def meanings(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what each piece of evidence claims and when it is wrong, as its file says."""
    found = {}
    for name in sorted(set(names) & set(reasons())):
        text = inspect.getdoc(importlib.import_module(f"{evidence.__name__}.{name}")) or ""
        says = [visible(" ".join(part.split())) for part in text.split("\n\n")]
        found[name] = {"supports": reasons()[name].bearing is Bearing.SUPPORTS, "says": says}
    return found
