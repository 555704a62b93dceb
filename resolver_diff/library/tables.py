"""The tables that only the library and the commands have, and what each of their columns means."""

# long because a column is one line, and a cell has many

import polars as pl

from resolver_diff.compare import CONSENSUS
from resolver_diff.evidence import COLUMNS as GIVEN
from resolver_diff.evidence import Bearing, Claim
from resolver_diff.tables import MECHANISM, OUTCOME, STATE, TRANSPORT, Column, Table

BEARING = pl.Enum(Bearing)
CLAIM = pl.Enum(Claim)
TEXT = pl.Categorical()  # few different ones in many rows


class Costs(Table):
    """One row per resolver and transport: what a run would ask of it, and for how long."""

    resolver = Column(pl.String(), "The entry of resolvers.yaml.")
    transport = Column(TRANSPORT, "How it would be asked.")
    address = Column(pl.String(), "Its address; a host name where it is looked up when the run starts.")
    port = Column(pl.UInt16(), "The port.")
    operator = Column(pl.String(), "Who runs it.", nullable=True)
    country = Column(pl.String(), "Where it belongs: ISO 3166-1, two letters.", nullable=True)
    role = Column(pl.String(), "control, register, isp or public.")
    policy = Column(pl.String(), "What it filters by its own account.")
    questions = Column(pl.UInt64(), "Questions that would be put to it; null: this version cannot ask it.", nullable=True)
    seconds = Column(pl.Float64(), "The least time they take at its pace.", nullable=True)


class Changed(Table):
    """One row per cell whose first reply was another one on the earlier date, whatever the reason."""

    date_before = Column(pl.Date(), "The earlier date.")
    date_after = Column(pl.Date(), "The later date.")
    vantage = Column(pl.String(), "Where resolver_diff ran.")
    domain_set = Column(pl.String(), "The file in domains/ that lists the name.")
    qname = Column(pl.String(), "Lower case, A-label form, no final dot.")
    qtype = Column(pl.String(), "Mnemonic.")
    resolver = Column(pl.String(), "The entry of resolvers.yaml.")
    transport = Column(TRANSPORT, "How it was asked.")
    outcome_before = Column(OUTCOME, "How the question ended on the earlier date.")
    outcome_after = Column(OUTCOME, "How the question ended on the later date.")
    answer_before = Column(pl.String(), "The answer on the earlier date.", nullable=True)
    answer_after = Column(pl.String(), "The answer on the later date.", nullable=True)


class Flagged(Table):
    """One row per cell that a published rule flags."""

    date = Column(pl.Date(), "The date.")
    vantage = Column(pl.String(), "Where resolver_diff ran.")
    domain_set = Column(pl.String(), "The file in domains/ that lists the name.")
    qname = Column(pl.String(), "Lower case, A-label form, no final dot.")
    qtype = Column(pl.String(), "Mnemonic.")
    resolver = Column(pl.String(), "The entry of resolvers.yaml.")
    transport = Column(TRANSPORT, "How it was asked.")
    country = Column(pl.String(), "Of the resolver.", nullable=True)
    role = Column(pl.String(), "control, register, isp or public.")
    outcome = Column(OUTCOME, "How the question ended.")
    answer = Column(pl.String(), "The answer.", nullable=True)
    cname = Column(pl.String(), "The CNAME chain.", nullable=True)
    rule = Column(pl.String(), "The step of the rule that flags it.")


class Considered(Table):
    """One row per cell and piece of evidence that looked at it."""

    qtype = Column(pl.String(), "Of the cell.")
    transport = Column(TRANSPORT, "Of the cell.")
    evidence = Column(pl.String(), "The name of the piece.")
    applied = Column(pl.Boolean(), "It applied to the cell.")
    claim = Column(CLAIM, "What it speaks about.")
    bearing = Column(BEARING, "Whether it speaks for that, or against it.")
    decides = Column(pl.Boolean(), "It settles a cell by itself.")
    says = Column(pl.String(), "The sentence about the cell; null where it did not apply.", nullable=True)


class Weighed(Table):
    """One row per question of a cell and date: how it was, and what `events` weighs of it."""

    date = Column(pl.Date(), "The date.")
    qtype = Column(pl.String(), "Of the cell.")
    transport = Column(TRANSPORT, "Of the cell.")
    outcome = Column(OUTCOME, "How the question ended.")
    answer = Column(pl.String(), "The answer.", nullable=True)
    state = Column(STATE, "What the cell is next to the controls.")
    mechanism = Column(MECHANISM, "By what, where it is wrong.", nullable=True)
    weight = Column(pl.Float64(), "How much likelier its signs are under a block than by the best innocent explanation: natural logarithm, added up over dates; null: not weighed.", nullable=True)
    by_chance = Column(pl.Float64(), "How often cells of this resolver turn so by themselves.", nullable=True)
    elsewhere = Column(pl.Float64(), "The share of other countries' resolvers that show it too.", nullable=True)
    at_once = Column(pl.Float64(), "The share of names that most of the country's resolvers lost on the date.", nullable=True)


