"""How a directory becomes a family: every file in it is one member.

A member is a module that defines the attribute its family asks for, with the
right type. Adding a member is adding one file; a leading underscore makes a
file a helper of the family instead.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def members(family: ModuleType, attribute: str, kind: type[T]) -> dict[str, T]:
    """Return every member of *family* by the name of its file, sorted.

    Raises TypeError when a file does not keep its family's contract.
    """
    found: dict[str, T] = {}
    for name in names(family):
        module = importlib.import_module(f"{family.__name__}.{name}")
        member = getattr(module, attribute, None)
        if not isinstance(member, kind):
            message = f"{module.__name__}.{attribute} must be a {kind.__name__}, not {type(member).__name__}"
            raise TypeError(message)
        found[name] = member
    return found


def names(family: ModuleType) -> list[str]:
    """Return the names of the members of *family*, sorted, without importing them."""
    return sorted(info.name for info in pkgutil.iter_modules(family.__path__) if not info.name.startswith("_"))
