"""What a run would ask, of whom, and for how long; before anything is sent."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from resolver_diff import family, transports
from resolver_diff.compare import QUORUM
from resolver_diff.config import Config, LeftOut, Resolver
from resolver_diff.config.entries import DO53
from resolver_diff.config.model import PORTS
from resolver_diff.errors import Problem, UsageError
from resolver_diff.origins import told as origin_source
from resolver_diff.plan import Plan
from resolver_diff.reports._layout import EMPTY, Cut, Line, Tone, duration, line, many, paragraph, some, table
from resolver_diff.tables import Purpose
from resolver_diff.transports import Transport

HEADER = ("resolver", "over", "address", "in", "role", "asked", "time")
CUTS = {2: Cut.MIDDLE, 0: Cut.MIDDLE}
NOTHING = "-"  # in place of a number, for what is not asked


def asked_of(config: Config) -> Config:
    """Return *config* with the resolvers only that this version can ask; raises UsageError when there is none."""
    known = family.names(transports)
    carried = tuple(resolver for resolver in config.resolvers if resolver.transport in known)
    if not carried:
        hint = f"the transports are {', '.join(known)}"
        raise UsageError("no resolver uses a transport that this version can carry", hint=hint)
    return replace(config, resolvers=carried)


def doubts(config: Config) -> Iterator[Problem]:
    """Yield what stops no run of *config*, but makes it worth less."""
    carried = asked_of(config).resolvers
    lacking = [resolver.name for resolver in config.resolvers if resolver not in carried]
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


def describe(config: Config, plan: Plan, width: int | None, origins: str | None = None) -> list[Line]:
    """Return the page about *plan*, which asks what of *config* can be asked; *origins* as the option says."""
    costs = {(row["resolver"], row["transport"]): row for row in plan.per_resolver().iter_rows(named=True)}
    found = [costs.get((resolver.name, str(resolver.transport))) for resolver in config.resolvers]
    rows = [_row(resolver, cost) for resolver, cost in zip(config.resolvers, found, strict=True)]
    tones = [Tone.PLAIN if cost else Tone.FAINT for cost in found]
    lines = [line("Of whom", Tone.HEADING), *table(HEADER, rows, tones=tones, width=width, cuts=CUTS)]
    lines += [EMPTY, line("What would be asked", Tone.HEADING)]
    return lines + paragraph(f"{_what(plan)} {origin_source(origins, config)}", width=width)


def _row(resolver: Resolver, cost: dict[str, Any] | None) -> tuple[str, ...]:
    address = resolver.address
    if resolver.port != PORTS[resolver.transport]:
        address = f"[{address}]:{resolver.port}" if ":" in address else f"{address}:{resolver.port}"
    about = (resolver.name, str(resolver.transport), address, resolver.country or "", resolver.role)
    if cost is None:
        return (*about, NOTHING, NOTHING)
    return (*about, f"{cost['questions']:,}", duration(cost["seconds"]))


def _what(plan: Plan) -> str:
    config = plan.config
    sets = ", ".join(f"{each.name} ({len(each.qnames):,})" for each in config.domain_sets)
    extra = Counter(ask.purpose for ask in (*plan.opening, *plan.during, *plan.closing))
    shared = plan.per_resolver()["pace"].is_duplicated().any()
    return (
        f"{many(plan.names, 'name')} of {many(len(config.domain_sets), 'domain set')}, for {', '.join(config.qtypes)}: "
        f"{sets}.{_repeated(plan)} Besides, of each resolver: {extra[Purpose.CONTROL]} control, "
        f"{extra[Purpose.IDENTITY]} identity and {extra[Purpose.CANARY]} canary questions. "
        f"{many(plan.questions, 'question')} in all to {_whom(plan)}, each at most "
        f"{many(config.attempts, 'time')}, {config.timeout:g} s "
        f"apart when silent. The run takes at least {duration(plan.seconds)}"
        f"{', as entries at one address share its pace' if shared else ''}; nothing has been sent."
        f"{_names_to_find(plan)}"
    )


def _repeated(plan: Plan) -> str:
    return f" Each is asked for {plan.config.repeat} times, spread over the run." if plan.config.repeat > 1 else ""


def _whom(plan: Plan) -> str:
    """Say how many resolvers are asked, and over which transports where one is asked over several."""
    names = {entry.name for entry in plan.resolvers}
    over = ", ".join(dict.fromkeys(str(entry.transport) for entry in plan.resolvers))
    return many(len(names), "resolver") + (f" over {over}" if len(names) < len(plan.resolvers) else "")


def _names_to_find(plan: Plan) -> str:
    """Say whose addresses this machine's own resolver will be asked for."""
    names = list(dict.fromkeys(resolver.address for resolver in plan.resolvers if not resolver.located))
    return f" When the run starts, the system is asked for the addresses of {', '.join(names)}." if names else ""
