"""Lists of what is known to stand for blocked names: how they are read, and how they reach the judgement."""

from datetime import date
from pathlib import Path

import pytest

from resolver_diff import config
from resolver_diff.commands._loading import Source
from resolver_diff.errors import ConfigError

EMPTY = "resolvers:\n  - {name: one, address: 192.0.2.53, operator: One}\n"


def test_every_shipped_line_has_a_source_and_a_date() -> None:
    """Nobody is convicted by a line that does not say where it is from, and of when."""
    shipped = config.known_answers().frame
    assert shipped.height >= 10
    assert shipped.null_count().row(0) == (0, 0, 0, 0)
    assert shipped["noted"].is_between(date(2020, 1, 1), date(2026, 12, 31)).all()


def test_lists_of_ones_own_come_beside_the_shipped_one(tmp_path: Path) -> None:
    """A value is enough; addresses and names are kept as answers have them, and a later list wins."""
    mine, others = tmp_path / "mine.txt", tmp_path / "others.txt"
    mine.write_text(
        "2001:DB8:0::1  # seen at home\nPage.Example. ru 2026-02-01 the register's  own page\n\n# nothing\n"
    )
    others.write_text("36.86.63.185 ID - me\n")
    (tmp_path / "resolvers.yaml").write_text(f"probe: {{known_answers: mine.txt}}\n{EMPTY}")
    known = config.known_answers(tmp_path / "resolvers.yaml", others).frame
    rows = {row["value"]: tuple(row.values())[1:] for row in known.to_dicts()}
    assert rows["2001:db8::1"] == (None, None, None)
    assert rows["page.example"] == ("RU", date(2026, 2, 1), "the register's  own page")
    assert rows["36.86.63.185"] == ("ID", None, "me")
    assert known["value"].is_unique().all()


def test_the_option_reaches_what_is_judged(tmp_path: Path) -> None:
    """`--known-answers` is believed of every snapshot that is read, beside the shipped list."""
    (tmp_path / "mine.txt").write_text("192.0.2.7\n")
    known = Source.of(tmp_path, known_answers=tmp_path / "mine.txt").known.frame["value"].to_list()
    assert {"192.0.2.7", "188.186.154.88"} <= set(known)
    assert set(Source.of(tmp_path).known.frame["value"]) == set(known) - {"192.0.2.7"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("192.0.2.0/24", "neither an address nor a name"),
        ("300.1.1.1", "neither an address nor a name"),
        ("192.0.2.1 Russia", "no country"),
        ("192.0.2.1 RU 11.02.2026", "no date"),
        ("bad..example", "label"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str, message: str) -> None:
    """A mistake is an error with its line, not a page that is silently not known."""
    file = tmp_path / "mine.txt"
    file.write_text(f"192.0.2.9\n{line}\n")
    with pytest.raises(ConfigError, match=message) as caught:
        config.known_answers(None, file)
    assert [problem.place.line for problem in caught.value.problems if problem.place] == [2]


def test_a_list_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Who names a list wants it heeded."""
    with pytest.raises(ConfigError):
        config.known_answers(None, tmp_path / "none.txt")
