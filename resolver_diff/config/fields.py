"""Nodes of resolvers.yaml -> what a model takes of them; every mistake noted where it stands."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from resolver_diff.config.advice import KEYS_MEANT, did_you_mean, explain
from resolver_diff.config.model import RefusedError
from resolver_diff.config.text import Notes, Source
from resolver_diff.config.yaml import Node

Fields = dict[str, Node]
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


class Reader:
    """Reads nodes of one file, and notes what is wrong with them."""

    def __init__(self, source: Source, notes: Notes) -> None:
        self.folder = Path(source.file).parent
        self._source = source
        self._notes = notes

    def fields(self, node: Node, model: type[BaseModel], what: str) -> Fields:
        """Return the keys of a mapping that *model* knows."""
        found: Fields = {}
        for key, value in self.mapping(node, what):
            if key in model.model_fields:
                found[key] = value
            else:
                known = tuple(model.model_fields)
                self.mistake(f"unknown key `{key}`", node.keys[key], did_you_mean(key, KEYS_MEANT.get(key), known))
        return found

    def mapping(self, node: Node | None, what: str) -> Iterable[tuple[str, Node]]:
        """Return keys and values of a mapping; nothing when it is empty."""
        if node is None or node.value is None:
            return ()
        if isinstance(node.value, dict):
            return node.value.items()
        self.mistake(f"{what} must have keys and values", node, "`key: value`, one a line")
        return ()

    def check(self, model: type[M], found: Fields) -> tuple[M | None, frozenset[str]]:
        """Return the model, or None and the fields that are wrong; every one is noted."""
        try:
            return model.model_validate({key: node.plain() for key, node in found.items()}), frozenset()
        except ValidationError as error:
            bad = set()
            for each in error.errors(include_url=False):
                key = str(each["loc"][0])
                if key not in found:  # it is missing, which is noted with the entry
                    continue
                bad.add(key)
                node = found[key]
                if len(each["loc"]) > 1 and isinstance(node.value, list):
                    node = node.value[int(each["loc"][1])]
                self.mistake(*explain(key, node, each.get("ctx", {}).get("error")))
            return None, frozenset(bad)

    def attempt(self, key: str, node: Node, read: Callable[[object], T]) -> T | None:
        """Return what *read* makes of the value of *key*; None, and a mistake noted, when it refuses it."""
        try:
            return read(node.plain())
        except RefusedError as refused:
            self.mistake(*explain(key, node, refused))
            return None

    def mistake(self, message: str, node: Node, hint: str | None = None) -> None:
        """Note what is wrong at *node*."""
        self._notes.mistake(message, self._source.place(node.line, node.column), hint)

    def warning(self, message: str, node: Node, hint: str | None = None) -> None:
        """Note what is odd at *node*."""
        self._notes.warning(message, self._source.place(node.line, node.column), hint)
