"""Messages to decode, and what dnspython makes of them: the reference the columns are held to."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import Any

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import numpy as np
import polars as pl

from resolver_diff.wire import Messages
from resolver_diff.wire.decode import COLUMNS, decode
from resolver_diff.wire.reading import LONGEST_CHAIN


def ede(code: int, text: str | None = None) -> dns.edns.EDEOption:
    """Return an Extended DNS Error."""
    return dns.edns.EDEOption(dns.edns.EDECode.make(code), text)


RDATA = {
    "A": ["192.0.2.1", "192.0.2.2", "198.51.100.77", "0.0.0.0", "255.255.255.255"],
    "AAAA": ["2001:db8::1", "::", "::1", "::ffff:192.0.2.1", "2001:db8:0:1:0:1:0:1", "fe80::1:0:0:0"],
    "NS": ["ns1.example.", "NS2.Example.NET.", "."],
    "CNAME": ["other.example."],
    "PTR": ["host.example.", r"odd\.label.example."],
    "DNAME": ["Elsewhere.example."],
    "MX": ["10 mail.example.", "0 .", "65535 MX.Example.org."],
    "SOA": ["ns1.example. Host.Example. 2026021100 7200 3600 1209600 300"],
    "TXT": ['"v=spf1 -all"', '"a" "b c"', r'"quote \" and \\ and \007"', '""'],
    "SPF": ['"v=spf1 a:Mail.example -all"'],
    "SRV": ["0 5 443 Service.example.", "1 1 53 ."],
    "CAA": ['0 issue "ca.example"'],
    "NAPTR": ['100 10 "U" "E2U+sip" "!^.*$!sip:Info@example.com!" .', '1 2 "s" "SIP+D2U" "" _sip._udp.Example.'],
    "HTTPS": ["1 . alpn=h2,h3 ipv4hint=192.0.2.1", "0 Alias.Example."],
    "SVCB": ["1 Svc.example. port=853 alpn=dot"],
    "DS": ["12345 13 2 " + "AB" * 32],
    "DNSKEY": ["257 3 13 " + "AAAA" * 16],
    "RRSIG": ["A 13 2 300 20260301000000 20260201000000 12345 Example. AAAA"],
    "NSEC": ["Next.example. A AAAA RRSIG NSEC"],
    "TLSA": ["3 1 1 " + "cd" * 32],
    "SSHFP": ["4 2 " + "0f" * 32],
    "LOC": ["52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"],
    "HINFO": ['"Some CPU" "An OS"'],
    "RP": ["Mbox.example. Txt.example."],
    "AFSDB": ["1 Db.Example."],
    "URI": ['10 1 "https://example.com/a path"'],
    "CERT": ["1 12345 8 AAECAw=="],
    "APL": ["1:192.0.2.0/24 !2:2001:db8::/32", ""],
    "WKS": ["192.0.2.1 6 25 80"],
    "GPOS": ["-22.6882 116.8652 250.0"],
    "ISDN": ['"150862028003217" "004"'],
    "X25": ['"311061700956"'],
    "KEY": ["256 3 8 AAECAw=="],
    "CDNSKEY": ["257 3 13 " + "AAAA" * 16],
    "SIG": ["A 13 2 300 20260301000000 20260201000000 12345 Example. AAAA"],
    "CDS": ["12345 13 2 " + "AB" * 32],
    "DLV": ["12345 13 2 " + "AB" * 32],
    "KX": ["10 Exchanger.example."],
    "RT": ["10 Relay.Example."],
    "PX": ["10 A.example. B.Example."],
    "NSAP": ["0x47000580005a0000000001e133ffffff00016100"],
    "NSAP-PTR": ["Host.example."],
    "IPSECKEY": ["10 3 2 Gate.example. AAECAw==", "10 1 2 192.0.2.3 AAECAw==", "10 0 2 . AAECAw=="],
    "AMTRELAY": ["10 0 3 Relay.example.", "10 1 2 2001:db8::15"],
    "HIP": ["2 200100107B1A74DF365639CC39F1D578 AAECAw== Rvs.Example. rvs2.example."],
    "DHCID": ["AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="],
    "NSEC3": ["1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG"],
    "NSEC3PARAM": ["1 0 12 aabbccdd"],
    "CSYNC": ["66 3 A NS AAAA"],
    "DSYNC": ["CDS NOTIFY 5359 Scanner.example."],
    "ZONEMD": ["2026021100 1 1 " + "ab" * 48],
    "EUI48": ["00-00-5e-00-53-2a"],
    "EUI64": ["00-00-5e-ef-10-00-00-2a"],
    "NID": ["10 0014:4fff:ff20:ee64"],
    "L32": ["10 192.0.2.0"],
    "L64": ["10 2001:0db8:1140:1000"],
    "LP": ["10 L64.Example."],
    "OPENPGPKEY": ["AAECAw=="],
    "SMIMEA": ["3 0 1 " + "ab" * 32],
    "AVC": ['"app-name:Example"'],
    "NINFO": ['"zone status"'],
    "RESINFO": ['"qnamemin" "exterr=15-17"'],
    "WALLET": ['"BTC" "an address"'],
    "HHIT": ["AAECAw=="],
    "BRID": ["AAECAw=="],
    "TYPE65280": [r"\# 4 0a0b0c0d", r"\# 0"],
}
LABELS = ["www", "WWW", "cdn", "a", "b", "x-1", "_dmarc", r"odd\.dot", r"sp\032ace", r"\000\255", "m" * 63]
TLDS = ["example.", "Example.ORG.", "test."]
TTLS = [0, 1, 60, 300, 86400, 2**31 - 1]
RCODES = [0] * 24 + [3] * 6 + [2, 5, 1, 4, 9, 16, 23, 4095]
OPTIONS = [
    ede(15),
    ede(17, "Filtered by order"),
    ede(65535, "für Ämter"),
    ede(4, "bell\a and \u202eoverride"),
    dns.edns.NSIDOption(b"fra1.res-7"),
    dns.edns.NSIDOption(b"\x00\x01\xfe"),
    dns.edns.NSIDOption(b""),
    dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(16)),
    dns.edns.ECSOption("192.0.2.0", 24),
]


@dataclass(frozen=True)
class Sample:
    """A query and a reply to it."""

    query: bytes
    reply: bytes


def sample(random: Random) -> Sample:
    """Return a reply like those seen in the wild and some that are not, to a query of one question."""
    qname, qtype = name(random), random.choice(["A"] * 30 + ["AAAA"] * 15 + ["CNAME", "ANY", *RDATA])
    query = dns.message.make_query(qname, qtype, use_edns=0, id=random.randrange(1 << 16))
    reply = dns.message.make_response(query)
    reply.flags |= random.choice([0, dns.flags.AA]) | random.choice([0, dns.flags.RA, dns.flags.RA | dns.flags.AD])
    reply.use_edns(0 if random.random() < 0.8 else -1, options=random.sample(OPTIONS, random.choice([0, 0, 1, 2, 4])))
    rcode = random.choice(RCODES)
    reply.set_rcode(dns.rcode.Rcode.make(rcode if reply.edns == 0 else rcode & 15))
    records, end = chain(random, qname)
    if random.random() < 0.8 and qtype != "ANY":
        records += rrset(random, end, qtype)
    records += [record for _ in range(random.choice([0, 0, 1, 2])) for record in rrset(random, name(random))]
    if random.random() < 0.1:
        records += rrset(random, qname, random.choice(list(RDATA)))
    if random.random() < 0.3:
        random.shuffle(records)
    reply.answer = records
    if random.random() < 0.5:
        reply.authority = rrset(random, name(random), random.choice(["SOA", "NS", "SOA", "NSEC"]))
    reply.additional = rrset(random, name(random)) if random.random() < 0.2 else []
    return Sample(query.to_wire(), reply.to_wire(max_size=65535))


def name(random: Random) -> str:
    """Return a name, absolute, in any case."""
    if random.random() < 0.02:
        return "."
    return ".".join([*random.choices(LABELS, k=random.choice([0, 1, 1, 2, 3])), random.choice(TLDS)])


def chain(random: Random, start: str) -> tuple[list[dns.rrset.RRset], str]:
    """Return CNAME records that lead from *start* on, by way of a loop now and then, and where they lead."""
    records, here = list[dns.rrset.RRset](), start
    for _ in range(random.choice([0, 0, 0, 1, 1, 2, 5])):
        target = start if random.random() < 0.05 else name(random)
        owner = here.upper() if "\\" not in here and random.random() < 0.1 else here
        records.append(dns.rrset.from_text(owner, random.choice(TTLS), "IN", "CNAME", target))
        here = target
    return records, here


def rrset(random: Random, owner: str, rdtype: str | None = None) -> list[dns.rrset.RRset]:
    """Return some records, each on its own."""
    rdtype = rdtype or random.choice(["A", "A", "AAAA", *RDATA])
    texts = random.choices(RDATA.get(rdtype, RDATA["A"]), k=random.choice([1, 1, 2, 3]))
    return [dns.rrset.from_text(owner, random.choice(TTLS), "IN", rdtype, text) for text in texts]


def reference(query: bytes, reply: bytes) -> dict[str, Any] | None:
    """Return the row that dnspython's reading of *reply* gives; None where it refuses it or finds another question."""
    question = dns.message.from_wire(query).question[0]
    try:
        message = dns.message.from_wire(reply, ignore_trailing=True, one_rr_per_rrset=True)
    except dns.exception.DNSException:
        return None
    if [(q.name, q.rdtype, q.rdclass) for q in message.question] != [
        (question.name, question.rdtype, question.rdclass)
    ]:
        return None
    rcode = int(message.rcode())
    chained, records = follow(message, question)
    answered = rcode == 0 and bool(records)
    soa = next((rr for rr in message.authority if rr.rdtype == dns.rdatatype.SOA), None)
    counted = [*chained, *records] if answered else [soa] if soa and rcode in {0, 3} else []
    texts = {text(rr, any_type=question.rdtype == dns.rdatatype.ANY) for rr in records}
    answer = " ".join(sorted(texts)) if answered else None
    header = {
        "rcode": rcode,
        **{flag.lower(): bool(message.flags & dns.flags.Flag[flag]) for flag in ("AA", "TC", "RA", "AD")},
        "size": len(reply),
    }
    if header["tc"] and not rcode and not answered:  # what it says was cut off
        return {**dict.fromkeys(COLUMNS), "outcome": "malformed", **header}
    return {
        "outcome": "answer"
        if answered
        else {0: "nodata", 2: "servfail", 3: "nxdomain", 5: "refused"}.get(rcode, "other-rcode"),
        **header,
        "answer": answer,
        "answer_hash": hashed(answer),
        "cname": " ".join(bare(rr[0].target) for rr in chained) or None,
        "ttl": min((rr.ttl for rr in counted), default=None),
        "soa": bare(soa.name) if soa else None,
        "authority": len(message.authority),
        **options(message.options),
    }


