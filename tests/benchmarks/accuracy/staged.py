"""A stage, played -> a folder with what a detector may see, and what was true beside it (see truth.py)."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.accuracy.stage import CONTROL, Happening, Stage
from benchmarks.accuracy.truth import NETWORKS

BEGAN = datetime(2026, 1, 1, 5, tzinfo=UTC)
EVENTS: dict[str, Any] = {
    "event_id": pl.String,
    "domain": pl.String,
    "country": pl.String,
    "mechanism": pl.String,
    "start": pl.Int64,
    "end": pl.Int64,
    "preexisting": pl.Boolean,
    "n_resolvers": pl.Int64,
    "rollout": pl.Float64,
}
BENIGN: dict[str, Any] = {
    "scope": pl.String,
    "key": pl.String,
    "cause": pl.String,
    "start": pl.Int64,
    "end": pl.Int64,
    "ignore": pl.Boolean,
    "detail": pl.String,
}
UNSHOWN = 0.02  # of the addresses with TLS, on one day, that cannot be connected to


def play(stage: Stage, folder: Path) -> Path:
    """Write the world that *stage* tells to *folder*, and return that."""
    folder.mkdir(parents=True)
    seen: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    tls = {name.name: name.tls for name in stage.names}
    for run in range(stage.days * stage.runs):
        day = run // stage.runs
        at = BEGAN + timedelta(days=day, minutes=20 * (run % stage.runs))
        for who, over, name, qtype, reply in stage.replies(day, run % stage.runs):
            forged = bool(reply.mechanism) or reply.cause in ("captive", "policy_filter")
            shown = [_shown(stage, day, text, good=tls[name.name] and not forged) for text in reply.addresses[:1]]
            row = {"obs_id": len(seen), "run": run, "ts": at, "resolver_id": who.name, "transport": over}
            row |= {"domain": name.name, "qtype": qtype, "rcode": reply.rcode, "answers": list(reply.addresses)}
            answered = reply.rcode != "TIMEOUT"
            proof = {"aa": reply.aa, "soa": reply.soa or None, "authority": int(bool(reply.soa))} if answered else {}
            seen.append(
                {
                    **row,
                    "cname": reply.alias,
                    "ttl": 300 if reply.addresses else -1,
                    **proof,
                    "cert_ok": next(iter(shown), None),
                }
            )
            truth = {"blocked": reply.blocked, "mechanism": reply.mechanism, "benign_cause": reply.cause}
            labels.append({"obs_id": len(labels), **truth})
    kinds: dict[str, Any] = {"aa": pl.Boolean, "soa": pl.String, "authority": pl.UInt16, "cert_ok": pl.Boolean}
    pl.DataFrame(seen, infer_schema_length=None, schema_overrides=kinds).write_parquet(folder / "observations.parquet")
    pl.DataFrame(labels, schema_overrides={"blocked": pl.Boolean}).write_parquet(folder / "labels.parquet")
    _catalogue(stage, folder)
    _truth(stage, folder)
    return folder


def _shown(stage: Stage, day: int, address: str, *, good: bool) -> bool:
    """Return whether a handshake with an address goes well: its host is up or down for everybody that day."""
    return good and stage.chance("host", address, day) >= UNSHOWN


def _catalogue(stage: Stage, folder: Path) -> None:
    """Write what a monitor knows of resolvers, names and addresses."""
    policies = {"family": "family", "adblock": "adblock"}
    resolvers = [
        (who.name, stage.address(who.asn, 7), who.country, who.asn, who.role, who.kind, policies.get(who.kind, "none"))
        for who in stage.resolvers
    ]
    _csv(folder / "resolvers.csv", ("resolver_id", "ip", "country", "asn", "role", "kind", "policy"), resolvers)
    _csv(folder / "domains.csv", ("domain", "role"), [(name.name, name.role) for name in stage.names])
    tags = [{"ip": text, "asn": asn, "asname": f"NETWORK-{asn}"} for text, asn in sorted(stage.owners.items())]
    pl.DataFrame(tags).write_parquet(folder / "ip_tags.parquet")


def _csv(file: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])


def _truth(stage: Stage, folder: Path) -> None:
    """Write events and innocent happenings, by runs."""
    benign = [row for each in stage.happenings if not each.mechanism for row in _innocent(stage, each)]
    pl.DataFrame(list(_merged(stage)), schema=EVENTS).write_parquet(folder / "truth_events.parquet")
    pl.DataFrame(benign, schema=BENIGN).write_parquet(folder / "truth_benign.parquet")


def _innocent(stage: Stage, each: Happening) -> Iterator[dict[str, Any]]:
    """Yield what befell each name or, where it befell all of them, each resolver."""
    span = {"cause": each.cause, "start": each.start * stage.runs, "end": min(each.end, stage.days) * stage.runs}
    if not each.names:
        for name in sorted(each.resolvers):
            yield {"scope": "resolver", "key": name, "ignore": False, "detail": "", **span}
        return
    countries = sorted({who.country for who in stage.resolvers if who.name in each.resolvers}) or [""]
    for name in sorted(each.names):
        for country in countries:
            yield {"scope": "domain", "key": name, "ignore": each.open, "detail": country, **span}


def _events(stage: Stage, each: Happening) -> Iterator[dict[str, Any]]:
    """Yield one event per name and country that a block concerns; *struck* are the resolvers."""
    for country, there in _networks(stage).items():
        struck = {who for who in there if not each.resolvers or who in each.resolvers}
        for name in sorted(each.names if struck else ()):
            span = {"start": each.start * stage.runs, "end": min(each.end, stage.days) * stage.runs}
            yield {"domain": name, "country": country, "mechanism": each.mechanism, "struck": struck, **span}


def _networks(stage: Stage) -> dict[str, set[str]]:
    """Return the resolvers that stand for each country."""
    found: dict[str, set[str]] = {}
    for who in stage.resolvers:
        if who.role != CONTROL and who.kind in NETWORKS:
            found.setdefault(who.country, set()).add(who.name)
    return found


def _merged(stage: Stage) -> Iterator[dict[str, Any]]:
    """Yield the events; what follows without a gap on a name in a country, by whatever means, is the same one."""
    events = [event for each in stage.happenings if each.mechanism for event in _events(stage, each)]
    joined: list[dict[str, Any]] = []
    for event in sorted(events, key=lambda event: (event["domain"], event["country"], event["start"])):
        last = joined[-1] if joined else {"domain": None, "country": None, "end": 0}
        same = (last["domain"], last["country"]) == (event["domain"], event["country"])
        if same and event["start"] <= last["end"]:
            last["end"] = max(last["end"], event["end"])
            last["struck"] |= event["struck"]
        else:
            joined.append({**event, "struck": set(event["struck"])})
    there = _networks(stage)
    for event in joined:
        struck = event.pop("struck")
        share = len(struck) / len(there[event["country"]])
        named = f"{event['domain']} {event['country']} {event['start']}"
        yield {
            **event,
            "event_id": named,
            "preexisting": event["start"] == 0,
            "n_resolvers": len(struck),
            "rollout": share,
        }
