"""What commands read, as the options say; what is wrong with some of it is said on stderr."""

from dataclasses import dataclass
from functools import partial

from resolver_diff.commands._output import warn as _warn
from resolver_diff.library import source, wanted
from resolver_diff.library.saying import Warn
from resolver_diff.library.source import (
    HISTORY,
    LATEST,
    PREVIOUS,
    TODAY,
    about,
    did_you_mean,
    parse_day,
    parse_name,
    shipped_set,
    utc_today,
)

__all__ = [
    "HISTORY",
    "LATEST",
    "PREVIOUS",
    "TODAY",
    "Source",
    "about",
    "asked",
    "did_you_mean",
    "parse_day",
    "parse_name",
    "shipped_set",
    "utc_today",
]

asked = partial(wanted.asked, warn=_warn)


@dataclass(frozen=True, slots=True)
class Source(source.Source):
    """Where snapshots come from, and what of them is wanted."""

    warn: Warn = _warn
