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
from misbehaviours._matrix import HONEST, HONEST_SECURE, Verdict, cases, missing, settle

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


def line(case: Case, verdict: Verdict | None) -> str:
    """Return the line of a case."""
    if verdict is None:
        return f"| {case.name} | {case.does} | {shown([*case.rows])} | not run: {missing(case)} | |"
    beside = f"{len(verdict.disturbed)} disturbed" if verdict.disturbed else f"{verdict.beside} undisturbed"
    mark = "✓" if verdict.is_right else "✗"
    return f"| {case.name} | {case.does} | {shown(verdict.expected)} | {mark} {shown(verdict.rows)} | {beside} |"


def main(names: list[str]) -> int:
    """Play the cases called *names*, or all; print the table and what it adds up to."""
    chosen = [case for case in cases() if not names or case.name in names]
    begun, spent = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        matrix = settle(Path(folder), [case for case in chosen if not missing(case)])
    wall, cpu = time.monotonic() - begun, time.process_time() - spent
    wrong = [name for name, verdict in matrix.verdicts.items() if not verdict.is_right]
    counts = matrix.runs[0].taken.counts
    honest = matrix.runs[-1].honest_faults()
    which = f": {', '.join(wrong)}" if wrong else ""
    again = f", played again, as this machine may have stalled: {', '.join(matrix.again)}" if matrix.again else ""
    sys.stdout.write(
        "| Case | What the resolver does | Expected | Row | Honest questions beside it |\n|---|---|---|---|---|\n"
        + "".join(f"{line(case, matrix.verdicts.get(case.name))}\n" for case in chosen)
        + f"\n{len(matrix.verdicts)} cases{again}, {len(wrong)} not as expected{which}; "
        f"{len(honest)} faults at {len(HONEST) + len(HONEST_SECURE)} honest resolvers. {counts['queries']:,} queries, "
        f"{counts['replies']:,} replies, {counts['strays']:,} strays, in {wall:.1f} s "
        f"({cpu:.1f} s of CPU, resolvers included).\n"
    )
    return 1 if wrong or honest else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
