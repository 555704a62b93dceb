"""Small pictures over dates, as SVG with words for who cannot see them. What is drawn are numbers and dates only."""

from collections.abc import Sequence

from resolver_diff.site.lives import Life, Listed

DATES = 60  # at most, the latest
WIDTH, GAP = 8, 2
TALL, FLAT = 64, 14


def bars(ordered: Sequence[Listed]) -> str:
    """Return how many cells were wrong on each date, as bars; dates with new events are marked."""
    shown = list(reversed(ordered[:DATES]))
    if not shown:
        return ""
    most = max(1, *(page.summary.wrong for page in shown))
    parts = []
    for place, page in enumerate(shown):
        height = round(TALL * page.summary.wrong / most)
        x, day = place * (WIDTH + GAP), page.summary.date
        parts.append(f'<rect class="bar" x="{x}" y="{TALL - height}" width="{WIDTH}" height="{height}"/>')
        if any(event.reported == day for event in page.summary.events):
            parts.append(f'<circle class="new" cx="{x + WIDTH / 2:g}" cy="{TALL + 7}" r="3"/>')
    counts = [page.summary.wrong for page in shown]
    says = (
        f"Wrong cells on each of {len(shown)} dates from {shown[0].summary.date} to {shown[-1].summary.date}: "
        f"at least {min(counts):,}, at most {max(counts):,}, {counts[-1]:,} on the last"
    )
    return _svg(len(shown) * (WIDTH + GAP), TALL + 12, says, parts)


def strip(life: Life, ordered: Sequence[Listed]) -> str:
    """Return on which dates an event was seen, as boxes: filled where it was, dashed where nobody could tell yet."""
    shown = list(reversed(ordered[:DATES]))
    begun, told = life.event.first_bad, life.stages[0].page.summary.date
    parts = []
    for place, page in enumerate(shown):
        day = page.summary.date
        kind = "seen" if day in life.seen else "not-seen" if day >= told else "untold" if day >= begun else "before"
        x = place * (WIDTH + GAP)
        parts.append(f'<rect class="{kind}" x="{x + 0.5:g}" y="1.5" width="{WIDTH - 1}" height="{FLAT - 3}"/>')
    dates = [page.summary.date for page in shown if page.summary.date in life.seen]
    since = sum(page.summary.date >= told for page in shown)
    says = f"Seen on {len(dates)} of the {since} dates shown since it was told first"
    return _svg(len(shown) * (WIDTH + GAP), FLAT, says, parts)


def _svg(width: int, height: int, says: str, parts: Sequence[str]) -> str:
    return (
        f'<svg role="img" aria-label="{says}" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"{''.join(parts)}</svg>"
    )
