"""What a run would ask, of whom, and for how long; before anything is sent."""

from collections import Counter
from typing import Any

from resolver_diff import family, transports
from resolver_diff._model import PORTS
from resolver_diff.commands._progress import duration
from resolver_diff.compare import QUORUM
from resolver_diff.config import Resolver
from resolver_diff.plan import Plan
from resolver_diff.reports._layout import EMPTY, Line, Tone, line, paragraph, table
from resolver_diff.tables import Purpose

HEADER = ("resolver", "over", "address", "in", "role", "asked", "time")


def describe(plan: Plan, width: int) -> list[Line]:
    """Return the page about *plan*."""
    config = plan.config
    carried = set(family.names(transports))
    lines = [line("What would be asked", Tone.HEADING)]
    lines += paragraph(_what(plan), width=width)
    lines += [EMPTY, line("Of whom", Tone.HEADING)]
    costs = {row["resolver"]: row for row in plan.per_resolver().iter_rows(named=True)}
    rows = [_row(resolver, costs[resolver.name]) for resolver in plan.resolvers]
    lacking = [resolver.name for resolver in plan.resolvers if resolver.transport not in carried]
    tones = [Tone.FAINT if row[0] in lacking else Tone.PLAIN for row in rows]
    lines += table(HEADER, rows, tones=tones, width=width, flexible=(0, 2))
    if lacking:
        text = f"not asked, as this version lacks their transport: {', '.join(lacking)}"
        lines += [EMPTY, *paragraph(text, width=width, tone=Tone.BAD)]
    operators = {resolver.operator or resolver.name for resolver in config.resolvers if resolver.role == "control"}
    if len(operators) < QUORUM:
        text = f"nothing can be judged with the controls of fewer than {QUORUM} operators"
        lines += [EMPTY, *paragraph(text, width=width, tone=Tone.BAD)]
    return lines


def _row(resolver: Resolver, cost: dict[str, Any]) -> tuple[str, ...]:
    address = resolver.address
    if resolver.port != PORTS[resolver.transport]:
        address = f"[{address}]:{resolver.port}" if ":" in address else f"{address}:{resolver.port}"
    about = (resolver.name, str(resolver.transport), address, resolver.country or "", resolver.role)
    return (*about, f"{cost['questions']:,}", duration(cost["seconds"]))


def _what(plan: Plan) -> str:
    config = plan.config
    sets = ", ".join(f"{each.name} ({len(each.qnames):,})" for each in config.domain_sets)
    extra = Counter(ask.purpose for ask in (*plan.opening, *plan.closing))
    return (
        f"{plan.names:,} names of {len(config.domain_sets):,} domain sets, for {', '.join(config.qtypes)}: {sets}. "
        f"Besides, of each resolver: {extra[Purpose.CONTROL]} control, {extra[Purpose.IDENTITY]} identity and "
        f"{extra[Purpose.CANARY]} canary questions. {plan.questions:,} questions in all to {len(plan.resolvers):,} "
        f"resolvers, each at most {config.attempts} times, {config.timeout:g} s apart when silent. The run takes at "
        f"least {duration(plan.seconds)}; nothing has been sent."
    )
