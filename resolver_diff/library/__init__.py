"""What the commands do, as ten functions that return polars frames; `import resolver_diff` has them.

Nothing is printed: what is wrong but stops nothing is a ResolverDiffWarning, and what cannot be done is one
of the errors of ``resolver_diff.errors``. The commands call the same code, so that both say the same.
"""

from resolver_diff.library.asking import check, take_snapshot
from resolver_diff.library.dated import Findings, anomalies, changes, differences, judge, observations
from resolver_diff.library.lasting import Explained, Happened, events, explain, history
from resolver_diff.probe import Taken

__all__ = [
    "Explained",
    "Findings",
    "Happened",
    "Taken",
    "anomalies",
    "changes",
    "check",
    "differences",
    "events",
    "explain",
    "history",
    "judge",
    "observations",
    "take_snapshot",
]
