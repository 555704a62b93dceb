"""What was said on one date or on two, and what it amounts to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from resolver_diff.diff import Diff
from resolver_diff.library import confident, given, judging
from resolver_diff.library.given import Day, FileName, Names
from resolver_diff.library.source import Source
from resolver_diff.library.tables import Cells, Changed, Flagged
from resolver_diff.library.unjudged import Changes
from resolver_diff.library.verdicts import Verdicts
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Anomalies, Coverage, Events, Health, Observations


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found on one date, or between two, at all vantages; each frame has the columns of its table."""

    anomalies: pl.DataFrame
    """``Anomalies``: the cells that changed, or that are wrong; as in the CSV."""
    events: pl.DataFrame
    """``Events``: anomalies of one cause as one row."""
    cells: pl.DataFrame
    """``Cells``: everything that was judged, also what is well."""
    health: pl.DataFrame
    """``Health``: how every resolver was."""
    coverage: pl.DataFrame
    """``Coverage``: where much less than usual could be judged."""
    entered: dict[str, tuple[str, ...]]
    """By vantage, the resolvers and names that only the later date has."""
    left: dict[str, tuple[str, ...]]
    """By vantage, the ones that only the earlier date has."""


def observations(
    day: Day | None = "latest",
    *,
    snapshots: FileName = "snapshots",
    vantage: str | None = None,
    domains: Names | None = None,
) -> pl.DataFrame:
    """Return what was said on a date: one row per query sent and reply received.

    The columns are date, vantage, domain_set (null for control, canary and identity rows) and those of
    ``Observations`` but wire. *day*: a date, or `2026-02-11`, `latest`, `previous`, `today`; None: all dates.
    *vantage*: only what was seen from there. *domains*: only the names of these sets, as ``check`` has them.
    Files that are damaged are left out, with a ResolverDiffWarning each. Raises SnapshotError where there is nothing,
    and UsageError for what is no date.

    >>> import resolver_diff
    >>> said = resolver_diff.observations("2026-02-11", snapshots="rehearsal/snapshots")
    >>> said.filter(qname="whatsapp.com", qtype="A", resolver="nsdi-a").select("outcome", "rcode", "aa").rows()
    [('nxdomain', 3, True)]
    """
    source = given.source(snapshots, vantage, None, domains)
    if day is not None:
        return _said(source.load(source.latest(given.text(day))).values())
    days = source.dates()
    if not days:
        raise source.nothing()
    return pl.concat(_said(source.read(one)) for one in days)


def _said(found: Iterable[Snapshot]) -> pl.DataFrame:
    columns = ("date", "vantage", "domain_set", *(name for name in Observations.schema if name != "wire"))
    frames = [
        each.observations.with_columns(date=pl.lit(each.date), vantage=pl.lit(each.vantage)).select(columns)
        for each in found
    ]
    return pl.concat(frames)


def anomalies(
    day: Day = "latest",
    *,
    snapshots: FileName = "snapshots",
    vantage: str | None = None,
    domains: Names | None = None,
    resolvers: FileName | None = None,
    known_answers: FileName | None = None,
    calibration: FileName | None = None,
) -> Findings:
    """Say who says something else than the controls on one date: the command `anomalies`.

    *day*, *vantage* and *domains* as for ``observations``; *resolvers*: take operator, country, role and policy from
    this file, not from the snapshots; *known_answers*: a list of what stands for blocked names, beside the shipped
    one; *calibration*: how often evidence was right, as the command `calibrate` counted it. Earlier dates in the
    folder tell what is usual. Warns and raises as ``observations`` does, and ConfigError for what is wrong in files.

    >>> import resolver_diff
    >>> found = resolver_diff.anomalies("2026-02-11", snapshots="rehearsal/snapshots")
    >>> cell = found.anomalies.filter(qname="whatsapp.com", qtype="A", resolver="nsdi-a")
    >>> cell.select("change", "mechanism", "first_seen", "controls_agreeing").rows()
    [('vanished', 'nxdomain', datetime.date(2026, 2, 11), 7)]
    >>> found.cells["state"].unique().sort().to_list()
    ['agrees', 'vanished', 'divergent', 'gone', 'insufficient']
    """
    known = confident.table(given.path(calibration))
    source = given.source(snapshots, vantage, resolvers, domains, known_answers)
    return _findings(judging.alone(source, given.text(day), known))


