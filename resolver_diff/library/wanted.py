"""What a run is to ask: resolvers and names, with what was wanted otherwise for this run."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dns import rdatatype
from dns.exception import DNSException

from resolver_diff import config
from resolver_diff.config import Config
from resolver_diff.config.advice import choice_hint
from resolver_diff.errors import UsageError
from resolver_diff.library.saying import Warn, warn_caller
from resolver_diff.library.source import shipped_set
from resolver_diff.tables import TransportName


def asked(
    resolvers: Path | None,
    domains: Sequence[Path] | None,
    opt_out: Path | None = None,
    qtypes: Sequence[str] | None = None,
    *,
    transports: str | None = None,
    attempts: int | None = None,
    timeout: float | None = None,
    repeat: int | None = None,
    warn: Warn = warn_caller,
) -> Config:
    """Return what a run asks, as whoever asks wants it; warns of what is doubtful in it."""
    given = config.load(resolvers, [shipped_set(path) for path in domains or ()], opt_out)
    warn(given.warnings)
    given = given.heeding()
    if transports is not None:
        given = given.over(_transports(transports))
    return replace(
        given,
        qtypes=tuple(map(_qtype, qtypes)) if qtypes else given.qtypes,
        attempts=attempts or given.attempts,
        timeout=timeout or given.timeout,
        repeat=repeat or given.repeat,
    )


def _transports(text: str) -> list[str]:
    """Return the transports that *text* lists; raises UsageError when one is none."""
    words = [word for word in re.split(r"[,\s]+", text) if word]
    for word in words:
        if word not in set(TransportName):
            raise UsageError(f"unknown transport `{word}`", hint=choice_hint("transport", word))
    if not words:
        raise UsageError("--transports names no transport", hint="for example `--transports udp,tls`")
    return words


def _qtype(text: str) -> str:
    """Return the mnemonic of the record type *text*; raises UsageError when there is none."""
    try:
        rdtype = rdatatype.from_text(text)
    except DNSException:
        raise UsageError(f"`{text}` is not a record type", hint="for example A, AAAA, HTTPS, TYPE65280") from None
    if rdatatype.is_metatype(rdtype):
        hint = "for example A, AAAA, HTTPS, TYPE65280"
        raise UsageError(f"`{text}` is not a type that records have, so it cannot be compared", hint=hint)
    return rdatatype.to_text(rdtype)
