"""Reasons to believe or to doubt that a name vanished, or that an answer diverges; one file per reason.

A member is a file that defines ``EVIDENCE`` and whose docstring says what it claims,
why, and when it is wrong. The name of the file is what reports print. Evidence is
counted and never scored: a piece either decides what becomes of a cell, alone, or it
stands beside the verdict for a person to weigh.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from resolver_diff.tables import State


class Claim(StrEnum):
    """What a piece of evidence speaks about."""

    VANISHED = "vanished"  # a cell without an answer, while the controls answer
    DIVERGENT = "divergent"  # a cell with an answer (or a CNAME) that the controls do not share
    EITHER = "either"
    RESOLVER = "resolver"  # every cell of a resolver, or of one qtype there


class Bearing(StrEnum):
    """Whether a piece of evidence speaks for its claim or against it."""

    SUPPORTS = "supports"
    WEAKENS = "weakens"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason. *when* is true for the cells it applies to; it uses the columns named in ``COLUMNS``.

    *says* is a sentence about a cell, with its columns in braces. What *decides* settles the cell
    alone: a claim it supports stands, a claim it weakens falls, and *leaves* is the state then. What
    weakens wins over what supports, and what is about the resolver wins over all.
    """

    claim: Claim
    bearing: Bearing
    when: pl.Expr
    says: str
    decides: bool = False
    leaves: State = State.INSUFFICIENT

    def sentence(self, cell: Mapping[str, object]) -> str:
        """Say it about a cell it applies to; *cell* has the columns of ``Diff.cells``."""
        return self.says.format_map({name: "" if value is None else value for name, value in cell.items()}).rstrip()


