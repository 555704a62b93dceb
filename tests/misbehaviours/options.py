"""UDP: what an OPT record can hold: text that is none, lengths that lie, more of it than there should be."""

from misbehaviours import Case, answered, said
from misbehaviours._messages import EDE, NSID, Asked, address, ede, named, opt, option, soa

LONG = 60_000


def case(name: str, does: str, *additional: bytes, **columns: object) -> Case:
    """Return a case with the honest answer and these OPT records; *columns* are what is read from them."""

    def play(asked: Asked) -> list[bytes]:
        return [asked.reply(address("192.0.2.1"), additional=additional)]

    return Case(name=f"udp-{name}", does=does, udp=play, rows=(answered(**columns),))


def told(name: str, does: str, octets: bytes, shown: str | None) -> Case:
    """Return a case with the text *octets* in an Extended DNS Error."""
    return case(f"ede-{name}", f"Extended DNS Error with {does}", opt(ede(17, octets)), ede=[17], ede_text=shown)


CASES = (
    told("plain", "a plain text", b"Filtered by order", "Filtered by order"),
    told("latin", "a text that is not UTF-8", b"gesperrt f\xfcr Sie", "gesperrt f\\xfcr Sie"),
    told("utf8-cut", "a text cut inside a character", "für".encode()[:2], "f\\xc3"),
    told("overlong", "an overlong UTF-8 slash", b"\xc0\xaf", "\\xc0\\xaf"),
    told("surrogate", "a surrogate in UTF-8", b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
    told("ansi", "ANSI escapes", b"\x1b[31mred\x1b[2J", "\\x1b[31mred\\x1b[2J"),
    told("c1", "a C1 control character", "\u009b31m".encode(), "\\xc2\\x9b31m"),
    told("bidi", "a right-to-left override", "\u202efdp.exe".encode(), "\\xe2\\x80\\xaefdp.exe"),
    told("html", "HTML", b"<script>alert(1)</script>", "<script>alert(1)</script>"),
    told("nul", "NUL inside, and one at the end that is no part of it", b"a\0b\0", "a\\x00b"),
    told("newline", "line ends", b"one\r\ntwo\n", "one\\x0d\\x0atwo\\x0a"),
    told("formula", "a formula", b"=cmd|'/c calc'!A1", "=cmd|'/c calc'!A1"),
    told("json", "quotes and backslashes", b'","x":"\\u0000', '","x":"\\u0000'),
    told("long", f"{LONG:,} octets of text", b"x" * LONG, "x" * LONG),
    told("empty", "an empty text", b"", None),
    case("ede-short", "An Extended DNS Error of one octet: too short for a code", opt(option(EDE, b"\0"))),
    case("ede-none", "An Extended DNS Error of no octets", opt(option(EDE, b""))),
    case("ede-overrun", "An option that is longer than its record, behind a good one",
         opt(ede(15, b"good"), option(EDE, b"\0\x10bad", size=500)), ede=[15], ede_text="good"),
    case("ede-cut", "An OPT record that ends inside an option's header", opt(ede(15, b"good"), b"\0\x0f\0"),
         ede=[15], ede_text="good"),
    case("ede-many", "200 Extended DNS Errors", opt(*(ede(code) for code in range(200))), ede=list(range(200))),
    case("ede-texts", "Two texts: the first counts", opt(ede(15, b"first"), ede(16, b"second")),
         ede=[15, 16], ede_text="first"),
    case("nsid-text", "A name as NSID", opt(option(NSID, b"fra1.res-7")), nsid="fra1.res-7"),
    case("nsid-binary", "Octets as NSID", opt(option(NSID, b"\0\x01\xff")), nsid="0x0001ff"),
    case("nsid-ansi", "An ANSI escape as NSID", opt(option(NSID, b"\x1b[2J")), nsid="0x1b5b324a"),
    case("nsid-utf8", "UTF-8 as NSID, which is octets to us", opt(option(NSID, "ü".encode())), nsid="0xc3bc"),
    case("nsid-formula", "A formula as NSID", opt(option(NSID, b"@SUM(1)")), nsid="@SUM(1)"),
    case("nsid-empty", "An empty NSID", opt(option(NSID, b""))),
    case("nsid-two", "Two NSIDs: the first counts", opt(option(NSID, b"one"), option(NSID, b"two")), nsid="one"),
    case("nsid-long", "An NSID of 2,000 octets", opt(option(NSID, b"n" * 2000)), nsid="n" * 2000),
    case("opt-two", "Two OPT records: the first counts", opt(ede(15, b"first")), opt(ede(16, b"second"), extended=1),
         ede=[15], ede_text="first"),
    case("opt-owner", "An OPT record that is not the root's: it is none (RFC 6891 6.1.2)",
         opt(ede(15, b"stray"), owner=named("odd.example"), extended=1)),
    case("options-unknown", "Options that nobody knows", opt(option(65001, bytes(range(256))), ede(15)), ede=[15]),
    Case(name="udp-ede-denial", does="NXDOMAIN that says it is policy", udp=lambda asked: [
        asked.reply(rcode=3, authority=[soa()], additional=[opt(ede(15, b"Blocked"))])],
        rows=(said("nxdomain", 3, soa="example", ttl=60, ede=[15], ede_text="Blocked"),)),
    Case(name="udp-ede-denial-latin", does="NXDOMAIN whose explanation is not UTF-8: still a denial",
         udp=lambda asked: [
        asked.reply(rcode=3, additional=[opt(ede(15, b"gel\xf6scht"))])],
        rows=(said("nxdomain", 3, ede=[15], ede_text="gel\\xf6scht"),)),
)  # fmt: skip