class Cells(Table):
    """One row per cell that was judged: what it is, next to the controls, and on what evidence."""

    date = Column(pl.Date(), "The date.")
    vantage = Column(pl.String(), "Where resolver_diff ran.")
    domain_set = Column(TEXT, "The file in domains/ that lists the name.")
    qname = Column(TEXT, "Lower case, A-label form, no final dot.")
    qtype = Column(TEXT, "Mnemonic.")
    resolver = Column(TEXT, "The entry of resolvers.yaml.")
    transport = Column(TRANSPORT, GIVEN["transport"])
    operator = Column(TEXT, "Who runs the resolver.", nullable=True)
    country = Column(TEXT, "Where it belongs: ISO 3166-1, two letters.", nullable=True)
    role = Column(TEXT, "control, register, isp or public.")
    policy = Column(TEXT, GIVEN["policy"])
    outcome = Column(OUTCOME, GIVEN["outcome"])
    aa = Column(pl.Boolean(), GIVEN["aa"], nullable=True)
    tc = Column(pl.Boolean(), GIVEN["tc"], nullable=True)
    answer = Column(TEXT, GIVEN["answer"], nullable=True)
    cname = Column(TEXT, GIVEN["cname"], nullable=True)
    soa = Column(TEXT, GIVEN["soa"], nullable=True)
    ede = Column(pl.List(pl.UInt16()), "INFO-CODEs of Extended DNS Errors (RFC 8914).", nullable=True)
    ttl = Column(pl.UInt32(), GIVEN["ttl"], nullable=True)
    ttl_names = Column(pl.UInt16(), GIVEN["ttl_names"], nullable=True)
    attempts = Column(pl.UInt8(), GIVEN["attempts"], nullable=True)
    silent_attempts = Column(pl.UInt8(), "Of these, the ones that nobody replied to.", nullable=True)
    repeats = Column(pl.UInt8(), GIVEN["repeats"])
    repeats_alike = Column(pl.UInt8(), GIVEN["repeats_alike"])
    repeats_agreeing = Column(pl.UInt8(), GIVEN["repeats_agreeing"], nullable=True)
    second_outcome = Column(OUTCOME, GIVEN["second_outcome"], nullable=True)
    second_answer = Column(TEXT, GIVEN["second_answer"], nullable=True)
    consensus = Column(CONSENSUS, GIVEN["consensus"], nullable=True)
    state = Column(STATE, "What the cell is, by all evidence.")
    mechanism = Column(MECHANISM, "By what, where it is vanished or divergent.", nullable=True)
    controls_agreeing = Column(pl.UInt32(), GIVEN["controls_agreeing"], nullable=True)
    controls_asked = Column(pl.UInt32(), GIVEN["controls_asked"], nullable=True)
    controls_voting = Column(pl.UInt32(), GIVEN["controls_voting"], nullable=True)
    controls_denying = Column(pl.UInt32(), GIVEN["controls_denying"], nullable=True)
    countries_lost = Column(pl.UInt32(), GIVEN["countries_lost"], nullable=True)
    countries_asked = Column(pl.UInt32(), GIVEN["countries_asked"], nullable=True)
    countries_denying = Column(pl.UInt32(), GIVEN["countries_denying"], nullable=True)
    peers_lost = Column(pl.UInt32(), "Of the peers that were asked, the ones that got no answer.", nullable=True)
    countries_giving = Column(pl.UInt32(), GIVEN["countries_giving"], nullable=True)
    countries_near = Column(pl.UInt32(), GIVEN["countries_near"], nullable=True)
    peers_asked = Column(pl.UInt32(), GIVEN["peers_asked"], nullable=True)
    peers_denying = Column(pl.UInt32(), GIVEN["peers_denying"], nullable=True)
    home_asked = Column(pl.UInt32(), GIVEN["home_asked"], nullable=True)
    home_left = Column(pl.UInt32(), GIVEN["home_left"], nullable=True)
    lapse_operators = Column(pl.UInt32(), GIVEN["lapse_operators"], nullable=True)
    lapse_countries = Column(pl.UInt32(), GIVEN["lapse_countries"], nullable=True)
    owner_domains = Column(pl.UInt32(), GIVEN["owner_domains"], nullable=True)
    parked_names = Column(pl.UInt32(), GIVEN["parked_names"], nullable=True)
    stub_domains = Column(pl.UInt32(), GIVEN["stub_domains"], nullable=True)
    target_domains = Column(pl.UInt32(), GIVEN["target_domains"], nullable=True)
    expected_by_chance = Column(pl.Float64(), GIVEN["expected_by_chance"], nullable=True)
    evidence_for = Column(pl.List(pl.String()), "Names of the evidence that supports that it is wrong.", nullable=True)
    evidence_against = Column(pl.List(pl.String()), "Names of the evidence that weakens it.", nullable=True)
