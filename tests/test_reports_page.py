"""What a page is made of: tables that fit, names that can be read, and sums that agree."""

import re
from pathlib import Path

import pytest

import stories
from resolver_diff.wording.idn import u_labels
from resolver_diff.wording.lines import Cut, Tone, plain, table
from resolver_diff.wording.tally import WITHOUT_EVIDENCE, Tally, in_words
from test_reports import REPORTS, STORIES, make

pytestmark = stories.ONE_PROCESS


def test_text_shows_u_labels_once() -> None:
    """A name of another script is there as it was asked, the first time with what a person reads; the CSV has none."""
    asked = "xn--e1afmkfd.xn--p1ai"
    diff = make(
        [{"qname": asked}, {"qname": asked, "resolver": "nsdi-b"}], [{"qnames": [asked], "says": f"{asked} vanished"}]
    )
    said = REPORTS["text"].render([diff])
    assert said.count(f"{asked} (пример.рф)") == 1
    assert said.count(asked) > 2
    assert "пример" not in REPORTS["csv"].render([diff])


@pytest.mark.parametrize(
    "qname", ["example.com", "xn--a.example", "xn--.example", "xn--zzzzzzz--.example", "xn--ab-e1t.com"]
)
def test_what_is_no_u_label_stays_as_it_was_asked(qname: str) -> None:
    """A label that IDNA 2008 does not take for one is shown as it is."""
    assert u_labels(qname) is None


def test_tables_shorten_the_middle() -> None:
    """What does not fit loses its middle, so that both ends of a name can be read."""
    rows = [["www." + "x" * 100 + ".example.com", "A"]]
    lines = table(("name", "type"), rows, tones=[Tone.PLAIN], width=40, cuts={0: Cut.MIDDLE})
    said = plain(lines).splitlines()[1]
    assert len(said) <= 40
    assert re.fullmatch(r" *www\.x+…\S*example\.com +A", said)


def test_tables_shorten_one_column_after_the_other() -> None:
    """What matters least gives way first; names are whole as long as anything else can give way."""
    rows = [["www.example.com", "2026-02-11", "192.0.2.1 " * 9]]
    cuts = {2: Cut.TAIL, 1: Cut.HEAD, 0: Cut.MIDDLE}
    for width, said in ((39, "www.example.com  2026-02-11  192.0.2…"), (37, "www.example.com  …6-02-11  192.0.2…")):
        lines = table(("n", "d", "s"), rows, tones=[Tone.PLAIN], width=width, cuts=cuts)
        assert plain(lines).splitlines()[1].strip() == said


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_every_cell_has_one_reason(path: Path) -> None:
    """Over every story the cells that could not be judged are the sum of the reasons, and each is said in words."""
    tally = Tally.of(stories.play(path))
    assert sum(tally.kept.values()) == tally.unjudged
    assert not [reason for reason in (*tally.kept, *tally.cleared) if in_words(reason) == reason]
    assert set(tally.kept) & set(WITHOUT_EVIDENCE) <= {"no_consensus", "controls_fail", "no_reply", "no_evidence"}
