"""What a run would ask of whom, and what makes it worth less; before anything is sent."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import polars as pl

from resolver_diff import family, transports
from resolver_diff.config import Config, LeftOut
from resolver_diff.config.entries import DO53
from resolver_diff.errors import Problem, UsageError
from resolver_diff.library.tables import Costs
from resolver_diff.plan import Plan
from resolver_diff.tables import QUORUM
from resolver_diff.transports import Transport
from resolver_diff.wording.lines import many, some


def asked_of(config: Config) -> Config:
    """Return *config* with the resolvers only that this version can ask; raises UsageError when there is none."""
    known = family.names(transports)
    carried = tuple(resolver for resolver in config.resolvers if resolver.transport in known)
    if not carried:
        hint = f"the transports are {', '.join(known)}"
        raise UsageError("no resolver uses a transport that this version can carry", hint=hint)
    return replace(config, resolvers=carried)


def costs(config: Config, plan: Plan) -> Costs:
    """Return what *plan*, which asks what of *config* can be asked, would ask of each of its resolvers."""
    facts = ("address", "port", "operator", "country", "role", "policy")
    rows = [
        {"resolver": each.name, "transport": str(each.transport), **{name: getattr(each, name) for name in facts}}
        for each in config.resolvers
    ]
    texts = {name: dtype for name, dtype in Costs.schema.items() if name in ("resolver", *facts)}
    frame = pl.DataFrame(rows, schema={**texts, "transport": pl.String()})
    asked = plan.per_resolver().select("resolver", "transport", "questions", "seconds")
    return Costs.of(frame.join(asked, on=["resolver", "transport"], how="left", maintain_order="left"))


def doubts(config: Config) -> Iterator[Problem]:
    """Yield what stops no run of *config*, but makes it worth less."""
    carried = asked_of(config).resolvers
    known = {resolver.transport for resolver in carried}
    lacking = [resolver.name for resolver in config.resolvers if resolver.transport not in known]
    hint = "they are left out of the run and of the numbers"
    if lacking:
        names = list(dict.fromkeys(lacking))
        yield Problem(f"this version lacks the transport of {many(len(names), 'resolver')}: {some(names)}", hint=hint)
    for why, names in left_out(config.left_out):
        yield Problem(f"{many(len(names), 'resolver')} would not be asked, as {why}: {some(names)}", hint=hint)
    used = sorted({str(resolver.transport) for resolver in carried if resolver.transport not in DO53})
    lacks = (family.member(transports, name, "TRANSPORT", Transport).lack() for name in used)
    yield from {lack.message: lack for lack in lacks if lack is not None}.values()
    if config.names_left_out:
        yield Problem(f"{not_asked_for(config.names_left_out)}")
    controls = [resolver for resolver in carried if resolver.role == "control"]
    alone = list(dict.fromkeys(resolver.name for resolver in controls if resolver.operator is None))
    if alone:
        whose = "control says" if len(alone) == 1 else "controls say"
        hint = "each counts as an operator of its own; two of the same operator would have two votes"
        yield Problem(f"{len(alone):,} {whose} no operator: {some(alone)}", hint=hint)
    operators = {resolver.operator or resolver.name for resolver in controls}
    if len(operators) < QUORUM:
        there = f"controls of {many(len(operators), 'operator')}" if operators else "no controls"
        hint = (
            f"`role: control` for unfiltered resolvers of {QUORUM} operators or more; three withstand a bad day of one"
        )
        yield Problem(f"nothing can be judged with {there}", hint=hint)


def left_out(found: Iterable[LeftOut]) -> Iterator[tuple[str, list[str]]]:
    """Yield each reason why resolvers are not asked, and their names with what more is known of them."""
    found = list(found)
    for why in dict.fromkeys(each.why for each in found):
        who = [f"{each.resolver} ({each.says})" if each.says else each.resolver for each in found if each.why == why]
        yield why, list(dict.fromkeys(who))


def not_asked_for(names: int) -> str:
    """Say how many names the opt-out list takes away."""
    return f"{many(names, 'name')} would not be asked for, as the opt-out list has {'it' if names == 1 else 'them'}"
