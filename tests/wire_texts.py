"""Replies in dnspython's text form, one of every kind that matters; their wires are cut and bent in the tests."""

import dns.message

TEXTS = {
    "two addresses": """
        flags QR RD RA
        ;QUESTION
        www.example.com. IN A
        ;ANSWER
        www.example.com. 300 IN A 192.0.2.2
        www.example.com. 60 IN A 192.0.2.1
    """,
    "an address in IPv6, with EDNS": """
        flags QR RD RA AD
        edns 0
        payload 1232
        ;QUESTION
        Example.Net. IN AAAA
        ;ANSWER
        example.net. 0 IN AAAA 2001:db8::80:0:1
    """,
    "a chain to another zone": """
        flags QR RD RA
        edns 0
        payload 512
        ;QUESTION
        www.example.com. IN A
        ;ANSWER
        www.example.com. 300 IN CNAME www.example.com.cdn.example.net.
        www.example.com.cdn.example.net. 20 IN CNAME Edge-7.cdn.example.net.
        edge-7.cdn.example.net. 30 IN A 198.51.100.7
        edge-7.cdn.example.net. 30 IN A 198.51.100.8
    """,
    "a chain that leads to nothing": """
        flags QR RD RA
        ;QUESTION
        www.example.com. IN AAAA
        ;ANSWER
        www.example.com. 300 IN CNAME v4only.example.org.
        ;AUTHORITY
        example.org. 900 IN SOA ns.example.org. admin.example.org. 1 7200 900 1209600 300
    """,
    "a chain that runs in a circle": """
        flags QR RD RA
        ;QUESTION
        a.example. IN A
        ;ANSWER
        b.example. 5 IN CNAME a.example.
        a.example. 5 IN CNAME b.example.
    """,
    "a chain by way of DNAME": """
        flags QR AA RD
        ;QUESTION
        x.old.example. IN A
        ;ANSWER
        old.example. 100 IN DNAME new.example.
        x.old.example. 100 IN CNAME x.new.example.
        x.new.example. 50 IN A 203.0.113.9
    """,
    "an honest denial": """
        flags QR RD RA
        rcode NXDOMAIN
        edns 0
        payload 1232
        ;QUESTION
        no-such-name.example.com. IN A
        ;AUTHORITY
        example.com. 3600 IN SOA ns1.example.com. hostmaster.example.com. 2026021100 7200 3600 1209600 300
    """,
    "a denial without proof": """
        flags QR AA RD RA
        rcode NXDOMAIN
        ;QUESTION
        whatsapp.com. IN A
    """,
    "a denial at the end of a chain": """
        flags QR RD RA
        rcode NXDOMAIN
        ;QUESTION
        www.example.com. IN A
        ;ANSWER
        www.example.com. 300 IN CNAME gone.example.net.
        ;AUTHORITY
        net. 900 IN SOA a.gtld-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 86400
    """,
    "a denial of the root": """
        flags QR RD RA
        rcode NXDOMAIN
        ;QUESTION
        nosuchtld. IN A
        ;AUTHORITY
        . 86400 IN SOA a.root-servers.net. nstld.verisign-grs.com. 2026021100 1800 900 604800 86400
    """,
    "a referral": """
        flags QR
        ;QUESTION
        www.example.com. IN A
        ;AUTHORITY
        com. 172800 IN NS a.gtld-servers.net.
        com. 172800 IN NS b.gtld-servers.net.
        ;ADDITIONAL
        a.gtld-servers.net. 172800 IN A 192.5.6.30
        a.gtld-servers.net. 172800 IN AAAA 2001:503:a83e::2:30
    """,
    "a refusal that carries an address": """
        flags QR RD
        rcode REFUSED
        ;QUESTION
        www.example.com. IN A
        ;ANSWER
        www.example.com. 60 IN A 203.0.113.1
    """,
    "a failure": """
        flags QR RD RA
        rcode SERVFAIL
        edns 0
        payload 1232
        ;QUESTION
        broken.example. IN A
    """,
    "an extended RCODE": """
        flags QR RD
        rcode BADVERS
        edns 0
        payload 4096
        ;QUESTION
        www.example.com. IN A
    """,
    "records of other names": """
        flags QR RD RA
        ;QUESTION
        www.example.com. IN A
        ;ANSWER
        example.com. 60 IN A 203.0.113.1
        . 60 IN A 203.0.113.2
        other.example. 60 IN CNAME www.example.com.
        www.example.com. 60 IN TXT "not this"
    """,
    "mail exchanges": """
        flags QR RD RA
        ;QUESTION
        example.com. IN MX
        ;ANSWER
        example.com. 3600 IN MX 20 b.mail.example.com.
        example.com. 3600 IN MX 10 A.mail.example.com.
        ;ADDITIONAL
        a.mail.example.com. 300 IN A 192.0.2.25
    """,
    "strings": r"""
        flags QR RD RA
        ;QUESTION
        example.com. IN TXT
        ;ANSWER
        example.com. 3600 IN TXT "v=spf1 include:_spf.example.com -all"
        example.com. 3600 IN TXT "one" "two \"and\" \200"
    """,
    "a service binding": """
        flags QR RD RA
        ;QUESTION
        example.com. IN HTTPS
        ;ANSWER
        example.com. 300 IN HTTPS 1 . alpn=h3,h2 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1
    """,
    "who a server says it is": """
        flags QR AA RD
        ;QUESTION
        id.server. CH TXT
        ;ANSWER
        id.server. 0 CH TXT "fra2.resolver.example"
    """,
    "a name that needs escapes": r"""
        flags QR RD RA
        ;QUESTION
        a\.b.sp\032ace.\001\255.example. IN A
        ;ANSWER
        a\.b.sp\032ace.\001\255.example. 60 IN CNAME \@.\;.example.
        \@.\;.example. 60 IN A 192.0.2.1
    """,
    "the root": """
        flags QR RD RA
        ;QUESTION
        . IN NS
        ;ANSWER
        . 518400 IN NS a.root-servers.net.
        . 518400 IN NS b.root-servers.net.
    """,
    "everything there is": """
        flags QR RD RA
        ;QUESTION
        example.com. IN ANY
        ;ANSWER
        example.com. 300 IN A 192.0.2.1
        example.com. 300 IN MX 10 mail.example.com.
        example.com. 300 IN SOA ns.example.com. admin.example.com. 1 2 3 4 5
    """,
    "a truncated reply": """
        flags QR TC RD RA
        ;QUESTION
        many.example. IN A
        ;ANSWER
        many.example. 60 IN A 192.0.2.1
        many.example. 60 IN A 192.0.2.2
    """,
    "an unknown type": r"""
        flags QR RD RA
        ;QUESTION
        example.com. IN TYPE65280
        ;ANSWER
        example.com. 60 IN TYPE65280 \# 3 010203
    """,
}


def wire(name: str, *, timeless: bool = False) -> bytes:
    """Return the message of that name, ID 0; with *timeless* every TTL is 0."""
    text = "\n".join(line.strip() for line in TEXTS[name].strip().splitlines())
    message = dns.message.from_text(f"id 0\nopcode QUERY\n{text}\n")
    for rrset in (rrset for section in message.sections[1:] for rrset in section if timeless):
        rrset.ttl = 0
    return message.to_wire()


def query(name: str) -> bytes:
    """Return a query that the message of that name answers."""
    question = dns.message.from_wire(wire(name)).question[0]
    return dns.message.make_query(question.name, question.rdtype, question.rdclass, id=0, use_edns=0).to_wire()
