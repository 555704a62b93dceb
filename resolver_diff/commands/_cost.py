"""What a run would ask, of whom, and for how long, as a page; before anything is sent."""

from collections import Counter
from typing import Any

from resolver_diff.config import Config
from resolver_diff.config.model import PORTS
from resolver_diff.library.costs import costs
from resolver_diff.origins import told as origin_source
from resolver_diff.plan import Plan
from resolver_diff.tables import Purpose
from resolver_diff.wording.lines import EMPTY, Cut, Line, Tone, duration, line, many, paragraph, table

HEADER = ("resolver", "over", "address", "in", "role", "asked", "time")
CUTS = {2: Cut.MIDDLE, 0: Cut.MIDDLE}
NOTHING = "-"  # in place of a number, for what is not asked


def describe(config: Config, plan: Plan, width: int | None, origins: str | None = None) -> list[Line]:
    """Return the page about *plan*, which asks what of *config* can be asked; *origins* as the option says."""
    found = list(costs(config, plan).rows())
    rows = [_row(cost) for cost in found]
    tones = [Tone.PLAIN if cost["questions"] is not None else Tone.FAINT for cost in found]
    lines = [line("Of whom", Tone.HEADING), *table(HEADER, rows, tones=tones, width=width, cuts=CUTS)]
    lines += [EMPTY, line("What would be asked", Tone.HEADING)]
    return lines + paragraph(f"{_what(plan)} {origin_source(origins, config)}", width=width)


def _row(cost: dict[str, Any]) -> tuple[str, ...]:
    address, transport = cost["address"], cost["transport"]
    if cost["port"] != PORTS[transport]:
        address = f"[{address}]:{cost['port']}" if ":" in address else f"{address}:{cost['port']}"
    about = (cost["resolver"], transport, address, cost["country"] or "", cost["role"])
    if cost["questions"] is None:
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
