"""What was found, for a person: one page that reads the same without colour.

First what was compared and how much could not be judged, then the events as
sentences, the anomalies as a table, the resolvers that were not well (one line
each, never one per name), what only one date has, and what was innocent and why.
"""

from collections.abc import Collection, Iterator, Sequence

import polars as pl

from resolver_diff.compare import shares
from resolver_diff.diff import Diff
from resolver_diff.event import MEANS
from resolver_diff.reports import Report
from resolver_diff.tables import Change, Condition
from resolver_diff.wording.beside_events import gone
from resolver_diff.wording.idn import Names
from resolver_diff.wording.lines import EMPTY, Cut, Line, Tone, line, many, paragraph, plain, table
from resolver_diff.wording.tally import Tally, in_words, unwell, widest

MOST_ROWS = 40  # of the table of anomalies; the CSV has all
MOST_EVENTS = 20
MOST_NAMES = 8  # of an event; the CSV has all
MOST_FINDINGS = 20
MOST_MOVES = 10
TONES = {
    Change.VANISHED: Tone.BAD,
    Change.DIVERGED: Tone.BAD,
    Change.REAPPEARED: Tone.GOOD,
    Change.CONVERGED: Tone.GOOD,
    Change.MECHANISM_CHANGED: Tone.PLAIN,
}
BY_ADDRESS = {mechanism for mechanism, means in MEANS.items() if means not in ("denial", "failure")}
OFTEN = ("repeats", "repeats_alike")
HEADER = ("name", "type", "resolver", "over", "by", "controls", "right")
OVER, RIGHT = HEADER.index("over"), HEADER.index("right")  # columns that are there only where they tell something
SURE = (
    "right: the share of such cells that was blocked, in labelled data (made-up worlds, unless --calibration says "
    "otherwise); ?: never measured."
)
CUTS = {"by": Cut.TAIL, "resolver": Cut.MIDDLE, "name": Cut.MIDDLE, "type": Cut.TAIL}


def describe(diffs: Sequence[Diff], width: int | None = None) -> list[Line]:
    """Return the page about *diffs*, *width* columns wide; without a width no table leaves anything out."""
    lines: list[Line] = []
    for diff in diffs:
        lines += [EMPTY] if lines else []
        lines += _page(diff, width)
    return lines


def render(diffs: Sequence[Diff]) -> str:
    """Return the page about *diffs* as plain text."""
    return plain(describe(diffs))


def _page(diff: Diff, width: int | None) -> Iterator[Line]:
    tally = Tally.of(diff)
    names = Names()
    yield from _summary(diff, tally, width)
    for heading, lines in (
        ("Could tell less than usual", _coverage(diff, width)),
        ("Events", _events(diff, names, width)),
        ("Anomalies", _anomalies(diff, names, width)),
        ("Gone for the controls too", _gone(diff, width)),
        (_heading(diff), _findings(diff, width)),
        (f"Only on {diff.date_after}", _moves(diff.entered, width)),
        (f"Only on {diff.date_before}", _moves(diff.left, width)),
        ("Could not be judged", _reasons(tally.kept, width)),
        ("Changed, and explained", _reasons(tally.cleared, width)),
    ):
        if lines:
            yield EMPTY
            yield line(heading, Tone.HEADING)
            yield from lines


def _summary(diff: Diff, tally: Tally, width: int | None) -> Iterator[Line]:
    alone = diff.date_before is None
    days = str(diff.date_after) if alone else f"{diff.date_before} and {diff.date_after}"
    scale = f"{many(tally.names, 'name')} at {many(tally.resolvers, 'resolver')}"
    count = len(diff.anomalies)
    found = f"{count:,}" if count else "none"
    verb = ("differs" if count < 2 else "differ") if alone else "changed"
    yield from paragraph(f"{days} at vantage {diff.vantage}", width=width, tone=Tone.HEADING)
    yield from paragraph(
        f"{many(tally.cells, 'cell')} {'looked at' if alone else 'compared'} ({scale}): "
        f"{found} {verb}, {tally.unjudged:,} could not be judged.",
        width=width,
    )


