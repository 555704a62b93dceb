"""Questions -> Observations: encode, exchange, decode, ask again what stayed silent.

Within a batch every attempt is a wave over all transports at once: first all
questions, then those that stayed silent, as long as their resolver has said
anything at all. While one batch waits for what is silent or slow, the next
begins: nobody waits for a timeout of somebody else. How hard each address is
asked, and when it is let alone, is the business of ``transports.Care``. Every
attempt and every reply is a row, and so is a question that was not asked.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

import resolver_diff
from resolver_diff import family, transports
from resolver_diff.batch import Batch
from resolver_diff.config import Config, LeftOut, Why
from resolver_diff.errors import UsageError
from resolver_diff.journal import Journal
from resolver_diff.plan import Plan
from resolver_diff.probe import held
from resolver_diff.probe.lookup import locate
from resolver_diff.snapshot import Run, filing
from resolver_diff.tables import Table
from resolver_diff.transports import Queries, Session, Transport

FLUSH_SECONDS = 5.0
OPEN_BATCHES = 3  # at once; each takes some 25 MB
LOOK_SECONDS = 0.005  # between two looks whether the next batch may begin


class Progress(Protocol):
    """What a run tells while it is going."""

    def start(self, questions: int, resolvers: int) -> None:
        """Begin: so many questions will be put to so many resolvers."""

    def update(self, asked: int, answered: int, silent_resolvers: int, rate: float, left_seconds: float | None) -> None:
        """Tell how far it is; *rate* is in questions asked per second."""

    def finish(self) -> None:
        """End, well or not."""


class Beside(Protocol):
    """Finds out about what was heard, when all questions are asked, what is to lie beside the snapshot."""

    async def __call__(
        self, config: Config, heard: pl.LazyFrame, target: Path
    ) -> tuple[Sequence[Table], Mapping[str, int]]:
        """Return tables and counts; *heard* has the columns of ``Observations``, *target* is where files will be."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a run."""

    run: Run
    files: tuple[Path, ...]
    silent: tuple[str, ...]  # resolvers that said nothing at all
    troubles: Mapping[str, str]  # of these, what trouble there was, where there was any

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The resolvers that were not asked."""
        return self.run.left_out

    @property
    def missed(self) -> bool:
        """Whether somebody was not asked who should have been."""
        return any(each.why in (Why.NOT_CARRIED, Why.NOT_FOUND) for each in self.left_out)

    @property
    def counts(self) -> dict[str, int]:
        """The counts of the run."""
        return self.run.counts


async def take(
    config: Config,
    *,
    folder: Path,
    day: date,
    vantage: str,
    seed: str | None = None,
    replace: bool = False,
    resume: bool = False,
    keep_wire: bool = False,
    progress: Progress | None = None,
    carriers: Mapping[str, Transport] | None = None,
    beside: Beside | None = None,
) -> Taken:
    """Ask everything *config* says and keep what was said as the snapshot of *day* and *vantage*.

    *carriers* replaces the transports of the same names, e.g. by replay; *beside* looks up what is to be
    known of the answers. When the run is cancelled,
    what is settled by then is in the journal, and a later call with *resume* asks only the rest.
    Raises SnapshotError (see ``Journal.open``) and UsageError before anything is sent.
    """
    _check_vantage(vantage)
    _check_installed(config, carriers or {})
    config = await _askable(config, carriers)
    plan = Plan(config, day=day, vantage=vantage, seed=seed)
    sets = [domain_set.name for domain_set in config.domain_sets]
    journal = Journal.open(
        folder, day, vantage, fingerprint=plan.fingerprint, domain_sets=sets, resume=resume, replace=replace
    )
    with journal:
        strays = await _Run(plan, journal, carriers or {}, keep_wire=keep_wire, progress=progress).ask()
        tables, found = await beside(config, journal.heard(), journal.target) if beside else ((), {})
        run = Run(
            date=day,
            vantage=vantage,
            started=journal.started,
            finished=datetime.now(UTC),
            version=resolver_diff.__version__,
            seed=plan.seed,
            attempts=config.attempts,
            timeout=config.timeout,
            resolvers=config.resolvers,
            inputs=config.inputs,
            counts={**journal.count(), "strays": strays, "names_left_out": config.names_left_out, **found},
            left_out=config.left_out,
            repeat=config.repeat,
            held=tuple(held.together(journal.held(), (), journal.withheld())),
        )
        speaking, met = journal.speaking_resolvers(), journal.troubles()
        silent = {called: entry for entry, called in _called(config) if entry not in speaking}
        troubles = {called: met[entry] for called, entry in silent.items() if entry in met}
        filing.put_beside(journal.target, tables)
        files = journal.commit(run, sets)
    return Taken(run, tuple(files), tuple(silent), troubles)


class _Run:
    """The asking itself: sessions, batches, waves."""

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        carriers: Mapping[str, Transport],
        *,
        keep_wire: bool,
        progress: Progress | None,
    ) -> None:
        self.plan = plan
        self.journal = journal
        self.carriers = carriers
        self.keep_wire = keep_wire
        self.progress = progress
        speaking = journal.speaking_resolvers()
        entries = [(entry.name, str(entry.transport)) for entry in plan.resolvers]
        self.spoke = np.array([entry in speaking for entry in entries])  # has sent any message, ever
        self.settled_before = 0  # questions that an earlier run had settled, or finished batches of this one
        self.answered_before = 0
        self.care = held.care_of(plan)
        self.held_before = journal.held()  # before a resume
        self.open: list[Batch] = []
        self.wave_ends = 0.0  # at the latest, by time.monotonic

    async def ask(self) -> int:
        """Ask every question the journal does not settle; return how many stray messages came."""
        sessions: dict[str, Session] = {}
        async with contextlib.AsyncExitStack() as stack:
            for name in sorted({str(resolver.transport) for resolver in self.plan.resolvers}):
                sessions[name] = await stack.enter_async_context(self._carrier(name).open())
            if "udp" in sessions and "tcp" not in sessions:  # truncated answers are asked again over TCP
                sessions["tcp"] = await stack.enter_async_context(self._carrier("tcp").open())
            async with self._telling(), _together() as group:
                for index, questions in enumerate(self.plan.batches()):
                    if self.journal.finished(index):
                        self.settled_before += len(questions)
                        continue
                    await self._room()
                    batch = Batch(
                        self.plan, self._unsettled(index, questions.frame), care=self.care, keep_wire=self.keep_wire
                    )
                    self.settled_before += len(questions) - len(batch.number)
                    self.open.append(batch)
                    begun = asyncio.Event()
                    group.create_task(self._ask_batch(index, batch, sessions, begun))
                    await begun.wait()  # before that nobody would be seen to be busy
                self.care.more = False
        return sum(session.strays for session in sessions.values())

    async def _room(self) -> None:
        """Wait until another batch may begin: nobody has anything left to be asked but those who are slowed."""
        self.care.more = True
        while self.open and (len(self.open) >= OPEN_BATCHES or self.care.busy):
            self.care.more = len(self.open) < OPEN_BATCHES
            await asyncio.sleep(LOOK_SECONDS)

    def _unsettled(self, index: int, questions: pl.DataFrame) -> pl.DataFrame:
        settled = self.journal.settled(index)
        return questions.filter(~pl.col("number").is_in(settled.tolist())) if len(settled) else questions

    def _carrier(self, name: str) -> Transport:
        if name in self.carriers:
            return self.carriers[name]
        return family.member(transports, name, "TRANSPORT", Transport)

    async def _ask_batch(self, index: int, batch: Batch, sessions: dict[str, Session], begun: asyncio.Event) -> None:
        """Ask one batch, attempt by attempt; keep what is settled as it comes, the rest at the end."""
        keep = self._keeper(index, batch)
        try:
            for attempt in range(self.plan.config.attempts):
                waves = batch.wave(attempt, self.spoke)
                if not waves:
                    break
                longest = max(float(queries.due.max()) for queries in waves.values())
                self.wave_ends = time.monotonic() + longest + self.plan.config.timeout
                async with _together() as group:
                    for name, queries in waves.items():
                        group.create_task(self._exchange(name, sessions[name], batch, queries, keep))
                    await asyncio.sleep(0)  # each exchange begins
                    begun.set()
                follow_up = batch.follow_up(attempt)
                if follow_up is not None:
                    await self._exchange("tcp", sessions["tcp"], batch, follow_up, keep)
        except asyncio.CancelledError:
            self.journal.append(index, batch.settled_rows())
            self._note_held()
            raise
        begun.set()
        rows, in_order = batch.remaining_rows()
        self.journal.finish(index, rows, in_order=in_order)
        self._note_held()
        self.open.remove(batch)
        self.settled_before += len(batch.number)
        self.answered_before += batch.answered_count

    async def _exchange(
        self, name: str, session: Session, batch: Batch, queries: Queries, keep: Callable[[], None]
    ) -> None:
        """Send *queries* over the transport called *name*; each open batch takes in what belongs to it."""
        async for responses in session.exchange(queries, timeout=self.plan.config.timeout):
            left = len(responses)
            for each in sorted(self.open, key=lambda other: other is not batch):  # most are its own
                left -= each.hear(name, responses)
                self.spoke |= each.spoke
                if not left:
                    break  # what is left at the end is late: its batch is over, its silence written down
            keep()
        batch.withhold(queries)

    def _note_held(self) -> None:
        """Write down what was held back so far."""
        self.journal.note_held(held.together(self.held_before, held.held_back(self.plan, self.care)))

    def _keeper(self, index: int, batch: Batch) -> Callable[[], None]:
        """Return what puts the settled rows of *batch* into the journal when enough of them, or of time, went by."""
        last = time.monotonic()

        def keep() -> None:
            nonlocal last
            if batch.is_large or time.monotonic() - last >= FLUSH_SECONDS:
                self.journal.append(index, batch.settled_rows())
                last = time.monotonic()

        return keep

    @contextlib.asynccontextmanager
    async def _telling(self) -> AsyncIterator[None]:
        """Tell the progress while the body runs."""
        if self.progress is None:
            yield
            return
        self.progress.start(self.plan.questions, len({entry.name for entry in self.plan.resolvers}))
        task = asyncio.create_task(self._tell(self.progress))
        try:
            yield
        finally:
            task.cancel()
            self.progress.finish()

    async def _tell(self, progress: Progress) -> None:
        started, questions = time.monotonic(), self.plan.questions
        first: int | None = None
        while True:
            await asyncio.sleep(0.5)
            asked = self.settled_before + sum(batch.asked_count for batch in self.open)
            answered = self.answered_before + sum(batch.answered_count for batch in self.open)
            first = asked if first is None else first
            rate = (asked - first) / max(0.5, time.monotonic() - started)
            left = (questions - asked) / rate if rate > 0 else None
            if asked == questions:  # silent ones are asked again
                left = max(0.0, self.wave_ends - time.monotonic())
            progress.update(asked, answered, int(np.count_nonzero(~self.spoke)), rate, left)


@contextlib.asynccontextmanager
async def _together() -> AsyncIterator[asyncio.TaskGroup]:
    """Run tasks side by side; the first error of one ends all and is raised itself, not in a group."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        error: BaseException = errors
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from errors


