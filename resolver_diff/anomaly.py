"""Comparisons + evidence -> the state and mechanism of every cell, and what changed between two dates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, reduce
from operator import or_

import polars as pl

from resolver_diff import _suspects as suspects
from resolver_diff import evidence, family
from resolver_diff._suspects import Past
from resolver_diff.compare import FILTERS, Comparison
from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.tables import CHANGE, MECHANISM, STATE, Change, Mechanism, Outcome, State

WRONG = (State.VANISHED, State.DIVERGENT)
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
    *mechanism*, and *found*: the evidence that applies, as bits in the order of ``reasons``.
    """

    date: date
    comparison: Comparison
    cells: pl.DataFrame


@cache
def reasons() -> dict[str, Evidence]:
    """Return every piece of evidence by name."""
    return family.members(evidence, "EVIDENCE", Evidence)


def judge(comparison: Comparison, stubs: pl.DataFrame, past: Sequence[Past]) -> Judged:
    """Judge every cell of one date.

    *stubs* are the addresses and CNAME targets that stand for unrelated names, on any of the
    dates compared; *past* is what earlier dates say, oldest first.
    """
    cells = comparison.cells.with_columns(apparent=apparent())
    cells = suspects.suspect(cells, comparison, stubs, past)
    cells = cells.with_columns(found=_found())
    cells = cells.with_columns(state=_state())
    cells = cells.with_columns(mechanism=_mechanism())
    return Judged(comparison.date, comparison, cells)


def apparent() -> pl.Expr:
    """Return the state of a cell next to the consensus, before any evidence."""
    kind, consensus = pl.col("kind"), pl.col("consensus")
    elsewhere = pl.col("cname").is_not_null() & ~pl.col("shares_cname") & (kind == "denial")
    denied = consensus.is_in(["nxdomain", "nodata"])
    return (
        pl.when((consensus == "answer") & ((kind == "answer") | elsewhere))
        .then(pl.lit(State.DIVERGENT))
        .when(consensus == "answer")
        .then(pl.lit(State.VANISHED))
        .when(denied & (kind == "answer"))
        .then(pl.lit(State.DIVERGENT))
        .when((consensus == "nxdomain") & (kind == "denial"))
        .then(pl.lit(State.GONE))
        .when((consensus == "nodata") & (kind == "denial"))
        .then(pl.lit(State.AGREES))
        .when((consensus == "failure") & kind.is_in(["failure", "silence"]))
        .then(pl.lit(State.GONE))
        .otherwise(pl.lit(State.INSUFFICIENT))
        .cast(STATE)
    )


def _applies(reason: Evidence) -> pl.Expr:
    about = {
        Claim.VANISHED: pl.col("apparent") == State.VANISHED,
        Claim.DIVERGENT: pl.col("apparent") == State.DIVERGENT,
        Claim.EITHER: pl.col("apparent").is_in([str(one) for one in WRONG]),
        Claim.RESOLVER: pl.lit(value=True),
    }
    return (about[reason.claim] & reason.when).fill_null(value=False)


def _found() -> pl.Expr:
    """Return the evidence that applies to a cell as bits, in the order of ``reasons``."""
    bits = [_applies(reason).cast(pl.UInt64) * (1 << place) for place, reason in enumerate(reasons().values())]
    return reduce(or_, bits)


def _any(*wanted: str) -> pl.Expr:
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
    return _any(*names)


def _state() -> pl.Expr:
    """Let the evidence decide."""
    return (
        pl.when(_deciding(Bearing.WEAKENS, about_resolver=True))
        .then(pl.lit(State.INSUFFICIENT))
        .when(_deciding(Bearing.WEAKENS, State.AGREES))
        .then(pl.lit(State.AGREES))
        .when(_deciding(Bearing.WEAKENS, State.GONE))
        .then(pl.lit(State.GONE))
        .when(_deciding(Bearing.WEAKENS, State.INSUFFICIENT))
        .then(pl.lit(State.INSUFFICIENT))
        .when((pl.col("apparent") == State.DIVERGENT) & ~_deciding(Bearing.SUPPORTS))
        .then(pl.lit(State.INSUFFICIENT))
        .otherwise(pl.col("apparent"))
        .cast(STATE)
    )


