"""YAML as a tree that knows where everything stands.

Stricter than YAML 1.1, after the core schema of YAML 1.2: ``NO`` is text and not
false, ``053`` is text and not forty-three, ``12:30`` is text and not 750. No tags,
so no objects; aliases, but only so many; a key twice in one mapping is a mistake.
"""

import re
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

import yaml

from resolver_diff.config.text import Notes, Source

DEEPEST = 32  # levels of nesting; libyaml's time grows with the square of the depth
MOST_NODES = 500_000  # after expansion of aliases: a bomb has more, 20,000 resolvers have fewer
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a tenth of the time, where libyaml is there

NULL = frozenset(("", "~", "null", "Null", "NULL"))
TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
LONGEST_NUMBER = 40  # characters
FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)?\.[0-9]+|(?:0|[1-9][0-9]*)\.?)(?:[eE][-+]?[0-9]{1,3})?")

Scalar: TypeAlias = bool | int | float | str | None


@dataclass(slots=True, eq=False)
class Node:
    """A value and where it begins (both from 1); *keys* says where each key of a mapping stands."""

    line: int
    column: int
    value: "Scalar | list[Node] | dict[str, Node]"
    keys: "dict[str, Node]" = field(default_factory=dict)
    weight: int = 1  # nodes in it, aliases expanded

    def plain(self) -> object:
        """Return the value as Python has it, without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def parse(source: Source, notes: Notes) -> Node | None:
    """Return the one document of *source*; None, and a mistake noted, when there is none."""
    builder = _Builder(source, notes)
    try:
        for event in yaml.parse(source.octets.decode(), Loader=LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        notes.mistake(
            f"this is not YAML: {error.problem or error.context}", source.place(line, column), _advice(source, line)
        )
        return None
    except yaml.reader.ReaderError as error:
        line, column = _line_of(source, error.position)
        notes.mistake(f"this is not YAML: {error.reason}", source.place(line, column))
        return None
    except _StopError:
        return None
    if builder.root is None:
        notes.mistake("there is nothing in it", source.place(1))
    return builder.root


class _StopError(Exception):
    """The rest of the document cannot be made sense of."""


class _Builder:
    """Turns parser events into nodes; without recursion, so that no nesting can overflow a stack."""

    def __init__(self, source: Source, notes: Notes) -> None:
        self.root: Node | None = None
        self._source = source
        self._notes = notes
        self._open: list[Node] = []
        self._pending: list[Node | None] = []  # for each open node, the key that waits for its value
        self._anchors: dict[str, Node] = {}

    def take(self, event: yaml.Event) -> None:
        """Take the next event of the document."""
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            self._stop("a second document begins here", event, "one file, one document: take the `---` away")
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0] and event.style in {None, ""}
            self._add(self._node(event, _resolve(event.value) if plain else event.value), text=event.value)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            node = self._node(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
            self._add(node)
            self._open.append(node)
            self._pending.append(None)
            if len(self._open) > DEEPEST:
                self._stop(f"this is nested more than {DEEPEST} deep", event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            weight = self._open.pop().weight
            self._pending.pop()
            if self._open:
                self._open[-1].weight += weight - 1  # 1 was counted when it began

    def _node(self, event: yaml.NodeEvent, value: "Scalar | list[Node] | dict[str, Node]") -> Node:
        tag = getattr(event, "tag", None)
        if tag is not None:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self._mistake(
                f"the tag `{shown}` is not allowed", event, "values need no tags here; text can stand in quotes"
            )
        node = Node(*_begin(event), value)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent) -> None:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            self._stop(f"no anchor is called `{event.anchor}`", event)
        if any(node is parent for parent in self._open):
            self._stop(f"`*{event.anchor}` contains itself", event)
        self._add(node, text=node.value if isinstance(node.value, str) else None)

    def _add(self, node: Node, text: str | None = None) -> None:
        """Put *node* where the document has it: in the list, under the waiting key, or as a key itself."""
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.weight += node.weight
        if sum(each.weight for each in self._open) > MOST_NODES:
            self._stop(f"with its aliases expanded this has more than {MOST_NODES:,} values", node)
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif isinstance(parent.value, dict):
            self._add_to_mapping(parent.value, parent.keys, node, text)

    def _add_to_mapping(self, mapping: dict[str, Node], keys: dict[str, Node], node: Node, text: str | None) -> None:
        key = self._pending[-1]
        if key is not None:
            self._pending[-1] = None
            name = str(key.value)
            if name in mapping:
                self._mistake(f"`{name}` is there twice", key, f"it is in line {keys[name].line} already")
            else:
                mapping[name], keys[name] = node, key
        elif text is None:
            self._stop("a key must be text", node)
        else:
            self._pending[-1] = Node(node.line, node.column, text)

    def _mistake(self, message: str, where: yaml.Event | Node, hint: str | None = None) -> None:
        line, column = (where.line, where.column) if isinstance(where, Node) else _begin(where)
        self._notes.mistake(message, self._source.place(line, column), hint)

    def _stop(self, message: str, where: yaml.Event | Node, hint: str | None = None) -> NoReturn:
        self._mistake(message, where, hint)
        raise _StopError


def _begin(event: yaml.Event) -> tuple[int, int]:
    """Return line and column of an event, both from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def _resolve(text: str) -> Scalar:
    """Return what an unquoted scalar means in YAML 1.2 (10.3.2), less octal, hexadecimal and infinity."""
    if text in NULL:
        return None
    if text in TRUTH:
        return TRUTH[text]
    if INTEGER.fullmatch(text):
        return int(text)
    if FLOAT.fullmatch(text) and len(text) < LONGEST_NUMBER:
        return float(text)
    return text


def _advice(source: Source, line: int) -> str | None:
    """Return a hint for the syntax errors everybody makes."""
    text = source.lines[line - 1] if line <= len(source.lines) else ""
    if "\t" in text[: len(text) - len(text.lstrip())]:
        return "YAML is indented with spaces, not with tabs"
    if re.match(r"\s*(- *)?\w+:[^\s/]", text):
        return "a colon needs a space behind it"
    return None


def _line_of(source: Source, position: int) -> tuple[int, int]:
    """Return line and column of the character at *position*."""
    before = source.octets.decode()[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
