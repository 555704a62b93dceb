"""What a run held back for kindness: from addresses, as transports know them, to resolvers, as people do."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from resolver_diff.plan import Plan
from resolver_diff.snapshot import Held
from resolver_diff.transports import Care

Key = tuple[str, str]  # resolver, transport


def care_of(plan: Plan) -> Care:
    """Return the pace and window of every address that *plan* asks."""
    return Care(plan.address, plan.qps, plan.window, total=plan.total_qps, timeout=plan.config.timeout)


def held_back(plan: Plan, care: Care) -> list[Held]:
    """Return what *care* held back so far; entries at one address each have their own."""
    found = []
    for told in care.report():
        first, last = (datetime.fromtimestamp(when, UTC) for when in (told.first, told.last))
        whose = [("", "")]
        if told.address >= 0:
            entries = (plan.resolvers[place] for place in (plan.address == told.address).nonzero()[0].tolist())
            whose = [(entry.name, str(entry.transport)) for entry in entries]
        slowest = told.slowest if told.slowed else None
        found += [Held(*key, told.why, told.slowed, slowest, 0, first, last) for key in whose]
    return found


def together(earlier: Iterable[Held], later: Iterable[Held], withheld: Mapping[Key, int] | None = None) -> list[Held]:
    """Return what was held back before a run broke off and after; *withheld* counts the questions not asked."""
    found: dict[Key, Held] = {}
    for one in (*earlier, *later):
        key = (one.resolver, one.transport)
        other = found.get(key)
        if other is None:
            found[key] = one
            continue
        slowest = [qps for qps in (one.slowest, other.slowest) if qps is not None]
        found[key] = replace(
            one,
            why=tuple(dict.fromkeys((*other.why, *one.why))),
            slowed=one.slowed + other.slowed,
            slowest=min(slowest, default=None),
            first=min(one.first, other.first),
            last=max(one.last, other.last),
        )
    counted = withheld or {}
    return [replace(one, withheld=counted.get(key, 0)) for key, one in sorted(found.items())]
