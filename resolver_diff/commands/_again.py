"""Commands that ask the same again, of the resolver and of a control, with `dig`, `kdig` or `curl`.

They are to be pasted into a shell, and what is in them comes from the network too: every word is quoted where it needs
it, and a name that a program could take for something else is marked as one.
"""

import re
import shlex
from base64 import urlsafe_b64encode
from collections.abc import Iterator

import dns.edns
import dns.flags
import dns.message

from resolver_diff.config import Resolver
from resolver_diff.config.model import PORTS
from resolver_diff.plan import CHAOS_NAMES, EGRESS_NAMES
from resolver_diff.tables import TransportName
from resolver_diff.wording.lines import EMPTY, Line, Tone, line, paragraph

PAYLOAD = 1232  # octets over UDP, as our own queries have it
ASKED = ("+nsid", f"+bufsize={PAYLOAD}")
DIG = ("+nocookie",)  # what dig does, and we do not
KDIG = ("+adflag", "+nopadding")
LABEL = r"(?!..--)[a-z0-9]([a-z0-9-]*[a-z0-9])?"
PLAIN = re.compile(rf"{LABEL}(\.{LABEL})+")  # no type, class or option, and nothing to convert
CHAOS = "CH"


def page(entry: Resolver, control: Resolver | None, qname: str, qtype: str, width: int | None) -> Iterator[Line]:
    """Yield the commands that ask *entry* and a *control* again, and who *entry* is."""
    yield EMPTY
    yield line("Ask again", Tone.HEADING)
    asked = [(f"{entry.name}, over {entry.transport}", command(entry, qname, qtype))]
    if control is not None:
        asked.append((f"a control, {control.name}, over {control.transport}", command(control, qname, qtype)))
    asked.append(("who answers there (RFC 4892)", command(entry, CHAOS_NAMES[0], "TXT", CHAOS)))
    if entry.recursion:
        asked.append(("from which address its queries leave", command(entry, *EGRESS_NAMES[0])))
    for what, typed in asked:
        yield from paragraph(f"{what}:", width=width, first="  ", rest="  ", tone=Tone.FAINT)
        yield line(f"    {typed}")


def command(resolver: Resolver, qname: str, qtype: str, qclass: str | None = None) -> str:
    """Return a command line that asks the same again, over the same transport; its class is IN if not given."""
    transport = resolver.transport
    if transport == TransportName.H3:
        return _curl(resolver, qname, qtype, qclass)
    is_dig = transport in (TransportName.UDP, TransportName.TCP)
    words = ["dig"] if is_dig else ["kdig", "+noidn"]  # kdig heeds this for the names that come after it
    words += [f"@{resolver.address}"]
    words += [] if resolver.port == PORTS[transport] else ["-p", str(resolver.port)]
    words += _question(qname, qtype, qclass)
    words += [*ASKED, *(DIG if is_dig else KDIG)]
    words += ["+noidnin"] if is_dig and not PLAIN.fullmatch(qname) else []
    words += _carried(resolver)
    return shlex.join([*words, *([] if resolver.recursion else ["+norecurse"])])


def _question(qname: str, qtype: str, qclass: str | None) -> list[str]:
    """Return the words for the question; a name that may be taken for something else is marked as one."""
    if PLAIN.fullmatch(qname):
        return [qname, *([qclass] if qclass else []), qtype]
    return ["-q", qname, *(["-c", qclass] if qclass else []), "-t", qtype]


def _carried(resolver: Resolver) -> list[str]:
    """Return the words for the transport."""
    if resolver.transport == TransportName.UDP:
        return []
    if resolver.transport == TransportName.TCP:
        return ["+tcp"]
    words = _trust(resolver)
    if resolver.hostname:
        words += [f"+tls-hostname={resolver.hostname}"]
    if resolver.transport == TransportName.HTTPS:
        words += [f"+https={resolver.hostname or ''}{resolver.path or '/dns-query'}"]
        return words + (["+https-get"] if resolver.method == "GET" else [])
    return [*words, "+tls" if resolver.transport == TransportName.TLS else "+quic"]


def _trust(resolver: Resolver) -> list[str]:
    """Return what makes kdig check the certificate as we do: by pins, or by authorities."""
    if resolver.pins:
        return [f"+tls-pin={pin}" for pin in resolver.pins]
    return [f"+tls-ca={resolver.ca}" if resolver.ca else "+tls-ca"]


def _curl(resolver: Resolver, qname: str, qtype: str, qclass: str | None) -> str:
    """Return a GET of RFC 8484 over HTTP/3, which neither dig nor kdig speaks."""
    options: list[dns.edns.Option] = [dns.edns.NSIDOption(b"")]
    query = dns.message.make_query(qname, qtype, qclass or "IN", use_edns=0, payload=PAYLOAD, options=options)
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
