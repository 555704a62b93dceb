r"""A saying: what a resolver says about one question, as short text.

    answer                                an address derived from the name, the same at every resolver
    157.240.205.60 2a03:2880:f177::60     these; A gets the IPv4 ones, AAAA the IPv6 ones, or NODATA
    157.240.205.60 157.240.205.61 pool=1  one of them a time, in turn
    cname=star.example answer             through a chain
    nxdomain aa no-soa                    a denial with AA set and no SOA beside it
    servfail ede=22 ede-text=No\032luck   an Extended DNS Error (RFC 8914)
    timeout                               silence
    10.10.34.36; then answer              two replies to one query: the first is forged

Words stand between spaces; a space inside a word is written ``\032``. Where a
saying may stand, a mapping from qtype to saying may stand too.
"""

import difflib
import hashlib
import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import dns.exception
import dns.rdata

from resolver_diff.config.qnames import is_address
from resolver_diff.errors import LabError
from resolver_diff.tables import Outcome

OUTCOMES = {
    "answer": (Outcome.ANSWER, 0),
    "nodata": (Outcome.NODATA, 0),
    "nxdomain": (Outcome.NXDOMAIN, 3),
    "servfail": (Outcome.SERVFAIL, 2),
    "refused": (Outcome.REFUSED, 5),
    "notimp": (Outcome.OTHER_RCODE, 4),
    "timeout": (Outcome.TIMEOUT, None),
    "malformed": (Outcome.MALFORMED, None),
    "unreachable": (Outcome.UNREACHABLE, None),
}
EVERY_QTYPE = "*"  # the key of a saying that holds for every qtype not named beside it


@dataclass(frozen=True, slots=True)
class Saying:
    """What is said to one question, and how the message looks.

    *answer* is RDATA as text; an ANSWER without any is an address derived from the qname.
    """

    outcome: Outcome
    rcode: int | None = 0  # null: there is no message, or none that can be read
    answer: tuple[str, ...] = ()
    cname: tuple[str, ...] = ()  # targets, in order
    aa: bool = False
    ad: bool = False
    soa: bool = True  # denials carry a SOA in AUTHORITY, as honest ones do (RFC 2308)
    ede: tuple[int, ...] = ()
    ede_text: str | None = None
    tc: bool = False  # truncated over UDP, whole over TCP
    ttl: int = 300
    pool: int | None = None  # give this many of *answer* a time, in turn
    loss: float = 0.0  # share of queries that stay unanswered
    delay: float = 0.0  # seconds before the reply leaves
    then: "Saying | None" = None  # a second reply to the same query

    def rdata(self, qname: str, qtype: str, turn: int = 0) -> tuple[str, ...]:
        """Return the RDATA said to this question when it is put for the *turn*-th time; none is NODATA."""
        if self.outcome is not Outcome.ANSWER:
            return ()
        if not self.answer:
            derived = address(self.cname[-1] if self.cname else qname, qtype)
            return () if derived is None else (derived,)
        fitting = tuple(text for text in self.answer if _fits(text, qtype))
        if self.pool is None or not fitting:
            return fitting
        return tuple(fitting[(turn * self.pool + step) % len(fitting)] for step in range(min(self.pool, len(fitting))))

    def outcome_for(self, qname: str, qtype: str) -> Outcome:
        """Return how this question ends: an answer without RDATA of the type asked for is NODATA."""
        if self.outcome is Outcome.ANSWER and not self.rdata(qname, qtype):
            return Outcome.NODATA
        return self.outcome

    def denier(self, qname: str, qtype: str) -> str | None:
        """Return the owner of the SOA beside a denial; null where there is none."""
        outcome = self.outcome_for(qname, qtype)
        labels = (self.cname[-1] if self.cname else qname).split(".")
        if not self.soa or outcome not in (Outcome.NXDOMAIN, Outcome.NODATA):
            return None
        return ".".join(labels[1:] if outcome is Outcome.NXDOMAIN else labels[-2:]) or "."


Sayings = Mapping[str, Saying]  # qtype -> saying; EVERY_QTYPE stands for the ones not named


def parse(text: str, qtype: str | None = None) -> Saying:
    """Read one saying; RDATA other than addresses needs the *qtype* it is for.

    Raises LabError that names the word that is wrong.
    """
    first, *rest = (_one(part.split(), qtype) for part in re.split(r";\s*then\b", text))
    second = None
    for part in reversed(rest):
        second = replace(part, then=second)
    return replace(first, then=second)


def read(value: object) -> Sayings:
    """Read what stands in YAML where a saying may stand: one text, or a text for each qtype."""
    if isinstance(value, str):
        return {EVERY_QTYPE: parse(value)}
    if isinstance(value, Mapping) and value and all(isinstance(part, str) for pair in value.items() for part in pair):
        return {qtype: parse(text, None if qtype == EVERY_QTYPE else qtype) for qtype, text in value.items()}
    message = f"expected a saying such as `nxdomain aa no-soa`, or one for each qtype, not {value!r}"
    raise LabError(message)


def of(sayings: Sayings, qtype: str) -> Saying | None:
    """Return what *sayings* say about a qtype; null when they do not speak of it."""
    return sayings.get(qtype, sayings.get(EVERY_QTYPE))


