"""What came of a run, in words."""

from collections.abc import Iterator, Sequence

from resolver_diff.library.costs import left_out
from resolver_diff.probe import Taken
from resolver_diff.snapshot import Held
from resolver_diff.wording.lines import duration, many, some

MOST_HELD = 12  # resolvers that are told of one by one


def summary(taken: Taken) -> str:
    """Return what was taken, and who was not heard."""
    run, counts = taken.run, taken.counts
    took = duration((run.finished - run.started).total_seconds())
    text = (
        f"{run.date} at vantage {run.vantage}: {many(counts['questions'], 'question')} put to "
        f"{many(len({entry.name for entry in run.resolvers}), 'resolver')} in {took}; {counts['queries']:,} sent, "
        f"{many(counts['replies'], 'reply', 'replies')}, {many(counts['silent'], 'question')} without any."
    )
    text += "".join(f"\n{told}" for told in _held(run.held))
    silent: dict[str, list[str]] = {}
    for name in taken.silent:
        silent.setdefault(taken.troubles.get(name, ""), []).append(name)
    for trouble, names in sorted(silent.items()):
        text += f"\nsaid nothing at all{f' ({trouble})' if trouble else ''}: {some(names)}"
    for why, names in left_out(taken.left_out):
        text += f"\nnot asked, as {why}: {some(names)}"
    if counts.get("control_replies") and not counts.get("control_answers"):
        text += (
            "\nnobody knows a single control name: put some that exist here into control.txt, beside the domain sets"
        )
    if fewer := counts.get("names_left_out"):
        text += f"\nnot asked for, as the opt-out list has them: {many(fewer, 'name')}"
    return text


def _held(held: Sequence[Held]) -> Iterator[str]:
    """Yield who was slowed down, and who was not asked everything, and why; the most held back come first."""
    spared = sorted((one for one in held if one.slowed or one.withheld), key=lambda one: -one.withheld)
    for one in spared[:MOST_HELD]:
        slowed = f"slowed to {one.slowest:.3g} a second" if one.slowest is not None else "let alone"
        left = f"; {many(one.withheld, 'question')} not asked" if one.withheld else ""
        yield f"{one.resolver} ({one.transport}) was {slowed}, as it was {_why(one.why)}{left}"
    if len(spared) > MOST_HELD:
        yield f"and {len(spared) - MOST_HELD:,} more resolvers were slowed down; the files' metadata has all of them"


def _why(reasons: Sequence[str]) -> str:
    said = {"servfail": "failing", "refused": "refusing", "unreachable": "in trouble"}
    return " and ".join(said.get(reason, reason) for reason in reasons if reason not in ("window", "total"))
