"""Each judged cell as a measurement in the manner of OONI: one JSON object a line.

The envelope is that of OONI's measurements (data format 0.2.0), and *test_keys.queries* is its data format for DNS
(df-002-dnst), so that what reads *queries*, *answers* and *failure* there reads them here. A query is one sent or a
further reply to it; *t0* and *t* are seconds after *measurement_start_time*, and alike where no reply came, as then
nothing was measured. *failure* has OONI's words where there is
one (dns_nxdomain_error, dns_no_answer, dns_servfail_error, dns_refused_error, generic_timeout_error), else
``unknown_failure`` and ours. *rcode* is not told: it is not kept beside what is judged.

*test_name* is ``resolver_diff``, which is no test of OONI. *input* is the name. What we make of the cell stands in
*test_keys.resolver_diff*: its state, mechanism, the consensus of the controls and how many operators agree, and
the evidence. *dns_consistency* says it in OONI's words: ``consistent`` for agrees, ``inconsistent`` for
vanished and divergent, null for gone and insufficient. There is no *blocking*: we do not say that.

Not known, and not invented: *probe_asn* is AS0 and *probe_cc* ZZ, OONI's words for it; *report_id* is empty, as
nothing was ever sent to OONI. The vantage, and what is known of the resolver, are *annotations*.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import polars as pl

import resolver_diff
from resolver_diff.config import Resolver
from resolver_diff.diff import Diff
from resolver_diff.exporters import Exporter, Given
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Outcome, Purpose, State, TransportName

SECONDS = "%Y-%m-%d %H:%M:%S"
CELLS = 4_096  # that are written at a time
KEY = ("domain_set", "qname", "qtype", "resolver", "transport")
SAID = ("asked_at", "attempt", "repeat", "reply", "outcome", "answer", "cname", "ttl", "rtt", "trouble")
ENGINES = {TransportName.TLS: "dot", TransportName.HTTPS: "doh", TransportName.H3: "doh3", TransportName.QUIC: "doq"}
FAILURES = {
    Outcome.ANSWER: None,
    Outcome.NODATA: "dns_no_answer",
    Outcome.NXDOMAIN: "dns_nxdomain_error",
    Outcome.SERVFAIL: "dns_servfail_error",
    Outcome.REFUSED: "dns_refused_error",
    Outcome.TIMEOUT: "generic_timeout_error",
}
CONSISTENCY = {State.AGREES: "consistent", State.VANISHED: "inconsistent", State.DIVERGENT: "inconsistent"}
TOLD = ("state", "mechanism", "consensus", "controls_agreeing", "controls_asked", "evidence_for", "evidence_against")
Row = dict[str, Any]


def lines(given: Given) -> Iterator[str]:
    """Yield the measurements of every vantage, in the order of the questions."""
    for snapshot, diff in given.judged():
        begun = f"{min(run.started for run in snapshot.runs):{SECONDS}}"
        entries = given.resolvers(diff.vantage)
        owners = {str(row["address"]): row for row in snapshot.origins.rows()}
        for cells, said in _pieces(snapshot, diff):
            for cell in cells.iter_rows(named=True):
                entry = entries.get((cell["resolver"], cell["transport"]))
                queries = [row for row in said.get(tuple(cell[name] for name in KEY), []) if row["asked_at"]]
                if entry is not None and queries:
                    measured = _measurement(cell, entry, queries, owners) | {"test_start_time": begun}
                    yield json.dumps(measured, ensure_ascii=True) + "\n"


def _pieces(snapshot: Snapshot, diff: Diff) -> Iterator[tuple[pl.DataFrame, dict[tuple[str, ...], list[Row]]]]:
    """Yield some cells at a time, and the rows of each by its key."""
    texts = pl.col(KEY).cast(pl.String)
    cells = diff.cells.filter(pl.col("date") == diff.date_after).with_columns(texts)
    rows = snapshot.observations.filter(pl.col("purpose") == Purpose.TARGET)
    for piece in cells.select("vantage", "date", *KEY, *TOLD).iter_slices(CELLS):
        there = rows.filter(pl.col("qname").cast(pl.String).is_in(piece["qname"].unique().implode()))
        there = there.with_columns(texts).join(piece.select(KEY), on=KEY, how="semi", maintain_order="left")
        yield piece, there.select(*KEY, *SAID).rows_by_key(KEY, named=True)


def _measurement(cell: Row, entry: Resolver, rows: list[Row], owners: dict[str, Row]) -> Row:
    """Return one cell as a measurement."""
    rows = sorted(rows, key=lambda row: (row["asked_at"], row["repeat"], row["attempt"], row["reply"] or 0))
    start: datetime = rows[0]["asked_at"].replace(microsecond=0)
    queries = [_query(cell, entry, row, start, owners) for row in rows]
    facts = {name: getattr(entry, name) for name in ("operator", "country", "role", "policy")}
    return {
        "annotations": {
            "vantage": cell["vantage"],
            "resolver": entry.name,
            "transport": cell["transport"],
            "domain_set": cell["domain_set"],
            "date": str(cell["date"]),
            **{f"resolver_{name}": str(fact) for name, fact in facts.items() if fact is not None},
        },
        "data_format_version": "0.2.0",
        "id": _identity(cell),
        "input": cell["qname"],
        "measurement_start_time": f"{start:{SECONDS}}",
        "probe_asn": "AS0",
        "probe_cc": "ZZ",
        "probe_ip": "127.0.0.1",  # as OONI writes it where it is not told
        "report_id": "",
        "software_name": "resolver_diff",
        "software_version": resolver_diff.__version__,
        "test_keys": {
            "queries": queries,
            "dns_consistency": CONSISTENCY.get(cell["state"]),
            "resolver_diff": {name: cell[name] for name in TOLD},
        },
        "test_name": "resolver_diff",
        "test_runtime": max(query["t"] for query in queries),
        "test_version": "1",
    }


def _identity(cell: Row) -> str:
    """Return what stays the same when the cell is exported again, and is no other's."""
    key = "\n".join(str(cell[name]) for name in ("vantage", "date", *KEY))
    return blake2b(key.encode(), digest_size=16).hexdigest()


