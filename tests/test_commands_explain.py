"""One cell, explained whole: the sentence, the confidence, all dates, and all of the evidence."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from benchmarks.accuracy import scenarios, staged
from resolver_diff import family, importers, rules
from resolver_diff.anomaly import reasons
from resolver_diff.commands import _considered
from resolver_diff.config import Resolver
from resolver_diff.importers import observations
from resolver_diff.library import printable
from resolver_diff.tables import Condition, Mechanism, Outcome, State
from test_commands import rows, run, snapshots, taken

__all__ = ["snapshots", "taken"]  # fixtures

CELL: dict[str, Any] = {
    "date": date(2026, 2, 11),
    "qtype": "A",
    "state": State.VANISHED,
    "mechanism": Mechanism.NXDOMAIN,
    "outcome": Outcome.NXDOMAIN,
    "answer": None,
    "cname": None,
    "consensus": "answer",
    "controls_agreeing": 3,
    "controls_asked": 4,
    "evidence_for": [],
    "evidence_against": [],
}
BEFORE = CELL | {"date": date(2026, 2, 10), "state": State.AGREES, "mechanism": None, "outcome": Outcome.ANSWER}
ENTRY = Resolver(name="nsdi-a", address="192.0.2.1", operator="MSK-IX", country="RU", role="register")


def sentence(cell: dict[str, Any], before: dict[str, Any] | None = None, condition: str = Condition.WELL) -> str:
    """Return the sentence about a cell like ``CELL``."""
    return printable.sentence(CELL | cell, before, ENTRY, condition, "a.example", "home")


def page(*words: str) -> str:
    """Return what explain says of the register on the third date, as one line."""
    said = run("explain", "whatsapp.com", "nsdi-a", "--date", "2026-02-11", "--qtype", "A", *words)
    assert said.exit_code == 0, said.stderr
    assert said.stderr == ""
    return " ".join(said.stdout.split())


def test_a_sentence_says_who_what_when_and_what_the_others_said() -> None:
    """It can be printed as it is: names, dates and counts, what went before, and no word of who is to blame."""
    assert sentence({}, BEFORE) == (
        "On 11 February 2026, asked from home, the resolver nsdi-a (MSK-IX, RU) said that a.example does not exist, "
        "while 3 of 4 independent control operators answered; on 10 February 2026 it had answered as they do."
    )
    page = BEFORE | {"state": State.DIVERGENT, "mechanism": Mechanism.BLOCKPAGE}
    assert sentence({}, page).endswith("; on 10 February 2026 there was an address known to stand for blocked names.")
    unknown = BEFORE | {"state": State.INSUFFICIENT}
    assert sentence({}, unknown).endswith("; how it was on 10 February 2026 cannot be told.")


@pytest.mark.parametrize("mechanism", list(Mechanism))
def test_every_mechanism_has_its_words(mechanism: Mechanism) -> None:
    """Whatever is wrong can be said, with the name in it."""
    said = sentence({"mechanism": mechanism, "answer": "10.0.0.1"})
    assert "a.example" in said
    assert "{" not in said


def test_nobody_is_accused_of_what_another_answered() -> None:
    """Where somebody answers in the place of a resolver, the sentence says so."""
    said = sentence({}, condition=Condition.INTERCEPTED)
    assert "somebody in the place of the resolver nsdi-a (MSK-IX, RU), over udp, said that" in said


def test_what_cannot_be_told_is_not_told() -> None:
    """A cell without a verdict has a sentence that says so, and why; one in which nothing is wrong says that."""
    silent = {"state": State.INSUFFICIENT, "mechanism": None, "outcome": Outcome.TIMEOUT}
    assert sentence(silent | {"evidence_against": ["resolver_ill"]}).endswith(
        "gave no answer for a.example (TIMEOUT); whether that is its own doing cannot be told: the resolver was silent "
        "or ill."
    )
    assert sentence(silent | {"consensus": None}).endswith("too few of the controls answered, or they do not agree.")
    well = {"state": State.AGREES, "mechanism": None, "outcome": Outcome.ANSWER, "answer": "192.0.2.7"}
    assert sentence(well).endswith(
        "answered 192.0.2.7 for a.example, in line with 3 of 4 independent control operators."
    )


def test_explain_begins_with_a_sentence_and_how_sure_it_is(snapshots: Path) -> None:
    """The page has the sentence before everything else, and says that nobody measured what nobody measured."""
    text = page()
    assert text.index("On 11 February 2026, asked from home, the resolver nsdi-a") < text.index("2026-02-10: agrees")
    assert (
        "Confidence: never measured: there was no cell with this pattern of evidence (policy: declared_policy)" in text
    )


def test_explain_has_every_piece_of_evidence(snapshots: Path) -> None:
    """What applied has its claim, what did not has what it looked at; together they are all that there is."""
    text = page()
    applied, _, rest = text.partition("Evidence for a difference")[2].partition("Evidence that did not apply")
    assert "declared_policy:" in applied
    assert "controls_split: consensus answer, kind denial, controls_denying 0, controls_voting 3" in rest
    assert re.search(r"came_early: rtt [\d.]+ ms, rtt_usual ([\d.]+ ms|-), transport udp", rest)
    assert "About an answer that differs, which this is not: answer_with_aa," in rest
    words = set(rest.replace(",", " ").replace(":", " ").split())
    for name in reasons():
        assert (f"{name}: " in applied) != (name in words), name


def test_explain_tells_which_rule_decided(snapshots: Path) -> None:
    """The page says what the cell is next to the controls alone, and what made it what it is."""
    assert "What decided Next to the controls alone it is vanished. That stands by declared_policy; nothing" in page()
    said = run("explain", "whatsapp.com", "other", "--date", "2026-02-11", "--qtype", "A")
    assert "it is divergent. It becomes agrees by shares_address, which wins over" in " ".join(said.stdout.split())


@pytest.mark.parametrize(
    ("cell", "apparent", "said"),
    [
        (
            {"state": State.DIVERGENT, "evidence_for": ["bogon_address"]},
            State.DIVERGENT,
            "That stands by bogon_address;",
        ),
        (
            {"state": State.INSUFFICIENT, "evidence_against": ["lapsing", "resolver_ill"]},
            State.VANISHED,
            "It becomes insufficient by resolver_ill, about the resolver as a whole, which wins over all.",
        ),
        (
            {"state": State.GONE, "evidence_against": ["nxdomain_rewritten"]},
            State.DIVERGENT,
            "It becomes gone by nxdomain_rewritten, which wins",
        ),
        ({"state": State.INSUFFICIENT}, State.DIVERGENT, "It becomes insufficient, as nothing that applies convicts"),
    ],
)
def test_what_decided_follows_the_judgement(cell: dict[str, Any], apparent: State, said: str) -> None:
    """What decides is named in the order in which the judgement tries it."""
    assert said in _considered._decided(CELL | cell, apparent)


def test_explain_tells_what_published_rules_say(snapshots: Path) -> None:
    """Each rule says whether it flags the cell and by which step; which side files it would need is told, too."""
    text = page()
    section = text.partition("Published rules on 2026-02-11, for comparison rule the cell is by its step ")[2]
    assert "naive flagged no_shared_address" in section
    assert "certainty left out of account no_address" in section
    assert "This date has no certificates, origins or tags beside it" in section
    assert [name for name in family.names(rules) if f"{name} " not in section] == []
    flagged = run("judge", "2026-02-11", "--rules", "respdiff", "--csv", "-").stdout
    assert ("respdiff flagged" in section) == ("whatsapp.com,A,nsdi-a" in flagged)


def test_published_rules_judge_no_control(snapshots: Path) -> None:
    """Of a control they say nothing."""
    assert "Published rules" not in run("explain", "whatsapp.com", "google", "--date", "2026-02-11").stdout


def test_explain_shows_all_dates_and_what_they_weigh(snapshots: Path) -> None:
    """Dates that are alike are one line; what `events` makes of them is beside them, unless it is to be quick."""
    text = page()
    assert "from to said state weight chance elsewhere at once 2026-02-09 2026-02-10 answer agrees 0 " in text
    assert "2026-02-11 2026-02-11 nxdomain vanished (policy) " in text
    assert "2026-02-12" not in text, "what came later is not known on that date"
    assert "10.3 is told from chance" in text
    quick = page("--quick")
    assert "from to said state 2026-02-09 2026-02-10 answer agrees 2026-02-11 2026-02-11 nxdomain" in quick
    assert "Not weighed for `events`: left out by --quick." in quick


def test_what_is_damaged_is_said_once(snapshots: Path) -> None:
    """A file that cannot be read is told of once, however often the page needs its date; the others are still told."""
    (damaged,) = snapshots.glob("date=2026-02-10/*/shops.parquet")
    damaged.write_bytes(b"nothing")
    said = run("explain", "whatsapp.com", "nsdi-a", "--date", "2026-02-11", "--qtype", "A")
    assert said.exit_code == 0
    assert said.stderr.count("damaged snapshot file") == 1
    assert "2026-02-09 2026-02-10 answer agrees" in " ".join(said.stdout.split())


def test_controls_are_not_weighed(snapshots: Path) -> None:
    """A control is no witness of its country, and the page says so."""
    said = run("explain", "whatsapp.com", "google", "--date", "2026-02-11", "--qtype", "A")
    assert "Not weighed for `events`: controls, and filters that people choose" in " ".join(said.stdout.split())


def test_explain_weighs_as_events_does(tmp_path: Path) -> None:
    """What `explain` says of a spell is what `events` says of it, with its confidence; so is the weight of them all."""
    played = staged.play(scenarios.nsdi_february_2026(), tmp_path / "world")
    for _ in importers.keep(observations.IMPORTER.read(played), tmp_path / "snapshots", "lab"):
        pass
    folder = ("--snapshots", str(tmp_path / "snapshots"))
    events = [" ".join(part.split()) for part in run("events", *folder).stdout.split("\n\n")]
    (event,) = [part for part in events if part.startswith("chat.test")]
    weight = {row["qname"]: row["weight"] for row in rows(run("events", *folder, "--csv", "-").stdout_bytes.decode())}
    said = " ".join(run("explain", "video.test", "nsdi-a", "--date", "2026-01-12", *folder).stdout.split())
    says, confidence = event.partition(".")[0], event.partition(" confidence ")[2]
    assert says in said
    assert f"; confidence {confidence.partition(')')[0]})" in said
    assert f"All resolvers of RU together weigh {float(weight['video.test']):.1f} for this name" in said
