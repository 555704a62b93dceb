"""What was asked and said, the way `dig` shows it; and the command that asks the same again."""

import shlex
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode

from resolver_diff.config import Resolver
from resolver_diff.config.model import PORTS
from resolver_diff.reports._layout import Line, Tone, line, paragraph
from resolver_diff.tables import TransportName

FLAGS = ("aa", "tc", "ra", "ad")
DIG = ("+nsid", "+nocookie", "+bufsize=1232")  # what dig would do otherwise than we do


def show(row: dict[str, Any], width: int | None) -> Iterator[Line]:
    """Yield one observation: the query, and the reply if there was one."""
    attempt = f", repeat {row['repeat'] + 1}" if row["repeat"] else ""
    attempt += f", attempt {row['attempt'] + 1}" if row["attempt"] else ""
    second = f", reply {row['reply'] + 1}" if row["reply"] else ""
    if row["asked_at"] is None and row["reply"] is None and row["trouble"] is not None:
        yield line(f"  ;; over {row['transport']} {row['trouble']}", Tone.FAINT)
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


def command(resolver: Resolver, qname: str, qtype: str) -> str:
    """Return a command line that asks the same again, over the same transport."""
    transport = resolver.transport
    port = [] if resolver.port == PORTS[transport] else ["-p", str(resolver.port)]
    asked = [f"@{resolver.address}", *port, qname, qtype]
    if transport == TransportName.H3:
        return _curl(resolver, qname, qtype)
    if transport in (TransportName.UDP, TransportName.TCP):
        words = ["dig", *asked, *DIG, *(["+tcp"] if transport == TransportName.TCP else [])]
    else:
        words = ["kdig", *asked, "+nsid", "+adflag", *_trust(resolver)]
        if resolver.hostname:
            words += [f"+tls-hostname={resolver.hostname}"]
        if transport == TransportName.HTTPS:
            words += [f"+https={resolver.hostname or ''}{resolver.path or '/dns-query'}"]
            words += ["+https-get"] if resolver.method == "GET" else []
        else:
            words += ["+tls" if transport == TransportName.TLS else "+quic"]
    return shlex.join([*words, *([] if resolver.recursion else ["+norecurse"])])


def _trust(resolver: Resolver) -> list[str]:
    """Return what makes kdig check the certificate as we do: by pins, or by authorities."""
    if resolver.pins:
        return [f"+tls-pin={pin}" for pin in resolver.pins]
    return [f"+tls-ca={resolver.ca}" if resolver.ca else "+tls-ca"]


def _curl(resolver: Resolver, qname: str, qtype: str) -> str:
    """Return a GET of RFC 8484 over HTTP/3, which neither dig nor kdig speaks."""
    query = dns.message.make_query(qname, qtype, use_edns=0, payload=1232, options=[dns.edns.NSIDOption(b"")])
    query.id = 0
    query.flags = (dns.flags.RD if resolver.recursion else dns.flags.Flag(0)) | dns.flags.AD
    octets = urlsafe_b64encode(query.to_wire()).rstrip(b"=").decode()
    host = resolver.hostname or resolver.address
    url = f"https://{host}:{resolver.port}{resolver.path or '/dns-query'}?dns={octets}"
    address = f"[{resolver.address}]" if ":" in resolver.address else resolver.address
    words = ["curl", "--http3-only", "-H", "accept: application/dns-message"]
    words += ["--resolve", f"{host}:{resolver.port}:{address}"]
    words += ["--cacert", resolver.ca] if resolver.ca else []
    return shlex.join([*words, url]) + " | xxd"
