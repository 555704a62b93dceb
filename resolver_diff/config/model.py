"""What resolvers.yaml may say: one entry, what entries share, and the file as a whole.

The JSON Schema that editors use is made from these models, and a resolver in a
snapshot's metadata is read back with them.
"""

import base64
import datetime as dt
import ipaddress
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from resolver_diff.config.qnames import BadNameError, qname
from resolver_diff.tables import TransportName

Role = Literal["control", "register", "isp", "public"]
Method = Literal["GET", "POST"]
Policy = Literal["unfiltered", "family", "malware", "ads", "national"]

PORTS = {
    TransportName.UDP: 53,
    TransportName.TCP: 53,
    TransportName.TLS: 853,
    TransportName.HTTPS: 443,
    TransportName.H3: 443,
    TransportName.QUIC: 853,
}
MOST_REPEATS = 100
PIN = r"[A-Za-z0-9+/]{43}="
COMMON_QTYPES = frozenset(
    ("A", "AAAA", "CAA", "CNAME", "DS", "DNSKEY", "HTTPS", "MX", "NS", "PTR", "SOA", "SRV", "SVCB", "TXT")
)
NOT_ASKED = frozenset(("ANY", "AXFR", "IXFR", "MAILA", "MAILB", "NONE", "OPT", "TYPE0", "TKEY", "TSIG"))


