"""resolvers.yaml as a tree -> resolvers; every mistake explained where it stands."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from resolver_diff._model import Entry, File, Probe, RefusedError, Resolver, Shared
from resolver_diff._text import Notes, Source
from resolver_diff._yaml import Node, parse
from resolver_diff.errors import Place
from resolver_diff.tables import TransportName

EXPECTED = {
    "port": "a whole number from 1 to 65535",
    "qps": "a number above 0, at most 1,000,000",
    "window": "a whole number from 1 to 65535",
    "recursion": "`true` or `false`",
    "tags": "a list of words: `[one, two]`",
    "attempts": "a whole number from 1 to 10",
    "timeout": "a number of seconds, above 0, at most 60",
    "qtypes": "a list of record types: `[A, AAAA]`",
}
CHOICES = {
    "transport": tuple(sorted(TransportName)),
    "role": ("control", "isp", "public", "register"),
    "policy": ("ads", "family", "malware", "national", "unfiltered"),
}
MEANT = {  # words people use elsewhere, and ours
    "transport": {
        "dot": ("tls", "DNS over TLS"),
        "doh": ("https", "DNS over HTTPS"),
        "doh2": ("https", "DNS over HTTPS"),
        "doh3": ("h3", "DNS over HTTPS over HTTP/3"),
        "http3": ("h3", "DNS over HTTPS over HTTP/3"),
        "doq": ("quic", "DNS over QUIC"),
        "do53": ("udp", "plain DNS"),
        "dns": ("udp", "plain DNS"),
        "plain": ("udp", "plain DNS"),
    },
    "role": {
        "national": ("register", "a state's own name system"),
        "nsdi": ("register", "a state's own name system"),
        "provider": ("isp", "an Internet service provider"),
        "test": ("public", "a resolver anybody may ask"),
        "reference": ("control", "what others are compared with"),
    },
    "policy": {
        "none": ("unfiltered", "no filter"),
        "no": ("unfiltered", "no filter"),
        "adult": ("family", "a filter for children"),
        "security": ("malware", "a filter against malware"),
        "state": ("national", "what a state's law demands"),
    },
}
KEYS_MEANT = {  # the same for keys, by what we call them
    word: key
    for key, words in {
        "address": "ip addr server",
        "attempts": "retries tries",
        "ca": "cert cafile",
        "country": "cc",
        "defaults": "default",
        "group": "<<",
        "hostname": "host sni server_name tls_host",
        "name": "id label",
        "operator": "org provider vendor",
        "path": "url",
        "policy": "filter filtering",
        "qps": "rate rate_limit",
        "qtypes": "types",
        "recursion": "rd",
        "resolvers": "servers",
        "tags": "tag",
        "transport": "proto protocol type",
        "window": "concurrency in_flight outstanding",
    }.items()
    for word in words.split()
}
ENCRYPTED = (TransportName.TLS, TransportName.HTTPS, TransportName.H3, TransportName.QUIC)
USELESS = {  # keys that change nothing over these transports
    "hostname": (TransportName.UDP, TransportName.TCP),
    "ca": (TransportName.UDP, TransportName.TCP),
    "path": (TransportName.UDP, TransportName.TCP, TransportName.TLS, TransportName.QUIC),
}

Fields = dict[str, Node]
M = TypeVar("M", bound=BaseModel)


def resolvers(source: Source, notes: Notes) -> tuple[tuple[Resolver, ...], Probe]:
    """Return the entries of *source* in their order and how a run asks; what is wrong is noted and left out."""
    root = parse(source, notes)
    reader = _Reader(source, notes)
    if root is None:
        return (), Probe()
    top = reader.fields(root, File, "the file")
    probe = reader.check(Probe, reader.fields(top["probe"], Probe, "`probe`"))[0] if "probe" in top else None
    defaults = reader.shared(top["defaults"], "`defaults`") if "defaults" in top else {}
    groups = {
        name: reader.shared(node, f"group `{name}`") for name, node in reader.mapping(top.get("groups"), "`groups`")
    }
    entries = reader.entries(top.get("resolvers"), root, defaults, groups)
    reader.compare(entries)
    return tuple(resolver for _, resolver in entries), probe or Probe()


class _Reader:
    """Reads nodes of one file, and notes what is wrong with them."""

    def __init__(self, source: Source, notes: Notes) -> None:
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
                self._mistake(f"unknown key `{key}`", node.keys[key], _did_you_mean(key, KEYS_MEANT.get(key), known))
        return found

    def mapping(self, node: Node | None, what: str) -> Iterable[tuple[str, Node]]:
        """Return keys and values of a mapping; nothing when it is empty."""
        if node is None or node.value is None:
            return ()
        if isinstance(node.value, dict):
            return node.value.items()
        self._mistake(f"{what} must have keys and values", node, "`key: value`, one a line")
        return ()

    def shared(self, node: Node, what: str) -> Fields:
        """Return the good fields of `defaults` or of a group."""
        found = self.fields(node, Shared, what)
        bad = self.check(Shared, found)[1]
        return {key: value for key, value in found.items() if key not in bad}

    def entries(
        self, node: Node | None, root: Node, defaults: Fields, groups: Mapping[str, Fields]
    ) -> list[tuple[Node, Resolver]]:
        """Return every good entry and where it stands."""
        if node is None or not node.value:
            if isinstance(root.value, dict):
                self._mistake(
                    "`resolvers` is missing or empty", node or root, "`resolvers:`, then `- {name: ..., address: ...}`"
                )
            return []
        if not isinstance(node.value, list):
            self._mistake("`resolvers` must be a list", node, "every entry begins with `- `")
            return []
        read = [(entry, self._entry(entry, defaults, groups)) for entry in node.value]
        return [(entry, resolver) for entry, resolver in read if resolver is not None]

    def _entry(self, node: Node, defaults: Fields, groups: Mapping[str, Fields]) -> Resolver | None:
        own = self.fields(node, Entry, "an entry")
        if not own:
            if node.value is None or node.value == {}:
                self._mistake("an empty entry", node)
            return None
        group = own.pop("group", None)
        shared: Fields = {}
        if group is not None:
            name = group.value
            if isinstance(name, str) and name in groups:
                shared = groups[name]
            else:
                self._mistake(f"no group is called `{name}`", group, _did_you_mean(str(name), None, tuple(groups)))
        found = {**defaults, **shared, **own}
        for key in ("name", "address"):
            if key not in found:
                self._mistake(f"`{key}` is missing", node)
        resolver = self.check(Resolver, found)[0]
        if resolver is None:
            return None
        self._warn_useless(resolver, own)
        return self._find_ca(resolver, found)

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
                self._mistake(*_explain(key, node, each.get("ctx", {}).get("error")))
            return None, frozenset(bad)

    def _warn_useless(self, resolver: Resolver, own: Fields) -> None:
        for key, transports in USELESS.items():
            if key in own and own[key].value is not None and resolver.transport in transports:
                self._warning(f"`{key}` changes nothing over {resolver.transport}", own[key])

    def _find_ca(self, resolver: Resolver, found: Fields) -> Resolver:
        """Return *resolver* with `ca` seen from where the command runs."""
        if resolver.ca is None:
            return resolver
        path = Path(self._source.file).parent / resolver.ca
        if not path.is_file() and resolver.transport in ENCRYPTED:
            self._warning(
                f"there is no file `{resolver.ca}`: what `{resolver.name}` says over TLS cannot be trusted", found["ca"]
            )
        return resolver.model_copy(update={"ca": str(path)})

    def compare(self, entries: list[tuple[Node, Resolver]]) -> None:
        """Note names and resolvers that are there twice, and controls that filter or are missing."""
        names: dict[str, Node] = {}
        places: dict[tuple[object, ...], str] = {}
        for node, resolver in entries:
            at = node.value["name"] if isinstance(node.value, dict) else node
            if resolver.name in names:
                self._mistake(
                    f"two resolvers are called `{resolver.name}`",
                    at,
                    f"the other is in line {names[resolver.name].line}",
                )
            names.setdefault(resolver.name, at)
            where = (resolver.address, resolver.port, resolver.transport, resolver.path)
            if where in places and places[where] != resolver.name:
                self._warning(f"`{resolver.name}` and `{places[where]}` are one and the same resolver", at)
            places.setdefault(where, resolver.name)
            if resolver.role == "control" and resolver.policy != "unfiltered":
                self._warning(f"`{resolver.name}` is a control that filters: it will disagree where it does", at)
        if entries and not any(resolver.role == "control" for _, resolver in entries):
            self._notes.warning(
                "no resolver has the role `control`: there is nothing to compare the others with",
                Place(self._source.file),
                "give `role: control` to unfiltered resolvers of several operators",
            )

    def _mistake(self, message: str, node: Node, hint: str | None = None) -> None:
        self._notes.mistake(message, self._source.place(node.line, node.column), hint)

    def _warning(self, message: str, node: Node, hint: str | None = None) -> None:
        self._notes.warning(message, self._source.place(node.line, node.column), hint)


def _explain(key: str, node: Node, refused: object) -> tuple[str, Node, str | None]:
    """Return message, place and hint for a value that the model does not take."""
    shown = _shown(node.plain())
    if isinstance(refused, RefusedError):
        return f"`{key}`: {refused}: {shown}", node, refused.hint
    if key in CHOICES:
        word = str(node.value)
        return f"unknown {key} {shown}", node, _choice_hint(key, word)
    return f"`{key}` must be {EXPECTED.get(key, 'text')}, not {shown}", node, _value_hint(node.value)


def _shown(value: object) -> str:
    """Return a value as YAML would have it, short enough for one line."""
    if value is None:
        return "nothing"
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def _value_hint(value: object) -> str | None:
    if isinstance(value, str) and value.isdecimal():
        return f"write `{int(value[:18])}`, without leading zeros and without quotes"
    if isinstance(value, str) and value.lower() in {"yes", "no", "on", "off", "y", "n", "true", "false"}:
        return f"write `{'true' if value.lower() in {'yes', 'on', 'y', 'true'} else 'false'}`, without quotes"
    return None


def _choice_hint(key: str, word: str) -> str:
    choices = CHOICES[key]
    listed = ", ".join(f"`{choice}`" for choice in choices[:-1]) + f" and `{choices[-1]}`"
    plural = {"policy": "policies"}.get(key, f"{key}s")
    all_of_them = f"the {plural} are {listed}"
    if meant := MEANT[key].get(word.lower().removeprefix("dns-over-").replace("/", "")):
        return f"{meant[1]} is called `{meant[0]}` here; {all_of_them}"
    if close := difflib.get_close_matches(word.lower(), choices, 1):
        return f"did you mean `{close[0]}`? {all_of_them}"
    return all_of_them


def _did_you_mean(word: str, meant: str | None, known: tuple[str, ...]) -> str | None:
    if meant is not None and meant in known:
        return f"did you mean `{meant}`?"
    if close := difflib.get_close_matches(word.lower(), known, 1):
        return f"did you mean `{close[0]}`?"
    return f"there are {', '.join(f'`{each}`' for each in sorted(known))}" if known else None
