"""Rules that others have published to tell a manipulated reply; one file per rule, to be measured on the same cells.

A member is a file that defines ``RULE`` and whose docstring says where the rule is from, what it is in
words, and where it is known to be weak. A rule is a ladder: of its steps the first whose condition holds
settles a cell. What it calls manipulated is the word of its authors: none of it is our verdict.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

FLAGGED, FINE, OPEN = "flagged", "fine", "open"  # manipulated; not; left out of account
ORIGINS, TAGS, CERTIFICATES = "origins", "tags", "certificates"  # side files that a condition may rest on
NOTHING = "nothing_applies"  # the id of no step


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its id, when it applies (over the columns of ``COLUMNS``), and what it says.

    *says*: ``FLAGGED``, ``FINE`` or ``OPEN``. *needs*: without this side file it never applies.
    """

    name: str
    when: pl.Expr
    says: str
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """The steps, in their order; a cell for which none applies is not judged."""

    steps: tuple[Step, ...]

    def needs(self) -> list[str]:
        """Return the side files that some of its steps rest on, sorted."""
        return sorted({step.needs for step in self.steps if step.needs})

    def judge(self, cells: pl.DataFrame, known: Iterable[str]) -> pl.DataFrame:
        """Return *flagged* and *rule* (the id of the step) for each of *cells*; *known*: the side files there are.

        *flagged* is null where the cell is left out of account, or no step applies.
        """
        there = {None, *known}
        says, rule = pl.lit(OPEN), pl.lit(NOTHING)
        for step in reversed([step for step in self.steps if step.needs in there]):
            applies = step.when.fill_null(value=False)
            says = pl.when(applies).then(pl.lit(step.says)).otherwise(says)
            rule = pl.when(applies).then(pl.lit(step.name)).otherwise(rule)
        flagged = pl.when(pl.col("says") != OPEN).then(pl.col("says") == FLAGGED)
        return cells.select(says=says, rule=rule).select(flagged=flagged, rule="rule")


COLUMNS = {
    "outcome": "How the question ended at this resolver: the first reply, or that there was none.",
    "answered": "With an answer.",
    "silent": "Without a reply that could be read.",
    "error": "With an RCODE other than NOERROR.",
    "controls_asked": "Controls that were asked.",
    "controls_answered": "Of these, the ones that answered.",
    "controls_ending": "How most of the controls' questions ended.",
    "controls_tagged": "Of an address of the controls, anything is known.",
    "shares_address": "An address is one that a control gives.",
    "shares_asn": "An address is in an Autonomous System in which one of the controls' is.",
    "shares_organisation": "Such a system has the same owner as one of the controls'.",
    "shares_certificate": "An address shows a certificate that one of the controls' shows.",
    "shares_page": "An address shows a page that one of the controls' shows.",
    "tagged": "Of an address, origin or what it shows is known.",
    "cdn": "The owner of an address is one of five large networks, by the beginning of its name.",
    "bogon": "An address cannot be on the public Internet, and no control gives it.",
    "bogon_published": "An address cannot be on the public Internet, and a control gives it.",
    "private": "An address lies in 0/8, 10/8, 127/8, 172.16/12 or 192.168/16.",
    "tls": "At some address, whoever gave it, somebody was shown a good certificate for the name.",
    "valid": "At an address somebody was shown a good certificate for the name.",
    "invalid": "At an address a handshake for the name failed.",
    "invalid_unpublished": "Such an address, and no control gives it.",
    "alive": "The resolver answered a control question; null: it was asked none.",
    "error_share": "Of what this resolver was asked, the share that ended in an error RCODE.",
    "silent_share": "The share that got no reply.",
    "others_agree": "All controls ended alike: silence, RCODE, flags, and types in the answer.",
    "differs_timeout": "The resolver was silent, and the controls were not, or the other way around.",
    "differs_malformed": "Its reply could not be read.",
    "differs_rcode": "Its RCODE is not theirs.",
    "differs_flags": "Its AA, TC, RA or AD is not theirs.",
    "differs_types": "The record types in its answer are not theirs.",
}
