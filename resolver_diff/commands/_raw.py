"""What changed between two dates before anybody judges it, as CSV and in numbers."""

from resolver_diff.library.unjudged import KINDS, Changes
from resolver_diff.wording.lines import Line, Tone, many, paragraph


def page(found: Changes, width: int | None) -> list[Line]:
    """Return what was found, in numbers."""
    lines = paragraph(f"{found.dates[0]} and {found.dates[1]}, unjudged", width=width, tone=Tone.HEADING)
    scale = f"{many(len(found.names), 'name')} at {many(len(found.resolvers), 'resolver')}"
    told = (
        f"{many(found.cells, 'cell')} said something else ({scale})" if found.cells else "No cell said something else"
    )
    lines += paragraph(f"{told}.", width=width)
    for kind in KINDS:
        if found.kinds[kind]:
            lines += paragraph(f"{found.kinds[kind]:,} {kind}", width=width, first="  ", rest="    ")
    advice = "`resolver-diff diff` says which of them have no innocent reason."
    return lines + paragraph(advice, width=width, tone=Tone.FAINT)