async def _askable(config: Config, carriers: Mapping[str, Transport] | None) -> Config:
    """Return *config* with the resolvers only that this version can carry queries to, all of them with an address.

    The others are in ``left_out``. Raises UsageError when nobody is left.
    """
    config = config.heeding()
    known = {*family.names(transports), *(carriers or {})}
    lacking = [resolver for resolver in config.resolvers if resolver.transport not in known]
    if lacking and len(lacking) == len(config.resolvers):
        hint = f"the transports are {', '.join(sorted(known))}"
        raise UsageError("no resolver uses a transport this version can carry", hint=hint)
    not_carried = [LeftOut(resolver.name, str(resolver.transport), Why.NOT_CARRIED) for resolver in lacking]
    carried = [resolver for resolver in config.resolvers if resolver.transport in known]
    located, not_found = await locate(carried)
    if carried and not located:
        raise UsageError(f"no address was found for any resolver: {not_found[0].says}")
    left_out = (*config.left_out, *not_carried, *not_found)
    return replace(config, resolvers=located, left_out=left_out).heeding()


def _called(config: Config) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield name and transport of each entry, and what it is called: the name, where that is asked over one only."""
    times = Counter(resolver.name for resolver in config.resolvers)
    for entry in ((resolver.name, str(resolver.transport)) for resolver in config.resolvers):
        yield entry, entry[0] if times[entry[0]] == 1 else " over ".join(entry)


def _check_installed(config: Config, carriers: Mapping[str, Transport]) -> None:
    """Refuse to ask over a transport that needs what is not installed."""
    used = {str(resolver.transport) for resolver in config.resolvers}
    for name in sorted(used & set(family.names(transports)) - set(carriers)):
        problem = family.member(transports, name, "TRANSPORT", Transport).lack()
        if problem is not None:
            raise UsageError(problem.message, hint=problem.hint)


def _check_vantage(vantage: str) -> None:
    """Refuse a vantage that cannot be the name of a folder anywhere."""
    if not vantage or not all(char.isalnum() or char in "-_." for char in vantage) or vantage.startswith("."):
        hint = "letters, digits, `-`, `_` and `.`, not beginning with a dot"
        raise UsageError(f"`{vantage}` cannot name a vantage", hint=hint)