def _events(diff: Diff, names: Names, width: int | None) -> list[Line]:
    """Return the events as sentences, those of most cells first; below each what its sentence leaves out."""
    frame = diff.events.frame.sort("cells", "event", descending=[True, False])
    lines = []
    for row in frame.head(MOST_EVENTS).iter_rows(named=True):
        tone = TONES[Change(row["change"])]
        lines += paragraph(f"{row['says']} [{row['event']}]", width=width, first="* ", rest="  ", tone=tone)
        shown = [names.name(qname) for qname in row["qnames"][:MOST_NAMES]]
        for label, listed, every in (("names", shown, row["qnames"]), ("at", row["resolvers"], row["resolvers"])):
            if not all(_mentions(row["says"], one) for one in (*listed, *every)):
                text = f"{label}: {_listed(listed, len(every))}"
                lines += paragraph(text, width=width, first="    ", rest="      ", tone=Tone.FAINT)
        if row["confidence_says"]:
            text = f"confidence {row['confidence_says']}"
            lines += paragraph(text, width=width, first="    ", rest="      ", tone=Tone.FAINT)
    if lines:
        text = "In brackets: what the column `event` of the CSV says of its cells."
        lines += paragraph(text, width=width, first="  ", rest="  ", tone=Tone.FAINT)
    return lines + _more(frame.height - MOST_EVENTS, "event", "--json")


def _mentions(sentence: str, name: str) -> bool:
    """Say whether *name* stands in *sentence*, and not only as a part of another name."""
    words = sentence.replace(",", " ").replace(";", " ").replace(":", " ").replace("(", " ").replace(")", " ")
    return name in words.split()


def _listed(names: Sequence[str], count: int) -> str:
    more = count - len(names[:MOST_NAMES])
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _anomalies(diff: Diff, names: Names, width: int | None) -> list[Line]:
    """Return the table, change by change; rows that differ only in their qtype are one."""
    frame = diff.anomalies.frame
    if not frame.height:
        return []
    apart = ("change", "qname", "resolver", "transport", "mechanism", "outcome_before")
    shown = ("outcome_after", "answer_after", "controls_agreeing", "controls_asked", *OFTEN)
    sure = ("confidence", "confidence_says")
    merged = (
        frame.sort("qtype")
        .group_by(apart, maintain_order=True)
        .agg("qtype", pl.col(shown).sort_by("controls_agreeing").first(), pl.col(sure).min(), cells=pl.len())
        .sort(apart)
    )
    rows = merged.head(MOST_ROWS).to_dicts()
    tones = [TONES[Change(row["change"])] for row in rows]
    several = bool(_over_several(diff) & {row["resolver"] for row in rows})
    looked = any(row["confidence_says"] for row in rows)
    there = {OVER: several, RIGHT: looked}
    columns = [column for column in range(len(HEADER)) if there.get(column, True)]
    cells = [_row(row, names) for row in rows]
    header, *body = table(
        [HEADER[column] for column in columns],
        [[row[column] for column in columns] for row in cells],
        tones=tones,
        width=width,
        cuts={columns.index(HEADER.index(name)): cut for name, cut in CUTS.items()},
        indent=4,
    )
    lines = [header]
    for index, row in enumerate(rows):
        if index == 0 or row["change"] != rows[index - 1]["change"]:
            lines.append(line(f"  {row['change']}", tones[index]))
        lines.append(body[index])
    lines += _more(int(merged["cells"].slice(MOST_ROWS).sum()), "cell", "--csv")
    if looked:
        lines += paragraph(SURE, width=width, first="  ", rest="  ", tone=Tone.FAINT)
    advice = "`resolver-diff explain NAME RESOLVER` shows the witnesses of a row."
    return lines + paragraph(advice, width=width, first="  ", rest="  ", tone=Tone.FAINT)


def _over_several(diff: Diff) -> set[str]:
    """Return the names of resolvers that were asked over several transports, so that it has to be said over which."""
    pairs = ["resolver", "transport"]
    asked = [
        frame.select(pl.col(pairs).cast(pl.String)) for frame in (diff.cells, diff.anomalies.frame, diff.health.frame)
    ]
    names = pl.concat(asked).unique()["resolver"]
    return set(names.filter(names.is_duplicated()))


def _row(row: dict[str, object], names: Names) -> tuple[str, ...]:
    qtypes = row["qtype"]
    assert isinstance(qtypes, list)
    controls = f"{row['controls_agreeing']}/{row['controls_asked']}"
    where = (str(row["resolver"]), str(row["transport"]))
    return (names.name(str(row["qname"])), " ".join(qtypes), *where, _means(row), controls, _right(row))