def _mechanism() -> pl.Expr:
    """Say by what a wrong cell is wrong."""
    wrong = pl.col("state").is_in([str(one) for one in WRONG])
    by_outcome = pl.col("outcome").replace_strict(MECHANISMS, default=Mechanism.TIMEOUT, return_dtype=MECHANISM)
    answers = (
        pl.when(pl.col("bogon"))
        .then(pl.lit(Mechanism.BOGON))
        .when(_any("common_answer", "common_target", "canary_address"))
        .then(pl.lit(Mechanism.STUB))
        .otherwise(pl.lit(Mechanism.FORGED))
    )
    replaced = pl.col("bogon") | _any("common_answer", "common_target")
    filtered = pl.col("policy").is_in(FILTERS) & ((pl.col("kind") == "denial") | replaced)
    return (
        pl.when(~wrong)
        .then(None)
        .when(pl.col("declared") | filtered)
        .then(pl.lit(Mechanism.POLICY))
        .when(_any("second_reply"))
        .then(pl.lit(Mechanism.INJECTED))
        .when(pl.col("state") == State.VANISHED)
        .then(by_outcome.cast(pl.String))
        .otherwise(answers)
        .cast(MECHANISM)
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


def changes(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Return the cells of both dates whose change is news, and *change*; columns of *before* end in _before.

    A cell that could not be judged before (its resolver ill, its loss explained by chance) and one that
    the controls lost as well are no ground to say that anything changed.
    """
    kept = ["key", "state", "mechanism", "outcome", "kind", "answer", "cname", "found"]
    both = after.join(before.select(*kept, "known_on"), on="key", suffix="_before")
    news = both.with_columns(change=_change()).filter(pl.col("change").is_not_null())
    # what speaks for a return is what spoke for the loss; on the later date nothing is left to be explained
    came_back = pl.col("change").is_in([Change.REAPPEARED, Change.CONVERGED])
    return news.with_columns(found=pl.when(came_back).then("found_before").otherwise("found")).sort("key")


def _change() -> pl.Expr:
    before, after = pl.col("state_before"), pl.col("state")
    wrong, was_wrong = (state.is_in([str(one) for one in WRONG]) for state in (after, before))
    answered = pl.col("kind_before") == "answer"
    # only an answer can vanish: where all said NODATA before and the owner has added a record, a cache lags
    was_there = ((before == State.AGREES) & (answered | (after == State.DIVERGENT))) | (
        (before == State.INSUFFICIENT) & answered & ~_about_resolver("found_before")
    )
    # a foreign answer that nothing convicts is no return, unless it was here before or others abroad have it;
    # and the same answer as then, only that nothing convicts it today, is not another one
    another_answer = (pl.col("kind") == "answer") & pl.col("answer").ne_missing(pl.col("answer_before"))
    known_answer = another_answer & (pl.col("seen_before") | (pl.col("others_giving") > 0))
    agrees = (after == State.AGREES) & ((pl.col("kind") == "answer") | (before == State.DIVERGENT))
    is_there = agrees | ((after == State.INSUFFICIENT) & known_answer & ~_about_resolver("found"))
    # silence after a denial is no news, and neither is it after a failure: the name is as lost as it was
    quieter = (before == State.VANISHED) & (pl.col("mechanism") == Mechanism.TIMEOUT)
    another = (pl.col("mechanism") != pl.col("mechanism_before")) | (before != after)
    return (
        pl.when(wrong & was_there)
        .then(pl.when(after == State.VANISHED).then(pl.lit(Change.VANISHED)).otherwise(pl.lit(Change.DIVERGED)))
        .when(was_wrong & is_there)
        .then(pl.when(before == State.VANISHED).then(pl.lit(Change.REAPPEARED)).otherwise(pl.lit(Change.CONVERGED)))
        .when(wrong & was_wrong & another & ~quieter)
        .then(pl.lit(Change.MECHANISM_CHANGED))
        .cast(CHANGE)
    )


def _about_resolver(column: str) -> pl.Expr:
    mask = sum(1 << place for place, reason in enumerate(reasons().values()) if reason.claim is Claim.RESOLVER)
    return (pl.col(column) & pl.lit(mask, pl.UInt64)) > 0


def standing(today: pl.DataFrame, earlier: Sequence[Past]) -> pl.DataFrame:
    """Return the cells that are wrong today, with *change*; a filter that does as it always did is left out.

    Where no earlier date has the cell, a filter is taken to have done so always.
    """
    wrong = today.filter(pl.col("state").is_in([str(one) for one in WRONG]))
    filtered = _any("policy_filter") & (pl.col("mechanism") == Mechanism.POLICY)
    was_wrong = pl.col("state").is_in([str(one) for one in WRONG])
    known = [
        day.cells.filter(was_wrong | (pl.col("kind") == "answer")).select("key", was_right=~was_wrong)
        for day in earlier
    ]
    if known:
        last = pl.concat(known).unique("key", keep="last", maintain_order=True)
        wrong = wrong.join(last, on="key", how="left", maintain_order="left")
    else:
        wrong = wrong.with_columns(was_right=pl.lit(value=False))
    change = pl.when(pl.col("state") == State.VANISHED).then(pl.lit(Change.VANISHED)).otherwise(pl.lit(Change.DIVERGED))
    wrong = wrong.filter(~filtered | pl.col("was_right").fill_null(value=False)).drop("was_right")
    return wrong.with_columns(change=change.cast(CHANGE)).sort("key")
