"""What was asked and said, the way `dig` shows it."""

from collections.abc import Iterator
from typing import Any

import dns.edns
import dns.rcode

from resolver_diff.wording.lines import Line, Tone, line, paragraph

FLAGS = ("aa", "tc", "ra", "ad")


def show(row: dict[str, Any], width: int | None) -> Iterator[Line]:
    """Yield one observation: the query, and the reply if there was one."""
    attempt = f", repeat {row['repeat'] + 1}" if row["repeat"] else ""
    attempt += f", attempt {row['attempt'] + 1}" if row["attempt"] else ""
    second = f", reply {row['reply'] + 1}" if row["reply"] else ""
    if row["asked_at"] is None and row["reply"] is None and row["trouble"] is not None:
        yield line(f"  ;; over {row['transport']}: {row['trouble']}", Tone.FAINT)
        return
    when = f"{row['asked_at']:%Y-%m-%d %H:%M:%S} UTC" if row["asked_at"] else "never"
    yield line(f"  ;; asked {when} over {row['transport']}{attempt}{second}", Tone.FAINT)
    if row["rcode"] is None:
        yield line(f"  ;; no answer: {row['outcome']}")
        if row["trouble"] is not None:
            yield from paragraph(f";; {row['trouble']}", width=width, first="  ", rest="     ")
        return
    flags = ["qr", *(flag for flag in FLAGS if row[flag])]
    authority = f"; AUTHORITY: {row['authority']}" if row["authority"] is not None else ""
    yield line(f"  ;; status: {dns.rcode.to_text(row['rcode'])}, flags: {' '.join(flags)}{authority}")
    for record in _records(row):
        yield from paragraph(record, width=width, first="  ", rest="      ")
    if row["soa"] is not None:
        yield line(f"  ;; SOA of {row['soa']}.".replace("..", "."))
    elif row["answer"] is None:
        yield line("  ;; no SOA")
    for code in row["ede"] or ():
        yield line(f"  ;; EDE: {code} ({_ede(code)})")
    if row["ede_text"] is not None:
        yield from paragraph(f";; EDE text: {row['ede_text']}", width=width, first="  ", rest="     ")
    if row["nsid"] is not None:
        yield from paragraph(f";; NSID: {row['nsid']}", width=width, first="  ", rest="     ")
    facts = [f"query time: {row['rtt'].total_seconds() * 1000:.0f} ms"] if row["rtt"] is not None else []
    facts += [f"received: {row['size']} octets"] if row["size"] is not None else []
    facts += [f"smallest TTL: {row['ttl']}"] if row["ttl"] is not None else []
    if facts:
        yield line(f"  ;; {', '.join(facts)}", Tone.FAINT)


def _records(row: dict[str, Any]) -> Iterator[str]:
    """Yield the chain and the answer as records; their TTLs are not kept one by one."""
    owner = row["qname"]
    for target in filter(None, (row["cname"] or "").split(" ")):
        yield f"{owner}. CNAME {target.removesuffix('.')}."
        owner = target.removesuffix(".")
    for rdata in (row["answer"] or "").split(" "):
        if rdata:
            yield f"{owner}. {row['qtype']} {rdata}"


def _ede(code: int) -> str:
    """Return the name of an INFO-CODE (RFC 8914 5.2)."""
    assigned = {int(member): name for name, member in dns.edns.EDECode.__members__.items()}
    return assigned.get(code, "unassigned").replace("_", " ").capitalize()