def _right(row: dict[str, object]) -> str:
    """Return the confidence, short."""
    return shares.percent(row["confidence"]) if isinstance(row["confidence"], float) else "?"


def _means(row: dict[str, object]) -> str:
    """Return by what it changed, and how often of several times."""
    alike, repeats = row["repeats_alike"], row["repeats"]
    if not isinstance(alike, int) or not isinstance(repeats, int) or alike == repeats:
        return _by(row)
    return f"{_by(row)}, in {shares.in_words(alike, repeats, 'repeats')}"


def _by(row: dict[str, object]) -> str:
    """Return by what it changed: the mechanism, and the answer where that is the matter."""
    mechanism = str(row["mechanism"])
    if row["change"] in (Change.REAPPEARED, Change.CONVERGED):
        return f"was {mechanism}"
    if row["change"] == Change.MECHANISM_CHANGED:
        return f"{mechanism}, was {row['outcome_before']}"
    if row["mechanism"] in BY_ADDRESS:
        first, *others = str(row["answer_after"] or row["outcome_after"]).split(" ")
        return f"{mechanism} {first}" + (f" +{len(others)}" if others else "")
    return mechanism


def _heading(diff: Diff) -> str:
    """Return what the findings are about: resolvers in trouble, or also such as there is something else to say of."""
    well = (unwell(diff)["condition"] == Condition.WELL).any()
    return "Findings about resolvers" if well else "Resolvers that were not well"


def _findings(diff: Diff, width: int | None) -> list[Line]:
    """Return a line for each resolver to tell of, the later date first; one that still is so is one line."""
    rows = unwell(diff).with_columns(lasts=pl.len().over("resolver", "transport", "condition") > 1)
    rows = rows.filter((pl.col("date") == diff.date_after) | ~pl.col("lasts"))
    several = _over_several(diff)
    lines = []
    for row in rows.head(MOST_FINDINGS).iter_rows(named=True):
        days = f"{diff.date_before} and {diff.date_after}" if row["lasts"] else row["date"]
        why = f": {row['says']}" if row["says"] else ""
        how = "" if row["condition"] == Condition.WELL else f" ({row['condition']})"
        says = f"{_at(row, several)}{how} on {days}{why}"
        lines += paragraph(says, width=width, first="* ", rest="  ")
    return lines + _more(rows.height - MOST_FINDINGS, "finding", "--json")


def _coverage(diff: Diff, width: int | None) -> list[Line]:
    """Return a line for each place of which much less than usual could be told, what lies within another left out."""
    rows = widest(diff.coverage.frame)
    lines = []
    for row in rows.head(MOST_FINDINGS).iter_rows(named=True):
        lines += paragraph(row["says"], width=width, first="* ", rest="  ")
    return lines + _more(rows.height - MOST_FINDINGS, "finding", "--json")


def _gone(diff: Diff, width: int | None) -> list[Line]:
    """Return a line for each name that the controls have no answer to any more."""
    sentences = gone(diff)
    lines = [part for one in sentences[:MOST_FINDINGS] for part in paragraph(one, width=width, first="* ", rest="  ")]
    more = len(sentences) - MOST_FINDINGS
    return [*lines, line(f"  and {many(more, 'more name')}", Tone.FAINT)] if more > 0 else lines


def _at(row: dict[str, object], several: Collection[str]) -> str:
    """Return the resolver, and how it was asked where its name does not tell."""
    return str(row["resolver"]) + (f" over {row['transport']}" if row["resolver"] in several else "")


def _moves(moved: Sequence[str], width: int | None) -> list[Line]:
    lines = []
    for what in moved[:MOST_MOVES]:
        lines += paragraph(what, width=width, first="* ", rest="  ")
    return lines + _more(len(moved) - MOST_MOVES, "line", "--json")


def _reasons(reasons: dict[str, int], width: int | None) -> list[Line]:
    """Return a line for each reason, in words, with the name it has in the JSON and the CSV."""
    lines = []
    for reason, cells in reasons.items():
        lines += paragraph(f"{many(cells, 'cell')}: {in_words(reason)} ({reason})", width=width, first="* ", rest="  ")
    return lines


def _more(count: int, noun: str, option: str) -> list[Line]:
    if count <= 0:
        return []
    return [line(f"  and {many(count, f'more {noun}')}; `{option} FILE` has all.", Tone.FAINT)]


REPORT = Report(suffix=".txt", render=render)
