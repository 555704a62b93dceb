"""UDP: replies too many, too late or too soon, and what ICMP says instead of them."""

from misbehaviours import FORGED, GOOD, TTL, Case, Do, Elsewhere, Row, Step, To, Wait, answered, nothing, said, twice
from misbehaviours._messages import Asked, address, labels, rr, soa
from misbehaviours._words import REFUSED

FLOOD = 4_000
KEPT = 9  # replies to one query; the first and eight more


def forged(asked: Asked) -> bytes:
    """Return a reply with the forger's address."""
    return asked.reply(address(FORGED))


def flood(asked: Asked, *, same: bool) -> list[Step]:
    """Return thousands of replies, no faster than a socket's buffer is read."""
    steps: list[Step] = []
    for number in range(FLOOD):
        if number % 100 == 0:
            steps.append(Wait(0.004))
        steps.append(asked.honest() if same else asked.reply(address(f"198.18.{number >> 8}.{number & 255}")))
    return steps


def late(asked: Asked) -> list[Step]:
    """Say nothing to the first query; answer it, and not the second, when that has come."""
    return [To(asked.earlier[0], forged(asked.earlier[0]))] if asked.earlier else []


def both(asked: Asked) -> list[Step]:
    """Say nothing to the first query; answer it when the second has come, and then that."""
    if not asked.earlier:
        return []
    return [To(asked.earlier[0], forged(asked.earlier[0])), Wait(0.005), asked.honest()]


def replies(count: int) -> tuple[Row, ...]:
    """Return so many rows of the honest answer."""
    return tuple(answered(reply=number) for number in range(count))


def injected(name: str, does: str, qtype: str, rdata: bytes, shown: str) -> Case:
    """Return a case in which text that is made to deceive comes before the true answer."""
    return Case(
        name=f"udp-injected-{name}",
        does=f"{does}, then the true reply",
        udp=lambda asked: [asked.reply(rr(asked.qtype, rdata)), Wait(0.005), asked.honest()],
        rows=(answered(shown), answered(GOOD[qtype], reply=1)),
        qtype=qtype,
    )


FIRST_FORGED = answered(FORGED)

