"""One batch of questions in flight: what was asked, what was heard, what is still open.

State is kept in arrays by position, one place per question: a late or second
reply cannot add a question, and nothing can be counted twice. No sockets and no
clock here: queries go out and responses come in as columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff.journal import SCHEMA
from resolver_diff.plan import Plan
from resolver_diff.tables import OUTCOME, SILENCES, TRANSPORT, Observations, Outcome, Purpose
from resolver_diff.transports import Care, Endpoint, Queries, Responses, Trouble
from resolver_diff.wire import Messages
from resolver_diff.wire.decode import decode
from resolver_diff.wire.encode import encode

ATTEMPTS = 256  # a query's number is its question's number times this, plus the attempt
LIMITING = (Outcome.REFUSED, Outcome.SERVFAIL)
OUTCOME_OF_TROUBLE = {
    Trouble.NONE: Outcome.TIMEOUT,  # no message and no trouble: silence
    Trouble.UNREACHABLE: Outcome.UNREACHABLE,
    Trouble.TLS: Outcome.TLS_ERROR,
    Trouble.HTTP: Outcome.HTTP_ERROR,
    Trouble.MALFORMED: Outcome.MALFORMED,
}
OUTCOMES_OF_TROUBLE = pl.Series([OUTCOME_OF_TROUBLE[trouble] for trouble in sorted(Trouble)], dtype=OUTCOME)


@dataclass(slots=True)
class _Attempt:
    """One time of asking; arrays by position in the batch."""

    asked: NDArray[np.bool_]
    replies: NDArray[np.uint8]  # whole messages that have come; truncated ones do not count
    written: NDArray[np.bool_]  # its silence has become a row
    trouble: NDArray[np.uint8]
    truncated: NDArray[np.bool_]  # a reply over UDP was; it is asked for over TCP
    row: NDArray[np.int32]  # of the query in the queries of its transport
    says: dict[int, str] = field(default_factory=dict)  # its trouble in words, by position
    queries: dict[str, Queries] = field(default_factory=dict)

    def words(self, position: NDArray[np.int64]) -> pl.Series:
        """Return the trouble at each *position* in words; null where there is none."""
        told = [self.says.get(place) for place in position.tolist()] if self.says else [None] * len(position)
        return pl.Series(told, dtype=pl.String)

    @classmethod
    def of(cls, size: int) -> "_Attempt":
        asked, written, truncated = (np.zeros(size, np.bool_) for _ in range(3))
        replies, trouble = (np.zeros(size, np.uint8) for _ in range(2))
        return cls(asked, replies, written, trouble, truncated, np.full(size, -1, np.int32))


class Batch:
    """Questions on their way; makes queries, takes responses, gives rows (columns of the journal)."""

    def __init__(
        self, plan: Plan, questions: pl.DataFrame, *, care: Care | None = None, keep_wire: bool = False
    ) -> None:
        self.plan = plan
        self.questions = questions.sort("number")
        self.care = care
        self.keep_wire = keep_wire
        self.control = (self.questions["purpose"] == Purpose.CONTROL).to_numpy()
        self.number = self.questions["number"].to_numpy().astype(np.int64)
        self.resolver = plan.resolver_index(self.number)
        self.transport = np.array([str(resolver.transport) for resolver in plan.resolvers])
        self.endpoints = [
            Endpoint(entry.address, entry.port, entry.hostname, entry.path, entry.ca) for entry in plan.resolvers
        ]
        self.messages, self.message = self._encode()
        self.attempts: list[_Attempt] = []
        self.answered = np.zeros(len(self.number), np.bool_)
        self.failed = np.zeros(len(self.number), np.bool_)  # answered by an error that a limit of the rate may explain
        self.withheld = np.zeros(len(self.number), np.bool_)  # not asked, or not again: see ``Queries.withheld``
        self.spoke = [False] * len(plan.resolvers)
        self._rows: list[pl.DataFrame] = []

    @property
    def asked_count(self) -> int:
        """How many questions have been put at least once, so far."""
        if not self.attempts:
            return 0
        return sum(int(np.count_nonzero(queries.sent)) for queries in self.attempts[0].queries.values())

    @property
    def answered_count(self) -> int:
        """How many questions have a reply, so far."""
        return int(np.count_nonzero(self.answered))

    @property
    def pending(self) -> int:
        """How many rows wait to be kept."""
        return sum(frame.height for frame in self._rows)

    def wave(self, attempt: int, spoke: Sequence[bool]) -> dict[str, Queries]:
        """Return what to send for the *attempt*-th time, by transport: all, or what stayed silent so far.

        *spoke* says which resolvers have ever said anything: only these are asked again. Those that
        limit their rate are asked again, too, where they refused.
        """
        limited = self.failed & self.care.limits(self.resolver) if self.care is not None else self.failed & False
        open_ = (~self.answered | limited) & ~self.withheld
        if attempt:
            may_speak = np.array([old or new for old, new in zip(spoke, self.spoke, strict=True)], np.bool_)
            open_ &= may_speak[self.resolver]
        position = np.flatnonzero(open_)
        if not len(position):
            return {}
        state = _Attempt.of(len(self.number))
        self.attempts.append(state)
        state.asked[position] = True
        due = self._due(position, attempt)
        carried = self.transport[self.resolver[position]]
        for name in np.unique(carried).tolist():
            of_transport = carried == name
            state.queries[name] = self._queries(position[of_transport], due[of_transport], attempt)
            state.row[position[of_transport]] = np.arange(np.count_nonzero(of_transport))
        return state.queries

    def follow_up(self, attempt: int) -> Queries | None:
        """Return the queries to repeat over TCP because a reply over UDP was truncated (RFC 7766 5), if any."""
        position = np.flatnonzero(self.attempts[attempt].truncated)
        if not len(position):
            return None
        return self._queries(position, self._due(position, ATTEMPTS + attempt), attempt)

    def withhold(self, queries: Queries) -> None:
        """Take note of those of *queries* that were never sent.

        A question that was never asked has a row that says so; one that was asked before has its rows already.
        """
        for rows, words in queries.withheld:
            number, attempt = np.divmod(queries.number[rows], ATTEMPTS)
            position = np.searchsorted(self.number, number)
            for state in (self.attempts[index] for index in np.unique(attempt).tolist()):
                if all(queries is not other for other in state.queries.values()):
                    continue  # repeats over TCP of what was asked over UDP
                self.withheld[position] = True
                if state is self.attempts[0]:
                    state.says.update(dict.fromkeys(position.tolist(), words))
                else:
                    state.asked[position] = False

    def hear(self, name: str, responses: Responses) -> int:
        """Take in what came over the transport called *name*, to queries of any attempt; return how much was for it.

        What comes over TCP for an entry of UDP stands in place of its truncated reply. Responses to
        questions of another batch are passed over.
        """
        number = responses.number // ATTEMPTS
        position = np.searchsorted(self.number, number)
        known = self.number[np.minimum(position, len(self.number) - 1)] == number
        attempt = responses.number % ATTEMPTS
        own = self.transport[self.resolver[np.where(known, position, 0)]] == name
        for index in range(len(self.attempts)):
            for is_own in (True, False):
                mine = np.flatnonzero(known & (attempt == index) & (own == is_own))
                if len(mine):
                    self._hear(index, responses, mine, position[mine], name if is_own else None)
        return int(np.count_nonzero(known))

    def settled_rows(self) -> pl.DataFrame:
        """Return, once, the rows of questions that are answered, their earlier silences among them."""
        rows = pl.concat([pl.DataFrame(schema=SCHEMA), *self._rows])
        answered = pl.Series(self.number[self.answered].astype(np.uint64))
        settled = rows["number"].is_in(answered.implode())
        self._rows = [rows.filter(~settled)]
        return pl.concat([rows.filter(settled), *self._silences(settled=True)])

    def remaining_rows(self) -> pl.DataFrame:
        """Return all rows not yet returned: the batch is over, and silence is silence."""
        rows = pl.concat([pl.DataFrame(schema=SCHEMA), *self._rows, *self._silences(settled=False)])
        self._rows = []
        return rows

    def _encode(self) -> tuple[Messages, NDArray[np.int32]]:
        """Encode each distinct (qname, qtype, recursion) once; return the messages and each question's index."""
        recursion = np.array([entry.recursion for entry in self.plan.resolvers])[self.resolver]
        asked = self.questions.select("qname", "qtype", recursion=pl.Series(recursion, dtype=pl.Boolean))
        distinct = asked.unique(maintain_order=True).with_row_index("message")
        parts = []
        for recursive in (True, False):
            part = distinct.filter(pl.col("recursion") == recursive)
            parts.append(encode(part["qname"].to_list(), part["qtype"].to_list(), recursion=recursive))
        order = pl.concat([distinct.filter("recursion"), distinct.filter(~pl.col("recursion"))])
        place = np.empty(len(order), np.int32)
        place[order["message"].to_numpy()] = np.arange(len(order))
        index = asked.join(distinct, on=["qname", "qtype", "recursion"], how="left", maintain_order="left")["message"]
        return Messages.join(parts), place[index.to_numpy()]

    def _due(self, position: NDArray[np.int64], salt: int) -> NDArray[np.float64]:
        chosen = self.questions[position]
        paced = chosen if salt == 0 else self.plan.pace(chosen, salt=(salt << 32) + int(chosen["number"][0])).frame
        return paced["due"].to_numpy()

    def _queries(self, position: NDArray[np.int64], due: NDArray[np.float64], attempt: int) -> Queries:
        return Queries(
            number=self.number[position] * ATTEMPTS + attempt,
            endpoint=self.resolver[position].astype(np.int32),
            message=self.message[position],
            due=due,
            messages=self.messages,
            endpoints=self.endpoints,
            care=self.care,
            control=self.control[position],
            again=attempt > 0,
        )

    def _hear(
        self,
        attempt: int,
        responses: Responses,
        mine: NDArray[np.int64],
        position: NDArray[np.int64],
        name: str | None,
    ) -> None:
        """Take in the responses *mine*, to the queries of *attempt* at *position*, over *name*; None: their repeats."""
        state = self.attempts[attempt]
        trouble = responses.trouble[mine]
        state.trouble[position[trouble != Trouble.NONE]] = trouble[trouble != Trouble.NONE]
        if responses.says:
            told = zip(mine.tolist(), position.tolist(), strict=True)
            state.says.update((place, responses.says[row]) for row, place in told if row in responses.says)
        whole = trouble == Trouble.NONE
        mine, position = mine[whole], position[whole]
        if not len(mine):
            return
        for resolver in np.unique(self.resolver[position]).tolist():
            self.spoke[resolver] = True
        replies = responses.messages.take(mine)
        decoded = decode(self.messages, self.message[position], replies)
        if name is None:
            decoded = decoded.with_columns(tc=pl.lit(value=True))
        elif name == "udp":
            cut = decoded["tc"].fill_null(value=False).to_numpy()
            state.truncated[position[cut]] = True
            mine, position, decoded, replies = mine[~cut], position[~cut], decoded.filter(~cut), replies.take(~cut)
        silence = decoded["outcome"].is_in(SILENCES).to_numpy()
        at_fault = decoded["outcome"].is_in(LIMITING).to_numpy()
        self.failed[position] = at_fault & (self.failed[position] | ~self.answered[position])
        self.answered[position[~silence]] = True
        sent = state.queries[name or "udp"].sent[state.row[position]]
        facts = decoded.with_columns(
            attempt=pl.lit(attempt, dtype=pl.UInt8),
            reply=pl.Series(_count(state.replies, position)),
            asked_at=_time(sent),
            rtt=pl.Series(responses.rtt[mine] // 1000).cast(Observations.schema["rtt"]),
            wire=pl.Series(list(replies) if self.keep_wire else [None] * len(mine), dtype=pl.Binary),
        )
        self._rows.append(self._with_question(position, facts))

    def _silences(self, *, settled: bool) -> list[pl.DataFrame]:
        """Return a row for each time of asking that nothing came of, each once.

        While the batch goes on (*settled*), only those before the one that was answered.
        """
        rows = []
        for index, state in enumerate(self.attempts):
            quiet = state.asked & (state.replies == 0) & ~state.written
            if settled:
                later = np.zeros(len(self.number), np.bool_)
                for other in self.attempts[index + 1 :]:
                    later |= other.replies > 0
                quiet &= self.answered & later
            position = np.flatnonzero(quiet)
            if len(position):
                state.written[position] = True
                rows.append(self._silence(index, state, position))
        return rows

    def _silence(self, attempt: int, state: _Attempt, position: NDArray[np.int64]) -> pl.DataFrame:
        sent = np.zeros(len(position), np.int64)
        carried = self.transport[self.resolver[position]]
        for name, queries in state.queries.items():
            of_transport = carried == name
            sent[of_transport] = queries.sent[state.row[position[of_transport]]]
        facts = pl.DataFrame(
            {
                "asked_at": _time(sent),
                "attempt": pl.Series(np.full(len(position), attempt, np.uint8)),
                "outcome": OUTCOMES_OF_TROUBLE[state.trouble[position].astype(np.int64)],
                "tc": pl.Series(state.truncated[position]).set(pl.Series(~state.truncated[position]), None),
                "trouble": state.words(position),
            }
        )
        return self._with_question(position, facts)

    def _with_question(self, position: NDArray[np.int64], facts: pl.DataFrame) -> pl.DataFrame:
        """Return *facts* as rows of the journal: beside each, the question at *position*."""
        question = self.questions[position].select("number", "domain_set", "purpose", "qname", "qtype", "resolver")
        transport = pl.Series(self.transport[self.resolver[position]], dtype=pl.String).cast(TRANSPORT)
        rows = question.with_columns(facts, transport=transport)
        missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in SCHEMA.items() if name not in rows.columns]
        return rows.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def _count(replies: NDArray[np.uint8], position: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Count one more reply at each *position*; return how many came before it, at most 255."""
    order = np.argsort(position, kind="stable")
    first = np.searchsorted(position[order], position[order])
    before = np.empty(len(position), np.int64)
    before[order] = replies[position[order]] + np.arange(len(position)) - first
    before = np.minimum(before, np.iinfo(np.uint8).max)
    replies[position[order]] = np.minimum(before[order] + 1, np.iinfo(np.uint8).max)  # the last of equal ones counts
    return before.astype(np.uint8)


def _time(nanoseconds: NDArray[np.int64]) -> pl.Series:
    """Return times given in ns since 1970; 0, never sent, as null."""
    times = pl.Series(nanoseconds // 1000, dtype=pl.Int64)
    return times.set(pl.Series(nanoseconds == 0), None).cast(Observations.schema["asked_at"])
