"""The command `alerts`: what was told is shown, acknowledged and silenced."""

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from resolver_diff.__main__ import Manner, application
from resolver_diff.alert import Ledger, Silence, Told, ledger

TOLD = Told(
    event="df36ca3a68",
    vantage="home",
    country="RU",
    domain_set="set",
    qnames=("m.whatsapp.com", "whatsapp.com"),
    resolvers=("nsdi-a",),
    mechanisms=("nxdomain",),
    first_bad=date(2026, 2, 11),
    last_bad=date(2026, 2, 12),
    told=date(2026, 2, 11),
    also=("aaaaaaaaaa",),
)


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the ledger of an event that was told; the command is typed beside its folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESOLVER_DIFF_ALERTS", raising=False)
    (tmp_path / "reports").mkdir()
    file = tmp_path / "reports/.alerts.json"
    ledger.write(file, Ledger(date(2026, 2, 12), (TOLD,)))
    return file


def typed(*words: str) -> Result:
    """Type the command."""
    return CliRunner().invoke(application(Manner()), ["alerts", *words])


def test_what_goes_on_is_shown() -> None:
    """Its name is what the other actions take."""
    shown = typed()
    assert shown.stdout == (
        "df36ca3a68  whatsapp.com and 1 more name in RU, from vantage home, since 11\n  February 2026\n"
    )
    assert shown.exit_code == 0


def test_an_event_is_acknowledged_by_any_of_its_names(file: Path) -> None:
    """Later dates can move where it begins, and so what it is called."""
    assert typed("acknowledge", "aaaaaaaaaa").exit_code == 0
    assert ledger.read(file).events[0].acknowledged
    assert "acknowledged" in typed("show").stdout


def test_names_and_events_are_silenced_and_heard_again(file: Path) -> None:
    """A name as a person writes it, an event by what it is called now; the later word counts."""
    assert typed("silence", "Bücher.example.", "aaaaaaaaaa", "--until", "2026-03-01").exit_code == 0
    until = date(2026, 3, 1)
    assert ledger.read(file).silences == (Silence("df36ca3a68", until), Silence("xn--bcher-kva.example", until))
    typed("silence", "df36ca3a68")
    assert ledger.read(file).silences[0] == Silence("df36ca3a68")
    assert typed("unsilence", "df36ca3a68", "bücher.example").exit_code == 0
    assert ledger.read(file).silences == ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("acknowledge", "df36ca3a6"), "no event that goes on is called `df36ca3a6`\nhint: do you mean df36ca3a68?"),
        (("acknowledge",), "`alerts acknowledge` needs an event or a name"),
        (("silence", "nonsense"), "no event that goes on is called `nonsense`"),
        (("silence", "a..b.example"), "`a..b.example` is not a domain name"),
        (("unsilence", "a.example"), "`a.example` is not silenced"),
        (("show", "a.example"), "`alerts show` takes no event and no name"),
        (("acknowledge", "df36ca3a68", "--until", "2026-03-01"), "--until is for `alerts silence`"),
        (("silence", "a.example", "--until", "soon"), "`soon` is not a date"),
        (("test",), "RESOLVER_DIFF_ALERTS in the environment names nobody to tell"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_changes(words: tuple[str, ...], message: str, file: Path) -> None:
    """With what would help."""
    before = file.read_bytes()
    ended = typed(*words)
    assert ended.exit_code == 2
    assert message in ended.stderr
    assert file.read_bytes() == before
