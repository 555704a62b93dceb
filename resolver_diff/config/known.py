"""Answers that are known to stand for names which are blocked, from a list: addresses and CNAME targets.

188.186.154.88     RU 2024-10-20 where this is known from   # a comment begins with `#`
page.example.net   -  2026-02-01 seen by myself             # `-`: not known
2001:db8::1                                                 # the value is enough
"""

import ipaddress
from datetime import date

import polars as pl

from resolver_diff.config.qnames import BadNameError, qname
from resolver_diff.config.text import Notes, Source
from resolver_diff.tables import KnownAnswers

LONGEST = 8 * 2**20  # octets; some 100,000 lines
UNKNOWN = "-"


def read(source: Source, notes: Notes) -> KnownAnswers:
    """Return what the lines of *source* list; what is wrong is noted and left out."""
    rows = []
    for number, line in enumerate(source.lines, 1):
        words = line.partition("#")[0].split(maxsplit=3)
        if not words:
            continue
        words += [UNKNOWN] * (4 - len(words))
        text, country, noted, whence = words
        try:
            rows.append((_value(text), _country(country), _date(noted), None if whence == UNKNOWN else whence.strip()))
        except BadNameError as bad:
            column = len(line) - len(line.lstrip()) + 1
            notes.mistake(bad.message, source.place(number, column + bad.offset), bad.hint)
        except ValueError as error:
            hint = (
                "an address or CNAME target, then if you like a country (`RU`), a date (`2026-02-11`), and the source"
            )
            notes.mistake(str(error), source.place(number), hint)
    return KnownAnswers(pl.DataFrame(rows, schema=KnownAnswers.schema, orient="row"))


def _value(text: str) -> str:
    """Return an address or a name as answers have it."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if "/" in text or text.replace(".", "").isdecimal() or ":" in text:
            raise ValueError(f"`{text[:80]}` is neither an address nor a name") from None
        return qname(text)


def _country(text: str) -> str | None:
    if text == UNKNOWN:
        return None
    if len(text) != len("RU") or not text.isascii() or not text.isalpha():
        raise ValueError(f"`{text[:80]}` is no country: two letters, or `{UNKNOWN}`")
    return text.upper()


def _date(text: str) -> date | None:
    if text == UNKNOWN:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text[:80]}` is no date: `2026-02-11`, or `{UNKNOWN}`") from None