def follow(
    message: dns.message.Message, question: dns.rrset.RRset
) -> tuple[list[dns.rrset.RRset], list[dns.rrset.RRset]]:
    """Return the CNAME records from the question's name on, and the records asked for at their end."""
    here, met, chained = question.name, {question.name}, list[dns.rrset.RRset]()
    while True:
        at_name = [rr for rr in message.answer if rr.name == here and rr.rdclass == question.rdclass]
        records = [rr for rr in at_name if question.rdtype in {rr.rdtype, dns.rdatatype.ANY}]
        aliases = [rr for rr in at_name if rr.rdtype == dns.rdatatype.CNAME]
        if records or not aliases or len(chained) == LONGEST_CHAIN:
            return chained, records
        chained.append(aliases[0])
        here = aliases[0][0].target
        if here in met:
            return chained, []
        met.add(here)


def text(rr: dns.rrset.RRset, *, any_type: bool) -> str:
    """Return the RDATA of a record alone, its names in lower case, its spaces escaped."""
    rdata = rr[0]
    slots = {slot for kind in type(rdata).__mro__ for slot in getattr(kind, "__slots__", ())}
    fields = {slot: getattr(rdata, slot) for slot in slots if hasattr(rdata, slot)}
    names: dict[str, Any] = {
        slot: field.canonicalize() for slot, field in fields.items() if isinstance(field, dns.name.Name)
    }
    if rr.rdtype == dns.rdatatype.HIP:
        names["servers"] = tuple(server.canonicalize() for server in rdata.servers)
    lowered = rdata.replace(**names) if names else rdata
    prefix = f"{dns.rdatatype.to_text(rr.rdtype)} " if any_type else ""
    return f"{prefix}{lowered.to_text()}".replace(" ", r"\032")


