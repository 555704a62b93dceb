"""Events as cards: those over all dates, and what differs on the page's date and belongs to none of them."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from resolver_diff import event, evidence
from resolver_diff.anomaly import reasons
from resolver_diff.compare.shares import percent
from resolver_diff.diff import Diff
from resolver_diff.event import SHOWN, day_in_words, joined
from resolver_diff.page.listed import covered
from resolver_diff.page.sight import Sight, View
from resolver_diff.series.course import asked
from resolver_diff.series.extent import growth
from resolver_diff.tables import Anomalies, Change, Condition, Events, Mechanism, State
from resolver_diff.wording import visible
from resolver_diff.wording.idn import u_labels
from resolver_diff.wording.lines import many, some

NEW, ON, ENDED, OVER = "new", "going on", "ended", "over"
ORDER = (NEW, ENDED, ON, OVER)
MOST = 200  # cards


def status(row: Mapping[str, Any], day: date) -> str:
    """Say how an event of ``Courses`` stands on *day*: told first on it, ended by it, going on or over before it."""
    if row["reported"] == day:
        return NEW
    if row["first_good"] is None:
        return ON
    return ENDED if row["first_good"] == day else OVER


def courses(view: View) -> list[dict[str, Any]]:
    """Return the events over all dates that reach into the page's dates: new ones first, then what goes on."""
    found = []
    for sight in view.sights:
        cells = sight.today.cells.filter(pl.col("date") == sight.today.date_after)
        there = asked(sight.courses.frame, cells)
        found += [
            _course(row, sight, view.date, unasked=row["event"] not in there)
            for row in sight.courses.frame.iter_rows(named=True)
            if row["first_good"] is None or row["first_good"] >= view.since
        ]
    return sorted(found, key=lambda card: (ORDER.index(card["status"]), -card["began"].toordinal(), card["event"]))


def _course(row: dict[str, Any], sight: Sight, day: date, *, unasked: bool) -> dict[str, Any]:
    reach = sight.series.extents.frame.filter(pl.col("event") == row["event"]).sort("date")
    seen = row["reported"] if row["reported"] != row["first_bad"] else None
    return {
        "row": row,
        "event": row["event"],
        "status": status(row, day),
        "quiet": row["first_good"] is None and row["last_bad"] < day,
        "unasked": unasked,
        "began": row["first_bad"],
        "says": _said(row["says"]),
        "where": _where(row, sight),
        "since": _since(row, day),
        "told": day_in_words(seen) if seen else None,
        "growth": growth(reach),
        "how": [SHOWN.get(Mechanism(one), "declared policy") for one in row["mechanisms"]],
        "names": _names(row["qnames"], set(row["going_on"])),
        "witnesses": [visible(one) for one in row["resolvers"]],
        "denominator": max(row["denominator"], len(row["resolvers"])),
        "sure": row["confidence_says"],
        "against": [
            (percent(row["by_chance"]), "by chance"),
            (percent(row["elsewhere"]), "elsewhere"),
            (percent(row["at_once"]), "at once"),
        ],
        "evidence": [(name, _claim(name)) for name in row["evidence"]],
        "reach": _reach(reach, sight),
    }


def _where(row: Mapping[str, Any], sight: Sight) -> str:
    where = f"{row['country']}, seen from {visible(sight.vantage)}"
    return f"{where}; names of the set {visible(row['domain_set'])}"


def _since(row: Mapping[str, Any], day: date) -> str:
    began = day_in_words(row["first_bad"])
    if row["last_good"] is None:
        since = f"{began} or before; no date shows them whole"
    else:
        since = f"{began}; last good on {day_in_words(row['last_good'])}"
    if row["first_good"] is not None:
        return f"{since}; over since {day_in_words(row['first_good'])}"
    return since if row["last_bad"] >= day else f"{since}; last seen on {day_in_words(row['last_bad'])}"


def _said(sentence: str) -> str:
    """Return a sentence of ours, which may hold names of others, as one that can be shown."""
    return visible(sentence).removesuffix(".") + "."


def _names(qnames: Sequence[str], still: set[str]) -> list[dict[str, Any]]:
    return [{"name": visible(name), "readable": u_labels(name), "on": name in still} for name in qnames]


