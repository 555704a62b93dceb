"""Rounds: a few names asked of everybody again and again, each round judged by itself, as a date without a past is.

A round is a run as any other, with the same paces, limits and opt-out list, into a folder that nobody keeps. It asks
what the judgement rests on, too: some control names, names that cannot exist, and who answers.
"""

import asyncio
import json
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from resolver_diff import diff, probe, snapshot
from resolver_diff.commands._loading import asked, did_you_mean, parse_name, utc_today
from resolver_diff.commands._output import STDOUT, warn
from resolver_diff.config import CONTROL, DOMAINS, Config
from resolver_diff.diff import Diff
from resolver_diff.errors import ResolverDiffError, UsageError
from resolver_diff.plan import Plan
from resolver_diff.probe import Progress
from resolver_diff.tables import KnownAnswers
from resolver_diff.wording.lines import some

VANTAGE = SET = "watch"
LEAST_SECONDS = 10.0  # from the beginning of a round to that of the next, for the resolvers' sake
LEAST_HERE = 0.1  # where all of them are on this machine
CONTROLS = 4  # control names in a round, each asked twice; three would do to judge a resolver


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one round."""

    number: int  # from 1
    began: datetime
    found: Diff
    silent: tuple[str, ...]  # resolvers that said nothing at all


def wanted(
    names: Sequence[str],
    resolvers: Path | None,
    opt_out: Path | None,
    qtypes: Sequence[str] | None,
    transports: str | None,
) -> Config:
    """Return what a round asks: *names* and some control names, with the types and over the transports wanted.

    Raises UsageError and ConfigError for what a person can put right.
    """
    qnames = sorted({parse_name(name) for name in names})
    own = Path(DOMAINS) / f"{CONTROL}.txt"
    with tempfile.TemporaryDirectory(prefix="resolver-diff-watch-") as folder:
        listed = Path(folder) / f"{SET}.txt"
        listed.write_text("".join(f"{qname}\n" for qname in qnames), encoding="ascii")
        domains = [listed, *([own] if own.exists() else [])]
        found = asked(resolvers, domains, opt_out, qtypes, transports=transports)
    return replace(found, control_names=found.control_names[:CONTROLS], repeat=1)


def narrowed(given: Config, only: Sequence[str]) -> Config:
    """Return *given* with the resolvers in *only*, and the controls, without which nothing can be judged."""
    known = sorted({entry.name for entry in given.resolvers})
    for name in only:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are {some(known)}"
            raise UsageError(f"no resolver is called `{name}`", hint=hint)
    return replace(given, resolvers=tuple(e for e in given.resolvers if e.name in only or e.role == "control"))


def pace(given: Config, interval: float) -> float:
    """Return *interval*, or as long as a round takes if that is longer; raises UsageError when it is too short."""
    is_here = all(entry.located and ip_address(entry.address).is_loopback for entry in given.resolvers)
    least = LEAST_HERE if is_here else LEAST_SECONDS
    if interval < least:
        hint = "who needs to know sooner asks fewer resolvers by hand: `explain` shows the commands"
        raise UsageError(f"rounds begin {least:g} s apart at least, for the resolvers' sake", hint=hint)
    takes = plan(given).seconds
    return interval if takes <= interval else float(math.ceil(takes))


def plan(given: Config) -> Plan:
    """Return the plan of a round."""
    return Plan(given, day=utc_today(), vantage=VANTAGE)


class Rounds:
    """The rounds, one after another; a context manager that removes what they leave."""

    def __init__(self, given: Config, interval: float, known: KnownAnswers) -> None:
        self.config = given
        self.interval = interval
        self.known = known
        self.next_at = 0.0  # by time.monotonic
        self._seed = f"{VANTAGE} {datetime.now(UTC).isoformat()}"  # one for all: names that cannot exist stay cached
        self._folder = tempfile.TemporaryDirectory(prefix="resolver-diff-watch-")
        # one for all rounds: Ctrl-C while a loop is made or closed leaves it open, and Python complains of that
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()
        self._folder.cleanup()

    def take(self, count: int | None, progress: Progress | None = None) -> Iterator[Round]:
        """Yield *count* rounds, or rounds without end; each begins an interval after the one before, at the earliest.

        Where the first cannot be taken, nothing can, and its error is raised; a later one is told of and left out.
        """
        number = 0
        while count is None or number < count:
            number += 1
            time.sleep(max(0.0, self.next_at - time.monotonic()))
            self.next_at = time.monotonic() + self.interval
            try:
                yield self._take(number, progress)
            except ResolverDiffError as error:
                if number == 1:
                    raise
                warn(error.problems)

    def _take(self, number: int, progress: Progress | None) -> Round:
        folder, day, began = Path(self._folder.name) / str(number), utc_today(), datetime.now(UTC)
        taking = probe.take(
            self.config,
            folder=folder,
            day=day,
            vantage=VANTAGE,
            seed=self._seed,
            progress=progress,
        )
        try:
            taken = self._runner.run(taking)
        finally:
            taking.close()  # one that was interrupted before it began would be complained of, too
        (heard,) = snapshot.load(folder, day, VANTAGE)
        shutil.rmtree(folder)
        return Round(number, began, diff.anomalies(replace(heard, known=self.known)), taken.silent)


class Log:
    """A file to which lines of JSON are added, each of them at once; a context manager."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream = sys.stdout
        if file != STDOUT:
            try:
                self._stream = file.open("a", encoding="ascii")
            except OSError as error:
                raise UsageError(f"cannot write {file}: {error.strerror or error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file != STDOUT:
            self._stream.close()

    def write(self, every: Iterable[Mapping[str, Any]]) -> None:
        """Add a line for each; what is not ASCII is written as an escape, so that nothing commands a terminal."""
        for facts in every:
            self._stream.write(json.dumps(facts, ensure_ascii=True, allow_nan=False) + "\n")
        self._stream.flush()
