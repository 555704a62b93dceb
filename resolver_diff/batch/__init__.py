"""One batch of questions in flight: what was asked, what was heard, what is still open.

State is kept in arrays by position, one place per question: a late or second
reply cannot add a question, and nothing can be counted twice. No sockets and no
clock here: queries go out and responses come in as columns.
"""

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff.batch.entries import entries_of
from resolver_diff.batch.heard import Answers, Attempt, count
from resolver_diff.batch.texts import Texts
from resolver_diff.journal import SCHEMA
from resolver_diff.journal.alike import ATTEMPTS, alike
from resolver_diff.plan import Plan
from resolver_diff.tables import OUTCOME, Observations, Outcome, Purpose
from resolver_diff.transports import Care, Queries, Responses, Trouble
from resolver_diff.wire import HEADER, Messages
from resolver_diff.wire.decode import TC, Decoder
from resolver_diff.wire.encode import encode
from resolver_diff.wire.reading import RCODE

FEW_RUNS = 16
REPEATS = 4  # replies to each message, from which on it pays to remember one of them
LARGE_OCTETS, LARGE_ROWS = 1 << 24, 1 << 16
LIMITING = np.zeros(16, np.bool_)  # by RCODE
LIMITING[[2, 5]] = True  # SERVFAIL, REFUSED
OUTCOME_OF_TROUBLE = {
    Trouble.NONE: Outcome.TIMEOUT,  # no message and no trouble: silence
    Trouble.UNREACHABLE: Outcome.UNREACHABLE,
    Trouble.TLS: Outcome.TLS_ERROR,
    Trouble.HTTP: Outcome.HTTP_ERROR,
    Trouble.MALFORMED: Outcome.MALFORMED,
    Trouble.SILENT: Outcome.TIMEOUT,
}
OUTCOMES_OF_TROUBLE = pl.Series([OUTCOME_OF_TROUBLE[trouble] for trouble in sorted(Trouble)], dtype=OUTCOME)


