"""Print the hostile matrix as a table in Markdown: misbehaviour, expected row, row.

    python tests/hostile_table.py [CASE ...]

Exit status 1: a row is not as it should be.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from misbehaviours import ALWAYS, Case, Row
from misbehaviours._matrix import HONEST, Result, cases, faults, missing, seen, take, whole

LONGEST = 60  # characters of a value that are shown
PLAIN = {"attempt": 0, "reply": 0, "rcode": 0, "tc": False, "ttl": 60}  # not shown


def shown(rows: list[Row]) -> str:
    """Return rows in few words: the outcome, and whatever is not as usual."""
    return " **then** ".join(_row(row) for row in rows) or "no row"


def _row(row: Row) -> str:
    parts = [f"**{row['outcome']}**"]
    for name in dict.fromkeys((*ALWAYS, *row)):
        value = row.get(name)
        if name != "outcome" and value is not None and PLAIN.get(name) != value:
            parts.append(f"{name} `{_value(value)}`")
    return ", ".join(parts)


def _value(value: Any) -> str:
    text = str(value).replace("|", "\\|").replace("`", "'")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def line(case: Case, result: Result) -> tuple[str, bool]:
    """Return the line of a case, and whether all of it is as it should be."""
    reason = missing(case)
    if reason:
        return f"| {case.name} | {case.does} | {shown([whole(row) for row in case.rows])} | not run: {reason} | |", True
    expected = [whole(row) for row in case.rows]
    found = [seen(row, case.rows[min(place, len(case.rows) - 1)]) for place, row in enumerate(result.rows(case))]
    rest = faults(result.rest(case.name, case), case.rest)
    right = found == expected and not rest
    beside = "undisturbed" if not rest else f"{len(rest)} disturbed"
    mark = "✓" if right else "✗"
    row = "as expected" if found == expected else shown(found)
    return f"| {case.name} | {case.does} | {shown(expected)} | {mark} {row} | {beside} |", right


def main(names: list[str]) -> int:
    """Play the cases called *names*, or all; print the table and what it adds up to."""
    chosen = [case for case in cases() if not names or case.name in names]
    begun, spent = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        result = take(Path(folder), [case for case in chosen if not missing(case)])
    wall, cpu = time.monotonic() - begun, time.process_time() - spent
    lines = [line(case, result) for case in chosen]
    wrong = [case.name for case, (_, right) in zip(chosen, lines, strict=True) if not right]
    honest = [fault for name in HONEST for fault in faults(result.rest(name))]
    counts = result.taken.counts
    sys.stdout.write(
        "| Case | What the resolver does | Expected | Row | Honest queries beside it |\n|---|---|---|---|---|\n"
        + "".join(f"{text}\n" for text, _ in lines)
        + f"\n{len(chosen)} cases, {len(wrong)} not as expected{': ' + ', '.join(wrong) if wrong else ''}; "
        f"{len(honest)} faults at the honest resolvers. {counts['queries']:,} queries, {counts['replies']:,} replies, "
        f"{counts['strays']:,} strays, in {wall:.1f} s ({cpu:.1f} s of CPU, resolvers included).\n"
    )
    return 1 if wrong or honest else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