CASES = (
    Case(name="udp-silent", does="Nothing", udp=lambda _asked: [], rows=twice(nothing())),
    Case(name="udp-second-only", does="Nothing; then, asked again, the answer",
         udp=lambda asked: [asked.honest()] if asked.earlier else [], rows=(nothing(), answered(attempt=1))),
    Case(name="udp-mute", does="Nothing to any question: each is asked once", listens=("mute",), rows=(nothing(),),
         rest="timeout"),
    Case(name="udp-twice", does="The same reply two times", udp=lambda asked: [asked.honest()] * 2, rows=replies(2)),
    Case(name="udp-injected", does="A forged reply, then the true one",
         udp=lambda asked: [forged(asked), Wait(0.005), asked.honest()],
         rows=(FIRST_FORGED, answered(reply=1))),
    Case(name="udp-injected-denial", does="A forged denial, then the true answer",
         udp=lambda asked: [asked.reply(rcode=3), Wait(0.005), asked.honest()],
         rows=(said("nxdomain", 3), answered(reply=1))),
    Case(name="udp-injected-after", does="The true answer, then a forged denial",
         udp=lambda asked: [asked.honest(), Wait(0.005), asked.reply(rcode=3, authority=[soa()])],
         rows=(answered(), said("nxdomain", 3, reply=1, soa="example", ttl=TTL))),
    Case(name="udp-injected-three", does="Two different forged replies, then the true one",
         udp=lambda asked: [forged(asked), asked.reply(address("198.51.100.6")), asked.honest()],
         rows=(FIRST_FORGED, answered("198.51.100.6", reply=1), answered(reply=2))),
    injected("txt-ansi", "TXT that clears the screen", "TXT", b"\x09\x1b[2J\x1b]0;x", '"\\027[2J\\027]0;x"'),
    injected("txt-lines", "TXT of several lines", "TXT", b"\x05a\r\nb\n", '"a\\013\\010b\\010"'),
    injected("txt-html", "TXT with HTML", "TXT", b"\x19<script>alert(1)</script>", '"<script>alert(1)</script>"'),
    injected("formula", "A name that a spreadsheet would run", "NS", labels(b"=cmd|'/c calc'!a1", b"example"),
             "=cmd|'/c\\032calc'!a1.example."),
    injected("formula-plus", "A name that begins with a plus", "NS", labels(b"+1+cmd|x!a1", b"example"),
             "+1+cmd|x!a1.example."),
    injected("formula-minus", "A name that begins with a minus", "NS", labels(b"-2+3", b"example"), "-2+3.example."),
    injected("formula-at", "A name that begins with an at sign", "NS", labels(b"@sum(1)", b"example"),
             "\\@sum\\(1\\).example."),
    injected("formula-tab", "A name that begins with a tab", "NS", labels(b"\t=1", b"example"), "\\009=1.example."),
    injected("comma", "A name of quotes and commas", "NS", labels(b'",="', b"example"), '\\",=\\".example.'),
    injected("bidi", "A name with a right-to-left override", "NS", labels("\u202egro.elpmaxe".encode(), b"example"),
             "\\226\\128\\174gro.elpmaxe.example.".replace("gro.", "gro\\.")),
    Case(name="udp-rubbish-first", does="Rubbish behind the true question, then the true answer",
         udp=lambda asked: [asked.reply(b"\xff" * 40), asked.honest()], rows=(said("malformed", 0), answered(reply=1))),
    Case(name="udp-flood", does=f"The same reply {FLOOD:,} times: nine are kept",
         udp=lambda asked: flood(asked, same=True),
         rows=replies(KEPT)),
    Case(name="udp-flood-different", does=f"{FLOOD:,} different replies: nine are kept",
         udp=lambda asked: flood(asked, same=False),
         rows=tuple(answered(f"198.18.0.{number}", reply=number) for number in range(KEPT))),
    Case(name="udp-late", does="A reply to the first query when the second has come, and none to that",
         udp=late, rows=(FIRST_FORGED, nothing(attempt=1))),
    Case(name="udp-late-both", does="A reply to the first query when the second has come, and another to that",
         udp=both, rows=(FIRST_FORGED, answered(attempt=1))),
    Case(name="udp-closed", does="Nobody listens", listens=("none",),
         rows=(nothing("unreachable", trouble=REFUSED),), rest="unreachable"),
    Case(name="udp-icmp", does="ICMP says that the port is unreachable", udp=lambda _asked: [Do.UNREACHABLE],
         rows=twice(nothing("unreachable", trouble=REFUSED)), needs="raw"),
    Case(name="udp-icmp-reply", does="ICMP says so, and then the answer comes: ICMP is easily forged",
         udp=lambda asked: [Do.UNREACHABLE, Wait(0.005), asked.honest()], rows=(answered(),), needs="raw"),
    Case(name="udp-reply-icmp", does="The answer comes, and then ICMP says so",
         udp=lambda asked: [asked.honest(), Do.UNREACHABLE], rows=(answered(),), needs="raw"),
    Case(name="udp-ipv6-injected", does="A forged reply, then the true one, over IPv6", address="::1",
         udp=lambda asked: [forged(asked), Wait(0.005), asked.honest()], rows=(FIRST_FORGED, answered(reply=1))),
    Case(name="udp-ipv6-id", does="A reply with another ID, then the true one, over IPv6", address="::1",
         udp=lambda asked: [asked.reply(address(FORGED), ident=asked.ident ^ 1), asked.honest()], rows=(answered(),)),
    Case(name="udp-ipv6-port", does="A reply from another port, then the true one, over IPv6", address="::1",
         udp=lambda asked: [Elsewhere("port", forged(asked)), asked.honest()], rows=(answered(),)),
    Case(name="udp-ipv6-closed", does="Nobody listens, over IPv6", listens=("none",), address="::1",
         rows=(nothing("unreachable", trouble=REFUSED),), rest="unreachable"),
)  # fmt: skip
