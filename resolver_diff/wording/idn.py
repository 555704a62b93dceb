"""Internationalised names, readable: the U-label form (RFC 5890 2.3.2.1) beside the A-label form that was asked."""

import dns.name
from dns.exception import DNSException

PREFIX = "xn--"


def u_labels(qname: str) -> str | None:
    """Return *qname* in U-label form; None where that is no other, or nothing a terminal may be shown.

    Only what IDNA 2008 takes for valid is decoded, and only what is printable is returned:
    no control characters, and none that turn the direction of the text around them.
    """
    if PREFIX not in qname:
        return None
    decode = dns.name.IDNA_2008_Strict.decode
    try:
        labels = [decode(label.encode()) if label.startswith(PREFIX) else label for label in qname.split(".")]
    except (DNSException, UnicodeError):
        return None
    name = ".".join(labels)
    return name if name.isprintable() and name != qname else None


class Names:
    """Names as one page shows them: with their U-label form in brackets the first time, and without from then on."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def name(self, qname: str) -> str:
        """Return *qname* as it is to be shown here."""
        if qname in self._told:
            return qname
        self._told.add(qname)
        readable = u_labels(qname)
        return f"{qname} ({readable})" if readable else qname
