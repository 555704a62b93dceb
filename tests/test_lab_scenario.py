"""Scenarios: who says what about which name on which day, and files that cannot be read."""

from datetime import date
from pathlib import Path

import pytest

from resolver_diff.errors import LabError
from resolver_diff.lab import reading
from resolver_diff.lab.scenario import Scenario
from resolver_diff.tables import Outcome, TransportName

UDP, TCP = TransportName.UDP, TransportName.TCP

STORY = """
about: a story
names:
  video: {v.example: answer, www.v.example: answer}
  shops: {s.example: 192.0.2.1}
resolvers:
  register: {operator: State, country: RU, role: register, says: {s.example: refused}}
  isp: {forwards: register}
  open: {operator: Open, role: control, transports: [udp, tcp], egress: 198.51.100.53}
  liar: {says: {absent: 203.0.113.9}}
days:
  2026-02-11:
    register: {video: nxdomain aa no-soa}
    isp: {www.v.example: {AAAA: nodata}}
  2026-02-10:
  2026-02-12:
    open/udp: {"*": as isp}
    register: {"*.v.example": honest}
    everywhere: {s.example: 192.0.2.2}
  2026-02-13:
    register: {"*": honest}
    everywhere: {s.example: honest}
"""


def at(day: int) -> date:
    """Return the date."""
    return date(2026, 2, day)


@pytest.fixture
def story() -> Scenario:
    """The story above."""
    return reading.loads(STORY)


def outcome(
    story: Scenario, day: int, resolver: str, qname: str, qtype: str = "A", transport: TransportName = UDP
) -> Outcome:
    """Return how a question ends."""
    said, _ = story.said(at(day), story.parts[resolver], transport, qname, qtype)
    return said.outcome_for(qname, qtype)


def answer(story: Scenario, day: int, resolver: str, qname: str, qtype: str = "A") -> tuple[str, ...]:
    """Return the RDATA said."""
    said, _ = story.said(at(day), story.parts[resolver], UDP, qname, qtype)
    return said.rdata(qname, qtype)


def test_days_are_in_order(story: Scenario) -> None:
    """Days may be written in any order and are played in the calendar's."""
    assert story.dates == (at(10), at(11), at(12), at(13))


def test_a_day_changes_what_the_day_before_said(story: Scenario) -> None:
    """What is said holds from its day on, until another day says otherwise."""
    said = [outcome(story, day, "register", "v.example") for day in (10, 11, 12, 13)]
    assert said == [Outcome.ANSWER, Outcome.NXDOMAIN, Outcome.NXDOMAIN, Outcome.ANSWER]


def test_honest_undoes_also_what_was_always_said(story: Scenario) -> None:
    """`says` holds from the beginning; `honest` goes back to the truth."""
    said = [outcome(story, day, "register", "s.example") for day in (10, 12, 13)]
    assert said == [Outcome.REFUSED, Outcome.REFUSED, Outcome.ANSWER]


def test_names_below_a_name(story: Scenario) -> None:
    """`*.v.example` is about the names below v.example, not about v.example."""
    assert outcome(story, 12, "register", "www.v.example") is Outcome.ANSWER
    assert outcome(story, 12, "register", "v.example") is Outcome.NXDOMAIN


def test_a_forwarder_says_what_it_is_told(story: Scenario) -> None:
    """A resolver that forwards says what its upstream says, its own rules first, for the qtypes they name."""
    assert outcome(story, 11, "isp", "v.example") is Outcome.NXDOMAIN
    assert outcome(story, 11, "isp", "www.v.example", "A") is Outcome.NXDOMAIN
    assert outcome(story, 11, "isp", "www.v.example", "AAAA") is Outcome.NODATA


def test_a_redirected_transport(story: Scenario) -> None:
    """A rule for one transport leaves the other alone; `as` takes over even who one is."""
    assert outcome(story, 12, "open", "v.example") is Outcome.NXDOMAIN
    assert outcome(story, 12, "open", "v.example", transport=TCP) is Outcome.ANSWER
    assert answer(story, 11, "open", "whoami.akamai.net") == ("198.51.100.53",)
    assert answer(story, 12, "open", "whoami.akamai.net") == answer(story, 12, "register", "whoami.akamai.net")
    assert answer(story, 12, "open", "id.server", "TXT") == ('"register"',)


def test_the_truth_can_change_everywhere(story: Scenario) -> None:
    """`everywhere` changes what honest resolvers say, `honest` takes that back."""
    assert [answer(story, day, "open", "s.example") for day in (10, 13)] == [("192.0.2.1",), ("192.0.2.1",)]
    assert answer(story, 12, "liar", "s.example") == ("192.0.2.2",)


