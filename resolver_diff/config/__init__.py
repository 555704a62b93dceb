"""resolvers.yaml and domains/ -> Config: who is asked, and about which names.

Every mistake is found in one go, each with its place and a hint. ``python -m
resolver_diff.config`` prints the JSON Schema of resolvers.yaml, for editors.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import reduce
from importlib import resources
from operator import or_
from pathlib import Path

import polars as pl

from resolver_diff.config import known, optout
from resolver_diff.config.listed import Names
from resolver_diff.config.model import Resolver
from resolver_diff.config.optout import OptOut
from resolver_diff.config.qnames import names
from resolver_diff.config.resolvers import Written
from resolver_diff.config.resolvers import resolvers as read_resolvers
from resolver_diff.config.text import Notes, read
from resolver_diff.config.written import CALLED, SET_NAME
from resolver_diff.errors import Place, Problem, UsageError
from resolver_diff.tables import KnownAnswers

__all__ = ["Config", "DomainSet", "LeftOut", "Names", "Resolver", "Why", "known_answers", "load", "shipped"]

LONGEST_RESOLVERS = 8 * 2**20  # octets; some 50,000 resolvers
LONGEST_LIST = 128 * 2**20  # octets; some six million names, read in seconds and in 0.4 GB
RESOLVERS = "resolvers.yaml"
DOMAINS = "domains"
KNOWN = "known_answers.txt"
AT_ONCE = 1 << 18  # names of a set held against those of the others at once; bounds memory
CONTROL = "control"  # the list of names that every resolver must know; not a domain set
LISTS = (".csv", ".txt")
NO_FILE = (None, "dns", "none")  # what `origins` may say beside the name of a file


@dataclass(frozen=True, slots=True, eq=False)
class DomainSet:
    """The names of one file in domains/."""

    name: str
    file: str
    qnames: Names  # sorted, each once, A-label form, lower case, no final dot


class Why(StrEnum):
    """Why a resolver is not asked."""

    OPTED_OUT = "they are on the opt-out list"
    NOT_OVER = "they speak none of the transports wanted"
    NOT_CARRIED = "this version lacks their transport"
    NOT_FOUND = "no address was found for them"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A resolver that a run does not ask, though it is in resolvers.yaml."""

    resolver: str
    transport: str
    why: str  # a Why, or what a newer version calls it
    says: str = ""  # more about it


@dataclass(frozen=True, slots=True, eq=False)
class Config:
    """All that a run needs to be told."""

    resolvers: tuple[Resolver, ...] = field(repr=False)  # Python writes out what a run returns, where nobody sees it
    domain_sets: tuple[DomainSet, ...]  # by name
    control_names: tuple[str, ...]
    qtypes: tuple[str, ...] = ("A", "AAAA")
    attempts: int = 3
    timeout: float = 4.0  # seconds
    repeat: int = 1  # how often each target is asked, spread over the run
    qps: float | None = None  # to all resolvers together
    warnings: tuple[Problem, ...] = ()
    inputs: dict[str, str] = field(default_factory=dict)  # file -> sha256
    also: tuple[Resolver, ...] = ()  # the same resolvers over their other transports; asked when that is wanted
    left_out: tuple[LeftOut, ...] = ()  # who is not asked
    opt_out: OptOut = field(default_factory=OptOut)  # who and what must not be asked; heeded before a run
    names_left_out: int = 0  # because of that
    origins: str | None = None  # `dns`, `none`, or a file: how it is looked up whose addresses are

    def heeding(self) -> "Config":
        """Return the config without who and what is on its opt-out list; raises UsageError when nothing is left.

        A resolver that has a host name only can be told when its address is known.
        """
        if not self.opt_out:
            return self
        where = {way: self.opt_out.covering(way.address) for way in (*self.resolvers, *self.also) if way.located}
        out = [
            LeftOut(way.name, str(way.transport), Why.OPTED_OUT, str(where[way]))
            for way in self.resolvers
            if where.get(way)
        ]
        sets = [replace(each, qnames=self._wanted(each.qnames)) for each in self.domain_sets]
        fewer = sum(len(each.qnames) for each in self.domain_sets) - sum(len(each.qnames) for each in sets)
        kept = replace(
            self,
            resolvers=tuple(way for way in self.resolvers if not where.get(way)),
            also=tuple(way for way in self.also if not where.get(way)),
            domain_sets=tuple(each for each in sets if len(each.qnames)),
            control_names=tuple(name for name in self.control_names if not self.opt_out.has_name(name)),
            left_out=(*self.left_out, *out),
            names_left_out=self.names_left_out + fewer,
        )
        if (self.resolvers and not kept.resolvers) or (self.domain_sets and not kept.domain_sets):
            what = "name to ask for" if kept.resolvers else "resolver to ask"
            raise UsageError(f"the opt-out list leaves no {what}")
        return kept

    def _wanted(self, names: Names) -> Names:
        return Names(map(self.opt_out.without, names.parts())) if self.opt_out.names else names

    def over(self, transports: Sequence[str]) -> "Config":
        """Return the config that asks every resolver over all of *transports* that it speaks.

        Who speaks none of them is left out; raises UsageError when nobody speaks any.
        """
        ways: dict[str, list[Resolver]] = {}
        for resolver in (*self.resolvers, *self.also):
            ways.setdefault(resolver.name, []).append(resolver)
        wanted = {name: [way for way in spoken if way.transport in transports] for name, spoken in ways.items()}
        if not any(wanted.values()):
            spoken = ", ".join(sorted({str(way.transport) for each in ways.values() for way in each}))
            message = f"no resolver speaks {' or '.join(transports)}"
            raise UsageError(message, hint=f"they speak {spoken}; what else one speaks goes into its `also`")
        silent = [
            LeftOut(name, str(ways[name][0].transport), Why.NOT_OVER) for name, kept in wanted.items() if not kept
        ]
        asked = tuple(way for kept in wanted.values() for way in kept)
        return replace(self, resolvers=asked, also=(), left_out=(*self.left_out, *silent))


