"""How much was compared, how much could not be judged, and why: each cell for one reason, so that the sums agree."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from resolver_diff import evidence, family
from resolver_diff.diff import Diff
from resolver_diff.evidence import Bearing, Claim, Evidence
from resolver_diff.tables import DENIALS, Condition, Outcome, State

CELL = ("qname", "qtype", "resolver", "transport")
SAID = ("outcome", "answer")
NO_CONSENSUS = "no_consensus"
CONTROLS_FAIL = "controls_fail"
NO_REPLY = "no_reply"
NO_EVIDENCE = "no_evidence"
AS_CONTROLS = "as_controls"
WITHOUT_EVIDENCE = {
    NO_CONSENSUS: "fewer than two other control operators answered, or they do not agree",
    CONTROLS_FAIL: "the controls fail themselves",
    NO_REPLY: "no answer, where the controls deny the name",
    NO_EVIDENCE: "different from the controls, no evidence either way",
    AS_CONTROLS: "the controls say the same",
}


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over the cells that a diff compared: those of both dates, or of the one."""

    cells: int
    names: int
    resolvers: int
    unjudged: int  # cells that were insufficient on one of the dates
    cleared: dict[str, int]  # reason -> cells that say something else than before, and are right all the same
    kept: dict[str, int]  # reason -> cells that could not be judged; together they are *unjudged*

    @classmethod
    def of(cls, diff: Diff) -> "Tally":
        """Count the cells of *diff*; what keeps a cell from being judged on the later date comes first."""
        cells = diff.cells.with_columns(reason=_reason())
        after = cells.filter(pl.col("date") == diff.date_after)
        if diff.date_before is None:
            pairs = after.with_columns(was="state", reason_before="reason", other=pl.lit(value=False))
        else:
            before = cells.filter(pl.col("date") == diff.date_before)
            before = before.select(*CELL, was="state", reason_before="reason", said_before=pl.struct(SAID))
            pairs = after.join(before, on=CELL, how="inner")
            pairs = pairs.with_columns(other=pl.struct(SAID).ne_missing(pl.col("said_before")))
        now = pl.col("state") == State.INSUFFICIENT
        unjudged = pairs.filter(now | (pl.col("was") == State.INSUFFICIENT))
        right = [pl.col(column).is_in([State.AGREES, State.GONE]) for column in ("state", "was")]
        return cls(
            cells=pairs.height,
            names=pairs["qname"].n_unique(),
            resolvers=pairs.select("resolver", "transport").n_unique(),
            unjudged=unjudged.height,
            cleared=_counted(pairs.filter("other", *right)["reason"]),
            kept=_counted(unjudged.select(pl.when(now).then("reason").otherwise("reason_before")).to_series()),
        )


def _counted(reasons: pl.Series) -> dict[str, int]:
    """Return how often each reason is there, the most first."""
    counts = reasons.rename("reason").value_counts(sort=False).sort("count", "reason", descending=[True, False])
    return dict(counts.iter_rows())


def _reason() -> pl.Expr:
    """Return the one reason why a cell is in its state: the evidence that decided, or else how it was said."""
    denied = pl.col("consensus").is_in(["nxdomain", "nodata"])
    says_something = pl.col("outcome").is_in([Outcome.ANSWER, *DENIALS])
    otherwise = (
        pl.when(pl.col("state") != State.INSUFFICIENT)
        .then(pl.lit(AS_CONTROLS))
        .when(pl.col("consensus").is_null())
        .then(pl.lit(NO_CONSENSUS))
        .when(pl.col("consensus") == "failure")
        .then(pl.lit(CONTROLS_FAIL))
        .when(denied & ~says_something)
        .then(pl.lit(NO_REPLY))
        .otherwise(pl.lit(NO_EVIDENCE))
    )
    decided = [
        pl.when((pl.col("state") == leaves) & pl.col("evidence_against").list.contains(name)).then(pl.lit(name))
        for name, leaves in _deciding()
    ]
    return pl.coalesce(*decided, otherwise)


def _deciding() -> Iterator[tuple[str, State]]:
    """Yield the evidence that decides against a claim, and the state it leaves; what is about the resolver first."""
    members = family.members(evidence, "EVIDENCE", Evidence)
    deciding = [(name, one) for name, one in members.items() if one.decides and one.bearing is Bearing.WEAKENS]
    for name, one in sorted(deciding, key=lambda found: found[1].claim is not Claim.RESOLVER):
        yield name, one.leaves


def in_words(reason: str) -> str:
    """Return what *reason* means: the claim of the evidence, or that there was none."""
    if reason in WITHOUT_EVIDENCE:
        return WITHOUT_EVIDENCE[reason]
    if reason not in family.names(evidence):
        return reason
    claim = (importlib.import_module(f"{evidence.__name__}.{reason}").__doc__ or reason).partition("\n")[0]
    return claim[:1].lower() + claim[1:].removesuffix(".")


def unwell(diff: Diff) -> pl.DataFrame:
    """Return the health rows of resolvers of which there is something to say, the latest date first."""
    rows = diff.health.frame.filter((pl.col("condition") != Condition.WELL) | pl.col("says").is_not_null())
    return rows.sort("date", "resolver", "transport", descending=[True, False, False])


def widest(coverage: pl.DataFrame) -> pl.DataFrame:
    """Leave out, of the rows of ``Coverage``, those that lie within a wider group that is told of on that date."""
    if coverage.is_empty():
        return coverage
    whole = pl.col("country").is_null() & pl.col("resolver").is_null()
    country = pl.col("country").is_not_null() & pl.col("resolver").is_null()
    by_date = coverage.filter(whole).select("date", "vantage")
    by_country = coverage.filter(country).select("date", "vantage", "country")
    within = coverage.filter(~whole).join(by_date, on=["date", "vantage"], how="anti")
    places = within.filter(pl.col("resolver").is_null())
    single = within.filter(pl.col("resolver").is_not_null())
    single = single.join(by_country, on=["date", "vantage", "country"], how="anti")
    return pl.concat([coverage.filter(whole), places, single]).sort(
        "date", "vantage", "country", "resolver", "transport", nulls_last=False
    )