def address(qname: str, qtype: str) -> str | None:
    """Return a globally routable address for a name, always the same one; null for qtypes other than A and AAAA."""
    octets = hashlib.blake2b(qname.encode(), digest_size=8).digest()
    if qtype == "A":
        return f"{(13, 18, 34, 52)[octets[0] % 4]}.{octets[1]}.{octets[2]}.{octets[3] % 254 + 1}"
    if qtype == "AAAA":
        return str(ipaddress.IPv6Address(b"\x26\x00\x1f" + octets[:5] + bytes(7) + b"\x01"))
    return None


@dataclass
class _Words:
    """One saying on its way from words to fields."""

    outcome: tuple[Outcome, int | None] | None = None
    answer: list[str] = field(default_factory=list)
    flags: dict[str, object] = field(default_factory=dict)

    def add(self, name: str, value: object) -> None:
        """Set a flag; one that takes several values gathers them."""
        if isinstance(value, tuple):
            value = (*self.flags.get(name, ()), *value)  # type: ignore[misc]  # what was stored under it is a tuple too
        elif name in self.flags:
            raise LabError(f"`{name.replace('_', '-')}` is said twice")
        self.flags[name] = value


def _one(words: list[str], qtype: str | None) -> Saying:
    said = _Words()
    for word in words:
        _take(said, word.replace("\\032", " "), qtype)
    if said.answer and said.outcome not in (None, OUTCOMES["answer"]):
        raise LabError(f"a saying is either `{_word(said.outcome)}` or RDATA, not both")
    if said.outcome is None and not said.answer:
        raise LabError("a saying needs an outcome or RDATA", hint=f"the outcomes are {_listed(OUTCOMES)}")
    if "pool" in said.flags and not said.answer:
        raise LabError("`pool` needs RDATA to choose from")
    outcome, rcode = said.outcome or OUTCOMES["answer"]
    return Saying(outcome, rcode, tuple(said.answer), **said.flags)  # type: ignore[arg-type]  # FLAGS made them


def _take(said: _Words, word: str, qtype: str | None) -> None:
    name, equals, value = word.partition("=")
    if word in OUTCOMES:
        if said.outcome is not None:
            raise LabError(f"`{word}` after `{_word(said.outcome)}`: a saying has one outcome")
        said.outcome = OUTCOMES[word]
    elif word in SWITCHES:
        said.add(*SWITCHES[word])
    elif equals and name in FLAGS:
        try:
            said.add(name.replace("-", "_"), FLAGS[name](value))
        except ValueError:
            raise LabError(f"`{value}` is no value for `{name}`") from None
    elif (rdata := _rdata(word, qtype)) is not None:
        said.answer.append(rdata)
    else:
        close = difflib.get_close_matches(word, [*OUTCOMES, *SWITCHES, *(f"{flag}=" for flag in FLAGS)], 1)
        needs = "RDATA other than addresses needs its qtype, as in {TXT: '\"text\"'}"
        hint = f"did you mean `{close[0]}`?" if close else needs
        raise LabError(f"`{word}` is no word of a saying", hint=hint)


def _rdata(word: str, qtype: str | None) -> str | None:
    """Return a word as canonical RDATA; null when it is none."""
    if qtype in (None, "A", "AAAA"):
        try:
            return str(ipaddress.ip_address(word))
        except ValueError:
            return None
    if re.fullmatch(r"[a-z-]+", word):
        return None  # a mistyped flag, rather than a TXT without its quotes
    try:
        return dns.rdata.from_text("IN", qtype, word).to_text()
    except (dns.exception.DNSException, ValueError):
        return None


def _fits(text: str, qtype: str) -> bool:
    if qtype in ("A", "AAAA"):
        return (":" in text) == (qtype == "AAAA")
    return not is_address(text)


def _word(outcome: tuple[Outcome, int | None]) -> str:
    return next(word for word, meaning in OUTCOMES.items() if meaning == outcome)


def _listed(words: Mapping[str, object]) -> str:
    *most, last = (f"`{word}`" for word in words)
    return f"{', '.join(most)} and {last}"


def _name(value: str) -> tuple[str, ...]:
    labels = value.lower().rstrip(".").split(".")
    if not all(0 < len(label) < 64 and label.isascii() for label in labels):
        raise ValueError(value)
    return (".".join(labels),)


def _within(low: float, high: float, kind: Callable[[str], float]) -> Callable[[str], float]:
    def number(value: str) -> float:
        found = kind(value)
        if not (math.isfinite(found) and low <= found <= high):
            raise ValueError(value)
        return found

    return number


SWITCHES: dict[str, tuple[str, object]] = {
    "aa": ("aa", True),
    "ad": ("ad", True),
    "no-soa": ("soa", False),
    "tc": ("tc", True),
}
FLAGS: dict[str, Callable[[str], object]] = {
    "cname": _name,
    "ede": lambda value: (int(_within(0, 0xFFFF, int)(value)),),
    "ede-text": str,
    "ttl": _within(0, 0x7FFFFFFF, int),
    "pool": _within(1, 1000, int),
    "loss": _within(0, 1, float),
    "delay": _within(0, 60, float),
}