def test_names_that_do_not_exist(story: Scenario) -> None:
    """A name nobody knows is NXDOMAIN; `absent` is what a resolver makes of those."""
    assert outcome(story, 10, "open", "qwertyuiop.com") is Outcome.NXDOMAIN
    assert answer(story, 10, "liar", "qwertyuiop.com") == ("203.0.113.9",)
    assert answer(story, 10, "liar", "s.example") == ("192.0.2.1",)


def test_config_has_an_entry_for_each_transport(story: Scenario) -> None:
    """The config asks every resolver over each of its transports, for every name."""
    ports = {name: 5300 + index for index, name in enumerate(story.parts)}
    made = story.config(ports, timeout=0.5, attempts=2, qps=50)
    entries = [(each.name, each.port, each.transport, each.role) for each in made.resolvers]
    assert ("open", 5302, UDP, "control") in entries
    assert ("open-tcp", 5302, TCP, "control") in entries
    assert len(entries) == 5
    assert {each.name: each.qnames.to_list() for each in made.domain_sets} == {
        "video": ["v.example", "www.v.example"],
        "shops": ["s.example"],
    }
    assert (made.timeout, made.attempts, made.resolvers[0].qps) == (0.5, 2, 50)


def test_the_shipped_scenarios_can_be_read() -> None:
    """Every scenario that comes with resolver_diff loads by its name and has at least two days."""
    assert "russia-2026" in reading.shipped()
    for name in reading.shipped():
        scenario = reading.load(name)
        assert scenario.about
        assert len(scenario.dates) >= 2


def test_every_mistake_at_once_with_its_place() -> None:
    """A scenario with many mistakes names each of them, and where it stands."""
    text = """\
about: x
names:
  a: {x.example: nxdomian, y.example: answer, Upper.example: answer}
  b: {y.example: answer}
resolvers:
  r: {operator: O, country: NOR, role: contrl, forwards: s, lss: 1}
  s: {forwards: r, delay: 99}
days:
  2026-02-30:
  2026-02-01:
    r/tls: {a: timeout}
    q: {zz.invalid: honest}
    everywhere: {"*": as r}
    s: {"*": as nobody}
"""
    with pytest.raises(LabError) as caught:
        reading.loads(text, "story.yaml")
    found = [(problem.message, str(problem.place)) for problem in caught.value.problems]
    assert sorted(found) == sorted(
        [
            ("`nxdomian` is no word of a saying", "story.yaml:3:18"),
            ("`Upper.example` is no name to ask for", "story.yaml:3:47"),
            ("`y.example` is in `a` already", "story.yaml:4:7"),
            ("expected a country: two capital letters, ISO 3166-1", "story.yaml:6:29"),
            ("unknown word `contrl`", "story.yaml:6:40"),
            ("unknown field `lss`", "story.yaml:6:61"),
            ("`s` and `r` would ask each other in a circle", "story.yaml:7:17"),
            ("expected a number from 0 to 60", "story.yaml:7:27"),
            ("`2026-02-30` is no date", "story.yaml:9:3"),
            ("unknown word `tls`", "story.yaml:11:5"),
            ("unknown resolver `q`", "story.yaml:12:5"),
            ("unknown name or domain set `zz.invalid`", "story.yaml:12:9"),
            ("`as` is said of a resolver, not of everywhere", "story.yaml:13:23"),
            ("unknown resolver `nobody`", "story.yaml:14:14"),
        ]
    )
    hints = {problem.message: problem.hint for problem in caught.value.problems}
    assert hints["unknown field `lss`"] == "did you mean `loss`?"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is nothing in it"),
        ("- a", "expected a mapping: `key: value`"),
        ("names: [", "this is not YAML: "),
        ("names: !!python/object/apply:os.system [ls]", "the tag "),
        ("names: {a: {x.example: answer}}\nresolvers: {r: {}}\ndays: {}", "a scenario needs `days`"),
        ("names: {a: {}}\nresolvers: {r: {}}\ndays: {2026-02-01: }", "there is no name in `a`"),
        (
            "names: {a: {x.example: answer}}\nresolvers: {R s: {}}\ndays: {2026-02-01: }",
            "`R s` is no name for a resolver",
        ),
    ],
)
def test_what_is_no_scenario(text: str, message: str) -> None:
    """A file that is no scenario is refused in words."""
    with pytest.raises(LabError) as caught:
        reading.loads(text)
    assert any(problem.message.startswith(message) for problem in caught.value.problems)


def test_a_scenario_that_is_not_there(tmp_path: Path) -> None:
    """A name or path that leads nowhere says which scenarios there are."""
    with pytest.raises(LabError) as caught:
        reading.load(tmp_path / "none.yaml")
    assert "russia-2026" in (caught.value.hint or "")


def test_a_scenario_of_ones_own(tmp_path: Path) -> None:
    """A scenario is read from a path, byte order mark or not."""
    file = tmp_path / "mine.yaml"
    file.write_text("\ufeff" + STORY, encoding="utf-8")
    assert reading.load(file).name == "mine"
