"""Ask many DNS resolvers the same questions, keep what they said, say what changed.

    check           what a run would ask, of whom
    take_snapshot   ask, and keep what was said
    observations    what was said
    anomalies       who says something else on one date
    differences     what changed between two dates
    changes         the same, unjudged
    events          what happened over all dates
    history         one name, all dates
    explain         the witnesses of one cell
    judge           what a published rule says

Each is the command of that name (``take_snapshot`` is `snapshot`, ``differences`` is `diff`) as a function that
returns polars frames. Nothing of it is loaded before it is used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resolver_diff.errors import ConfigError, ResolverDiffError, ResolverDiffWarning, SnapshotError, UsageError
    from resolver_diff.library.asking import check, take_snapshot
    from resolver_diff.library.dated import Findings, anomalies, changes, differences, judge, observations
    from resolver_diff.library.lasting import Explained, Happened, events, explain, history
    from resolver_diff.probe import Taken

MODULES = ("errors", "library.asking", "library.dated", "library.lasting", "probe")  # that have what is in __all__
__version__ = "0.1.0"
__all__ = [
    "ConfigError",
    "Explained",
    "Findings",
    "Happened",
    "ResolverDiffError",
    "ResolverDiffWarning",
    "SnapshotError",
    "Taken",
    "UsageError",
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


if not TYPE_CHECKING:  # or a type checker would take any name for one that is there

    def __getattr__(name: str) -> object:
        """Load *name* when it is first used."""
        if name not in __all__:
            message = f"module `{__name__}` has no attribute `{name}`"
            raise AttributeError(message)
        from importlib import import_module  # noqa: PLC0415  (--help imports this package, and shall answer at once)

        modules = (import_module(f"{__name__}.{module}") for module in MODULES)
        return next(getattr(module, name) for module in modules if hasattr(module, name))


def __dir__() -> list[str]:
    """Return what there is, loaded or not."""
    return sorted({*globals(), *__all__})
