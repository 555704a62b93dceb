"""What is said about a key or value of resolvers.yaml that is wrong: what it should be, and what was meant."""

import difflib

from resolver_diff.config.model import RefusedError
from resolver_diff.config.yaml import Node
from resolver_diff.tables import TransportName

EXPECTED = {
    "port": "a whole number from 1 to 65535",
    "qps": "a number above 0, at most 1,000,000",
    "recursion": "`true` or `false`",
    "tags": "a list of words: `[one, two]`",
    "pins": 'a list of pins: `["...="]`',
    "attempts": "a whole number from 1 to 10",
    "repeat": "a whole number from 1 to 100",
    "timeout": "a number of seconds, above 0, at most 60",
    "qtypes": "a list of record types: `[A, AAAA]`",
}
CHOICES = {
    "transport": tuple(sorted(TransportName)),
    "method": ("GET", "POST"),
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
    "method": {"get": ("GET", "a query in the URL"), "post": ("POST", "a query in the body")},
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
        "address": "addr server url stamp sdns",
        "attempts": "retries tries",
        "ca": "cert cafile",
        "country": "cc",
        "defaults": "default",
        "also": "transports",
        "group": "<<",
        "hostname": "host sni server_name tls_host",
        "name": "id label",
        "known_answers": "known-answers blockpages block_pages fingerprints",
        "opt_out": "optout opt-out exclude blocklist",
        "operator": "org provider vendor",
        "pins": "pin spki tls_pubkey_pinset",
        "policy": "filter filtering",
        "qps": "rate rate_limit",
        "qtypes": "types",
        "recursion": "rd",
        "repeat": "repeats repetitions times count",
        "resolvers": "servers",
        "tags": "tag",
        "transport": "proto protocol type",
    }.items()
    for word in words.split()
}


def explain(key: str, node: Node, refused: object) -> tuple[str, Node, str | None]:
    """Return message, place and hint for a value that the model does not take."""
    value = shown(node.plain())
    if isinstance(refused, RefusedError):
        return f"`{key}`: {refused}: {value}", node, refused.hint
    if key in CHOICES:
        word = str(node.value)
        return f"unknown {key} {value}", node, choice_hint(key, word)
    return f"`{key}` must be {EXPECTED.get(key, 'text')}, not {value}", node, _value_hint(node.value)


def shown(value: object) -> str:
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


def choice_hint(key: str, word: str) -> str:
    """Return a hint that names what was meant by *word*, and the words there are for *key*."""
    choices = CHOICES[key]
    listed = ", ".join(f"`{choice}`" for choice in choices[:-1]) + f" and `{choices[-1]}`"
    plural = {"policy": "policies"}.get(key, f"{key}s")
    all_of_them = f"the {plural} are {listed}"
    if meant := MEANT[key].get(word.lower().removeprefix("dns-over-").replace("/", "")):
        return f"{meant[1]} is called `{meant[0]}` here; {all_of_them}"
    if close := difflib.get_close_matches(word.lower(), choices, 1):
        return f"did you mean `{close[0]}`? {all_of_them}"
    return all_of_them


def did_you_mean(word: str, meant: str | None, known: tuple[str, ...]) -> str | None:
    """Return a hint that names what of *known* was meant by *word*, or all of it; None when there is nothing."""
    if meant is not None and meant in known:
        return f"did you mean `{meant}`?"
    if close := difflib.get_close_matches(word.lower(), known, 1):
        return f"did you mean `{close[0]}`?"
    return f"there are {', '.join(f'`{each}`' for each in sorted(known))}" if known else None
