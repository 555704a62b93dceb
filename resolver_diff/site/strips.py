"""Small pictures over dates, as SVG with words for who cannot see them. What is drawn are numbers and dates only."""

from collections.abc import Sequence

from resolver_diff.site.lives import Life, Listed

DATES = 60  # at most, the latest
WIDTH, GAP = 8, 2
TALL, FLAT = 64, 14
LEFT, HEAD, DATED = 52, 8, 80  # room for the numbers of the axis, above it, and for a date below it
SPACE, WIDEST = 600, 40  # few dates take some room too
LEAST = 5  # cells at the top of the axis: one that is wrong does not fill it


def bars(ordered: Sequence[Listed]) -> str:
    """Return how many cells were wrong on each date, as bars with an axis; what is new, or failed, is marked."""
    shown = list(reversed(ordered[:DATES]))
    if not shown or all(_failed(page) for page in shown):
        return ""
    counts = [page.summary.wrong for page in shown]
    top = max(LEAST, *counts)
    step = max(WIDTH + GAP, min(WIDEST, SPACE // len(shown)))
    right = LEFT + len(shown) * step
    parts = [
        f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{HEAD + y}" y2="{HEAD + y}"/>'
        f'<text x="{LEFT - 6}" y="{HEAD + y + 4}" text-anchor="end">{number:,}</text>'
        for y, number in ((0, top), (TALL, 0))
    ]
    for place, page in enumerate(shown):
        x, day = LEFT + place * step, page.summary.date
        height = round(TALL * page.summary.wrong / top)
        y = HEAD + TALL - height
        parts.append(f'<rect class="bar" x="{x}" y="{y}" width="{step - GAP}" height="{height}"/>')
        middle, below = x + (step - GAP) / 2, HEAD + TALL + 7
        if _failed(page):
            parts.append(f'<path class="failed" d="M{middle - 4:g} {below - 15}l8 8m0 -8l-8 8"/>')
        if any(event.reported == day for event in page.summary.events):
            parts.append(f'<circle class="new" cx="{middle:g}" cy="{below}" r="3"/>')
    foot = HEAD + TALL + 26
    parts.append(f'<text x="{LEFT}" y="{foot}">{shown[0].summary.date}</text>')
    if right - LEFT > 2 * DATED:
        parts.append(f'<text x="{right}" y="{foot}" text-anchor="end">{shown[-1].summary.date}</text>')
    says = (
        f"Wrong cells on each of {len(shown)} dates from {shown[0].summary.date} to {shown[-1].summary.date}: "
        f"at least {min(counts):,}, at most {max(counts):,}, {counts[-1]:,} on the last"
    )
    return _svg(max(right, LEFT + DATED), foot + 4, says, parts)


def _failed(page: Listed) -> bool:
    """Say whether nothing could be judged on a date."""
    return page.summary.unjudged == page.summary.cells


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