def load(resolvers: Path | None, domains: Sequence[Path], opt_out: Path | None = None) -> Config:
    """Read resolvers and domain sets; raise ConfigError with every mistake at once.

    Without *resolvers* that of the current folder is taken, else the shipped one. Without *domains* the names in
    that file are, else those in the current folder's, else the shipped ones. A folder among *domains* stands for its
    .txt and .csv files. *opt_out* is a list beside the one that resolvers.yaml names; ``Config.heeding`` leaves out
    what is on them.
    """
    notes = Notes()
    inputs: dict[str, str] = {}
    found = resolvers or _here_or_shipped(RESOLVERS)
    source = read(found, str(found), LONGEST_RESOLVERS, notes)
    asked, probe, written = read_resolvers(source, notes) if source else Written()
    if source:
        inputs[_label(found)] = source.sha256
    named = found.parent / probe.opt_out if probe.opt_out else None
    unwanted = [_read_opt_out(file, inputs, notes) for file in (named, opt_out) if file is not None]
    if written and not domains:
        domain_sets, control_names = _as_written(written, str(found), inputs, notes)
    else:
        domain_sets, control_names = _read_lists(domains or [_here_or_shipped(DOMAINS)], inputs, notes)
    notes.raise_mistakes()
    return Config(
        resolvers=tuple(each.resolver for each in asked if each.own),
        also=tuple(each.resolver for each in asked if not each.own),
        domain_sets=domain_sets,
        control_names=control_names,
        qtypes=probe.qtypes,
        attempts=probe.attempts,
        timeout=probe.timeout,
        repeat=probe.repeat,
        qps=probe.qps,
        warnings=notes.warnings,
        inputs=inputs,
        opt_out=reduce(or_, unwanted, OptOut()),
        origins=probe.origins if probe.origins in NO_FILE or source is None else str(found.parent / probe.origins),
    )


def known_answers(resolvers: Path | None = None, more: Path | None = None) -> KnownAnswers:
    """Return what is known to stand for blocked names: the shipped list, and the user's own.

    That is the one *resolvers* names, or resolvers.yaml in the current folder, and *more*. Raises ConfigError
    when one cannot be read. What else is wrong in resolvers.yaml is said where it is used.
    """
    notes, aside = Notes(), Notes()
    found = resolvers or Path(RESOLVERS)
    source = read(found, str(found), LONGEST_RESOLVERS, aside) if found.exists() else None
    named = None
    if source is not None and b"known_answers" in source.octets:
        probe = read_resolvers(source, aside).probe
        named = found.parent / probe.known_answers if probe.known_answers else None
    lists = []
    for file in (shipped() / KNOWN, named, more):
        text = read(file, str(file), known.LONGEST, notes) if file is not None else None
        if text is not None:
            lists.append(known.read(text, notes).frame)
    notes.raise_mistakes()
    return KnownAnswers(pl.concat(lists).unique("value", keep="last", maintain_order=True))


def shipped() -> Path:
    """Return the folder that has the shipped resolvers.yaml and domains/."""
    package = Path(str(resources.files("resolver_diff")))
    data = package / "data"
    return data if data.is_dir() else package.parent  # in a checkout they lie at the top


def _here_or_shipped(name: str) -> Path:
    here = Path(name)
    return here if here.exists() else shipped() / name


def _label(path: Path) -> str:
    """Return what a file is called in a snapshot: shipped files do not say where they are installed."""
    return f"shipped/{path.relative_to(shipped()).as_posix()}" if path.is_relative_to(shipped()) else path.as_posix()