class RefusedError(ValueError):
    """A value is not what it should be; *hint* says what would be."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def ip_address(text: object) -> str:
    """Return an IP address in canonical form (RFC 5952); raises RefusedError."""
    if not isinstance(text, str):
        raise RefusedError("not an IP address", "put it in quotes")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise RefusedError("not an IP address", _address_hint(text)) from None
    if isinstance(address, ipaddress.IPv6Address) and (address.scope_id or address.ipv4_mapped):
        raise RefusedError(
            "an address of this machine's own making", "write a global IPv6 address, or the IPv4 address in it"
        )
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        raise RefusedError("an address that nobody answers from")
    return str(address)


def _address(text: object) -> str:
    """Return an IP address, or the host name that a run finds one by."""
    if isinstance(text, str) and re.search("[A-Za-z]", text) and ":" not in text:
        return host_name(text)
    return ip_address(text)


def is_ip(text: str) -> bool:
    """Say whether *text*, a host in canonical form, is an IP address and no name."""
    return ":" in text or text.replace(".", "").isdigit()


def _address_hint(text: str) -> str | None:
    host, _, port = text.rpartition(":")
    if "/" in text:
        return "write the address alone, or a whole URL: `https://dns.google/dns-query`"
    if re.fullmatch(r"[0-9.]+|\[.*\]", host):
        return f"write `address: {host.strip('[]')}` and `port: {port}`"
    if re.fullmatch(r"[0-9.]+", text):
        return "four numbers from 0 to 255 without leading zeros, dots between"
    if re.search(r"[g-zG-Z]", text):
        return "a resolver is asked by its IP address; its host name goes into `hostname`, or a URL: `tls://dns.google`"
    return None


def _name(text: object) -> str:
    if isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", text):
        return text
    raise RefusedError(
        "not a resolver's name", "letters, digits, `-`, `_` and `.`, at most 63, a letter or digit in front"
    )


def host_name(text: object) -> str:
    """Return a host name as it is asked for; raises RefusedError."""
    if not isinstance(text, str):
        raise RefusedError("not a host name")
    try:
        return qname(text)
    except BadNameError as bad:
        raise RefusedError(bad.message, bad.hint) from None


def _hostname(text: object) -> str | None:
    return None if text is None else host_name(text)


def _pin(text: object) -> str:
    """Return a pin: the SHA-256 of a SubjectPublicKeyInfo in base64 (RFC 7858 4.2)."""
    hint = "the SHA-256 of the public key (SubjectPublicKeyInfo) in base64: 44 characters, the last one `=`"
    if not isinstance(text, str) or not re.fullmatch(PIN, text):
        raise RefusedError("not a pin", hint)
    if base64.b64encode(base64.b64decode(text)).decode() != text:
        raise RefusedError("not a pin", f"{hint}, and the one before it with two bits that are 0")
    return text


def _country(text: object) -> object:
    if text is None or (isinstance(text, str) and re.fullmatch("[A-Z]{2}", text)):
        return text
    hint = f"write `{text.upper()}`" if isinstance(text, str) and re.fullmatch("[A-Za-z]{2}", text) else None
    raise RefusedError("not a country: two capital letters, ISO 3166-1", hint)


def _path(text: object) -> object:
    if text is None or (isinstance(text, str) and re.fullmatch(r"/[!-~]*", text)):
        return text
    raise RefusedError("not a path", "it begins with `/` and has no space, for example `/dns-query`")


def _prose(text: object) -> object:
    if text is None or (isinstance(text, str) and text.strip() and text.isprintable()):
        return text
    raise RefusedError("not a line of text", "put it in quotes" if isinstance(text, bool | int | float) else None)


def _date(value: object) -> object:
    if value is None or isinstance(value, dt.date):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass
    raise RefusedError("not a date", "year, month and day: `2026-02-11`")


def _qtype(text: object) -> str:
    """Return the mnemonic of a type that can be asked (RFC 6895 3.1, RFC 3597 5)."""
    if isinstance(text, str) and text in COMMON_QTYPES:
        return text
    import dns.rdatatype  # noqa: PLC0415 - only for the rare types

    if not isinstance(text, str) or not re.fullmatch("[A-Z][A-Z0-9-]*", text):
        hint = f"write `{text.upper()}`" if isinstance(text, str) and text.isalnum() else None
        raise RefusedError("not a record type", hint)
    try:
        mnemonic = dns.rdatatype.to_text(dns.rdatatype.from_text(text))
    except (ValueError, dns.rdatatype.UnknownRdatatype):
        raise RefusedError("not a record type", "`TYPE65280` asks for a type without a name") from None
    if mnemonic in NOT_ASKED:
        raise RefusedError(f"{mnemonic} is not a type of records")
    return mnemonic


def _each_once(qtypes: tuple[str, ...]) -> tuple[str, ...]:
    if not qtypes:
        raise RefusedError("no record type")
    if len(set(qtypes)) < len(qtypes):
        raise RefusedError("a record type is there twice")
    return qtypes


Text = Annotated[str | None, BeforeValidator(_prose)]


class Means(BaseModel):
    """What a transport needs to know beside the address and port."""

    # deferred: most runs need few of these models, and each takes milliseconds to build
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    hostname: Annotated[str | None, BeforeValidator(_hostname)] = Field(
        default=None, description="The name in its certificate."
    )
    path: Annotated[str | None, BeforeValidator(_path)] = Field(
        default=None, description="Path of the URL, for https and h3 (RFC 8484).", pattern="^/"
    )
    ca: Text = Field(
        default=None,
        description="PEM file of the authorities to trust instead of the system's; seen from this file's folder.",
    )
    pins: tuple[Annotated[str, BeforeValidator(_pin), Field(pattern=f"^{PIN}$")], ...] = Field(
        default=(),
        description="Public keys it may have: SHA-256 of the SubjectPublicKeyInfo in base64 (RFC 7858). "
        "They stand in place of authorities and names.",
    )
    method: Method = Field(default="GET", description="GET or POST, for https and h3 (RFC 8484).")


class Way(Means):
    """Another transport that a resolver speaks; what it does not say, the entry does."""

    port: int | None = Field(
        default=None, strict=True, ge=1, le=65535, description="The usual one of the transport, when it is not given."
    )


class Facts(Means):
    """How a resolver is asked, and what is known about it."""

    transport: TransportName = Field(
        default=TransportName.UDP, description="How it is asked: Do53, DoT, DoH, DoH3, DoQ."
    )
    port: int = Field(
        default_factory=lambda known: PORTS[known.get("transport", TransportName.UDP)],
        strict=True,
        ge=1,
        le=65535,
        description="53 for udp and tcp, 853 for tls and quic, 443 for https and h3, when it is not given.",
    )
    operator: Text = Field(default=None, description="Who runs it. Controls vote once per operator.")
    country: Annotated[str | None, BeforeValidator(_country)] = Field(
        default=None, description="Whose law and network it is under: ISO 3166-1, two letters.", pattern="^[A-Z]{2}$"
    )
    role: Role = Field(
        default="public",
        description="control: what others are compared with. register: a state's own name system. "
        "isp: a provider's, for its customers. public: anybody's.",
    )
    policy: Policy = Field(default="unfiltered", description="What it filters by its own account or by law.")
    recursion: bool = Field(default=True, strict=True, description="false for an authoritative server.")
    qps: float = Field(
        default=20.0,
        strict=True,
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="Queries per second it is asked at most.",
    )
    window: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=65_535,
        description="Queries in flight to it at most: asked and not yet answered. When it is not given, what it is "
        "asked in a quarter of a second; at least 128, at most 1,024.",
    )
    tags: tuple[Annotated[str, Field(strict=True, min_length=1)], ...] = Field(
        default=(), description="Words of your own."
    )
    source: Text = Field(default=None, description="Where these facts are from.")
    date: Annotated[dt.date | None, BeforeValidator(_date)] = Field(
        default=None, description="When the source said so."
    )


class Shared(Facts):
    """What `defaults` and groups may say, and every entry."""

    also: dict[TransportName, Way | None] = Field(
        default_factory=dict,
        description="Other transports that it speaks, for `--transports`. What one of them does not say "
        "(host name, path, ca, pins, method) is as the entry has it.",
    )


class Resolver(Facts):
    """What is asked, over one transport: an entry of resolvers.yaml with all that holds for it filled in."""

    name: Annotated[str, BeforeValidator(_name)] = Field(
        description="What reports call it; never reuse one.", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
    )
    address: Annotated[str, BeforeValidator(_address)] = Field(
        description="IPv4 or IPv6 address. A URL (`tls://9.9.9.9`, `https://dns.google/dns-query`) or a DNS stamp "
        "(`sdns://...`) says transport, port, host name and path as well. `system`: what this machine uses.",
        json_schema_extra={
            "anyOf": [
                {"format": "ipv4"},
                {"format": "ipv6"},
                {"pattern": "^(udp|tcp|tls|https|h3|quic|sdns)://"},
                {"const": "system"},
            ]
        },
    )

    @property
    def located(self) -> bool:
        """Whether its address is known, and not only a host name to find it by."""
        return is_ip(self.address)


class Entry(Resolver, Shared):
    """One entry as it is written: it may take what it does not say from a group."""

    ip: Annotated[str | None, BeforeValidator(ip_address)] = Field(
        default=None,
        description="Where the host of a URL or stamp is, so that nobody has to be asked for it.",
        json_schema_extra={"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
    )

    group: str | None = Field(
        default=None, description="A key of `groups`. The entry wins over the group, the group over `defaults`."
    )


class Probe(BaseModel):
    """How a run asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(
        default=3, strict=True, ge=1, le=10, description="How often a question is asked until somebody says something."
    )
    timeout: float = Field(
        default=4.0, strict=True, gt=0, le=60, allow_inf_nan=False, description="Seconds until silence counts as such."
    )
    opt_out: Text = Field(
        default=None,
        description="A list of addresses, prefixes and names that must not be asked; seen from this file's folder.",
    )
    known_answers: Text = Field(
        default=None,
        description="A list of addresses and CNAME targets that are known to stand for blocked names, beside the "
        "shipped one; seen from this file's folder.",
    )
    origins: Text = Field(
        default=None,
        description="How it is looked up whose the answered addresses are: `dns`, `none`, or a database (MMDB, CSV, "
        "TSV, pfx2as), seen from this file's folder. When it is not given, in the database that `data update` has "
        "installed, if any.",
    )
    repeat: int = Field(
        default=1,
        strict=True,
        ge=1,
        le=MOST_REPEATS,
        description="How often every name is asked for, spread over the run: what is forged now and then shows.",
    )
    qps: float | None = Field(
        default=None,
        strict=True,
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="Queries per second at most to all resolvers together; when it is not given, 10,000, "
        "and no limit where all of them are on this machine.",
    )
    qtypes: Annotated[tuple[Annotated[str, BeforeValidator(_qtype)], ...], AfterValidator(_each_once)] = Field(
        default=("A", "AAAA"), description="Record types asked of every name.", json_schema_extra={"minItems": 1}
    )


class File(BaseModel):
    """Who is asked, how, and where that is known from."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    probe: Probe = Field(default_factory=Probe, description="How a run asks.")
    defaults: Shared = Field(
        default_factory=Shared, description="What holds for every entry that does not say otherwise."
    )
    groups: dict[str, Shared] = Field(default_factory=dict, description="What several entries share.")
    resolvers: list[Entry] = Field(min_length=1, description="Who is asked.")
    domains: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Names to ask for, by domain set, in place of the folder domains/. `control` lists names that "
        "every resolver must know, in place of the shipped ones.",
    )


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of resolvers.yaml."""
    made = File.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "resolvers.yaml of resolver_diff",
    }