def options(found: Iterable[dns.edns.Option]) -> dict[str, Any]:
    """Return the columns that come from the OPT record."""
    errors = [option for option in found if isinstance(option, dns.edns.EDEOption)]
    identifiers = [option.nsid for option in found if isinstance(option, dns.edns.NSIDOption) and option.nsid]
    texts = [error.text for error in errors if error.text]
    return {
        "ede": [int(error.code) for error in errors] or None,
        "ede_text": "".join(visible(char) for char in texts[0]) if texts else None,
        "nsid": shown(identifiers[0]) if identifiers else None,
    }


def visible(char: str) -> str:
    """Return a character, or its octets where it is not to be shown."""
    return char if char.isprintable() else "".join(f"\\x{octet:02x}" for octet in char.encode())


def shown(nsid: bytes) -> str:
    """Return an identifier as text if it is one."""
    return nsid.decode() if all(0x20 <= octet < 0x7F for octet in nsid) else "0x" + nsid.hex()


def hashed(answer: str | None) -> int | None:
    """Return the content hash of an answer."""
    return None if answer is None else int.from_bytes(blake2b(answer.encode(), digest_size=8).digest(), "little")


def bare(found: dns.name.Name) -> str:
    """Return a name in lower case without the final dot."""
    return found.canonicalize().to_text(omit_final_dot=True)


def rows(pairs: Iterable[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
    """Decode pairs of a query and a reply together."""
    return table(pairs).to_dicts()


def table(pairs: Iterable[tuple[bytes, bytes]]) -> pl.DataFrame:
    """Decode pairs of a query and a reply together."""
    queries, replies = zip(*pairs, strict=True)
    return decode(Messages.of(queries), np.arange(len(queries)), Messages.of(replies))
