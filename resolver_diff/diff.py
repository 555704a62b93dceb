"""The whole judgement: snapshots -> what changed, what is wrong, and what is innocent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from resolver_diff import _health as health
from resolver_diff import _suspects as suspects
from resolver_diff import anomaly, compare, event
from resolver_diff._suspects import Past
from resolver_diff.anomaly import Judged
from resolver_diff.compare import Comparison, Panel
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import (
    MECHANISM,
    OUTCOME,
    STATE,
    TRANSPORT,
    Anomalies,
    Change,
    Events,
    Health,
    State,
)

CELLS: dict[str, pl.DataType] = {
    "date": pl.Date(),
    "vantage": pl.String(),
    "domain_set": pl.String(),
    "qname": pl.String(),
    "qtype": pl.String(),
    "resolver": pl.String(),
    "transport": TRANSPORT,
    "operator": pl.String(),
    "country": pl.String(),
    "role": pl.String(),
    "policy": pl.String(),
    "outcome": OUTCOME,
    "rcode": pl.UInt16(),
    "aa": pl.Boolean(),
    "answer": pl.String(),
    "cname": pl.String(),
    "soa": pl.String(),
    "ttl": pl.UInt32(),
    "authority": pl.UInt16(),
    "ede": pl.List(pl.UInt16()),
    "ede_text": pl.String(),
    "nsid": pl.String(),
    "rtt": pl.Duration("us"),
    "asked_at": pl.Datetime("us", "UTC"),
    "attempts": pl.UInt8(),
    "silent_attempts": pl.UInt8(),
    "second_answer": pl.String(),
    "consensus": compare.CONSENSUS,
    "state": STATE,
    "mechanism": MECHANISM,
    "controls_agreeing": pl.UInt32(),
    "controls_asked": pl.UInt32(),
    "countries_lost": pl.UInt32(),
    "countries_asked": pl.UInt32(),
    "peers_lost": pl.UInt32(),
    "peers_asked": pl.UInt32(),
    "stub_domains": pl.UInt32(),
    "target_domains": pl.UInt32(),
    "expected_by_chance": pl.Float64(),
    "evidence_for": pl.List(pl.String()),
    "evidence_against": pl.List(pl.String()),
}


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


def diff(before: Snapshot, after: Snapshot, history: Iterable[Snapshot] = ()) -> Diff:
    """Compare two dates of one vantage; *history* holds earlier dates, oldest first."""
    panel = Panel.of([before, after])
    past, judged = _judge([compare.compare(day, panel) for day in (before, after)], history, panel)
    first, second = judged
    found = anomaly.told(anomaly.changes(_last_known(first, past), second.cells))
    found = _seen_first(found, past, first.date, second.date)
    return Diff(
        before.date,
        after.date,
        after.vantage,
        *_gathered(found, second),
        _health(judged),
        _cells(judged),
        _only(after, before),
        _only(before, after),
    )


def anomalies(today: Snapshot, history: Iterable[Snapshot] = ()) -> Diff:
    """Judge one date alone; *history* holds earlier dates of the vantage, oldest first."""
    panel = Panel.of([today])
    past, (judged,) = _judge([compare.compare(today, panel)], history, panel)
    found = anomaly.told(anomaly.standing(judged.cells, past))
    found = _seen_first(found, past, None, judged.date)
    return Diff(None, today.date, today.vantage, *_gathered(found, judged), _health([judged]), _cells([judged]), (), ())


def _judge(
    compared: Sequence[Comparison], history: Iterable[Snapshot], panel: Panel
) -> tuple[list[Past], list[Judged]]:
    """Judge the earlier dates, of which little is kept, and then the dates compared.

    A token that stands for unrelated names on one date condemns the same token at the same resolver
    on the others: a block page that is recognised today was one yesterday.
    """
    stubs = [suspects.stubs(one.cells.with_columns(apparent=anomaly.apparent()), one) for one in compared]
    past: list[Past] = []
    for day in history:
        earlier = compare.compare(day, panel)
        stubs.append(suspects.stubs(earlier.cells.with_columns(apparent=anomaly.apparent()), earlier))
        past.append(_remember(anomaly.judge(earlier, _worst(stubs), past)))
    judged = []
    known = list(past)
    for one in compared:
        judged.append(anomaly.judge(one, _worst(stubs), known))
        known.append(_remember(judged[-1]))
    return past, judged


def _worst(stubs: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(stubs).group_by("r", "token_kind", "token").agg(pl.col("unrelated").max())


def _remember(judged: Judged) -> Past:
    kept = judged.cells.select("key", "r", "q", "kind", "said", "state", "mechanism")
    return Past(judged.date, kept, judged.comparison.answers, judged.comparison.published)


def _last_known(first: Judged, past: Sequence[Past]) -> pl.DataFrame:
    """Return the cells of the earlier date, with *known_on*; what could not be judged then is as it last was.

    A resolver that was ill on the one night between must not hide what was taken from it, or given back.
    """
    cells = first.cells.with_columns(known_on=pl.lit(first.date))
    known = [
        day.cells.filter(pl.col("state") != State.INSUFFICIENT)
        .select("key", last_state="state", last_mechanism="mechanism", last_kind="kind")
        .with_columns(last_on=pl.lit(day.date))
        for day in past
    ]
    if not known:
        return cells
    last = pl.concat(known).unique("key", keep="last", maintain_order=True)
    joined = cells.join(last, on="key", how="left", maintain_order="left")
    stale = (pl.col("state") == State.INSUFFICIENT) & (pl.col("kind") != "answer") & pl.col("last_state").is_not_null()
    return joined.with_columns(
        state=pl.when(stale).then("last_state").otherwise("state"),
        mechanism=pl.when(stale).then("last_mechanism").otherwise("mechanism"),
        kind=pl.when(stale).then("last_kind").otherwise("kind"),
        known_on=pl.when(stale).then("last_on").otherwise("known_on"),
    ).drop("last_state", "last_mechanism", "last_kind", "last_on")


def _seen_first(found: pl.DataFrame, past: Sequence[Past], before: date | None, after: date) -> pl.DataFrame:
    """Add date_before, date_after, *first_seen* and *last_good*, and settle what "by what" means for what came back.

    The cell's run of dates in the same wrong state is followed back through *past*; dates on which
    it could not be judged do not end it.
    """
    came_back = pl.col("change").is_in([Change.REAPPEARED, Change.CONVERGED])
    standing = came_back if before is not None else pl.lit(value=True)
    if before is not None:
        found = found.with_columns(
            mechanism=pl.when(came_back).then("mechanism_before").otherwise("mechanism"),
            wrong=pl.when(came_back).then("state_before").otherwise("state"),
            first_seen=pl.when(came_back).then("known_on").otherwise(pl.lit(after)),
            last_good="known_on",
        )
    else:
        found = found.with_columns(wrong="state", first_seen=pl.lit(after), last_good=pl.lit(None, pl.Date()))
    found = found.with_columns(date_before=pl.lit(before, pl.Date()), date_after=pl.lit(after), ended=~standing)
    for day in reversed(past):
        then = day.cells.select("key", then="state")
        found = found.join(then, on="key", how="left", maintain_order="left")
        unknown = pl.col("then").is_null() | (pl.col("then") == State.INSUFFICIENT)
        same = ~unknown & (pl.col("then") == pl.col("wrong"))
        found = found.with_columns(
            first_seen=pl.when(~pl.col("ended") & same).then(pl.lit(day.date)).otherwise("first_seen"),
            last_good=pl.when(~pl.col("ended") & ~same & ~unknown).then(pl.lit(day.date)).otherwise("last_good"),
            ended=pl.col("ended") | (~same & ~unknown),
        ).drop("then")
    return found.drop("wrong", "ended")


def _gathered(found: pl.DataFrame, judged: Judged) -> tuple[Anomalies, Events]:
    """Bring the rows found into the columns of the CSV, sorted, and gather them into events."""
    joined = {name: pl.col(name).list.join(" ") for name in ("evidence_for", "evidence_against")}
    rows = found.with_columns(
        **{name: pl.when(text != "").then(text) for name, text in joined.items()},
        vantage=pl.lit(judged.comparison.vantage),
        outcome_after="outcome",
        answer_after="answer",
        event=pl.lit(""),
    )
    able = judged.cells.filter(pl.col("state") != State.INSUFFICIENT)
    able = able.select("domain_set", "qname", "resolver", "country", "role")
    return event.gather(rows.sort("domain_set", "qname", "qtype", "resolver", "transport"), able)


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