def _claim(name: str) -> str:
    """Return the first line of what a piece of evidence says of itself."""
    if name not in reasons():  # of a newer version
        return name
    text = importlib.import_module(f"{evidence.__name__}.{name}").__doc__ or name
    return text.partition("\n")[0].removesuffix(".")


def _reach(reach: pl.DataFrame, sight: Sight) -> list[dict[str, Any]]:
    """Return how far an event reached on each of the page's dates; dates on which nothing was seen have zeros."""
    there = {row["date"]: row for row in reach.iter_rows(named=True)}
    none = {"names": 0, "resolvers": 0, "denominator": 0}
    return [{"date": day, **{name: there.get(day, none)[name] for name in none}} for day in sight.matrix.dates]


def untold(sight: Sight) -> list[dict[str, Any]]:
    """Return what changed since the date before, then what stands, and belongs to no event over all dates."""
    told = covered(sight.series.spells, sight.today, sight.changes)
    health = sight.today.health.frame
    taken = set(health.filter(pl.col("condition") == Condition.INTERCEPTED)["resolver"])
    cards, seen = [], pl.DataFrame(schema=dict.fromkeys(("qname", "qtype", "resolver", "transport"), pl.String()))
    for diff in filter(None, (sight.changes, sight.today)):
        frame = diff.anomalies.frame.join(told, on=["qname", "resolver"], how="anti")
        key = [pl.col(name).cast(pl.String) for name in seen.columns]
        frame = frame.join(seen, left_on=key, right_on=seen.columns, how="anti")
        seen = pl.concat([seen, frame.select(key)])
        _, gathered = _gathered(frame, diff)
        cards += list(_cards(gathered, changed=diff is sight.changes, taken=taken))
    return cards


def _gathered(frame: pl.DataFrame, diff: Diff) -> tuple[Anomalies, Events]:
    """Gather what is left of the anomalies of *diff* into events."""
    dates = diff.events.frame.select("event", "last_good")
    able = diff.cells.filter(pl.col("date") == diff.date_after, pl.col("state") != State.INSUFFICIENT)
    able = able.select(pl.col("domain_set", "qname", "resolver", "country", "role").cast(pl.String))
    found, events = event.gather(frame.join(dates, on="event", how="left", maintain_order="left").drop("event"), able)
    sure = found.frame.group_by("event", maintain_order=True).agg(pl.col("confidence_says").mode().sort().first())
    kept = events.frame.drop("confidence_says").join(sure, on="event", how="left", maintain_order="left")
    return found, Events.of(kept)


def _cards(events: Events, *, changed: bool, taken: set[str]) -> Iterator[dict[str, Any]]:
    """Yield the events of one date, or of two; those of several sets at the same resolvers are told as one."""
    frame = events.frame.sort("cells", "event", descending=[True, False])
    for _, rows in frame.group_by("change", "mechanisms", "resolvers", maintain_order=True):
        parts = [_part(row) for row in rows.iter_rows(named=True)]
        row = rows.row(0, named=True)
        yield {
            "changed": changed,
            "change": row["change"],
            "says": _bundled(rows) if len(parts) > 1 else parts[0]["says"],
            "parts": parts,
            "witnesses": [visible(one) for one in row["resolvers"]],
            "denominator": max(row["denominator"] or 0, row["witnesses"]),
            "sure": row["confidence_says"],
            "taken": sorted(visible(one) for one in taken & set(row["resolvers"])),
        }


def _part(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"event": row["event"], "says": _said(row["says"]), "names": _names(row["qnames"], set())}


def _bundled(rows: pl.DataFrame) -> str:
    """Say events of several sets that are alike in all else."""
    row = rows.row(0, named=True)
    names = many(rows["qnames"].explode(empty_as_null=True).n_unique(), "name")
    verb = event.VERBS.get(row["change"], "are lost in another way")
    shown = [SHOWN.get(Mechanism(one), "declared policy") for one in row["mechanisms"]]
    how = joined(shown, "and")
    how = f"no longer {how}" if row["change"] in (Change.REAPPEARED, Change.CONVERGED) else how
    where = some([visible(one) for one in row["resolvers"]], 3)
    return f"{names} of {many(rows['domain_set'].n_unique(), 'set')} {verb} at {where}: {how}."
