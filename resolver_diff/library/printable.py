"""One cell in a sentence that can be printed: who said what of which name, when, and what the others said."""

from collections.abc import Mapping
from typing import Any

from resolver_diff.anomaly import reasons
from resolver_diff.compare.shares import percent
from resolver_diff.confidence import COLUMNS, NEVER
from resolver_diff.config import Resolver
from resolver_diff.event import SHOWN, day_in_words
from resolver_diff.tables import Condition, Mechanism, Outcome, State
from resolver_diff.wording.lines import many

SAID = {
    Mechanism.NXDOMAIN: "said that {name} does not exist",
    Mechanism.NODATA: "said that {name} has no {qtype} record",
    Mechanism.SERVFAIL: "failed to look {name} up (SERVFAIL)",
    Mechanism.REFUSED: "refused to answer for {name} ({outcome})",
    Mechanism.TIMEOUT: "gave no reply for {name}",
    Mechanism.BOGON: "gave for {name} an address that cannot be on the public Internet ({answer})",
    Mechanism.STUB: "gave for {name} an address that it gives for unrelated names too ({answer})",
    Mechanism.BLOCKPAGE: "gave for {name} an address that is known to stand for blocked names ({answer})",
    Mechanism.FORGED: "gave for {name} an address that is not one of those that the controls give ({answer})",
    Mechanism.INJECTED: "was heard to give two replies for {name} that contradict each other",
    Mechanism.POLICY: "filtered {name} by its own policy ({outcome})",
}
CONSENSUS = {
    "answer": "answered",
    "nxdomain": "said that it does not exist",
    "nodata": "said that it has no such record",
    "failure": "failed too",
}
OUTCOMES = {
    Outcome.NXDOMAIN: "said that {name} does not exist",
    Outcome.NODATA: "said that {name} has no {qtype} record",
    Outcome.ANSWER: "answered {answer} for {name}",
}
LONGEST = 60  # characters of an answer in a sentence


def sentence(
    cell: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    entry: Resolver,
    condition: str,
    name: str,
    vantage: str,
) -> str:
    """Say the *cell* of a resolver, and how it was *before*, as far as that is known; *name* is the name, readable.

    Of a resolver in whose place somebody else answers (its *condition*) nothing is said.
    """
    state = State(str(cell["state"]))
    words = {"name": name, "qtype": cell["qtype"], "outcome": str(cell["outcome"]).upper(), "answer": _answer(cell)}
    about = ", ".join(part for part in (entry.operator, entry.country) if part)
    who = f"the resolver {entry.name}" + (f" ({about})" if about else "")
    who = f"somebody in the place of {who}, over {entry.transport}," if condition == Condition.INTERCEPTED else who
    on = f"On {day_in_words(cell['date'])}, asked from {vantage}, {who}"
    if state is State.INSUFFICIENT:
        return f"{on} {_otherwise(cell, words)}; whether that is its own doing cannot be told: {_why(cell)}."
    if state in (State.AGREES, State.GONE):
        return f"{on} {_otherwise(cell, words)}, in line with {_operators(cell)}."
    said = SAID[Mechanism(str(cell["mechanism"]))].format(**words)
    return f"{on} {said}, while {_controls(cell)}{_then(before)}."


def _controls(cell: Mapping[str, Any]) -> str:
    """Say what the controls said."""
    return f"{_operators(cell)} {CONSENSUS.get(str(cell['consensus']), 'said other things')}"


def _operators(cell: Mapping[str, Any]) -> str:
    return f"{cell['controls_agreeing']} of {cell['controls_asked']} independent control operators"


def _then(before: Mapping[str, Any] | None) -> str:
    if before is None:
        return ""
    state = State(str(before["state"]))
    day = day_in_words(before["date"])
    if state in (State.VANISHED, State.DIVERGENT):
        return f"; on {day} there was {SHOWN.get(Mechanism(str(before['mechanism'])), 'a filter')}"
    if state is State.AGREES:
        return f"; on {day} it had answered as they do"
    return f"; how it was on {day} cannot be told"


def _otherwise(cell: Mapping[str, Any], words: Mapping[str, str]) -> str:
    """Say how the question ended where that is no finding."""
    return OUTCOMES.get(Outcome(str(cell["outcome"])), "gave no answer for {name} ({outcome})").format(**words)


def _why(cell: Mapping[str, Any]) -> str:
    """Say what kept the cell from being judged."""
    members = reasons()
    against = [members[one].sentence(cell) for one in cell["evidence_against"] or () if one in members]
    if against:
        return "; ".join(against)
    if cell["consensus"] is None:
        return "too few of the controls answered, or they do not agree"
    return "nothing speaks for it, and nothing against"


def _answer(cell: Mapping[str, Any]) -> str:
    text = str(cell["answer"] or cell["cname"] or "")
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rpartition(' ')[0] or text[:LONGEST]} ..."


def sure(confidence: Mapping[str, Any], pattern: str, where: str) -> str:
    """Say how often cells like this were right, and *where*."""
    share, low, high, cases, _ = (confidence[name] for name in COLUMNS)
    if share is None:
        return f"{NEVER}: there was no cell with this pattern of evidence ({pattern}) in {where}."
    return (
        f"{percent(share)} of the cells with this pattern of evidence ({pattern}) were blocked in {where}; "
        f"95 % interval {percent(low)} to {percent(high)}, of {many(cases, 'case')}."
    )
