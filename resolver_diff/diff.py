"""The whole judgement: snapshots -> what changed, what is wrong, and what is innocent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl
import polars.selectors as cs

from resolver_diff import anomaly, compare, event
from resolver_diff.anomaly import Judged, Past
from resolver_diff.compare import Comparison, Panel, health, shares
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import (
    MECHANISM,
    OUTCOME,
    STATE,
    TRANSPORT,
    Anomalies,
    Change,
    Coverage,
    Events,
    Health,
    State,
)

CELLS: dict[str, pl.DataType] = {
    "date": pl.Date(),
    "vantage": pl.String(),
    "domain_set": pl.Categorical(),
    "qname": pl.Categorical(),
    "qtype": pl.Categorical(),
    "resolver": pl.Categorical(),
    "transport": TRANSPORT,
    "operator": pl.Categorical(),
    "country": pl.Categorical(),
    "role": pl.Categorical(),
    "policy": pl.Categorical(),
    "outcome": OUTCOME,
    "aa": pl.Boolean(),
    "tc": pl.Boolean(),
    "answer": pl.Categorical(),
    "cname": pl.Categorical(),
    "soa": pl.Categorical(),
    "ede": pl.List(pl.UInt16()),
    "ttl": pl.UInt32(),
    "ttl_names": pl.UInt16(),
    "attempts": pl.UInt8(),
    "silent_attempts": pl.UInt8(),
    "repeats": pl.UInt8(),
    "repeats_alike": pl.UInt8(),
    "repeats_agreeing": pl.UInt8(),
    "second_outcome": OUTCOME,
    "second_answer": pl.Categorical(),
    "consensus": compare.CONSENSUS,
    "state": STATE,
    "mechanism": MECHANISM,
    "controls_agreeing": pl.UInt32(),
    "controls_asked": pl.UInt32(),
    "controls_voting": pl.UInt32(),
    "controls_denying": pl.UInt32(),
    "countries_lost": pl.UInt32(),
    "countries_asked": pl.UInt32(),
    "countries_denying": pl.UInt32(),
    "peers_lost": pl.UInt32(),
    "countries_giving": pl.UInt32(),
    "countries_near": pl.UInt32(),
    "peers_asked": pl.UInt32(),
    "peers_denying": pl.UInt32(),
    "home_asked": pl.UInt32(),
    "home_left": pl.UInt32(),
    "lapse_operators": pl.UInt32(),
    "lapse_countries": pl.UInt32(),
    "owner_domains": pl.UInt32(),
    "parked_names": pl.UInt32(),
    "stub_domains": pl.UInt32(),
    "target_domains": pl.UInt32(),
    "expected_by_chance": pl.Float64(),
    "evidence_for": pl.List(pl.String()),
    "evidence_against": pl.List(pl.String()),
}


# what is asked of the cells of a date once it is judged, beside what a reader sees
LATER = (
    "key",
    "r",
    "domain",
    "kind",
    "unfit",
    "seen_before",
    "agreed_before",
    "others_giving",
    "wide",
    "lost_together",
    "stripped",
    "found",
)


@dataclass(frozen=True, slots=True)
class Diff:
    """What a comparison found; reports render it.

    *cells* is every cell judged, with its state and evidence on each date (for ``explain``), with the
    columns named in ``CELLS``; *entered* and *left* are resolvers and names that only one of the two
    dates has.
    """

    date_before: date | None
    date_after: date
    vantage: str
    anomalies: Anomalies
    events: Events
    health: Health
    cells: pl.DataFrame
    entered: tuple[str, ...]
    left: tuple[str, ...]
    coverage: Coverage = field(default_factory=Coverage.empty)  # where the later date could tell much less than usual


def diff(before: Snapshot, after: Snapshot, history: Iterable[Snapshot] = ()) -> Diff:
    """Compare two dates of one vantage; *history* holds earlier dates, oldest first."""
    panel = Panel.of([before, after])
    entered, left = _only(after, before), _only(before, after)
    days = [before, after]
    del before, after  # each is let go of when it was looked at: two large ones are more than the judgement itself
    known, (first, second) = _judge([compare.compare(days.pop(0), panel) for _ in range(2)], history, panel)
    return replace(between(first, known, second), entered=entered, left=left)


def between(first: Judged, known: Past, second: Judged) -> Diff:
    """Return what changed between two dates that were judged; *known* is what was known before the second.

    Who entered and who left is not in it.
    """
    found = anomaly.told(anomaly.changes(first, known, second.cells))
    found = _since(found, known, first.date, second.date)
    gathered, how, cells = _gathered(found, second), _health([first, second]), _cells([first, second])
    vantage, coverage = second.comparison.vantage, second.coverage
    return Diff(first.date, second.date, vantage, *gathered, how, cells, (), (), coverage)


def anomalies(today: Snapshot, history: Iterable[Snapshot] = ()) -> Diff:
    """Judge one date alone; *history* holds earlier dates of the vantage, oldest first."""
    panel = Panel.of([today])
    known, (judged,) = _judge([compare.compare(today, panel)], history, panel)
    return alone(known, judged)


def alone(known: Past, judged: Judged) -> Diff:
    """Return what is wrong on one date that was judged; *known* is what was known before it."""
    found = anomaly.told(anomaly.standing(judged.cells, known))
    found = _since(found, known, None, judged.date)
    gathered, how, cells = _gathered(found, judged), _health([judged]), _cells([judged])
    vantage, coverage = judged.comparison.vantage, judged.coverage
    return Diff(None, judged.date, vantage, *gathered, how, cells, (), (), coverage)


def _judge(compared: list[Comparison], history: Iterable[Snapshot], panel: Panel) -> tuple[Past, list[Judged]]:
    """Judge the earlier dates, of which little is kept, and then the dates *compared*, which are taken out of it.

    What is kept is of all dates but the last.
    """
    dates = anomaly.Dates()
    for one in compared:
        dates.mark(one)
    for day in history:
        earlier = compare.compare(day, panel)
        dates.mark(earlier)
        dates.remember(dates.judge(earlier))
    judged: list[Judged] = []
    while compared:
        found = dates.judge(compared.pop(0))
        if compared:
            dates.remember(found)
        judged.append(found.only((*CELLS, *LATER)))
    return dates.past, judged


def _since(found: pl.DataFrame, past: Past, before: date | None, after: date) -> pl.DataFrame:
    """Add date_before, date_after, *first_seen* and *last_good*, and settle what "by what" means for what came back.

    *last_good* is the last date that shows the cell as it was before, which is not *before* when
    that date could not tell. The cell's run of dates in the same wrong state is as *past* has it; dates
    on which it could not be judged do not end it.
    """
    found = found.with_columns(date_before=pl.lit(before, pl.Date()), date_after=pl.lit(after))
    run = past.cells.select("key", "run_state", "run_since", "run_last", "run_after")
    if before is None:
        found = found.join(run, on="key", how="left", maintain_order="left")
        goes_on = (pl.col("run_state") == pl.col("state")).fill_null(value=False)
        since = pl.when(goes_on).then("run_since").otherwise(pl.lit(after))
        return found.with_columns(
            first_seen=since, last_good=pl.when(goes_on).then("run_after").otherwise("run_last")
        ).drop(run.columns[1:])
    came_back = pl.col("change").is_in([Change.REAPPEARED, Change.CONVERGED])
    ran = found.filter(came_back).join(run, on="key", how="left", maintain_order="left")
    ran = ran.with_columns(first_seen="run_since", mechanism="was_mechanism", last_good="was_on")
    fresh = found.filter(~came_back).with_columns(first_seen=pl.lit(after), last_good="was_on")
    return pl.concat([ran.drop(run.columns[1:]), fresh], how="diagonal").sort("key")


def _gathered(found: pl.DataFrame, judged: Judged) -> tuple[Anomalies, Events]:
    """Bring the rows found into the columns of the CSV, sorted, and gather them into events."""
    joined = {name: pl.col(name).list.join(" ") for name in ("evidence_for", "evidence_against")}
    rows = found.with_columns(cs.categorical().cast(pl.String)).with_columns(
        **{name: pl.when(text != "").then(text) for name, text in joined.items()},
        vantage=pl.lit(judged.comparison.vantage),
        outcome_after="outcome",
        answer_after="answer",
        event=pl.lit(""),
        **{name: pl.when(pl.col("repeats") > 1).then(end) for name, end in _share().items()},
    )
    able = judged.cells.filter(pl.col("state") != State.INSUFFICIENT).join(
        found, on=["domain_set", "qname"], how="semi"
    )
    able = able.select("domain_set", "qname", "resolver", "country", "role").with_columns(pl.all().cast(pl.String))
    return event.gather(rows.sort(compare.KEY), able)


def _share() -> dict[str, pl.Expr]:
    """Return the ends of the interval of how often a question ends so."""
    k, n = pl.col("repeats_alike"), pl.col("repeats")
    return {"share_low": shares.low(k, n), "share_high": shares.high(k, n)}


def _health(judged: Sequence[Judged]) -> Health:
    """Return how every resolver was on the dates judged, with what only the judgement of its cells shows."""
    days = []
    for day in judged:
        entries = health.conclude(day.comparison.entries, day.cells)
        days.append(entries.with_columns(date=pl.lit(day.date), vantage=pl.lit(day.comparison.vantage)))
    return Health.of(pl.concat(days).sort("date", "resolver", "transport"))


def _cells(judged: Sequence[Judged]) -> pl.DataFrame:
    """Return every cell judged, date by date, in the order of the questions."""
    days = [
        anomaly.told(day.cells)
        .with_columns(date=pl.lit(day.date), vantage=pl.lit(day.comparison.vantage))
        .select(pl.col(name).cast(dtype) for name, dtype in CELLS.items())
        for day in judged
    ]
    return pl.concat(days)


def _only(here: Snapshot, there: Snapshot) -> tuple[str, ...]:
    """Return the entries and names that only *here* has, a line each."""
    found = []
    for noun, columns in (("resolver", ["resolver", "transport"]), ("name", ["qname"])):
        mine, others = (
            day.observations.lazy().filter(pl.col("domain_set").is_not_null()).select(columns).unique().collect()
            for day in (here, there)
        )
        rows = mine.join(others, on=columns, how="anti").sort(columns).rows()
        found += [f"{noun} {row[0]}" + (f" ({row[1]})" if len(row) > 1 else "") for row in rows]
    return tuple(found)
