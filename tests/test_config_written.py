"""Names in resolvers.yaml itself: one file says who is asked about what."""

from pathlib import Path

import pytest

from resolver_diff import config
from resolver_diff.errors import ConfigError

RESOLVERS = """
resolvers:
  - {name: a, address: 192.0.2.1, operator: A, role: control}
  - {name: b, address: 192.0.2.2, operator: B, role: control}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


def load(domains: str, *files: Path) -> config.Config:
    """Return what is asked with these *domains* in resolvers.yaml."""
    Path("resolvers.yaml").write_text(domains + RESOLVERS)
    return config.load(None, files)


def test_names_in_the_file_are_asked_for_by_set() -> None:
    """In any script, each once, sorted; the control names are the shipped ones."""
    found = load("domains: {mine: [two.example, Bücher.example., two.example], other: [one.example]}")
    sets = {each.name: list(each.qnames) for each in found.domain_sets}
    assert sets == {"mine": ["two.example", "xn--bcher-kva.example"], "other": ["one.example"]}
    assert found.control_names == config.load(None, [config.shipped() / "domains/whatsapp.txt"]).control_names


def test_control_names_can_stand_there_too() -> None:
    """They are no domain set."""
    found = load("domains: {mine: [one.example], control: [sure.example]}")
    assert found.control_names == ("sure.example",)
    assert [each.name for each in found.domain_sets] == ["mine"]


def test_what_is_typed_wins_over_the_file_and_the_file_over_the_folder(tmp_path: Path) -> None:
    """The nearer the more it counts."""
    (tmp_path / "domains").mkdir()
    (tmp_path / "domains/folder.txt").write_text("folder.example\n")
    (tmp_path / "typed.txt").write_text("typed.example\n")
    assert [each.name for each in load("domains: {mine: [one.example]}").domain_sets] == ["mine"]
    found = load("domains: {mine: [one.example]}", tmp_path / "typed.txt")
    assert [each.name for each in found.domain_sets] == ["typed"]
    assert [each.name for each in load("").domain_sets] == ["folder"]


def test_a_name_in_two_sets_is_asked_once() -> None:
    """As with files, it stays in the first."""
    found = load("domains: {b: [one.example, two.example], a: [one.example]}")
    assert {each.name: list(each.qnames) for each in found.domain_sets} == {"a": ["one.example"], "b": ["two.example"]}
    assert [problem.message for problem in found.warnings] == ["`one.example` is in an earlier domain set too"]


@pytest.mark.parametrize(
    ("domains", "place", "message"),
    [
        ("domains: {mine: [https://one.example/]}", "1:18", "a URL, not a name: `https://one.example/`"),
        ("domains: {mine: [192.0.2.1]}", "1:18", "an IP address, not a name"),
        ("domains: {mine: one.example}", "1:17", "`mine` must be a list of names"),
        ("domains: {mine: []}", "1:17", "`mine` must be a list of names"),
        ("domains: {a b: [one.example]}", "1:11", "a domain set cannot be called that"),
        ("domains: [one.example]", "1:10", "`domains` must have keys and values"),
        ("domains: {control: [one.example]}", None, "`domains` has no domain set"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(domains: str, place: str | None, message: str) -> None:
    """With line and column."""
    with pytest.raises(ConfigError) as told:
        load(domains)
    (problem,) = [each for each in told.value.problems if message in each.message]
    assert str(problem.place) == (f"resolvers.yaml:{place}" if place else "resolvers.yaml")
