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
    return {name: member(family, name, attribute, kind) for name in names(family)}


def member(family: ModuleType, name: str, attribute: str, kind: type[T]) -> T:
    """Return the member of *family* called *name*, importing only its file.

    Raises TypeError when the file does not keep its family's contract.
    """
    module = importlib.import_module(f"{family.__name__}.{name}")
    found = getattr(module, attribute, None)
    if not isinstance(found, kind):
        message = f"{module.__name__}.{attribute} must be a {kind.__name__}, not {type(found).__name__}"
        raise TypeError(message)
    return found


def names(family: ModuleType) -> list[str]:
    """Return the names of the members of *family*, sorted, without importing them."""
    return sorted(info.name for info in pkgutil.iter_modules(family.__path__) if not info.name.startswith("_"))