def _query(cell: Row, entry: Resolver, row: Row, start: datetime, owners: dict[str, Row]) -> Row:
    """Return one query, or a further reply to it."""
    begun: timedelta = row["asked_at"] - start
    took: timedelta = row["rtt"] or timedelta()
    outcome = Outcome(row["outcome"])
    failure = FAILURES[outcome] if outcome in FAILURES else f"unknown_failure: {row['trouble'] or outcome}"
    transport = TransportName(cell["transport"])
    return {
        "answers": list(_answers(cell["qtype"], row, owners)),
        "engine": ENGINES.get(transport, str(transport)),
        "failure": failure,
        "hostname": cell["qname"],
        "query_type": cell["qtype"],
        "resolver_hostname": None,
        "resolver_port": None,
        "resolver_address": _address(entry, transport),
        "t0": begun.total_seconds(),
        "t": (begun + took).total_seconds(),
    }


def _address(entry: Resolver, transport: TransportName) -> str:
    """Return who is asked: a URL over HTTPS, else address and port."""
    host = f"[{entry.address}]" if ":" in entry.address else entry.address
    if transport in (TransportName.HTTPS, TransportName.H3):
        return f"https://{entry.hostname or host}{entry.path or ''}"
    return f"{host}:{entry.port}"


def _answers(qtype: str, row: Row, owners: dict[str, Row]) -> Iterator[Row]:
    """Yield the aliases that a reply names, then what it answers."""
    for target in (row["cname"] or "").split():
        yield {"answer_type": "CNAME", "hostname": target, "ttl": row["ttl"]}
    field = {"A": "ipv4", "AAAA": "ipv6"}.get(qtype)
    for rdata in (row["answer"] or "").split():
        known = owners.get(rdata, {})
        owner = {"asn": known.get("asn"), "as_org_name": known.get("organisation")} if known else {}
        yield {"answer_type": qtype, field or "rdata": rdata, "ttl": row["ttl"], **owner}


EXPORTER = Exporter("each judged cell, in the manner of OONI's measurements", None, lines=lines)