def differences(
    before: Day = "previous",
    after: Day = "latest",
    *,
    snapshots: FileName = "snapshots",
    vantage: str | None = None,
    domains: Names | None = None,
    resolvers: FileName | None = None,
    known_answers: FileName | None = None,
    calibration: FileName | None = None,
) -> Findings:
    """Say what changed between two dates: the command `diff`.

    Cells measured on both dates are compared. *before*: a date, `previous` being the one before *after*. All else as
    for ``anomalies``; raises UsageError too where the dates are in no order, or no vantage has both.

    >>> import resolver_diff
    >>> found = resolver_diff.differences("2026-02-10", "2026-02-11", snapshots="rehearsal/snapshots")
    >>> event = found.events.filter(role="register")
    >>> event.select("change", "country", "qnames", "witnesses", "denominator").row(0)
    ('vanished', 'RU', ['web.whatsapp.com', 'whatsapp.com'], 2, 2)
    """
    known = confident.table(given.path(calibration))
    source = given.source(snapshots, vantage, resolvers, domains, known_answers)
    return _findings(judging.between(source, given.text(before), given.text(after), known))


def _findings(diffs: Sequence[Diff]) -> Findings:
    return Findings(
        anomalies=pl.concat([Anomalies.empty().frame, *(each.anomalies.frame for each in diffs)]),
        events=pl.concat([Events.empty().frame, *(each.events.frame for each in diffs)]),
        cells=pl.concat([Cells.empty().frame, *(each.cells for each in diffs)]),
        health=pl.concat([Health.empty().frame, *(each.health.frame for each in diffs)]),
        coverage=pl.concat([Coverage.empty().frame, *(each.coverage.frame for each in diffs)]),
        entered={each.vantage: each.entered for each in diffs},
        left={each.vantage: each.left for each in diffs},
    )


def changes(
    before: Day = "previous",
    after: Day = "latest",
    *,
    snapshots: FileName = "snapshots",
    vantage: str | None = None,
    domains: Names | None = None,
) -> pl.DataFrame:
    """Return every cell whose first reply was another one on the earlier date, unjudged: the command `changes`.

    The columns are those of ``Changed``; addresses that rotate are there beside names that vanished. All of it is
    in memory; the command writes it piece by piece. Parameters, warnings and errors as for ``differences``.

    >>> import resolver_diff
    >>> moved = resolver_diff.changes("2026-02-10", "2026-02-11", snapshots="rehearsal/snapshots")
    >>> lost = moved.filter(outcome_before="answer", outcome_after="nxdomain", resolver="nsdi-a", qtype="A")
    >>> lost["qname"].to_list()
    ['lapsing-shop.com', 'web.whatsapp.com', 'whatsapp.com']
    """
    found = Changes.of(given.source(snapshots, vantage, None, domains), given.text(before), given.text(after))
    return pl.concat([Changed.empty().frame, *found.pieces()])


def judge(
    rules: str,
    day: Day | None = "latest",
    *,
    snapshots: FileName = "snapshots",
    vantage: str | None = None,
    domains: Names | None = None,
    resolvers: FileName | None = None,
) -> pl.DataFrame:
    """Return the cells that a published rule flags on a date, with the columns of ``Flagged``: the command `judge`.

    *rules*: certainty, iris, naive, ooni_pipeline, ooni_probe, respdiff or satellite. *day*: as for
    ``observations``, None being all dates. Steps of a rule that need what the snapshot lacks are left out, with a
    ResolverDiffWarning. None of it is our verdict. Raises as ``anomalies`` does, and UsageError for an unknown rule.

    >>> import resolver_diff
    >>> flagged = resolver_diff.judge("naive", "2026-02-11", snapshots="rehearsal/snapshots")
    >>> flagged.filter(qname="whatsapp.com", qtype="A", country="RU")["resolver"].to_list()
    ['nsdi-a', 'nsdi-b', 'ru-isp-forwarding']
    """
    source: Source = given.source(snapshots, vantage, resolvers, domains)
    found = Verdicts(source, rules)
    days = source.dates() if day is None else [source.latest(given.text(day))]
    if not days:
        raise source.nothing()
    flagged = [Flagged.of(piece).frame for one in days for piece in found.judge(one)]
    return pl.concat([Flagged.empty().frame, *flagged])
