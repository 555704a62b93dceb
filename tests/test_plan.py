"""The plan: who is asked what, and when, without a clock."""

from datetime import date
from itertools import pairwise

import polars as pl
import pytest

from resolver_diff.config import Config, DomainSet, Names, Resolver
from resolver_diff.plan import Plan
from resolver_diff.tables import Purpose

DAY = date(2026, 2, 11)


def config(
    *resolvers: Resolver, names: dict[str, list[str]] | None = None, qtypes: tuple[str, ...] = ("A", "AAAA")
) -> Config:
    """Return a config with *resolvers* (or two of them) and *names* (set -> names)."""
    default = (
        Resolver(name="one", address="192.0.2.1", qps=10.0),
        Resolver(name="two", address="192.0.2.2", qps=50.0),
    )
    sets = {"shops": ["a.example", "b.example", "c.example"]} if names is None else names
    return Config(
        resolvers=resolvers or default,
        domain_sets=tuple(DomainSet(name, f"{name}.txt", Names.of(listed)) for name, listed in sets.items()),
        control_names=("control.example",),
        qtypes=qtypes,
    )


def everything(plan: Plan, limit: int = 1 << 18) -> pl.DataFrame:
    """Return all questions of *plan*."""
    return pl.concat([batch.frame for batch in plan.batches(limit)])


def test_every_target_is_asked_once_of_every_resolver() -> None:
    """Each (name, qtype, resolver) is one question, and its number is its own."""
    questions = everything(Plan(config(), day=DAY, vantage="here"))
    targets = questions.filter(pl.col("purpose") == Purpose.TARGET)
    assert targets.height == 3 * 2 * 2
    assert targets.select("qname", "qtype", "resolver").n_unique() == targets.height
    assert questions["number"].n_unique() == questions.height
    assert targets["domain_set"].unique().to_list() == ["shops"]


def test_counts_are_what_will_be_asked() -> None:
    """What `check` prints is what the batches hold, per resolver too, authoritative ones included."""
    authoritative = Resolver(name="ns", address="192.0.2.3", recursion=False)
    plan = Plan(config(Resolver(name="one", address="192.0.2.1"), authoritative), day=DAY, vantage="here")
    questions = everything(plan)
    assert plan.questions == questions.height
    counted = dict(questions.group_by("resolver").len().iter_rows())
    assert dict(plan.per_resolver().select("resolver", "questions").iter_rows()) == counted


def test_an_authoritative_server_is_not_asked_for_what_only_recursion_finds() -> None:
    """With `recursion: false` there are targets and CHAOS names, no control, egress or canary names."""
    plan = Plan(config(Resolver(name="ns", address="192.0.2.3", recursion=False)), day=DAY, vantage="here")
    others = everything(plan).filter(pl.col("purpose") != Purpose.TARGET)
    assert sorted(others["qname"]) == ["hostname.bind", "id.server", "version.bind"]


def test_control_names_are_asked_first_and_last() -> None:
    """The control names stand before and after the targets, in time too."""
    questions = everything(Plan(config(), day=DAY, vantage="here")).filter(pl.col("resolver") == "one").sort("due")
    control = (questions["purpose"] == Purpose.CONTROL).arg_true().to_list()
    targets = (questions["purpose"] == Purpose.TARGET).arg_true().to_list()
    assert len(control) == 2
    assert control[0] < min(targets)
    assert control[1] > max(targets)


@pytest.mark.parametrize("limit", [1, 7, 1 << 18])
def test_batches_cut_the_same_questions(limit: int) -> None:
    """However small the batches, the questions and their numbers are the same."""
    names = {"a": ["a1.example", "a2.example"], "b": ["b1.example"], "c": [f"c{i}.example" for i in range(9)]}
    plan = Plan(config(names=names), day=DAY, vantage="here")
    whole, cut = everything(plan).drop("due").sort("number"), everything(plan, limit).drop("due").sort("number")
    assert cut.equals(whole)
    assert all(len(batch) <= max(limit, 4) + 20 for batch in plan.batches(limit))  # with the opening and closing asks


def test_no_resolver_is_asked_faster_than_its_qps() -> None:
    """In every second there are at most `qps` questions to an address, and they do not come in bursts."""
    names = {"many": [f"n{i}.example" for i in range(100)]}
    for batch in Plan(config(names=names), day=DAY, vantage="here").batches():
        for resolver, qps in (("one", 10), ("two", 50)):
            gaps = batch.frame.filter(pl.col("resolver") == resolver)["due"].sort().diff().drop_nulls()
            assert gaps.min() == pytest.approx(1 / qps)


def test_entries_at_one_address_share_its_pace() -> None:
    """UDP and TCP to the same address and port are one resolver to be kind to, at the lower qps."""
    both = (
        Resolver(name="over-udp", address="192.0.2.1", qps=10.0),
        Resolver(name="over-tcp", address="192.0.2.1", transport="tcp", qps=40.0),
    )
    due = everything(Plan(config(*both), day=DAY, vantage="here"))["due"].sort()
    assert due.diff().drop_nulls().min() == pytest.approx(0.1)


def test_the_same_seed_gives_the_same_plan() -> None:
    """Order and canaries depend on the seed alone; the date and vantage are the seed unless one is given."""
    first = everything(Plan(config(), day=DAY, vantage="here"))
    assert everything(Plan(config(), day=DAY, vantage="here")).equals(first)
    assert not everything(Plan(config(), day=DAY, vantage="there")).equals(first)
    seeded = [everything(Plan(config(), day=DAY, vantage=vantage, seed="s")) for vantage in ("here", "there")]
    assert seeded[0].equals(seeded[1])


def test_the_fingerprint_is_of_the_questions() -> None:
    """Another name, resolver or seed is another plan; a slower pace is the same one."""
    base = Plan(config(), day=DAY, vantage="here").fingerprint
    slower = (
        Resolver(name="one", address="192.0.2.1", qps=1.0),
        Resolver(name="two", address="192.0.2.2", qps=1.0),
    )
    assert Plan(config(*slower), day=DAY, vantage="here").fingerprint == base
    assert Plan(config(names={"shops": ["a.example"]}), day=DAY, vantage="here").fingerprint != base
    assert Plan(config(), day=DAY, vantage="here", seed="x").fingerprint != base


def test_asking_again_is_paced_too() -> None:
    """The questions asked a second time get new times, at the same pace."""
    plan = Plan(config(), day=DAY, vantage="here")
    some = everything(plan).filter(pl.col("resolver") == "one").sample(5, seed=1)
    due = sorted(plan.pace(some, salt=9).frame["due"].to_list())
    assert due[-1] < 0.6
    assert min(after - before for before, after in pairwise(due)) == pytest.approx(0.1)


def test_a_plan_without_targets_still_asks_how_the_resolvers_are() -> None:
    """No domain set: control, identity and canary questions are left."""
    questions = everything(Plan(config(names={}), day=DAY, vantage="here"))
    assert set(questions["purpose"].cast(pl.String)) == {"control", "identity", "canary"}