def _read_lists(
    paths: Sequence[Path], inputs: dict[str, str], notes: Notes
) -> tuple[tuple[DomainSet, ...], tuple[str, ...]]:
    """Return the domain sets by name, and the control names."""
    files = [file for path in paths for file in _files(path, notes)]
    if not any(file.stem == CONTROL for file in files):
        files.append(shipped() / DOMAINS / f"{CONTROL}.txt")
    read_from: dict[str, str] = {}
    sets: list[DomainSet] = []
    control_names: tuple[str, ...] = ()
    for file in sorted(set(files), key=lambda file: (file.stem, str(file))):
        found = _read_list(file, read_from, inputs, notes)
        if found is not None and found.name == CONTROL:
            control_names = tuple(found.qnames)
        elif found is not None:
            sets.append(found)
    if not sets and not any(notes.wrong(file) for file in map(str, [*paths, *files])):
        notes.mistake(
            "there is no domain set", Place(str(paths[0])), "put a file there that ends in .txt, one name a line"
        )
    return _each_name_once(sets, notes), control_names


def _as_written(
    domains: Mapping[str, Names], file: str, inputs: dict[str, str], notes: Notes
) -> tuple[tuple[DomainSet, ...], tuple[str, ...]]:
    """Return the domain sets that stand in resolvers.yaml itself, and the control names."""
    sets = [DomainSet(name, file, qnames) for name, qnames in sorted(domains.items()) if name != CONTROL]
    control = domains.get(CONTROL)
    if control is None:
        shipped_list = _read_list(shipped() / DOMAINS / f"{CONTROL}.txt", {}, inputs, notes)
        control = shipped_list.qnames if shipped_list is not None else Names([])
    if not sets:
        notes.mistake("`domains` has no domain set", Place(file), "`domains: {mine: [one.example, two.example]}`")
    return _each_name_once(sets, notes), tuple(control)


def _read_opt_out(file: Path, inputs: dict[str, str], notes: Notes) -> OptOut:
    """Return who and what one list wants left alone."""
    source = read(file, str(file), optout.LONGEST, notes)
    if source is None:
        return OptOut()
    inputs[_label(file)] = source.sha256
    return optout.read(source, notes)


def _files(path: Path, notes: Notes) -> list[Path]:
    """Return the lists that *path* stands for."""
    if not path.is_dir():
        return [path]
    files = [file for file in path.iterdir() if file.suffix.lower() in LISTS and not file.name.startswith(".")]
    if not files:
        notes.mistake("there is no .txt or .csv file in this folder", Place(str(path)), "one file, one domain set")
    return files


def _read_list(file: Path, read_from: dict[str, str], inputs: dict[str, str], notes: Notes) -> DomainSet | None:
    """Return what one file lists; None, and mistakes noted, when it cannot be read."""
    name, shown = file.stem, str(file)
    if not re.fullmatch(SET_NAME, name):
        notes.mistake("a domain set cannot be called that", Place(shown), CALLED)
        return None
    if name in read_from:
        notes.mistake(f"two domain sets are called `{name}`", Place(shown), f"the other is {read_from[name]}")
        return None
    read_from[name] = shown
    source = read(file, shown, LONGEST_LIST, notes)
    if source is None:
        return None
    inputs[_label(file)] = source.sha256
    return DomainSet(name, shown, names(source, notes))


def _each_name_once(sets: list[DomainSet], notes: Notes) -> tuple[DomainSet, ...]:
    """Leave each name in the first set that has it: a name is asked once."""
    if len(sets) < 2:
        return tuple(sets)
    edges = sorted({edge for each in sets for edge in each.qnames.edges(AT_ONCE)})
    shared: dict[int, list[Names]] = {}  # by the set that has them too
    stays: dict[int, str] = {}  # where the first of these stays
    for parts in zip(*(each.qnames.below(edges) for each in sets), strict=True):
        for order, too, first in _in_earlier(parts):
            shared.setdefault(order, []).append(Names([too]))
            stays.setdefault(order, sets[first].name)
    kept = list(sets)
    for order, pieces in sorted(shared.items()):
        others, each = Names(part for piece in pieces for part in piece.parts()), sets[order]
        name, count = next(iter(others)), len(others)
        message = f"`{name}` is in an earlier domain set too"
        if count > 1:
            message = f"{count:,} names are in an earlier domain set too, the first of them `{name}`"
        notes.warning(message, Place(each.file), f"a name is asked once: `{name}` stays in {stays[order]}")
        both = zip(each.qnames.below(edges), others.below(edges), strict=True)
        kept[order] = replace(each, qnames=Names(mine.filter(~mine.is_in(theirs.implode())) for mine, theirs in both))
    return tuple(each for each in kept if len(each.qnames))


def _in_earlier(parts: Sequence[pl.Series]) -> Iterator[tuple[int, pl.Series, int]]:
    """Yield which of *parts*, each sorted, has names of an earlier one; these; and which has the first of them."""
    every = pl.concat([part.to_frame("qname").with_columns(order=pl.lit(order)) for order, part in enumerate(parts)])
    first = every.unique("qname", keep="first", maintain_order=True)
    if first.height == every.height:
        return
    shared = every.join(first, on=["qname", "order"], how="anti").join(first.rename({"order": "first"}), on="qname")
    for (order,), rows in shared.sort("order", "qname").group_by("order", maintain_order=True):
        yield order, rows["qname"], rows["first"][0]
