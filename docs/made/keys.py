"""The keys of resolvers.yaml, from its schema."""

from collections.abc import Iterator, Mapping
from typing import Any

from markdown_text import code, plain, table
from resolver_diff.config.model import schema


def schema_page() -> Iterator[str]:
    """Yield the page about resolvers.yaml."""
    found = schema()
    yield from ("# resolvers.yaml", "", plain(found["description"]), "")
    yield from (
        "`resolver_diff/schemas/resolvers.schema.json` tells an editor the same, when the first line of the file is",
        "`# yaml-language-server: $schema=` and its path. [Transports](../how-to/transports.md) has examples.",
        "",
    )
    yield from _keys(found, found["$defs"])
    for name, part in found["$defs"].items():
        yield from (f"## {name} {{ #{name} }}", "")
        if "description" in part:
            yield from (plain(part["description"]), "")
        if "enum" in part:
            yield from (", ".join(f"`{value}`" for value in part["enum"]), "")
        yield from _keys(part, found["$defs"])


def _keys(part: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of one object of the schema."""
    needed = part.get("required", ())
    rows = [
        (
            f"`{key}`" + (" (needed)" if key in needed else ""),
            _kind(about),
            code(_yaml(about["default"])) if about.get("default") not in (None, [], {}) else "",
            plain(about.get("description") or parts.get(_named(about), {}).get("description", "")),
        )
        for key, about in part.get("properties", {}).items()
    ]
    if rows:
        yield from table(("Key", "What it is", "Default", "Meaning"), rows)


def _named(about: Mapping[str, Any]) -> str:
    """Return the part of the schema that *about* refers to."""
    return str(about.get("$ref", "")).rpartition("/")[2]


def _yaml(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _kind(about: Mapping[str, Any]) -> str:
    """Say which values a key may have."""
    if "$ref" in about:
        name = _named(about)
        return f"[{name}](#{name})"
    if "enum" in about:
        return ", ".join(f"`{value}`" for value in about["enum"])
    if "anyOf" in about and about.get("type") != "string":
        return " or ".join(dict.fromkeys(kind for one in about["anyOf"] if (kind := _kind(one)) != "null"))
    if about.get("type") == "array":
        return f"list of {_kind(about.get('items', {})) or 'values'}"
    if isinstance(about.get("additionalProperties"), Mapping):
        return f"name: {_kind(about['additionalProperties'])}"
    bounds = [f"{words} {about[key]}" for key, words in BOUNDS.items() if key in about]
    return " ".join([{"string": "text", "object": "keys"}.get(about.get("type", ""), about.get("type", "")), *bounds])


BOUNDS = {"minimum": "from", "exclusiveMinimum": "more than", "maximum": "to", "exclusiveMaximum": "less than"}
