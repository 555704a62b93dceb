"""Comparisons + evidence -> the state and mechanism of every cell, and what changed between two dates."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, reduce
from operator import or_
from typing import Self

import polars as pl
import polars.selectors as cs

from resolver_diff import evidence, family
from resolver_diff.anomaly import coverage, memory, suspects
from resolver_diff.anomaly.memory import WRONG, Past, is_part_of_more, is_wrong
from resolver_diff.compare import FILTERS, Comparison
from resolver_diff.compare.stubs import worst
from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.tables import CHANGE, MECHANISM, STATE, Change, Coverage, Mechanism, Outcome, State

__all__ = ["WRONG", "Dates", "Judged", "Past", "changes", "has_any", "judge", "reasons", "standing", "told"]

MECHANISMS = {
    Outcome.NXDOMAIN: Mechanism.NXDOMAIN,
    Outcome.NODATA: Mechanism.NODATA,
    Outcome.SERVFAIL: Mechanism.SERVFAIL,
    Outcome.REFUSED: Mechanism.REFUSED,
    Outcome.OTHER_RCODE: Mechanism.REFUSED,  # NOTIMP, FORMERR: it does not want to
}


@dataclass(frozen=True, slots=True)
class Judged:
    """One date, judged.

    *cells* has the columns of the comparison, those named in ``evidence.COLUMNS``, *state*,
    *mechanism*, and *found*: the evidence that applies, as bits in the order of ``reasons``. *past* is what was
    known of the dates before. *coverage* says where many fewer cells than usual could be judged.
    """

    date: date
    comparison: Comparison
    cells: pl.DataFrame
    past: Past
    coverage: Coverage = field(default_factory=Coverage.empty)

    def only(self, columns: Collection[str]) -> Self:
        """Return it with these columns of the cells only: what led to a verdict takes more memory than the verdict.

        Of the past nothing is left.
        """
        comparison = replace(self.comparison, cells=self.comparison.cells.clear())
        cells = self.cells.select(cs.by_name(*columns, require_all=False))
        return replace(self, comparison=comparison, cells=cells, past=Past.nothing())


@cache
def reasons() -> dict[str, Evidence]:
    """Return every piece of evidence by name."""
    return family.members(evidence, "EVIDENCE", Evidence)


def judge(comparison: Comparison, stubs: pl.DataFrame, past: Past) -> Judged:
    """Judge every cell of one date.

    *stubs* are the addresses and CNAME targets that stand for unrelated names, on any of the
    dates compared; *past* is what is known of the dates before.
    """
    cells = suspects.suspect(comparison.cells, comparison, stubs, past)
    cells = cells.with_columns(found=_found())
    cells = cells.with_columns(state=_state())
    cells = cells.with_columns(mechanism=_mechanism())
    return Judged(comparison.date, comparison, cells, past)


class Dates:
    """Dates judged one after the other, each by what the ones before it showed.

    A token that stands for unrelated names on one date condemns the same token at the same resolver on the
    ones after it, and on those before it that are judged later: a block page that is recognised today was one
    yesterday.
    """

    def __init__(self) -> None:
        self.past = Past.nothing()
        self._stubs: pl.DataFrame | None = None
        self._coverage = coverage.Dates()

    def mark(self, comparison: Comparison) -> None:
        """Learn from a date which tokens stand for unrelated names; it is judged now or later."""
        mine = comparison.stubs
        self._stubs = mine if self._stubs is None else worst([self._stubs, mine])

    def judge(self, comparison: Comparison) -> Judged:
        """Judge a date that was marked."""
        assert self._stubs is not None, "mark() comes first"
        found = judge(comparison, self._stubs, self.past)
        drops = self._coverage.add(comparison.date, comparison.vantage, found.cells, comparison.entries)
        return replace(found, coverage=drops)

    def remember(self, judged: Judged) -> None:
        """Keep of a date what the ones after it will want to know."""
        self.past = memory.remember(judged.comparison, judged.cells, self.past)


def _applies(reason: Evidence) -> pl.Expr:
    about = {
        Claim.VANISHED: pl.col("apparent") == State.VANISHED,
        Claim.DIVERGENT: pl.col("apparent") == State.DIVERGENT,
        Claim.EITHER: is_wrong("apparent"),
        Claim.RESOLVER: pl.lit(value=True),
    }
    return (about[reason.claim] & reason.when).fill_null(value=False)


@cache
def _found() -> pl.Expr:
    """Return the evidence that applies to a cell as bits, in the order of ``reasons``."""
    none = pl.lit(0, pl.UInt64)
    bits = [
        pl.when(_applies(reason)).then(pl.lit(1 << place, pl.UInt64)).otherwise(none)
        for place, reason in enumerate(reasons().values())
    ]
    return reduce(or_, bits)


def has_any(*wanted: str) -> pl.Expr:
    """Tell whether any of the evidence named applies."""
    mask = sum(1 << place for place, name in enumerate(reasons()) if name in wanted)
    return (pl.col("found") & pl.lit(mask, pl.UInt64)) > 0


def _deciding(bearing: Bearing, leaves: State | None = None, *, about_resolver: bool = False) -> pl.Expr:
    names = [
        name
        for name, reason in reasons().items()
        if reason.decides
        and reason.bearing is bearing
        and (reason.claim is Claim.RESOLVER) is about_resolver
        and (leaves is None or reason.leaves is leaves)
    ]
    return has_any(*names)


@cache
def _state() -> pl.Expr:
    """Let the evidence decide."""
    return (
        pl.when(_deciding(Bearing.WEAKENS, about_resolver=True))
        .then(pl.lit(State.INSUFFICIENT, STATE))
        .when(_deciding(Bearing.WEAKENS, State.AGREES))
        .then(pl.lit(State.AGREES, STATE))
        .when(_deciding(Bearing.WEAKENS, State.GONE))
        .then(pl.lit(State.GONE, STATE))
        .when(_deciding(Bearing.WEAKENS, State.INSUFFICIENT))
        .then(pl.lit(State.INSUFFICIENT, STATE))
        .when((pl.col("apparent") == State.DIVERGENT) & ~_deciding(Bearing.SUPPORTS))
        .then(pl.lit(State.INSUFFICIENT, STATE))
        .otherwise(pl.col("apparent"))
    )


@cache
def _mechanism() -> pl.Expr:
    """Say by what a wrong cell is wrong."""
    by_outcome = pl.col("outcome").replace_strict(MECHANISMS, default=Mechanism.TIMEOUT, return_dtype=MECHANISM)
    by_outcome = pl.when("referral").then(pl.lit(Mechanism.REFUSED, MECHANISM)).otherwise(by_outcome)
    answers = (
        pl.when(pl.col("bogon"))
        .then(pl.lit(Mechanism.BOGON, MECHANISM))
        .when(has_any("known_page"))
        .then(pl.lit(Mechanism.BLOCKPAGE, MECHANISM))
        .when(has_any("common_answer", "common_target", "canary_address"))
        .then(pl.lit(Mechanism.STUB, MECHANISM))
        .otherwise(pl.lit(Mechanism.FORGED, MECHANISM))
    )
    replaced = pl.col("bogon") | has_any("common_answer", "common_target", "known_page")
    filtered = pl.col("policy").is_in(FILTERS) & ((pl.col("kind") == "denial") | replaced)
    return (
        pl.when(~is_wrong())
        .then(None)
        .when(pl.col("declared") | filtered)
        .then(pl.lit(Mechanism.POLICY, MECHANISM))
        .when(has_any("second_reply"))
        .then(pl.lit(Mechanism.INJECTED, MECHANISM))
        .when(pl.col("state") == State.VANISHED)
        .then(by_outcome)
        .otherwise(answers)
    )


def told(cells: pl.DataFrame) -> pl.DataFrame:
    """Replace *found* by the names of the evidence: *evidence_for* and *evidence_against*, lists, sorted."""
    lists = [
        (
            mask,
            *(
                [
                    name
                    for place, (name, one) in enumerate(reasons().items())
                    if mask >> place & 1 and one.bearing is bearing
                ]
                for bearing in (Bearing.SUPPORTS, Bearing.WEAKENS)
            ),
        )
        for mask in cells["found"].unique()
    ]
    schema = {"found": pl.UInt64(), "evidence_for": pl.List(pl.String()), "evidence_against": pl.List(pl.String())}
    named = pl.DataFrame(lists, schema=schema, orient="row")
    return cells.join(named, on="found", how="left", maintain_order="left").drop("found")


def changes(before: Judged, known: Past, after: pl.DataFrame) -> pl.DataFrame:
    """Return the cells of *after* whose change is news, and *change*.

    *outcome_before* and *answer_before* are those of *before*, the date compared. What counts as the state
    before is how the cell stood when it could last be told, on that date or an earlier one, as
    *known* has it: columns *was*, *was_mechanism*, *was_on*.
    """
    stood = known.cells.filter(pl.col("was").is_not_null() & (pl.col("was") != State.GONE))
    stood = stood.select("key", "was", "was_answered", "was_mechanism", "was_found", "was_on")
    then = before.cells.select("key", outcome_before="outcome", answer_before="answer")
    both = after.filter(~is_part_of_more()).join(stood, on="key").filter(is_wrong() | is_wrong("was"))
    both = both.join(then, on="key", how="left").with_columns(change=_change())
    news = both.filter(pl.col("change").is_not_null())
    # what speaks for a return is what spoke for the loss; on the later date nothing is left to be explained
    came_back = pl.col("change").is_in([Change.REAPPEARED, Change.CONVERGED])
    return news.with_columns(found=pl.when(came_back).then("was_found").otherwise("found")).sort("key")


def _change() -> pl.Expr:
    before, after = pl.col("was"), pl.col("state")
    # the same answer as then, only that nothing convicts it today, is not another one
    another_answer = (pl.col("kind") == "answer") & pl.col("answer").ne_missing(pl.col("answer_before"))
    # a name that the controls lost too did not come back; an answer made up for it is gone all the same
    agrees = (after == State.AGREES) & ((pl.col("kind") == "answer") | (before == State.DIVERGENT))
    is_there = agrees | (memory.returns() & another_answer & ~pl.col("unfit"))
    # silence after a denial is no news, and neither is it after a failure: the name is as lost as it was
    quieter = (before == State.VANISHED) & (pl.col("mechanism") == Mechanism.TIMEOUT)
    another = (pl.col("mechanism") != pl.col("was_mechanism")) | (before != after)
    return (
        pl.when((after == State.VANISHED) & (before == State.AGREES) & pl.col("was_answered"))
        .then(pl.lit(Change.VANISHED))
        .when((after == State.DIVERGENT) & (before == State.AGREES))
        .then(pl.lit(Change.DIVERGED))
        .when(is_wrong("was") & is_there)
        .then(pl.when(before == State.VANISHED).then(pl.lit(Change.REAPPEARED)).otherwise(pl.lit(Change.CONVERGED)))
        .when(is_wrong() & is_wrong("was") & another & ~quieter)
        .then(pl.lit(Change.MECHANISM_CHANGED))
        .cast(CHANGE)
    )


def standing(today: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Return the cells that are wrong today, with *change*; a filter that does as it always did is left out.

    Where no earlier date has the cell, a filter is taken to have done so always.
    """
    wrong = today.filter(is_wrong() & ~is_part_of_more())
    filtered = has_any("policy_filter") & (pl.col("mechanism") == Mechanism.POLICY)
    wrong = wrong.join(past.cells.select("key", "was_right"), on="key", how="left", maintain_order="left")
    change = pl.when(pl.col("state") == State.VANISHED).then(pl.lit(Change.VANISHED)).otherwise(pl.lit(Change.DIVERGED))
    wrong = wrong.filter(~filtered | pl.col("was_right").fill_null(value=False)).drop("was_right")
    return wrong.with_columns(change=change.cast(CHANGE)).sort("key")
