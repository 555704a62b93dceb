"""UDP: messages that are no reply to what was asked, before the true one or instead of it."""

from collections.abc import Callable

from misbehaviours import FORGED, Case, Elsewhere, Row, Step, Wait, answered, nothing, said, twice
from misbehaviours._messages import AAAA, ANY, CH, HEADER, OWNER, QR, RESPONSE, A, Asked, address, named, soa

STATUS = 2 << 11  # an OPCODE
GUESSES = 2_000


def forged(asked: Asked, **more: object) -> bytes:
    """Return a reply with the forger's address."""
    return asked.reply(address(FORGED), **more)  # type: ignore[arg-type]  # the caller knows


def question(asked: Asked, *, qname: str = "odd.example", qtype: int = A, qclass: int = 1) -> bytes:
    """Return a question section like the one asked, but for what is named."""
    return named(qname) + qtype.to_bytes(2) + qclass.to_bytes(2)


def first(name: str, does: str, *wrong: Callable[[Asked], Step], needs: str | None = None) -> Case:
    """Return a case in which *wrong* messages come before the true one, which alone must count."""

    def play(asked: Asked) -> list[Step]:
        return [*(each(asked) for each in wrong), asked.honest()]

    return Case(name=f"udp-{name}", does=f"{does}, then the true reply", udp=play, rows=(answered(),), needs=needs)


def only(name: str, does: str, *wrong: Callable[[Asked], Step], rows: tuple[Row, ...] | None = None) -> Case:
    """Return a case in which nothing but *wrong* messages comes."""
    expected = twice(nothing()) if rows is None else rows
    return Case(name=f"udp-{name}", does=does, udp=lambda asked: [each(asked) for each in wrong], rows=expected)


def questionless(outcome: str, rcode: int) -> Case:
    """Return a case with an RCODE that needs no question."""
    return only(
        f"no-question-{outcome}",
        f"RCODE {rcode} without a question: of a server that would not read it",
        lambda asked: asked.reply(question=b"", rcode=rcode),
        rows=(said(outcome, rcode, authority=0),),
    )


def guesses(asked: Asked) -> list[Step]:
    """Return replies to a question that has not been asked yet, with every thirty-second ID."""
    odd = question(asked)
    steps: list[Step] = []
    for number in range(GUESSES):
        if number % 100 == 0:
            steps.append(Wait(0.004))  # no faster than a socket's buffer is read
        steps.append(forged(asked, ident=number * 32 + 7, question=odd))
    return steps


def upper(asked: Asked) -> bytes:
    """Return the question in capitals."""
    return asked.question[:-4].upper() + asked.question[-4:]


CASES = (
    first("id", "A reply with another ID", lambda asked: forged(asked, ident=asked.ident ^ 1)),
    first("id-swapped", "A reply with the octets of the ID swapped", lambda asked: forged(
        asked, ident=(asked.ident >> 8 | asked.ident << 8) ^ 0x8000)),
    first("address", "A reply from another address", lambda asked: Elsewhere("address", forged(asked)),
         needs="address"),
    first("port", "A reply from another port of the address asked", lambda asked: Elsewhere("port", forged(asked))),
    first("neighbour", "A reply from another resolver of the run", lambda asked: Elsewhere("neighbour", forged(asked))),
    first("qname", "A reply about another name",
         lambda asked: forged(asked, question=question(asked, qname="odd.exampla"))),
    first("qname-below", "A reply about a name below the one asked", lambda asked: forged(
        asked, question=question(asked, qname="www.odd.example"))),
    first("qname-above", "A reply about the name above", lambda asked: forged(
        asked, question=question(asked, qname="example"))),
    first("qname-dot", "A reply about a name whose one label reads `odd.example`", lambda asked: forged(
        asked, question=b"\x0bodd.example" + asked.question[-5:])),
    first("qtype", "A reply about another type", lambda asked: forged(asked, question=question(asked, qtype=AAAA))),
    first("qclass", "A reply about another class", lambda asked: forged(asked, question=question(asked, qclass=CH))),
    first("qclass-any", "A reply about class ANY", lambda asked: forged(asked, question=question(asked, qclass=ANY))),
    first("question-pointer", "A question that is a pointer to itself", lambda asked: forged(
        asked, question=OWNER + asked.question[-4:])),
    first("question-cut", "A reply that ends inside the question", lambda asked: forged(asked)[: asked.end - 3]),
    first("question-cuts", "A reply, cut at every octet of its question",
          *(lambda asked, size=size: forged(asked)[:size] for size in range(HEADER, HEADER + 16))),
    first("two-questions", "A reply with two questions, the one asked and another", lambda asked: forged(
        asked, question=asked.question + question(asked, qname="two.example"), counts=(2, None, None, None))),
    first("no-question", "An answer without a question", lambda asked: forged(asked, question=b"")),
    first("no-question-nxdomain", "NXDOMAIN without a question", lambda asked: asked.reply(
        question=b"", rcode=3, authority=[soa()])),
    first("question-claimed", "A header that claims a question, and nothing else", lambda asked: asked.reply(
        question=b"", counts=(1, None, None, None))),
    first("echo", "The query itself", lambda asked: asked.octets),
    first("query", "An answer with QR=0", lambda asked: forged(asked, flags=RESPONSE & ~QR)),
    first("opcode", "An answer with OPCODE STATUS", lambda asked: forged(asked, flags=RESPONSE | STATUS)),
    first("runts", "Datagrams of 0 to 11 octets",
          *(lambda asked, size=size: forged(asked)[:size] for size in range(HEADER))),
    only("only-runts", "Nothing but datagrams of 0 to 11 octets",
         *(lambda asked, size=size: forged(asked)[:size] for size in range(HEADER))),
    only("only-echo", "Nothing but the query itself", lambda asked: asked.octets),
    only("only-id", "Nothing but a reply with another ID", lambda asked: forged(asked, ident=asked.ident + 1)),
    only("only-qname", "Nothing but a reply about another name", lambda asked: forged(
        asked, question=question(asked, qname="odd.exampla"))),
    only("only-port", "Nothing but a reply from another port", lambda asked: Elsewhere("port", forged(asked))),
    only("case", "A reply with the question in capitals: the same name (RFC 4343)", lambda asked: asked.reply(
        address("192.0.2.1"), question=upper(asked)), rows=(answered(),)),
    only("owner-case", "A record whose owner is in capitals: the same name", lambda asked: asked.reply(
        address("192.0.2.1", owner=upper(asked)[:-4])), rows=(answered(),)),
    questionless("servfail", 2),
    questionless("refused", 5),
    only("no-question-formerr", "FORMERR without a question: of a server that could not read it",
         lambda asked: asked.reply(question=b"", rcode=1), rows=(said("other-rcode", 1),)),
    only("no-question-refused-a", "REFUSED without a question, with an address",
         lambda asked: asked.reply(
             address(FORGED, owner=named("odd.example")), question=b"", rcode=5), rows=(said("refused", 5),)),
    Case(name="udp-guesses", does=f"{GUESSES:,} replies to a question that is asked only later, with guessed IDs",
         control=guesses, rows=(answered(),)),
)  # fmt: skip
