"""The table of what was counted, as a file: JSON, a line for each labelled set and for each pattern.

    about      what the numbers are
    made       the date on which it was counted
    sets       name, sha256, first and last date, and cells of each labelled set
    cells      pattern, true, false, cases; and what follows from them: precision, low, high
    spells     the same

What follows from the counts is there to be read by people; a file in which it does not follow was edited by
hand, and is refused.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import Any

from resolver_diff.confidence import Measured, Origin, counted
from resolver_diff.confidence.patterns import Patterns
from resolver_diff.errors import ConfigError, Place

SHIPPED = "measured.json"
DIGITS = 4
ABOUT = (
    "Of the cells (or spells) of each pattern of evidence in labelled sets, how many were blocked. low and high: "
    "Wilson's score interval for 95 % of the share `precision`, as of so many trials as there are cases. "
    "Made by `resolver-diff calibrate`."
)
HINT = "`resolver-diff calibrate LABELLED... --out FILE` makes one"


def render(measured: Measured) -> str:
    """Return the table as the text of a file."""
    parts = {
        "about": json.dumps(ABOUT),
        "made": json.dumps(measured.made),
        "sets": _lines(asdict(origin) for origin in measured.origins),
        "cells": _lines(_rounded(measured.cells)),
        "spells": _lines(_rounded(measured.spells)),
    }
    return "{\n" + ",\n".join(f' "{name}": {text}' for name, text in parts.items()) + "\n}\n"


def _lines(rows: Iterable[dict[str, Any]]) -> str:
    lines = [json.dumps(row, ensure_ascii=True) for row in rows]
    return "[\n  " + ",\n  ".join(lines) + "\n ]" if lines else "[]"


def _rounded(patterns: Patterns) -> list[dict[str, Any]]:
    return [
        {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in row.items()}
        for row in patterns.frame.to_dicts()
    ]


def read(file: Path) -> Measured:
    """Read a table; raises ConfigError when *file* is none, or its numbers do not follow from its counts."""
    place = Place(str(file))
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        origins = tuple(Origin(**row) for row in found["sets"])
        return Measured(_patterns(found["cells"]), _patterns(found["spells"]), origins, str(found["made"]))
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", place, HINT) from error
    except _EditedError as error:
        raise ConfigError(str(error), place, HINT) from error
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"this is no table of what was measured ({error})", place, HINT) from error


class _EditedError(ValueError):
    pass


def _patterns(rows: list[dict[str, Any]]) -> Patterns:
    """Return the patterns of *rows*, counted anew from their numbers of cells."""
    known = counted([(row["pattern"], row["true"], row["false"], row["cases"]) for row in rows])
    given = {row["pattern"]: row for row in rows}
    for row in _rounded(known):
        if row != given[row["pattern"]]:
            raise _EditedError(f"the numbers of `{row['pattern']}` do not follow from its counts")
    return known


def shipped() -> Measured:
    """Return the table that is shipped."""
    found = read(Path(str(resources.files("resolver_diff"))) / "confidence" / SHIPPED)
    return replace(found, where="made-up worlds")
