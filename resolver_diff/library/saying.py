"""How whoever uses the library is told of what is wrong but stops nothing: by Python's warnings, not on stderr."""

import logging
import sys
import warnings
from collections.abc import Callable, Iterable
from types import FrameType

import resolver_diff
from resolver_diff.errors import Problem, ResolverDiffWarning

Warn = Callable[[Iterable[Problem]], None]
Tell = Callable[[str], None]
OURS = f"{resolver_diff.__name__}."


def warn_caller(problems: Iterable[Problem]) -> None:
    """Warn of each of *problems* once, at the line outside of this package that asked."""
    for problem in dict.fromkeys(problems):
        warnings.warn(ResolverDiffWarning(problem), stacklevel=_depth() + 1)


def tell_log(text: str) -> None:
    """Leave *text*, which says how it goes, to the log of whoever wants it."""
    logging.getLogger(resolver_diff.__name__).info("%s", text)


def _depth() -> int:
    """Return how many frames above ``warn_caller`` the first one is that is not ours, counted from 1."""
    depth, frame = 0, _above(sys._getframe(1))  # noqa: SLF001  (warnings itself counts frames so)
    while frame is not None and f"{frame.f_globals.get('__name__', '')}.".startswith(OURS):
        depth, frame = depth + 1, _above(frame)
    return depth + 1


def _above(frame: FrameType) -> FrameType | None:
    return frame.f_back