class Batch:
    """Questions on their way; makes queries, takes responses, gives rows (columns of the journal)."""

    def __init__(
        self, plan: Plan, questions: pl.DataFrame, *, care: Care | None = None, keep_wire: bool = False
    ) -> None:
        self.plan = plan
        self.questions = questions if questions["number"].is_sorted() else questions.sort("number")
        self.care = care
        self.keep_wire = keep_wire
        self.control = (self.questions["purpose"] == Purpose.CONTROL).to_numpy()
        self.number = self.questions["number"].to_numpy().astype(np.int64)
        self._runs = np.flatnonzero(np.diff(self.number, prepend=-2) != 1)  # where numbers without a gap begin
        self.resolver = plan.resolver_index(self.number)
        self._entries = entries_of(plan)
        self.transport = self._entries.transport
        self._texts = {name: Texts.of(self.questions[name]) for name in ("domain_set", "qname", "qtype")}
        self._texts["resolver"] = Texts(self._entries.name[self.resolver], self._entries.names)
        self.messages, self.message = self._encode()
        self.attempts: list[Attempt] = []
        self.answered = np.zeros(len(self.number), np.bool_)
        self.failed = np.zeros(len(self.number), np.bool_)  # answered by an error that a limit of the rate may explain
        self.withheld = np.zeros(len(self.number), np.bool_)  # not asked, or not again: see ``Queries.withheld``
        self.spoke = np.zeros(len(plan.resolvers), np.bool_)
        self._mark = np.empty(len(self.number), np.int32)  # for ``count``
        self._decoder = self._new_decoder()
        self._answers = Answers(len(self.number))
        self._rows: list[pl.DataFrame] = []  # what is no first reply, or is kept whole
        self._order: NDArray[np.int64] | None = None

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
    def is_large(self) -> bool:
        """Whether the rows that wait to be kept take up so much memory that they should be written now."""
        return self._decoder.octets > LARGE_OCTETS or sum(frame.height for frame in self._rows) > LARGE_ROWS

    def wave(self, attempt: int, spoke: NDArray[np.bool_]) -> dict[str, Queries]:
        """Return what to send for the *attempt*-th time, by transport: all, or what stayed silent so far.

        *spoke* says which resolvers have ever said anything: only these are asked again. Those that
        limit their rate are asked again, too, where they refused.
        """
        limited = self.failed & self.care.limits(self.resolver) if self.care is not None else self.failed & False
        open_ = (~self.answered | limited) & ~self.withheld
        if attempt:
            open_ &= (spoke | self.spoke)[self.resolver]
        position = np.flatnonzero(open_)
        if not len(position):
            return {}
        state = Attempt.of(len(self.number))
        self.attempts.append(state)
        state.asked[position] = True
        due = self._due(position, attempt)
        for name in self._entries.transports:
            of_transport = (self.transport == name)[self.resolver[position]]
            if not of_transport.any():
                continue
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
        attempt = responses.number - number * ATTEMPTS
        position = self._position(number)
        known = self.number[position] == number
        own = (self.transport == name)[self.resolver[position]]
        if len(self.attempts) == 1 and (known & own & (attempt == 0)).all():  # as is mostly so
            self._hear(0, responses, slice(None), position, name)
            return len(responses)
        for index in range(len(self.attempts)):
            for is_own in (True, False):
                mine = np.flatnonzero(known & (attempt == index) & (own == is_own))
                if len(mine):
                    self._hear(index, responses, mine, position[mine], name if is_own else None)
        return int(np.count_nonzero(known))

    def _position(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where each question *number* stands in the batch, or would stand."""
        last = len(self.number) - 1
        if len(self._runs) > FEW_RUNS:
            found = np.searchsorted(self.number, number)
        else:  # a search among all numbers would miss the processor's cache
            run = self._runs[np.searchsorted(self.number[self._runs], number, "right") - 1]
            found = run + number - self.number[run]
        position: NDArray[np.int64] = np.clip(found, 0, last)
        return position

    def settled_rows(self) -> pl.DataFrame:
        """Return, once, the rows of questions that are answered, their earlier silences among them."""
        rows = pl.concat([pl.DataFrame(schema=SCHEMA), *self._rows])
        answered = pl.Series(self.number[self.answered].astype(np.uint64))
        settled = rows["number"].is_in(answered.implode())
        self._rows = [rows.filter(~settled)]
        parts = [self._answered_rows(), rows.filter(settled), *self._silences(settled=True)]
        return pl.concat([part.cast(SCHEMA) for part in parts])

    def remaining_rows(self) -> tuple[pl.DataFrame, bool]:
        """Return all rows not yet returned, and whether they are in the order of a snapshot.

        The batch is over, and silence is silence. Texts are categories.
        """
        parts = [self._answered_rows(), *self._rows, *self._silences(settled=False)]
        self._rows = []
        if len(parts) == 1:
            return parts[0], True
        return alike(parts, SCHEMA), False

    def _answered_rows(self) -> pl.DataFrame:
        """Return, once, the rows of the first replies, in the order of a snapshot; their texts are categories."""
        answers, decoder = self._answers, self._decoder
        position = self._ordered(answers.there)
        if decoder.octets > LARGE_OCTETS:
            self._decoder = self._new_decoder()
        if not len(position):
            return pl.DataFrame(schema=SCHEMA)
        attempt, sent, rtt, decoded = answers.take(position)
        facts = decoder.frame(decoded, categories=True).with_columns(
            attempt=pl.Series(attempt),
            reply=pl.Series(np.zeros(len(position), np.uint8)),
            asked_at=_time(sent),
            rtt=_interval(rtt),
        )
        return self._beside_question(position, facts)

    def _ordered(self, there: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the positions that are *there* in the order of a snapshot, so that nothing is left to sort."""
        if self._order is None:
            order = self._entries.rank[self.resolver]
            for name in ("qtype", "qname", "domain_set"):
                order = order + self._texts[name].rank() * (int(order.max(initial=0)) + 1)
            count = len(order)
            if int(order.max(initial=0)) < (1 << 62) // max(1, count):  # a sort of numbers, each of which has its place
                self._order = np.sort(order * count + np.arange(count)) % max(1, count)
            else:
                self._order = np.argsort(order, kind="stable")
        return self._order[there[self._order]]

    def _new_decoder(self) -> Decoder:
        return Decoder(repeats=len(self.number) >= REPEATS * len(self.messages))

    def _encode(self) -> tuple[Messages, NDArray[np.int32]]:
        """Encode each distinct (qname, qtype, recursion) once; return the messages and each question's index."""
        recursion = self._entries.recursion[self.resolver]
        qname, qtype = self._texts["qname"], self._texts["qtype"]
        names, types = max(1, len(qname.each)), max(1, len(qtype.each))
        key = (recursion * types + qtype.which) * names + qname.which
        used = np.zeros(2 * types * names, np.bool_)
        used[key] = True
        distinct = np.flatnonzero(used)
        parts = []
        for recursive in (False, True):
            of_part = distinct[distinct // (types * names) == recursive]
            of_type = of_part // names % types
            texts = qname.each.gather(of_part % names).to_list(), qtype.each.gather(of_type).to_list()
            parts.append(encode(*texts, recursion=recursive))
        return Messages.join(parts), (np.cumsum(used, dtype=np.int32) - 1)[key]

    def _due(self, position: NDArray[np.int64], salt: int) -> NDArray[np.float64]:
        if salt == 0:
            return self.questions["due"].to_numpy()[position]
        chosen = self.questions[position]
        return self.plan.pace(chosen, salt=(salt << 32) + int(chosen["number"][0])).frame["due"].to_numpy()

    def _queries(self, position: NDArray[np.int64], due: NDArray[np.float64], attempt: int) -> Queries:
        return Queries(
            number=self.number[position] * ATTEMPTS + attempt,
            endpoint=self.resolver[position].astype(np.int32),
            message=self.message[position],
            due=due,
            messages=self.messages,
            endpoints=self._entries.endpoints,
            care=self.care,
            control=self.control[position],
            again=attempt > 0,
        )

    def _hear(
        self,
        attempt: int,
        responses: Responses,
        mine: NDArray[np.int64] | slice,
        position: NDArray[np.int64],
        name: str | None,
    ) -> None:
        """Take in the responses *mine*, to the queries of *attempt* at *position*, over *name*; None: their repeats."""
        state = self.attempts[attempt]
        if responses.trouble[mine].any() or responses.says:
            mine = np.arange(len(responses))[mine]
            whole = state.meet(responses, mine, position)
            mine, position = mine[whole], position[whole]
        if not len(position):
            return
        self.spoke[self.resolver[position]] = True
        replies = responses.messages.take(mine)
        decoded = self._decoder.read(self.messages, self.message[position], replies, responses.echoed[mine])
        if name is None:
            decoded = replace(decoded, flags=decoded.flags | np.uint16(TC))
        elif name == "udp":
            cut = (decoded.size >= HEADER) & ((decoded.flags & TC) != 0)
            state.truncated[position[cut]] = True
            if cut.any():
                mine = np.arange(len(responses))[mine][~cut]
                position, decoded, replies = position[~cut], decoded.take(~cut), replies.take(~cut)
        whole = ~decoded.malformed
        self._note_failures(position, LIMITING[decoded.flags & RCODE] & whole)
        sent = state.queries[name or "udp"].sent[state.row[position]]
        nth = count(state.replies, position, self._mark)
        first = whole & (nth == 0) & ~self.answered[position] & (not self.keep_wire)
        self.answered[position[whole]] = True
        rtt = responses.rtt[mine]
        if first.all():
            self._answers.put(position, attempt, sent, rtt, decoded)
            return
        self._answers.put(position[first], attempt, sent[first], rtt[first], decoded.take(first))
        other = ~first
        when = {"asked_at": _time(sent[other]), "rtt": _interval(rtt[other])}
        facts = self._decoder.frame(decoded.take(other)).with_columns(
            attempt=pl.lit(attempt, dtype=pl.UInt8), reply=pl.Series(nth[other]), **when
        )
        self._put(position[other], facts, replies.take(other))

    def _put(self, position: NDArray[np.int64], facts: pl.DataFrame, replies: Messages) -> None:
        """Keep *facts*, a row for each reply to the questions at *position*."""
        if self.keep_wire:
            facts = facts.with_columns(wire=pl.Series(list(replies), dtype=pl.Binary))
        self._rows.append(self._with_question(position, facts))

    def _note_failures(self, position: NDArray[np.int64], at_fault: NDArray[np.bool_]) -> None:
        """Note which questions at *position* got an error that a limit may explain, and nothing better before."""
        if at_fault.any() or self.failed.any():
            self.failed[position] = at_fault & (self.failed[position] | ~self.answered[position])

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

    def _silence(self, attempt: int, state: Attempt, position: NDArray[np.int64]) -> pl.DataFrame:
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
        return self._beside_question(position, facts)

    def _with_question(self, position: NDArray[np.int64], facts: pl.DataFrame) -> pl.DataFrame:
        """Return *facts* as rows of the journal: beside each, the question at *position*."""
        return self._beside_question(position, facts).cast(SCHEMA)

    def _beside_question(self, position: NDArray[np.int64], facts: pl.DataFrame) -> pl.DataFrame:
        """Do so with texts as categories, those of *facts* as they are."""
        found = {column.name: column for column in facts}
        found |= {name: texts.at(position) for name, texts in self._texts.items()}
        found |= {name: self.questions[name].gather(position) for name in ("number", "purpose", "repeat")}
        found["transport"] = self._entries.carried.gather(self.resolver[position])
        columns = []  # a frame's schema is not asked for: of thousands of categories it takes a millisecond to tell
        for name, dtype in SCHEMA.items():
            if name not in found:
                columns.append(pl.Series(name, [None], dtype=dtype).new_from_index(0, len(position)))
            elif isinstance(dtype, pl.String | pl.Enum):
                columns.append(found[name].alias(name))
            else:
                columns.append(found[name].cast(dtype).alias(name))
        return pl.DataFrame(columns)


def _interval(nanoseconds: NDArray[np.int64]) -> pl.Series:
    return pl.Series(nanoseconds // 1000).cast(Observations.schema["rtt"])


def _time(nanoseconds: NDArray[np.int64]) -> pl.Series:
    """Return times given in ns since 1970; 0, never sent, as null."""
    times = pl.Series(nanoseconds // 1000, dtype=pl.Int64)
    return times.set(pl.Series(nanoseconds == 0), None).cast(Observations.schema["asked_at"])
