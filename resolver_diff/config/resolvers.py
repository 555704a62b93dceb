"""resolvers.yaml as a tree -> who is asked, and how a run asks; every mistake explained where it stands."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from resolver_diff.config import written
from resolver_diff.config.entries import Asked, Entries, shared
from resolver_diff.config.fields import Fields, Reader
from resolver_diff.config.listed import Names
from resolver_diff.config.model import File, Probe
from resolver_diff.config.text import Notes, Source
from resolver_diff.config.yaml import Node, parse
from resolver_diff.errors import Place

SAME = ("address", "operator", "country", "role", "policy", "recursion")  # of a resolver, over whatever transport


class Written(NamedTuple):
    """What resolvers.yaml says."""

    asked: tuple[Asked, ...] = ()  # what its entries stand for, in their order
    probe: Probe = Probe()
    domains: Mapping[str, Names] = MappingProxyType({})  # by set


def resolvers(source: Source, notes: Notes) -> Written:
    """Return what *source* says; what is wrong is noted and left out."""
    root = parse(source, notes)
    reader = Reader(source, notes)
    if root is None:
        return Written()
    top = reader.fields(root, File, "the file")
    probe = reader.check(Probe, reader.fields(top["probe"], Probe, "`probe`"))[0] if "probe" in top else None
    defaults = shared(reader, top["defaults"], "`defaults`") if "defaults" in top else {}
    groups = {
        name: shared(reader, node, f"group `{name}`") for name, node in reader.mapping(top.get("groups"), "`groups`")
    }
    asked = _read(reader, top.get("resolvers"), root, Entries(reader, defaults, groups), [defaults, *groups.values()])
    _compare(reader, asked)
    if asked and not any(each.resolver.role == "control" for each in asked):
        notes.warning(
            "no resolver has the role `control`: there is nothing to compare the others with",
            Place(source.file),
            "give `role: control` to unfiltered resolvers of several operators",
        )
    return Written(tuple(asked), probe or Probe(), written.names(reader, top.get("domains")))


def _read(reader: Reader, node: Node | None, root: Node, entries: Entries, said: Sequence[Fields]) -> list[Asked]:
    """Return what every good entry stands for; *said* is what they may take from `defaults` and groups."""
    for fields in said:
        if "also" in fields:
            entries.ways(fields["also"])  # what is wrong with it is noted even when no entry takes it
    if node is None or not node.value:
        if isinstance(root.value, dict):
            hint = "`resolvers:`, then `- {name: ..., address: ...}`"
            reader.mistake("`resolvers` is missing or empty", node or root, hint)
        return []
    if not isinstance(node.value, list):
        reader.mistake("`resolvers` must be a list", node, "every entry begins with `- `")
        return []
    return [asked for entry in node.value for asked in entries.read(entry)]


def _compare(reader: Reader, asked: Sequence[Asked]) -> None:
    """Note resolvers that are there twice, and controls that filter."""
    first: dict[str, Asked] = {}
    ways: dict[tuple[str, str], tuple[int, int]] = {}
    places: dict[tuple[object, ...], str] = {}
    for each in asked:
        resolver = each.resolver
        other = first.setdefault(resolver.name, each)
        here = (each.at.line, each.at.column)
        alike = all(getattr(resolver, key) == getattr(other.resolver, key) for key in SAME)
        if ways.setdefault((resolver.name, resolver.transport), here) != here or not alike:
            hint = f"the other is in line {other.at.line}"
            hint += "; what one resolver speaks beside its own transport goes into its `also`" if alike else ""
            reader.mistake(f"two resolvers are called `{resolver.name}`", each.at, hint)
        where = (resolver.address, resolver.port, resolver.transport, resolver.path)
        twin = places.setdefault(where, resolver.name)
        if twin != resolver.name:
            over = "" if each.own else f" over {resolver.transport}"
            reader.warning(f"`{resolver.name}` and `{twin}` are one and the same resolver{over}", each.at)
        if each.own and resolver.role == "control" and resolver.policy != "unfiltered":
            reader.warning(f"`{resolver.name}` is a control that filters: it will disagree where it does", each.at)
