"""Which answers are worth a handshake: what nothing else clears, name by name, within a budget."""

import ipaddress
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from resolver_diff.config import Config, DomainSet, Names, Resolver
from resolver_diff.config.optout import OptOut
from resolver_diff.tables import Certificates, Observations, Origins
from resolver_diff.verify import Budget, choosing

QUICK = Budget(rate=1000.0, apart=0.0, seconds=5.0, later=0.0)


def config(**how: Any) -> Config:
    """Return a config of two controls, of two operators, and two others."""
    facts = {"c1": ("One", "control"), "c2": ("Two", "control"), "r1": ("R", "register"), "r2": ("S", "isp")}
    resolvers = tuple(
        Resolver(name=name, address=f"192.0.2.{index}", operator=operator, role=role)
        for index, (name, (operator, role)) in enumerate(facts.items())
    )
    names = DomainSet("shops", "shops.txt", Names.of(["a.example", "b.example"]))
    return Config(resolvers, (names,), (), qtypes=("A",), **how)


def chosen(answers: dict[tuple[str, str], str], budget: Budget = QUICK, **how: Any) -> choosing.Choice:
    """Return what is worth a handshake of *answers*, by resolver and name."""
    rows = [
        {
            "resolver": resolver,
            "qname": qname,
            "qtype": "AAAA" if ":" in answer else "A",
            "purpose": "target",
            "outcome": "answer",
            "answer": answer,
        }
        for (resolver, qname), answer in answers.items()
    ]
    known = how.pop("known", Certificates.empty())
    origins = how.pop("origins", Origins.empty())
    heard = Observations.of(pl.DataFrame(rows)).frame.lazy()
    return choosing.choose(heard, config(**how), origins, known, budget)


def pairs(choice: choosing.Choice) -> list[tuple[str, str]]:
    """Return names and addresses in the order they are checked."""
    return choice.chosen.select("qname", "address").rows()


HONEST = {("c1", "a.example"): "20.0.0.1 20.0.0.2", ("c2", "a.example"): "20.0.0.2"}


@pytest.mark.parametrize(
    ("answer", "worth"),
    [
        ("20.0.0.1", []),
        ("30.0.0.1 20.0.0.2", []),
        ("20.0.0.99", []),
        ("40.9.9.9", []),
        ("30.0.0.1", [("a.example", "30.0.0.1"), ("a.example", "20.0.0.2")]),
        ("10.0.0.1", []),
        ("2a00:1450::1", [("a.example", "2a00:1450::1"), ("a.example", "20.0.0.2")]),
    ],
)
def test_what_the_controls_share_needs_no_handshake(answer: str, worth: list[tuple[str, str]]) -> None:
    """An address, network or origin in common clears an answer; else it is checked, and a control's with it."""
    rows = [("20.0.0.1", 1), ("20.0.0.2", 1), ("40.9.9.9", 1), ("30.0.0.1", 2)]
    origins = Origins.of(pl.DataFrame(rows, schema=["address", "asn"], orient="row"))
    assert pairs(chosen({**HONEST, ("r1", "a.example"): answer}, origins=origins)) == worth


def test_a_control_is_held_against_the_others() -> None:
    """What a control alone gives is checked too: it may be misled itself. Its own answer does not clear it."""
    choice = chosen({("c1", "a.example"): "20.0.0.1", ("c2", "a.example"): "30.0.0.1"})
    assert sorted(pairs(choice)) == [("a.example", "20.0.0.1"), ("a.example", "30.0.0.1")]


def test_controls_of_one_operator_are_not_checked() -> None:
    """With one operator's controls only, what they give is all there is to compare with."""
    choice = chosen({("c1", "a.example"): "20.0.0.1", ("r1", "a.example"): "30.0.0.1", ("c1", "b.example"): "21.0.0.1"})
    assert pairs(choice) == [("a.example", "30.0.0.1"), ("a.example", "20.0.0.1")]


def test_what_no_control_answers_is_checked() -> None:
    """An invented answer has nothing in common with anybody."""
    assert pairs(chosen({("r1", "b.example"): "30.0.0.1"})) == [("b.example", "30.0.0.1")]


def test_names_take_turns_within_the_budget() -> None:
    """Every name has a first handshake before one has a second; what the budget leaves out is counted."""
    answers = {
        **HONEST,
        ("r1", "a.example"): "30.0.0.1 31.0.0.1 32.0.0.1",
        ("r2", "a.example"): "30.0.0.1",
        ("r1", "b.example"): "33.0.0.1",
    }
    everything = [
        *[("a.example", "30.0.0.1"), ("a.example", "20.0.0.2"), ("b.example", "33.0.0.1")],
        *[("a.example", "31.0.0.1"), ("a.example", "32.0.0.1")],
    ]
    assert pairs(chosen(answers)) == everything
    few = chosen(answers, replace(QUICK, total=3))
    assert pairs(few) == everything[:3]
    assert few.counts["certificates_left_out_by_budget"] == 2


def test_a_network_is_asked_a_few_times() -> None:
    """Of a thousand addresses in one /24 some are checked, the rest counted."""
    answers = {**HONEST, ("r1", "a.example"): " ".join(f"30.0.0.{index}" for index in range(1, 100))}
    choice = chosen(answers)
    assert len([address for _, address in pairs(choice) if address.startswith("30.")]) == QUICK.network
    assert choice.counts["certificates_left_out_by_network"] == 99 - QUICK.network


def test_who_must_not_be_asked_is_not() -> None:
    """Addresses on the opt-out list, and such as cannot be public, are never connected to."""
    unwanted = OptOut(frozenset([ipaddress.ip_network("30.0.0.0/8")]), frozenset())
    answers = {**HONEST, ("r1", "a.example"): "30.0.0.1 10.0.0.1", ("r2", "a.example"): "127.0.0.1"}
    choice = chosen(answers, opt_out=unwanted)
    assert pairs(choice) == []
    assert choice.counts["certificates_not_to_be_asked"] == 3


def test_what_is_known_is_not_checked_again() -> None:
    """Another set of the same date does not repeat a handshake."""
    known = Certificates.of(pl.DataFrame({"qname": ["a.example"], "address": ["30.0.0.1"]}))
    assert pairs(chosen({**HONEST, ("r1", "a.example"): "30.0.0.1"}, known=known)) == []