COLUMNS = {
    "apparent": "The state next to the controls, before any evidence: vanished, divergent, gone, agrees, insufficient.",
    "outcome": "How the question ended.",
    "kind": "answer, denial, failure, silence.",
    "answer": "The RDATA.",
    "aa": "Authoritative Answer.",
    "tc": "A reply over UDP was truncated.",
    "soa": "Owner of the SOA in AUTHORITY.",
    "ad": "Authentic Data.",
    "ttl": "Smallest TTL of the answer and its chain, in seconds; of the SOA in a denial.",
    "rtt": "Microseconds from query to reply.",
    "bare": "AUTHORITY was seen, and has no SOA.",
    "cname": "Targets of the CNAME chain.",
    "role": "The resolver's role.",
    "country": "The resolver's country.",
    "policy": "The policy the resolver is known for.",
    "transport": "How it was asked.",
    "attempts": "How often it was asked until it replied.",
    "repeats": "How often the question was put, spread over the run.",
    "repeats_alike": "Of these, the times that it ended as the cell says.",
    "repeats_agreeing": "Of these, the times that it was answered or denied as the controls do, where the cell is not.",
    "consensus": "What the controls say: answer, nxdomain, nodata, failure; null: they do not agree, or too few voted.",
    "controls_agreeing": "Operators of controls that say so, the cell's own left out.",
    "controls_asked": "Operators of controls that were asked and kept their vote, the cell's own left out.",
    "controls_voting": "Of these, the ones that said something, and the same each time.",
    "controls_denying": "Of these, the ones that deny it.",
    "controls_ttl": "The greatest TTL that a control gave with an answer; as the next six, for cells that differ only.",
    "controls_timed": "Operators of controls that gave one.",
    "controls_validate": "Most controls that answer say that they validated it.",
    "raises_ttl": "The resolver often gives more than twice the controls' greatest TTL; null: too few answers to say.",
    "ttl_names": "Unrelated names to which it gives foreign answers with this TTL, more than by chance.",
    "rtt_usual": "Microseconds; of its answers that agree with the controls, one in twenty comes sooner.",
    "validates": "It says that it validated what the controls validate, and no other name; null: too few to say.",
    "controls_chain": "Every control that answers does so through a CNAME.",
    "countries_asked": "Other countries with a resolver that was asked and is fit.",
    "countries_lost": "Of these, the ones most of whose resolvers got no answer.",
    "countries_denying": "Other countries in which some fit resolver denies it.",
    "here_denying": "Fit resolvers of the country that deny it, this one among them.",
    "here_heard": "Fit resolvers of the country that answer or deny it.",
    "countries_giving": "Of these, the ones in which somebody gives one of the same addresses.",
    "countries_near": "Of these, the ones in which somebody is sent to the system of the address, where no control is.",
    "peers_asked": "Other fit resolvers of the same country and role.",
    "peers_denying": "Of these, the ones that deny it too.",
    "neighbours_lost": "Other addresses of the country's resolvers that got no answer either, where this one got none.",
    "nights_before": "Dates in a row, before this one, on which it had no answer while the controls answered.",
    "denied_before": "On the date before the controls denied it.",
    "name_denied": "The name is denied by NXDOMAIN to another qtype too, which the controls answer.",
    "lapse_operators": "Operators that deny it as this resolver does, with the SOA of a zone above and no AA.",
    "lapse_countries": "The countries these belong to.",
    "lapse_controls": "How many of these are controls.",
    "parked_names": "Unrelated names that controls send to where they send this one since today, if denied from above.",
    "lost_together": "Unrelated domains were lost whole, at this resolver only, and not before; this is one of them.",
    "upstream": "An Extended DNS Error blames the name's own servers or signatures.",
    "stream_answers": "Asked by UDP, and the same address answers over a connection.",
    "stream_agrees": "Asked by UDP, and the same address answers over a connection as the controls do.",
    "shares_address": "An address (or other RDATA) is one the controls give.",
    "shares_prefix": "An address lies in a /24 or /48 in which the controls' addresses lie.",
    "shares_cname": "A CNAME target is one the controls give.",
    "shares_origin": "An address is announced by an autonomous system that announces some of the controls'.",
    "shares_organisation": "An address lies in a network of an organisation in whose networks the controls' lie.",
    "owner_domains": "Unrelated names that controls answer from the address's network and from theirs here; 0: few.",
    "astray": "Every control is sent to one network, and the answer has no address in it.",
    "home_asked": "Resolvers of other countries that answer a name of which every control is sent to one network.",
    "home_countries": "Their countries.",
    "home_left": "Of these, the ones sent elsewhere.",
    "certified": "An address of the answer showed a certificate for the name; false: not, twice; null: not known.",
    "failed_once": "A handshake with an address of it showed another certificate, and none a valid one, however often.",
    "failed_before": "A handshake with an address of it failed, as one on an earlier date did, in the same way.",
    "controls_certified": "What most of the controls gave showed a certificate for the name; null: not tried.",
    "second_outcome": "How a second reply that differs from the first ended; null: there was none.",
    "second_shares": "The second reply has an address or prefix of the controls.",
    "second_contradicts": "It denies what the first answers, or has an address that cannot be on the public Internet.",
    "second_answer": "The RDATA of the second reply.",
    "listed": "An address or CNAME target is known, from a list, to stand for blocked names.",
    "bogon": "An address that cannot be on the public Internet.",
    "stub_domains": "Unrelated names that this resolver gives the same foreign address.",
    "target_domains": "Unrelated names that this resolver gives the same foreign CNAME target.",
    "others_giving": "Operators in other countries whose resolvers give the name an address in the same prefix.",
    "declared": "An Extended DNS Error says that this is policy.",
    "aa_usual": "Share of this resolver's answers that agree with the controls and have AA set; null: too few.",
    "expected_by_chance": "Names that would be lost like this one by chance, on this date.",
    "rewrites": "The resolver answers names that cannot exist.",
    "rewritten": "The answer is what this resolver says to names that cannot exist.",
    "seen_before": "The cell had this address before, when nothing was wrong.",
    "agreed_before": "An earlier answer that agreed with the controls had the address, or one in its prefix.",
    "had_aa": "An earlier answer of this cell that was not wrong had AA set; null: it had none.",
    "synthesised": "An IPv6 address that embeds an IPv4 address of the name.",
    "published_before": "The controls gave this address, or one in its prefix, on an earlier date.",
    "unfit": "The resolver was silent or ill.",
    "misled": "What it answers tells nothing: it catches all, or is ill and says to control names what canaries get.",
    "catches_all": "It answers nearly every name with one address, names that the controls deny too.",
    "wide": "A third of what the resolver answered on the date before is now silent or fails.",
    "type_untried": "The resolver answered no question of this type, and others it did.",
    "stripped": "The resolver denies this qtype for nearly every name that has it.",
}
