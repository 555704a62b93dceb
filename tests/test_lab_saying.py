"""Sayings: what a resolver says about one question, as text."""

import ipaddress

import pytest

from resolver_diff.errors import LabError
from resolver_diff.lab import saying
from resolver_diff.lab.saying import Saying
from resolver_diff.tables import Outcome


@pytest.mark.parametrize(
    ("word", "outcome", "rcode"),
    [
        ("answer", Outcome.ANSWER, 0),
        ("nodata", Outcome.NODATA, 0),
        ("nxdomain", Outcome.NXDOMAIN, 3),
        ("servfail", Outcome.SERVFAIL, 2),
        ("refused", Outcome.REFUSED, 5),
        ("notimp", Outcome.OTHER_RCODE, 4),
        ("timeout", Outcome.TIMEOUT, None),
        ("malformed", Outcome.MALFORMED, None),
        ("unreachable", Outcome.UNREACHABLE, None),
    ],
)
def test_outcomes(word: str, outcome: Outcome, rcode: int | None) -> None:
    """Each outcome is one word and has its RCODE."""
    said = saying.parse(word)
    assert (said.outcome, said.rcode) == (outcome, rcode)


def test_every_flag() -> None:
    """Flags stand in any order behind or before the outcome."""
    flags = "ede=17 ede-text=By\\032law no-soa tc ttl=60 loss=0.25 delay=0.5 cname=a.example cname=b.example"
    words = f"aa ad ede=15 nxdomain {flags}"
    assert saying.parse(words) == Saying(
        Outcome.NXDOMAIN,
        3,
        aa=True,
        ad=True,
        ede=(15, 17),
        ede_text="By law",
        soa=False,
        tc=True,
        ttl=60,
        loss=0.25,
        delay=0.5,
        cname=("a.example", "b.example"),
    )


def test_literal_addresses_answer_their_own_family() -> None:
    """A literal address answers its own qtype; the other family gets NODATA, with a SOA."""
    said = saying.parse("157.240.205.60 157.240.205.61")
    assert said.rdata("whatsapp.com", "A") == ("157.240.205.60", "157.240.205.61")
    assert said.outcome_for("whatsapp.com", "A") is Outcome.ANSWER
    assert said.outcome_for("whatsapp.com", "AAAA") is Outcome.NODATA
    assert said.denier("whatsapp.com", "AAAA") == "whatsapp.com"


def test_both_families_in_one_saying() -> None:
    """A gets the IPv4 addresses of a saying, AAAA the IPv6 ones, in canonical form."""
    said = saying.parse("157.240.205.60 2A03:2880:0::60")
    assert said.rdata("whatsapp.com", "A") == ("157.240.205.60",)
    assert said.rdata("whatsapp.com", "AAAA") == ("2a03:2880::60",)
    assert said.rdata("whatsapp.com", "TXT") == ()


def test_derived_addresses_are_global_and_constant() -> None:
    """`answer` is an address that could be on the Internet, and always the same one for the same name."""
    said = saying.parse("answer")
    derived = [said.rdata(f"name-{number}.example", qtype)[0] for number in range(200) for qtype in ("A", "AAAA")]
    assert all(ipaddress.ip_address(text).is_global for text in derived)
    assert len(set(derived)) == len(derived)
    assert said.rdata("name-0.example", "A") == said.rdata("name-0.example", "A") == ("18.220.130.224",)
    assert said.outcome_for("name-0.example", "TXT") is Outcome.NODATA


def test_names_with_one_cname_target_share_its_address() -> None:
    """The address derived for a chain is that of its end."""
    said = saying.parse("cname=edge.example answer")
    assert (
        said.rdata("a.example", "A")
        == said.rdata("b.example", "A")
        == saying.parse("answer").rdata("edge.example", "A")
    )


def test_pool_goes_round() -> None:
    """A pool gives so many addresses a time, in turn, and comes round again."""
    said = saying.parse("192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 pool=2")
    turns = [said.rdata("a.example", "A", turn) for turn in range(4)]
    assert turns == [("192.0.2.1", "192.0.2.2"), ("192.0.2.3", "192.0.2.1"), ("192.0.2.2", "192.0.2.3"), turns[0]]
    assert said.rdata("a.example", "AAAA", 1) == ("2001:db8::1",)


def test_owner_of_the_soa() -> None:
    """An honest denial is the parent zone's for a name that does not exist, and the own zone's for NODATA."""
    assert saying.parse("nxdomain").denier("youtube.com", "A") == "com"
    assert saying.parse("nxdomain").denier("com", "A") == "."
    assert saying.parse("nodata").denier("www.youtube.com", "A") == "youtube.com"
    assert saying.parse("nxdomain no-soa").denier("youtube.com", "A") is None
    assert saying.parse("answer").denier("youtube.com", "A") is None
    assert saying.parse("servfail").denier("youtube.com", "A") is None


def test_then_is_a_second_reply() -> None:
    """`; then` adds further replies to the same query."""
    said = saying.parse("10.10.34.36 aa; then answer ; then nxdomain")
    assert said.aa
    assert said.then is not None
    assert not said.then.aa
    assert said.then.then == saying.parse("nxdomain")


def test_one_saying_or_one_for_each_qtype() -> None:
    """One text holds for every qtype; a mapping holds for those it names."""
    assert saying.of(saying.read("nxdomain"), "TXT") == saying.parse("nxdomain")
    said = saying.read({"AAAA": "nodata", "TXT": '"hello\\032world"', "MX": "10\\032mail.example."})
    assert saying.of(said, "A") is None
    assert saying.of(said, "AAAA") == saying.parse("nodata")
    txt, mx = saying.of(said, "TXT"), saying.of(said, "MX")
    assert txt is not None
    assert txt.rdata("a.example", "TXT") == ('"hello world"',)
    assert mx is not None
    assert mx.rdata("a.example", "MX") == ("10 mail.example.",)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "a saying needs an outcome or RDATA", "the outcomes are `answer`"),
        ("aa", "a saying needs an outcome or RDATA", ""),
        ("nxdomian", "`nxdomian` is no word of a saying", "did you mean `nxdomain`?"),
        ("nxdomain servfail", "`servfail` after `nxdomain`: a saying has one outcome", ""),
        ("nxdomain 192.0.2.1", "a saying is either `nxdomain` or RDATA, not both", ""),
        ("300.1.1.1", "`300.1.1.1` is no word of a saying", "needs its qtype"),
        ("answer ttl=x", "`x` is no value for `ttl`", ""),
        ("answer ede=70000", "`70000` is no value for `ede`", ""),
        ("answer loss=1.5", "`1.5` is no value for `loss`", ""),
        ("answer loss=nan", "`nan` is no value for `loss`", ""),
        ("answer cname=..", "`..` is no value for `cname`", ""),
        ("answer pool=2", "`pool` needs RDATA to choose from", ""),
        ("answer ttl=1 ttl=2", "`ttl` is said twice", ""),
        ("answer; then", "a saying needs an outcome or RDATA", ""),
    ],
)
def test_mistakes_are_named(text: str, message: str, hint: str) -> None:
    """A saying that cannot be read says which word is wrong."""
    with pytest.raises(LabError) as caught:
        saying.parse(text)
    assert caught.value.message == message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("value", [None, 7, [], {}, {"A": 7}, {7: "answer"}])
def test_what_is_no_saying_at_all(value: object) -> None:
    """Anything but text, or text for each qtype, is refused."""
    with pytest.raises(LabError, match="expected a saying"):
        saying.read(value)
